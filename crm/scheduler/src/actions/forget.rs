//! Histories that are to be forgotten: of what was removed from the configuration, or became another kind of thing.

use super::Plan;
use crate::graph::Task;
use crate::reason::Reason;

/// Asks for the deletion of histories.
pub fn plan(plan: &mut Plan<'_, '_>) {
    let facts = plan.facts;
    for resource in facts.all_resources().filter(|&resource| facts[resource].is_primitive()) {
        for &(node, because) in &facts[resource].forget {
            if facts[node].online && !facts[node].unclean {
                let forget = plan.act(resource, Task::Forget, node, true);
                plan.graph[forget].because.push(Reason::Said(because.to_owned()));
            }
        }
    }
}
