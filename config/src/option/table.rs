//! The tables of options: name, type, default, meaning, the peers' name. The one place to add an option to.

use super::constraint::{COLOCATION, FENCING_LEVEL, LOCATION, LOCATION_RULE, ORDER, RESOURCE_SET, TICKET};
use super::resource::{BUNDLE, CLONE, GROUP, META, META_ONLY, MOUNT, OPERATION, PORT, RESOURCE, SET, TEMPLATE};
use super::{Kind, Opt, Section, Standard};
use crate::score::Score;
use std::time::Duration;

pub(super) const DAY: Duration = Duration::from_secs(86_400);
pub(super) const YEAR: Duration = Duration::from_secs(365 * 86_400);

const fn seconds(seconds: u64) -> Standard {
    Standard::Duration(Duration::from_secs(seconds))
}

pub(super) const fn between(min_millis: u64, max: Duration) -> Kind {
    Kind::Duration { min: Duration::from_millis(min_millis), max }
}

const fn table(name: &'static str, kind: Kind, meaning: &'static str) -> Opt {
    Opt::new(name, kind, Standard::Unset(""), meaning)
}

/// The tables in the order of the reference.
pub(crate) const SECTIONS: [&Section; 28] = [
    &CLUSTER,
    &QUORUM,
    &ARBITER,
    &NODE,
    &REMOTE_NODE,
    &RESOURCE,
    &META_ONLY,
    &OPERATION,
    &SET,
    &GROUP,
    &CLONE,
    &BUNDLE,
    &PORT,
    &MOUNT,
    &TEMPLATE,
    &LOCATION,
    &LOCATION_RULE,
    &COLOCATION,
    &ORDER,
    &TICKET,
    &RESOURCE_SET,
    &FENCING,
    &FENCING_LEVEL,
    &PROPERTIES,
    &DEFAULTS,
    &DEFAULTS_RESOURCE,
    &DEFAULTS_OPERATION,
    &TAGS,
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
        table("clones", Kind::Named(&CLONE), "").tried(&["clone"]),
        table("bundles", Kind::Named(&BUNDLE), "").tried(&["bundle"]),
        table("templates", Kind::Named(&TEMPLATE), "").tried(&["template"]),
        table("remote-nodes", Kind::Named(&REMOTE_NODE), "").tried(&["remote", "remotes"]),
        table("tags", Kind::Lists, "").tried(&["tag"]),
        table("location", Kind::Tables(&LOCATION), "").tried(&["locations", "rsc_location"]),
        table("colocation", Kind::Tables(&COLOCATION), "").tried(&["colocations", "rsc_colocation"]),
        table("order", Kind::Tables(&ORDER), "").tried(&["orders", "ordering", "rsc_order"]),
        table("ticket", Kind::Tables(&TICKET), "").tried(&["tickets", "rsc_ticket"]),
        table("fencing-level", Kind::Tables(&FENCING_LEVEL), "").tried(&["fencing-levels", "fencing-topology"]),
        table("fencing", Kind::Named(&FENCING), "").tried(&["stonith", "devices", "fence"]),
        table("properties", Kind::Table(&PROPERTIES), "").tried(&["property"]),
        table("defaults", Kind::Table(&DEFAULTS), "").tried(&["default", "rsc_defaults", "op_defaults"]),
    ],
    shared: &[],
    later: &[("alerts", "alerts"), ("acls", "access control")],
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
            Standard::Unset("each link finds out its own"),
            "Largest UDP payload in bytes that every link carries unfragmented. Not needed where each link's own network \
             interface knows, or less passes: links begin with what the interface takes, up to 8952, and fall back to \
             1452 and 1200 when that does not pass. Written, it holds for all links, and a link that does not carry it \
             is down.",
        )
        .peer("netmtu"),
        Opt::new(
            "link-mode",
            Kind::Choice(&["passive", "active", "round-robin"]),
            Standard::Choice("passive"),
            "How several links between the nodes are used. With `\"passive\"` messages take the first link that works, in \
             the order of the nodes' addresses; with `\"active\"` they take all of them; with `\"round-robin\"` the \
             working ones in turn. A link works when full packets pass in both directions; the loss of one is an event \
             and changes nothing else.",
        )
        .peer("link_mode"),
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
        Opt::new(
            "auto-tie-breaker",
            Kind::Text,
            Standard::Unset("no: neither half goes on"),
            "When the cluster breaks into two parts with half of the votes each, the one with this node goes on: \
             `\"lowest\"` (the first node with a vote, by name), `\"highest\"` (the last), or the name of a node. When that \
             node itself is lost with a half, the other half stays without quorum.",
        )
        .peer("auto_tie_breaker, auto_tie_breaker_node")
        .tried(&["tie-breaker"]),
        Opt::new(
            "last-man-standing",
            Kind::Bool,
            Standard::Bool(false),
            "When nodes are lost, count from then on only those that are left, so that the cluster may lose one node after \
             the other and go on. Who comes back counts again. Needs `wait-for-all`. The last two become one only with \
             `auto-tie-breaker`.",
        )
        .peer("last_man_standing"),
        Opt::new(
            "last-man-standing-window",
            between(0, Duration::from_secs(600)),
            seconds(10),
            "How long nodes must be gone before they do not count any more. Nodes lost within one window must together \
             have less than half of the votes that counted before.",
        )
        .peer("last_man_standing_window"),
        Opt::new(
            "arbiter",
            Kind::Table(&ARBITER),
            Standard::Unset("none"),
            "A service outside of the cluster that has votes of its own.",
        )
        .tried(&["device", "qdevice"]),
    ],
    shared: &[],
    later: &[
        ("expected-votes", "number of expected votes: it is the sum of the nodes' `votes`"),
    ],
};

