//! What is known of nodes and of what was done on them, in the form in which the scheduler reads it.
//!
//! | node              | told as                                                        |
//! |-------------------|----------------------------------------------------------------|
//! | online            | member of everything; `shutdown` when it leaves                |
//! | awaited           | in the ring and not joined: neither used nor a target          |
//! | lost              | expected, and not there: unclean                               |
//! | offline           | not expected, and not there                                    |
//! | unseen            | nothing at all: `startup-fencing` decides                      |

use super::Situation;
use crate::cib::{FailureCount, History, NodeState, NodeStatus, OperationKey, OperationRecord, Pending, Slot};
use ::scheduler::situation::{
    self as told, Agent, AttributeSet, OperationHistory, OperationStatus, ResourceHistory, Value,
};
use config::{AgentRef, NodeId, OperationName, ResourceId};
use resource_agents::{OrderId, Outcome, Report};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How the agent of each configured primitive is written.
pub(super) type Agents<'a> = BTreeMap<&'a str, &'a Agent>;

/// What is told of every node that was ever seen.
pub(super) fn of_nodes(situation: &Situation<'_>, agents: &Agents<'_>) -> Vec<told::NodeStatus> {
    let nodes = situation.cib.status.nodes.iter().filter(|(name, _)| !situation.cib.only_votes(name));
    nodes.filter_map(|(name, status)| node(situation, agents, name, status)).collect()
}

fn node(
    situation: &Situation<'_>,
    agents: &Agents<'_>,
    name: &NodeId,
    status: &NodeStatus,
) -> Option<told::NodeStatus> {
    let member = situation.members.contains(name);
    let blank = told::NodeStatus { id: name.to_string(), name: name.to_string(), ..told::NodeStatus::default() };
    let there = |joined: bool, expected: Option<&str>| told::NodeStatus {
        member: Some(member),
        peer: Some(member && joined),
        join: Some(if member && joined { "member" } else { "down" }.to_owned()),
        expected: expected.map(str::to_owned),
        ..blank.clone()
    };
    match status.state {
        NodeState::Unseen if !member => None,
        // A member whose word in this view is not counted yet.
        NodeState::Unseen => Some(there(false, None)),
        NodeState::Lost { .. } if member => Some(there(false, None)),
        NodeState::Offline => Some(there(false, Some("down"))),
        NodeState::Lost { .. } | NodeState::Online { .. } => {
            // It left in order, and what was not managed there still runs, for all that is known.
            let left = status.leaving && !member;
            let mut told = if left { there(false, Some("down")) } else { there(true, Some("member")) };
            if !left {
                told.attributes = attributes(situation, name, status, member);
            }
            let known = status.resources.iter();
            told.resources =
                known.map(|(id, history)| Arc::new(resource(situation, agents, name, id, history))).collect();
            Some(told)
        }
    }
}

fn value(name: impl Into<String>, value: impl Into<String>) -> Value {
    Value { name: name.into(), value: Some(value.into()) }
}

/// Attributes that last until the node leaves: those that were noted, failure counts, and what the node or a fencing
/// request asks for.
fn attributes(situation: &Situation<'_>, name: &NodeId, status: &NodeStatus, member: bool) -> Vec<AttributeSet> {
    // The first value of a name counts: what is said here of the node itself cannot be noted otherwise. These two are
    // always said, so that nothing noted for good or written in the file is heard instead: it would keep a lost node
    // from being fenced.
    let mut values = vec![value("shutdown", if status.leaving && member { "1" } else { "0" })];
    let life = situation.cib.online(name);
    let open = situation.cib.status.fencing.open.values();
    // What was asked for cannot be taken back: the device may be at work.
    let asked = life.is_some() && open.into_iter().any(|it| it.target == *name && it.incarnation == life);
    values.push(value("terminate", if asked { "true" } else { "false" }));
    for (id, history) in &status.resources {
        for count in &history.failures {
            values.extend(failure(id, count));
        }
    }
    values.extend(status.attributes.iter().map(|(name, text)| value(name, text)));
    vec![AttributeSet { id: "status".to_owned(), values, ..AttributeSet::default() }]
}

fn failure(id: &ResourceId, count: &FailureCount) -> [Value; 2] {
    let operation = format!("{}_{}", count.key.name.as_str(), interval_ms(count.key));
    let number = if count.fatal { "INFINITY".to_owned() } else { count.count.to_string() };
    [
        value(format!("fail-count-{id}#{operation}"), number),
        value(format!("last-failure-{id}#{operation}"), seconds(count.last_wall_ms).to_string()),
    ]
}

/// The scheduler counts in seconds. Rounded up, so that nothing is forgotten too early.
fn seconds(wall_ms: u64) -> i64 {
    i64::try_from(wall_ms.div_ceil(1000)).unwrap_or(i64::MAX)
}

