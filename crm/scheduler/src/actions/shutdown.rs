//! Nodes that leave in order: told to go when everything on them is stopped.

use super::{Plan, fencing};
use crate::assign::Assignment;
use crate::facts::Facts;
use crate::graph::{Carrier, Graph, Key, Task, Terms};
use crate::index::ActionIx;
use crate::reason::Reason;

/// Asks for the shutdown of every member that wants to leave and need not be fenced.
pub fn plan(plan: &mut Plan<'_, '_>) {
    for node in plan.facts.all_nodes() {
        let here = &plan.facts[node];
        if here.shutdown && here.online && !here.is_remote() && plan.fence[node.at()].is_none() {
            let shutdown = plan.graph.ensure(Key::node(Task::Shutdown, node), Carrier::Cluster, true);
            plan.graph[shutdown].because.push(Reason::Leaving(here.name.clone()));
        }
    }
    coordinator_last(plan);
}

/// The coordinator leaves after all others have left or are fenced.
fn coordinator_last(plan: &mut Plan<'_, '_>) {
    let Some(dc) = fencing::coordinator(plan.facts) else { return };
    let Some(last) = plan.graph.find(Key::node(Task::Shutdown, dc)) else { return };
    let others: Vec<ActionIx> = (0..plan.graph.actions.len())
        .map(ActionIx::new)
        .filter(|&at| at != last && matches!(plan.graph[at].key.task, Task::Shutdown | Task::Fence))
        .collect();
    for other in others {
        plan.graph.before(other, last, Terms::ORDERED);
    }
}

/// A shutdown waits for every stop on its node, and cannot be when one of them cannot (what is blocked cannot be
/// stopped). What is left alone, or not managed, may go on.
pub fn relate(facts: &Facts<'_>, assignment: &Assignment, graph: &mut Graph) {
    let stops: Vec<(ActionIx, ActionIx)> = (0..graph.actions.len())
        .map(ActionIx::new)
        .filter(|&at| graph[at].key.task == Task::Stop)
        .filter_map(|at| {
            let node = graph[at].key.node?;
            let resource = graph[at].key.resource?;
            let here = &facts[resource];
            let left_alone = here.meta.maintenance || facts.options.maintenance || facts[node].maintenance;
            let touched = !left_alone && (assignment.managed[resource.at()] || here.blocked.is_some());
            let shutdown = graph.find(Key::node(Task::Shutdown, node)).filter(|_| touched)?;
            Some((at, shutdown))
        })
        .collect();
    for (stop, shutdown) in stops {
        graph.before(stop, shutdown, Terms::ORDERED | Terms::THEN_WANTS_POSSIBLE);
    }
}
