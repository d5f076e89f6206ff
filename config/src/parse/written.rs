//! The cluster file as the scheduler reads it: everything that it says about nodes, resources and constraints, in the
//! names that the field knows ([`crate::written`]).
//!
//! The other readers make typed values of what a daemon of this version can carry out. What is here and not there is
//! told to the operator as being beyond it ([`Report::beyond`]).

mod constraint;
mod resource;
mod values;

use super::fields::Fields;
use super::value::At;
use crate::option::{DEFAULTS, DEFAULTS_OPERATION, DEFAULTS_RESOURCE, FENCING_LEVEL, NODE, PROPERTIES, REMOTE_NODE};
use crate::report::Report;
use crate::written::{AttributeSet, Configuration, FencingLevel, FencingTarget, Node, NodeKind, Tag};

/// Everything.
pub(super) fn read(file: &Fields<'_>, report: &mut Report<'_>) -> Configuration {
    let (resources, templates) = resource::read(file, report);
    let mut configuration = Configuration {
        feature_set: String::new(),
        nodes: nodes(file, report),
        resources,
        templates,
        tags: tags(file),
        constraints: constraint::read(file, report),
        fence_devices: file.named("fencing").iter().map(|(name, _)| name.value.to_owned()).collect(),
        fencing_levels: fencing_levels(file, report),
        ..Configuration::default()
    };
    constraint::tickets_name_resources(file, &configuration, report);
    properties(file, &mut configuration, report);
    defaults(file, &mut configuration, report);
    configuration
}

/// The table of this name, when it is written.
fn single<'a>(
    file: &Fields<'a>,
    name: &str,
    section: &'static crate::option::Section,
    report: &mut Report<'_>,
) -> Option<Fields<'a>> {
    let table = file.tables(name).first()?;
    // mistakes that the typed reader has seen too are reported once
    Some(Fields::read(section, "", table.span.clone(), table.value, report))
}

/// Properties that ask for something outside the scheduler, which a daemon of this version does not do. What stands
/// under `other` may be anything, and what stands in a set is heard by the scheduler alone, while much of the daemon
/// goes by the property itself.
const NOT_CARRIED_OUT: [&str; 11] = [
    "fencing-timeout",
    "fencing-watchdog-timeout",
    "have-watchdog",
    "migration-limit",
    "node-pending-timeout",
    "other",
    "priority-fencing-delay",
    "sets",
    "shutdown-lock",
    "shutdown-lock-limit",
    "startup-probes",
];

fn beyond_properties(fields: &Fields<'_>, report: &mut Report<'_>) {
    for name in NOT_CARRIED_OUT.into_iter().filter(|name| fields.knows(name) && fields.has(name)) {
        report.beyond(fields.span_of(name), &format!("the property `{name}`"));
    }
    if let Some(policy @ ("ignore" | "fence")) = fields.given_choice("no-quorum-policy") {
        report.beyond(fields.span_of("no-quorum-policy"), &format!("`no-quorum-policy = \"{policy}\"`"));
    }
}

fn properties(file: &Fields<'_>, configuration: &mut Configuration, report: &mut Report<'_>) {
    let fields = single(file, "properties", &PROPERTIES, report);
    let mut own = AttributeSet { id: "properties".to_owned(), ..AttributeSet::default() };
    let mut sets = Vec::new();
    let mut peer_defaults = false;
    if let Some(fields) = &fields {
        beyond_properties(fields, report);
        own.values = values::given(fields, &["peer-defaults", "other", "sets"]);
        own.values.extend(values::pairs(fields.pairs("other")));
        peer_defaults = fields.bool("peer-defaults");
        sets = values::sets(fields, "properties", report);
    }
    configuration.properties = std::iter::once(own).chain(sets).collect();
    if !peer_defaults {
        // the lowest of all sets: whatever is written counts before it
        configuration.resource_defaults.push(AttributeSet {
            id: "built-in".to_owned(),
            score: crate::score::Score::NEVER,
            rule: None,
            values: vec![values::value("resource-stickiness", "1")],
        });
    }
}

