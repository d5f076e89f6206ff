//! The tables of options: name, type, default, meaning, the peers' name. The one place to add an option to.

use super::{Kind, Noun, Opt, Section, Standard};
use crate::score::Score;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

const fn seconds(seconds: u64) -> Standard {
    Standard::Duration(Duration::from_secs(seconds))
}

const fn between(min_millis: u64, max: Duration) -> Kind {
    Kind::Duration { min: Duration::from_millis(min_millis), max }
}

const fn table(name: &'static str, kind: Kind, meaning: &'static str) -> Opt {
    Opt::new(name, kind, Standard::Unset(""), meaning)
}

/// The tables in the order of the reference.
pub(crate) const SECTIONS: [&Section; 14] = [
    &CLUSTER,
    &QUORUM,
    &NODE,
    &RESOURCE,
    &META_ONLY,
    &OPERATION,
    &GROUP,
    &LOCATION,
    &COLOCATION,
    &ORDER,
    &FENCING,
    &PROPERTIES,
    &DEFAULTS_RESOURCE,
    &DEFAULTS_OPERATION,
];

/// The whole file.
pub(crate) static FILE: Section = Section {
    header: "the cluster file",
    meaning: "",
    options: &[
        table("cluster", Kind::Table(&CLUSTER), ""),
        table("quorum", Kind::Table(&QUORUM), ""),
        table("nodes", Kind::Named(&NODE), "").tried(&["node", "nodelist", "members"]),
        table("resources", Kind::Named(&RESOURCE), "").tried(&["resource", "primitive", "primitives"]),
        table("groups", Kind::Named(&GROUP), "").tried(&["group"]),
        table("location", Kind::Tables(&LOCATION), "").tried(&["locations", "rsc_location"]),
        table("colocation", Kind::Tables(&COLOCATION), "").tried(&["colocations", "rsc_colocation"]),
        table("order", Kind::Tables(&ORDER), "").tried(&["orders", "ordering", "rsc_order"]),
        table("fencing", Kind::Named(&FENCING), "").tried(&["stonith", "devices", "fence"]),
        table("properties", Kind::Table(&PROPERTIES), "").tried(&["property"]),
        table("defaults", Kind::Table(&DEFAULTS), "").tried(&["default", "rsc_defaults", "op_defaults"]),
    ],
    shared: &[],
    later: &[
        ("tags", "tags"),
        ("tickets", "tickets of multi-site clusters"),
        ("bundles", "bundles"),
        ("templates", "resource templates"),
        ("alerts", "alerts"),
        ("acls", "access control"),
    ],
};

pub(crate) static CLUSTER: Section = Section {
    header: "[cluster]",
    meaning: "The cluster as a whole.",
    options: &[
        Opt::new(
            "name",
            Kind::Text,
            Standard::Required,
            "Name of the cluster: letters, digits, `.`, `_`, `-`. Two clusters with different names never merge, so give \
             each cluster of a network a name of its own.",
        )
        .peer("cluster_name"),
        Opt::new(
            "token",
            between(100, Duration::from_secs(600)),
            seconds(1),
            "Silence after which a node counts as lost. The one timing to choose: shorter finds failures faster, longer \
             survives longer pauses of a busy network or machine. Below `\"500ms\"` a warning is given.",
        ),
        Opt::new(
            "port",
            Kind::Integer { min: 1, max: 65_535 },
            Standard::Integer(5405),
            "UDP port used where an address of a node names none.",
        )
        .peer("mcastport"),
        Opt::new(
            "mtu",
            Kind::Integer { min: 1_200, max: 65_000 },
            Standard::Integer(1_452),
            "Largest UDP payload in bytes that every link carries unfragmented. 1452 fits plain Ethernet with IPv4 and \
             IPv6; use 8952 when all links have jumbo frames of 9000 bytes.",
        )
        .peer("netmtu"),
    ],
    shared: &[],
    later: &[("secret", "shared secrets: nodes prove themselves by certificates instead, see `paceline cluster init`")],
};

pub(crate) static QUORUM: Section = Section {
    header: "[quorum]",
    meaning: "When a part of the cluster may act. Without options more than half of all votes are needed.",
    options: &[
        Opt::new(
            "two-node",
            Kind::Bool,
            Standard::Bool(false),
            "With exactly two nodes let one vote be enough: when the nodes lose sight of each other, fencing decides \
             which one goes on. Turns `wait-for-all` on.",
        )
        .peer("two_node"),
        Opt::new(
            "wait-for-all",
            Kind::Bool,
            Standard::Unset("true with `two-node`, else false"),
            "After a full stop nothing starts until all nodes were seen together once, so that a node that boots alone \
             does not fence the others.",
        )
        .peer("wait_for_all"),
    ],
    shared: &[],
    later: &[
        ("arbiter", "arbiter (a third vote outside of the cluster)"),
        ("tie-breaker", "tie-breakers"),
        ("last-man-standing", "last-man-standing"),
        ("expected-votes", "number of expected votes: it is the sum of the nodes' `votes`"),
    ],
};

