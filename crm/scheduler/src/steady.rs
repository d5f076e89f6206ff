//! Standing still rather than going round for ever.
//!
//! Where something should be can depend on where things are now: on capacity that they take themselves, on
//! colocations that pull both ways. Then a transition may lead to a situation whose transition leads back, and
//! services would be moved for ever although nothing fails. Before a transition that takes down something healthy,
//! those that would follow it are carried out on paper. When they lead back to where everything is now, nothing is
//! moved, unless something healthy is where it may not be: then the circle is followed to a situation in which that
//! is not so. Where there is no such situation, the first of the circle in an order of their own is where everything
//! stays: whoever looks at any of them finds the same circle, so the cluster gets there and stays.

mod positions;

use crate::assign::{Assignment, assign};
use crate::constraint::{self, Constraints};
use crate::execute::execute;
use crate::facts::{self, Facts};
use crate::role::Role;
use crate::schedule::{ActionKind, Schedule, ScheduledAction};
use std::collections::{BTreeMap, BTreeSet};

/// So many transitions are looked ahead at most.
const AHEAD: usize = 8;

/// With more primitives and instances than this, positions are looked at first (see [`positions`]).
const GLANCE: usize = 100;

/// Where everything is: resource (without the number of an instance where numbers mean nothing), node, role, and
/// whether it failed.
type Standing = Vec<(String, String, Role, bool)>;

/// One situation of a circle: where everything is, and whether its transition makes something leave a node where it
/// cannot stay.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Station {
    forced: bool,
    standing: Standing,
}

/// The schedule, or one that leaves everything where it is when it would lead back here.
#[must_use]
pub fn steady(facts: &Facts<'_>, constraints: &Constraints, assignment: &Assignment, schedule: Schedule) -> Schedule {
    match circle(facts, constraints, assignment, &schedule) {
        Some(length) => standing_still(facts, schedule, length),
        None => schedule,
    }
}

/// How many transitions lead back to where everything is now, when this is where the circle is to be left.
fn circle(facts: &Facts<'_>, constraints: &Constraints, assignment: &Assignment, schedule: &Schedule) -> Option<usize> {
    if !takes_down_healthy(facts, schedule) || ends_for_good(facts, schedule) {
        return None;
    }
    let primitives = facts.resources.iter().filter(|it| it.is_primitive()).count();
    if primitives > GLANCE && !positions::may_come_back(facts, constraints, assignment, schedule) {
        return None;
    }
    let here = Station { forced: forced(facts, schedule), standing: standing(facts) };
    let mut others: Vec<Station> = Vec::new();
    let mut situation = execute(facts, schedule);
    for length in 1..=AHEAD {
        let facts = facts::read(&situation);
        let constraints = constraint::resolve(&facts);
        let assignment = assign(&facts, &constraints);
        // Most transitions lead to rest, and what is to be done need not be worked out to see that.
        if at_rest(&facts, &assignment) {
            return None;
        }
        let next = crate::plan_for(&facts, &constraints, &assignment);
        if !next.actions.iter().any(changes_roles) {
            return None;
        }
        let standing = standing(&facts);
        // What was restarted where it is stands as before: it goes round only when it would be taken down again.
        if standing == here.standing {
            let again = takes_down_healthy(&facts, &next);
            let best = !here.forced || others.iter().all(|other| here <= *other);
            return (again && best).then_some(length);
        }
        if takes_down_healthy(&facts, &next) {
            others.push(Station { forced: forced(&facts, &next), standing });
        }
        situation = execute(&facts, &next);
    }
    None
}

/// Whether everything is where and what it should be, and nothing has to start anew.
fn at_rest(facts: &Facts<'_>, assignment: &Assignment) -> bool {
    facts.all_resources().filter(|&at| facts[at].is_primitive()).all(|at| {
        let it = &facts[at];
        let place = it.on.iter().copied().eq(assignment.node(at));
        let anew = it.failed || it.recover.is_some() || it.stop_reason.is_some() || it.start_pending;
        place && !anew && it.must_stop_on.is_empty() && assignment.role_now[at.at()] == assignment.role(at)
    })
}

fn standing(facts: &Facts<'_>) -> Standing {
    let primitives = facts.resources.iter().filter(|it| it.is_primitive());
    let mut standing: Standing = primitives
        .flat_map(|it| {
            it.on.iter().map(|&node| {
                let own = it.roles_on.iter().find(|(on, _)| *on == node);
                let role = own.map_or(it.role, |(_, role)| *role);
                (it.base.clone(), facts[node].name.clone(), role, it.failed)
            })
        })
        .filter(|(_, _, role, _)| role.runs())
        .collect();
    standing.sort();
    standing
}

