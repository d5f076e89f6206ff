//! What may run somewhere unseen is looked for before it is started.

use super::case::{Case, Step, Verb};
use super::graph::Before;
use super::violation::{Rule, Violation};
use crate::schedule::ActionKind;

pub(super) fn check(case: &Case<'_>, before: &mut Before<'_>, found: &mut Vec<Violation>) {
    for (subject, it) in case.subjects.all.iter().enumerate() {
        let starts: Vec<&Step> = case.planned(subject, Verb::Start).filter(|it| it.kind == ActionKind::Rsc).collect();
        for start in starts {
            for probe in case.planned(subject, Verb::Probe) {
                let concerns = if it.once { true } else { probe.node == start.node };
                if concerns && !before.precedes(probe.at, start.at) {
                    let on = case.nodes[probe.node].name;
                    found.push(case.broken(Rule::Probe, start, format!("does not wait for the probe on {on}")));
                }
            }
        }
    }
}
