//! Orders that may be left out: where capacity or serialization would make actions wait for each other in a circle, the
//! circle is opened there.

use super::edge::Edges;
use crate::graph::{Graph, Task, Terms};
use crate::transition::shown;

/// Removes orders that can be left out from circles.
pub fn open(graph: &Graph, edges: &mut Edges) {
    let loose = Terms::LOAD | Terms::NOT_TOGETHER;
    if !edges.list.iter().any(|edge| edge.terms.any(loose)) {
        return;
    }
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); graph.actions.len()];
    for (place, edge) in edges.list.iter().enumerate() {
        let counts = edge.terms.has(Terms::ORDERED) && shown(&graph[edge.first]) && shown(&graph[edge.then]);
        if counts {
            after[edge.first.at()].push(place);
        }
    }
    let component = components(&after, edges);
    let mut candidates: Vec<usize> = (0..edges.list.len())
        .filter(|&place| {
            let edge = edges.list[place];
            let opens = edge.terms.has(Terms::NOT_TOGETHER) || graph[edge.first].key.task == Task::LoadStopped;
            edge.terms.any(loose) && opens && component[edge.first.at()] == component[edge.then.at()]
        })
        .collect();
    candidates.sort_by_key(|&place| std::cmp::Reverse(edges.list[place].then));
    for place in candidates {
        let edge = edges.list[place];
        if reaches(&after, edges, edge.then.at(), edge.first.at(), &component) {
            edges.list[place].terms = edge.terms.without(Terms::ORDERED);
            after[edge.first.at()].retain(|&other| other != place);
        }
    }
}

/// Whether there is a way from one action to another inside their component.
fn reaches(after: &[Vec<usize>], edges: &Edges, from: usize, to: usize, component: &[u32]) -> bool {
    let mut seen = vec![false; after.len()];
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        for &place in &after[at] {
            let next = edges.list[place].then.at();
            if !seen[next] && component[next] == component[from] {
                seen[next] = true;
                open.push(next);
            }
        }
    }
    false
}

/// The strongly connected component of every action: those that lead to each other have the same number.
fn components(after: &[Vec<usize>], edges: &Edges) -> Vec<u32> {
    let count = after.len();
    let mut order: Vec<usize> = Vec::with_capacity(count);
    let mut seen = vec![false; count];
    for start in 0..count {
        if seen[start] {
            continue;
        }
        seen[start] = true;
        let mut path = vec![(start, 0)];
        while let Some((at, next)) = path.pop() {
            if let Some(&place) = after[at].get(next) {
                path.push((at, next + 1));
                let then = edges.list[place].then.at();
                if !seen[then] {
                    seen[then] = true;
                    path.push((then, 0));
                }
            } else {
                order.push(at);
            }
        }
    }
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, places) in after.iter().enumerate() {
        for &place in places {
            before[edges.list[place].then.at()].push(at);
        }
    }
    let mut component = vec![u32::MAX; count];
    for (number, &start) in order.iter().rev().enumerate() {
        if component[start] != u32::MAX {
            continue;
        }
        let number = u32::try_from(number).unwrap_or(u32::MAX - 1);
        let mut open = vec![start];
        component[start] = number;
        while let Some(at) = open.pop() {
            for &previous in &before[at] {
                if component[previous] == u32::MAX {
                    component[previous] = number;
                    open.push(previous);
                }
            }
        }
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Carrier, Key};
    use crate::index::{ActionIx, NodeIx, ResourceIx};

    /// Two virtual machines that change places: each waits for the room that the other frees.
    fn swap() -> (Graph, Edges, [ActionIx; 4]) {
        let mut graph = Graph::default();
        let mut edges = Edges::default();
        let loads = [0, 1].map(|node| graph.ensure(Key::node(Task::LoadStopped, NodeIx(node)), Carrier::Nobody, true));
        let mut moves = Vec::new();
        for (vm, from, to) in [(0, 0, 1), (1, 1, 0)] {
            let migrate = graph.ensure(Key::on(ResourceIx(vm), Task::MigrateTo, NodeIx(from)), Carrier::Agent, true);
            let stop = graph.ensure(Key::on(ResourceIx(vm), Task::Stop, NodeIx(from)), Carrier::Agent, true);
            edges.add(migrate, stop, Terms::ORDERED);
            edges.add(stop, loads[from as usize], Terms::ORDERED | Terms::LOAD);
            edges.add(loads[to as usize], migrate, Terms::ORDERED | Terms::LOAD);
            moves.push(migrate);
        }
        (graph, edges, [loads[0], loads[1], moves[0], moves[1]])
    }

    fn ordered(edges: &Edges, first: ActionIx, then: ActionIx) -> bool {
        edges.list.iter().any(|edge| edge.first == first && edge.then == then && edge.terms.has(Terms::ORDERED))
    }

    #[test]
    fn a_circle_of_loads_is_opened_in_one_place() {
        let (graph, mut edges, [here, there, one, other]) = swap();
        open(&graph, &mut edges);
        assert!(ordered(&edges, there, one));
        assert!(!ordered(&edges, here, other));
    }

    #[test]
    fn loads_that_wait_for_nobody_stay() {
        let (graph, mut edges, [_, there, one, other]) = swap();
        edges.list.retain(|edge| edge.then != other);
        open(&graph, &mut edges);
        assert!(ordered(&edges, there, one));
    }
}
