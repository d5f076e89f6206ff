//! Transitions carried out one after the other until nothing is left to do, or until a situation comes back.

use fastrand::Rng;
use scheduler::execute::execute;
use scheduler::facts;
use scheduler::schedule::{ActionKind, Schedule, ScheduledAction};
use scheduler::situation::{NodeStatus, Situation};

/// So many transitions are carried out at most.
const MOST: usize = 12;

/// How a cluster comes to rest when every action succeeds.
#[derive(Clone, Debug)]
pub struct Course {
    /// What each transition really does; empty when nothing was left to do from the beginning.
    pub transitions: Vec<Vec<String>>,
    /// How it ends.
    pub end: End,
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
pub fn course(situation: &Situation, shuffle: Option<u64>, mut look: impl FnMut(&Situation, &Schedule)) -> Course {
    let mut rng = shuffle.map(Rng::with_seed);
    let mut now = situation.clone();
    let mut seen: Vec<Vec<NodeStatus>> = Vec::new();
    let mut transitions = Vec::new();
    for _ in 0..MOST {
        let facts = facts::read(&now);
        let mut schedule = scheduler::plan(&facts);
        look(&now, &schedule);
        let left = left(&schedule);
        if left.is_empty() {
            return Course { transitions, end: End::Rest };
        }
        let status = without_numbers(&now.status);
        if seen.contains(&status) {
            return Course { transitions, end: End::Circle };
        }
        seen.push(status);
        transitions.push(left);
        if let Some(rng) = &mut rng {
            rng.shuffle(&mut schedule.actions);
        }
        now = execute(&facts, &schedule);
    }
    Course { transitions, end: End::Endless }
}

/// A status in which the numbers of calls say their order and nothing else, and moments are left out: equal ones are
/// the same situation.
fn without_numbers(status: &[NodeStatus]) -> Vec<NodeStatus> {
    let mut status = status.to_vec();
    for history in status.iter_mut().flat_map(|node| &mut node.resources) {
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

/// What a schedule really does. A node that was told to leave still stands there: leaving is its own decision. What
/// cannot be stopped is announced as if it were, each time (as by the peer); an announcement alone changes nothing.
#[must_use]
pub fn left(schedule: &Schedule) -> Vec<String> {
    let real = |it: &&ScheduledAction| {
        it.kind != ActionKind::Pseudo && !matches!(it.operation.as_str(), "do_shutdown" | "notify")
    };
    let words = |it: &ScheduledAction| {
        format!("{} {} {}", it.operation, it.resource.as_deref().unwrap_or("-"), it.node.as_deref().unwrap_or("-"))
    };
    schedule.actions.iter().filter(real).map(words).collect()
}
