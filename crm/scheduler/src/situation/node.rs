//! Nodes as reported, and tickets.

use super::{AttributeSet, ResourceHistory, Value};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A node as reported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Id of the node (a remote or guest node: its name).
    pub id: String,
    /// Name of the node.
    pub name: String,
    /// Whether this entry is of a remote or guest node.
    pub remote: bool,
    /// Whether it is a member of the ring; `None` when that was not reported.
    pub member: Option<bool>,
    /// Since when it is a member, seconds since 1970, where the status says so.
    pub member_since: Option<i64>,
    /// Whether its resource manager speaks with the others (peer: `crmd`); `None` when that was not reported.
    pub peer: Option<bool>,
    /// Since when, seconds since 1970, where the status says so.
    pub peer_since: Option<i64>,
    /// How far it came in joining (`down`, `pending`, `member`, `banned`), as reported.
    pub join: Option<String>,
    /// What it should be (`down`, `member`), as reported.
    pub expected: Option<String>,
    /// Remote nodes: fenced since last seen.
    pub fenced: Option<String>,
    /// Remote nodes: in maintenance when last seen.
    pub in_maintenance: Option<String>,
    /// Attributes that last until the node leaves: failure counts, promotion scores, `shutdown`, ...
    pub attributes: Vec<AttributeSet>,
    /// Capacity that lasts until the node leaves.
    pub utilization: Vec<AttributeSet>,
    /// What was done on it, resource by resource. Shared: a situation on paper differs from the real one in few of
    /// them.
    pub resources: Vec<Arc<ResourceHistory>>,
}

/// A ticket as it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// The name.
    pub id: String,
    /// Whether this site has it.
    pub granted: bool,
    /// Whether it is set aside.
    pub standby: bool,
    /// When it was granted last, seconds since 1970.
    pub last_granted: Option<i64>,
    /// Whatever else was recorded with it.
    pub attributes: Vec<Value>,
}
