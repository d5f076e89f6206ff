//! The options of constraints, long forms. Where a resource can be named, a group, clone, bundle, template or tag can.

use super::{Kind, Noun, Opt, Section, Standard};
use crate::score::Score;

const RESOURCE: Noun = Noun::Resource;

const SETS: Opt =
    Opt::new("sets", Kind::Tables(&RESOURCE_SET), Standard::Unset("none"), "Sets of resources instead of single ones.");

const LIFETIME: Opt = Opt::new(
    "lifetime",
    Kind::Text,
    Standard::Unset("always"),
    "A rule; the constraint counts while it holds. See *Rules*.",
);

const ROLE: Kind = Kind::Choice(&["started", "stopped", "promoted", "unpromoted"]);

pub(crate) static LOCATION: Section = Section {
    header: "[[location]]",
    meaning: "How much something is wanted on nodes: on one `node`, or on every node for which a `rule` holds. `prefer` and \
              `avoid` are the short forms.",
    options: &[
        Opt::new(
            "resource",
            Kind::Name(RESOURCE),
            Standard::Unset("none; `pattern` or `sets` says whom it is about"),
            "The resource, group, clone, bundle, template or tag.",
        )
        .peer("rsc"),
        Opt::new(
            "pattern",
            Kind::Text,
            Standard::Unset("none"),
            "A regular expression: all resources whose names match; with `!` in front those that do not.",
        )
        .peer("rsc-pattern"),
        SETS,
        Opt::new("node", Kind::Name(Noun::Node), Standard::Unset("none; `rule` or `rules` says where"), "The node."),
        Opt::new(
            "score",
            Kind::Score,
            Standard::Unset("none"),
            "How much: a number, `\"mandatory\"` or `\"never\"`. Scores of several constraints add up; `\"never\"` always \
             wins.",
        ),
        Opt::new(
            "score-attribute",
            Kind::Text,
            Standard::Unset("none"),
            "With `rule`, instead of `score`: the node attribute whose value says how much.",
        ),
        Opt::new("rule", Kind::Text, Standard::Unset("none"), "For which nodes. See *Rules*."),
        Opt::new(
            "rules",
            Kind::Tables(&LOCATION_RULE),
            Standard::Unset("none"),
            "Several rules, each with a score of its own.",
        ),
        Opt::new("role", ROLE, Standard::Unset("any"), "Only for instances in this role."),
        Opt::new(
            "discovery",
            Kind::Choice(&["always", "never", "exclusive"]),
            Standard::Choice("always"),
            "Whether the cluster asks there if it already runs: `never` not on this node, `exclusive` on no node without \
             such a constraint.",
        )
        .peer("resource-discovery"),
        LIFETIME,
    ],
    shared: &[],
    later: &[],
};

pub(crate) static LOCATION_RULE: Section = Section {
    header: "rules = [{ ... }]",
    meaning: "One of several rules of a location.",
    options: &[
        Opt::new("rule", Kind::Text, Standard::Required, "For which nodes. See *Rules*."),
        Opt::new("score", Kind::Score, Standard::Unset("none"), "How much."),
        Opt::new("score-attribute", Kind::Text, Standard::Unset("none"), "The node attribute that says how much."),
        Opt::new("role", ROLE, Standard::Unset("any"), "Only for instances in this role."),
    ],
    shared: &[],
    later: &[],
};

