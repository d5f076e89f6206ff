//! What operators asked of the running cluster, written into the configuration in the places where the file would say
//! the same: modes of nodes as their attributes, roles as meta attributes, moves as location constraints.

use super::Situation;
use crate::cib::{Cib, Durable};
use ::scheduler::reason::MOVED;
use ::scheduler::situation::{
    AttributeSet, Configuration, Discovery, Location, LocationScore, NodeKind, Preference, Resource, ResourceKind,
    Subject, Value,
};
use config::{NodeMode, Score, TargetRole};

/// The configuration in force.
pub(super) fn in_force(situation: &Situation<'_>) -> Configuration {
    let cib = situation.cib;
    let mut configuration = cib.config.written.clone();
    // What only votes is nowhere: nothing is placed or looked for there, and nothing has to be fenced.
    configuration.nodes.retain(|node| node.kind != NodeKind::Ping);
    nodes(&mut configuration, cib);
    for (name, role) in &cib.durable.overrides.target_roles {
        // What is asked of a whole holds for its parts, unless one of them was asked for something else.
        let own = |part: &str| part != name.as_str() && cib.durable.overrides.target_roles.contains_key(part);
        for resource in &mut configuration.resources {
            if let Some(found) = find(resource, name.as_str()) {
                set_role(found, *role, &own);
            }
        }
    }
    for (name, node) in &cib.durable.overrides.moves {
        configuration.constraints.locations.push(Location {
            id: MOVED.to_owned(),
            subject: Subject::Resource(name.to_string()),
            role: None,
            discovery: Discovery::Always,
            preference: Preference::Node(LocationScore { node: node.to_string(), score: Score::MANDATORY }),
            lifetime: None,
        });
    }
    properties(&mut configuration, situation);
    configuration
}

/// A set that is read before all others.
fn first(id: &str, values: &[(&str, &str)]) -> AttributeSet {
    let value = |(name, value): &(&str, &str)| Value { name: (*name).to_owned(), value: Some((*value).to_owned()) };
    let values = values.iter().map(value).collect();
    AttributeSet { id: id.to_owned(), score: Score::MANDATORY, rule: None, values }
}

fn nodes(configuration: &mut Configuration, cib: &Cib) {
    let Durable { overrides, attributes, .. } = &cib.durable;
    for node in &mut configuration.nodes {
        if let Some(noted) = attributes.nodes.get(node.name.as_str()) {
            let values: Vec<(&str, &str)> = noted.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            node.attributes.insert(0, first("noted", &values));
        }
        let Some(mode) = overrides.nodes.get(node.name.as_str()) else { continue };
        let (standby, maintenance) = match mode {
            NodeMode::Standby => ("true", "false"),
            NodeMode::Maintenance => ("false", "true"),
            NodeMode::Online => ("false", "false"),
        };
        node.attributes.insert(0, first("override", &[("standby", standby), ("maintenance", maintenance)]));
    }
}

fn find<'r>(resource: &'r mut Resource, name: &str) -> Option<&'r mut Resource> {
    if resource.id == name {
        return Some(resource);
    }
    parts(resource).into_iter().find_map(|part| find(part, name))
}

fn parts(resource: &mut Resource) -> Vec<&mut Resource> {
    match &mut resource.kind {
        ResourceKind::Primitive(_) => Vec::new(),
        ResourceKind::Group(members) => members.iter_mut().collect(),
        ResourceKind::Clone(child) => vec![child],
        ResourceKind::Bundle(bundle) => bundle.primitive.iter_mut().collect(),
    }
}

fn set_role(resource: &mut Resource, role: TargetRole, own: &impl Fn(&str) -> bool) {
    if own(&resource.id) {
        return;
    }
    let word = match role {
        TargetRole::Started => "Started",
        TargetRole::Stopped => "Stopped",
    };
    resource.meta.insert(0, first("override", &[("target-role", word)]));
    for part in parts(resource) {
        set_role(part, role, own);
    }
}

/// While nodes never seen are waited for they may run anything, whatever the file says about fencing them. And every
/// node can be fenced by an operator who vouches for it, also where there is no device.
fn properties(configuration: &mut Configuration, situation: &Situation<'_>) {
    let properties = &situation.cib.config.properties;
    if situation.waiting_for_nodes {
        configuration.properties.insert(0, first("waiting", &[("startup-fencing", "true")]));
    }
    if properties.fencing_enabled && configuration.fence_devices.is_empty() {
        configuration.fence_devices.push("an operator".to_owned());
    }
}
