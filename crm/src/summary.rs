//! What a person wants to see of the whole situation. A value derived from the CIB and the view, nothing else.

mod derive;

pub(crate) use derive::{IDLE, Sight, active_here, doubled};

use crate::cib::Generation;
use config::{NodeId, ResourceId};
use membership::Quorum;
use serde::{Deserialize, Serialize};

/// The answer to "how are we?".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Cluster name.
    pub cluster: String,
    /// The node that answers.
    pub node: NodeId,
    /// The view, as text ("12/alpha").
    pub view: String,
    /// The DC; `None` while members are being synchronised.
    pub dc: Option<NodeId>,
    /// May this partition act?
    pub quorum: Quorum,
    /// Version of the durable configuration.
    pub generation: Generation,
    /// What the DC is doing: "idle", "7 actions to go", "waiting for gamma to appear".
    pub activity: String,
    /// Every configured node.
    pub nodes: Vec<NodeSummary>,
    /// Every primitive, in file order.
    pub resources: Vec<ResourceSummary>,
    /// Fencing that is not confirmed yet, loudly.
    pub fencing: Vec<FencingSummary>,
    /// Every override in force, with the command that removes it.
    pub overrides: Vec<OverrideSummary>,
    /// Failures that still count, newest last.
    pub failures: Vec<FailureSummary>,
    /// Risks: fencing disabled, nodes without a device, waiting for nodes.
    pub warnings: Vec<String>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSummary {
    /// Its name.
    pub name: NodeId,
    /// "online", "arbiter" (it only votes), "standby", "maintenance", "leaving", "unclean", "offline", "not seen".
    pub state: String,
}

/// One primitive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceSummary {
    /// Its name.
    pub name: ResourceId,
    /// The group it is in.
    pub group: Option<ResourceId>,
    /// The clone it is an instance of, or inside of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clone: Option<ResourceId>,
    /// Its agent.
    pub agent: String,
    /// "started", "stopped", "starting", "stopping", "failed", "blocked", "unknown".
    pub state: String,
    /// Where it is active (more than one is a fault, and shown, unless it is a clone's).
    pub nodes: Vec<NodeId>,
    /// Where it is promoted, of those.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promoted: Vec<NodeId>,
    /// Why it is not where it should be, in a sentence.
    pub note: Option<String>,
}

/// An unconfirmed fencing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FencingSummary {
    /// Who.
    pub node: NodeId,
    /// Why.
    pub reason: String,
    /// Attempts that failed so far.
    pub failed_attempts: u32,
    /// The last failure in the device's own words.
    pub last_failure: Option<String>,
}

/// One override.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideSummary {
    /// "node alpha is in standby".
    pub what: String,
    /// "paceline node online alpha".
    pub undo: String,
}

/// One counted failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureSummary {
    /// Which resource.
    pub resource: ResourceId,
    /// Where.
    pub node: NodeId,
    /// How often.
    pub count: u32,
    /// "monitor timed out: no answer from port 80".
    pub last: String,
    /// Wall clock of the last one, milliseconds since 1970.
    pub wall_ms: u64,
}
