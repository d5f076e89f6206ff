//! What is started obeys the mandatory rules of the cluster file, as it will be when the graph has been walked.

use super::Case;
use config::{OperationName, OrderKind, ResourceId, Score};

pub(super) fn check(case: &Case<'_>, violations: &mut Vec<String>) {
    let config = &case.situation.cib.config;
    for group in config.groups.values() {
        for pair in group.members.windows(2) {
            with(case, &pair[1], &pair[0], violations);
            after(case, &pair[0], &pair[1], violations);
        }
    }
    for rule in &config.colocations {
        let dependent = members(case, &rule.dependent).first();
        let primary = members(case, &rule.primary).last();
        let (Some(dependent), Some(primary)) = (dependent, primary) else { continue };
        if rule.score == Score::MANDATORY {
            with(case, dependent, primary, violations);
        }
        if rule.score == Score::NEVER && started(case, dependent) {
            let place = place(case, dependent);
            if place == self::place(case, primary) {
                violations.push(format!("starts {dependent} on the node of {primary}, from which it must be apart"));
            }
        }
    }
    let mandatory = config.orders.iter().filter(|rule| {
        rule.kind == OrderKind::Mandatory
            && rule.first_action == OperationName::Start
            && rule.then_action == OperationName::Start
    });
    for rule in mandatory {
        for first in members(case, &rule.first) {
            for then in members(case, &rule.then).iter().filter(|then| *then != first) {
                after(case, first, then, violations);
            }
        }
    }
}

fn members<'a>(case: &Case<'a>, name: &'a ResourceId) -> &'a [ResourceId] {
    match case.situation.cib.config.groups.get(name) {
        Some(group) => &group.members,
        None => std::slice::from_ref(name),
    }
}

fn started(case: &Case<'_>, resource: &ResourceId) -> bool {
    case.starts.contains_key(resource)
}

fn place<'a>(case: &Case<'a>, resource: &ResourceId) -> Option<&'a config::NodeId> {
    case.schedule.placement.get(resource).and_then(Option::as_ref)
}

/// A dependent is started only where its primary is.
fn with(case: &Case<'_>, dependent: &ResourceId, primary: &ResourceId, violations: &mut Vec<String>) {
    if dependent != primary && started(case, dependent) && place(case, dependent) != place(case, primary) {
        violations.push(format!("starts {dependent} without {primary}, with which it must be"));
    }
}

/// What needs another is started only when that one runs, and after it.
fn after(case: &Case<'_>, first: &ResourceId, then: &ResourceId, violations: &mut Vec<String>) {
    let Some(start) = case.starts.get(then).and_then(|starts| starts.first()) else { return };
    if place(case, first).is_none() {
        violations.push(format!("starts {then}, which needs {first}, and {first} is to run nowhere"));
    }
    if case.starts.get(first).is_some_and(|list| list.iter().any(|other| !start.follows(other.action.id))) {
        violations.push(format!("starts {then} before {first}"));
    }
    if case.stopped.contains(first) && !started(case, first) {
        violations.push(format!("starts {then}, which needs {first}, and {first} is stopped"));
    }
}
