//! Operations as configured, and their options after defaults and rules.

use super::meta::Requires;
use crate::role::Role;
use crate::situation;

/// What happens when an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFail {
    /// Nothing.
    Ignore,
    /// Demote, then as told by the rest of the cluster.
    Demote,
    /// Stop and start, here or elsewhere.
    Restart,
    /// Stop and start elsewhere (peer: ban, formerly migrate).
    Ban,
    /// Touch nothing.
    Block,
    /// Stop and stay stopped.
    Stop,
    /// Move everything off the node.
    Standby,
    /// Fence the node.
    Fence,
    /// Restart the container that it lives in.
    RestartContainer,
    /// Reset a remote node's connection.
    ResetRemote,
}

/// One configured operation.
#[derive(Clone, Debug)]
pub struct OperationFacts<'a> {
    /// What was written; `None` for implicit ones.
    pub written: Option<&'a situation::Operation>,
    /// What is called.
    pub name: String,
    /// How often, milliseconds; 0 for once.
    pub interval_ms: u64,
    /// Only in this role (`role` of a monitor; default Started, for promotable ones: unpromoted too).
    pub role: Option<Role>,
    /// `enabled`.
    pub enabled: bool,
}

/// The options of one call, for a resource, a name and an interval, configured or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationOptions {
    /// Milliseconds.
    pub timeout_ms: u64,
    /// Milliseconds; from `start-delay`, or computed from `interval-origin`.
    pub start_delay_ms: u64,
    /// What a failure leads to.
    pub on_fail: OnFail,
    /// Role after a failure.
    pub fail_role: Role,
    /// What must be the case before.
    pub requires: Requires,
}
