//! The options of everything that is a resource: primitives, templates, groups, clones, bundles, and their operations.

use super::table::{DAY, YEAR, between};
use super::{Kind, Noun, Opt, Section, Standard};
use crate::score::Score;

/// The meta attributes of a resource, also the content of `[defaults.resource]`.
pub(crate) const META: &[Opt] = &[
    Opt::new(
        "target-role",
        Kind::Choice(ROLES),
        Standard::Choice("started"),
        "What the cluster should make of it. `promoted` and `unpromoted` are for promotable clones: the latter keeps all \
         instances from being promoted.",
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
    Opt::new(
        "critical",
        Kind::Bool,
        Standard::Bool(true),
        "Whether it weighs in where those are placed that it runs with: when false it is rather stopped than that it moves \
         them.",
    ),
    Opt::new(
        "requires",
        Kind::Choice(&["nothing", "quorum", "fencing", "unfencing"]),
        Standard::Unset("fencing, or quorum where fencing is disabled, or unfencing where a device unfences"),
        "What must be the case before it may start: `nothing`; a `quorum`; a quorum and every lost node fenced \
         (`fencing`); also that its own node was unfenced (`unfencing`). With `nothing` or `quorum` it may run twice: it \
         does not wait until a lost node is off. The daemon starts nothing without a quorum, also with `nothing`.",
    ),
    Opt::new(
        "multiple-active",
        Kind::Choice(&["stop-start", "stop-unexpected", "stop-only", "block"]),
        Standard::Choice("stop-start"),
        "What to do when it is found running on several nodes: `stop-start`: stop all, start one; `stop-unexpected`: stop \
         all but the right one; `stop-only`: stop all; `block`: touch none.",
    ),
    Opt::new(
        "allow-migrate",
        Kind::Bool,
        Standard::Bool(false),
        "Its agent can migrate it to another node while it runs.",
    ),
    Opt::new(
        "allow-unhealthy-nodes",
        Kind::Bool,
        Standard::Bool(false),
        "It may run on nodes whose health says that others should leave.",
    ),
    Opt::new(
        "restart-type",
        Kind::Choice(&["ignore", "restart"]),
        Standard::Choice("ignore"),
        "Whether it is restarted with what it merely starts after by choice (optional orders).",
    ),
    Opt::new(
        "remote-node",
        Kind::Text,
        Standard::Unset("none"),
        "The guest node that this virtual machine is the host of.",
    ),
    Opt::new(
        "remote-addr",
        Kind::Text,
        Standard::Unset("the name of the guest node"),
        "Where the guest node of `remote-node` is reached.",
    ),
    Opt::new("remote-port", Kind::Integer { min: 1, max: 65_535 }, Standard::Unset("3121"), "Its port."),
    Opt::new(
        "remote-connect-timeout",
        between(10, DAY),
        Standard::Unset("1m"),
        "How long a connection to it may take.",
    ),
    Opt::new(
        "meta",
        Kind::Values,
        Standard::Unset("none"),
        "Further meta attributes, as text, by the names that agents and the peer know.",
    ),
];

const ROLES: &[&str] = &["started", "stopped", "promoted", "unpromoted"];

/// What is said of the instances of a clone.
const INSTANCES: &[Opt] = &[
    Opt::new("promotable", Kind::Bool, Standard::Bool(false), "Instances can be promoted: one of two roles each."),
    Opt::new(
        "promoted-max",
        Kind::Integer { min: 0, max: 10_000 },
        Standard::Unset("1"),
        "How many instances are promoted at most.",
    )
    .tried(&["master-max"]),
    Opt::new(
        "promoted-node-max",
        Kind::Integer { min: 0, max: 10_000 },
        Standard::Unset("1"),
        "How many instances are promoted on one node at most.",
    )
    .tried(&["master-node-max"]),
    Opt::new(
        "clone-max",
        Kind::Integer { min: 0, max: 10_000 },
        Standard::Unset("the number of nodes"),
        "How many instances run at most.",
    ),
    Opt::new(
        "clone-node-max",
        Kind::Integer { min: 0, max: 10_000 },
        Standard::Unset("1"),
        "How many instances run on one node at most.",
    ),
    Opt::new(
        "clone-min",
        Kind::Integer { min: 0, max: 10_000 },
        Standard::Unset("all"),
        "How many instances must run before what starts after the clone may start.",
    ),
    Opt::new(
        "globally-unique",
        Kind::Bool,
        Standard::Bool(false),
        "Each instance is another service; else they are all the same.",
    ),
    Opt::new(
        "interleave",
        Kind::Bool,
        Standard::Bool(false),
        "Constraints with another clone hold between the instances on one node, not between all and all.",
    ),
    Opt::new("ordered", Kind::Bool, Standard::Bool(false), "Instances start one after the other."),
    Opt::new(
        "notify",
        Kind::Bool,
        Standard::Bool(false),
        "Agents are told before and after instances start, stop, are promoted and demoted.",
    ),
];

/// Capacity, parameters and options under conditions.
const UTILIZATION: Opt = Opt::new(
    "utilization",
    Kind::Values,
    Standard::Unset("none"),
    "What it takes of the capacity of a node, `{ cpu = 2, memory = 4096 }`. Counts with a `placement-strategy`.",
);

const SETS: Opt = Opt::new(
    "sets",
    Kind::Tables(&SET),
    Standard::Unset("none"),
    "Values that hold only under a rule, or over others by their score.",
);

pub(crate) static SET: Section = Section {
    header: "sets = [{ ... }]",
    meaning: "Values that hold only under a rule. Of several sets that hold, the one with the higher score counts.",
    options: &[
        Opt::new(
            "of",
            Kind::Choice(&["params", "meta", "utilization", "attributes", "properties", "resource", "operation"]),
            Standard::Required,
            "What the values are: `params`, `meta` or `utilization` of a resource, `attributes` or `utilization` of a node, \
             `properties` of the cluster, defaults for every `resource` or `operation`.",
        ),
        Opt::new("values", Kind::Values, Standard::Required, "Names and values, by the names that the peer knows."),
        Opt::new("score", Kind::Score, Standard::Score(Score::ZERO), "Which set counts where several do."),
        Opt::new("rule", Kind::Text, Standard::Unset("always"), "When the values hold. See *Rules*."),
    ],
    shared: &[],
    later: &[],
};

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

const AGENT: Opt = Opt::new(
    "agent",
    Kind::Text,
    Standard::Unset("`\"command\"` when `start`, `stop` and `check` are given; else it must be written"),
    "The agent: `\"ocf:PROVIDER:TYPE\"`, such as `\"ocf:heartbeat:IPaddr2\"`, or `\"command\"`.",
)
.peer("class, provider, type")
.tried(&["type", "class", "provider"]);

const PARAMS: Opt = Opt::new(
    "params",
    Kind::Values,
    Standard::Unset("none"),
    "Parameters of the agent: texts, numbers, `true` or `false`.",
)
.peer("instance attributes")
.tried(&["parameters", "attributes", "options"]);

const MONITOR: Opt = Opt::new(
    "monitor",
    between(10, YEAR),
    Standard::Unset("not monitored, unless `operations` has a monitor"),
    "Checks this often whether it still runs. Short for `operations = [{ name = \"monitor\", interval = ... }]`.",
)
.tried(&["interval"]);

const OPERATIONS: Opt = Opt::new(
    "operations",
    Kind::Tables(&OPERATION),
    Standard::Unset("none"),
    "Operations with an interval, a timeout or a reaction of their own; the rest runs with the defaults.",
)
.tried(&["op", "ops", "operation"]);

pub(crate) static RESOURCE: Section = Section {
    header: "[resources.NAME]",
    meaning: "One service under management. Either an agent (`agent`, `params`) or three command lines (`start`, `stop`, \
              `check`) say how it is started, stopped and watched. The meta attributes of the next table stand directly \
              in this one. Resources and groups share their names.",
    options: &[
        AGENT,
        PARAMS,
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
        MONITOR,
        OPERATIONS,
        Opt::new(
            "template",
            Kind::Name(Noun::Resource),
            Standard::Unset("none"),
            "The template that completes what is not written here.",
        ),
        UTILIZATION,
        SETS,
        SHORT_RULES[0],
        SHORT_RULES[1],
        SHORT_RULES[2],
        SHORT_RULES[3],
    ],
    shared: META,
    later: &[
        ("clone", "option to clone a resource in its own table: write [clones.NAME] with resource = \"...\""),
        ("promotable", "promotable primitives: write [clones.NAME] with resource = \"...\" and promotable = true"),
        ("spread", "spreading over attributes"),
    ],
};

pub(crate) static TEMPLATE: Section = Section {
    header: "[templates.NAME]",
    meaning: "What resources that name it as their `template` have in common: the options of `[resources.NAME]`. What a \
              resource writes itself counts.",
    options: &[AGENT, PARAMS, MONITOR, OPERATIONS, UTILIZATION, SETS],
    shared: META,
    later: &[],
};

pub(crate) static CLONE: Section = Section {
    header: "[clones.NAME]",
    meaning: "Instances of one resource or group on several nodes. What is set here holds for all instances. Meta attributes \
              may stand here too.",
    options: &[
        Opt::new("resource", Kind::Name(Noun::Resource), Standard::Required, "The resource or group to clone."),
        SETS,
        SHORT_RULES[0],
        SHORT_RULES[1],
        SHORT_RULES[2],
        SHORT_RULES[3],
        INSTANCES[0],
        INSTANCES[1],
        INSTANCES[2],
        INSTANCES[3],
        INSTANCES[4],
        INSTANCES[5],
        INSTANCES[6],
        INSTANCES[7],
        INSTANCES[8],
        INSTANCES[9],
    ],
    shared: META,
    later: &[],
};

pub(crate) static BUNDLE: Section = Section {
    header: "[bundles.NAME]",
    meaning: "Containers of one image, each with its own address, ports and storage, and a resource that runs inside. Meta \
              attributes may stand here too.",
    options: &[
        Opt::new(
            "technology",
            Kind::Choice(&["podman", "docker", "rkt"]),
            Standard::Choice("podman"),
            "Which program runs the containers.",
        ),
        Opt::new("image", Kind::Text, Standard::Required, "The image."),
        Opt::new("primitive", Kind::Name(Noun::Resource), Standard::Unset("none"), "The resource that runs inside."),
        Opt::new("replicas", COUNT, Standard::Unset("`promoted-max`, or 1"), "How many containers."),
        Opt::new("replicas-per-host", COUNT, Standard::Unset("1"), "How many of them on one node."),
        Opt::new(
            "promoted-max",
            COUNT,
            Standard::Unset("0"),
            "How many promoted; above 0 the resource inside is promotable.",
        ),
        Opt::new("network", Kind::Text, Standard::Unset("none"), "The network option of the container program."),
        Opt::new("options", Kind::Text, Standard::Unset("none"), "Further options of the container program."),
        Opt::new(
            "run-command",
            Kind::Text,
            Standard::Unset("the remote executor, or the image's own"),
            "What runs inside.",
        ),
        Opt::new(
            "ip-range-start",
            Kind::Text,
            Standard::Unset("no addresses"),
            "Address of the first container; others count up.",
        ),
        Opt::new("host-netmask", Kind::Text, Standard::Unset("32"), "Netmask of the addresses."),
        Opt::new("host-interface", Kind::Text, Standard::Unset("by the address"), "Interface of the addresses."),
        Opt::new(
            "control-port",
            Kind::Integer { min: 1, max: 65_535 },
            Standard::Unset("3121"),
            "Port of the executor inside.",
        ),
        Opt::new("add-host", Kind::Bool, Standard::Unset("true"), "Whether containers know each other's names."),
        Opt::new("ports", Kind::Tables(&PORT), Standard::Unset("none"), "Ports that lead into the container."),
        Opt::new("storage", Kind::Tables(&MOUNT), Standard::Unset("none"), "Directories seen inside."),
        SETS,
        SHORT_RULES[0],
        SHORT_RULES[1],
        SHORT_RULES[2],
        SHORT_RULES[3],
    ],
    shared: META,
    later: &[],
};

const COUNT: Kind = Kind::Integer { min: 0, max: 10_000 };

pub(crate) static PORT: Section = Section {
    header: "ports = [{ ... }]",
    meaning: "One port, or several, that lead into the containers of a bundle.",
    options: &[
        Opt::new("name", Kind::Text, Standard::Unset("none"), "A name, for messages."),
        Opt::new("port", Kind::Integer { min: 1, max: 65_535 }, Standard::Unset("none"), "The port outside."),
        Opt::new(
            "internal-port",
            Kind::Integer { min: 1, max: 65_535 },
            Standard::Unset("the same"),
            "The port inside.",
        ),
        Opt::new("range", Kind::Text, Standard::Unset("none"), "Several ports, `\"8000-8010\"`, instead of `port`."),
    ],
    shared: &[],
    later: &[],
};

pub(crate) static MOUNT: Section = Section {
    header: "storage = [{ ... }]",
    meaning: "One directory of the host, seen inside the containers of a bundle.",
    options: &[
        Opt::new("name", Kind::Text, Standard::Unset("none"), "A name, for messages."),
        Opt::new("source", Kind::Text, Standard::Unset("none"), "The directory of the host.").peer("source-dir"),
        Opt::new(
            "source-root",
            Kind::Text,
            Standard::Unset("none"),
            "The directory of the host below which each container has its own.",
        )
        .peer("source-dir-root"),
        Opt::new("target", Kind::Text, Standard::Required, "Where it is seen inside.").peer("target-dir"),
        Opt::new("options", Kind::Text, Standard::Unset("none"), "Mount options."),
    ],
    shared: &[],
    later: &[],
};

/// The meta attributes as a chapter of the reference.
pub(crate) static META_ONLY: Section = Section {
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
        Opt::new(
            "name",
            Kind::Choice(&[
                "start",
                "stop",
                "monitor",
                "promote",
                "demote",
                "notify",
                "migrate_to",
                "migrate_from",
                "reload-agent",
                "reload",
                "migrate",
            ]),
            Standard::Required,
            "Which operation.",
        ),
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
            Kind::Choice(&[
                "restart",
                "stop",
                "block",
                "fence",
                "ignore",
                "ban",
                "demote",
                "standby",
                "restart-container",
            ]),
            Standard::Unset("restart; for `stop` fence, or block when fencing is disabled"),
            "What a failure leads to. `restart`: stop and start again, here or elsewhere. `stop`: stop and leave \
             stopped. `block`: touch nothing until the failure is cleared. `fence`: fence the node. `ignore`: as if it \
             had not failed. `ban`: stop and start elsewhere. `demote`: demote, then as usual. `standby`: move everything \
             off the node. `restart-container`: restart the container that it runs in.",
        ),
        Opt::new(
            "role",
            Kind::Choice(ROLES),
            Standard::Unset("started, and unpromoted for promotable clones"),
            "Monitors: only in this role; `stopped` watches the nodes where it should not run.",
        ),
        Opt::new("enabled", Kind::Bool, Standard::Bool(true), "Monitors: whether it is repeated."),
        Opt::new("start-delay", between(0, DAY), Standard::Unset("none"), "Wait this long before the first call."),
        Opt::new(
            "interval-origin",
            Kind::Text,
            Standard::Unset("none"),
            "A moment (ISO 8601) from which intervals are counted, instead of `start-delay`.",
        ),
        Opt::new(
            "record-pending",
            Kind::Bool,
            Standard::Bool(true),
            "Whether calls under way are known to the cluster.",
        ),
        Opt::new("params", Kind::Values, Standard::Unset("none"), "Parameters for this operation only."),
        Opt::new("options", Kind::Values, Standard::Unset("none"), "Further options, as text, by the peer's names."),
        SETS,
    ],
    shared: &[],
    later: &[],
};

pub(crate) static GROUP: Section = Section {
    header: "[groups.NAME]",
    meaning: "Resources that run together on one node, started in the order listed and stopped in reverse. What is set here \
              holds for all members; what is not set is left to them. Meta attributes may stand here too.",
    options: &[
        Opt::new("members", Kind::Names(Noun::Resource), Standard::Required, "The resources, in start order.")
            .tried(&["resources", "member"]),
        PARAMS,
        SETS,
        SHORT_RULES[0],
        SHORT_RULES[1],
        SHORT_RULES[2],
        SHORT_RULES[3],
    ],
    shared: META,
    later: &[("clone", "option to clone a group in its own table: write [clones.NAME] with resource = \"...\"")],
};
