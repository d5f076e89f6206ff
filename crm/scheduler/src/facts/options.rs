//! Cluster options: the properties of the cluster with their defaults, typed.

use super::sets;
use crate::rule::RuleContext;
use crate::situation::Situation;
use crate::word;
use config::Score;
use std::collections::BTreeMap;

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

impl ClusterOptions {
    /// The options of a configuration. `fencing_possible` says whether fencing is wanted until the tree of resources
    /// tells whether there is a device.
    #[must_use]
    pub(crate) fn read(situation: &Situation, warnings: &mut Vec<String>) -> ClusterOptions {
        let context = RuleContext { now_ms: situation.now_ms, ..RuleContext::default() };
        let table = sets::values(&situation.configuration.properties, &context);
        let mut written = Written { table: &table, warnings };
        let fencing_enabled = written.boolean(&["fencing-enabled", "stonith-enabled"], true);
        let health_strategy = written.health_strategy();
        let health = |written: &mut Written<'_>, name: &str, fixed: Option<Score>, default: Score| {
            fixed.unwrap_or_else(|| written.score(&[name], default))
        };
        let (fixed_yellow, fixed_red) = match health_strategy {
            HealthStrategy::None | HealthStrategy::MigrateOnRed => (Some(Score::ZERO), Some(Score::NEVER)),
            HealthStrategy::OnlyGreen => (Some(Score::NEVER), Some(Score::NEVER)),
            HealthStrategy::Progressive | HealthStrategy::Custom => (None, None),
        };
        let fixed_green = fixed_red.map(|_| Score::ZERO);
        ClusterOptions {
            symmetric: written.boolean(&["symmetric-cluster"], true),
            no_quorum_policy: written.no_quorum_policy(fencing_enabled, situation.never_quorate),
            fencing_enabled,
            fencing_possible: fencing_enabled,
            fencing_action: written.fencing_action(),
            fencing_timeout_ms: written.milliseconds(&["fencing-timeout", "stonith-timeout"], 60_000),
            concurrent_fencing: written.boolean(&["concurrent-fencing"], true),
            startup_fencing: written.boolean(&["startup-fencing"], true),
            priority_fencing_delay_ms: written.milliseconds(&["priority-fencing-delay"], 0),
            have_watchdog: written.boolean(&["have-watchdog"], false),
            watchdog_timeout_ms: written.signed_milliseconds(&["fencing-watchdog-timeout", "stonith-watchdog-timeout"]),
            stop_all: written.boolean(&["stop-all-resources"], false),
            stop_removed_resources: written.boolean(&["stop-removed-resources", "stop-orphan-resources"], true),
            stop_removed_actions: written.boolean(&["cancel-removed-actions", "stop-orphan-actions"], true),
            remove_after_stop: written.boolean(&["remove-after-stop"], false),
            start_failure_is_fatal: written.boolean(&["start-failure-is-fatal"], true),
            startup_probes: written.boolean(&["enable-startup-probes"], true),
            maintenance: written.boolean(&["maintenance-mode"], false),
            managed_default: written.boolean(&["is-managed-default"], true),
            shutdown_lock: written.boolean(&["shutdown-lock"], false),
            shutdown_lock_limit_ms: written.signed_milliseconds(&["shutdown-lock-limit"]).max(0),
            node_pending_timeout_ms: written.signed_milliseconds(&["node-pending-timeout"]).max(0),
            health_strategy,
            health_base: written.score(&["node-health-base"], Score::ZERO),
            health_green: health(&mut written, "node-health-green", fixed_green, Score::ZERO),
            health_yellow: health(&mut written, "node-health-yellow", fixed_yellow, Score::ZERO),
            health_red: health(&mut written, "node-health-red", fixed_red, Score::NEVER),
            placement_strategy: written.placement_strategy(),
            action_timeout_ms: written.milliseconds(&["default-action-timeout"], 20_000),
            default_stickiness: written.text(&["default-resource-stickiness"]).and_then(word::score),
            cluster_name: written.text(&["cluster-name"]).map(str::to_string),
            batch_limit: written.number(&["batch-limit"], 0),
            migration_limit: written.number(&["migration-limit"], -1),
            cluster_delay_ms: written.milliseconds(&["cluster-delay"], 60_000),
            quorate: situation.quorate,
        }
    }
}

