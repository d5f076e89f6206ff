//! The steps of one resource follow each other: demote, stop, start, promote, monitors.

use super::case::{Case, Step, Verb};
use super::graph::Before;
use super::violation::{Rule, Violation};

/// What comes before what on one node.
const SEQUENCE: [(Verb, Verb); 8] = [
    (Verb::Demote, Verb::Stop),
    (Verb::Stop, Verb::Start),
    (Verb::Start, Verb::Promote),
    (Verb::Demote, Verb::Promote),
    (Verb::Start, Verb::Watch),
    (Verb::Promote, Verb::Watch),
    (Verb::Demote, Verb::Start),
    (Verb::Stop, Verb::Promote),
];

pub(super) fn check(case: &Case<'_>, before: &mut Before<'_>, found: &mut Vec<Violation>) {
    for steps in &case.steps {
        let mut acts: Vec<&Step> = steps.iter().filter(|step| step.verb != Verb::Probe).collect();
        acts.sort_by_key(|step| step.node);
        for group in acts.chunk_by(|left, right| left.node == right.node) {
            for then in group {
                for first in group.iter().filter(|first| SEQUENCE.contains(&(first.verb, then.verb))) {
                    if !before.precedes(first.at, then.at) {
                        let says = format!("does not wait for its {}", case.action(first).operation);
                        found.push(case.broken(Rule::Steps, then, says));
                    }
                }
            }
        }
    }
}
