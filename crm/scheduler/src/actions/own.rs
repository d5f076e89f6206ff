//! What the actions of one resource always have to do with each other, whichever of them there will be.

use super::Plan;
use crate::graph::{Point, Task, Terms};
use crate::index::ResourceIx;
use crate::role::Role;

/// Relates the actions of a primitive among themselves, and with those of what it lives in.
pub fn relate(plan: &mut Plan<'_, '_>, resource: ResourceIx) {
    let facts = plan.facts;
    let graph = &mut plan.graph;
    let of = |task| Point::Task(resource, task);
    graph.relate(of(Task::Stop), of(Task::Start), Terms::redo());
    graph.relate(of(Task::Stop), of(Task::Forget), Terms::ORDERED);
    if facts[resource].promotable() || facts[resource].role == Role::Promoted {
        graph.relate(
            of(Task::Demote),
            of(Task::Stop),
            Terms::ORDERED | Terms::PROMOTED_NEEDS_FIRST | Terms::THEN_WANTS_DONE,
        );
        graph.relate(of(Task::Demote), of(Task::Promote), Terms::ORDERED | Terms::THEN_WANTS_DONE);
        graph.relate(of(Task::Start), of(Task::Promote), Terms::mandatory());
    }
    if let Some(host) = facts[resource].container {
        graph.relate(Point::Task(host, Task::Start), of(Task::Start), Terms::mandatory());
        graph.relate(of(Task::Stop), Point::Task(host, Task::Stop), Terms::undo());
    }
}
