//! Meta attributes of a resource, typed, after templates, defaults, parents and rules.

use crate::role::Role;
use config::Score;

/// What a resource needs before it may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requires {
    /// Nothing.
    Nothing,
    /// A quorum.
    Quorum,
    /// A quorum, and that every unclean node is fenced.
    Fencing,
    /// As above, and that its own node was unfenced.
    Unfencing,
}

/// What happens when an instance is found on more nodes than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MultipleActive {
    /// Stop all, start one (default).
    StopStart,
    /// Keep the one where it should be, stop the others.
    StopUnexpected,
    /// Stop all.
    StopOnly,
    /// Touch none.
    Block,
}

/// The meta attributes.
#[derive(Clone, Debug)]
pub struct Meta {
    /// `priority`.
    pub priority: i64,
    /// `stickiness` (peer: resource-stickiness); `None`: not set anywhere.
    pub stickiness: Option<Score>,
    /// `target-role`; `None`: not set.
    pub target_role: Option<Role>,
    /// `is-managed` (and the cluster's default).
    pub managed: bool,
    /// `maintenance`.
    pub maintenance: bool,
    /// `critical` (default true): influence of colocations in which it is the dependent.
    pub critical: bool,
    /// `requires`, with the default for its kind.
    pub requires: Requires,
    /// `multiple-active`.
    pub multiple_active: MultipleActive,
    /// `migration-threshold`; 0 and INFINITY: none.
    pub migration_threshold: Option<i64>,
    /// `failure-timeout`, milliseconds; 0: never.
    pub failure_timeout_ms: i64,
    /// `allow-migrate`.
    pub allow_migrate: bool,
    /// `allow-unhealthy-nodes`.
    pub allow_unhealthy_nodes: bool,
    /// `notify`.
    pub notify: bool,
    /// `interleave`.
    pub interleave: bool,
    /// `ordered`: instances are started one after the other.
    pub ordered: bool,
    /// `globally-unique`.
    pub globally_unique: bool,
    /// `promotable`.
    pub promotable: bool,
    /// `promoted-max` (promotable only).
    pub promoted_max: i64,
    /// `promoted-node-max`.
    pub promoted_node_max: i64,
    /// `clone-max`; as asked for, or the number of nodes.
    pub clone_max: i64,
    /// `clone-node-max`.
    pub clone_node_max: i64,
    /// `clone-min`.
    pub clone_min: i64,
    /// `restart-type = restart`: a restart of the first of an optional order restarts this one.
    pub restart_type_restart: bool,
    /// `remote-node`: the guest node that this resource is the host of.
    pub remote_node: Option<String>,
    /// `container-attribute-target = host`: attributes of the bundle's host instead of the container's node.
    pub attribute_target_host: bool,
    /// Whether `is-managed = false` or maintenance keeps the cluster from touching it, after every level.
    pub unmanaged_reason: Option<&'static str>,
}
