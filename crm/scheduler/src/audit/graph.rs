//! The graph of a schedule: whether it is one, and what comes before what.

use super::violation::{Rule, Violation};
use crate::schedule::{Schedule, ScheduledAction};
use std::collections::BTreeMap;

/// So many actions of a circle are named.
const SHOWN: usize = 12;

/// Actions by their places in the list, with the places of what each waits for.
#[derive(Debug)]
pub(super) struct Graph {
    /// Where the edges of an action begin in `before`; one entry more than actions.
    begin: Vec<usize>,
    before: Vec<usize>,
    /// All places, each behind those it waits for.
    pub(super) sorted: Vec<usize>,
}

impl Graph {
    /// Reads the edges.
    ///
    /// # Errors
    /// Why this is no graph that can be walked.
    pub(super) fn of(schedule: &Schedule) -> Result<Graph, Vec<Violation>> {
        let (begin, before) = edges(schedule)?;
        let mut graph = Graph { begin, before, sorted: Vec::new() };
        graph.sorted = graph.sort();
        if graph.sorted.len() == schedule.actions.len() {
            return Ok(graph);
        }
        let mut stuck = vec![true; schedule.actions.len()];
        graph.sorted.iter().for_each(|at| stuck[*at] = false);
        let circle = graph.circle(&stuck);
        let words: Vec<String> = circle.iter().take(SHOWN).map(|at| words(&schedule.actions[*at])).collect();
        let more = if circle.len() > SHOWN { format!(" -> {} more", circle.len() - SHOWN) } else { String::new() };
        Err(vec![wrong(None, format!("actions wait for each other: {}{more} -> the first again", words.join(" -> ")))])
    }

    /// One circle among actions that are all stuck, each behind one it waits for.
    fn circle(&self, stuck: &[bool]) -> Vec<usize> {
        let mut seen: Vec<Option<usize>> = vec![None; stuck.len()];
        let mut path: Vec<usize> = Vec::new();
        let mut next = stuck.iter().position(|stuck| *stuck);
        while let Some(at) = next {
            if let Some(begin) = seen[at] {
                path.drain(..begin);
                break;
            }
            seen[at] = Some(path.len());
            path.push(at);
            next = self.before(at).iter().copied().find(|first| stuck[*first]);
        }
        path.reverse();
        path
    }

    /// The places of what the action at `at` waits for, direct edges.
    pub(super) fn before(&self, at: usize) -> &[usize] {
        &self.before[self.begin[at]..self.begin[at + 1]]
    }

    /// How many actions there are.
    pub(super) fn len(&self) -> usize {
        self.begin.len() - 1
    }

    fn sort(&self) -> Vec<usize> {
        let count = self.len();
        let mut waiting: Vec<usize> = (0..count).map(|at| self.before(at).len()).collect();
        let mut behind = vec![0; count + 1];
        self.before.iter().for_each(|first| behind[first + 1] += 1);
        for at in 0..count {
            behind[at + 1] += behind[at];
        }
        let (mut fill, mut followers) = (behind.clone(), vec![0; self.before.len()]);
        for at in 0..count {
            for &first in self.before(at) {
                followers[fill[first]] = at;
                fill[first] += 1;
            }
        }
        let mut sorted: Vec<usize> = (0..count).filter(|at| waiting[*at] == 0).collect();
        let mut next = 0;
        while let Some(&at) = sorted.get(next) {
            next += 1;
            for &then in &followers[behind[at]..behind[at + 1]] {
                waiting[then] -= 1;
                if waiting[then] == 0 {
                    sorted.push(then);
                }
            }
        }
        sorted
    }
}

/// An action in the words of people, with its id.
fn words(action: &ScheduledAction) -> String {
    let resource = action.resource.as_deref().map(|it| format!(" {it}")).unwrap_or_default();
    let node = action.node.as_deref().map(|it| format!(" on {it}")).unwrap_or_default();
    format!("{}{resource}{node} ({})", action.operation, action.id)
}

fn wrong(action: Option<u32>, says: String) -> Violation {
    Violation { rule: Rule::Shape, action, resource: None, node: None, says }
}

/// Edges as places. Ids mostly are places.
fn edges(schedule: &Schedule) -> Result<(Vec<usize>, Vec<usize>), Vec<Violation>> {
    let actions = &schedule.actions;
    let in_place = |id: u32, at: usize| usize::try_from(id) == Ok(at);
    let mut places: BTreeMap<u32, usize> = BTreeMap::new();
    let mut found = Vec::new();
    if actions.iter().enumerate().any(|(at, action)| !in_place(action.id, at)) {
        for (at, action) in actions.iter().enumerate() {
            if places.insert(action.id, at).is_some() {
                found.push(wrong(Some(action.id), format!("two actions have the id {}", action.id)));
            }
        }
    }
    let place = |id: u32| match places.is_empty() {
        true => usize::try_from(id).ok().filter(|at| *at < actions.len()),
        false => places.get(&id).copied(),
    };
    let (mut begin, mut before) = (Vec::with_capacity(actions.len() + 1), Vec::new());
    for action in actions {
        begin.push(before.len());
        for &id in &action.after {
            match place(id) {
                Some(first) => before.push(first),
                None => found.push(wrong(
                    Some(action.id),
                    format!("action {} waits for action {id}, which does not exist", action.id),
                )),
            }
        }
    }
    begin.push(before.len());
    if found.is_empty() { Ok((begin, before)) } else { Err(found) }
}

/// Answers whether one action is over before another begins. Questions about the same later action, asked in a row,
/// share one walk, and what it waits for directly needs none.
#[derive(Debug)]
pub(super) struct Before<'g> {
    graph: &'g Graph,
    /// For each action the question in which it was seen last.
    seen: Vec<u32>,
    question: u32,
    of: Option<usize>,
    /// What was seen, and not what is before it.
    open: Vec<usize>,
}

impl<'g> Before<'g> {
    pub(super) fn new(graph: &'g Graph) -> Before<'g> {
        Before { graph, seen: vec![0; graph.len()], question: 0, of: None, open: Vec::new() }
    }

    /// Whether `first` is over before `then` begins.
    pub(super) fn precedes(&mut self, first: usize, then: usize) -> bool {
        if self.of != Some(then) {
            self.question += 1;
            self.of = Some(then);
            self.open.clear();
            self.see(then);
        }
        if self.seen[first] == self.question {
            return true;
        }
        while let Some(at) = self.open.pop() {
            self.see(at);
        }
        self.seen[first] == self.question
    }

    /// Sees what is directly before an action.
    fn see(&mut self, at: usize) {
        for &first in self.graph.before(at) {
            if self.seen[first] != self.question {
                self.seen[first] = self.question;
                self.open.push(first);
            }
        }
    }
}
