//! Live migrations among orders: what would come before a start comes before the migration, and a migration that must
//! be given up becomes a stop and a start.

use super::cycle;
use super::edge::{Edge, Edges};
use super::hold::Hold;
use crate::facts::Facts;
use crate::graph::{Action, Carrier, Graph, Task, Terms};
use crate::index::{ActionIx, ResourceIx};
use crate::transition::shown;
use std::collections::BTreeSet;

/// Turns migrations that are given up, or whose target cannot be started, into what remains of them.
pub fn settle(graph: &mut Graph) {
    let starts: Vec<ActionIx> = (0..graph.actions.len())
        .map(ActionIx::new)
        .filter(|&at| graph[at].key.task == Task::Start && graph[at].migratable)
        .collect();
    for start in starts {
        let Some(resource) = graph[start].key.resource else { continue };
        let parts: Vec<ActionIx> = graph.of(resource).iter().copied().filter(|&at| graph[at].migratable).collect();
        if graph[start].possible && parts.iter().all(|&at| graph[at].possible && !graph[at].rigid) {
            continue;
        }
        for part in parts {
            graph[part].rigid = true;
            if matches!(graph[part].key.task, Task::MigrateTo | Task::MigrateFrom) {
                graph[part].needed = false;
            }
        }
        graph[start].carrier = Carrier::Agent;
        graph[start].preserved = false;
    }
}

/// Gives up live migrations that orders which must be kept make wait for themselves: what a resource depends on goes
/// down and comes back in between, so that it has to be down too. Whether there are any.
pub fn give_up(graph: &mut Graph, edges: &[Edge], hold: impl Fn(&Graph, &Edge) -> Hold) -> bool {
    let step = |action: &Action| matches!(action.key.task, Task::MigrateTo | Task::MigrateFrom) && migrates(action);
    if !graph.actions.iter().any(step) {
        return false;
    }
    let Some(caught) = cycle::caught(graph, edges, |edge| hold(graph, edge), Hold::Need) else { return false };
    let caught = graph.actions.iter().zip(caught).filter(|(action, caught)| *caught && step(action));
    let resources: BTreeSet<ResourceIx> = caught.filter_map(|(action, _)| action.key.resource).collect();
    for &resource in &resources {
        for part in graph.of(resource).to_vec() {
            graph[part].rigid |= graph[part].migratable;
        }
    }
    !resources.is_empty()
}

/// Whether an action is part of a live migration that takes place.
fn migrates(action: &Action) -> bool {
    action.migratable && !action.rigid && shown(action)
}

/// The first step of a resource's migration.
fn begins(graph: &Graph, resource: ResourceIx) -> Option<ActionIx> {
    let step = |task| graph.of(resource).iter().copied().find(|&at| graph[at].key.task == task && migrates(&graph[at]));
    step(Task::MigrateTo).or_else(|| step(Task::MigrateFrom))
}

/// What is done when a migrating resource counts as started.
fn arrives(graph: &Graph, resource: ResourceIx) -> Option<ActionIx> {
    graph.of(resource).iter().copied().find(|&at| graph[at].key.task == Task::MigrateFrom && migrates(&graph[at]))
}

/// Adds what orders mean for migrations.
pub fn relate(facts: &Facts<'_>, graph: &Graph, edges: &mut Edges) {
    let mut more: Vec<Edge> = Vec::new();
    for edge in &edges.list {
        let (first, then) = (&graph[edge.first], &graph[edge.then]);
        let Some(other) = then.key.resource else { continue };
        let fencing = matches!(first.key.task, Task::Fence | Task::Unfence);
        if fencing && then.key.task == Task::Start && migrates(then) && !edge.terms.has(Terms::THEN_WANTS_POSSIBLE) {
            let begin = begins(graph, other);
            more.extend(begin.map(|begin| Edge { first: edge.first, then: begin, terms: Terms::ORDERED }));
        }
        let Some(one) = first.key.resource else { continue };
        // Only the arrival needs the connection of the node that it moves to.
        if then.key.node.is_some() && facts[one].connects == then.key.node {
            continue;
        }
        if one == other || !edge.terms.has(Terms::ORDERED) || !migrates(then) || edge.terms.has(Terms::LOAD) {
            continue;
        }
        let before = match (first.key.task, then.key.task) {
            (Task::Start, Task::Start) if migrates(first) => arrives(graph, one),
            (Task::Start | Task::Promote, Task::Start) if first.key.node.is_some() => Some(edge.first),
            (Task::Started | Task::Promoted | Task::Notified, Task::Start) => Some(edge.first),
            (Task::Stop | Task::Demote, Task::Stop) if first.key.node.is_some() && !migrates(first) => Some(edge.first),
            (Task::Stopped | Task::Demoted | Task::Notified, Task::Stop) => Some(edge.first),
            (Task::Monitor, Task::Stop | Task::Start) => Some(edge.first),
            _ => None,
        };
        if let (Some(before), Some(begin)) = (before, begins(graph, other)) {
            more.push(Edge { first: before, then: begin, terms: Terms::ORDERED });
        }
    }
    edges.list.extend(more);
}
