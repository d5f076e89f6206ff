//! A glance ahead: where everything would be after the next transitions if each reached what it wants, without working
//! out how it gets there.
//!
//! Most transitions lead to rest within one or two, or never back to where they began. A glance says so for a tenth of
//! what the transitions themselves take, and what may be a circle is looked at in full. It can miss one in which
//! something that should start later on cannot (of 30 000 random clusters it does so for one), or that is longer than
//! half of what is looked at in full. Small clusters are therefore looked at in full at once, where that costs next to
//! nothing.

use super::{AHEAD, at_rest, standing};
use crate::assign::{Assignment, assign};
use crate::constraint::Constraints;
use crate::facts::Facts;
use crate::schedule::Schedule;
use std::collections::BTreeSet;

/// Whether transitions that begin with `schedule`, which is to make `assignment` so, may lead back to where everything
/// is now.
pub(super) fn may_come_back(
    facts: &Facts<'_>,
    constraints: &Constraints,
    assignment: &Assignment,
    schedule: &Schedule,
) -> bool {
    // What hangs on a connection or a container goes with it, and that is more than a glance can see.
    if facts.all_nodes().any(|node| facts[node].is_remote()) || leaves_undone(facts, assignment, schedule) {
        return true;
    }
    let here = standing(facts);
    let mut paper = facts.clone();
    arrive(&mut paper, assignment);
    for _ in 1..=AHEAD / 2 {
        let next = assign(&paper, constraints);
        if standing(&paper) == here {
            return true;
        }
        if at_rest(&paper, &next) {
            return false;
        }
        arrive(&mut paper, &next);
    }
    false
}

/// Whether something that should start does not, since something stands in its way: then it may stand there again.
fn leaves_undone(facts: &Facts<'_>, assignment: &Assignment, schedule: &Schedule) -> bool {
    let starts = |word: &str| matches!(word, "start" | "migrate_from");
    let started: BTreeSet<&str> =
        schedule.actions.iter().filter(|it| starts(&it.operation)).filter_map(|it| it.resource.as_deref()).collect();
    facts.all_resources().filter(|&at| facts[at].is_primitive()).any(|at| {
        let elsewhere = assignment.node(at).is_some_and(|node| !facts[at].on.contains(&node));
        elsewhere && !started.contains(facts[at].id.as_str())
    })
}

/// Everything that may be touched is where it was wanted.
fn arrive(facts: &mut Facts<'_>, assignment: &Assignment) {
    // Children stand behind their parents.
    for at in (0..facts.resources.len()).rev() {
        let children = facts.resources[at].children.iter().map(|&child| facts[child].role).max();
        let it = &mut facts.resources[at];
        if !it.is_primitive() {
            it.role = children.unwrap_or(it.role);
            continue;
        }
        if !assignment.managed[at] || assignment.frozen[at].is_some() || it.blocked.is_some() {
            continue;
        }
        it.on.clear();
        it.on.extend(assignment.node[at]);
        it.role = assignment.role[at];
        it.roles_on.clear();
        it.must_stop_on.clear();
        it.dangling_migrations.clear();
        it.partial_migration = None;
        it.pending = None;
        it.recover = None;
        it.stop_reason = None;
        it.failed = false;
        it.start_pending = false;
    }
}
