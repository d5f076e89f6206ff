//! Failure counts that are to be cleared: expired ones, those of a removed resource, of a changed definition.

use super::Plan;
use crate::graph::{Point, Task, Terms};
use crate::reason::Reason;

/// Asks for the clearing of failure counts.
pub fn plan(plan: &mut Plan<'_, '_>) {
    let facts = plan.facts;
    for (&(resource, node), failure) in &facts.failures.counts {
        let because = match failure.clear {
            Some(because) => because,
            None if failure.expired => "its failures are so long ago that they do not count any more",
            None => continue,
        };
        let clear = plan.act(resource, Task::ClearFailures, node, true);
        plan.graph[clear].because.push(Reason::Said(because.to_owned()));
        if facts[resource].removed {
            plan.graph.relate(Point::Action(clear), Point::Task(resource, Task::Stop), Terms::ORDERED);
        }
    }
}
