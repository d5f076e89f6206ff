//! How a [`Summary`] is derived from the CIB, the view and what the scheduler would do.

use super::{FailureSummary, FencingSummary, NodeSummary, OverrideSummary, ResourceSummary, Summary};
use crate::cib::{Activity, Cib, History, NodeState, NodeStatus};
use crate::schedule::Schedule;
use config::{NodeId, NodeMode, OperationName, ResourceId, TargetRole, Ticket};
use membership::{Quorum, View};
use resource_agents::Outcome;
use std::collections::BTreeMap;

/// The activity of a cluster that has nothing to do.
pub(crate) const IDLE: &str = "idle";

/// What a node sees beside its CIB.
#[derive(Debug)]
pub(crate) struct Sight<'a> {
    /// This node.
    pub(crate) me: &'a NodeId,
    /// The view.
    pub(crate) view: Option<&'a View>,
    /// The DC, once synchronised.
    pub(crate) dc: Option<&'a NodeId>,
    /// Votes, once synchronised.
    pub(crate) quorum: Option<&'a Quorum>,
    /// What the scheduler would do.
    pub(crate) schedule: Option<&'a Schedule>,
    /// The cluster has just started and waits for nodes never seen.
    pub(crate) waiting: bool,
    /// Members the hand-over waits for.
    pub(crate) awaited: Vec<NodeId>,
    /// Risks that only this node knows.
    pub(crate) warnings: Vec<String>,
}

/// Resources that run on more than one node, and where.
pub(crate) fn doubled(cib: &Cib) -> BTreeMap<ResourceId, Vec<NodeId>> {
    let mut places: BTreeMap<ResourceId, Vec<NodeId>> = BTreeMap::new();
    for (node, status) in cib.status.nodes.iter().filter(|(node, _)| cib.online(node).is_some()) {
        let active = status.resources.iter().filter(|(_, history)| history.activity() == Activity::Active);
        for (resource, _) in active.filter(|(resource, _)| !cib.may_run_everywhere(resource)) {
            places.entry(resource.clone()).or_default().push(node.clone());
        }
    }
    places.retain(|_, nodes| nodes.len() > 1);
    places
}

/// Resources that run on `node`.
pub(crate) fn active_here(cib: &Cib, node: &NodeId) -> Vec<String> {
    let resources = cib.status.nodes.get(node).map(|node| &node.resources);
    let active = resources.into_iter().flatten().filter(|(_, history)| history.activity() == Activity::Active);
    active.map(|(resource, _)| resource.to_string()).collect()
}

fn join<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

impl Summary {
    /// The summary of this CIB as seen by one node.
    pub(crate) fn of(cib: &Cib, sight: Sight<'_>) -> Summary {
        let roll = cib.roll();
        let nobody = roll.settled.tally(|_| false, false);
        let quorate = sight.quorum.is_some_and(|quorum| quorum.quorate);
        let nobody = || Quorum { expected: nobody.expected, needed: nobody.needed, ..Quorum::default() };
        let resources = cib.config.resource_order.iter().filter(|name| cib.config.resources.contains_key(*name));
        Summary {
            cluster: cib.config.cluster.name.clone(),
            node: sight.me.clone(),
            view: sight.view.map_or_else(|| "none".to_owned(), |view| view.ring.to_string()),
            dc: sight.dc.cloned(),
            quorum: sight.quorum.cloned().unwrap_or_else(nobody),
            generation: cib.durable.generation,
            activity: activity(cib, &sight),
            nodes: cib.config.nodes.keys().map(|name| node(cib, name)).collect(),
            resources: resources.filter_map(|name| resource(cib, name, sight.schedule, quorate)).collect(),
            fencing: fencing(cib),
            overrides: overrides(cib),
            failures: failures(cib),
            warnings: warnings(cib, sight),
        }
    }
}

