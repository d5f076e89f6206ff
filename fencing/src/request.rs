//! Who must be cut off, what was tried, and the result for all. Lives in the CIB: fencing is state, not a conversation.

use config::{DeviceId, FencingAction, NodeId};
use membership::Incarnation;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Names a request; unique in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// A node that must be cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its name.
    pub id: RequestId,
    /// The node.
    pub target: NodeId,
    /// The life of the node that is meant; `None` for a node never seen since the cluster started. A verdict says
    /// nothing about a later life.
    pub incarnation: Option<Incarnation>,
    /// Off or reboot.
    pub action: FencingAction,
    /// Why, in a sentence.
    pub reason: String,
    /// Wall-clock time of the request at the DC that made it, milliseconds since 1970.
    pub wall_ms: u64,
    /// Failed attempts so far: the number of the next attempt.
    pub failed_attempts: u32,
    /// The last failed attempt, for status.
    pub last_failure: Option<Attempt>,
}

/// One level of devices tried once by one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// For which request.
    pub request: RequestId,
    /// Which attempt, from 0. An attempt with another number than the request expects is ignored.
    pub number: u32,
    /// Who tried.
    pub by: NodeId,
    /// The devices used, in order.
    pub devices: Vec<DeviceId>,
    /// Whether every device of the level confirmed; else the device's own words.
    pub result: Result<(), String>,
    /// How long it took.
    pub elapsed: Duration,
}
