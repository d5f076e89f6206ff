//! Why: what a stage decided, recorded as data where it was decided. Sentences are made at the edge, by `Display`.

use crate::role::Role;
use crate::situation::Origin;
use std::fmt;

/// One reason. The resource and the node that it is said of are known from where it stands; others are named in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// An operator or the configuration wants no more than this role (`target-role`).
    TargetRole(Role),
    /// `stop-all-resources` is set.
    StopAll,
    /// It is not configured any more.
    NotConfigured,
    /// A resource is not managed.
    NotManaged(String),
    /// It is left alone (maintenance).
    Maintenance,
    /// A node asked to leave.
    Leaving(String),
    /// The remote node behind a connection leaves.
    RemoteLeaves,
    /// A ticket is missing.
    Ticket {
        /// Which.
        ticket: String,
        /// This site has it, but it is set aside.
        set_aside: bool,
        /// The constraint that asks for it.
        constraint: String,
    },
    /// It is kept for a node that left in order, until that one is back (`shutdown-lock`).
    Locked(String),
    /// It was kept for a node long enough (`shutdown-lock-limit`).
    LockExpired,
    /// It was kept for a node, but runs elsewhere.
    LockVoid,
    /// What it must run with has no node.
    PrimaryNowhere {
        /// That resource.
        primary: String,
        /// The colocation.
        constraint: String,
    },
    /// It is for another role than the present one.
    OtherRole,
    /// Its definition was changed.
    DefinitionChanged,
    /// An operator asked for a restart.
    RestartAsked,
    /// Its parameters were changed.
    ParametersChanged,
    /// Its agent was changed.
    AgentChanged,
    /// The definition of a fence device was changed, so nodes are let in anew.
    DeviceChanged(String),
    /// An operation of a resource failed on a node.
    OperationFailed {
        /// The resource.
        resource: String,
        /// `monitor`, `start`, ...
        operation: String,
        /// The node.
        node: String,
        /// The agent's exit code.
        exit_code: i32,
    },
    /// It failed, and no single operation tells how.
    Failed,
    /// What runs inside it failed.
    ContentFailed,
    /// A failure is old enough to be forgotten (`failure-timeout`).
    FailureExpired,
    /// It failed too often on a node (`migration-threshold`).
    TooManyFailures {
        /// The node.
        node: String,
        /// How often.
        count: i64,
    },
    /// Its agent said that it cannot run there when it was asked.
    AgentUnable {
        /// The operation that said so.
        operation: String,
    },
    /// It runs on more nodes than one.
    SeveralActive,
    /// An interrupted migration left it there.
    MigrationLeft,
    /// Its live migration was interrupted.
    MigrationInterrupted,
    /// A node was lost while it migrated.
    MigrationCutOff,
    /// A failed connection is tried again later (`reconnect-interval`).
    ConnectionRetried,
    /// Nobody can connect to a node any more.
    Unconnectable(String),
    /// The host of a guest node is stopped.
    HostStops(String),
    /// A node is not known to be safely stopped.
    NodeUnclean {
        /// The node.
        node: String,
        /// What makes it so, in the words of the stage that saw it.
        because: String,
    },
    /// A node cannot be used.
    Unusable {
        /// The node.
        node: String,
        /// Why.
        trouble: Trouble,
    },
    /// A node was not let in yet (unfencing).
    NotLetIn(String),
    /// There is no quorum.
    NoQuorum,
    /// There is no quorum, and everything stays as it is (`no-quorum-policy`).
    Frozen,
    /// A node has too little of something.
    Capacity {
        /// The node.
        node: String,
        /// What.
        of: String,
        /// How much is left.
        left: i64,
        /// How much is needed.
        need: i64,
    },
    /// What a resource does on a node is not known.
    Unknown {
        /// The resource.
        resource: String,
        /// The node.
        node: String,
    },
    /// It moves to another node.
    Moves {
        /// Which.
        to: String,
        /// What drives it away, where something does; else the other node is worth more.
        because: Option<Box<Reason>>,
    },
    /// Its place is here, in this role.
    Wished(Role),
    /// It has no place, where nothing more is known.
    Unwanted,
}

