//! What an operator asked of the running cluster, on top of the file: standby, moves, enable and disable, tickets.
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
    /// `paceline ticket grant TICKET`: the tickets that this site was given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tickets: BTreeMap<String, Ticket>,
}

/// A ticket that this site was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// It is set aside: what needs it is stopped or demoted in order, whatever the file says of its loss.
    pub standby: bool,
    /// In which life of the cluster it was given: after the site has stopped as a whole another one may have it.
    pub life: u64,
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