fn activity(cib: &Cib, sight: &Sight<'_>) -> String {
    let Some(schedule) = sight.schedule else {
        let Some(view) = sight.view else { return "looking for the other nodes".to_owned() };
        let number = view.members.len();
        return format!("synchronising {number} members, waiting for {}", join(&sight.awaited));
    };
    let online = cib.status.nodes.iter().filter(|(name, _)| cib.online(name).is_some());
    let pending: usize =
        online.flat_map(|(_, node)| node.resources.values()).map(|history| history.pending.len()).sum();
    let mut parts = Vec::new();
    let actions = schedule.graph.len();
    if actions > 0 {
        parts.push(crate::node::count(actions, "action") + " to go");
    }
    if pending > 0 {
        parts.push(format!("waiting for {}", crate::node::count(pending, "result")));
    }
    if !cib.status.fencing.open.is_empty() {
        let targets = cib.status.fencing.open.values().map(|request| &request.target);
        parts.push(format!("waiting for {} to be fenced", join(targets)));
    }
    if sight.quorum.is_some_and(Quorum::undecided) {
        parts.push("waiting for the arbiter".to_owned());
    }
    if sight.waiting {
        let unseen = cib.status.nodes.iter().filter(|(_, node)| node.state == NodeState::Unseen);
        let unseen = unseen.filter(|(name, _)| !cib.only_votes(name));
        parts.push(format!("waiting for {} to appear", join(unseen.map(|(name, _)| name))));
    }
    if parts.is_empty() { IDLE.to_owned() } else { parts.join(", ") }
}

fn node(cib: &Cib, name: &NodeId) -> NodeSummary {
    let status = cib.status.nodes.get(name);
    let mode = cib.durable.overrides.nodes.get(name).copied();
    let file = cib.config.nodes.get(name);
    let standby = mode.map_or(file.is_some_and(|node| node.standby), |mode| mode == NodeMode::Standby);
    let maintenance = mode.map_or(file.is_some_and(|node| node.maintenance), |mode| mode == NodeMode::Maintenance);
    let state = match status.map(|status| (status.state, status.leaving)) {
        Some((NodeState::Online { .. }, false)) if cib.only_votes(name) => "arbiter",
        None | Some((NodeState::Unseen, _)) => "not seen",
        // It left in order, and what was not managed was left running.
        Some((NodeState::Offline, _) | (NodeState::Lost { .. }, true)) => "offline",
        Some((NodeState::Lost { .. }, false)) => "unclean",
        Some((NodeState::Online { .. }, true)) => "leaving",
        Some((NodeState::Online { .. }, false)) if maintenance => "maintenance",
        Some((NodeState::Online { .. }, false)) if standby => "standby",
        Some((NodeState::Online { .. }, false)) => "online",
    };
    NodeSummary { name: name.clone(), state: state.to_owned() }
}

/// Where a resource stands on the nodes taken together.
fn state(places: &[(&NodeId, NodeState, &History)]) -> &'static str {
    let online = |state: &NodeState| matches!(state, NodeState::Online { .. });
    let here = || places.iter().filter(|(_, state, _)| online(state));
    let pending = |name| here().any(|(_, _, history)| history.pending.values().any(|order| order.key.name == name));
    let starting = here().any(|(_, _, history)| history.starting());
    let is = |activity| here().any(|(_, _, history)| history.activity() == activity);
    let lost = places.iter().any(|(_, state, history)| {
        matches!(state, NodeState::Lost { .. }) && matches!(history.activity(), Activity::Active | Activity::Doubtful)
    });
    if starting {
        "starting"
    } else if pending(OperationName::Stop) {
        "stopping"
    } else if is(Activity::Active) {
        "started"
    } else if is(Activity::Doubtful) {
        "failed"
    } else if lost {
        "blocked"
    } else if !is(Activity::Inactive) {
        "unknown"
    } else if here().any(|(_, _, history)| history.failure_count() > 0) {
        "failed"
    } else {
        "stopped"
    }
}

