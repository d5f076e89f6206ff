//! Need and impossibility travel along the edges until nothing changes.
//!
//! Both only grow: an action becomes needed, or impossible, and never the reverse. So every action changes at most
//! twice, and the end does not depend on the order in which edges are looked at.

use super::edge::Edge;
use crate::graph::{Action, Graph, Task, Terms};
use crate::index::{ActionIx, ResourceIx};
use std::collections::VecDeque;

/// Edges by action, and what is left to be looked at.
struct Wave<'g> {
    graph: &'g mut Graph,
    edges: &'g [Edge],
    /// Places in `edges` of what leaves an action, one range for each.
    leaving: Index,
    /// Places in `edges` of what arrives.
    arriving: Index,
    /// How many of those before it are possible, for actions that count.
    possible: Vec<u32>,
    queue: VecDeque<ActionIx>,
    queued: Vec<bool>,
    fixed: Vec<bool>,
}

/// Lists of edges, one for each action, in one vector.
struct Index {
    starts: Vec<u32>,
    edges: Vec<u32>,
}

impl Index {
    fn new(actions: usize, ends: impl Iterator<Item = ActionIx> + Clone) -> Index {
        let mut starts = vec![0_u32; actions + 1];
        for end in ends.clone() {
            starts[end.at() + 1] += 1;
        }
        for at in 0..actions {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut edges = vec![0_u32; starts[actions] as usize];
        for (place, end) in ends.enumerate() {
            let slot = &mut next[end.at()];
            edges[*slot as usize] = u32::try_from(place).expect("there are fewer edges than bytes of memory");
            *slot += 1;
        }
        Index { starts, edges }
    }

    fn range(&self, action: ActionIx) -> std::ops::Range<usize> {
        self.starts[action.at()] as usize..self.starts[action.at() + 1] as usize
    }
}

/// Lets need and impossibility travel. What is `fixed` is not managed: it may be hindered, and nothing can make it
/// needed.
pub fn propagate(graph: &mut Graph, edges: &[Edge], fixed: impl Fn(&Action) -> bool) {
    let actions = graph.actions.len();
    let mut wave = Wave {
        leaving: Index::new(actions, edges.iter().map(|edge| edge.first)),
        arriving: Index::new(actions, edges.iter().map(|edge| edge.then)),
        possible: vec![0; actions],
        queue: VecDeque::new(),
        queued: vec![false; actions],
        fixed: graph.actions.iter().map(fixed).collect(),
        graph,
        edges,
    };
    wave.begin();
    while let Some(action) = wave.queue.pop_front() {
        wave.queued[action.at()] = false;
        for place in wave.leaving.range(action) {
            wave.look(wave.leaving.edges[place]);
        }
        for place in wave.arriving.range(action) {
            wave.look(wave.arriving.edges[place]);
        }
    }
}

impl Wave<'_> {
    /// Counts, and queues whatever has something to tell.
    fn begin(&mut self) {
        for edge in self.edges {
            if edge.terms.has(Terms::ENOUGH) && self.graph[edge.first].possible {
                self.possible[edge.then.at()] += 1;
            }
        }
        for at in (0..self.graph.actions.len()).map(ActionIx::new) {
            if self.possible[at.at()] < self.graph[at].enough && self.graph[at].possible {
                self.block(at, at);
            }
            let action = &self.graph[at];
            if action.needed || !action.possible || action.rigid {
                self.push(at);
            }
        }
    }

    fn push(&mut self, action: ActionIx) {
        if !self.queued[action.at()] {
            self.queued[action.at()] = true;
            self.queue.push_back(action);
        }
    }

