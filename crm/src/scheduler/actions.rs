//! The difference between what is and what should be, as steps without an order: cut off, probe, stop, start, watch.

use super::assign::Assignment;
use super::expand::Rules;
use super::facts::{Care, Facts, Presence, State};
use super::fence::Fencing;
use super::operation;
use super::restart::{self, Plan, Stop};
use super::score::Scores;
use crate::schedule::ActionKind;
use config::{OperationName, ResourceId};
use resource_agents::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Fence,
    Probe,
    Stop,
    Start,
    Monitor,
    Cancel,
}

/// Why a step cannot be taken in this transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// Something is under way; its end gives a new transition.
    Waits(String),
    /// It needs a change from outside.
    Blocked(String),
}

impl Hold {
    pub(super) fn text(&self) -> &str {
        match self {
            Hold::Waits(text) | Hold::Blocked(text) => text,
        }
    }
}

/// One step.
pub(super) struct Step<'a> {
    pub(super) what: What,
    pub(super) node: usize,
    /// `None` for fencing.
    pub(super) id: Option<&'a ResourceId>,
    pub(super) kind: ActionKind,
    pub(super) cause: String,
    pub(super) hold: Option<Hold>,
    /// A stop of something healthy, only to start it again: not before it can be started again.
    pub(super) gentle: bool,
}

/// The steps of one resource, as places in [`Steps::list`].
#[derive(Clone, Default)]
pub(super) struct OfResource {
    pub(super) probes: Vec<usize>,
    pub(super) stops: Vec<usize>,
    pub(super) start: Option<usize>,
    pub(super) watches: Vec<usize>,
}

/// All steps.
pub(super) struct Steps<'a> {
    pub(super) list: Vec<Step<'a>>,
    /// By resource.
    pub(super) of: Vec<OfResource>,
    /// By node.
    pub(super) fences: BTreeMap<usize, usize>,
}

pub(super) fn difference<'a>(
    facts: &Facts<'a>,
    fencing: &Fencing,
    rules: &Rules,
    scores: &Scores,
    assignment: &Assignment,
) -> Steps<'a> {
    let mut steps = Steps { list: Vec::new(), of: Vec::new(), fences: BTreeMap::new() };
    for (n, reason) in &fencing.targets {
        fence(facts, *n, reason, &mut steps);
    }
    let mut plans: Vec<Plan> =
        (0..facts.resources.len()).map(|r| plan(facts, fencing, scores, assignment, r)).collect();
    restart::propagate(facts, rules, assignment, &mut plans);
    for (r, plan) in plans.iter().enumerate() {
        let mut of = OfResource::default();
        let begin = steps.list.len();
        probes(facts, fencing, r, &mut steps, &mut of);
        act(facts, r, plan, &mut steps, &mut of);
        watch(facts, fencing, r, plan, assignment.node[r], &mut steps, &mut of);
        let hold = fencing.in_flight(facts, r).map(Hold::Waits);
        for step in &mut steps.list[begin..] {
            step.hold.clone_from(&hold);
        }
        steps.of.push(of);
    }
    orphans(facts, fencing, &mut steps);
    steps
}

fn fence(facts: &Facts<'_>, n: usize, reason: &str, steps: &mut Steps<'_>) {
    let node = &facts.nodes[n];
    let kind = ActionKind::Fence { node: node.id.clone(), incarnation: node.incarnation, reason: reason.to_owned() };
    steps.fences.insert(n, steps.list.len());
    steps.list.push(Step {
        what: What::Fence,
        node: n,
        id: None,
        kind,
        cause: reason.to_owned(),
        hold: None,
        gentle: false,
    });
}

/// Stops and start of one resource, seen alone.
fn plan(facts: &Facts<'_>, fencing: &Fencing, scores: &Scores, assignment: &Assignment, r: usize) -> Plan {
    let resource = &facts.resources[r];
    if !resource.managed() {
        return Plan::default();
    }
    let target = assignment.node[r];
    let occupied: Vec<usize> = facts.occupied(r).filter(|n| fencing.reachable(facts, *n)).collect();
    let start = target.filter(|_| facts.quorate());
    match occupied.as_slice() {
        [] => Plan { stops: Vec::new(), start: start.map(|n| (n, absence(facts, fencing, r))) },
        [n] => single(facts, fencing, scores, r, *n, target, start, last_note(assignment, r)),
        several => {
            let names: Vec<&str> = several.iter().map(|n| facts.nodes[*n].id.as_str()).collect();
            let cause = format!("it runs on {} at once", names.join(" and "));
            let stop = |n: &usize| Stop { node: *n, cause: cause.clone(), gentle: false };
            Plan { stops: several.iter().map(stop).collect(), start: start.map(|n| (n, cause.clone())) }
        }
    }
}

