//! Orders that give way: where actions would wait for each other in a circle, the circle is opened where that does the
//! least harm. No transition has a circle, unless one is made of orders that never give way.

use super::edge::{Edge, Edges};
use super::hold::Hold;
use super::knot::knot;
use crate::graph::{Graph, Terms};
use crate::transition::carried;
use std::collections::BTreeMap;

/// Removes orders from circles, those that hold least first: one after the other, each that closes a circle with those
/// that are left at that moment.
pub fn open(graph: &Graph, edges: &mut Edges, hold: impl Fn(&Edge) -> Hold) {
    let Some(knot) = knot(graph, &edges.list) else { return };
    let tied = |edge: &Edge| knot[edge.first.at()] && knot[edge.then.at()] && carried(graph, edge);
    let tied = edges.list.iter().enumerate().filter(|(_, edge)| tied(edge)).map(|(place, edge)| (place, hold(edge)));
    let (firm, mut candidates): (Vec<_>, Vec<_>) = tied.partition(|(_, hold)| *hold == Hold::Never);
    candidates.sort_by_key(|&(place, hold)| (hold, std::cmp::Reverse(edges.list[place].then)));
    // Backwards in time: first come the orders that stay, then the candidates, the last one first. A candidate goes if
    // its ends are in one circle at the moment when it comes.
    let coming = firm.iter().map(|it| (it, 0)).chain(candidates.iter().rev().zip(1..));
    let arcs: Vec<Arc> = coming
        .map(|(&(place, _), comes)| {
            let edge = edges.list[place];
            Arc { place, first: edge.first.0, then: edge.then.0, comes }
        })
        .collect();
    let never = u32::try_from(candidates.len()).unwrap_or(u32::MAX - 1) + 1;
    let mut circles = Circles { merged: (0..graph.actions.len()).map(index).collect(), closing: Vec::new() };
    circles.split(0, never, arcs);
    for place in circles.closing {
        edges.list[place].terms = edges.list[place].terms.without(Terms::ORDERED);
    }
}

/// By action: whether it is in a circle of orders that hold at least so firmly; nothing when there is no circle at all.
#[must_use]
pub fn caught(graph: &Graph, edges: &[Edge], hold: impl Fn(&Edge) -> Hold, least: Hold) -> Option<Vec<bool>> {
    let knot = knot(graph, edges)?;
    let tied = |edge: &Edge| knot[edge.first.at()] && knot[edge.then.at()] && carried(graph, edge);
    let firm = edges.iter().enumerate().filter(|(_, edge)| tied(edge) && hold(edge) >= least);
    let arcs: Vec<Arc> =
        firm.map(|(place, edge)| Arc { place, first: edge.first.0, then: edge.then.0, comes: 0 }).collect();
    let component = components(&arcs, 0);
    let mut sizes: BTreeMap<u32, u32> = BTreeMap::new();
    component.values().for_each(|number| *sizes.entry(*number).or_default() += 1);
    let mut caught = vec![false; graph.actions.len()];
    for (action, number) in component {
        caught[action as usize] = sizes[&number] > 1;
    }
    Some(caught)
}

/// One order, and the moment when it comes.
#[derive(Clone, Copy)]
struct Arc {
    place: usize,
    first: u32,
    then: u32,
    comes: u32,
}

/// Which actions are in circles with each other as orders come one after the other.
struct Circles {
    /// By action: another one that it is in a circle with; itself.
    merged: Vec<u32>,
    /// Orders that close a circle when they come.
    closing: Vec<usize>,
}

impl Circles {
    /// Takes orders whose ends come to be in one circle between two moments, and halves the time until the moment is
    /// known: what is in a circle halfway belongs to the first half, the rest to the second, for which those circles
    /// are single points.
    fn split(&mut self, from: u32, to: u32, arcs: Vec<Arc>) {
        if arcs.is_empty() {
            return;
        }
        if from == to {
            let closing = arcs.iter().filter(|arc| arc.comes > 0 && arc.comes >= to);
            self.closing.extend(closing.map(|arc| arc.place));
            return;
        }
        let middle = from + (to - from) / 2;
        let arcs: Vec<Arc> =
            arcs.into_iter().map(|arc| Arc { first: self.find(arc.first), then: self.find(arc.then), ..arc }).collect();
        let component = components(&arcs, middle);
        let (before, after): (Vec<Arc>, Vec<Arc>) = arcs
            .into_iter()
            .partition(|arc| arc.first == arc.then || same(component.get(&arc.first), component.get(&arc.then)));
        self.split(from, middle, before);
        let mut points = BTreeMap::new();
        for (&action, &number) in &component {
            let point = *points.entry(number).or_insert(action);
            let (one, other) = (self.find(action), self.find(point));
            self.merged[one as usize] = other;
        }
        self.split(middle + 1, to, after);
    }

    /// The point that stands for an action.
    fn find(&mut self, action: u32) -> u32 {
        let mut point = action;
        while self.merged[point as usize] != point {
            let next = self.merged[point as usize];
            self.merged[point as usize] = self.merged[next as usize];
            point = next;
        }
        point
    }
}

