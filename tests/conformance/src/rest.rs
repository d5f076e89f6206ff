//! Transitions carried out one after the other until nothing is left to do, or until a situation comes back.

use fastrand::Rng;
use scheduler::execute::execute;
use scheduler::facts;
use scheduler::schedule::{ActionKind, Schedule, ScheduledAction};
use scheduler::situation::{NodeStatus, Situation};
use std::sync::Arc;

/// So many transitions are carried out at most.
const MOST: usize = 12;

/// How a cluster comes to rest when every action succeeds.
#[derive(Clone, Debug)]
pub struct Course {
    /// What was carried out; empty when nothing was left to do from the beginning.
    pub transitions: Vec<Transition>,
    /// How it ends.
    pub end: End,
    /// At rest: how everything stands, and the schedule that has nothing left to do.
    pub last: Option<(Situation, Schedule)>,
    /// How everything stood before each transition, and at rest.
    seen: Vec<Vec<NodeStatus>>,
}

impl Course {
    /// Whether the first transition, carried out in another order, leads where it led in this one. Then the rest of
    /// the way is known.
    #[must_use]
    pub fn agrees(&self, situation: &Situation, order: u64) -> bool {
        let facts = facts::read(situation);
        let mut schedule = scheduler::plan(&facts);
        Rng::with_seed(order).shuffle(&mut schedule.actions);
        let second = self.seen.get(1);
        self.transitions.is_empty() || second == Some(&without_numbers(&execute(&facts, &schedule).status))
    }
}

/// One transition.
#[derive(Clone, Debug)]
pub struct Transition {
    /// What it really does.
    pub done: Vec<String>,
    /// It has a node fenced.
    pub fences: bool,
    /// It asks what runs where, and forgets what was recorded, and does nothing else.
    pub only_asks: bool,
}

/// How the transitions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing is left to do.
    Rest,
    /// A situation came back: the cluster goes round for ever.
    Circle,
    /// Neither within a dozen transitions.
    Endless,
}

/// Carries transitions out, each in an order that its edges permit: the written one, or with `shuffle` another.
#[must_use]
pub fn course(
    situation: &Situation,
    shuffle: Option<u64>,
    mut look: impl FnMut(&Situation, &Schedule, &Situation),
) -> Course {
    let mut rng = shuffle.map(Rng::with_seed);
    let mut now = situation.clone();
    let mut seen: Vec<Vec<NodeStatus>> = Vec::new();
    let mut transitions = Vec::new();
    for _ in 0..MOST {
        let facts = facts::read(&now);
        let mut schedule = scheduler::plan(&facts);
        let done = left(&schedule);
        let status = without_numbers(&now.status);
        let circle = seen.contains(&status);
        seen.push(status);
        if done.is_empty() {
            look(&now, &schedule, &now);
            return Course { transitions, end: End::Rest, last: Some((now, schedule)), seen };
        }
        if circle {
            return Course { transitions, end: End::Circle, last: None, seen };
        }
        transitions.push(Transition { done, fences: fences(&schedule), only_asks: only_asks(&schedule) });
        if let Some(rng) = &mut rng {
            rng.shuffle(&mut schedule.actions);
        }
        let later = execute(&facts, &schedule);
        look(&now, &schedule, &later);
        now = later;
    }
    Course { transitions, end: End::Endless, last: None, seen }
}

fn fences(schedule: &Schedule) -> bool {
    schedule.actions.iter().any(|it| it.kind == ActionKind::Fence)
}

fn only_asks(schedule: &Schedule) -> bool {
    real(schedule).all(|it| {
        let asks = it.operation == "monitor" && it.interval_ms == 0;
        asks || matches!(it.operation.as_str(), "delete" | "lrm_delete" | "clear_failcount")
    })
}

/// A status in which the numbers of calls say their order and nothing else, and moments are left out: equal ones are
/// the same situation.
fn without_numbers(status: &[NodeStatus]) -> Vec<NodeStatus> {
    let mut status = status.to_vec();
    for history in status.iter_mut().flat_map(|node| &mut node.resources) {
        let history = Arc::make_mut(history);
        history.operations.sort_by_key(|it| it.call);
        for (at, it) in history.operations.iter_mut().enumerate() {
            it.call = i64::try_from(at).unwrap_or(i64::MAX);
            it.transition_key.clear();
            it.last_run = None;
            it.last_change = None;
        }
    }
    for node in &mut status {
        node.resources.sort_by(|one, other| one.id.cmp(&other.id));
    }
    status
}

/// What a schedule really does, in words.
#[must_use]
pub fn left(schedule: &Schedule) -> Vec<String> {
    let words = |it: &ScheduledAction| {
        format!("{} {} {}", it.operation, it.resource.as_deref().unwrap_or("-"), it.node.as_deref().unwrap_or("-"))
    };
    real(schedule).map(words).collect()
}

/// What a schedule really does. A node that was told to leave still stands there: leaving is its own decision. What
/// cannot be stopped is announced as if it were, each time (as by the peer); an announcement alone changes nothing.
fn real(schedule: &Schedule) -> impl Iterator<Item = &ScheduledAction> {
    let real = |it: &&ScheduledAction| {
        it.kind != ActionKind::Pseudo && !matches!(it.operation.as_str(), "do_shutdown" | "notify")
    };
    schedule.actions.iter().filter(real)
}
