//! Failure counts that are to be cleared: expired ones, those of a removed resource, of a changed definition.

use super::Plan;
use crate::facts::history;
use crate::graph::{Point, Task, Terms};

/// Asks for the clearing of failure counts.
pub fn plan(plan: &mut Plan<'_, '_>) {
    let facts = plan.facts;
    for (&(resource, node), failure) in &facts.failures.counts {
        let Some(because) = failure.clear.as_ref().filter(|_| plan.managed(resource) && facts[node].online) else {
            continue;
        };
        let clear = plan.act(resource, Task::ClearFailures, node, true);
        plan.graph[clear].because.push(because.clone());
        let reconnects = history::reconnect_interval_ms(facts, resource) > 0;
        if let Some(connected) = facts[resource].connects.filter(|_| reconnects)
            && let Some(fence) = plan.fence[connected.at()]
        {
            plan.graph.before(fence, clear, Terms::ORDERED);
        }
        if facts[resource].removed && facts[resource].parent.is_none() {
            plan.graph.relate(Point::Action(clear), Point::Task(resource, Task::Stop), Terms::ORDERED);
        }
    }
}
