//! What an operator asked of the running cluster, on top of the file: standby, moves, enable and disable.
//!
//! Overrides are durable and replicated exactly like the file, but they are not in it, so that applying a file again
//! (from version control, say) never takes a node out of standby behind the operator's back. `paceline status` lists
//! every override together with the command that removes it; there is no hidden rule.

use crate::id::{NodeId, ResourceId};
use crate::resource::TargetRole;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All overrides in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides {
    /// `paceline node standby|maintenance|online NODE`.
    #[serde(default)]
    pub nodes: BTreeMap<NodeId, NodeMode>,
    /// `paceline resource enable|disable RESOURCE`.
    #[serde(default)]
    pub target_roles: BTreeMap<ResourceId, TargetRole>,
    /// `paceline resource move RESOURCE NODE`, until `paceline resource clear RESOURCE`.
    #[serde(default)]
    pub moves: BTreeMap<ResourceId, NodeId>,
}

/// What an operator made of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeMode {
    /// Takes part in the ring and in quorum, runs no resources.
    Standby,
    /// Resources stay as they are; nothing is started, stopped or monitored.
    Maintenance,
    /// Explicitly online, also when the file says standby.
    Online,
}
