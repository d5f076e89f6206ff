//! Live migration: a resource that moves without being down in between.
//!
//! ```text
//! migrate_to (source) -> migrate_from (target) -> stop (source) -> start (target, already done by then)
//! ```
//!
//! Whether it stays so is decided in [`crate::order`]: where something must be stopped before the target may have it,
//! or restarted with it, the move is made by a real stop and start.

use super::Plan;
use crate::graph::{Carrier, Task, Terms};
use crate::index::{NodeIx, ResourceIx};

/// Turns a move into a live migration, when the resource can do that. `begun`: it was begun and only its end is
/// missing.
pub fn plan(plan: &mut Plan<'_, '_>, resource: ResourceIx, from: NodeIx, to: NodeIx, begun: Option<(NodeIx, NodeIx)>) {
    let facts = plan.facts;
    let here = &facts[resource];
    if !here.meta.allow_migrate || here.failed || here.start_pending || facts[from].unclean || !plan.managed(resource) {
        return;
    }
    let start = plan.act(resource, Task::Start, to, false);
    let stop = plan.act(resource, Task::Stop, from, false);
    let migrate_from = plan.act(resource, Task::MigrateFrom, to, true);
    let mut parts = vec![start, stop, migrate_from];
    let first = if begun.is_none() {
        let migrate_to = plan.act(resource, Task::MigrateTo, from, true);
        plan.graph.before(migrate_to, migrate_from, Terms::ORDERED | Terms::THEN_WANTS_POSSIBLE);
        parts.push(migrate_to);
        migrate_to
    } else {
        migrate_from
    };
    for at in parts {
        let part = &mut plan.graph[at];
        part.migratable = true;
        part.other_node = Some(if part.key.node == Some(from) { to } else { from });
    }
    plan.graph[start].carrier = Carrier::Nobody;
    plan.graph[start].preserved = true;
    plan.graph.before(migrate_from, stop, Terms::ORDERED | Terms::UNLESS_MIGRATING);
    plan.graph.before(migrate_from, start, Terms::ORDERED | Terms::UNLESS_MIGRATING);
    let probes: Vec<_> = plan.graph.tasks(resource, Task::Monitor).collect();
    for probe in probes {
        plan.graph.before(probe, first, Terms::ORDERED);
    }
}
