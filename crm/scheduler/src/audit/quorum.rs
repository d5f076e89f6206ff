//! Without quorum nothing comes up that the operator did not exempt.

use super::case::{Case, Verb};
use super::options::Policy;
use super::tree::Needs;
use super::violation::{Rule, Violation};
use crate::role::Role;
use crate::schedule::ActionKind;

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Violation>) {
    if case.situation.quorate || case.options.policy == Policy::Ignore {
        return;
    }
    for step in case.steps.iter().flatten().filter(|step| step.kind == ActionKind::Rsc) {
        if !matches!(step.verb, Verb::Start | Verb::Promote)
            || case.subjects.needs(step.subject, &case.options) == Needs::Nothing
        {
            continue;
        }
        let promotes = step.verb == Verb::Promote;
        let allowed = match case.options.policy {
            // What ran may run again, in the role that it had.
            Policy::Freeze => case.active(step.subject).any(|it| !promotes || it.role == Role::Promoted),
            // Promotable instances go on in the lower role.
            Policy::Demote => !promotes && case.promotable(step.subject),
            _ => false,
        };
        if !allowed {
            found.push(case.broken(Rule::Quorum, step, "is ordered without quorum"));
        }
    }
}
