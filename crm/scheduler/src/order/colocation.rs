//! Orders that colocations imply: what may not be together leaves a node before the other comes, and what must be
//! together with something that cannot come, does not come either.

use super::edge::Edges;
use super::whole::Wholes;
use crate::constraint::Constraints;
use crate::facts::Facts;
use crate::graph::{Graph, Task, Terms};
use crate::index::{NodeIx, ResourceIx};
use crate::role::Role;

/// Makes the edges of every colocation.
pub fn relate(facts: &Facts<'_>, constraints: &Constraints, graph: &Graph, wholes: &Wholes, edges: &mut Edges) {
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
