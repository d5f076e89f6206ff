//! A written configuration as a cluster file that a person can read, and a list of what the file could not take over.
//!
//! The file says what the configuration says, in the words of the option table: values that an option can hold stand
//! under its name, others under `meta`, `other` or `options` as text. Whoever writes a file from a foreign
//! configuration should read it again ([`crate::parse`]) and compare.

mod constraint;
mod resource;
mod table;

use crate::id::NodeId;
use crate::option::{DEFAULTS_OPERATION, DEFAULTS_RESOURCE, PROPERTIES};
use crate::score::Score;
use crate::written::{AttributeSet, Configuration, FencingTarget, Node, NodeKind};
use std::collections::BTreeSet;
use table::{Table, array, quoted, score};

/// A cluster file and what it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub text: String,
    /// What was left out or needs a look, one sentence each.
    pub left_out: Vec<String>,
}

/// Writes a configuration. `name` is the name of the cluster where the configuration has none.
#[must_use]
pub fn write(configuration: &Configuration, name: &str) -> Written {
    let mut writer = Writer { fencing: fencing_enabled(configuration), ..Writer::default() };
    writer.nodes = configuration.node_names();
    writer.cluster(configuration, name);
    writer.nodes(configuration);
    for template in &configuration.templates {
        writer.template(template);
    }
    for resource in &configuration.resources {
        writer.resource(resource);
    }
    writer.constraints(&configuration.constraints);
    writer.tags(configuration);
    writer.fencing_levels(configuration);
    writer.properties(configuration);
    writer.defaults(configuration);
    Written { text: writer.text, left_out: writer.left_out }
}

/// What has been written.
#[derive(Default)]
struct Writer {
    text: String,
    left_out: Vec<String>,
    /// Whether fencing is enabled.
    fencing: bool,
    /// Every node that a constraint may name, also those that come with a resource.
    nodes: BTreeSet<String>,
}

impl Writer {
    fn left_out(&mut self, what: impl Into<String>) {
        self.left_out.push(what.into());
    }

