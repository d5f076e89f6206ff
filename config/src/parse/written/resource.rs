//! Primitives, templates, groups, clones and bundles as written.

use super::super::fields::Fields;
use super::super::value::At;
use super::values;
use crate::option::{BUNDLE, CLONE, GROUP, MOUNT, OPERATION, PORT, RESOURCE, Section, TEMPLATE};
use crate::report::Report;
use crate::written::{
    Agent, AttributeSet, Bundle, BundlePort, Container, Mount, NetworkOptions, Operation, Resource, ResourceKind,
};
use std::collections::BTreeMap;

/// Something read, and what it is made of by name.
struct Draft {
    place: usize,
    resource: Resource,
    parts: Vec<String>,
    shape: Shape,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Primitive,
    Group,
    Clone,
    Bundle,
}

/// Resources in the order of the file, each at the place of what it is part of, and templates.
pub(super) fn read(file: &Fields<'_>, report: &mut Report<'_>) -> (Vec<Resource>, Vec<Resource>) {
    let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
    for (name, table) in file.named("resources") {
        let fields = Fields::read(&RESOURCE, name.value, name.span.clone(), table, report);
        let resource = primitive(name.value, &fields, &RESOURCE, report);
        let draft = Draft { place: name.span.start, resource, parts: Vec::new(), shape: Shape::Primitive };
        drafts.insert(name.value.to_owned(), draft);
    }
    for (name, table) in file.named("groups") {
        let fields = Fields::read(&GROUP, name.value, name.span.clone(), table, report);
        let parts = fields.texts("members").iter().map(|member| member.value.to_owned()).collect();
        add(&mut drafts, name, collective(name.value, &fields, report), parts, Shape::Group, report);
    }
    for (name, table) in file.named("clones") {
        let fields = Fields::read(&CLONE, name.value, name.span.clone(), table, report);
        let mut resource = collective(name.value, &fields, report);
        if let Some(meta) = resource.meta.first_mut() {
            meta.values.extend(values::instances(&fields));
        }
        let parts = fields.text("resource").map(|text| text.value.to_owned()).into_iter().collect();
        add(&mut drafts, name, resource, parts, Shape::Clone, report);
    }
    for (name, table) in file.named("bundles") {
        report.beyond(name.span.clone(), "bundles");
        let fields = Fields::read(&BUNDLE, name.value, name.span.clone(), table, report);
        let mut resource = collective(name.value, &fields, report);
        resource.kind = ResourceKind::Bundle(Box::new(bundle(&fields, report)));
        let parts = fields.text("primitive").map(|text| text.value.to_owned()).into_iter().collect();
        add(&mut drafts, name, resource, parts, Shape::Bundle, report);
    }
    let mut templates = Vec::new();
    for (name, table) in file.named("templates") {
        let fields = Fields::read(&TEMPLATE, name.value, name.span.clone(), table, report);
        templates.push(primitive(name.value, &fields, &TEMPLATE, report));
    }
    (assemble(drafts, file, report), templates)
}

fn add(
    drafts: &mut BTreeMap<String, Draft>,
    name: &At<&str>,
    resource: Resource,
    parts: Vec<String>,
    shape: Shape,
    report: &mut Report<'_>,
) {
    let draft = Draft { place: name.span.start, resource, parts, shape };
    // the checks refuse a group with the name of a resource; clones and bundles are not theirs
    if drafts.insert(name.value.to_owned(), draft).is_some() && matches!(shape, Shape::Clone | Shape::Bundle) {
        report.error(name.span.clone(), format!("the name `{}` is used twice", name.value), None);
    }
}

