//! From the scheduler's answer to what the engine walks: each action complete, so that nobody who carries it out needs
//! the configuration, and only those that can be begun in this transition.
//!
//! Actions are left out (see [`super::hold`]) together with all that come after them, and none is added: what is left
//! of a safe plan is a safe plan.

use super::call::Calls;
use super::{Situation, hold};
use crate::cib::NodeState;
use crate::schedule::{Action, ActionId, ActionKind, Graph};
use ::scheduler::facts::Facts;
use ::scheduler::schedule::{self as answer, ScheduledAction};
use config::{NodeId, ResourceId};
use membership::Incarnation;
use std::time::Duration;

/// The graph, and what was held back, in words.
pub(super) fn graph(situation: &Situation<'_>, facts: &Facts<'_>, schedule: &answer::Schedule) -> (Graph, Vec<String>) {
    let calls = Calls::new(situation, facts, schedule);
    let failures = failures(situation);
    let kinds: Vec<Result<ActionKind, String>> =
        schedule.actions.iter().map(|action| kind(situation, &calls, &failures, action)).collect();
    let held = hold::held(situation, facts, schedule, &kinds);
    let mut places: Vec<Option<u32>> = Vec::with_capacity(kinds.len());
    let mut count = 0;
    for (at, kind) in kinds.iter().enumerate() {
        let kept = kind.is_ok() && !held.actions.contains(&at);
        places.push(kept.then_some(count));
        count += u32::from(kept);
    }
    let mut actions = Vec::new();
    for ((kind, action), place) in kinds.into_iter().zip(&schedule.actions).zip(&places) {
        let (Ok(kind), Some(place)) = (kind, place) else { continue };
        let after = action.after.iter().filter_map(|id| *places.get(usize::try_from(*id).ok()?)?);
        let after = after.map(ActionId).collect();
        actions.push(Action { id: ActionId(*place), cause: cause(situation, &failures, &kind, action), kind, after });
    }
    let graph = Graph { actions };
    // Marks alone lead nowhere.
    (if graph.is_empty() { Graph::default() } else { graph }, held.words)
}

/// What an action is for the engine, or why it cannot be carried out.
fn kind(
    situation: &Situation<'_>,
    calls: &Calls<'_, '_>,
    failures: &[Failure],
    action: &ScheduledAction,
) -> Result<ActionKind, String> {
    let node = || {
        let name = action.node.as_deref().unwrap_or_default();
        NodeId::new(name).map_err(|_| format!("{} is to happen on no node", action.operation))
    };
    let resource = || calls.recorded(action).ok_or_else(|| format!("{} is about no resource", action.operation));
    let mark = || Ok(ActionKind::Mark { what: mark(action) });
    match (action.kind, action.operation.as_str()) {
        (answer::ActionKind::Pseudo, _) | (_, "do_shutdown") => mark(),
        (answer::ActionKind::Fence, "on") => Err("no fence device can let a node in".to_owned()),
        (answer::ActionKind::Fence, _) => fence(situation, failures, node()?, action),
        (_, "clear_failcount") => Ok(ActionKind::ClearFailures { node: node()?, resource: resource()? }),
        (_, "lrm_delete" | "delete") => Ok(ActionKind::Forget { node: node()?, resource: resource()? }),
        (_, "cancel") => {
            let interval = Duration::from_millis(action.interval_ms);
            Ok(ActionKind::CancelMonitor { node: node()?, resource: resource()?, interval })
        }
        (_, _) => {
            let (operation, fingerprint) = calls.operation(action, &node()?, &resource()?)?;
            Ok(ActionKind::Perform { node: node()?, operation, fingerprint })
        }
    }
}

/// Why, in a sentence.
fn cause(situation: &Situation<'_>, failures: &[Failure], kind: &ActionKind, action: &ScheduledAction) -> String {
    match kind {
        // It is needed by a start that must not be.
        ActionKind::Perform { .. } if !situation.quorum.quorate && action.cause.starts_with("required") => {
            "there is no quorum".to_owned()
        }
        ActionKind::Fence { reason, .. } => reason.clone(),
        _ if !action.cause.is_empty() => in_full(failures, &action.cause),
        ActionKind::Perform { operation, .. } if operation.interval.is_some() => {
            "it runs and is to be watched".to_owned()
        }
        _ => "it goes with the rest of the plan".to_owned(),
    }
}

/// A failure as the scheduler names it, by the agent's exit code, and as its agent told it.
struct Failure {
    named: String,
    told: String,
}

fn failures(situation: &Situation<'_>) -> Vec<Failure> {
    let nodes = situation.cib.status.nodes.iter();
    let failed = nodes.flat_map(|(node, status)| {
        let histories = status.resources.iter();
        histories.filter_map(move |(id, history)| Some((node, id, &history.last_failure.as_ref()?.report)))
    });
    let words = failed.map(|(node, id, report)| {
        let what = format!("{} of {id} failed on {node}", report.name.as_str());
        let reason = report.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let named = format!("{what} with exit code {}", report.outcome.code());
        Failure { named, told: format!("{what}: {}{reason}", report.outcome) }
    });
    words.collect()
}

/// A cause that names a failure, with what its agent said instead of an exit code.
fn in_full(failures: &[Failure], cause: &str) -> String {
    // Plans are made of thousands of actions: most causes name no failure at all.
    let named = cause
        .contains(" failed on ")
        .then(|| failures.iter().find_map(|it| cause.find(&it.named).map(|at| format!("{}{}", &cause[..at], it.told))));
    named.flatten().unwrap_or_else(|| cause.to_owned())
}

fn mark(action: &ScheduledAction) -> String {
    let parts = [action.resource.as_deref(), Some(action.operation.as_str()), action.node.as_deref()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn fence(
    situation: &Situation<'_>,
    failures: &[Failure],
    node: NodeId,
    action: &ScheduledAction,
) -> Result<ActionKind, String> {
    let incarnation: Option<Incarnation> = match situation.cib.status.nodes.get(&node).map(|status| status.state) {
        Some(NodeState::Online { incarnation } | NodeState::Lost { incarnation }) => Some(incarnation),
        Some(NodeState::Unseen) | None => None,
        Some(NodeState::Offline) => return Err(format!("{node} is known to be off")),
    };
    let unseen = || format!("{node} was not seen since the cluster started");
    let reason = if action.cause.is_empty() { unseen() } else { in_full(failures, &action.cause) };
    Ok(ActionKind::Fence { node, incarnation, reason })
}

/// The name of a resource as written, from its name in an answer; `None` for what has a name that nobody could write.
pub(super) fn written(name: &str) -> Option<ResourceId> {
    let base = name.split_once(':').map_or(name, |(base, _)| base);
    ResourceId::new(base).ok()
}
