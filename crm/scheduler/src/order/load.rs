//! Capacity: what needs room on a node waits until everything that leaves the node has left.

use super::edge::Edges;
use crate::facts::Facts;
use crate::facts::options::PlacementStrategy;
use crate::graph::{Carrier, Graph, Key, Task, Terms};
use crate::index::{ActionIx, NodeIx};

/// Relates stops that free capacity with starts and migrations that need some.
pub fn relate(facts: &Facts<'_>, graph: &mut Graph, edges: &mut Edges) {
    if facts.options.placement_strategy == PlacementStrategy::Default {
        return;
    }
    let terms = Terms::ORDERED | Terms::LOAD;
    for resource in facts.all_resources() {
        if facts[resource].utilization.is_empty() || !facts[resource].is_primitive() {
            continue;
        }
        for action in graph.of(resource).to_vec() {
            let key = graph[action].key;
            let (room, frees) = match key.task {
                Task::Stop => (key.node, true),
                Task::Start => (key.node, false),
                Task::MigrateTo => (graph[action].other_node, false),
                _ => (None, false),
            };
            let Some(node) = room else { continue };
            let load = room_on(facts, graph, node);
            if frees { edges.add(action, load, terms) } else { edges.add(load, action, terms) }
        }
    }
}

/// The moment when a node's capacity is free again.
fn room_on(facts: &Facts<'_>, graph: &mut Graph, node: NodeIx) -> ActionIx {
    let load = graph.ensure(Key::node(Task::LoadStopped, node), Carrier::Nobody, true);
    if graph[load].label.is_none() {
        graph[load].label = Some(format!("load_stopped_{}", facts[node].name));
    }
    load
}