/// Whether an action changes what a resource does.
fn changes_roles(action: &ScheduledAction) -> bool {
    let word = action.operation.as_str();
    action.kind == ActionKind::Rsc
        && matches!(word, "start" | "stop" | "promote" | "demote" | "migrate_to" | "migrate_from")
}

/// What a schedule stops or demotes although it did not fail, where it can be used, and with names.
fn taken_down<'s>(facts: &'s Facts<'_>, schedule: &'s Schedule) -> impl Iterator<Item = (&'s str, &'s str)> {
    schedule.actions.iter().filter_map(|action| {
        let down = action.kind == ActionKind::Rsc && matches!(action.operation.as_str(), "stop" | "demote");
        let (resource, node) = (action.resource.as_deref()?, action.node.as_deref()?);
        let healthy = || facts.resource_named(resource).is_none_or(|at| !facts[at].failed);
        (down && facts.node_named(node).is_some_and(|at| facts[at].usable()) && healthy()).then_some((resource, node))
    })
}

fn takes_down_healthy(facts: &Facts<'_>, schedule: &Schedule) -> bool {
    taken_down(facts, schedule).next().is_some()
}

/// Whether something is ended that no transition can bring back: what failed would not have failed when it is started
/// again, and on a lost node of the cluster nothing is started as long as that node does not come back by itself. (A
/// remote node may come back with its connection.)
fn ends_for_good(facts: &Facts<'_>, schedule: &Schedule) -> bool {
    schedule.actions.iter().any(|action| {
        let (Some(resource), Some(node)) = (action.resource.as_deref(), action.node.as_deref()) else { return false };
        let failed = || facts.resource_named(resource).is_some_and(|at| facts[at].failed);
        let lost = || facts.node_named(node).is_some_and(|at| !facts[at].usable() && !facts[at].is_remote());
        matches!(action.operation.as_str(), "stop" | "demote") && (lost() || failed())
    })
}

/// Whether something healthy is stopped where it may not be.
fn forced(facts: &Facts<'_>, schedule: &Schedule) -> bool {
    let down: BTreeSet<(&str, &str)> = taken_down(facts, schedule).collect();
    let placed = schedule.scores.iter().filter(|line| !line.promotion && line.score.value() < 0);
    placed.into_iter().any(|line| down.contains(&(&*line.resource, &*line.node)))
}

/// The same schedule without anything that changes a role, and without what waits for that.
fn standing_still(facts: &Facts<'_>, mut schedule: Schedule, length: usize) -> Schedule {
    let mut gone: BTreeSet<u32> =
        schedule.actions.iter().filter(|it| changes_roles(it) || it.notify.is_some()).map(|it| it.id).collect();
    loop {
        let before = gone.len();
        let waits = |it: &&ScheduledAction| it.after.iter().any(|id| gone.contains(id));
        let waiting: Vec<u32> = schedule.actions.iter().filter(waits).map(|it| it.id).collect();
        gone.extend(waiting);
        if gone.len() == before {
            break;
        }
    }
    let moved: BTreeSet<String> =
        schedule.actions.iter().filter(|it| changes_roles(it)).filter_map(|it| it.resource.clone()).collect();
    schedule.actions.retain(|it| !gone.contains(&it.id) && it.kind != ActionKind::Pseudo);
    let numbers: BTreeMap<u32, u32> = (0..).zip(&schedule.actions).map(|(number, it)| (it.id, number)).collect();
    for action in &mut schedule.actions {
        action.after = action.after.iter().filter_map(|id| numbers.get(id).copied()).collect();
        action.id = numbers.get(&action.id).copied().unwrap_or(action.id);
    }
    schedule.summary.retain(|change| change.resource.as_ref().is_none_or(|it| !moved.contains(it)));
    for placement in schedule.placements.iter_mut().filter(|it| moved.contains(&it.resource)) {
        let Some(at) = facts.resource_named(&placement.resource) else { continue };
        placement.node = facts[at].on.first().map(|&node| facts[node].name.clone());
        placement.role = facts[at].role;
        placement.because = vec![AGAIN.to_string()];
    }
    let names: Vec<&str> = moved.iter().map(String::as_str).collect();
    schedule.warnings.push(format!(
        "{} would move for ever, back to here after {length} transitions: everything stays as it is; give them \
         stickiness, or room on more nodes",
        names.join(", ")
    ));
    schedule
}

/// Why something stays.
const AGAIN: &str = "moving it would only lead back here";