/// Puts the parts into what they are part of.
fn assemble(mut drafts: BTreeMap<String, Draft>, file: &Fields<'_>, report: &mut Report<'_>) -> Vec<Resource> {
    let mut shapes: Vec<(String, Shape)> = drafts.iter().map(|(name, draft)| (name.clone(), draft.shape)).collect();
    // parts before wholes: a group before the clone around it
    shapes.sort_by_key(|(_, shape)| matches!(shape, Shape::Clone | Shape::Bundle));
    for (name, shape) in shapes {
        if shape == Shape::Primitive {
            continue;
        }
        let Some(mut whole) = drafts.remove(&name) else { continue };
        let mut parts = Vec::new();
        for part in std::mem::take(&mut whole.parts) {
            let fits = drafts.get(&part).is_some_and(|found| {
                found.shape == Shape::Primitive || (shape == Shape::Clone && found.shape == Shape::Group)
            });
            match drafts.remove(&part) {
                Some(found) if fits => parts.push(found.resource),
                Some(found) => {
                    drafts.insert(part, found);
                }
                None => {}
            }
        }
        match shape {
            Shape::Group => whole.resource.kind = ResourceKind::Group(parts),
            Shape::Clone => match parts.pop() {
                Some(child) => whole.resource.kind = ResourceKind::Clone(Box::new(child)),
                None => {
                    missing_part(file, "clones", &name, report);
                    continue;
                }
            },
            Shape::Bundle => {
                if let ResourceKind::Bundle(bundle) = &mut whole.resource.kind {
                    bundle.primitive = parts.pop();
                }
            }
            Shape::Primitive => {}
        }
        drafts.insert(name, whole);
    }
    let mut tops: Vec<Draft> = drafts.into_values().collect();
    tops.sort_by_key(|draft| draft.place);
    tops.into_iter().map(|draft| draft.resource).collect()
}

fn missing_part(file: &Fields<'_>, table: &str, name: &str, report: &mut Report<'_>) {
    let span = file.named(table).iter().find(|(at, _)| at.value == name).map_or(0..0, |(at, _)| at.span.clone());
    let message =
        format!("`{name}` clones nothing: its `resource` must be a resource or group that nothing else contains");
    report.error(span, message, None);
}

fn plain(id: &str, of: &str, values: Vec<crate::written::Value>) -> AttributeSet {
    AttributeSet { id: format!("{id}.{of}"), values, ..AttributeSet::default() }
}

/// A set of its own first, then those under rules.
fn sets_of(id: &str, of: &str, fields: &Fields<'_>, report: &mut Report<'_>) -> Vec<AttributeSet> {
    let own = plain(id, of, values::pairs(fields.pairs(of)));
    std::iter::once(own).chain(values::sets(fields, of, report)).filter(|set| !set.values.is_empty()).collect()
}

fn meta_of(id: &str, fields: &Fields<'_>, report: &mut Report<'_>) -> Vec<AttributeSet> {
    let own = values::meta(fields, &format!("{id}.meta"));
    std::iter::once(own).chain(values::sets(fields, "meta", report)).collect()
}

fn collective(id: &str, fields: &Fields<'_>, report: &mut Report<'_>) -> Resource {
    beyond_meta(fields, report);
    let params = if fields.knows("params") { sets_of(id, "params", fields, report) } else { Vec::new() };
    Resource { id: id.to_owned(), meta: meta_of(id, fields, report), params, ..Resource::default() }
}

/// A meta attribute that makes a node of a resource: guest nodes are beyond this version.
const GUEST: &str = "remote-node";

pub(super) fn beyond_meta(fields: &Fields<'_>, report: &mut Report<'_>) {
    if fields.given_options().any(|(option, _)| option.name == GUEST) {
        report.beyond(fields.span_of(GUEST), "guest nodes");
    }
    if fields.knows("meta") && fields.pairs("meta").iter().any(|(name, _)| name.value == GUEST) {
        report.beyond(fields.span_of("meta"), "guest nodes");
    }
}

fn primitive(id: &str, fields: &Fields<'_>, section: &'static Section, report: &mut Report<'_>) -> Resource {
    beyond_meta(fields, report);
    let is_template = std::ptr::eq(section, &TEMPLATE);
    let template = if is_template { None } else { fields.text("template") };
    let agent = match fields.text("agent") {
        Some(text) => agent(&text, report),
        None if is_template || template.is_some() => None,
        None => Some(Agent { class: "command".to_owned(), provider: None, name: id.to_owned() }),
    };
    Resource {
        id: id.to_owned(),
        kind: ResourceKind::Primitive(agent),
        template: template.map(|text| text.value.to_owned()),
        meta: meta_of(id, fields, report),
        params: sets_of(id, "params", fields, report),
        utilization: sets_of(id, "utilization", fields, report),
        operations: operations(id, fields, report),
    }
}

/// `CLASS:[PROVIDER:]TYPE`.
fn agent(text: &At<&str>, report: &mut Report<'_>) -> Option<Agent> {
    let named = |class: &str, provider: Option<&str>, name: &str| {
        Some(Agent { class: class.to_owned(), provider: provider.map(str::to_owned), name: name.to_owned() })
    };
    let parts: Vec<&str> = text.value.splitn(3, ':').collect();
    match parts.as_slice() {
        ["command"] => named("command", None, "command"),
        ["ocf", provider, name] => {
            if name.starts_with('/') {
                report.beyond(text.span.clone(), "agents by path");
            }
            named("ocf", Some(provider), name)
        }
        ["fence", name] => {
            report.beyond(text.span.clone(), "fence devices as resources");
            named("fencing", None, name)
        }
        [class @ ("systemd" | "lsb" | "service" | "upstart" | "nagios" | "heartbeat"), name] => {
            report.beyond(text.span.clone(), &format!("agents of the class `{class}`"));
            named(class, None, name)
        }
        // the typed reader has said what is wrong with it
        _ => None,
    }
}

