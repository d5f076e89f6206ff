//! What happened, per node and resource: operation histories, failures, what is in flight, fencing.

use super::{Generation, Grant};
use config::{AgentRef, Commands, NodeId, OperationName, ResourceId};
use fencing::{HistoryEntry, Request, RequestId};
use membership::Incarnation;
use resource_agents::{Operation, OrderId, Outcome, Report};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The volatile part of the CIB.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Every configured node.
    pub nodes: BTreeMap<NodeId, NodeStatus>,
    /// Who must be, and who was, cut off.
    pub fencing: FencingStatus,
    /// All nodes were members of one view since the last full stop (for `wait-for-all`), or quorum was reached.
    pub all_seen: bool,
    /// What the arbiter said last: counts in the view that it was said for.
    #[serde(default)]
    pub grant: Option<Grant>,
    /// Members of this view that came without what they had stored while others have it: they do not count before a
    /// quorum has told them, and they have stored that.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub blank: BTreeSet<NodeId>,
    /// Nodes that do not know yet of a node that was added, and the version of the cluster file that they have to store
    /// first. Would the added node be a member before, they could not come back: they would not listen to it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unaware: BTreeMap<NodeId, Generation>,
    /// The life of the cluster: the number of the first view in which anything was known of its status. Another one
    /// begins when all nodes have stopped, since nobody can hand the status over.
    #[serde(default)]
    pub life: u64,
    /// Counts delivered results; gives each record its place in time.
    pub calls: u64,
    /// `paceline resource restart`: instances started before this call number are to be restarted.
    pub restarts: BTreeMap<ResourceId, u64>,
    /// The last change of each node that was applied: a change that is sent again is applied once.
    #[serde(default)]
    pub counters: BTreeMap<NodeId, Counter>,
}

/// How far the changes of one node were applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// In which life of the node.
    pub incarnation: Incarnation,
    /// The highest number applied.
    pub value: u64,
}

/// What is known of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Whether it is here, and if not, whether that is safe.
    pub state: NodeState,
    /// It asked to leave in order; its resources are being stopped.
    pub leaving: bool,
    /// What was noted about it until it leaves.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// What was done with resources on it, in its present life.
    pub resources: BTreeMap<ResourceId, History>,
}

impl Default for NodeStatus {
    fn default() -> Self {
        NodeStatus { state: NodeState::Unseen, leaving: false, attributes: BTreeMap::new(), resources: BTreeMap::new() }
    }
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// Not seen since this cluster started. May run anything: unclean, unless `startup-fencing = false`.
    Unseen,
    /// A member of the view.
    Online {
        /// Its life.
        incarnation: Incarnation,
    },
    /// Dropped out without leaving in order: unclean until fenced or back.
    Lost {
        /// The life that was lost.
        incarnation: Incarnation,
    },
    /// Known not to run anything: it left in order, or its fencing was confirmed.
    Offline,
}

/// The history of one resource on one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The last result in each [`Slot`].
    pub records: Vec<OperationRecord>,
    /// The last failure since failures were forgotten, also when something succeeded after it.
    #[serde(default)]
    pub last_failure: Option<OperationRecord>,
    /// Orders delivered and not yet answered.
    pub pending: BTreeMap<OrderId, Pending>,
    /// Failures that count against `migration-threshold`, operation by operation.
    pub failures: Vec<FailureCount>,
    /// The result that said that it runs, of all since it was last not running; 0 when it does not.
    #[serde(default)]
    pub runs_since: u64,
    /// With what it was last ordered to start in this life of the node. A stop uses the same, also when the cluster
    /// file has changed in between; absent when it was found running by a probe.
    #[serde(default)]
    pub started: Option<Definition>,
}

/// What defines a running service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The agent.
    pub agent: AgentRef,
    /// Its parameters.
    pub params: BTreeMap<String, String>,
    /// The lines of an inline command resource.
    pub commands: Option<Commands>,
}

impl Definition {
    /// What `operation` calls its agent with.
    #[must_use]
    pub fn of(operation: &Operation) -> Definition {
        Definition {
            agent: operation.agent.clone(),
            params: operation.params.clone(),
            commands: operation.commands.clone(),
        }
    }
}

/// What the records of a [`History`] say about the service, without a look at the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Never asked in this life of the node.
    Unknown,
    /// It does not run.
    Inactive,
    /// It runs.
    Active,
    /// The last operation failed in a way that leaves open whether it runs.
    Doubtful,
}

impl History {
    /// What the records say, the latest one last. Orders in flight are not looked at.
    #[must_use]
    pub fn activity(&self) -> Activity {
        self.records.iter().max_by_key(|record| record.call).map_or(Activity::Unknown, OperationRecord::activity)
    }

    /// Whether it was promoted when it was last heard of.
    #[must_use]
    pub fn promoted(&self) -> bool {
        let told = self.records.iter().filter_map(|record| Some((record.call, record.promoted()?)));
        told.max_by_key(|(call, _)| *call).is_some_and(|(_, promoted)| promoted)
    }

