//! A service under management: `[resources.NAME]`, and `[groups.NAME]`.

use crate::agent::AgentRef;
use crate::id::ResourceId;
use crate::score::Score;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// One primitive resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// The name, unique among resources and groups.
    pub name: ResourceId,
    /// The agent that manages it.
    pub agent: AgentRef,
    /// The agent's parameters (`params`), values as text.
    pub params: BTreeMap<String, String>,
    /// The command lines of an [`AgentRef::Command`] resource; `None` for every other agent.
    pub commands: Option<Commands>,
    /// How the cluster treats it.
    pub meta: Meta,
    /// Operations with options of their own.
    pub operations: Vec<Operation>,
    /// The timeout of operations that are not listed (`[defaults.operation] timeout`, 20s).
    pub timeout: Duration,
}

/// The lines of an inline command resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commands {
    /// Starts the service and returns when it is up. Exit 0 is success.
    pub start: String,
    /// Stops the service and returns when it is down. Exit 0 is success, also when it was not running.
    pub stop: String,
    /// Exit 0: runs. Exit 7 (or any other code when `check` cannot tell more): does not run.
    pub check: String,
}

/// What the cluster should make of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetRole {
    /// `"started"`, the default.
    Started,
    /// `"stopped"`.
    Stopped,
}

/// Meta attributes: how the cluster treats a resource or a group. Names and meanings are the peer's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// `target-role` (default started).
    pub target_role: TargetRole,
    /// `stickiness`: how much it prefers to stay where it is (default 1: nothing moves back by itself).
    pub stickiness: Score,
    /// `priority`: placed before others, and less likely to be stopped (default 0).
    pub priority: i32,
    /// `managed`: when false the cluster neither starts nor stops it (default true; peer: is-managed).
    pub managed: bool,
    /// `maintenance`: neither started, stopped nor monitored (default false).
    pub maintenance: bool,
    /// `migration-threshold`: failures on a node after which it may not run there (default none).
    pub migration_threshold: Option<u32>,
    /// `failure-timeout`: after this long without a new failure the failures are forgotten (default never).
    pub failure_timeout: Option<Duration>,
}

/// What an operation of a resource does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OperationName {
    /// Bring the service up.
    Start,
    /// Bring the service down.
    Stop,
    /// Ask whether it runs: once (a probe, no interval) or recurring.
    Monitor,
    /// Raise a running instance to the promoted role.
    Promote,
    /// Bring a promoted instance back to the unpromoted role.
    Demote,
    /// Tell an instance of a clone what is about to happen, or has happened, to its siblings.
    Notify,
    /// On the node that it leaves: hand the running service over.
    MigrateTo,
    /// On the node that it goes to: take the running service over.
    MigrateFrom,
    /// Take up changed parameters while it runs.
    Reload,
}

impl OperationName {
    /// The action given to an OCF agent; in TOML, the word for those that can be written there.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            OperationName::Start => "start",
            OperationName::Stop => "stop",
            OperationName::Monitor => "monitor",
            OperationName::Promote => "promote",
            OperationName::Demote => "demote",
            OperationName::Notify => "notify",
            OperationName::MigrateTo => "migrate_to",
            OperationName::MigrateFrom => "migrate_from",
            OperationName::Reload => "reload-agent",
        }
    }

    /// Whether it brings a service up where none ran before.
    #[must_use]
    pub fn brings_up(self) -> bool {
        matches!(self, OperationName::Start | OperationName::MigrateFrom)
    }

    /// Whether it changes the state of the service on purpose, so that its recurring monitors, which ask for the state
    /// before, end with it.
    #[must_use]
    pub fn ends_monitors(self) -> bool {
        match self {
            OperationName::Start
            | OperationName::Stop
            | OperationName::Promote
            | OperationName::Demote
            | OperationName::MigrateTo
            | OperationName::MigrateFrom => true,
            OperationName::Monitor | OperationName::Notify | OperationName::Reload => false,
        }
    }
}

/// What happens when an operation fails (`on-fail`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFail {
    /// `"restart"`: stop and start again, here or elsewhere (default for start and monitor).
    Restart,
    /// `"stop"`: stop and leave stopped until the failure is cleared.
    Stop,
    /// `"block"`: touch nothing until the failure is cleared (default for stop when fencing is off).
    Block,
    /// `"fence"`: fence the node (default for stop when fencing is on).
    Fence,
    /// `"ignore"`: as if it had not failed.
    Ignore,
}

/// One entry of `operations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Which action.
    pub name: OperationName,
    /// Repeat this often; only for `monitor` (`monitor = "10s"` is the short form).
    pub interval: Option<Duration>,
    /// Give up after this long (default: `defaults.operation.timeout`, 20s).
    pub timeout: Duration,
    /// What a failure leads to; `None` for the default of this operation.
    pub on_fail: Option<OnFail>,
}

/// Resources that run together on one node, started in the order listed and stopped in reverse: `[groups.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The name, unique among resources and groups.
    pub name: ResourceId,
    /// The primitives, in start order.
    pub members: Vec<ResourceId>,
    /// Meta attributes of the whole; `stickiness` is summed over the active members as the peer does.
    pub meta: GroupMeta,
}

/// What can be said of a whole group; what is `None` is left to the members.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMeta {
    /// `target-role` for all members.
    pub target_role: Option<TargetRole>,
    /// `managed` for all members.
    pub managed: Option<bool>,
    /// `maintenance` for all members.
    pub maintenance: Option<bool>,
    /// `priority` of the group (default 0).
    pub priority: i32,
}