pub(crate) static NODE: Section = Section {
    header: "[nodes.NAME]",
    meaning: "One machine of the cluster. NAME is also the subject of its certificate.",
    options: &[
        Opt::new(
            "addresses",
            Kind::Texts { max: 8 },
            Standard::Required,
            "One to eight addresses, one per link: `\"10.0.0.1\"`, `\"alpha.example.net\"`, `\"10.0.0.1:5405\"`, \
             `\"[fd00::1]:5405\"`. All nodes have the same number of links, and the first addresses form the first link.",
        )
        .peer("ring0_addr, ring1_addr, ...")
        .tried(&["address", "addr", "ip", "ring0_addr", "ring0-addr", "host"]),
        Opt::new(
            "votes",
            Kind::Integer { min: 0, max: 255 },
            Standard::Integer(1),
            "Votes in quorum decisions; 0 makes the node an observer.",
        )
        .peer("quorum_votes"),
        Opt::new("attributes", Kind::Values, Standard::Unset("none"), "Labels of your own, such as `{ rack = \"a\" }`."),
        Opt::new(
            "standby",
            Kind::Bool,
            Standard::Bool(false),
            "The node runs no resources but keeps its vote. `paceline node standby` does the same without the file.",
        ),
        Opt::new(
            "maintenance",
            Kind::Bool,
            Standard::Bool(false),
            "Resources on the node are left alone: neither started, stopped nor monitored.",
        ),
        Opt::new(
            "fencing",
            Kind::Levels,
            Standard::Unset("one level per device that lists the node, in the order of the file"),
            "How to fence this node: a list of levels, each a list of devices. All devices of a level must succeed; if \
             one fails, the next level is tried. `[[\"bmc\"], [\"pdu-a\", \"pdu-b\"]]`.",
        )
        .peer("fencing-topology"),
    ],
    shared: &[],
    later: &[("capacity", "capacities (placement by utilization)")],
};

/// The meta attributes of a resource, also the content of `[defaults.resource]`.
const META: &[Opt] = &[
    Opt::new(
        "target-role",
        Kind::Choice(&["started", "stopped"]),
        Standard::Choice("started"),
        "What the cluster should make of it.",
    ),
    Opt::new(
        "stickiness",
        Kind::Score,
        Standard::Score(Score::STAY),
        "How much it prefers to stay where it runs. With 1 nothing moves back by itself after a failover, unless a \
         `prefer` outweighs it; 0 lets it move freely.",
    )
    .peer("resource-stickiness"),
    Opt::new(
        "priority",
        Kind::Integer { min: -1_000_000, max: 1_000_000 },
        Standard::Integer(0),
        "Higher is placed first, and stopped last when not everything can run.",
    ),
    Opt::new(
        "managed",
        Kind::Bool,
        Standard::Bool(true),
        "When false the cluster watches it but neither starts nor stops it.",
    )
    .peer("is-managed"),
    Opt::new(
        "maintenance",
        Kind::Bool,
        Standard::Bool(false),
        "When true the cluster neither starts, stops nor monitors it.",
    ),
    Opt::new(
        "migration-threshold",
        Kind::Integer { min: 1, max: 1_000_000 },
        Standard::Unset("no limit"),
        "Failures on a node after which it may not run there until they are cleared.",
    ),
    Opt::new(
        "failure-timeout",
        between(1, YEAR),
        Standard::Unset("never"),
        "After this long without a new failure the old ones are forgotten.",
    ),
];

const SHORT_RULES: [Opt; 4] = [
    Opt::new(
        "prefer",
        Kind::Scores,
        Standard::Unset("no preference"),
        "Nodes and how much they are wanted, `{ alpha = 50 }`. Short for `[[location]]`.",
    ),
    Opt::new(
        "avoid",
        Kind::Names(Noun::Node),
        Standard::Unset("none"),
        "Nodes it never runs on, `[\"gamma\"]`. Short for `[[location]]` with the score `\"never\"`.",
    ),
    Opt::new(
        "after",
        Kind::Names(Noun::Resource),
        Standard::Unset("none"),
        "Starts after these resources or groups and stops before them. Short for `[[order]]`.",
    ),
    Opt::new(
        "with",
        Kind::Names(Noun::Resource),
        Standard::Unset("none"),
        "Runs on the same node as these resources or groups, or not at all. Short for `[[colocation]]`.",
    ),
];