fn resource(cib: &Cib, name: &ResourceId, schedule: Option<&Schedule>, quorate: bool) -> Option<ResourceSummary> {
    let resource = cib.config.resources.get(name)?;
    let histories = |status| instances(status, name).map(|(_, history)| history);
    let nodes = cib.status.nodes.iter();
    let places: Vec<(&NodeId, NodeState, &History)> =
        nodes.flat_map(|(node, status)| histories(status).map(move |history| (node, status.state, history))).collect();
    let mut active: Vec<NodeId> = places
        .iter()
        .filter(|(_, _, history)| matches!(history.activity(), Activity::Active | Activity::Doubtful))
        .map(|(node, _, _)| (*node).clone())
        .collect();
    active.dedup();
    let mut promoted: Vec<NodeId> = places
        .iter()
        .filter(|(_, _, history)| history.promoted() && history.activity() != Activity::Inactive)
        .map(|(node, _, _)| (*node).clone())
        .collect();
    promoted.dedup();
    Some(ResourceSummary {
        name: name.clone(),
        group: cib.config.group_of(name).map(|group| group.name.clone()),
        clone: cib.clone_of(name).and_then(|clone| ResourceId::new(&clone.id).ok()),
        agent: resource.agent.to_string(),
        state: state(&places).to_owned(),
        note: note(name, &places, &active, &promoted, schedule, quorate),
        nodes: active,
        promoted,
    })
}

/// What is known of a primitive, or of each instance of it, on one node.
fn instances<'a>(status: &'a NodeStatus, name: &'a ResourceId) -> impl Iterator<Item = (&'a ResourceId, &'a History)> {
    status.resources.iter().filter(move |(id, _)| id.base() == name.as_str())
}

/// Why it is not where it should be.
fn note(
    name: &ResourceId,
    places: &[(&NodeId, NodeState, &History)],
    active: &[NodeId],
    promoted: &[NodeId],
    schedule: Option<&Schedule>,
    quorate: bool,
) -> Option<String> {
    let wanted = schedule?.placement.get(name)?;
    if wanted.is_empty() {
        let mut why = vec![crate::node::why(schedule?, name)];
        why.extend(places.iter().filter_map(|(node, _, history)| unable(node, history)));
        return Some(why.join("; "));
    }
    let missing: Vec<&NodeId> = wanted.iter().map(|place| &place.node).filter(|node| !active.contains(node)).collect();
    let too_many = active.iter().any(|node| wanted.iter().all(|place| place.node != *node));
    if !missing.is_empty() || too_many {
        let to = join(wanted.iter().map(|place| &place.node));
        let lost =
            places.iter().find(|(node, state, _)| matches!(state, NodeState::Lost { .. }) && active.contains(node));
        return Some(match lost {
            Some((place, _, _)) if !missing.is_empty() => {
                format!("starts on {} once {place} is confirmed off", join(missing))
            }
            _ if !quorate && !missing.is_empty() => format!("to run on {to} when there is quorum"),
            _ => format!("to run on {to}"),
        });
    }
    let to: Vec<&NodeId> = wanted.iter().filter(|place| place.promoted).map(|place| &place.node).collect();
    let differs = to.len() != promoted.len() || to.iter().any(|node| !promoted.contains(node));
    match (differs, to.is_empty()) {
        (true, false) => Some(format!("to be promoted on {}", join(to))),
        (true, true) => Some("to be demoted".to_owned()),
        (false, _) => None,
    }
}

/// What an agent said that cannot run at all on a node.
fn unable(node: &NodeId, history: &History) -> Option<String> {
    let last = history.records.iter().max_by_key(|record| record.call)?;
    let report = &last.report;
    let hard = matches!(
        report.outcome,
        Outcome::NotInstalled
            | Outcome::InvalidParameter
            | Outcome::InsufficientPrivilege
            | Outcome::NotConfigured
            | Outcome::Unimplemented
    );
    let reason = report.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    hard.then(|| format!("on {node}: {}{reason}", report.outcome))
}

fn fencing(cib: &Cib) -> Vec<FencingSummary> {
    let open = cib.status.fencing.open.values();
    let summary = open.map(|request| FencingSummary {
        node: request.target.clone(),
        reason: request.reason.clone(),
        failed_attempts: request.failed_attempts,
        last_failure: request.last_failure.as_ref().and_then(|attempt| attempt.result.as_ref().err().cloned()),
    });
    summary.collect()
}

