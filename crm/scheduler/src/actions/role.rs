//! The steps of a primitive from what it does where it is to what it should do where it should be.
//!
//! Down to stopped, then up again to what it was, as far as something needs that; then from what it was to what is
//! wished:
//!
//! ```text
//! promoted --demote--> unpromoted --stop--> stopped --start--> unpromoted --promote--> promoted
//! ```

use super::{Plan, migrate};
use crate::facts::history::running;
use crate::facts::meta::MultipleActive;
use crate::graph::{Carrier, Task};
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::role::Role;
use crate::situation::Restart;

/// How a primitive stands between what is and what should be.
struct Change {
    resource: ResourceIx,
    /// Where it runs.
    on: Vec<NodeIx>,
    /// Where it should run.
    to: Option<NodeIx>,
    /// What it does.
    role: Role,
    /// What it should do.
    next: Role,
    /// It must be brought down first, and why.
    down: Option<Reason>,
    /// It must be promoted again after that.
    promote_again: bool,
    /// It leaves one node for another.
    moves: bool,
    /// A migration that was begun and can be ended as planned: from, to.
    migrating: Option<(NodeIx, NodeIx)>,
    /// It is expected on this one of several nodes that it is on, and is not touched there.
    expected_on: Option<NodeIx>,
}

/// Asks for the actions of a primitive.
pub fn plan(plan: &mut Plan<'_, '_>, resource: ResourceIx) {
    let change = compare(plan, resource);
    bring_down(plan, &change);
    if change.role <= change.next && plan.facts[resource].blocked.is_none() {
        bring_up(plan, &change);
    }
    steps(plan, &change, change.role);
    if change.down.is_some() && change.role > change.next {
        // It comes up anew, in a lower role than before.
        steps(plan, &change, Role::Stopped);
    }
    // Where it may also run elsewhere, it is not known which start is meant.
    if plan.facts[resource].start_pending
        && change.on.len() < 2
        && plan.managed(resource)
        && let Some(to) = change.to
    {
        let start = plan.act(resource, Task::Start, to, false);
        plan.graph[start].always_shown = true;
    }
    if change.moves
        && change.on.len() == 1 + usize::from(change.migrating.is_some())
        && let Some(to) = change.to
    {
        migrate::plan(plan, resource, change.on[0], to, change.migrating);
    }
}

/// What it takes from a role to what is wished.
fn steps(plan: &mut Plan<'_, '_>, change: &Change, from: Role) {
    let mut role = from;
    while let Some(step) = step(role, change.next) {
        act(plan, change, step, true, Some(wish(plan, change)));
        role = step.to;
    }
}

/// What is against what should be.
fn compare(plan: &mut Plan<'_, '_>, resource: ResourceIx) -> Change {
    let here = &plan.facts[resource];
    let to = plan.assignment.node(resource);
    let next = match (to, plan.next_role(resource)) {
        (None, _) => Role::Stopped,
        (Some(_), Role::Unknown) => Role::Started,
        (Some(_), role) => role,
    };
    let mut change = Change {
        resource,
        on: here.on.clone(),
        to,
        role: if here.on.is_empty() { Role::Stopped } else { plan.role_now(resource).max(Role::Stopped) },
        next,
        down: None,
        promote_again: false,
        moves: false,
        migrating: None,
        expected_on: None,
    };
    for &node in here.dangling_migrations.iter().filter(|&&node| !plan.facts[node].maintenance) {
        let stop = plan.act(resource, Task::Stop, node, true);
        plan.graph[stop].because.push(Reason::MigrationLeft);
        plan.graph[stop].aside = true;
    }
    for (node, because) in &here.must_stop_on {
        let stop = plan.act(resource, Task::Stop, *node, true);
        plan.graph[stop].because.push(because.clone());
    }
    several_active(plan, &mut change);
    moved_or_failed(plan, &mut change);
    change
}

/// It runs on more nodes than one: either a migration is under way that can be ended, or too many run.
fn several_active(plan: &Plan<'_, '_>, change: &mut Change) {
    let here = &plan.facts[change.resource];
    if let Some((from, to)) = here.partial_migration
        && Some(to) == change.to
        && change.next.runs()
        && change.on.contains(&from)
        && change.on.iter().all(|&node| node == from || node == to)
        && plan.facts[from].online
        && !plan.facts[from].unclean
    {
        change.migrating = Some((from, to));
        change.on.retain(|&node| node == from);
        change.on.push(to);
        return;
    }
    if change.on.len() < 2 || running::counted(plan.facts, change.resource).count() < 2 {
        return;
    }
    match here.meta.multiple_active {
        MultipleActive::StopUnexpected if change.to.is_some_and(|to| change.on.contains(&to)) => {
            change.expected_on = change.to;
            change.down = Some(Reason::SeveralActive);
        }
        MultipleActive::Block => {}
        _ => change.down = Some(Reason::SeveralActive),
    }
}

