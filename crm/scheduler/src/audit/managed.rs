//! What is not managed is not touched.

use super::case::{Case, Step, Verb};
use super::violation::{Rule, Violation};
use crate::schedule::ActionKind;

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Violation>) {
    for steps in &case.steps {
        let mut acts = steps.iter().filter(|step| step.kind == ActionKind::Rsc && touches(step)).peekable();
        let Some(first) = acts.peek() else { continue };
        let managed = case.primitive(first.subject).wish.managed(&case.options);
        for step in acts.filter(|step| !managed || case.nodes[step.node].maintenance) {
            found.push(case.broken(Rule::Managed, step, "touches what is not managed"));
        }
    }
}

/// Monitors look, notifications tell, and cancelling stops looking.
fn touches(step: &Step) -> bool {
    !matches!(step.verb, Verb::Probe | Verb::Watch | Verb::Cancel | Verb::Notify | Verb::Other)
}