/// Why something is started that runs on no node that can be asked.
fn absence(facts: &Facts<'_>, fencing: &Fencing, r: usize) -> String {
    let on = facts.resources[r].on.iter().enumerate();
    let mut lost = on.filter(|(n, presence)| {
        presence.occupied()
            || presence.state == State::Doubtful && { fencing.targets.contains_key(n) && facts.ran(r, *n) }
    });
    match lost.next() {
        Some((n, _)) => format!("it ran on {}, which is cut off first", facts.nodes[n].id),
        None => "it should run, and does not".to_owned(),
    }
}

fn last_note(assignment: &Assignment, r: usize) -> &str {
    assignment.notes[r].last().map_or("no node may run it", String::as_str)
}

/// What runs on exactly one node.
fn single(
    facts: &Facts<'_>,
    fencing: &Fencing,
    scores: &Scores,
    r: usize,
    n: usize,
    target: Option<usize>,
    start: Option<usize>,
    note: &str,
) -> Plan {
    let resource = &facts.resources[r];
    let presence = &resource.on[n];
    let here = facts.nodes[n].id;
    let stopping = presence.flight.is_some_and(|key| key.name == OperationName::Stop);
    let (cause, gentle) = match (&presence.state, target) {
        (State::Failed(failure), _) => (failure.text.clone(), false),
        (_, _) if stopping => (format!("its stop on {here} is under way"), false),
        (_, None) => (resource.unwanted.clone().unwrap_or_else(|| note.to_owned()), false),
        (State::Active { .. }, Some(to)) if to == n => match renewal(facts, r, presence) {
            Some(cause) if facts.quorate() => (cause, true),
            _ => return Plan::default(),
        },
        (_, Some(to)) if to == n => {
            return Plan { stops: Vec::new(), start: Some((n, "its start is under way".to_owned())) };
        }
        (_, Some(to)) => {
            let may_stay = fencing.usable(n) && !scores.sum(r, n).is_never();
            let why = match (&fencing.unusable[n], scores.forbidden_by(r, n)) {
                (Some(reason), _) => format!(": {reason}"),
                (None, Some(rule)) => format!(": not on {here} any more, {rule}"),
                (None, None) => String::new(),
            };
            (format!("it moves from {here} to {}{why}", facts.nodes[to].id), may_stay)
        }
    };
    let start = start.map(|n| (n, cause.clone()));
    Plan { stops: vec![Stop { node: n, cause, gentle }], start }
}

/// Why something that runs well is stopped and started again.
fn renewal(facts: &Facts<'_>, r: usize, presence: &Presence<'_>) -> Option<String> {
    let resource = &facts.resources[r];
    let State::Active { call, digest } = presence.state else { return None };
    let status = &facts.situation.cib.status;
    let names = [Some(&resource.config.name), resource.group.map(|group| &group.name)];
    if names.into_iter().flatten().any(|name| status.restarts.get(name).is_some_and(|since| call < *since)) {
        return Some("a restart was asked for".to_owned());
    }
    (digest != resource.digest).then(|| "its definition changed".to_owned())
}

fn probes<'a>(facts: &Facts<'a>, fencing: &Fencing, r: usize, steps: &mut Steps<'a>, of: &mut OfResource) {
    let resource = &facts.resources[r];
    for (n, presence) in resource.on.iter().enumerate() {
        if presence.state == State::Unknown && presence.flight.is_none() && fencing.reachable(facts, n) {
            let operation = operation::of(resource.config, OperationName::Monitor, None, facts.nodes[n].id);
            let cause = format!("it is not known whether it runs on {}", facts.nodes[n].id);
            of.probes.push(perform(facts, r, What::Probe, n, operation, Outcome::NotRunning, cause, steps));
        }
    }
}

fn act<'a>(facts: &Facts<'a>, r: usize, plan: &Plan, steps: &mut Steps<'a>, of: &mut OfResource) {
    let resource = &facts.resources[r];
    for stop in &plan.stops {
        let operation = operation::stop(facts, resource, stop.node);
        let at = perform(facts, r, What::Stop, stop.node, operation, Outcome::Ok, stop.cause.clone(), steps);
        steps.list[at].gentle = stop.gentle;
        of.stops.push(at);
    }
    if let Some((n, cause)) = &plan.start {
        let operation = operation::of(resource.config, OperationName::Start, None, facts.nodes[*n].id);
        of.start = Some(perform(facts, r, What::Start, *n, operation, Outcome::Ok, cause.clone(), steps));
    }
}