    /// Failures counted, of all operations.
    #[must_use]
    pub fn failure_count(&self) -> u32 {
        self.failures.iter().fold(0, |sum, failure| sum.saturating_add(failure.count))
    }

    /// Whether an order that may bring it up is not answered yet.
    #[must_use]
    pub fn starting(&self) -> bool {
        self.pending.values().any(|pending| pending.key.name.brings_up())
    }
}

/// Which operation a record is about: name, and interval for recurring monitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OperationKey {
    /// The action.
    pub name: OperationName,
    /// `None` for a single call.
    pub interval: Option<Duration>,
}

/// Of which results the last one is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Everything that is done once: only the last thing done tells how it stands.
    Single,
    /// Recurring monitors, and the two halves of a migration: each by itself.
    Keyed(OperationKey),
}

/// One result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// Its place in time among all results of the cluster; a higher one is later.
    pub call: u64,
    /// What came of it.
    pub report: Report,
    /// Wall clock of the reporting node, milliseconds since 1970.
    pub wall_ms: u64,
    /// What it was called with, in short: [`Pending::fingerprint`] of its order.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// Of the halves of a migration: from where, to where.
    #[serde(default)]
    pub migration: Option<(NodeId, NodeId)>,
}

impl OperationRecord {
    /// Which other results it replaces.
    #[must_use]
    pub fn slot(&self) -> Slot {
        match self.key() {
            key @ OperationKey { name: OperationName::MigrateTo | OperationName::MigrateFrom, .. } => Slot::Keyed(key),
            key if key.interval.is_some() => Slot::Keyed(key),
            _ => Slot::Single,
        }
    }

    /// What this result says, were it the last.
    fn activity(&self) -> Activity {
        match (self.report.name, self.report.outcome) {
            (OperationName::Stop, Outcome::Ok | Outcome::NotRunning) => Activity::Inactive,
            // What was handed over runs on the other node, or nowhere.
            (OperationName::MigrateTo, Outcome::Ok) => Activity::Inactive,
            (OperationName::Demote, Outcome::NotRunning) => Activity::Inactive,
            (OperationName::Start | OperationName::MigrateFrom, Outcome::Ok) => Activity::Active,
            (OperationName::Promote | OperationName::Demote | OperationName::Reload, Outcome::Ok) => Activity::Active,
            (OperationName::Monitor, Outcome::Ok | Outcome::Promoted) => Activity::Active,
            (OperationName::Monitor, Outcome::Degraded | Outcome::DegradedPromoted) => Activity::Active,
            (OperationName::Monitor, Outcome::NotRunning | Outcome::NotInstalled) => Activity::Inactive,
            // A probe that cannot even ask finds nothing of ours there; the scheduler keeps the resource away.
            (
                OperationName::Monitor,
                Outcome::InsufficientPrivilege
                | Outcome::InvalidParameter
                | Outcome::NotConfigured
                | Outcome::Unimplemented,
            ) if self.report.interval.is_none() => Activity::Inactive,
            _ => Activity::Doubtful,
        }
    }

    /// Whether this result says that it is promoted; `None` when it says nothing of that.
    fn promoted(&self) -> Option<bool> {
        match (self.report.name, self.report.outcome) {
            (_, Outcome::Promoted | Outcome::FailedPromoted | Outcome::DegradedPromoted) => Some(true),
            // A promotion that failed may have come to something.
            (OperationName::Promote, outcome) => Some(outcome != Outcome::NotRunning),
            (
                OperationName::Demote | OperationName::Start | OperationName::Stop | OperationName::Monitor,
                Outcome::Ok,
            ) => Some(false),
            (OperationName::Monitor, Outcome::NotRunning) => Some(false),
            _ => None,
        }
    }

    /// Which operation this is about.
    #[must_use]
    pub fn key(&self) -> OperationKey {
        OperationKey { name: self.report.name, interval: self.report.interval }
    }
}

/// An order in flight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The action.
    pub key: OperationKey,
    /// How long the agent may take.
    pub timeout: Duration,
    /// See [`resource_agents::Operation::expect`].
    pub expect: Outcome,
    /// What it was ordered with, in short, as the scheduler compares it with what it would be ordered with today.
    #[serde(default)]
    pub fingerprint: Option<String>,
    /// Of the halves of a migration: from where, to where.
    #[serde(default)]
    pub migration: Option<(NodeId, NodeId)>,
}

/// Counted failures of one operation of one resource on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureCount {
    /// Which operation.
    pub key: OperationKey,
    /// How many since they were last cleared.
    pub count: u32,
    /// One is as good as any number: a failed stop, or a failed start while `start-failure-is-fatal` is in force.
    pub fatal: bool,
    /// Wall clock of the last one, milliseconds since 1970.
    pub last_wall_ms: u64,
}

/// Fencing as the whole cluster knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FencingStatus {
    /// Requests without a verdict.
    pub open: BTreeMap<RequestId, Request>,
    /// The last verdicts, newest last, bounded.
    pub history: Vec<HistoryEntry>,
    /// Number of the next request.
    pub next: u64,
}