fn overrides(cib: &Cib) -> Vec<OverrideSummary> {
    let overrides = &cib.durable.overrides;
    let line = |what: String, undo: String| OverrideSummary { what, undo };
    let nodes = overrides.nodes.iter().map(|(node, mode)| match mode {
        NodeMode::Standby => line(format!("{node} is in standby"), format!("paceline node online {node}")),
        NodeMode::Maintenance => line(format!("{node} is in maintenance"), format!("paceline node online {node}")),
        NodeMode::Online => {
            let file = cib.config.nodes.get(node);
            let word = if file.is_some_and(|file| file.maintenance) { "maintenance" } else { "standby" };
            line(format!("{node} is online whatever the file says"), format!("paceline node {word} {node}"))
        }
    });
    let roles = overrides.target_roles.iter().map(|(resource, role)| match role {
        TargetRole::Started => line(format!("{resource} is enabled"), format!("paceline resource disable {resource}")),
        TargetRole::Stopped => line(format!("{resource} is disabled"), format!("paceline resource enable {resource}")),
    });
    let moves = overrides.moves.iter().map(|(resource, node)| {
        line(format!("{resource} was moved to {node}"), format!("paceline resource clear {resource}"))
    });
    let tickets = overrides.tickets.keys().map(|ticket| match cib.has_ticket(ticket) {
        Some(Ticket { standby: false, .. }) => {
            line(format!("this site has ticket {ticket}"), format!("paceline ticket revoke {ticket}"))
        }
        Some(Ticket { standby: true, .. }) => {
            line(format!("ticket {ticket} is set aside"), format!("paceline ticket activate {ticket}"))
        }
        None => {
            let what = format!(
                "ticket {ticket} was granted before this site stopped as a whole and does not count any more; if no \
                 other site has it, grant it again"
            );
            line(what, format!("paceline ticket revoke {ticket}"))
        }
    });
    nodes.chain(roles).chain(moves).chain(tickets).collect()
}

fn failures(cib: &Cib) -> Vec<FailureSummary> {
    let mut failures = Vec::new();
    for (node, status) in &cib.status.nodes {
        for (resource, history) in status.resources.iter().filter(|(_, history)| history.failure_count() > 0) {
            let last = history.last_failure.as_ref().map_or_else(
                || "recovered since".to_owned(),
                |record| {
                    let report = &record.report;
                    let reason = report.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
                    format!("{} {}{reason}", report.name.as_str(), report.outcome)
                },
            );
            failures.push(FailureSummary {
                resource: resource.clone(),
                node: node.clone(),
                count: history.failure_count(),
                last,
                wall_ms: history.failures.iter().map(|failure| failure.last_wall_ms).max().unwrap_or(0),
            });
        }
    }
    failures.sort_by_key(|failure| failure.wall_ms);
    failures
}

fn warnings(cib: &Cib, sight: Sight<'_>) -> Vec<String> {
    let mut warnings = sight.warnings;
    if let Some(quorum) = sight.quorum.filter(|quorum| !quorum.quorate) {
        warnings.push(if quorum.awaited.is_empty() {
            format!(
                "no quorum ({} of {} votes, {} needed): nothing is started",
                quorum.votes, quorum.expected, quorum.needed
            )
        } else {
            format!("no quorum: after a full stop {} must be seen once", join(&quorum.awaited))
        });
    }
    if let Some(forced) = &cib.durable.forced {
        warnings.push(format!("{}; this ends when a majority of all nodes is back", crate::node::forced(forced)));
    }
    for (name, nodes) in doubled(cib) {
        warnings.push(format!("{name} runs on {}, but may only run once", join(nodes)));
    }
    if cib.config.properties.fencing_enabled {
        let runs = cib.config.nodes.keys().filter(|node| !cib.only_votes(node));
        let without = runs.filter(|node| cib.config.levels.get(*node).is_none_or(Vec::is_empty));
        let without = join(without);
        if !without.is_empty() {
            warnings.push(format!("no fence device for {without}: if lost, what it ran starts nowhere else"));
        }
    } else {
        warnings.push(
            "fencing is disabled: what ran on a lost node starts elsewhere at once, and may then run twice".to_owned(),
        );
    }
    if cib.config.properties.maintenance_mode {
        warnings.push("maintenance-mode: nothing is started, stopped or monitored".to_owned());
    }
    warnings
}