/// Why a node cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// What it does is not known, and it has to be fenced.
    Unclean,
    /// A remote or guest node without connection.
    NotConnected,
    /// It is not a member.
    Offline,
    /// It leaves in order.
    Leaving,
    /// An operator set it aside.
    Standby,
    /// A failure set it aside (`on-fail = "standby"`).
    StandbyForFailure,
    /// An operator works on it; nothing there is touched.
    Maintenance,
    /// It is a member, and not ready yet.
    Joining,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Reason::TargetRole(role) => return write!(f, "its target role is {role}"),
            Reason::NotManaged(resource) => return write!(f, "{resource} is not managed"),
            Reason::Leaving(node) => return write!(f, "{node} asked to leave"),
            Reason::Ticket { ticket, set_aside, constraint } => {
                let state = if *set_aside { "set aside" } else { "not granted" };
                return write!(f, "ticket {ticket} is {state} ({})", named("constraint", constraint));
            }
            Reason::Locked(node) => return write!(f, "locked to {node} until it is back"),
            Reason::PrimaryNowhere { primary, constraint } => {
                let constraint = named("colocation", constraint);
                return write!(f, "it has to be with {primary}, which is placed nowhere ({constraint})");
            }
            Reason::DeviceChanged(device) => return write!(f, "the definition of {device} was changed"),
            Reason::OperationFailed { resource, operation, node, exit_code } => {
                return write!(f, "{operation} of {resource} failed on {node} with exit code {exit_code}");
            }
            Reason::TooManyFailures { node, count } => {
                let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
                return write!(f, "failed {times} on {node}, which is too often");
            }
            Reason::AgentUnable { operation } => {
                return write!(f, "{operation} cannot run there: its agent said so when probed");
            }
            Reason::Unconnectable(node) => return write!(f, "nobody can connect to {node} any more"),
            Reason::HostStops(host) => return write!(f, "{host} is stopped under it"),
            Reason::NodeUnclean { node, because } => return write!(f, "{node} is unclean: {because}"),
            Reason::Unusable { node, trouble } => return write!(f, "{node} {trouble}"),
            Reason::NotLetIn(node) => return write!(f, "{node} was not let in yet"),
            Reason::Capacity { node, of, left, need } => {
                return write!(f, "{node} has {left} of {of} left, {need} are needed");
            }
            Reason::Unknown { resource, node } => return write!(f, "what {resource} does on {node} is not known"),
            Reason::Moves { to, because: Some(because) } => return write!(f, "it moves to {to}: {because}"),
            Reason::Moves { to, because: None } => return write!(f, "it moves to {to}, which is worth more"),
            Reason::Wished(Role::Promoted) => "it is the one to be promoted",
            Reason::Wished(_) => "it belongs here",
            Reason::StopAll => "stop-all-resources is set",
            Reason::NotConfigured => "it is not configured any more",
            Reason::Maintenance => "it is left alone (maintenance)",
            Reason::RemoteLeaves => "its remote node shuts down",
            Reason::LockExpired => "it was kept for its node long enough (shutdown-lock-limit)",
            Reason::LockVoid => "it was kept for its node, but runs elsewhere",
            Reason::OtherRole => "it is for another role",
            Reason::DefinitionChanged => "its definition was changed",
            Reason::RestartAsked => "a restart was asked for",
            Reason::ParametersChanged => "its parameters were changed",
            Reason::AgentChanged => "its agent was changed",
            Reason::Failed => "it failed",
            Reason::ContentFailed => "what runs in it failed",
            Reason::FailureExpired => "its failure is old enough to be forgotten (failure-timeout)",
            Reason::SeveralActive => "it runs on more nodes than one",
            Reason::MigrationLeft => "an interrupted migration left it there",
            Reason::MigrationInterrupted => "its live migration was interrupted",
            Reason::MigrationCutOff => "its migration was cut off by the loss of a node",
            Reason::ConnectionRetried => "the connection is tried again later",
            Reason::NoQuorum => "there is no quorum",
            Reason::Frozen => "there is no quorum, and everything stays as it is",
            Reason::Unwanted => "it belongs nowhere",
        };
        f.write_str(words)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trouble::Unclean => "is unclean: what it does is not known, and it has to be fenced",
            Trouble::NotConnected => "is not connected",
            Trouble::Offline => "is offline",
            Trouble::Leaving => "is going down",
            Trouble::Standby => "is in standby",
            Trouble::StandbyForFailure => "is in standby because of a failure",
            Trouble::Maintenance => "is in maintenance",
            Trouble::Joining => "is joining",
        })
    }
}

/// The name of a location constraint that stands for an operator's wish.
pub const MOVED: &str = "paceline resource move";

/// A constraint in words: by its word and place in a cluster file, or by the name that a CIB gives it.
pub(crate) fn named(what: &str, name: &str) -> String {
    match Origin::of(name) {
        Some(origin) => origin.to_string(),
        None if name == MOVED => format!("`{MOVED}`"),
        None => format!("{what} {name}"),
    }
}