    /// What one edge means now.
    fn look(&mut self, place: u32) {
        let Edge { first, then, terms } = self.edges[place as usize];
        let (before, after) = (&self.graph[first], &self.graph[then]);
        let (first_needed, first_possible) = (before.needed, before.possible);
        let (then_needed, then_possible) = (after.needed, after.possible);
        let aside = before.aside && before.key.resource == after.key.resource;
        let other = before.key.resource != after.key.resource;
        let part = after.key.node.is_none() && !after.hidden;
        let (first_moves, then_moves) = (other && !part && moves(before), other && moves(after));
        if !then_needed && first_needed && terms.has(Terms::FIRST_NEEDS_THEN) && !aside && !first_moves {
            self.need(then, first);
        }
        if !first_needed && !then_moves {
            let asked = then_needed && terms.any(Terms::THEN_NEEDS_FIRST | Terms::PROMOTED_NEEDS_FIRST | Terms::REDO);
            let gives_up = !then_possible && terms.has(Terms::REDO);
            if asked || gives_up {
                self.need(first, then);
            }
        }
        if then_possible {
            let stands_in = terms.has(Terms::THEN_WANTS_POSSIBLE)
                && !first_possible
                && (then_needed || !terms.has(Terms::ASYMMETRIC));
            let asked = first_needed
                || (self.fixed[first.at()] && then_needed && terms.any(Terms::THEN_NEEDS_FIRST | Terms::REDO));
            let undone = terms.has(Terms::THEN_WANTS_DONE) && asked && !first_possible;
            if stands_in || undone {
                self.block(then, first);
            }
        }
        self.look_at_migration(first, then, terms);
    }

    /// A live migration needs what it depends on at both ends: where the first of an order is stopped and started
    /// again, what depends on it has to be down in between.
    fn look_at_migration(&mut self, first: ActionIx, then: ActionIx, terms: Terms) {
        let (before, after) = (&self.graph[first], &self.graph[then]);
        if before.key.task == Task::MigrateTo || before.key.task == Task::MigrateFrom {
            return;
        }
        let Some(depends) = before.key.resource.filter(|_| before.migratable && !before.rigid) else { return };
        let ends = before.key.task == Task::Stop
            && terms.any(Terms::THEN_NEEDS_FIRST | Terms::THEN_ENDS_MIGRATION)
            && after.needed
            && (!after.migratable || after.rigid)
            && after.key.resource.is_some_and(|other| other != depends && self.starts(other));
        if ends {
            let parts: Vec<ActionIx> = self.graph.of(depends).to_vec();
            for part in parts {
                if self.graph[part].migratable {
                    self.graph[part].rigid = true;
                    self.push(part);
                }
            }
        }
    }

    /// Whether something is started.
    fn starts(&self, resource: ResourceIx) -> bool {
        self.graph.tasks(resource, Task::Start).any(|start| self.graph[start].needed)
    }

    fn need(&mut self, action: ActionIx, by: ActionIx) {
        if self.fixed[action.at()] {
            return;
        }
        let changed = &mut self.graph[action];
        changed.needed = true;
        let started = changed.key.resource.filter(|_| changed.key.task == Task::Start);
        if changed.needed_by.is_none() {
            changed.needed_by = Some(by);
        }
        self.push(action);
        if let Some(resource) = started {
            let stops: Vec<ActionIx> = self.graph.tasks(resource, Task::Stop).collect();
            stops.into_iter().for_each(|stop| self.push(stop));
        }
    }

    fn block(&mut self, action: ActionIx, by: ActionIx) {
        let changed = &mut self.graph[action];
        changed.possible = false;
        if changed.blocked_by.is_none() && by != action {
            changed.blocked_by = Some(by);
        }
        self.push(action);
        for place in self.leaving.range(action) {
            let edge = self.edges[self.leaving.edges[place] as usize];
            if !edge.terms.has(Terms::ENOUGH) {
                continue;
            }
            let count = &mut self.possible[edge.then.at()];
            *count = count.saturating_sub(1);
            if *count < self.graph[edge.then].enough && self.graph[edge.then].possible {
                self.block(edge.then, action);
            }
        }
    }
}

/// Whether an action is part of a live migration: nothing else has to be done again because of it.
fn moves(action: &Action) -> bool {
    action.migratable && !action.rigid
}

#[cfg(test)]
mod tests;