fn same(one: Option<&u32>, other: Option<&u32>) -> bool {
    one.is_some() && one == other
}

fn index(at: usize) -> u32 {
    u32::try_from(at).expect("fewer actions than bytes of memory")
}

/// The strongly connected component of every action that is an end of an order that has come by a moment: those that
/// lead to each other have the same number.
fn components(arcs: &[Arc], by: u32) -> BTreeMap<u32, u32> {
    let come = arcs.iter().filter(|arc| arc.comes <= by);
    let mut ends: Vec<u32> = come.clone().flat_map(|arc| [arc.first, arc.then]).collect();
    ends.sort_unstable();
    ends.dedup();
    let local = |action: u32| ends.binary_search(&action).expect("it is an end of one of them");
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); ends.len()];
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); ends.len()];
    for arc in come {
        let (first, then) = (local(arc.first), local(arc.then));
        after[first].push(then);
        before[then].push(first);
    }
    let mut component = vec![u32::MAX; ends.len()];
    for (number, start) in finished(&after).into_iter().rev().enumerate() {
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            if component[at] == u32::MAX {
                component[at] = index(number);
                open.extend(&before[at]);
            }
        }
    }
    ends.into_iter().zip(component).collect()
}

/// Everything, in the order in which a walk along the orders leaves it.
fn finished(after: &[Vec<usize>]) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(after.len());
    let mut seen = vec![false; after.len()];
    for start in 0..after.len() {
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        let mut path = vec![(start, 0)];
        while let Some((at, next)) = path.pop() {
            if let Some(&then) = after[at].get(next) {
                path.push((at, next + 1));
                if !std::mem::replace(&mut seen[then], true) {
                    path.push((then, 0));
                }
            } else {
                order.push(at);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Carrier, Key, Task};
    use crate::index::{ActionIx, NodeIx, ResourceIx};

    /// What capacity or serialization asks for gives way.
    fn loose(edge: &Edge) -> Hold {
        if edge.terms.any(Terms::LOAD | Terms::NOT_TOGETHER) { Hold::Room } else { Hold::Never }
    }

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
        open(&graph, &mut edges, loose);
        assert!(ordered(&edges, there, one));
        assert!(!ordered(&edges, here, other));
    }

    #[test]
    fn loads_that_wait_for_nobody_stay() {
        let (graph, mut edges, [_, there, one, other]) = swap();
        edges.list.retain(|edge| edge.then != other);
        open(&graph, &mut edges, loose);
        assert!(ordered(&edges, there, one));
    }

    /// The same by trying one after the other.
    fn one_by_one(graph: &Graph, edges: &mut Edges) {
        let mut candidates: Vec<usize> =
            (0..edges.list.len()).filter(|&at| edges.list[at].terms.has(Terms::NOT_TOGETHER)).collect();
        candidates.sort_by_key(|&at| std::cmp::Reverse(edges.list[at].then));
        for at in candidates {
            let mut reached = vec![false; graph.actions.len()];
            let mut open = vec![edges.list[at].then];
            while let Some(here) = open.pop() {
                if !std::mem::replace(&mut reached[here.at()], true) {
                    let leaving = edges.list.iter().filter(|it| it.first == here && it.terms.has(Terms::ORDERED));
                    open.extend(leaving.map(|it| it.then));
                }
            }
            if reached[edges.list[at].first.at()] {
                edges.list[at].terms = edges.list[at].terms.without(Terms::ORDERED);
            }
        }
    }

    #[test]
    fn halving_the_time_opens_the_same_circles_as_trying_one_after_the_other() {
        let mut state = 1_u64;
        let mut below = |limit: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % limit
        };
        let mut opened = 0;
        for _ in 0..300 {
            let (mut graph, mut edges) = (Graph::default(), Edges::default());
            let count = 3 + below(8);
            let actions: Vec<ActionIx> = (0..u32::try_from(count).expect("few"))
                .map(|at| graph.ensure(Key::on(ResourceIx(at), Task::Start, NodeIx(0)), Carrier::Agent, true))
                .collect();
            for _ in 0..below(4 * count) {
                let (one, other) = (below(count) as usize, below(count) as usize);
                let firm = below(3) == 0 && one < other;
                let terms = if firm { Terms::ORDERED } else { Terms::ORDERED | Terms::NOT_TOGETHER };
                edges.add(actions[one], actions[other], terms);
            }
            let mut expected = Edges { list: edges.list.clone(), ..Edges::default() };
            one_by_one(&graph, &mut expected);
            open(&graph, &mut edges, loose);
            let terms = |edges: &Edges| edges.list.iter().map(|edge| edge.terms).collect::<Vec<_>>();
            assert_eq!(terms(&edges), terms(&expected), "{:?}", expected.list);
            opened += edges.list.iter().filter(|edge| !edge.terms.has(Terms::ORDERED)).count();
        }
        assert!(opened > 300, "only {opened} were opened");
    }
}