fn interval_ms(key: OperationKey) -> u64 {
    key.interval.map_or(0, |interval| u64::try_from(interval.as_millis()).unwrap_or(u64::MAX))
}

fn resource(
    situation: &Situation<'_>,
    agents: &Agents<'_>,
    node: &NodeId,
    id: &ResourceId,
    history: &History,
) -> ResourceHistory {
    let count = history.records.len() + usize::from(history.last_failure.is_some()) + history.pending.len();
    let mut operations = Vec::with_capacity(count);
    operations.extend(history.records.iter().map(|record| answered(id, record)));
    operations.extend(history.last_failure.iter().map(|record| {
        let again = answered(id, record);
        OperationHistory { id: format!("{id}_last_failure_0"), ..again }
    }));
    operations.extend(history.pending.iter().map(|(order, pending)| in_flight(id, *order, pending)));
    ResourceHistory {
        id: id.to_string(),
        agent: agent(agents, id, history),
        restart: super::restart::because(situation, node, id, history),
        operations,
        ..ResourceHistory::default()
    }
}

/// With which agent it was started. Command lines are compared elsewhere ([`super::restart`]).
fn agent(agents: &Agents<'_>, id: &ResourceId, history: &History) -> Agent {
    let written = agents.get(id.base()).copied();
    let Some(started) = &history.started else { return written.cloned().unwrap_or_default() };
    match &started.agent {
        AgentRef::Ocf { provider, kind } => {
            Agent { class: "ocf".to_owned(), provider: Some(provider.clone()), name: kind.clone() }
        }
        AgentRef::Command => match written {
            Some(written) if written.class == "command" => written.clone(),
            _ => Agent { class: "command".to_owned(), provider: None, name: id.base().to_owned() },
        },
    }
}

fn answered(id: &ResourceId, record: &OperationRecord) -> OperationHistory {
    let report = &record.report;
    let key = record.key();
    let name = report.name.as_str();
    let every = interval_ms(key);
    let id = id.as_str();
    // Thousands of these are told for each plan, so they are put together without formatting.
    let key = match every {
        0 => [id, "_", name, "_0"].concat(),
        _ => [id, "_", name, "_", &every.to_string()].concat(),
    };
    let slot = match record.slot() {
        Slot::Single => [id, "_last_0"].concat(),
        Slot::Keyed(_) => key.clone(),
    };
    let (migrate_source, migrate_target) =
        record.migration.as_ref().map(|(from, to)| (from.to_string(), to.to_string())).unzip();
    let done = i64::try_from(record.call).unwrap_or(i64::MAX);
    OperationHistory {
        id: slot,
        key,
        name: name.to_owned(),
        interval_ms: every,
        call: done,
        exit_code: report.outcome.code(),
        status: status(report),
        expected_exit_code: report.expect.code(),
        // Calls are counted by the whole cluster: the number tells also which of two nodes came first.
        transition_key: ["0:", &done.to_string(), ":0:cluster"].concat(),
        last_run: Some(seconds(record.wall_ms)),
        last_change: Some(seconds(record.wall_ms)),
        exec_ms: i64::try_from(report.elapsed.as_millis()).ok(),
        digest: record.fingerprint.clone(),
        migrate_source,
        migrate_target,
        exit_reason: report.reason.clone(),
        ..OperationHistory::default()
    }
}

/// How a call went. A probe that could not even ask has found nothing of ours there, as where no agent is installed: to
/// stop it there, with an agent that cannot be run, would only get the node fenced.
fn status(report: &Report) -> OperationStatus {
    let probe = report.name == OperationName::Monitor && report.interval.is_none();
    match report.outcome {
        Outcome::TimedOut => OperationStatus::TimedOut,
        Outcome::InsufficientPrivilege | Outcome::NotConfigured | Outcome::Unimplemented if probe => {
            OperationStatus::NotInstalled
        }
        _ => OperationStatus::Done,
    }
}

fn in_flight(id: &ResourceId, order: OrderId, pending: &Pending) -> OperationHistory {
    let name = pending.key.name.as_str();
    let every = interval_ms(pending.key);
    let (migrate_source, migrate_target) =
        pending.migration.as_ref().map(|(from, to)| (from.to_string(), to.to_string())).unzip();
    OperationHistory {
        id: format!("{id}_order_{}", order.0),
        key: format!("{id}_{name}_{every}"),
        name: name.to_owned(),
        interval_ms: every,
        call: -1,
        exit_code: -1,
        status: OperationStatus::Pending,
        expected_exit_code: pending.expect.code(),
        migrate_source,
        migrate_target,
        ..OperationHistory::default()
    }
}