/// Recurring monitors: begin those that are missing where it runs or will run, end those nobody asks for any more.
fn watch<'a>(
    facts: &Facts<'a>,
    fencing: &Fencing,
    r: usize,
    plan: &Plan,
    target: Option<usize>,
    steps: &mut Steps<'a>,
    of: &mut OfResource,
) {
    let resource = &facts.resources[r];
    let monitors = || resource.config.operations.iter().filter(|one| one.name == OperationName::Monitor);
    let wanted: BTreeSet<Duration> = monitors().filter_map(|one| one.interval).collect();
    for (n, presence) in resource.on.iter().enumerate() {
        let hands_off = resource.maintenance || facts.nodes[n].maintenance;
        let starts = plan.start.as_ref().is_some_and(|(to, _)| *to == n);
        let stops = plan.stops.iter().any(|stop| stop.node == n);
        let runs = presence.active() || (hands_off && presence.occupied());
        let stays = runs && !stops && (target == Some(n) || !resource.managed());
        if !fencing.reachable(facts, n) || !(starts || stays) || matches!(resource.care, Care::Blocked(_)) {
            continue;
        }
        let running: BTreeSet<Duration> =
            if starts { BTreeSet::new() } else { presence.monitors.iter().copied().collect() };
        let wanted = if hands_off { BTreeSet::new() } else { wanted.clone() };
        for interval in running.difference(&wanted) {
            let cause = if hands_off { "maintenance" } else { "no monitor with this interval is configured" };
            cancel(facts, r, n, *interval, cause, steps);
        }
        for interval in wanted.difference(&running) {
            let name = OperationName::Monitor;
            let operation = operation::of(resource.config, name, Some(*interval), facts.nodes[n].id);
            let cause = "it runs and is to be watched".to_owned();
            of.watches.push(perform(facts, r, What::Monitor, n, operation, Outcome::Ok, cause, steps));
        }
    }
}

fn perform<'a>(
    facts: &Facts<'a>,
    r: usize,
    what: What,
    node: usize,
    operation: resource_agents::Operation,
    expect: Outcome,
    cause: String,
    steps: &mut Steps<'a>,
) -> usize {
    let operation = resource_agents::Operation { expect, ..operation };
    let kind = ActionKind::Perform { node: facts.nodes[node].id.clone(), operation, expect };
    push(facts, r, what, node, kind, cause, steps)
}

fn cancel<'a>(facts: &Facts<'a>, r: usize, n: usize, interval: Duration, cause: &str, steps: &mut Steps<'a>) {
    let resource = facts.resources[r].config.name.clone();
    let kind = ActionKind::CancelMonitor { node: facts.nodes[n].id.clone(), resource, interval };
    push(facts, r, What::Cancel, n, kind, cause.to_owned(), steps);
}

fn push<'a>(
    facts: &Facts<'a>,
    r: usize,
    what: What,
    node: usize,
    kind: ActionKind,
    cause: String,
    steps: &mut Steps<'a>,
) -> usize {
    let resource = &facts.resources[r];
    steps.list.push(Step { what, node, id: Some(&resource.config.name), kind, cause, hold: None, gentle: false });
    steps.list.len() - 1
}

/// Stops what runs and is not configured any more.
fn orphans<'a>(facts: &Facts<'a>, fencing: &Fencing, steps: &mut Steps<'a>) {
    for orphan in facts.orphans.iter().filter(|orphan| orphan.left.is_none() && fencing.reachable(facts, orphan.node)) {
        let Some(definition) = orphan.definition else { continue };
        let node = facts.nodes[orphan.node].id;
        let operation = operation::stop_orphan(orphan.id, definition, node);
        let kind = ActionKind::Perform { node: node.clone(), operation, expect: Outcome::Ok };
        let hold = orphan.in_flight.then(|| Hold::Waits(format!("an order on {node} is not answered yet")));
        steps.list.push(Step {
            what: What::Stop,
            node: orphan.node,
            id: Some(orphan.id),
            kind,
            cause: "it is not in the cluster file any more".to_owned(),
            hold,
            gentle: false,
        });
    }
}
