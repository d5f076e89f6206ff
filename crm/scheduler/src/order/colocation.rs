//! Orders that colocations imply: what may not be together leaves a node before the other comes, and what must be
//! together with something that cannot come, does not come either.

use super::edge::Edges;
use super::whole::Wholes;
use crate::constraint::Constraints;
use crate::facts::Facts;
use crate::graph::{Graph, Key, Task, Terms};
use crate::index::{ActionIx, NodeIx, ResourceIx};
use crate::role::Role;
use std::collections::BTreeMap;

/// Makes the edges of every colocation.
pub fn relate(facts: &Facts<'_>, constraints: &Constraints, graph: &mut Graph, wholes: &Wholes, edges: &mut Edges) {
    for colocation in &constraints.colocations {
        let (dependent, primary) = (colocation.dependent, colocation.primary);
        let (dependent_role, primary_role) = (colocation.dependent_role, colocation.primary_role);
        if colocation.score.is_never() && !colocation.implied {
            let (come, go) = tasks(dependent_role);
            let (primary_come, primary_go) = tasks(primary_role);
            for (first, then) in
                [((dependent, go), (primary, primary_come)), ((primary, primary_go), (dependent, come))]
            {
                if facts[first.0].is_primitive() && facts[then.0].is_primitive() {
                    edges.connect(graph, wholes, first, then, Terms::ORDERED | Terms::SAME_NODE);
                } else if meet(facts, graph, first, then) {
                    edges.connect(graph, wholes, first, then, Terms::ORDERED);
                }
            }
        } else if colocation.score.is_mandatory() && !facts[primary].is_collective() {
            let (come, _) = tasks(dependent_role);
            let (primary_come, _) = tasks(primary_role);
            edges.connect(graph, wholes, (primary, primary_come), (dependent, come), Terms::THEN_WANTS_POSSIBLE);
        } else if colocation.score.is_mandatory() && facts[primary].is_clone() && colocation.node_attribute.is_none() {
            let (come, primary_come) = (tasks(dependent_role).0, tasks(primary_role).0);
            beside_instances(facts, graph, (primary, primary_come), (dependent, come), edges);
        }
    }
}

/// What must be together with a clone comes to a node only when one of the instances that should be there can be.
fn beside_instances(
    facts: &Facts<'_>,
    graph: &mut Graph,
    (primary, primary_come): (ResourceIx, Task),
    (dependent, come): (ResourceIx, Task),
    edges: &mut Edges,
) {
    let coming = facts.primitives(dependent).into_iter().flat_map(|it| graph.tasks(it, come).collect::<Vec<_>>());
    let mut marks: BTreeMap<NodeIx, Option<ActionIx>> = BTreeMap::new();
    for then in coming.collect::<Vec<_>>() {
        let Some(node) = graph[then].key.node else { continue };
        let mark = *marks.entry(node).or_insert_with(|| {
            let first = |&instance: &ResourceIx| facts.primitives(instance).first().copied();
            let there: Vec<ActionIx> = facts[primary]
                .children
                .iter()
                .filter_map(first)
                .filter_map(|it| graph.find(Key::on(it, primary_come, node)))
                .collect();
            let enough = (!there.is_empty()).then(|| graph.hidden())?;
            graph[enough].enough = 1;
            there.into_iter().for_each(|it| edges.add(it, enough, Terms::ENOUGH));
            Some(enough)
        });
        if let Some(mark) = mark {
            edges.add(mark, then, Terms::THEN_WANTS_POSSIBLE);
        }
    }
}

/// Whether two tasks happen on a common node.
fn meet(facts: &Facts<'_>, graph: &Graph, first: (ResourceIx, Task), then: (ResourceIx, Task)) -> bool {
    let nodes = |(resource, task)| {
        let mut nodes: Vec<NodeIx> = Vec::new();
        for primitive in facts.primitives(resource) {
            nodes.extend(graph.tasks(primitive, task).filter_map(|action| graph[action].key.node));
        }
        nodes
    };
    let others = nodes(then);
    nodes(first).iter().any(|node| others.contains(node))
}

/// What brings a resource into a role, and what ends it.
fn tasks(role: Option<Role>) -> (Task, Task) {
    match role {
        Some(Role::Promoted) => (Task::Promote, Task::Demote),
        Some(Role::Unpromoted) => (Task::Demote, Task::Promote),
        _ => (Task::Start, Task::Stop),
    }
}
