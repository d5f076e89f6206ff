//! A machine of the cluster: `[nodes.NAME]`.

use crate::id::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One cluster node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The name, unique in the cluster, also the subject of its certificate.
    pub name: NodeId,
    /// One to eight addresses, `HOST` or `HOST:PORT`, one per link, all nodes with the same number of links.
    pub addresses: Vec<String>,
    /// Votes in quorum decisions (default 1; 0 for an observer).
    pub votes: u32,
    /// What it is there for (default: a full member).
    #[serde(default)]
    pub role: NodeRole,
    /// Operator's labels, used by rules.
    pub attributes: BTreeMap<String, String>,
    /// Runs no resources (default false). `paceline node standby` does the same without touching the file.
    pub standby: bool,
    /// Its resources are left alone (default false).
    pub maintenance: bool,
}

/// What a node is there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NodeRole {
    /// It votes and runs resources.
    #[default]
    Member,
    /// It votes and runs nothing. It holds nothing that could run twice, so it is never fenced.
    Arbiter,
}

impl NodeRole {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            NodeRole::Member => "member",
            NodeRole::Arbiter => "arbiter",
        }
    }
}

impl Node {
    /// Whether it runs nothing and only votes.
    #[must_use]
    pub fn only_votes(&self) -> bool {
        self.role == NodeRole::Arbiter
    }
}