pub(crate) static ARBITER: Section = Section {
    header: "[quorum.arbiter]",
    meaning: "A service on a machine outside of the cluster (`paceline-arbiter`) that lets one part go on when the cluster \
              breaks. Its votes count as those of a node more; what a part was given it keeps as long as its members stay \
              together. Not with `two-node`, `auto-tie-breaker` or `last-man-standing`. Setup: `docs/arbiter.md`.",
    options: &[
        Opt::new(
            "address",
            Kind::Text,
            Standard::Required,
            "Where it listens: `\"arbiter.example.net\"`, `\"10.0.9.9\"` or `\"10.0.9.9:5403\"`. UDP port 5403 where none is \
             named.",
        )
        .peer("host")
        .tried(&["addr", "ip"]),
        Opt::new(
            "fingerprint",
            Kind::Text,
            Standard::Required,
            "Of its certificate, as `paceline-arbiter init` and `paceline-arbiter status` show it: `\"sha256:...\"`. Nodes \
             talk to nobody else.",
        ),
        Opt::new(
            "algorithm",
            Kind::Choice(&["split", "last-man-standing"]),
            Standard::Choice("split"),
            "`\"split\"`: the arbiter has one vote, so that of two halves one goes on; for an even number of votes. \
             `\"last-man-standing\"`: it has one vote less than all nodes together, so that a single node that it can reach \
             goes on.",
        )
        .peer("algorithm: ffsplit, lms"),
        Opt::new(
            "tie-breaker",
            Kind::Text,
            Standard::Unset("lowest"),
            "Which of two equal parts goes on: the one with the `\"lowest\"` node by name, with the `\"highest\"`, or with \
             the node of this name.",
        )
        .peer("tie_breaker"),
        Opt::new(
            "heuristics",
            Kind::Texts { max: 8 },
            Standard::Unset("none"),
            "Commands that each node runs when the cluster breaks, such as `\"ping -c 1 -W 1 10.0.0.254\"`. Of two parts of \
             one size the one goes on whose nodes saw more of them succeed.",
        )
        .peer("heuristics"),
        Opt::new(
            "heuristics-timeout",
            between(100, Duration::from_secs(60)),
            seconds(2),
            "A heuristic that takes longer has failed.",
        )
        .peer("timeout"),
    ],
    shared: &[],
    later: &[],
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
        Opt::new(
            "role",
            Kind::Choice(&["member", "arbiter"]),
            Standard::Choice("member"),
            "`\"arbiter\"`: the node votes and runs nothing, a third vote on a small machine. No resource is placed or looked \
             for on it, it needs no agents and no fence device, it is never DC while another node can be, and it is not \
             fenced when it is lost, since it holds nothing that could run twice.",
        ),
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
    shared: &[CAPACITY, NODE_SCORE, NODE_SETS],
    later: &[],
};

const CAPACITY: Opt = Opt::new(
    "utilization",
    Kind::Values,
    Standard::Unset("none"),
    "What it can carry, `{ cpu = 16, memory = 65536 }`. Counts with a `placement-strategy`.",
)
.tried(&["capacity"]);

const NODE_SCORE: Opt = Opt::new(
    "score",
    Kind::Score,
    Standard::Unset("none"),
    "How much it is wanted for everything, before any constraint.",
);

const NODE_SETS: Opt = Opt::new(
    "sets",
    Kind::Tables(&SET),
    Standard::Unset("none"),
    "Attributes or capacity that hold only under a rule.",
);

pub(crate) static REMOTE_NODE: Section = Section {
    header: "[remote-nodes.NAME]",
    meaning: "A node that runs resources and no cluster stack: a remote or guest node. What connects to it is a resource: \
              one of the agent `ocf:pacemaker:remote` by this name, or a virtual machine with this `remote-node`.",
    options: &[
        Opt::new(
            "attributes",
            Kind::Values,
            Standard::Unset("none"),
            "Labels of your own, such as `{ rack = \"a\" }`.",
        ),
        Opt::new("standby", Kind::Bool, Standard::Bool(false), "The node runs no resources."),
        Opt::new("maintenance", Kind::Bool, Standard::Bool(false), "Resources on the node are left alone."),
        CAPACITY,
        NODE_SETS,
    ],
    shared: &[],
    later: &[],
};

