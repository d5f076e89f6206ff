//! Relations between single actions: what [`crate::graph::Relation`]s become once their points are resolved.

use super::whole::{Verb, Wholes};
use crate::graph::{Graph, Key, Point, Relation, Task, Terms};
use crate::index::{ActionIx, ResourceIx};

/// One action, another, and what the first means for the second.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// Comes first.
    pub first: ActionIx,
    /// Comes then.
    pub then: ActionIx,
    /// What that means.
    pub terms: Terms,
}

/// Everything that travels from the first to the second.
pub const FORWARD: Terms = Terms::FIRST_NEEDS_THEN
    .or(Terms::THEN_WANTS_POSSIBLE)
    .or(Terms::THEN_WANTS_DONE)
    .or(Terms::ASYMMETRIC)
    .or(Terms::REDO);

/// Everything that travels from the second to the first.
pub const BACKWARD: Terms = Terms::THEN_NEEDS_FIRST.or(Terms::PROMOTED_NEEDS_FIRST);

/// The edges of a transition while they are made.
#[derive(Debug, Default)]
pub struct Edges {
    /// All of them.
    pub list: Vec<Edge>,
    /// By resource: what it lives in. The end of a host waits for what lives there, not for looking for it elsewhere.
    pub hosts: Vec<Option<ResourceIx>>,
}

impl Edges {
    /// Adds one.
    pub fn add(&mut self, first: ActionIx, then: ActionIx, terms: Terms) {
        if first != then && terms != Terms::NONE {
            self.list.push(Edge { first, then, terms });
        }
    }

    /// Relates what two resources do. Order runs from the end of the first (of a group or clone: its *done* action) to
    /// the beginning of the second; need and impossibility run between the first as a whole and every part of the
    /// second, and back.
    pub fn connect(
        &mut self,
        graph: &Graph,
        wholes: &Wholes,
        first: (ResourceIx, Task),
        then: (ResourceIx, Task),
        terms: Terms,
    ) {
        let (from, to) = (Verb::of(first.1), Verb::of(then.1));
        let first_whole = from.and_then(|verb| wholes.of(first.0, verb));
        let then_whole = to.and_then(|verb| wholes.of(then.0, verb));
        let (done, first_demand) = match first_whole {
            Some(whole) => (vec![whole.done], vec![whole.demand]),
            None => both(graph.tasks(first.0, first.1).collect()),
        };
        let (begin, then_demand) = match then_whole {
            Some(whole) => (vec![whole.begin], vec![whole.demand]),
            None => both(graph.tasks(then.0, then.1).collect()),
        };
        self.probes(graph, first, then.0, &begin, terms);
        if first_whole.is_none() && then_whole.is_none() {
            self.all(graph, &done, &begin, terms);
            return;
        }
        self.all(graph, &done, &begin, terms.without(FORWARD.or(BACKWARD)));
        self.all(graph, &done, &then_demand, only(terms, FORWARD));
        self.all(graph, &first_demand, &begin, only(terms, BACKWARD));
    }

    /// What follows the stop of a primitive follows its probes too: until they have answered, nobody knows whether
    /// there is something to stop.
    pub fn probes(
        &mut self,
        graph: &Graph,
        first: (ResourceIx, Task),
        then: ResourceIx,
        thens: &[ActionIx],
        terms: Terms,
    ) {
        let inside = self.hosts.get(first.0.at()).copied().flatten() == Some(then);
        if inside || first.1 != Task::Stop || first.0 == then || !terms.has(Terms::ORDERED) || thens.is_empty() {
            return;
        }
        let probes: Vec<ActionIx> = graph.tasks(first.0, Task::Monitor).collect();
        self.all(graph, &probes, thens, only(terms, Terms::ORDERED.or(Terms::SAME_NODE)));
    }

    /// As [`Edges::probes`], for a relation of a single stop.
    fn probes_of_stop(&mut self, graph: &Graph, relation: &Relation) {
        if let (Point::Action(first), Point::Action(then)) = (relation.first, relation.then)
            && let (Some(one), Some(other)) = (graph[first].key.resource, graph[then].key.resource)
        {
            self.probes(graph, (one, graph[first].key.task), other, &[then], relation.terms);
        }
    }

    /// Relates every action of one list to every action of another.
    fn all(&mut self, graph: &Graph, firsts: &[ActionIx], thens: &[ActionIx], terms: Terms) {
        for &first in firsts {
            for &then in thens {
                if terms.has(Terms::SAME_NODE) && !same_node(graph[first].key, graph[then].key) {
                    continue;
                }
                self.add(first, then, left_behind(graph, first, then, terms));
            }
        }
    }

    /// Resolves relations that stages before this one made.
    pub fn resolve(&mut self, graph: &Graph, wholes: &Wholes, relations: &[Relation]) {
        for relation in relations {
            self.probes_of_stop(graph, relation);
            match (relation.first, relation.then) {
                (Point::Action(first), Point::Action(then)) => {
                    if !relation.terms.has(Terms::SAME_NODE) || same_node(graph[first].key, graph[then].key) {
                        self.add(first, then, relation.terms);
                    }
                }
                (Point::Task(first, first_task), Point::Task(then, then_task)) => {
                    self.connect(graph, wholes, (first, first_task), (then, then_task), relation.terms);
                }
                (Point::Action(first), Point::Task(then, task)) => {
                    let whole = Verb::of(task).and_then(|verb| wholes.of(then, verb));
                    match whole {
                        Some(whole) => {
                            self.add(first, whole.begin, relation.terms.without(FORWARD));
                            self.add(first, whole.demand, only(relation.terms, FORWARD));
                        }
                        None => {
                            let thens: Vec<ActionIx> = graph.tasks(then, task).collect();
                            self.all(graph, &[first], &thens, relation.terms);
                        }
                    }
                }
                (Point::Task(first, task), Point::Action(then)) => {
                    let whole = Verb::of(task).and_then(|verb| wholes.of(first, verb));
                    match whole {
                        Some(whole) => {
                            self.add(whole.done, then, relation.terms.without(BACKWARD));
                            self.add(whole.demand, then, only(relation.terms, BACKWARD));
                        }
                        None => {
                            let firsts: Vec<ActionIx> = graph.tasks(first, task).collect();
                            self.all(graph, &firsts, &[then], relation.terms);
                        }
                    }
                }
            }
        }
    }
}

fn both(actions: Vec<ActionIx>) -> (Vec<ActionIx>, Vec<ActionIx>) {
    (actions.clone(), actions)
}

/// What of `terms` is also in `mask`.
#[must_use]
pub fn only(terms: Terms, mask: Terms) -> Terms {
    terms.without(terms.without(mask))
}

fn same_node(first: Key, then: Key) -> bool {
    first.node.is_some() && first.node == then.node
}

/// A stop of what was left behind elsewhere does not concern what runs where it should.
fn left_behind(graph: &Graph, stop: ActionIx, start: ActionIx, terms: Terms) -> Terms {
    let (stop, start) = (graph[stop].key, graph[start].key);
    if !terms.has(Terms::REDO) || stop.node == start.node {
        return terms;
    }
    match (start.resource, start.node) {
        (Some(resource), Some(node)) if graph.find(Key::on(resource, stop.task, node)).is_some() => {
            Terms::ORDERED | Terms::THEN_WANTS_DONE
        }
        _ => terms,
    }
}
