//! The one truth of the cluster: the configuration and the status, versioned. Only [`Cib::apply`] changes it, and only
//! messages that the ring delivered reach that function, so every member of a view holds the same one.

mod apply;
mod attribute;
mod change;
mod digest;
mod electorate;
mod handover;
mod record;
mod revocation;
mod shape;
mod status;

pub use apply::{Applied, Context, News, Origin, Refused};
pub use attribute::{Attribute, Attributes, MAX_ATTRIBUTE_NAME, MAX_ATTRIBUTE_VALUE, MOST_ATTRIBUTES, Subject};
pub use change::{Change, OverrideEdit, TicketEdit};
pub use electorate::{Forced, Fork, Grant};
pub(crate) use handover::Turn;
pub use revocation::Revocation;
pub use status::{
    Activity, Counter, Definition, FailureCount, FencingStatus, History, NodeState, NodeStatus, OperationKey,
    OperationRecord, Pending, Slot, Status,
};

use config::{Config, NodeId, Overrides, Problem, ResourceId};
use membership::Roll;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The version of the durable part (cluster file and overrides): the number of the quorate view in which the last
/// change was ordered (or which last confirmed it), and its place there. Ordered; the highest wins after a merge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Generation {
    /// Ring number of the view.
    pub view: u64,
    /// Changes ordered in that view so far.
    pub index: u64,
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.view, self.index)
    }
}

/// The durable part: what is on the disk of every node, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durable {
    /// Its version.
    pub generation: Generation,
    /// The cluster file exactly as the operator wrote it, comments and all.
    pub text: String,
    /// What operators asked of the running cluster on top of it.
    pub overrides: Overrides,
    /// What agents and operators noted for good.
    #[serde(default)]
    pub attributes: Attributes,
    /// Whose votes count, where it is not simply the nodes of the cluster file.
    #[serde(default)]
    pub roll: Option<Roll>,
    /// Quorum was forced by an operator, and the nodes given up then are not back yet.
    #[serde(default)]
    pub forced: Option<Forced>,
    /// Every time at which quorum was forced in the history of this content, the last ones.
    #[serde(default)]
    pub forks: Vec<Fork>,
    /// Fingerprints of certificates that are not accepted any more, and for which nodes they were issued.
    #[serde(default)]
    pub revoked: BTreeMap<String, NodeId>,
}

/// Configuration and status of the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cib {
    /// The durable part.
    pub durable: Durable,
    /// `durable.text`, parsed.
    pub config: Arc<Config>,
    /// What happened and what runs; not stored on disk, handed over in snapshots and found again by probes.
    pub status: Status,
}

impl Cib {
    /// The CIB of a node that has not met anybody yet: this configuration, and nothing known of any node.
    ///
    /// # Errors
    /// The problems of the cluster file, when it is not valid, or asks for what this version does not carry out.
    pub fn new(durable: Durable) -> Result<Cib, Vec<Problem>> {
        let parsed = config::parse(&durable.text);
        let Some(config) = parsed.config.filter(|config| config.beyond.is_empty()) else { return Err(parsed.problems) };
        let nodes = config.nodes.keys().map(|node| (node.clone(), NodeStatus::default())).collect();
        Ok(Cib { durable, config: Arc::new(config), status: Status { nodes, ..Status::default() } })
    }

    /// A copy that holds another cluster file, for plans; the status is the same.
    #[must_use]
    pub fn with_config(&self, text: String, config: Config) -> Cib {
        let durable = Durable { text, ..self.durable.clone() };
        let mut copy = Cib { durable, config: Arc::new(config), status: self.status.clone() };
        copy.match_nodes();
        copy
    }

    /// What is known of one resource on one node, if anything.
    #[must_use]
    pub fn history(&self, node: &NodeId, resource: &ResourceId) -> Option<&History> {
        self.status.nodes.get(node)?.resources.get(resource)
    }

    /// The life of a node that is a member.
    #[must_use]
    pub fn online(&self, node: &NodeId) -> Option<membership::Incarnation> {
        match self.status.nodes.get(node)?.state {
            NodeState::Online { incarnation } => Some(incarnation),
            NodeState::Unseen | NodeState::Lost { .. } | NodeState::Offline => None,
        }
    }

    /// Gives every configured node a status, and forgets nodes that are not configured any more.
    fn match_nodes(&mut self) {
        let configured = &self.config.nodes;
        self.status.nodes.retain(|node, _| configured.contains_key(node));
        self.status.counters.retain(|node, _| configured.contains_key(node));
        self.status.unaware.retain(|node, _| configured.contains_key(node));
        for node in configured.keys() {
            self.status.nodes.entry(node.clone()).or_default();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
