//! Whether the actions of a transition wait for each other in circles, and which.

use super::edge::Edge;
use crate::graph::Graph;
use crate::index::ActionIx;
use crate::transition::{carried, shown};

/// By action: whether it is in a circle, or between two; nothing when there is no circle. One walk along the orders.
#[must_use]
pub fn knot(graph: &Graph, edges: &[Edge]) -> Option<Vec<bool>> {
    let mut open: Vec<bool> = graph.actions.iter().map(shown).collect();
    let arcs = || edges.iter().filter(|edge| carried(graph, edge)).map(|edge| (edge.first, edge.then));
    let none_behind = peel(&mut open, arcs);
    if none_behind {
        return None;
    }
    peel(&mut open, || arcs().map(|(first, then)| (then, first)));
    Some(open)
}

/// Takes away whatever waits for nothing that is left, one after the other. Whether nothing is left.
fn peel<I: Iterator<Item = (ActionIx, ActionIx)>>(open: &mut [bool], arcs: impl Fn() -> I) -> bool {
    let arcs = || arcs().filter(|(first, then)| open[first.at()] && open[then.at()]);
    let mut waiting = vec![0_u32; open.len()];
    let mut ends = vec![0_u32; open.len() + 1];
    for (first, then) in arcs() {
        waiting[then.at()] += 1;
        ends[first.at()] += 1;
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += *end;
        *end = sum;
    }
    let mut followers = vec![0_u32; sum as usize];
    for (first, then) in arcs() {
        let end = &mut ends[first.at()];
        *end -= 1;
        followers[*end as usize] = then.0;
    }
    let mut free: Vec<usize> = (0..open.len()).filter(|&at| open[at] && waiting[at] == 0).collect();
    let mut left = open.iter().filter(|open| **open).count();
    while let Some(at) = free.pop() {
        open[at] = false;
        left -= 1;
        for &then in &followers[ends[at] as usize..ends[at + 1] as usize] {
            let then = then as usize;
            waiting[then] -= 1;
            if waiting[then] == 0 {
                free.push(then);
            }
        }
    }
    left == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Carrier, Key, Task, Terms};
    use crate::index::{NodeIx, ResourceIx};
    use crate::order::edge::Edges;

    /// Actions by number with these orders, and which of them are in the knot.
    fn tied(count: u32, orders: &[(usize, usize)]) -> Vec<usize> {
        let (mut graph, mut edges) = (Graph::default(), Edges::default());
        let make = |at| graph.ensure(Key::on(ResourceIx(at), Task::Start, NodeIx(0)), Carrier::Agent, true);
        let actions: Vec<ActionIx> = (0..count).map(make).collect();
        orders.iter().for_each(|&(first, then)| edges.add(actions[first], actions[then], Terms::ORDERED));
        let knot = knot(&graph, &edges.list).unwrap_or_default();
        knot.iter().enumerate().filter(|(_, tied)| **tied).map(|(at, _)| at).collect()
    }

    #[test]
    fn what_is_before_or_behind_a_circle_is_not_in_it() {
        assert_eq!(tied(4, &[(0, 1), (1, 2), (0, 2), (2, 3)]), [0_usize; 0]);
        assert_eq!(tied(5, &[(0, 1), (1, 2), (2, 3), (3, 1), (3, 4)]), [1, 2, 3]);
        assert_eq!(tied(6, &[(0, 1), (1, 0), (1, 2), (2, 3), (3, 4), (4, 3), (4, 5)]), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn what_is_not_done_ties_nothing() {
        let (mut graph, mut edges) = (Graph::default(), Edges::default());
        let mut make =
            |at, needed| graph.ensure(Key::on(ResourceIx(at), Task::Start, NodeIx(0)), Carrier::Agent, needed);
        let (one, other) = (make(0, true), make(1, false));
        edges.add(one, other, Terms::ORDERED);
        edges.add(other, one, Terms::ORDERED);
        assert_eq!(knot(&graph, &edges.list), None);
        graph[other].needed = true;
        assert_eq!(knot(&graph, &edges.list), Some(vec![true, true]));
    }
}