fn operations(id: &str, fields: &Fields<'_>, report: &mut Report<'_>) -> Vec<Operation> {
    let mut operations = Vec::new();
    if let Some(interval) = fields.given_duration("monitor") {
        let interval = values::interval(Some(interval));
        let name = "monitor".to_owned();
        operations.push(Operation { id: format!("{id}.monitor"), name, interval, ..Operation::default() });
    }
    for (at, table) in fields.tables("operations").iter().enumerate() {
        let of = Fields::read_as(
            &OPERATION,
            format!("operations of {}", fields.subject),
            table.span.clone(),
            table.value,
            report,
        );
        let Some(name) = of.given_choice("name") else { continue };
        beyond_operation(name, &of, report);
        let mut options = values::given(&of, &["name", "interval", "params", "options", "sets"]);
        options.extend(values::pairs(of.pairs("options")));
        let operation = format!("{id}.operations[{at}]");
        operations.push(Operation {
            name: name.to_owned(),
            interval: values::interval(of.given_duration("interval")),
            options,
            meta: values::sets(&of, "meta", report),
            params: sets_of(&operation, "params", &of, report),
            id: operation,
        });
    }
    operations
}

fn beyond_operation(name: &str, of: &Fields<'_>, report: &mut Report<'_>) {
    for option in ["start-delay", "interval-origin"] {
        if of.has(option) {
            report.beyond(of.span_of(option), &format!("`{option}` of operations"));
        }
    }
    if of.given_choice("on-fail") == Some("restart-container") {
        report.beyond(of.span_of("on-fail"), "`on-fail = \"restart-container\"`");
    }
    // What did not stop may still run there: the cluster that took it for stopped would run it twice.
    if let ("stop" | "demote", Some("ignore")) = (name, of.given_choice("on-fail")) {
        report.beyond(of.span_of("on-fail"), &format!("`on-fail = \"ignore\"` of `{name}`"));
    }
}

fn bundle(fields: &Fields<'_>, report: &mut Report<'_>) -> Bundle {
    let text = |name: &str| fields.text(name).map(|text| text.value.to_owned());
    let number = |name: &str| fields.given_integer(name).map(|number| number.to_string());
    let container = Container {
        technology: fields.choice("technology").to_owned(),
        image: text("image").unwrap_or_default(),
        replicas: number("replicas"),
        replicas_per_host: number("replicas-per-host"),
        promoted_max: number("promoted-max"),
        network: text("network"),
        options: text("options"),
        run_command: text("run-command"),
    };
    let mut ports = Vec::new();
    for table in fields.tables("ports") {
        let of =
            Fields::read_as(&PORT, format!("a port of {}", fields.subject), table.span.clone(), table.value, report);
        let text = |name: &str| of.text(name).map(|text| text.value.to_owned());
        let number = |name: &str| of.given_integer(name).map(|number| number.to_string());
        let id = text("name").unwrap_or_default();
        ports.push(BundlePort {
            id,
            port: number("port"),
            internal_port: number("internal-port"),
            range: text("range"),
        });
    }
    let options = NetworkOptions {
        ip_range_start: text("ip-range-start"),
        host_netmask: text("host-netmask"),
        host_interface: text("host-interface"),
        control_port: number("control-port"),
        add_host: fields.given_bool("add-host").map(|yes| yes.to_string()),
        ports,
    };
    let network = (options != NetworkOptions::default()).then_some(options);
    let mut storage = Vec::new();
    for table in fields.tables("storage") {
        let of =
            Fields::read_as(&MOUNT, format!("storage of {}", fields.subject), table.span.clone(), table.value, report);
        let text = |name: &str| of.text(name).map(|text| text.value.to_owned());
        storage.push(Mount {
            id: text("name").unwrap_or_default(),
            source_dir: text("source"),
            source_dir_root: text("source-root"),
            target_dir: text("target").unwrap_or_default(),
            options: text("options"),
        });
    }
    Bundle { container, network, storage, primitive: None }
}
