//! Recurring monitors: which ones should be active where, and the cancelling of those that should not.
//!
//! A monitor belongs to a role. Those of the role that a primitive will have run where it will be; those of the role
//! Stopped run on every other node, to see whether something was started there behind the cluster's back. A monitor
//! that is active already stays, unless something it follows (a start, a promotion, a reload) is done again.

use super::Plan;
use crate::facts::Facts;
use crate::facts::history::sequence;
use crate::graph::{Key, Point, Task, Terms};
use crate::index::{ActionIx, NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::role::Role;
use crate::situation::{OperationHistory, OperationStatus, ResourceHistory};

/// Asks for the recurring monitors of a primitive.
pub fn plan(plan: &mut Plan<'_, '_>, resource: ResourceIx) {
    let facts = plan.facts;
    let here = &facts[resource];
    let left_alone = here.blocked.is_some() || plan.assignment.frozen[resource.at()].is_some();
    if left_alone || here.meta.maintenance || facts.options.maintenance {
        return;
    }
    let to = plan.assignment.node(resource).filter(|&node| !facts[node].maintenance);
    let next = plan.next_role(resource);
    if let Some(node) = to
        && (next.runs() || !plan.managed(resource))
    {
        // Also what comes down to a lower role can be made to start anew by what stands before it.
        plan.act(resource, Task::Start, node, false);
    }
    for operation in &here.operations {
        let wanted = operation.interval_ms > 0 && operation.enabled && operation.name == "monitor";
        if !wanted || twice(plan, resource, operation.interval_ms) {
            continue;
        }
        if operation.role == Some(Role::Stopped) {
            if facts.clone_of(resource).is_none_or(|top| facts[top].meta.globally_unique) {
                while_stopped(plan, resource, operation.interval_ms);
            }
        } else if let Some(node) = to
            && (next.runs() || !plan.managed(resource))
        {
            while_running(plan, resource, node, operation.interval_ms, operation.role);
        }
    }
}

/// Whether two monitors have this interval: results could not be told apart, so neither counts.
fn twice(plan: &Plan<'_, '_>, resource: ResourceIx, interval_ms: u64) -> bool {
    let operations = &plan.facts[resource].operations;
    operations.iter().filter(|it| it.name == "monitor" && it.interval_ms == interval_ms).nth(1).is_some()
}

/// The operations that are recorded as recurring and still active on a node: those since the last start, or all when it
/// was never stopped.
#[must_use]
pub fn active<'f>(facts: &'f Facts<'_>, resource: ResourceIx, node: NodeIx) -> Vec<&'f OperationHistory> {
    let histories = facts[resource].history.iter().filter(|(on, _)| *on == node);
    histories.flat_map(|(_, history)| active_in(history)).collect()
}

/// The same, of one history.
fn active_in(history: &ResourceHistory) -> Vec<&OperationHistory> {
    let sorted = sequence::in_order(history);
    let (start, stop) = sequence::last_start_and_stop(&sorted);
    let since = match (start, stop) {
        (start, Some(stop)) if start < Some(stop) => stop + 1,
        (start, _) => start.unwrap_or(0),
    };
    let skipped = [OperationStatus::Cancelled, OperationStatus::Pending];
    // A failure that is kept says nothing of how it is watched now.
    let recent = sorted.into_iter().skip(since).filter(|operation| !operation.is_last_failure());
    recent.filter(|operation| operation.interval_ms > 0 && !skipped.contains(&operation.status)).collect()
}

/// Whether a monitor of this interval is recorded as active on a node.
fn is_active(plan: &Plan<'_, '_>, resource: ResourceIx, node: NodeIx, interval_ms: u64) -> bool {
    let expired = &plan.facts[resource].expired_monitors;
    let forgotten = |operation: &OperationHistory| expired.contains(&(interval_ms, node, operation.call));
    let active = active(plan.facts, resource, node);
    let mut recorded =
        active.iter().filter(|operation| operation.name == "monitor" && operation.interval_ms == interval_ms);
    recorded.any(|operation| !forgotten(operation))
}

/// A monitor of something that will run on a node.
fn while_running(plan: &mut Plan<'_, '_>, resource: ResourceIx, node: NodeIx, interval_ms: u64, role: Option<Role>) {
    let next = plan.next_role(resource);
    let is = plan.role_now(resource);
    let right = match role {
        None => next != Role::Promoted,
        Some(role) => role == next,
    };
    let is_active = is_active(plan, resource, node, interval_ms);
    if !right {
        // What was watched in another role is not ordered anew with the connection of its node.
        if let Some(monitor) = plan.graph.find(Key { interval_ms, ..Key::on(resource, Task::Monitor, node) }) {
            plan.graph[monitor].hidden = true;
        }
        // Where it is started anew, the stop has ended the monitor already.
        let start = plan.graph.find(Key::on(resource, Task::Start, node));
        if is_active && !start.is_some_and(|start| plan.graph[start].needed) {
            let after = match is {
                Role::Promoted => Some(Task::Demote),
                _ if next == Role::Promoted => Some(Task::Promote),
                _ if !next.runs() => Some(Task::Stop),
                _ => None,
            };
            let cancel = cancel(plan, resource, node, interval_ms, Reason::OtherRole);
            if let Some(after) = after {
                let terms = Terms::ORDERED | Terms::THEN_WANTS_POSSIBLE;
                plan.graph.relate(Point::Action(cancel), Point::Task(resource, after), terms);
            }
        }
        return;
    }
    let changed = plan
        .graph
        .find(Key { interval_ms, ..Key::on(resource, Task::Monitor, node) })
        .is_some_and(|known| plan.graph[known].reschedule);
    let monitor = plan.act_every(resource, Task::Monitor, node, interval_ms, !is_active || changed);
    plan.graph[monitor].target_rc = if next == Role::Promoted { 8 } else { 0 };
    let terms = Terms::mandatory();
    plan.graph.relate(Point::Task(resource, Task::Start), Point::Action(monitor), terms);
    plan.graph.relate(Point::Task(resource, Task::Reload), Point::Action(monitor), terms);
    if next == Role::Promoted {
        plan.graph.relate(Point::Task(resource, Task::Promote), Point::Action(monitor), terms);
    } else if is == Role::Promoted {
        plan.graph.relate(Point::Task(resource, Task::Demote), Point::Action(monitor), terms);
    }
}

/// The monitors of something that does not run, on every node where it will not be.
fn while_stopped(plan: &mut Plan<'_, '_>, resource: ResourceIx, interval_ms: u64) {
    let facts = plan.facts;
    let to = plan.assignment.node(resource).filter(|_| plan.next_role(resource).runs());
    for node in facts.all_nodes() {
        let is_active = is_active(plan, resource, node, interval_ms);
        if to == Some(node) {
            if is_active {
                let cancel = cancel(plan, resource, node, interval_ms, Reason::OtherRole);
                let terms = Terms::ORDERED | Terms::THEN_WANTS_POSSIBLE;
                plan.graph.relate(Point::Action(cancel), Point::Task(resource, Task::Start), terms);
            }
            continue;
        }
        let monitor = plan.act_every(resource, Task::Monitor, node, interval_ms, !is_active);
        plan.graph[monitor].target_rc = 7;
        let probe = plan.graph.find(Key::on(resource, Task::Monitor, node));
        if let Some(probe) = probe.filter(|_| plan.managed(resource)) {
            plan.graph.before(probe, monitor, Terms::ORDERED | Terms::THEN_WANTS_POSSIBLE);
        }
        if let Some(stop) = plan.graph.find(Key::on(resource, Task::Stop, node)) {
            plan.graph.before(stop, monitor, Terms::mandatory());
        }
    }
}

/// Asks for the end of a recurring monitor.
pub fn cancel(
    plan: &mut Plan<'_, '_>,
    resource: ResourceIx,
    node: NodeIx,
    interval_ms: u64,
    because: Reason,
) -> ActionIx {
    let cancel = plan.act_every(resource, Task::Cancel, node, interval_ms, true);
    plan.graph[cancel].because.push(because);
    cancel
}