/// It leaves its node, its last result was a failure, or something already needs its start.
fn moved_or_failed(plan: &Plan<'_, '_>, change: &mut Change) {
    let here = &plan.facts[change.resource];
    let mut counted = running::counted(plan.facts, change.resource);
    let counts = counted.next();
    let from = change.migrating.map(|(from, _)| from).or(counts).or_else(|| change.on.first().copied());
    let leaves = from.is_some() && change.to.is_some() && (change.migrating.is_some() || from != change.to);
    // On several nodes that count it is handled as too many.
    let one = change.on.len() <= 1 + usize::from(change.migrating.is_some()) || counted.next().is_none();
    if leaves && change.next.runs() && one {
        change.moves = true;
        change.down.get_or_insert_with(|| moves(plan, change.resource, from, change.to));
    } else if let Some(because) = &here.recover {
        change.down.get_or_insert_with(|| because.clone());
        change.promote_again = change.next == Role::Promoted;
    } else if let Some(because) = &here.blocked {
        change.down.get_or_insert_with(|| because.clone());
    } else if change.role.runs() && change.to.is_some() && must_restart(plan, change.resource) {
        let asked = here.history.iter().find_map(|(_, history)| history.restart);
        change.down.get_or_insert(match asked {
            Some(Restart::Asked) => Reason::RestartAsked,
            Some(Restart::Changed) => Reason::DefinitionChanged,
            None => Reason::ParametersChanged,
        });
    }
}

/// A parameter was changed that a running instance cannot take over, or one that is just starting.
fn must_restart(plan: &Plan<'_, '_>, resource: ResourceIx) -> bool {
    let here = &plan.facts[resource];
    plan.restart.contains(&resource) || (here.start_pending && plan.reload.contains_key(&resource))
}

/// One step from a role to another.
#[derive(Clone, Copy)]
struct Step {
    task: Option<Task>,
    to: Role,
}

/// The first step from a role towards another; `None` when it is reached.
fn step(from: Role, towards: Role) -> Option<Step> {
    let step = |task, to| Some(Step { task: Some(task), to });
    match (from, towards) {
        (Role::Unknown, _) => Some(Step { task: None, to: Role::Stopped }),
        (Role::Stopped, Role::Started) => step(Task::Start, Role::Started),
        (Role::Stopped, Role::Unpromoted | Role::Promoted) => step(Task::Start, Role::Unpromoted),
        (Role::Started | Role::Unpromoted, Role::Unknown | Role::Stopped) => step(Task::Stop, Role::Stopped),
        // Something that was promoted, or demoted, and cannot be any more is started as what it is now.
        (Role::Unpromoted, Role::Started) => step(Task::Stop, Role::Stopped),
        (Role::Started, Role::Unpromoted) => Some(Step { task: None, to: towards }),
        (Role::Started | Role::Unpromoted, Role::Promoted) => step(Task::Promote, Role::Promoted),
        (Role::Promoted, Role::Unknown | Role::Stopped | Role::Started | Role::Unpromoted) => {
            step(Task::Demote, Role::Unpromoted)
        }
        _ => None,
    }
}

/// Down to stopped, when needed.
fn bring_down(plan: &mut Plan<'_, '_>, change: &Change) {
    let mut role = change.role;
    while role != Role::Stopped
        && let Some(step) = step(role, Role::Stopped)
    {
        act(plan, change, step, change.down.is_some(), change.down.clone());
        role = step.to;
    }
}

/// Up again to what it was.
fn bring_up(plan: &mut Plan<'_, '_>, change: &Change) {
    let mut role = Role::Stopped;
    while role != change.role
        && let Some(step) = step(role, change.role)
    {
        let needed = change.down.is_some() || (step.to == Role::Promoted && change.promote_again);
        act(plan, change, step, needed, change.down.clone());
        role = step.to;
    }
}

/// Asks for one step, on every node that it concerns.
fn act(plan: &mut Plan<'_, '_>, change: &Change, step: Step, needed: bool, because: Option<Reason>) {
    let Some(task) = step.task else { return };
    let nodes: Vec<NodeIx> = match task {
        Task::Stop | Task::Demote => change.on.clone(),
        _ => change.to.into_iter().collect(),
    };
    for node in nodes {
        if task == Task::Stop
            && (change.expected_on == Some(node) || change.migrating.is_some_and(|(_, target)| target == node))
        {
            continue;
        }
        let action = plan.act(change.resource, task, node, needed);
        if needed && let Some(because) = &because {
            plan.graph[action].because.push(because.clone());
        }
        if task == Task::Start && change.expected_on == Some(node) {
            plan.graph[action].carrier = Carrier::Nobody;
        }
    }
}

/// Why it goes from what it does to what it should do.
fn wish(plan: &Plan<'_, '_>, change: &Change) -> Reason {
    match change.next {
        Role::Unknown | Role::Stopped => {
            let on = change.on.first().copied();
            driven_away(plan, change.resource, on).unwrap_or(Reason::Unwanted)
        }
        next => Reason::Wished(next),
    }
}

/// Why it leaves a node for another.
fn moves(plan: &Plan<'_, '_>, resource: ResourceIx, from: Option<NodeIx>, to: Option<NodeIx>) -> Reason {
    let to = to.map(|to| plan.facts[to].name.clone()).unwrap_or_default();
    Reason::Moves { to, because: driven_away(plan, resource, from).map(Box::new) }
}

/// What keeps a resource from staying on a node: its role, the state of the node, or what the assignment ran into.
fn driven_away(plan: &Plan<'_, '_>, resource: ResourceIx, from: Option<NodeIx>) -> Option<Reason> {
    let here = &plan.facts[resource];
    let forbidden = here.next_role.as_ref().filter(|(role, _)| *role == Role::Stopped).map(|(_, because)| because);
    let failed_here = here.bans.iter().find(|(node, _)| Some(*node) == from).map(|(_, because)| because);
    let trouble = || {
        let node = from?;
        let trouble = plan.outlook(node).trouble(&plan.facts[node])?;
        Some(Reason::Unusable { node: plan.facts[node].name.clone(), trouble })
    };
    let assigned = || plan.assignment.because[resource.at()].first().cloned();
    forbidden.or(failed_here).cloned().or_else(trouble).or_else(assigned)
}
