//! Which step waits for which, and which steps have to be left out for now.
//!
//! A step that cannot be taken takes those along that need it. What remains is a graph without circles, in the order of
//! the steps.

use super::actions::{Hold, OfResource, Step, Steps, What};
use super::expand::{Rules, Sequence};
use super::facts::{Care, Facts, Standing, State};
use super::fence::Fencing;
use crate::schedule::{Action, ActionId, Graph};
use config::{OperationName, Score};

/// The graph, and what was left out: which resource, and why.
pub(super) struct Ordered {
    pub(super) graph: Graph,
    /// Resource names with words for the operator.
    pub(super) held: Vec<(config::ResourceId, String)>,
}

/// How a step depends on an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tie {
    /// After it, and not without it.
    Must,
    /// After it, when both are taken.
    May,
    /// Not without it, at any time.
    With,
}

struct Edges {
    /// By later step: earlier step and tie.
    before: Vec<Vec<(usize, Tie)>>,
}

impl Edges {
    fn add(&mut self, earlier: usize, later: usize, tie: Tie) {
        if earlier != later {
            self.before[later].push((earlier, tie));
        }
    }
}

pub(super) fn order(facts: &Facts<'_>, fencing: &Fencing, rules: &Rules, mut steps: Steps<'_>) -> Ordered {
    let mut edges = Edges { before: vec![Vec::new(); steps.list.len()] };
    for r in 0..steps.of.len() {
        own(&steps.of[r], &mut edges);
        trust(facts, r, &mut steps, &mut edges);
    }
    for rule in &rules.sequences {
        sequence(facts, fencing, rule, &mut steps, &mut edges);
    }
    for rule in rules.sequences.iter().filter(|rule| rule.requires()) {
        unanswered(facts, fencing, rule.first, rule.then, &mut steps);
    }
    for rule in rules.together.iter().filter(|rule| rule.score.is_mandatory()) {
        unanswered(facts, fencing, rule.primary, rule.dependent, &mut steps);
    }
    for rule in &rules.together {
        let (dependent, primary) = (&steps.of[rule.dependent], &steps.of[rule.primary]);
        if rule.score.is_mandatory() {
            for later in dependent.start.iter().chain(&dependent.stops) {
                for probe in &primary.probes {
                    edges.add(*probe, *later, Tie::Must);
                }
            }
            if let (Some(earlier), Some(later)) = (primary.start, dependent.start) {
                edges.add(earlier, later, Tie::With);
            }
        }
        if rule.score == Score::NEVER {
            apart(&steps, dependent, primary, &mut edges);
            apart(&steps, primary, dependent, &mut edges);
        }
    }
    untangle(&mut steps, &mut edges);
    finish(steps, &edges)
}

/// Within one resource: ask, stop, start, watch.
fn own(of: &OfResource, edges: &mut Edges) {
    let Some(start) = of.start else { return };
    for earlier in of.probes.iter().chain(&of.stops) {
        edges.add(*earlier, start, Tie::Must);
    }
    for watch in &of.watches {
        edges.add(start, *watch, Tie::Must);
    }
}

/// Nothing is started that may still run on a node nobody can ask, until that node is confirmed off. On a node that was
/// lost everything may run: the last order before the loss may have reached it and nobody else, and in a cluster of two
/// it may go on giving orders to itself.
fn trust(facts: &Facts<'_>, r: usize, steps: &mut Steps<'_>, edges: &mut Edges) {
    let Some(start) = steps.of[r].start else { return };
    for (n, node) in facts.nodes.iter().enumerate() {
        let fence = steps.fences.get(&n).copied();
        let presence = &facts.resources[r].on[n];
        let possible = node.standing == Standing::Lost
            || !matches!(presence.state, State::Absent | State::Stopped)
            || presence.flight.is_some();
        match fence {
            Some(fence) if possible => edges.add(fence, start, Tie::Must),
            None if possible && node.doubtful() => {
                let why = match node.standing {
                    Standing::Awaited => format!("{} may run it and is expected to appear", node.id),
                    _ => format!("{} may run it and is not confirmed off", node.id),
                };
                steps.list[start].hold.get_or_insert(Hold::Blocked(why));
            }
            _ => {}
        }
    }
}

