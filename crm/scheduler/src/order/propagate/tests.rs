//! Small graphs, and what travels along them.

use super::*;
use crate::graph::{Carrier, Key};
use crate::index::{NodeIx, ResourceIx};
use crate::order::edge::Edges;

/// Two resources that run on one node, each with a stop and a start that nothing needs yet.
struct Pair {
    graph: Graph,
    edges: Edges,
    stop: [ActionIx; 2],
    start: [ActionIx; 2],
}

impl Pair {
    fn new() -> Pair {
        let mut graph = Graph::default();
        let mut edges = Edges::default();
        let mut on =
            |resource, task| graph.ensure(Key::on(ResourceIx(resource), task, NodeIx(0)), Carrier::Agent, false);
        let stop = [0, 1].map(|resource| on(resource, Task::Stop));
        let start = [0, 1].map(|resource| on(resource, Task::Start));
        for at in 0..2 {
            edges.add(stop[at], start[at], Terms::redo());
        }
        Pair { graph, edges, stop, start }
    }

    /// The second starts after the first, and stops before it.
    fn ordered() -> Pair {
        let mut pair = Pair::new();
        pair.edges.add(pair.start[0], pair.start[1], Terms::mandatory());
        pair.edges.add(pair.stop[1], pair.stop[0], Terms::undo());
        pair
    }

    fn settle(&mut self) {
        propagate(&mut self.graph, &self.edges.list, |_| false);
    }

    fn done(&self, action: ActionIx) -> bool {
        self.graph[action].needed && self.graph[action].possible
    }
}

#[test]
fn nothing_happens_by_itself() {
    let mut pair = Pair::ordered();
    pair.settle();
    assert!(pair.graph.actions.iter().all(|action| !action.needed && action.possible));
}

#[test]
fn a_restart_of_the_first_restarts_the_second() {
    let mut pair = Pair::ordered();
    pair.graph[pair.stop[0]].needed = true;
    pair.settle();
    assert!([pair.stop[0], pair.start[0], pair.stop[1], pair.start[1]].iter().all(|&action| pair.done(action)));
    assert_eq!(pair.graph[pair.stop[1]].needed_by, Some(pair.stop[0]));
}

#[test]
fn a_restart_of_the_second_leaves_the_first_alone() {
    let mut pair = Pair::ordered();
    pair.graph[pair.stop[1]].needed = true;
    pair.settle();
    assert!(pair.done(pair.start[1]));
    assert!(!pair.graph[pair.stop[0]].needed && !pair.graph[pair.start[0]].needed);
}

#[test]
fn what_depends_on_a_start_that_cannot_be_stops() {
    let mut pair = Pair::ordered();
    pair.graph[pair.start[0]].possible = false;
    pair.settle();
    assert!(pair.done(pair.stop[1]));
    assert!(!pair.graph[pair.start[1]].possible);
    assert_eq!(pair.graph[pair.start[1]].blocked_by, Some(pair.start[0]));
}

#[test]
fn a_stop_waits_for_a_stop_that_cannot_be_done() {
    let mut pair = Pair::ordered();
    pair.graph[pair.stop[0]].needed = true;
    pair.graph[pair.stop[1]].possible = false;
    pair.settle();
    assert!(pair.graph[pair.stop[0]].needed && !pair.graph[pair.stop[0]].possible);
}

#[test]
fn enough_of_several_is_enough() {
    for (least, possible) in [(1, true), (2, false)] {
        let mut pair = Pair::new();
        let mark = pair.graph.mark("some".to_owned());
        pair.graph[mark].enough = least;
        for start in pair.start {
            pair.edges.add(start, mark, Terms::ORDERED | Terms::ENOUGH);
        }
        pair.graph[pair.start[0]].possible = false;
        pair.settle();
        assert_eq!(pair.graph[mark].possible, possible, "{least} of two");
    }
}

#[test]
fn what_is_fixed_is_not_asked_for() {
    let mut pair = Pair::ordered();
    pair.graph[pair.stop[0]].needed = true;
    let Pair { graph, edges, .. } = &mut pair;
    propagate(graph, &edges.list, |action| action.key.resource == Some(ResourceIx(1)));
    assert!(!pair.graph[pair.stop[1]].needed && !pair.graph[pair.start[1]].needed);
}

#[test]
fn a_live_migration_restarts_nobody_and_is_given_up_when_what_it_needs_moves() {
    for (moves, rigid) in [(false, false), (true, true)] {
        let mut pair = Pair::ordered();
        for action in [pair.stop[1], pair.start[1]] {
            pair.graph[action].migratable = true;
            pair.graph[action].needed = true;
        }
        pair.graph[pair.stop[0]].needed = moves;
        pair.settle();
        assert_eq!(pair.graph[pair.stop[1]].rigid, rigid);
        assert_eq!(pair.graph[pair.stop[0]].needed, moves);
    }
}
