//! Orders go to nodes that can carry them out.

use super::case::{Case, Step, Verb};
use super::graph::Before;
use super::node::Reach;
use super::violation::{Rule, Violation};
use crate::schedule::ActionKind;

pub(super) fn check(case: &Case<'_>, before: &mut Before<'_>, found: &mut Vec<Violation>) {
    for &at in &case.lost {
        let action = &case.schedule.actions[at];
        let says = format!("{} is to be carried out on a node that does not exist", action.operation);
        let (resource, node) = (action.resource.clone(), action.node.clone());
        found.push(Violation { rule: Rule::Place, action: Some(action.id), resource, node, says });
    }
    // What the cluster does itself, such as forgetting a history, needs nobody there.
    for step in case.steps.iter().flatten().filter(|step| step.kind == ActionKind::Rsc) {
        if let Some(why) = unreachable(case, before, step) {
            found.push(case.broken(Rule::Place, step, why));
        }
        if let Some(why) = closed(case, step) {
            found.push(case.broken(Rule::Place, step, why));
        }
    }
}

/// Why nobody carries the order out.
fn unreachable(case: &Case<'_>, before: &mut Before<'_>, step: &Step) -> Option<String> {
    let node = &case.nodes[step.node];
    if case.fenced_before(step.node, step.at) && node.reach == Reach::Member {
        return Some("comes when the node was fenced".to_owned());
    }
    match node.reach {
        Reach::Member if node.present => None,
        // A node that leaves in order still stops what it runs.
        Reach::Member if node.listens() && !brings_up(step.verb) => None,
        Reach::Member => Some("is an order to a node that is not there".to_owned()),
        Reach::Connection => connected(case, before, step),
    }
}

/// Why there is no connection to the node of this step when its turn comes.
fn connected(case: &Case<'_>, before: &mut Before<'_>, step: &Step) -> Option<String> {
    let name = case.nodes[step.node].name;
    let Some(connection) = case.subjects.find(name) else {
        return Some("is an order to a node to which there is no connection".to_owned());
    };
    let mut starts = case.planned(connection, Verb::Start);
    if starts.any(|start| before.precedes(start.at, step.at)) {
        return None;
    }
    let up = |host: usize| case.nodes[host].listens() && !case.fenced_before(host, step.at);
    let ended =
        |before: &mut Before<'_>| case.planned(connection, Verb::Stop).any(|stop| before.precedes(stop.at, step.at));
    if !case.active(connection).any(|it| up(it.node)) {
        Some("is an order to a node to which there is no connection yet".to_owned())
    } else if ended(before) {
        Some("comes when the connection to its node was ended".to_owned())
    } else {
        None
    }
}

fn brings_up(verb: Verb) -> bool {
    matches!(verb, Verb::Start | Verb::Promote | Verb::MigrateFrom)
}

/// Why this may not be started there now.
fn closed(case: &Case<'_>, step: &Step) -> Option<String> {
    if !brings_up(step.verb) && step.verb != Verb::MigrateTo {
        return None;
    }
    let node = &case.nodes[step.node];
    // A resource leaves a node in standby, alive if it can.
    if step.verb != Verb::MigrateTo
        && let Some(why) = node.closed()
    {
        return Some(format!("is planned on a node that {why}"));
    }
    let fence = case.fence_of[step.node].map(|number| &case.fences[number]);
    fence
        .filter(|fence| fence.real && node.reach == Reach::Member)
        .map(|_| "is planned on a node that is to be fenced".to_owned())
}