/// The options as text. Each is asked for by its names, the current one first.
struct Written<'w> {
    table: &'w BTreeMap<String, String>,
    warnings: &'w mut Vec<String>,
}

impl<'w> Written<'w> {
    fn text(&self, names: &[&str]) -> Option<&'w str> {
        names.iter().find_map(|name| self.table.get(*name)).map(String::as_str)
    }

    /// The value, read by `parse`; the default where it is not written, or (with a warning) cannot be read.
    fn read<T>(&mut self, names: &[&str], default: T, parse: impl Fn(&str) -> Option<T>) -> T {
        let Some(text) = self.text(names) else { return default };
        parse(text).unwrap_or_else(|| {
            self.warnings.push(format!(
                "cluster option {} has the value {text:?}, which is not one of its values: its default counts",
                names[0]
            ));
            default
        })
    }

    fn boolean(&mut self, names: &[&str], default: bool) -> bool {
        self.read(names, default, word::boolean)
    }

    fn score(&mut self, names: &[&str], default: Score) -> Score {
        self.read(names, default, word::score)
    }

    fn number(&mut self, names: &[&str], default: i64) -> i64 {
        self.read(names, default, |text| word::leading_integer(text).map(|(number, _)| number))
    }

    fn milliseconds(&mut self, names: &[&str], default: u64) -> u64 {
        self.read(names, default, |text| word::interval_ms(text).and_then(|value| u64::try_from(value).ok()))
    }

    /// Of options in which a negative number has a meaning (-1: computed); the default is 0.
    fn signed_milliseconds(&mut self, names: &[&str]) -> i64 {
        self.read(names, 0, |text| match word::leading_integer(text) {
            Some((number, _)) if number < 0 => Some(number),
            _ => word::interval_ms(text),
        })
    }

    fn no_quorum_policy(&mut self, fencing_enabled: bool, never_quorate: bool) -> NoQuorumPolicy {
        let policy =
            self.read(&["no-quorum-policy"], NoQuorumPolicy::Stop, |text| match text.to_ascii_lowercase().as_str() {
                "stop" => Some(NoQuorumPolicy::Stop),
                "freeze" => Some(NoQuorumPolicy::Freeze),
                "ignore" => Some(NoQuorumPolicy::Ignore),
                "demote" => Some(NoQuorumPolicy::Demote),
                "fence" | "suicide" => Some(NoQuorumPolicy::Fence),
                _ => None,
            });
        if policy == NoQuorumPolicy::Fence && !fencing_enabled {
            self.warnings
                .push("no-quorum-policy is fence, but fencing is disabled: resources are stopped instead".into());
            return NoQuorumPolicy::Stop;
        }
        // Who never had a quorum lost none.
        if policy == NoQuorumPolicy::Fence && never_quorate { NoQuorumPolicy::Stop } else { policy }
    }

    fn fencing_action(&mut self) -> String {
        self.read(&["fencing-action", "stonith-action"], "reboot", |text| match text.to_ascii_lowercase().as_str() {
            "reboot" => Some("reboot"),
            "off" | "poweroff" => Some("off"),
            _ => None,
        })
        .to_string()
    }

    fn placement_strategy(&mut self) -> PlacementStrategy {
        self.read(&["placement-strategy"], PlacementStrategy::Default, |text| {
            match text.to_ascii_lowercase().as_str() {
                "default" => Some(PlacementStrategy::Default),
                "utilization" => Some(PlacementStrategy::Utilization),
                "balanced" => Some(PlacementStrategy::Balanced),
                "minimal" => Some(PlacementStrategy::Minimal),
                _ => None,
            }
        })
    }

    fn health_strategy(&mut self) -> HealthStrategy {
        self.read(&["node-health-strategy"], HealthStrategy::None, |text| match text.to_ascii_lowercase().as_str() {
            "none" => Some(HealthStrategy::None),
            "only-green" => Some(HealthStrategy::OnlyGreen),
            "migrate-on-red" => Some(HealthStrategy::MigrateOnRed),
            "progressive" => Some(HealthStrategy::Progressive),
            "custom" => Some(HealthStrategy::Custom),
            _ => None,
        })
    }
}
