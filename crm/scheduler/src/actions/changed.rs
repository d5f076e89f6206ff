//! What was changed since an operation was recorded: parameters, and recurring monitors that are configured no more.
//!
//! A parameter that the agent can take over while running means a reload, any other a restart; a recurring monitor is
//! ordered again. Only what is recorded since the last start counts.

use super::{Plan, recurring};
use crate::graph::{Point, Task, Terms};
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::situation::OperationHistory;

/// Compares a primitive's definition with its histories.
pub fn plan(plan: &mut Plan<'_, '_>, resource: ResourceIx) {
    let facts = plan.facts;
    if facts[resource].removed {
        return;
    }
    for (node, history) in &facts[resource].history {
        if !facts[resource].on.contains(node) || !facts[*node].online || facts[*node].unclean {
            continue;
        }
        let mut operations: Vec<&OperationHistory> = history.operations.iter().collect();
        operations.sort_by_key(|operation| operation.call);
        let since = recurring::began(&operations);
        for operation in operations.into_iter().skip(since) {
            if operation.interval_ms > 0 {
                recurring_operation(plan, resource, *node, operation);
            }
        }
    }
}

/// A recurring operation that was recorded.
fn recurring_operation(plan: &mut Plan<'_, '_>, resource: ResourceIx, node: NodeIx, operation: &OperationHistory) {
    let facts = plan.facts;
    let here = &facts[resource];
    let left_alone = here.meta.maintenance || facts.options.maintenance || facts[node].maintenance;
    let configured =
        || here.operations.iter().any(|it| it.name == operation.name && it.interval_ms == operation.interval_ms);
    if left_alone {
        recurring::cancel(plan, resource, node, operation.interval_ms, "it is left alone (maintenance)");
    } else if !configured() && facts.options.stop_removed_actions {
        let cancel =
            recurring::cancel(plan, resource, node, operation.interval_ms, "it is not configured any more");
        plan.graph.relate(Point::Task(resource, Task::Stop), Point::Action(cancel), Terms::ORDERED);
    }
    let _ = Reason::Said;
}