pub(crate) static TAGS: Section = Section {
    header: "[tags]",
    meaning: "Names for lists of resources, usable wherever a constraint names a resource: `storage = [\"disk\", \"export\"]`.",
    options: &[],
    shared: &[],
    later: &[],
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
            Kind::Choice(&["stop", "freeze", "ignore", "demote", "fence"]),
            Standard::Choice("stop"),
            "What nodes without quorum do with their resources. `stop`: stop them all. `freeze`: keep what runs, start \
             nothing. `demote`: demote what is promoted and stop the rest. `ignore`: go on as if nothing was missing. \
             `fence`: have all nodes of this part fenced.",
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
        Opt::new(
            "placement-strategy",
            Kind::Choice(&["default", "utilization", "balanced", "minimal"]),
            Standard::Choice("default"),
            "How capacity counts: `default`: not at all; `utilization`: only nodes with enough; `balanced`: also the freest \
             first; `minimal`: as few nodes as possible.",
        ),
        Opt::new(
            "fencing-timeout",
            between(100, DAY),
            seconds(60),
            "How long fencing may take that no device says more about.",
        )
        .peer("stonith-timeout"),
        Opt::new(
            "priority-fencing-delay",
            between(0, DAY),
            seconds(0),
            "Of two halves that fence each other, the one with less important resources waits this long.",
        ),
        Opt::new("concurrent-fencing", Kind::Bool, Standard::Bool(true), "Whether several nodes are fenced at once."),
        Opt::new("have-watchdog", Kind::Bool, Standard::Bool(false), "Nodes can be trusted to reset themselves."),
        Opt::new(
            "fencing-watchdog-timeout",
            between(0, DAY),
            Standard::Unset("none"),
            "After this long a lost node with a watchdog has reset itself.",
        )
        .peer("stonith-watchdog-timeout"),
        Opt::new("stop-removed-resources", Kind::Bool, Standard::Bool(true), "Stops what runs and is no longer in the file.")
            .peer("stop-orphan-resources"),
        Opt::new("stop-removed-actions", Kind::Bool, Standard::Bool(true), "Ends monitors that are no longer in the file.")
            .peer("stop-orphan-actions"),
        Opt::new("startup-probes", Kind::Bool, Standard::Bool(true), "Asks on every node what runs before starting anything.")
            .peer("enable-startup-probes"),
        Opt::new(
            "shutdown-lock",
            Kind::Bool,
            Standard::Bool(false),
            "Resources of a node that leaves in order wait for its return.",
        ),
        Opt::new(
            "shutdown-lock-limit",
            between(0, YEAR),
            Standard::Unset("no limit"),
            "How long they wait.",
        ),
        Opt::new(
            "node-health-strategy",
            Kind::Choice(&["none", "migrate-on-red", "only-green", "progressive", "custom"]),
            Standard::Choice("none"),
            "What the node attributes `#health-...` lead to.",
        ),
        Opt::new("node-health-base", Kind::Score, Standard::Score(Score::ZERO), "With `progressive`: where every node begins."),
        Opt::new("node-health-green", Kind::Score, Standard::Score(Score::ZERO), "What `green` adds."),
        Opt::new("node-health-yellow", Kind::Score, Standard::Score(Score::ZERO), "What `yellow` adds."),
        Opt::new("node-health-red", Kind::Score, Standard::Score(Score::NEVER), "What `red` adds."),
        Opt::new(
            "node-pending-timeout",
            between(0, YEAR),
            Standard::Unset("none"),
            "A node that joined the ring and not the cluster is fenced after this long.",
        ),
        Opt::new("migration-limit", Kind::Integer { min: -1, max: 100_000 }, Standard::Integer(-1), "Live migrations at once on one node; -1 for no limit."),
        Opt::new(
            "peer-defaults",
            Kind::Bool,
            Standard::Bool(false),
            "What is not written has Pacemaker's default where ours differs: `stickiness` 0, for clones 1.",
        ),
        Opt::new(
            "other",
            Kind::Values,
            Standard::Unset("none"),
            "Further properties, as text, by the peer's names.",
        ),
        NODE_SETS,
    ],
    shared: &[],
    later: &[
        ("cluster-recheck-interval", "periodic recheck: every timer has its own deadline"),
    ],
};

const DEFAULT_SETS: Opt = Opt::new(
    "sets",
    Kind::Tables(&SET),
    Standard::Unset("none"),
    "Defaults that hold only under a rule, which can name the kind of `resource` or the `op`.",
);

pub(crate) static DEFAULTS: Section = Section {
    header: "[defaults]",
    meaning: "What holds for everything that does not say otherwise. `[defaults.resource]` and `[defaults.operation]` are \
              tables of their own.",
    options: &[
        table("resource", Kind::Table(&DEFAULTS_RESOURCE), "").tried(&["resources", "meta"]),
        table("operation", Kind::Table(&DEFAULTS_OPERATION), "").tried(&["operations", "op"]),
        DEFAULT_SETS,
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
    options: &[
        Opt::new("timeout", between(10, DAY), seconds(20), "Give up on an operation after this long."),
        Opt::new("options", Kind::Values, Standard::Unset("none"), "Further options, as text, by the peer's names."),
    ],
    shared: &[],
    later: &[],
};
