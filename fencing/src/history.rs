//! Verdicts, for `paceline fencing history`.

use crate::request::RequestId;
use config::{DeviceId, FencingAction, NodeId};
use membership::Incarnation;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One finished fencing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Which request.
    pub request: RequestId,
    /// Who was cut off.
    pub target: NodeId,
    /// Which life of it.
    pub incarnation: Option<Incarnation>,
    /// Off or reboot.
    pub action: FencingAction,
    /// Why it was asked for.
    pub reason: String,
    /// Which node did it; `None` when an operator confirmed it by hand.
    pub by: Option<NodeId>,
    /// With which devices.
    pub devices: Vec<DeviceId>,
    /// Attempts that failed before.
    pub failed_attempts: u32,
    /// How long the successful attempt took.
    pub elapsed: Duration,
    /// Wall clock of the verdict, milliseconds since 1970.
    pub wall_ms: u64,
}