pub(crate) static RESOURCE: Section = Section {
    header: "[resources.NAME]",
    meaning: "One service under management. Either an agent (`agent`, `params`) or three command lines (`start`, `stop`, \
              `check`) say how it is started, stopped and watched. The meta attributes of the next table stand directly \
              in this one. Resources and groups share their names.",
    options: &[
        Opt::new(
            "agent",
            Kind::Text,
            Standard::Unset("`\"command\"` when `start`, `stop` and `check` are given; else it must be written"),
            "The agent: `\"ocf:PROVIDER:TYPE\"`, such as `\"ocf:heartbeat:IPaddr2\"`, or `\"command\"`.",
        )
        .peer("class, provider, type")
        .tried(&["type", "class", "provider"]),
        Opt::new(
            "params",
            Kind::Values,
            Standard::Unset("none"),
            "Parameters of the agent: texts, numbers, `true` or `false`.",
        )
        .peer("instance attributes")
        .tried(&["parameters", "attributes", "options"]),
        Opt::new(
            "start",
            Kind::Text,
            Standard::Unset("none"),
            "Command line, run by `/bin/sh -c`, that starts the service and returns when it is up. Exit status 0 is \
             success.",
        ),
        Opt::new(
            "stop",
            Kind::Text,
            Standard::Unset("none"),
            "Command line that stops the service and returns when it is down. Exit status 0 is success, also when it \
             was not running.",
        ),
        Opt::new(
            "check",
            Kind::Text,
            Standard::Unset("none"),
            "Command line that tells whether the service runs: exit status 0 means yes, any other no.",
        )
        .tried(&["status"]),
        Opt::new(
            "monitor",
            between(10, YEAR),
            Standard::Unset("not monitored, unless `operations` has a monitor"),
            "Checks this often whether it still runs. Short for `operations = [{ name = \"monitor\", interval = ... }]`.",
        )
        .tried(&["interval"]),
        Opt::new(
            "operations",
            Kind::Tables(&OPERATION),
            Standard::Unset("none"),
            "Operations with an interval, a timeout or a reaction of their own; the rest runs with the defaults.",
        )
        .tried(&["op", "ops", "operation"]),
        SHORT_RULES[0],
        SHORT_RULES[1],
        SHORT_RULES[2],
        SHORT_RULES[3],
    ],
    shared: META,
    later: &[
        ("clone", "clones and promotable resources"),
        ("promotable", "promotable resources"),
        ("utilization", "utilization"),
        ("spread", "spreading over attributes"),
        ("allow-migrate", "live migration"),
        ("multiple-active", "choice of reactions: a resource found running twice is stopped everywhere, then started once"),
    ],
};

/// The meta attributes as a chapter of the reference.
static META_ONLY: Section = Section {
    header: "Meta attributes",
    meaning: "How the cluster treats a resource. They stand directly in `[resources.NAME]`.",
    options: META,
    shared: &[],
    later: &[],
};

pub(crate) static OPERATION: Section = Section {
    header: "operations = [{ ... }]",
    meaning: "One operation of a resource, inside `[resources.NAME]`. Also written as `[[resources.NAME.operations]]`.",
    options: &[
        Opt::new("name", Kind::Choice(&["start", "stop", "monitor"]), Standard::Required, "Which operation."),
        Opt::new(
            "interval",
            between(10, YEAR),
            Standard::Unset("once"),
            "Repeat this often; only for `monitor`, and each monitor of a resource has another interval. A monitor \
             without interval is the question asked before anything is started.",
        ),
        Opt::new(
            "timeout",
            between(10, DAY),
            Standard::Unset("`timeout` of `[defaults.operation]`"),
            "Give up after this long, which counts as a failure.",
        ),
        Opt::new(
            "on-fail",
            Kind::Choice(&["restart", "stop", "block", "fence", "ignore"]),
            Standard::Unset("restart; for `stop` fence, or block when fencing is disabled"),
            "What a failure leads to. `restart`: stop and start again, here or elsewhere. `stop`: stop and leave \
             stopped. `block`: touch nothing until the failure is cleared. `fence`: fence the node. `ignore`: as if it \
             had not failed.",
        ),
    ],
    shared: &[],
    later: &[("role", "roles (promotable resources)"), ("start-delay", "start delays")],
};

