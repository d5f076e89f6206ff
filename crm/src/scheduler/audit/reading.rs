//! What the CIB says, as the audit reads it: in doubt it runs.

use crate::cib::{History, NodeState, NodeStatus};
use crate::scheduler::Situation;
use config::{NodeId, NodeMode, OnFail, OperationName, ResourceId};
use membership::Incarnation;
use resource_agents::Outcome;
use std::collections::BTreeSet;

/// Why a resource may not simply be started somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// No reason.
    None,
    /// It may run on a node that can be asked to stop it.
    Runs,
    /// The node was not asked.
    NotAsked,
    /// The node cannot be asked.
    Unseen,
}

/// Every node that may run something.
pub(super) fn nodes<'a>(situation: &Situation<'a>) -> BTreeSet<&'a NodeId> {
    situation.cib.config.nodes.keys().chain(situation.cib.status.nodes.keys()).collect()
}

fn status<'a>(situation: &Situation<'a>, node: &NodeId) -> Option<&'a NodeStatus> {
    situation.cib.status.nodes.get(node)
}

fn state(situation: &Situation<'_>, node: &NodeId) -> NodeState {
    status(situation, node).map_or(NodeState::Unseen, |status| status.state)
}

/// A member whose life is known.
pub(super) fn online(situation: &Situation<'_>, node: &NodeId) -> bool {
    situation.members.contains(node) && matches!(state(situation, node), NodeState::Online { .. })
}

pub(super) fn doubt(situation: &Situation<'_>, resource: &ResourceId, node: &NodeId) -> Doubt {
    let properties = &situation.cib.config.properties;
    let status = status(situation, node);
    let state = status.map_or(NodeState::Unseen, |status| status.state);
    let history = status.and_then(|status| status.resources.get(resource));
    let member = situation.members.contains(node);
    let online = member && matches!(state, NodeState::Online { .. });
    let asked = history.is_some_and(|history| !history.records.is_empty());
    let runs = history.is_some_and(|history| !history.pending.is_empty() || runs(situation, resource, history));
    match state {
        NodeState::Offline => Doubt::None,
        _ if online && !asked => Doubt::NotAsked,
        _ if online => {
            if runs {
                Doubt::Runs
            } else {
                Doubt::None
            }
        }
        NodeState::Unseen if situation.waiting_for_nodes || member => Doubt::Unseen,
        _ if !properties.fencing_enabled => Doubt::None,
        NodeState::Unseen if properties.startup_fencing => Doubt::Unseen,
        NodeState::Unseen => Doubt::None,
        // Whatever it said last: the order that followed may have reached it and nobody else.
        NodeState::Lost { .. } | NodeState::Online { .. } => Doubt::Unseen,
    }
}

/// The last word of a history.
fn runs(situation: &Situation<'_>, resource: &ResourceId, history: &History) -> bool {
    let Some(last) = history
        .records
        .iter()
        .filter(|record| record.report.name != OperationName::Notify)
        .max_by_key(|record| record.call)
    else {
        return false;
    };
    let report = &last.report;
    let ignored = || {
        situation.cib.config.resources.get(resource).is_some_and(|resource| {
            resource.operations.iter().any(|one| {
                one.name == report.name
                    && (one.interval == report.interval || report.name != OperationName::Monitor)
                    && one.on_fail == Some(OnFail::Ignore)
            })
        })
    };
    let probe = report.interval.is_none();
    match (report.name, report.outcome) {
        (OperationName::MigrateTo, Outcome::Ok) => false,
        (OperationName::Stop, Outcome::Ok | Outcome::NotRunning) => false,
        (OperationName::Stop, _) => !ignored(),
        (OperationName::Monitor, Outcome::NotRunning) => false,
        (
            OperationName::Monitor,
            Outcome::NotInstalled
            | Outcome::NotConfigured
            | Outcome::InvalidParameter
            | Outcome::InsufficientPrivilege
            | Outcome::Unimplemented,
        ) if probe => false,
        (OperationName::Monitor, Outcome::Error | Outcome::TimedOut | Outcome::FailedPromoted) if probe => !ignored(),
        _ => true,
    }
}

/// Configured resources about which an order was given and not answered, by nodes that can answer.
pub(super) fn in_flight<'a>(situation: &Situation<'a>, cut_off: impl Fn(&NodeId) -> bool) -> BTreeSet<&'a ResourceId> {
    let can_answer = |node: &NodeId| online(situation, node) && !cut_off(node);
    let status = situation.cib.status.nodes.iter().filter(|(node, _)| can_answer(node));
    let histories = status.flat_map(|(_, status)| &status.resources);
    let pending = histories.filter(|(_, history)| !history.pending.is_empty());
    pending.map(|(resource, _)| resource).filter(|id| situation.cib.config.resources.contains_key(*id)).collect()
}

/// Whether an operator wants the cluster to leave it alone.
pub(super) fn hands_off(situation: &Situation<'_>, resource: &ResourceId) -> bool {
    let config = &situation.cib.config;
    let Some(own) = config.resources.get(resource) else { return config.properties.maintenance_mode };
    let group = config.group_of(resource).map(|group| &group.meta);
    config.properties.maintenance_mode
        || !group.and_then(|meta| meta.managed).unwrap_or(own.meta.managed)
        || group.and_then(|meta| meta.maintenance).unwrap_or(own.meta.maintenance)
}

/// Why nothing may be started on `node`.
pub(super) fn unusable(situation: &Situation<'_>, node: &NodeId) -> Option<&'static str> {
    let cib = situation.cib;
    let Some(configured) = cib.config.nodes.get(node) else { return Some("is not configured") };
    let mode = cib.durable.overrides.nodes.get(node);
    let idle = mode == Some(&NodeMode::Standby) || (mode.is_none() && configured.standby);
    let kept = mode == Some(&NodeMode::Maintenance) || (mode.is_none() && configured.maintenance);
    if !online(situation, node) {
        Some("is not here")
    } else if status(situation, node).is_some_and(|status| status.leaving) {
        Some("is leaving")
    } else if idle {
        Some("is in standby")
    } else if kept {
        Some("is in maintenance")
    } else {
        None
    }
}

/// Whether a node may be cut off in this life.
pub(super) fn may_fence(
    situation: &Situation<'_>,
    node: &NodeId,
    incarnation: Option<Incarnation>,
) -> Result<(), String> {
    let known = match state(situation, node) {
        NodeState::Online { incarnation } | NodeState::Lost { incarnation } => Some(incarnation),
        NodeState::Unseen => None,
        NodeState::Offline => return Err("which is known to be off".to_owned()),
    };
    if known != incarnation {
        return Err("but another life of it".to_owned());
    }
    if known.is_none() && situation.waiting_for_nodes {
        return Err("which may still appear".to_owned());
    }
    if !online(situation, node) {
        return Ok(());
    }
    let failed = status(situation, node).is_some_and(|status| {
        let records = status.resources.values().flat_map(|history| &history.records);
        records.map(|record| &record.report).any(|report| match report.outcome {
            Outcome::Ok => false,
            Outcome::NotRunning => report.interval.is_some(),
            _ => true,
        })
    });
    let asked = situation.cib.status.fencing.open.values().any(|request| request.target == *node);
    if failed || asked { Ok(()) } else { Err("which is here and well".to_owned()) }
}
