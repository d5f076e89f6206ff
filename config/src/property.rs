//! Cluster-wide switches: `[properties]`. Names and meanings are the peer's.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a partition without quorum does with its resources (`no-quorum-policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoQuorumPolicy {
    /// `"stop"`, the default: stop them all.
    Stop,
    /// `"freeze"`: keep what runs, start nothing.
    Freeze,
}

/// What a fence device is asked to do (`fencing-action`; peer: stonith-action).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FencingAction {
    /// `"reboot"`, the default.
    Reboot,
    /// `"off"`.
    Off,
}

/// The properties with their defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    /// `fencing-enabled` (default true; peer: stonith-enabled). False is an operator's word that data may be lost.
    pub fencing_enabled: bool,
    /// `fencing-action` (default reboot).
    pub fencing_action: FencingAction,
    /// `startup-fencing`: nodes never seen since the cluster started are fenced (default true).
    pub startup_fencing: bool,
    /// `dc-deadtime`: how long the first view after a full stop waits for nodes not yet seen (default 20s).
    pub dc_deadtime: Duration,
    /// `no-quorum-policy` (default stop).
    pub no_quorum_policy: NoQuorumPolicy,
    /// `symmetric-cluster`: resources may run on any node unless forbidden (default true).
    pub symmetric_cluster: bool,
    /// `maintenance-mode`: hands off everything (default false).
    pub maintenance_mode: bool,
    /// `stop-all-resources` (default false).
    pub stop_all_resources: bool,
    /// `start-failure-is-fatal`: one failed start bans the node (default true).
    pub start_failure_is_fatal: bool,
    /// `batch-limit`: actions in flight in the whole cluster at once (default 0: no limit).
    pub batch_limit: u32,
}
