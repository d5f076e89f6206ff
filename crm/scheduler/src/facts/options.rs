//! Cluster options: the properties of the cluster with their defaults, typed.

use config::Score;

/// What happens in a partition without quorum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoQuorumPolicy {
    /// Stop everything (default).
    #[default]
    Stop,
    /// Keep what runs, start nothing.
    Freeze,
    /// As if there was quorum.
    Ignore,
    /// Demote promoted instances, stop the rest that depends on quorum.
    Demote,
    /// Have all nodes of this partition fenced.
    Fence,
}

/// How capacity is taken into account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlacementStrategy {
    /// Not at all; by the number of resources.
    #[default]
    Default,
    /// Only nodes with enough.
    Utilization,
    /// Only nodes with enough, the freest first.
    Balanced,
    /// Only nodes with enough, as few nodes as possible.
    Minimal,
}

/// What happens with nodes whose health attributes say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HealthStrategy {
    /// Nothing.
    #[default]
    None,
    /// Resources leave nodes that are yellow or red.
    OnlyGreen,
    /// Resources leave nodes that are red.
    MigrateOnRed,
    /// Health attributes become scores, the worst as base.
    Progressive,
    /// The administrator's rules see the scores; nothing is added.
    Custom,
}

/// The options.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// `symmetric-cluster` (default true): resources may run anywhere unless told otherwise.
    pub symmetric: bool,
    /// `no-quorum-policy`, with `fence` already weakened where fencing is not possible.
    pub no_quorum_policy: NoQuorumPolicy,
    /// `fencing-enabled` (default true).
    pub fencing_enabled: bool,
    /// Fencing is possible at all: enabled, and a device is configured.
    pub fencing_possible: bool,
    /// `fencing-action` (default reboot): `reboot` or `off`.
    pub fencing_action: String,
    /// `fencing-timeout`, milliseconds (default 60 s).
    pub fencing_timeout_ms: u64,
    /// `concurrent-fencing` (default true).
    pub concurrent_fencing: bool,
    /// `startup-fencing` (default true): nodes never seen are unclean.
    pub startup_fencing: bool,
    /// `priority-fencing-delay`, milliseconds.
    pub priority_fencing_delay_ms: u64,
    /// `have-watchdog`.
    pub have_watchdog: bool,
    /// `fencing-watchdog-timeout`, milliseconds.
    pub watchdog_timeout_ms: i64,
    /// `stop-all-resources`.
    pub stop_all: bool,
    /// `stop-orphan-resources` (default true).
    pub stop_removed_resources: bool,
    /// `stop-orphan-actions` (default true).
    pub stop_removed_actions: bool,
    /// `remove-after-stop`.
    pub remove_after_stop: bool,
    /// `start-failure-is-fatal` (default true).
    pub start_failure_is_fatal: bool,
    /// `enable-startup-probes` (default true).
    pub startup_probes: bool,
    /// `maintenance-mode`.
    pub maintenance: bool,
    /// `is-managed-default` (default true).
    pub managed_default: bool,
    /// `shutdown-lock`.
    pub shutdown_lock: bool,
    /// `shutdown-lock-limit`, milliseconds; 0: none.
    pub shutdown_lock_limit_ms: i64,
    /// `node-pending-timeout`, milliseconds; 0: none.
    pub node_pending_timeout_ms: i64,
    /// `node-health-strategy`.
    pub health_strategy: HealthStrategy,
    /// `node-health-base`.
    pub health_base: Score,
    /// `node-health-green`.
    pub health_green: Score,
    /// `node-health-yellow`.
    pub health_yellow: Score,
    /// `node-health-red`.
    pub health_red: Score,
    /// `placement-strategy`.
    pub placement_strategy: PlacementStrategy,
    /// `default-action-timeout`, milliseconds (default 20 s).
    pub action_timeout_ms: u64,
    /// `default-resource-stickiness`, from files of older versions.
    pub default_stickiness: Option<Score>,
    /// `cluster-name`.
    pub cluster_name: Option<String>,
    /// `batch-limit`.
    pub batch_limit: i64,
    /// `migration-limit`; -1: none.
    pub migration_limit: i64,
    /// `cluster-delay`, milliseconds (default 60 s).
    pub cluster_delay_ms: u64,
    /// The partition may act.
    pub quorate: bool,
}