    fn push(&mut self, table: Table) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(&table.finish());
    }

    fn cluster(&mut self, configuration: &Configuration, name: &str) {
        let properties = configuration.properties.iter().flat_map(|set| &set.values);
        let known = properties.filter(|value| value.name == "cluster-name").find_map(|value| value.value.as_deref());
        let name = known.filter(|known| NodeId::new(known).is_ok()).unwrap_or(name);
        let mut table = Table::named("cluster");
        table.line("name", &quoted(name));
        self.push(table);
    }

    fn nodes(&mut self, configuration: &Configuration) {
        let members = configuration.nodes.iter().filter(|node| node.kind == NodeKind::Member);
        if members.clone().next().is_some() {
            self.left_out("the addresses of nodes: their names stand in the file instead; look at `addresses`");
        }
        for node in &configuration.nodes {
            if let Err(error) = NodeId::new(&node.name) {
                self.left_out(format!("the node {:?}, whose name this cluster cannot use: {error}", node.name));
                continue;
            }
            match node.kind {
                NodeKind::Member => self.node(node, "nodes"),
                NodeKind::Remote => self.node(node, "remote-nodes"),
                NodeKind::Ping => self.left_out(format!("the ping node {}, which runs nothing", node.name)),
            }
        }
    }

    fn node(&mut self, node: &Node, section: &str) {
        let mut table = Table::new(&format!("[{section}.{}]", table::key(&node.name)));
        if section == "nodes" {
            table.line("addresses", &array([quoted(&node.name)]));
            if node.score != Score::ZERO {
                table.line("score", &score(node.score));
            }
        }
        let (mut own, more) = split(&node.attributes);
        for flag in ["standby", "maintenance"] {
            if let Some(at) = own.iter().position(|value| value.name == flag)
                && let Some(yes) = own[at].value.as_deref().and_then(table::boolean)
            {
                own.remove(at);
                if yes {
                    table.line(flag, "true");
                }
            }
        }
        table.values("attributes", &own, &mut self.left_out);
        table.sets("attributes", more, &mut self.left_out);
        let (own, more) = split(&node.utilization);
        table.numbers("utilization", &own, &mut self.left_out);
        table.sets("utilization", more, &mut self.left_out);
        self.push(table);
    }

    fn tags(&mut self, configuration: &Configuration) {
        if configuration.tags.is_empty() {
            return;
        }
        let mut table = Table::named("tags");
        for tag in &configuration.tags {
            table.line(&table::key(&tag.id), &array(tag.members.iter().map(|member| quoted(member))));
        }
        self.push(table);
    }

    fn fencing_levels(&mut self, configuration: &Configuration) {
        for level in &configuration.fencing_levels {
            let mut table = Table::new("[[fencing-level]]");
            match &level.target {
                FencingTarget::Node(node) => table.line("node", &quoted(node)),
                FencingTarget::Pattern(pattern) => table.line("pattern", &quoted(pattern)),
                FencingTarget::Attribute(name, value) => {
                    table.line("attribute", &quoted(name));
                    table.line("value", &quoted(value));
                }
            }
            table.line("index", &level.index.to_string());
            table.line("devices", &array(level.devices.iter().map(|device| quoted(device))));
            self.push(table);
        }
    }

    fn properties(&mut self, configuration: &Configuration) {
        let mut table = Table::named("properties");
        table.line("peer-defaults", "true");
        let (mut own, mut more) = split(&configuration.properties);
        // old names stand in a set behind all others; what they say that nothing else says can stand with the rest
        if let Some((last, others)) = more.split_last()
            && others.is_empty()
            && last.rule.is_none()
            && last.score.is_never()
        {
            own.extend(last.values.iter().cloned());
            more = others;
        }
        let plain = own.iter().filter(|value| !matches!(value.name.as_str(), "cluster-name")).cloned();
        table.options(PROPERTIES.options, &plain.collect::<Vec<_>>(), "other", &mut self.left_out);
        table.sets("properties", more, &mut self.left_out);
        self.push(table);
    }

    fn defaults(&mut self, configuration: &Configuration) {
        let (resource, more_resource) = split(&configuration.resource_defaults);
        let (operation, more_operation) = split(&configuration.operation_defaults);
        if !resource.is_empty() {
            let mut table = Table::named("defaults.resource");
            table.options(DEFAULTS_RESOURCE.options, &resource, "meta", &mut self.left_out);
            self.push(table);
        }
        if !operation.is_empty() {
            let mut table = Table::named("defaults.operation");
            table.options(DEFAULTS_OPERATION.options, &operation, "options", &mut self.left_out);
            self.push(table);
        }
        for (of, sets) in [("resource", more_resource), ("operation", more_operation)] {
            for set in sets {
                let mut table = Table::new("[[defaults.sets]]");
                table.line("of", &quoted(of));
                if set.score != Score::ZERO {
                    table.line("score", &score(set.score));
                }
                match set.rule.as_ref().map(|rule| rule.text()) {
                    None => {}
                    Some(Some(rule)) => table.line("rule", &quoted(&rule)),
                    Some(None) => {
                        self.left_out(format!("the defaults {}: its rule cannot be written as text", set.id));
                        continue;
                    }
                }
                table.always_values("values", &set.values, &mut self.left_out);
                self.push(table);
            }
        }
    }
}

fn fencing_enabled(configuration: &Configuration) -> bool {
    let mut values = configuration.properties.iter().flat_map(|set| &set.values);
    let said = values.find(|value| matches!(value.name.as_str(), "fencing-enabled" | "stonith-enabled"));
    said.and_then(|value| value.value.as_deref()).and_then(table::boolean).unwrap_or(true)
}

/// The values that hold always and first, and the sets that need a table of their own. Only when the first set has no
/// rule and no other set could come before it are its values written plainly.
fn split(sets: &[AttributeSet]) -> (Vec<crate::written::Value>, &[AttributeSet]) {
    match sets.split_first() {
        Some((first, rest)) if first.rule.is_none() && (rest.is_empty() || first.score == Score::ZERO) => {
            (first.values.clone(), rest)
        }
        _ => (Vec::new(), sets),
    }
}
