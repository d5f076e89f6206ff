//! How each node stands.

use crate::index::ResourceIx;
use crate::reason::Reason;
use config::Score;
use std::collections::BTreeMap;

/// What kind of node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A member of the cluster.
    Member,
    /// Reached through a connection resource of its own.
    Remote,
    /// Reached through a connection that lives with the resource that is its host: a virtual machine or a container.
    Guest {
        /// The resource that is the node's host.
        container: ResourceIx,
    },
}

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its id in the status.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What kind of node.
    pub kind: NodeKind,
    /// The connection resource of a remote or guest node.
    pub connection: Option<ResourceIx>,
    /// A guest node that is a bundle's container.
    pub bundle: bool,
    /// A member, and its resource manager speaks with the others; or the connection is up.
    pub online: bool,
    /// Joining, not yet to be used.
    pub pending: bool,
    /// What it runs is not known: it must be fenced (or, without fencing, be back) first.
    pub unclean: bool,
    /// Never seen since the cluster started.
    pub unseen: bool,
    /// It should be there.
    pub expected_up: bool,
    /// Runs nothing, by request.
    pub standby: bool,
    /// Runs nothing, because a failure said so (`on-fail = "standby"`).
    pub standby_on_fail: bool,
    /// Its resources are left alone.
    pub maintenance: bool,
    /// It wants to leave in order.
    pub shutdown: bool,
    /// Agents are called there to find out what runs (false: `resource-discovery-enabled`, or an exclusive location).
    pub discovery: bool,
    /// Only probed and never used for resources (ping nodes).
    pub votes_only: bool,
    /// Remote nodes: the connection failed in a way that only fencing mends.
    pub remote_needs_reset: bool,
    /// Remote nodes: fenced since the connection was last up.
    pub remote_fenced: bool,
    /// Unfenced when, as recorded (`#node-unfenced`); 0: never.
    pub unfenced_at: i64,
    /// Permanent attributes, then transient ones over them, then built-in ones (`#uname`, `#kind`, ...).
    pub attributes: BTreeMap<String, String>,
    /// Permanent attributes alone (`container-attribute-target = host` and expected-by-file questions).
    pub permanent: BTreeMap<String, String>,
    /// Capacity.
    pub utilization: BTreeMap<String, i64>,
    /// What its health attributes add up to; what a resource may override with `allow-unhealthy-nodes`.
    pub health: Score,
    /// Why it must be fenced; empty when it need not be.
    pub fence: Vec<Reason>,
    /// Primitives (and instances) that run on it, or may.
    pub running: Vec<ResourceIx>,
    /// Sum of the priorities of what runs on it, for `priority-fencing-delay`.
    pub priority: i64,
}

impl Node {
    /// Whether it is reached through a connection resource.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        !matches!(self.kind, NodeKind::Member)
    }

    /// Whether it is the coordinator, as far as the situation says.
    #[must_use]
    pub fn is_dc(&self) -> bool {
        self.attributes.get("#is_dc").is_some_and(|dc| dc == "true")
    }

    /// Whether its host is a resource.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        matches!(self.kind, NodeKind::Guest { .. })
    }

    /// The resource that is its host.
    #[must_use]
    pub fn container(&self) -> Option<ResourceIx> {
        match self.kind {
            NodeKind::Guest { container } => Some(container),
            NodeKind::Member | NodeKind::Remote => None,
        }
    }

    /// Whether resources may be placed on it, as far as the node itself is concerned. Whether a guest's host will run
    /// is a question for [`crate::assign`].
    #[must_use]
    pub fn usable(&self) -> bool {
        self.online && !self.pending && !self.unclean && !self.standby && !self.shutdown && !self.maintenance
    }
}