pub(crate) static COLOCATION: Section = Section {
    header: "[[colocation]]",
    meaning: "Where one resource goes in relation to another. `with` is the short form.",
    options: &[
        Opt::new("dependent", Kind::Name(RESOURCE), Standard::Unset("none; `sets` says who"), "The one that follows.")
            .peer("rsc")
            .tried(&["resource"]),
        Opt::new(
            "primary",
            Kind::Name(RESOURCE),
            Standard::Unset("none; `sets` says who"),
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
        Opt::new("dependent-role", ROLE, Standard::Unset("any"), "Only when the dependent has this role.")
            .peer("rsc-role"),
        Opt::new("primary-role", ROLE, Standard::Unset("any"), "Only with instances in this role.")
            .peer("with-rsc-role"),
        Opt::new(
            "node-attribute",
            Kind::Text,
            Standard::Unset("the node itself"),
            "Together means: nodes with the same value of this attribute, such as the rack.",
        ),
        Opt::new(
            "influence",
            Kind::Bool,
            Standard::Unset("what `critical` of the dependent says"),
            "Whether the dependent's wishes weigh where the primary goes.",
        ),
        SETS,
        LIFETIME,
    ],
    shared: &[],
    later: &[],
};

const ACTIONS: Kind = Kind::Choice(&["start", "stop", "promote", "demote"]);

pub(crate) static ORDER: Section = Section {
    header: "[[order]]",
    meaning: "Which resource acts before which. `after` is the short form. Order says nothing about the node: add a \
              colocation when both must be on one.",
    options: &[
        Opt::new("first", Kind::Name(RESOURCE), Standard::Unset("none; `sets` says who"), "The one that acts first.")
            .tried(&["before"]),
        Opt::new("first-action", ACTIONS, Standard::Choice("start"), "Its action."),
        Opt::new("then", Kind::Name(RESOURCE), Standard::Unset("none; `sets` says who"), "The one that waits.")
            .tried(&["after"]),
        Opt::new("then-action", ACTIONS, Standard::Unset("the same as `first-action`"), "Its action."),
        Opt::new(
            "kind",
            Kind::Choice(&["mandatory", "optional", "serialize"]),
            Standard::Choice("mandatory"),
            "`mandatory`: `then` cannot run without `first`, and is restarted with it. `optional`: only counts when both \
             act in the same transition. `serialize`: never both at the same time.",
        ),
        Opt::new(
            "symmetrical",
            Kind::Bool,
            Standard::Unset("true, with `serialize` false"),
            "Whether stopping goes in the reverse order.",
        ),
        Opt::new(
            "require-all",
            Kind::Bool,
            Standard::Bool(true),
            "Whether all instances of a clone `first` are needed, or one.",
        ),
        SETS,
        LIFETIME,
    ],
    shared: &[],
    later: &[],
};

pub(crate) static RESOURCE_SET: Section = Section {
    header: "sets = [{ ... }] of constraints",
    meaning: "Several resources in a location, colocation, order or ticket.",
    options: &[
        Opt::new("members", Kind::Names(RESOURCE), Standard::Required, "The resources, in order."),
        Opt::new(
            "sequential",
            Kind::Bool,
            Standard::Bool(true),
            "Whether each member depends on the one before it, or none on another.",
        ),
        Opt::new("require-all", Kind::Bool, Standard::Bool(true), "Orders: whether all members are needed, or one."),
        Opt::new("role", ROLE, Standard::Unset("any"), "The role of the members."),
        Opt::new("action", ACTIONS, Standard::Choice("start"), "Orders: the action of the members."),
        Opt::new(
            "kind",
            Kind::Choice(&["mandatory", "optional", "serialize"]),
            Standard::Unset("that of the order"),
            "Orders: how strict between the members.",
        ),
        Opt::new(
            "score",
            Kind::Score,
            Standard::Unset("that of the constraint"),
            "Colocations: how much between the members.",
        ),
        Opt::new(
            "listed",
            Kind::Bool,
            Standard::Bool(false),
            "Colocations: each member follows the next one, not the previous one (older files).",
        ),
    ],
    shared: &[],
    later: &[],
};

pub(crate) static TICKET: Section = Section {
    header: "[[ticket]]",
    meaning: "What may run only while this site has a ticket.",
    options: &[
        Opt::new("ticket", Kind::Text, Standard::Required, "The ticket."),
        Opt::new("resource", Kind::Name(RESOURCE), Standard::Unset("none; `sets` says who"), "The resource.")
            .peer("rsc"),
        Opt::new("role", ROLE, Standard::Unset("any"), "Only this role needs it.").peer("rsc-role"),
        Opt::new(
            "loss-policy",
            Kind::Choice(&["stop", "demote", "fence", "freeze"]),
            Standard::Unset("stop; demote for the promoted role"),
            "What happens when the ticket is lost.",
        ),
        SETS,
        LIFETIME,
    ],
    shared: &[],
    later: &[],
};

pub(crate) static FENCING_LEVEL: Section = Section {
    header: "[[fencing-level]]",
    meaning: "Fencing levels for several nodes at once. `fencing` of a node is the usual form.",
    options: &[
        Opt::new("pattern", Kind::Text, Standard::Unset("none"), "A regular expression: the nodes whose names match."),
        Opt::new("node", Kind::Text, Standard::Unset("none"), "The node, which may be a remote one."),
        Opt::new("attribute", Kind::Text, Standard::Unset("none"), "The nodes with this attribute ..."),
        Opt::new("value", Kind::Text, Standard::Unset("none"), "... and this value of it."),
        Opt::new("index", Kind::Integer { min: 1, max: 9 }, Standard::Required, "Lower levels are tried first."),
        Opt::new("devices", Kind::Texts { max: 64 }, Standard::Required, "The devices; all must succeed."),
    ],
    shared: &[],
    later: &[],
};