/// One rule of order, in both directions when it is symmetrical.
fn sequence(facts: &Facts<'_>, fencing: &Fencing, rule: &Sequence, steps: &mut Steps<'_>, edges: &mut Edges) {
    let tie = if rule.mandatory { Tie::Must } else { Tie::May };
    let (first, then) = (&steps.of[rule.first], &steps.of[rule.then]);
    for later in actions(then, rule.then_action) {
        for earlier in actions(first, rule.first_action) {
            edges.add(earlier, later, tie);
        }
        if rule.requires() {
            // An answer that it runs after all changes everything.
            for probe in &first.probes {
                edges.add(*probe, later, Tie::Must);
            }
        }
    }
    if rule.requires() {
        for (probe, stop) in first.probes.iter().flat_map(|probe| then.stops.iter().map(move |stop| (probe, stop))) {
            edges.add(*probe, *stop, Tie::Must);
        }
    }
    if !rule.symmetrical {
        return;
    }
    for later in actions(first, inverse(rule.first_action)) {
        for earlier in actions(then, inverse(rule.then_action)) {
            edges.add(earlier, later, tie);
        }
    }
    if rule.first_action == OperationName::Start && rule.then_action == OperationName::Start {
        // Also when the stop between the two is implied by fencing.
        for earlier in &then.stops {
            if let Some(later) = first.start {
                edges.add(*earlier, later, tie);
            }
        }
        stuck(facts, fencing, rule, steps);
    }
}

/// What the cluster may not stop keeps running what it was started after.
fn stuck(facts: &Facts<'_>, fencing: &Fencing, rule: &Sequence, steps: &mut Steps<'_>) {
    let then = &facts.resources[rule.then];
    let (Care::Unmanaged(why) | Care::Blocked(why)) = &then.care else { return };
    let runs = facts.occupied(rule.then).any(|n| fencing.reachable(facts, n));
    if !runs || !rule.mandatory {
        return;
    }
    for stop in &steps.of[rule.first].stops {
        let text = format!("{} must be stopped before: {why}", then.config.name);
        steps.list[*stop].hold.get_or_insert(Hold::Blocked(text));
    }
}

fn actions(of: &OfResource, name: OperationName) -> Vec<usize> {
    match name {
        OperationName::Start => of.start.into_iter().collect(),
        OperationName::Stop => of.stops.clone(),
        _ => Vec::new(),
    }
}

fn inverse(name: OperationName) -> OperationName {
    match name {
        OperationName::Start => OperationName::Stop,
        OperationName::Stop => OperationName::Start,
        other => other,
    }
}

/// Whether it runs was asked and not answered: the answer may save those who need it.
fn unanswered(facts: &Facts<'_>, fencing: &Fencing, first: usize, then: usize, steps: &mut Steps<'_>) {
    let resource = &facts.resources[first];
    let asked = resource.on.iter().enumerate().any(|(n, presence)| presence.asking() && fencing.reachable(facts, n));
    let Some(why) = fencing.in_flight(facts, first).filter(|_| asked) else { return };
    let of = &steps.of[then];
    for at in of.start.iter().chain(&of.stops) {
        steps.list[*at].hold.get_or_insert(Hold::Waits(why.clone()));
    }
}

/// Two that may not be on one node: one leaves before the other comes.
fn apart(steps: &Steps<'_>, leaving: &OfResource, coming: &OfResource, edges: &mut Edges) {
    let Some(start) = coming.start else { return };
    for stop in leaving.stops.iter().filter(|stop| steps.list[**stop].node == steps.list[start].node) {
        edges.add(*stop, start, Tie::Must);
    }
}

