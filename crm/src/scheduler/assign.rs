//! One node, or none, for every primitive: highest priority first, then in the order of the file; the one that is
//! followed before the one that follows.

use super::colocation;
use super::expand::Rules;
use super::facts::Facts;
use super::fence::Fencing;
use super::score::Scores;
use config::Score;
use std::cmp::Reverse;

/// The choice.
pub(super) struct Assignment {
    /// By resource.
    pub(super) node: Vec<Option<usize>>,
    /// By resource and node: the scores that decided; empty when nothing was to be decided.
    pub(super) rows: Vec<Vec<Score>>,
    /// By resource: what decided, other than its own scores.
    pub(super) notes: Vec<Vec<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Open,
    Busy,
    Done,
}

struct Assigner<'a> {
    facts: &'a Facts<'a>,
    fencing: &'a Fencing,
    rules: &'a Rules,
    scores: &'a Scores,
    marks: Vec<Mark>,
    /// Resources placed on each node so far.
    load: Vec<usize>,
    result: Assignment,
}

pub(super) fn assign(facts: &Facts<'_>, fencing: &Fencing, rules: &Rules, scores: &Scores) -> Assignment {
    let count = facts.resources.len();
    let result = Assignment { node: vec![None; count], rows: vec![Vec::new(); count], notes: vec![Vec::new(); count] };
    let load = vec![0; facts.nodes.len()];
    let mut assigner = Assigner { facts, fencing, rules, scores, marks: vec![Mark::Open; count], load, result };
    let mut turn: Vec<usize> = (0..count).collect();
    turn.sort_by_key(|r| Reverse(facts.resources[*r].priority));
    for r in turn {
        assigner.place_after_primaries(r);
    }
    if !facts.frozen() {
        assigner.settle();
    }
    assigner.result
}

/// Where a resource is that the cluster will not move, if anywhere.
fn kept(facts: &Facts<'_>, fencing: &Fencing, r: usize) -> Option<usize> {
    facts.occupied(r).find(|n| fencing.reachable(facts, *n))
}

impl Assigner<'_> {
    /// Whether its place is not for the cluster to choose.
    fn fixed(&self, r: usize) -> bool {
        !self.facts.resources[r].managed() || self.facts.frozen()
    }

    /// Places `r`, and before it, depth first, those it follows. Written as a loop: a chain may be long.
    fn place_after_primaries(&mut self, r: usize) {
        let mut stack = vec![r];
        while let Some(r) = stack.last().copied() {
            if self.marks[r] == Mark::Done {
                stack.pop();
                continue;
            }
            self.marks[r] = Mark::Busy;
            let open = |at: &&usize| self.marks[self.rules.together[**at].primary] == Mark::Open;
            if let Some(at) = self.rules.follows[r].iter().find(open) {
                stack.push(self.rules.together[*at].primary);
                continue;
            }
            self.place(r);
            self.marks[r] = Mark::Done;
            stack.pop();
        }
    }

    fn place(&mut self, r: usize) {
        let choice = if self.facts.frozen() {
            self.frozen(r)
        } else if self.fixed(r) {
            kept(self.facts, self.fencing, r)
        } else if self.facts.resources[r].unwanted.is_some() {
            None
        } else {
            self.choose(r)
        };
        if let Some(n) = choice {
            self.load[n] += 1;
        }
        self.result.node[r] = choice;
    }

    /// Without quorum under `freeze`: what runs well stays, on a node that stays.
    fn frozen(&self, r: usize) -> Option<usize> {
        let resource = &self.facts.resources[r];
        let mut occupied = self.facts.occupied(r);
        let (n, None) = (occupied.next()?, occupied.next()) else { return None };
        let well = resource.on[n].active() && !self.facts.nodes[n].leaving && resource.unwanted.is_none();
        (well || !resource.managed()).then_some(n)
    }

    fn choose(&mut self, r: usize) -> Option<usize> {
        let mut row = self.scores.row(r).to_vec();
        for rule in self.rules.follows[r].iter().map(|at| &self.rules.together[*at]) {
            if self.marks[rule.primary] != Mark::Done {
                continue; // a circle of wishes: somebody has to go first
            }
            let primary = self.result.node[rule.primary];
            let name = &self.facts.resources[rule.primary].config.name;
            let note = match (colocation::obey(rule, primary, &mut row), primary) {
                (Err(problem), _) => format!("{}: it must be with {name}, which {problem}", rule.because),
                (Ok(()), Some(n)) => {
                    let place = self.facts.nodes[n].id;
                    format!("{}: {} together with {name} on {place}", rule.because, rule.score)
                }
                (Ok(()), None) => continue,
            };
            self.result.notes[r].push(note);
        }
        // Those who asked for this one to be placed first are busy, and are heard as well.
        let open = |other: usize| self.marks[other] != Mark::Done;
        colocation::listen(self.facts, self.fencing, self.rules, self.scores, r, &open, &mut row);
        let choice = self.best(r, &row);
        self.result.rows[r] = row;
        choice
    }

    /// The usable node with the highest score that is not negative. Between equals: to stay, if it is wanted there at
    /// all; else the node with less to do; else to stay; else the first by name.
    fn best(&self, r: usize, row: &[Score]) -> Option<usize> {
        let here = |n: usize| self.facts.resources[r].on[n].occupied();
        (0..row.len())
            .filter(|n| self.fencing.usable(*n) && row[*n] >= Score::ZERO)
            .max_by_key(|n| (row[*n], here(*n) && row[*n] > Score::ZERO, Reverse(self.load[*n]), here(*n), Reverse(*n)))
    }

    /// Takes back what mandatory rules do not allow after all: those that need something that is not there.
    fn settle(&mut self) {
        loop {
            let mut changed = false;
            for rule in &self.rules.together {
                let (dependent, primary) = (self.result.node[rule.dependent], self.result.node[rule.primary]);
                let apart = rule.score.is_mandatory() && dependent != primary;
                let clash = rule.score.is_never() && dependent == primary;
                if dependent.is_some() && (apart || clash) && !self.fixed(rule.dependent) {
                    let name = &self.facts.resources[rule.primary].config.name;
                    let how = if apart { "with" } else { "apart from" };
                    self.result.node[rule.dependent] = None;
                    self.result.notes[rule.dependent].push(format!("{}: it must be {how} {name}", rule.because));
                    changed = true;
                }
            }
            for rule in self.rules.sequences.iter().filter(|rule| rule.requires()) {
                if self.result.node[rule.first].is_none()
                    && self.result.node[rule.then].is_some()
                    && !self.fixed(rule.then)
                {
                    let name = &self.facts.resources[rule.first].config.name;
                    self.result.node[rule.then] = None;
                    self.result.notes[rule.then].push(format!("{}: {name} must run first", rule.because));
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }
}