pub(crate) static GROUP: Section = Section {
    header: "[groups.NAME]",
    meaning: "Resources that run together on one node, started in the order listed and stopped in reverse. What is set \
              here holds for all members; what is not set is left to them.",
    options: &[
        Opt::new("members", Kind::Names(Noun::Resource), Standard::Required, "The resources, in start order.")
            .tried(&["resources", "member"]),
        Opt::new(
            "target-role",
            Kind::Choice(&["started", "stopped"]),
            Standard::Unset("left to the members"),
            "What the cluster should make of all members.",
        ),
        Opt::new(
            "managed",
            Kind::Bool,
            Standard::Unset("left to the members"),
            "When false the cluster watches the members but neither starts nor stops them.",
        )
        .peer("is-managed"),
        Opt::new(
            "maintenance",
            Kind::Bool,
            Standard::Unset("left to the members"),
            "When true the cluster neither starts, stops nor monitors the members.",
        ),
        Opt::new(
            "priority",
            Kind::Integer { min: -1_000_000, max: 1_000_000 },
            Standard::Integer(0),
            "Higher is placed first, and stopped last when not everything can run.",
        ),
        SHORT_RULES[0],
        SHORT_RULES[1],
        SHORT_RULES[2],
        SHORT_RULES[3],
    ],
    shared: &[],
    later: &[
        ("clone", "cloned groups"),
        ("stickiness", "stickiness of groups: it is the sum over the running members, set it there"),
    ],
};

pub(crate) static LOCATION: Section = Section {
    header: "[[location]]",
    meaning: "How much a resource or group is wanted on a node. `prefer` and `avoid` are the short forms.",
    options: &[
        Opt::new("resource", Kind::Name(Noun::Resource), Standard::Required, "The resource or group.").peer("rsc"),
        Opt::new("node", Kind::Name(Noun::Node), Standard::Required, "The node."),
        Opt::new(
            "score",
            Kind::Score,
            Standard::Required,
            "How much: a number, `\"mandatory\"` or `\"never\"`. Scores of several rules add up; `\"never\"` always wins.",
        ),
    ],
    shared: &[],
    later: &[("rule", "rules over attributes"), ("role", "roles (promotable resources)")],
};

pub(crate) static COLOCATION: Section = Section {
    header: "[[colocation]]",
    meaning: "Where one resource goes in relation to another. `with` is the short form.",
    options: &[
        Opt::new("dependent", Kind::Name(Noun::Resource), Standard::Required, "The one that follows.")
            .peer("rsc")
            .tried(&["resource"]),
        Opt::new(
            "primary",
            Kind::Name(Noun::Resource),
            Standard::Required,
            "The one that is followed; it is placed first.",
        )
        .peer("with-rsc")
        .tried(&["with"]),
        Opt::new(
            "score",
            Kind::Score,
            Standard::Score(Score::MANDATORY),
            "How strictly: `\"mandatory\"`: on the same node or not at all; `\"never\"`: on another node or not at all; a \
             number: rather together (above 0) or rather apart (below 0).",
        ),
    ],
    shared: &[],
    later: &[("dependent-role", "roles (promotable resources)"), ("primary-role", "roles (promotable resources)")],
};

const ACTIONS: Kind = Kind::Choice(&["start", "stop"]);

pub(crate) static ORDER: Section = Section {
    header: "[[order]]",
    meaning: "Which resource acts before which. `after` is the short form. Order says nothing about the node: add a \
              colocation when both must be on one.",
    options: &[
        Opt::new("first", Kind::Name(Noun::Resource), Standard::Required, "The one that acts first.")
            .tried(&["before"]),
        Opt::new("first-action", ACTIONS, Standard::Choice("start"), "Its action."),
        Opt::new("then", Kind::Name(Noun::Resource), Standard::Required, "The one that waits.").tried(&["after"]),
        Opt::new("then-action", ACTIONS, Standard::Unset("the same as `first-action`"), "Its action."),
        Opt::new(
            "kind",
            Kind::Choice(&["mandatory", "optional"]),
            Standard::Choice("mandatory"),
            "`mandatory`: `then` cannot run without `first`, and is restarted with it. `optional`: only counts when both \
             act in the same transition.",
        ),
        Opt::new("symmetrical", Kind::Bool, Standard::Bool(true), "Whether stopping goes in the reverse order."),
    ],
    shared: &[],
    later: &[("require-all", "clones")],
};