/// Carries holds along the ties, and breaks circles: first where an order is optional, then by holding all of it.
fn untangle(steps: &mut Steps<'_>, edges: &mut Edges) {
    loop {
        hold(steps, edges);
        let circle = circle(steps, edges);
        if circle.is_empty() {
            return;
        }
        let inside: Vec<bool> = (0..steps.list.len()).map(|at| circle.binary_search(&at).is_ok()).collect();
        let mut dropped = false;
        for later in &circle {
            let list = &mut edges.before[*later];
            let count = list.len();
            list.retain(|(earlier, tie)| *tie != Tie::May || !inside[*earlier]);
            dropped |= list.len() != count;
        }
        if !dropped {
            for at in circle {
                let text = "the rules of order around it form a circle".to_owned();
                steps.list[at].hold.get_or_insert(Hold::Blocked(text));
            }
        }
    }
}

fn hold(steps: &mut Steps<'_>, edges: &Edges) {
    let mut after: Vec<Vec<(usize, Tie)>> = vec![Vec::new(); steps.list.len()];
    for (later, list) in edges.before.iter().enumerate() {
        for (earlier, tie) in list {
            after[*earlier].push((later, *tie));
        }
    }
    // A gentle stop goes with the start that it is for.
    for of in &steps.of {
        for (start, stop) in of.start.iter().flat_map(|start| of.stops.iter().map(move |stop| (*start, *stop))) {
            if steps.list[stop].gentle {
                after[start].push((stop, Tie::With));
            }
        }
    }
    let mut news: Vec<usize> = (0..steps.list.len()).filter(|at| steps.list[*at].hold.is_some()).collect();
    while let Some(earlier) = news.pop() {
        let Some(hold) = steps.list[earlier].hold.clone() else { continue };
        for (later, tie) in &after[earlier] {
            let step = &mut steps.list[*later];
            let passes = match hold {
                Hold::Waits(_) => true,
                Hold::Blocked(_) => *tie != Tie::May,
            };
            if passes && step.hold.is_none() {
                step.hold = Some(hold.clone());
                news.push(*later);
            }
        }
    }
}

/// Steps that are in a circle or wait for one, in order.
fn circle(steps: &Steps<'_>, edges: &Edges) -> Vec<usize> {
    let count = steps.list.len();
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut waits = vec![0usize; count];
    let taken = |at: usize| steps.list[at].hold.is_none();
    for later in (0..count).filter(|at| taken(*at)) {
        for (earlier, _) in edges.before[later].iter().filter(|(at, tie)| *tie != Tie::With && taken(*at)) {
            after[*earlier].push(later);
            waits[later] += 1;
        }
    }
    let mut ready: Vec<usize> = (0..count).filter(|at| taken(*at) && waits[*at] == 0).collect();
    let mut done = vec![false; count];
    while let Some(at) = ready.pop() {
        done[at] = true;
        for later in &after[at] {
            waits[*later] -= 1;
            if waits[*later] == 0 {
                ready.push(*later);
            }
        }
    }
    (0..count).filter(|at| taken(*at) && !done[*at]).collect()
}

fn finish(steps: Steps<'_>, edges: &Edges) -> Ordered {
    let mut place = vec![None; steps.list.len()];
    let taken = steps.list.iter().zip(&mut place).filter(|(step, _)| step.hold.is_none());
    for (id, (_, place)) in (0..).zip(taken) {
        *place = Some(ActionId(id));
    }
    let mut graph = Graph::default();
    let mut held = Vec::new();
    for (at, step) in steps.list.into_iter().enumerate() {
        let Some(id) = place[at] else {
            held.extend(words(&step));
            continue;
        };
        let mut after: Vec<ActionId> =
            edges.before[at].iter().filter(|(_, tie)| *tie != Tie::With).filter_map(|(at, _)| place[*at]).collect();
        after.sort_unstable();
        after.dedup();
        graph.actions.push(Action { id, kind: step.kind, after, cause: step.cause });
    }
    Ordered { graph, held }
}

fn words(step: &Step<'_>) -> Option<(config::ResourceId, String)> {
    let what = match step.what {
        What::Stop => "stop",
        What::Start => "start",
        What::Fence | What::Probe | What::Monitor | What::Cancel => return None,
    };
    let (id, hold) = (step.id?, step.hold.as_ref()?);
    let crate::schedule::ActionKind::Perform { node, .. } = &step.kind else { return None };
    Some((id.clone(), format!("its {what} on {node} waits: {}", hold.text())))
}
