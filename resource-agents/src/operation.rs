//! One call to an agent, as the DC orders it, and the report of what came of it.

use crate::outcome::Outcome;
use config::{AgentRef, Commands, NodeId, OperationName, ResourceId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What the executor of one node is asked to do with one resource. Complete: the executor needs no configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The resource.
    pub resource: ResourceId,
    /// Its agent.
    pub agent: AgentRef,
    /// The action.
    pub name: OperationName,
    /// For a monitor: repeat this often; `None` is a single call (a probe when the name is monitor).
    pub interval: Option<Duration>,
    /// Give up after this long.
    pub timeout: Duration,
    /// The agent's parameters, and those of this operation only. `OCF_CHECK_LEVEL` among them is how deep a monitor
    /// looks.
    pub params: BTreeMap<String, String>,
    /// The lines of an inline command resource.
    pub commands: Option<Commands>,
    /// The node it runs on (agents are told).
    pub node: NodeId,
    /// The outcome that was planned with. Of a recurring monitor it is what makes a result good or bad: ok where it
    /// runs (unpromoted), promoted where it is promoted, not running where it should be stopped.
    pub expect: Outcome,
    /// What the agent is told beside its parameters (`CRM_meta_*` of OCF), names without that prefix: `clone`,
    /// `clone_max`, `notify_type`, `notify_start_uname`, `migrate_source`, `role`, ... They define nothing: not part of
    /// the digest.
    pub meta: BTreeMap<String, String>,
}

/// Names one order of a DC; unique in the cluster (see crm).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderId(pub u64);

/// What came of one call to an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The order that this answers; `None` when a recurring monitor reports a change by itself.
    pub order: Option<OrderId>,
    /// The resource.
    pub resource: ResourceId,
    /// The action.
    pub name: OperationName,
    /// The interval of a recurring monitor.
    pub interval: Option<Duration>,
    /// What it means.
    pub outcome: Outcome,
    /// What was planned with: see [`Operation::expect`].
    pub expect: Outcome,
    /// The agent's own words (`ocf-exit-reason`, or the last line of standard error), at most 256 bytes.
    pub reason: Option<String>,
    /// How long the call took.
    pub elapsed: Duration,
}
