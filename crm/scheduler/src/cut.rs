//! What of a plan is carried out although the audit refuses some of it.
//!
//! A plan that breaks a rule is a bug of the stages that made it. To do nothing at all would be safe, but then a bug
//! about one resource keeps every other one down, and lost nodes unfenced. So what breaks a rule is left out, with all
//! that waits for it and with whatever would take down something healthy that is not brought up again; and the audit
//! looks at what remains, until it has nothing against it.

use crate::audit::{Violation, audit};
use crate::facts::Facts;
use crate::index::ResourceIx;
use crate::role::Role;
use crate::schedule::{ActionKind, Schedule, ScheduledAction};
use crate::situation::Situation;
use std::collections::{BTreeMap, BTreeSet};

/// After so many looks nothing is carried out.
const LOOKS: usize = 32;

/// What remains, and why it is not all.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// A schedule that the audit has nothing against.
    pub schedule: Schedule,
    /// What the audit had against the whole.
    pub refused: Vec<Violation>,
}

/// The part of a schedule that is safe to carry out: all of it, unless the stages have a bug.
#[must_use]
pub fn cut(situation: &Situation, facts: &Facts<'_>, mut schedule: Schedule) -> Cut {
    let mut refused = Vec::new();
    let places: BTreeMap<u32, usize> = schedule.actions.iter().enumerate().map(|(at, it)| (it.id, at)).collect();
    let mut gone: BTreeSet<usize> = BTreeSet::new();
    let whole = schedule.actions.clone();
    for _ in 0..LOOKS {
        let found = audit(situation, &schedule);
        if found.is_empty() {
            if !refused.is_empty() {
                tell(&mut schedule, &whole, &gone);
            }
            return Cut { schedule, refused };
        }
        let before = gone.len();
        let named: Vec<usize> = found.iter().filter_map(|it| places.get(&it.action?).copied()).collect();
        gone.extend(if named.is_empty() { circling(&whole, &places) } else { named });
        refused.extend(found);
        with_consequences(facts, &whole, &mut gone);
        if gone.len() == before {
            break;
        }
        let left = whole.iter().enumerate().filter(|(at, _)| !gone.contains(at));
        schedule.actions = left.map(|(_, action)| action.clone()).collect();
    }
    schedule.actions.clear();
    tell(&mut schedule, &whole, &(0..whole.len()).collect());
    Cut { schedule, refused }
}

/// Adds to what is left out whatever cannot be done without it: all that waits for it, and what would take down
/// something healthy that is then not brought up again. Places in the list, of which ids name places too or are unique.
pub fn with_consequences(facts: &Facts<'_>, actions: &[ScheduledAction], gone: &mut BTreeSet<usize>) {
    if gone.is_empty() {
        return;
    }
    let places: BTreeMap<u32, usize> = actions.iter().enumerate().map(|(at, it)| (it.id, at)).collect();
    let mut behind: Vec<Vec<usize>> = vec![Vec::new(); actions.len()];
    for (at, action) in actions.iter().enumerate() {
        for first in action.after.iter().filter_map(|id| places.get(id)) {
            behind[*first].push(at);
        }
    }
    let mut next: Vec<usize> = gone.iter().copied().collect();
    while !next.is_empty() {
        while let Some(at) = next.pop() {
            next.extend(behind[at].iter().filter(|later| gone.insert(**later)));
        }
        next = spared(facts, actions, gone);
        gone.extend(&next);
    }
}

/// What would take down something healthy whose way up is left out.
fn spared(facts: &Facts<'_>, actions: &[ScheduledAction], gone: &BTreeSet<usize>) -> Vec<usize> {
    let does = |at: usize, words: [&str; 3]| {
        actions[at].kind == ActionKind::Rsc && words.contains(&actions[at].operation.as_str())
    };
    let instance = |at: usize| actions[at].resource.as_deref();
    let up = gone.iter().filter(|at| does(**at, ["start", "promote", "migrate_from"]));
    let waiting: BTreeSet<&str> = up.filter_map(|at| instance(*at)).collect();
    let healthy: BTreeSet<&str> = facts
        .all_resources()
        .filter(|resource| waiting.contains(facts[*resource].id.as_str()) && is_healthy(facts, *resource))
        .map(|resource| facts[resource].id.as_str())
        .collect();
    let down = (0..actions.len()).filter(|at| !gone.contains(at) && does(*at, ["stop", "demote", "migrate_to"]));
    down.filter(|at| instance(*at).is_some_and(|it| healthy.contains(it))).collect()
}

/// It runs well, once, where it may.
fn is_healthy(facts: &Facts<'_>, resource: ResourceIx) -> bool {
    let here = &facts[resource];
    let wanted = here.next_role.as_ref().is_none_or(|(role, _)| *role != Role::Stopped);
    let [node] = here.on.as_slice() else { return false };
    wanted && !here.failed && here.must_stop_on.is_empty() && facts[*node].usable()
}

/// What waits in a circle, or behind one.
fn circling(actions: &[ScheduledAction], places: &BTreeMap<u32, usize>) -> Vec<usize> {
    let before = |at: usize| actions[at].after.iter().filter_map(|id| places.get(id).copied());
    let mut waiting: Vec<usize> = (0..actions.len()).map(|at| before(at).count()).collect();
    let mut behind: Vec<Vec<usize>> = vec![Vec::new(); actions.len()];
    (0..actions.len()).for_each(|at| before(at).for_each(|first| behind[first].push(at)));
    let mut free: Vec<usize> = (0..actions.len()).filter(|at| waiting[*at] == 0).collect();
    while let Some(at) = free.pop() {
        for &later in &behind[at] {
            waiting[later] -= 1;
            if waiting[later] == 0 {
                free.push(later);
            }
        }
    }
    (0..actions.len()).filter(|at| waiting[*at] > 0).collect()
}

/// Numbers what remains, and says of the rest that it is not done.
fn tell(schedule: &mut Schedule, whole: &[ScheduledAction], gone: &BTreeSet<usize>) {
    let numbers: BTreeMap<u32, u32> = (0..).zip(&schedule.actions).map(|(number, it)| (it.id, number)).collect();
    for action in &mut schedule.actions {
        action.after = action.after.iter().filter_map(|id| numbers.get(id).copied()).collect();
        action.id = numbers.get(&action.id).copied().unwrap_or(action.id);
    }
    let about: BTreeSet<&str> = gone.iter().filter_map(|at| whole[*at].resource.as_deref()).collect();
    for change in &mut schedule.summary {
        change.blocked |= change.resource.as_deref().is_some_and(|it| about.contains(it));
    }
}