pub(crate) static FENCING: Section = Section {
    header: "[fencing.NAME]",
    meaning: "One device that can cut nodes off: a management board, a switched power strip, a hypervisor.",
    options: &[
        Opt::new(
            "agent",
            Kind::Text,
            Standard::Required,
            "The fence-agent that drives it, such as `\"fence_ipmilan\"`, found in the fence-agent directories.",
        )
        .tried(&["type"]),
        Opt::new(
            "params",
            Kind::Values,
            Standard::Unset("none"),
            "Parameters of the fence-agent, by the names of its manual page.",
        )
        .tried(&["parameters", "options"]),
        Opt::new(
            "nodes",
            Kind::Plugs,
            Standard::Required,
            "The nodes it can fence: `[\"alpha\"]`, or with what the device calls them: `{ alpha = \"outlet-3\" }`.",
        )
        .peer("pcmk_host_list, pcmk_host_map")
        .tried(&["node", "pcmk_host_list", "pcmk_host_map", "hosts"]),
        Opt::new("timeout", between(100, DAY), seconds(60), "Give up on one call of the agent after this long.")
            .peer("pcmk_reboot_timeout"),
        Opt::new(
            "delay",
            between(0, Duration::from_secs(600)),
            seconds(0),
            "Wait this long before acting, so that of two nodes that fence each other one is faster.",
        )
        .peer("pcmk_delay_base"),
    ],
    shared: &[],
    later: &[],
};

pub(crate) static PROPERTIES: Section = Section {
    header: "[properties]",
    meaning: "Switches of the whole cluster.",
    options: &[
        Opt::new(
            "fencing-enabled",
            Kind::Bool,
            Standard::Bool(true),
            "Whether lost nodes are fenced. False is your word that a lost node does no harm: resources start elsewhere \
             while it may still run them, and data may be destroyed.",
        )
        .peer("stonith-enabled"),
        Opt::new(
            "fencing-action",
            Kind::Choice(&["reboot", "off"]),
            Standard::Choice("reboot"),
            "What a fence device is asked to do.",
        )
        .peer("stonith-action"),
        Opt::new(
            "startup-fencing",
            Kind::Bool,
            Standard::Bool(true),
            "Nodes never seen since the cluster started are fenced before their resources start elsewhere.",
        ),
        Opt::new(
            "dc-deadtime",
            between(0, Duration::from_secs(3600)),
            seconds(20),
            "How long the first view after a full stop waits for nodes that were not yet seen.",
        ),
        Opt::new(
            "no-quorum-policy",
            Kind::Choice(&["stop", "freeze"]),
            Standard::Choice("stop"),
            "What nodes without quorum do with their resources. `stop`: stop them all. `freeze`: keep what runs, start \
             nothing.",
        ),
        Opt::new(
            "symmetric-cluster",
            Kind::Bool,
            Standard::Bool(true),
            "Resources may run on any node unless forbidden. When false they run only where a location allows it.",
        ),
        Opt::new(
            "maintenance-mode",
            Kind::Bool,
            Standard::Bool(false),
            "Hands off everything: nothing is started, stopped or monitored.",
        ),
        Opt::new("stop-all-resources", Kind::Bool, Standard::Bool(false), "Stops everything."),
        Opt::new(
            "start-failure-is-fatal",
            Kind::Bool,
            Standard::Bool(true),
            "One failed start bans the resource from the node until the failure is cleared. When false, failed starts \
             count towards `migration-threshold`.",
        ),
        Opt::new(
            "batch-limit",
            Kind::Integer { min: 0, max: 100_000 },
            Standard::Integer(0),
            "Actions in flight in the whole cluster at once; 0 for no limit.",
        ),
    ],
    shared: &[],
    later: &[
        ("stonith-timeout", "fencing timeout for all devices: each has its `timeout` in `[fencing.NAME]`"),
        ("cluster-recheck-interval", "periodic recheck: every timer has its own deadline"),
        ("placement-strategy", "placement by utilization"),
    ],
};

pub(crate) static DEFAULTS: Section = Section {
    header: "[defaults]",
    meaning: "",
    options: &[
        table("resource", Kind::Table(&DEFAULTS_RESOURCE), "").tried(&["resources", "meta"]),
        table("operation", Kind::Table(&DEFAULTS_OPERATION), "").tried(&["operations", "op"]),
    ],
    shared: &[],
    later: &[],
};

pub(crate) static DEFAULTS_RESOURCE: Section = Section {
    header: "[defaults.resource]",
    meaning: "Meta attributes for all resources that do not set them: the options of the table *Meta attributes*.",
    options: META,
    shared: &[],
    later: &[],
};

pub(crate) static DEFAULTS_OPERATION: Section = Section {
    header: "[defaults.operation]",
    meaning: "For all operations that do not say otherwise.",
    options: &[Opt::new("timeout", between(10, DAY), seconds(20), "Give up on an operation after this long.")],
    shared: &[],
    later: &[],
};
