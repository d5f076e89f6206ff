//! What was changed since an operation was recorded: parameters, and recurring monitors that are configured no more.
//!
//! A parameter that the agent can take over while running means a reload, any other a restart; a recurring monitor is
//! ordered again. Only what is recorded since the last start counts, where the resource runs.

use super::{Plan, recurring};
use crate::facts::digest::{self, Difference};
use crate::facts::history::sequence;
use crate::graph::{Key, Point, Task, Terms};
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::situation::OperationHistory;

/// Compares a primitive's definition with its histories. What must be restarted or reloaded is noted in the plan, for
/// the steps of its role.
pub fn plan(plan: &mut Plan<'_, '_>, resource: ResourceIx) {
    let facts = plan.facts;
    if facts[resource].removed {
        return;
    }
    for (node, history) in &facts[resource].history {
        // A node in maintenance is looked at too, for its monitors to be ended.
        let reached = facts[*node].usable() || (facts[*node].maintenance && facts[*node].online);
        if !facts[resource].on.contains(node) || !reached {
            continue;
        }
        if facts[resource].agent.as_ref().is_some_and(|agent| *agent != history.agent) {
            plan.restart.insert(resource);
            continue;
        }
        if history.restart.is_some() {
            plan.restart.insert(resource);
        }
        let mut changed = false;
        // A failure that is kept says nothing of how it is watched now.
        for operation in sequence::since_start(history).into_iter().filter(|it| !it.is_last_failure()) {
            if operation.interval_ms > 0 {
                changed |= recurring_operation(plan, resource, *node, operation);
            } else if matches!(operation.name.as_str(), "monitor" | "start" | "promote" | "migrate_from") {
                changed |= single_operation(plan, resource, *node, operation);
            }
        }
        let failures = facts.failures.of(resource, *node).map_or(0, |failures| failures.recorded);
        if changed && failures > 0 && plan.managed(resource) {
            let clear = plan.act(resource, Task::ClearFailures, *node, true);
            plan.graph[clear].because.push(Reason::DefinitionChanged);
        }
    }
}

/// A recurring operation that was recorded. Says whether its definition changed.
fn recurring_operation(
    plan: &mut Plan<'_, '_>,
    resource: ResourceIx,
    node: NodeIx,
    operation: &OperationHistory,
) -> bool {
    let facts = plan.facts;
    let here = &facts[resource];
    let interval_ms = operation.interval_ms;
    let left_alone = here.meta.maintenance || facts.options.maintenance || facts[node].maintenance;
    let configured = || here.operations.iter().any(|it| it.name == operation.name && it.interval_ms == interval_ms);
    if left_alone {
        recurring::cancel(plan, resource, node, interval_ms, Reason::Maintenance);
        false
    } else if !configured() {
        // With the end of the resource its monitors end too.
        if facts.options.stop_removed_actions && plan.assignment.node(resource).is_some() {
            let cancel = recurring::cancel(plan, resource, node, interval_ms, Reason::NotConfigured);
            plan.graph.relate(Point::Task(resource, Task::Stop), Point::Action(cancel), Terms::ORDERED);
        }
        facts.options.stop_removed_actions
    } else if digest::compare(facts, resource, node, operation).changed() {
        let monitor = plan.act_every(resource, Task::Monitor, node, interval_ms, false);
        plan.graph[monitor].reschedule = true;
        plan.graph[monitor].because.push(Reason::ParametersChanged);
        true
    } else {
        if facts[node].connection.is_some() {
            // Whoever connects anew to a remote node orders what was watched there, also what is just about to leave.
            plan.act_every(resource, Task::Monitor, node, interval_ms, false);
        }
        false
    }
}

/// What was done once: the start, the probe that found it, a promotion, the end of a migration. Says whether its
/// definition changed.
fn single_operation(plan: &mut Plan<'_, '_>, resource: ResourceIx, node: NodeIx, operation: &OperationHistory) -> bool {
    let difference = digest::compare(plan.facts, resource, node, operation);
    match difference {
        Difference::Same | Difference::Unknown => {}
        Difference::Reload => {
            plan.reload.insert(resource, node);
        }
        Difference::Restart => {
            plan.restart.insert(resource);
        }
    }
    difference.changed()
}

/// Asks for the reload of a resource that stays where it is. A restart makes it superfluous.
pub fn reload(plan: &mut Plan<'_, '_>, resource: ResourceIx) {
    let here = &plan.facts[resource];
    let Some(&node) = plan.reload.get(&resource) else { return };
    let stays = plan.assignment.node(resource) == Some(node) && here.on.len() == 1 && plan.managed(resource);
    if !stays || here.failed || here.start_pending || plan.restart.contains(&resource) {
        return;
    }
    let down = plan.graph.find(Key::on(resource, Task::Stop, node)).is_some_and(|stop| plan.graph[stop].needed);
    if down {
        return;
    }
    let reload = plan.act(resource, Task::Reload, node, true);
    plan.graph[reload].because.push(Reason::ParametersChanged);
    for task in [Task::Stop, Task::Demote] {
        let terms = Terms::ORDERED | Terms::THEN_CANCELS_FIRST;
        plan.graph.relate(Point::Action(reload), Point::Task(resource, task), terms);
    }
}
