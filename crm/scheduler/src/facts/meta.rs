//! Meta attributes of a resource, typed, after templates, defaults, parents and rules.

use super::options::ClusterOptions;
use crate::role::Role;
use crate::situation::Agent;
use crate::word;
use config::Score;
use std::collections::BTreeMap;

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
    /// `ordered`: instances are started one after the other; of groups: members are (default true).
    pub ordered: bool,
    /// `collocated` of groups: members are kept on one node (default true).
    pub collocated: bool,
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

/// What the defaults of a resource's meta attributes depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nature<'n> {
    /// Of primitives.
    pub(crate) agent: Option<&'n Agent>,
    /// It is a group.
    pub(crate) group: bool,
    /// It is a clone.
    pub(crate) clone: bool,
    /// Meta attributes of the parent.
    pub(crate) parent: Option<&'n Meta>,
    /// How many nodes there are.
    pub(crate) nodes: usize,
}

/// Agents are probed for classes: the connection to a remote or guest node.
pub(crate) fn is_connection(agent: &Agent) -> bool {
    agent.class == "ocf" && agent.provider.as_deref() == Some("pacemaker") && agent.name == "remote"
}

/// The typed meta attributes of a resource with the effective `text`. `requires` is preliminary: see [`requires`].
pub(crate) fn read(text: &BTreeMap<String, String>, nature: Nature<'_>, options: &ClusterOptions) -> Meta {
    let get = |names: &[&str]| names.iter().find_map(|name| text.get(*name)).map(String::as_str);
    let yes = |name: &str, default: bool| get(&[name]).and_then(word::boolean).unwrap_or(default);
    let number = |names: &[&str], default: i64| {
        get(names).and_then(|value| word::leading_integer(value)).map_or(default, |(number, _)| number)
    };
    let score = |name: &str| get(&[name]).and_then(word::score);
    let connection = nature.agent.is_some_and(is_connection);
    let clone_node_max = number(&["clone-node-max"], 1);
    let globally_unique = yes("globally-unique", clone_node_max > 1);
    let promotable = match nature.parent {
        _ if nature.clone => yes("promotable", false),
        Some(parent) => parent.promotable,
        None => false,
    };
    let managed = yes("is-managed", options.managed_default);
    let maintenance = yes("maintenance", false);
    Meta {
        priority: score("priority").map_or(0, |score| i64::from(score.value())),
        stickiness: score("resource-stickiness").or(options.default_stickiness),
        target_role: get(&["target-role"]).and_then(Role::parse).filter(|role| *role != Role::Unknown),
        managed,
        maintenance,
        critical: yes("critical", true),
        requires: Requires::Nothing,
        multiple_active: match get(&["multiple-active"]).unwrap_or_default() {
            "stop_only" => MultipleActive::StopOnly,
            "stop_unexpected" => MultipleActive::StopUnexpected,
            "block" => MultipleActive::Block,
            _ => MultipleActive::StopStart,
        },
        migration_threshold: score("migration-threshold")
            .filter(|score| *score > Score::ZERO && !score.is_mandatory())
            .map(|score| i64::from(score.value())),
        failure_timeout_ms: get(&["failure-timeout"]).and_then(word::interval_ms).unwrap_or(0),
        allow_migrate: yes("allow-migrate", connection && get(&["allow-migrate"]).is_none()),
        allow_unhealthy_nodes: yes("allow-unhealthy-nodes", false),
        notify: yes("notify", false),
        interleave: yes("interleave", false),
        ordered: yes("ordered", nature.group),
        collocated: yes("collocated", true),
        globally_unique,
        promotable,
        promoted_max: number(&["promoted-max", "master-max"], 1),
        promoted_node_max: number(&["promoted-node-max", "master-node-max"], 1),
        clone_max: number(&["clone-max"], i64::try_from(nature.nodes.max(1)).unwrap_or(i64::MAX)).max(0),
        clone_node_max: if globally_unique { clone_node_max.max(0) } else { clone_node_max.clamp(0, 1) },
        clone_min: number(&["clone-min"], 0).max(0),
        restart_type_restart: get(&["restart-type"]) == Some("restart"),
        remote_node: get(&["remote-node"]).map(str::to_string),
        attribute_target_host: get(&["container-attribute-target"]) == Some("host"),
        unmanaged_reason: if options.maintenance {
            Some("maintenance-mode")
        } else if maintenance {
            Some("maintenance")
        } else if !managed {
            Some("is-managed")
        } else {
            None
        },
    }
}

/// What a resource needs before it may start. `unfencing` says whether any device unfences nodes.
pub(crate) fn requires(
    text: &BTreeMap<String, String>,
    agent: Option<&Agent>,
    options: &ClusterOptions,
    unfencing: bool,
) -> Requires {
    let device = agent.is_some_and(Agent::is_fencing);
    let connection = agent.is_some_and(is_connection);
    match text.get("requires").map(String::as_str).unwrap_or_default() {
        "nothing" => Requires::Nothing,
        "quorum" => Requires::Quorum,
        "fencing" => Requires::Fencing,
        "unfencing" if device || !options.fencing_enabled => Requires::Quorum,
        "unfencing" => Requires::Unfencing,
        _ if device || connection => Requires::Quorum,
        _ if unfencing && options.fencing_enabled => Requires::Unfencing,
        _ if options.fencing_enabled => Requires::Fencing,
        _ if options.no_quorum_policy == super::options::NoQuorumPolicy::Ignore => Requires::Nothing,
        _ => Requires::Quorum,
    }
}
