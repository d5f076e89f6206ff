//! Histories that are to be forgotten: of what was removed from the configuration, or became another kind of thing.

use super::Plan;
use crate::graph::{Carrier, Point, Task, Terms};
use crate::reason::Reason;

/// Asks for the deletion of histories.
pub fn plan(plan: &mut Plan<'_, '_>) {
    let facts = plan.facts;
    for resource in facts.all_resources().filter(|&resource| facts[resource].is_primitive()) {
        for (node, because) in &facts[resource].forget {
            let node = *node;
            // Where a lock ended the node is away: the cluster drops its copy of the history.
            let by_cluster = matches!(because, Reason::LockExpired | Reason::LockVoid);
            let left_alone = !plan.managed(resource) && facts[resource].removed && !facts[resource].on.is_empty();
            let usable = facts[node].online && !facts[node].unclean && !left_alone;
            if !usable && !by_cluster {
                continue;
            }
            let forget = plan.act(resource, Task::Forget, node, true);
            plan.graph[forget].because.push(because.clone());
            if by_cluster {
                plan.graph[forget].carrier = Carrier::Cluster;
                plan.graph[forget].possible = true;
            } else {
                plan.graph.relate(Point::Action(forget), Point::Task(resource, Task::Start), Terms::ORDERED);
            }
        }
    }
}
