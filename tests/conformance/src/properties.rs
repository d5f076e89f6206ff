//! What must hold of the answer for any cluster, whatever it looks like.

use fastrand::Rng;
use scheduler::execute::execute;
use scheduler::facts::{self, Facts};
use scheduler::outcome::Outcome;
use scheduler::schedule::{ActionKind, Schedule, ScheduledAction};
use scheduler::situation::Situation;
use std::collections::{BTreeMap, BTreeSet};

/// How the words about a cluster begin that does not come to rest.
pub const RESTLESS: &str = "no rest";

/// What is wrong with the answers for one situation; empty when nothing is.
#[must_use]
pub fn violations(situation: &Situation, seed: u64) -> Vec<String> {
    let facts = facts::read(situation);
    let schedule = scheduler::plan(&facts);
    let mut wrong = Vec::new();
    if schedule != scheduler::schedule(situation) {
        wrong.push("the same situation has two answers".to_string());
    }
    edges(&schedule, &mut wrong);
    places(&facts, &schedule, &mut wrong);
    let before = Outcome::of(&facts);
    let later = execute(&facts, &schedule);
    after(&facts, &before, &later, &schedule, &mut wrong);
    let mut shuffled = schedule.clone();
    Rng::with_seed(seed).shuffle(&mut shuffled.actions);
    at_rest(&execute(&facts, &shuffled), "in another order", &mut wrong);
    wrong
}

/// Edges lead to actions that exist, and never in a circle.
fn edges(schedule: &Schedule, wrong: &mut Vec<String>) {
    let mut waiting: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    for action in &schedule.actions {
        waiting.insert(action.id, action.after.iter().copied().collect());
    }
    if let Some(lost) = schedule.actions.iter().flat_map(|it| &it.after).find(|id| !waiting.contains_key(id)) {
        wrong.push(format!("an edge leads to action {lost}, which does not exist"));
        return;
    }
    loop {
        let free: BTreeSet<u32> = waiting.iter().filter(|(_, after)| after.is_empty()).map(|(id, _)| *id).collect();
        if free.is_empty() {
            break;
        }
        waiting.retain(|id, after| {
            after.retain(|before| !free.contains(before));
            !free.contains(id)
        });
    }
    if !waiting.is_empty() {
        wrong.push(format!("actions {:?} wait for each other", waiting.keys().collect::<Vec<_>>()));
    }
}

/// Nothing is started where nothing may run.
fn places(facts: &Facts<'_>, schedule: &Schedule, wrong: &mut Vec<String>) {
    for action in &schedule.actions {
        let starts = action.kind == ActionKind::Rsc && matches!(action.operation.as_str(), "start" | "promote");
        let Some(node) = action.node.as_deref().filter(|_| starts).and_then(|name| facts.node_named(name)) else {
            continue;
        };
        let node = &facts[node];
        if !node.is_remote() && !node.usable() {
            wrong.push(format!("{} of {:?} on {}, which is not usable", action.operation, action.resource, node.name));
        }
        if let Some(resource) = action.resource.as_deref().and_then(|name| facts.resource_named(name))
            && !facts[resource].managed
        {
            wrong.push(format!("{} of {:?}, which is not managed", action.operation, action.resource));
        }
    }
}

/// What stands after the transition: nowhere more instances than allowed, and nothing left to do.
fn after(facts: &Facts<'_>, before: &Outcome, later: &Situation, schedule: &Schedule, wrong: &mut Vec<String>) {
    let then = facts::read(later);
    for resource in facts.resources.iter().filter(|it| it.is_primitive() && it.instance.is_none()) {
        let count = |outcome: &Outcome| outcome.resources.iter().filter(|it| it.resource == resource.id).count();
        let (was, is) = (count(before), count(&Outcome::of(&then)));
        if is > was.max(1) {
            wrong.push(format!("{} runs {is} times afterwards, {was} times before", resource.id));
        }
    }
    if !schedule.actions.is_empty() {
        at_rest(later, "in the order written", wrong);
    }
}

/// Transitions after the first until nothing is left to do. Mostly none is needed; what makes room only while it moves,
/// or was kept from running by something that went away, makes some more.
const ROUNDS: usize = 4;

/// When every action succeeds the cluster comes to rest: it does not go round in circles.
fn at_rest(later: &Situation, how: &str, wrong: &mut Vec<String>) {
    let mut now = later.clone();
    for _ in 0..ROUNDS {
        let facts = facts::read(&now);
        let schedule = scheduler::plan(&facts);
        if left(&schedule).is_empty() {
            return;
        }
        let next = execute(&facts, &schedule);
        now = next;
    }
    let left = left(&scheduler::schedule(&now));
    if !left.is_empty() {
        wrong.push(format!(
            "{RESTLESS} when carried out {how}, after {ROUNDS} more transitions this is left: {}",
            left.join(", ")
        ));
    }
}

/// What a schedule really does. A node that was told to leave still stands there: leaving is its own decision. What
/// cannot be stopped is announced as if it were, each time (as by the peer); an announcement alone changes nothing.
fn left(schedule: &Schedule) -> Vec<String> {
    let real = |it: &&ScheduledAction| {
        it.kind != ActionKind::Pseudo && !matches!(it.operation.as_str(), "do_shutdown" | "notify")
    };
    let words = |it: &ScheduledAction| {
        format!("{} {} {}", it.operation, it.resource.as_deref().unwrap_or("-"), it.node.as_deref().unwrap_or("-"))
    };
    schedule.actions.iter().filter(real).map(words).collect()
}
