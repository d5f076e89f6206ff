//! Nodes as written.

use super::AttributeSet;
use crate::Score;
use serde::{Deserialize, Serialize};

/// A node as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its id in the status; equal to `name` where there is no other.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What kind of node.
    pub kind: NodeKind,
    /// What every resource thinks of it at first.
    pub score: Score,
    /// Permanent attributes, among them `standby` and `maintenance`.
    pub attributes: Vec<AttributeSet>,
    /// Its capacity.
    pub utilization: Vec<AttributeSet>,
}

/// What kind of node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeKind {
    /// A member of the cluster.
    #[default]
    Member,
    /// Runs no cluster stack; reached through a connection resource.
    Remote,
    /// Votes and runs nothing.
    Ping,
}