fn defaults(file: &Fields<'_>, configuration: &mut Configuration, report: &mut Report<'_>) {
    let Some(fields) = single(file, "defaults", &DEFAULTS, report) else { return };
    let mut resource = values::sets(&fields, "resource", report);
    let mut operation = values::sets(&fields, "operation", report);
    if let Some(table) = single(&fields, "resource", &DEFAULTS_RESOURCE, report) {
        resource::beyond_meta(&table, report);
        let own = values::meta(&table, "defaults.resource");
        resource.insert(0, own);
    }
    if let Some(table) = single(&fields, "operation", &DEFAULTS_OPERATION, report) {
        let mut own = AttributeSet { id: "defaults.operation".to_owned(), ..AttributeSet::default() };
        own.values = values::given(&table, &["options"]);
        own.values.extend(values::pairs(table.pairs("options")));
        operation.insert(0, own);
    }
    configuration.resource_defaults.splice(0..0, resource);
    configuration.operation_defaults = operation;
}

fn nodes(file: &Fields<'_>, report: &mut Report<'_>) -> Vec<Node> {
    let mut nodes = Vec::new();
    for (table, section, kind) in [("nodes", &NODE, NodeKind::Member), ("remote-nodes", &REMOTE_NODE, NodeKind::Remote)]
    {
        for (name, table) in file.named(table) {
            if kind == NodeKind::Remote {
                report.beyond(name.span.clone(), "remote nodes");
            }
            let fields = Fields::read(section, name.value, name.span.clone(), table, report);
            let votes_only = kind == NodeKind::Member && fields.choice("role") == "arbiter";
            let kind = if votes_only { NodeKind::Ping } else { kind };
            nodes.push(node(name, &fields, kind, report));
        }
    }
    nodes
}

fn node(name: &At<&str>, fields: &Fields<'_>, kind: NodeKind, report: &mut Report<'_>) -> Node {
    let mut own = AttributeSet { id: format!("{}.attributes", name.value), ..AttributeSet::default() };
    own.values = values::pairs(fields.pairs("attributes"));
    for flag in ["standby", "maintenance"] {
        if fields.bool(flag) {
            own.values.push(values::value(flag, "true"));
        }
    }
    let attributes = std::iter::once(own).chain(values::sets(fields, "attributes", report)).collect();
    let capacity = AttributeSet {
        id: format!("{}.utilization", name.value),
        values: values::pairs(fields.pairs("utilization")),
        ..AttributeSet::default()
    };
    let utilization = std::iter::once(capacity).chain(values::sets(fields, "utilization", report)).collect();
    let score = match kind {
        NodeKind::Member => fields.given_score("score").unwrap_or_default(),
        NodeKind::Remote | NodeKind::Ping => crate::score::Score::ZERO,
    };
    Node { id: name.value.to_owned(), name: name.value.to_owned(), kind, attributes, utilization, score }
}

fn tags(file: &Fields<'_>) -> Vec<Tag> {
    let lists = file.lists("tags");
    lists
        .iter()
        .map(|(name, members)| Tag {
            id: name.value.to_owned(),
            members: members.iter().map(|member| member.value.to_owned()).collect(),
        })
        .collect()
}

fn fencing_levels(file: &Fields<'_>, report: &mut Report<'_>) -> Vec<FencingLevel> {
    let mut levels = Vec::new();
    for table in file.tables("fencing-level") {
        report.beyond(table.span.clone(), "fencing levels for several nodes");
        let fields = Fields::read(&FENCING_LEVEL, "", table.span.clone(), table.value, report);
        let text = |name: &str| fields.text(name).map(|text| text.value.to_owned());
        let target = match (text("node"), text("pattern"), text("attribute")) {
            (Some(node), None, None) => FencingTarget::Node(node),
            (None, Some(pattern), None) => FencingTarget::Pattern(pattern),
            (None, None, Some(name)) => FencingTarget::Attribute(name, text("value").unwrap_or_default()),
            _ => {
                let message = "a [[fencing-level]] needs one of `node`, `pattern` and `attribute`".to_owned();
                report.error(table.span.clone(), message, None);
                continue;
            }
        };
        let devices = fields.texts("devices").iter().map(|device| device.value.to_owned()).collect();
        levels.push(FencingLevel {
            id: values::place("[[fencing-level]]", table, report),
            target,
            index: fields.integer("index"),
            devices,
        });
    }
    levels
}
