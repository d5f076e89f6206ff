//! The tree of resources: what was written, completed by templates, parents and defaults, clones taken apart.

use super::meta::{self, Nature};
use super::node::NodeKind;
use super::operation;
use super::resource::{Kind, Resource};
use super::{Facts, Named, bundle, guest, sets};
use crate::index::{NodeIx, ResourceIx};
use crate::rule::RuleContext;
use crate::situation::{self, Agent, AttributeSet, ResourceKind};
use std::collections::BTreeMap;

/// Where in the tree a resource is put.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    /// Below this one.
    pub(crate) parent: Option<ResourceIx>,
    /// As the instance of this number, and whether instances are told apart by it.
    pub(crate) instance: Option<(u32, bool)>,
}

/// Builds the tree into `facts`, which has its options and nodes, and no resources.
pub(crate) fn build(facts: &mut Facts<'_>) {
    let situation = facts.situation;
    for written in &situation.configuration.resources {
        let top = add(facts, written, Place::default());
        facts.tops.push(top);
    }
    guest::add_connections(facts);
    guest::link_containers(facts);
    name_lists(facts);
    settle_fencing(facts);
}

/// Adds a written resource and everything below it.
pub(crate) fn add<'a>(facts: &mut Facts<'a>, written: &'a situation::Resource, place: Place) -> ResourceIx {
    match &written.kind {
        ResourceKind::Primitive(_) => add_one(facts, written, Kind::Primitive, place),
        ResourceKind::Group(members) => {
            let group = add_one(facts, written, Kind::Group, place);
            let below = Place { parent: Some(group), ..place };
            for member in members {
                if matches!(member.kind, ResourceKind::Primitive(_)) {
                    let member = add_one(facts, member, Kind::Primitive, below);
                    facts.resources[group.at()].children.push(member);
                } else {
                    facts.warnings.push(format!(
                        "{} is left out of group {}: only primitives can be members",
                        member.id, written.id
                    ));
                }
            }
            group
        }
        ResourceKind::Clone(body) => add_clone(facts, written, body, place),
        ResourceKind::Bundle(parts) => bundle::add(facts, written, parts, place),
    }
}

fn add_clone<'a>(
    facts: &mut Facts<'a>,
    written: &'a situation::Resource,
    body: &'a situation::Resource,
    place: Place,
) -> ResourceIx {
    let clone = add_one(facts, written, Kind::Clone, place);
    if !matches!(body.kind, ResourceKind::Primitive(_) | ResourceKind::Group(_)) {
        facts
            .warnings
            .push(format!("clone {} has no instances: {} is neither a primitive nor a group", written.id, body.id));
        return clone;
    }
    if facts[clone].meta.globally_unique && !tells_instances_apart(facts, body) {
        let warning = format!("instances of {} are not unique: its agents cannot tell them apart", written.id);
        facts.warnings.push(warning);
        let meta = &mut facts.resources[clone.at()].meta;
        meta.globally_unique = false;
        meta.clone_node_max = meta.clone_node_max.clamp(0, 1);
    }
    add_instances(facts, clone, body);
    clone
}

/// Whether the agents of what is cloned are told which instance they are called for: those of OCF and fence agents are.
fn tells_instances_apart(facts: &Facts<'_>, body: &situation::Resource) -> bool {
    match &body.kind {
        ResourceKind::Group(members) => members.iter().all(|member| tells_instances_apart(facts, member)),
        ResourceKind::Primitive(agent) => {
            let inherited = template_of(facts, body).and_then(|template| match &template.kind {
                ResourceKind::Primitive(agent) => agent.as_ref(),
                _ => None,
            });
            agent.as_ref().or(inherited).is_none_or(|agent| agent.class == "ocf" || agent.is_fencing())
        }
        ResourceKind::Clone(_) | ResourceKind::Bundle(_) => true,
    }
}

/// Adds the instances that a clone wants. One that wants none has one nevertheless, for what constraints and histories
/// say of it. Instances like to stay where they are a little, when nobody says how much.
pub(crate) fn add_instances<'a>(facts: &mut Facts<'a>, clone: ResourceIx, body: &'a situation::Resource) {
    facts.resources[clone.at()].meta_text.entry("resource-stickiness".into()).or_insert_with(|| "1".into());
    let instances = facts[clone].meta.clone_max.clamp(1, MOST_INSTANCES);
    for number in 0..instances {
        add_instance_of(facts, clone, body, u32::try_from(number).unwrap_or(u32::MAX));
    }
}

/// More instances than this are not made, whatever a configuration asks for.
const MOST_INSTANCES: i64 = 10_000;

/// Adds one instance of `body` below `clone`.
pub(crate) fn add_instance_of<'a>(
    facts: &mut Facts<'a>,
    clone: ResourceIx,
    body: &'a situation::Resource,
    number: u32,
) -> ResourceIx {
    let unique = facts[clone].meta.globally_unique;
    let instance = add(facts, body, Place { parent: Some(clone), instance: Some((number, unique)) });
    facts.resources[clone.at()].children.push(instance);
    instance
}

/// Adds one written resource without what is below it.
pub(crate) fn add_one<'a>(
    facts: &mut Facts<'a>,
    written: &'a situation::Resource,
    kind: Kind,
    place: Place,
) -> ResourceIx {
    let template = template_of(facts, written);
    let agent = match (&written.kind, template.map(|template| &template.kind)) {
        (ResourceKind::Primitive(Some(agent)), _) | (_, Some(ResourceKind::Primitive(Some(agent)))) => {
            Some(agent.clone())
        }
        _ => None,
    };
    let id = match place.instance {
        Some((number, _)) => format!("{}:{number}", written.id),
        None => written.id.clone(),
    };
    let own_meta = both(template, written, |it| &it.meta);
    let mut resource = prepare(facts, id, kind, agent, place, own_meta);
    let context = RuleContext { now_ms: facts.situation.now_ms, ..RuleContext::default() };
    resource.written = Some(written);
    if let Some((number, unique)) = place.instance {
        resource.instance = Some(number);
        resource.unique = unique;
        if !unique {
            resource.base.clone_from(&written.id);
        }
    }
    resource.params = sets::values(both(template, written, |it| &it.params), &context);
    if let Some(parent) = place.parent {
        for (name, value) in &facts[parent].params {
            resource.params.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    resource.utilization = sets::numbers(sets::values(both(template, written, |it| &it.utilization), &context));
    resource.operations = operation::configured(written, template);
    note_rules(facts, template, written);
    let at = push(facts, resource);
    facts.names.entry(written.id.clone()).or_insert(Named::Resource(at));
    at
}

/// A resource with its meta attributes: own ones, then the parent's, then the defaults.
pub(crate) fn prepare<'a, 's>(
    facts: &Facts<'a>,
    id: String,
    kind: Kind,
    agent: Option<Agent>,
    place: Place,
    own_meta: impl IntoIterator<Item = &'s AttributeSet>,
) -> Resource<'a> {
    let context = RuleContext { now_ms: facts.situation.now_ms, agent: agent.as_ref(), ..RuleContext::default() };
    let mut text = sets::values(own_meta, &context);
    let parent = place.parent.map(|parent| &facts[parent]);
    if let Some(parent) = parent {
        for (name, value) in &parent.meta_text {
            text.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    sets::fill(&mut text, &facts.situation.configuration.resource_defaults, &context);
    if let Some((number, _)) = place.instance {
        text.insert("clone".into(), number.to_string());
    }
    let nature = Nature {
        agent: agent.as_ref(),
        group: matches!(kind, Kind::Group),
        clone: matches!(kind, Kind::Clone),
        parent: parent.map(|parent| &parent.meta),
        nodes: facts.nodes_counted,
    };
    let meta = meta::read(&text, nature, &facts.options);
    let mut resource = Resource::blank(id, kind, meta);
    resource.managed = resource.meta.unmanaged_reason.is_none();
    resource.meta_text = text;
    resource.fence_device = agent.as_ref().is_some_and(Agent::is_fencing);
    resource.unfences = resource.fence_device && resource.meta_text.get("provides").is_some_and(|it| it == "unfencing");
    resource.agent = agent;
    resource.parent = place.parent;
    resource
}

/// Puts a resource into the arena and under its name, and connects it with the node that it leads to.
pub(crate) fn push<'a>(facts: &mut Facts<'a>, resource: Resource<'a>) -> ResourceIx {
    let at = ResourceIx::new(facts.resources.len());
    facts.names.entry(resource.id.clone()).or_insert(Named::Resource(at));
    let connection = resource.agent.as_ref().is_some_and(meta::is_connection);
    let node = connection.then(|| facts.node_named(&resource.id)).flatten();
    facts.resources.push(resource);
    if let Some(node) = node.filter(|node| facts[*node].is_remote()) {
        connect(facts, at, node);
    }
    at
}

/// Says that `connection` leads to `node`. A remote node of its own may be unclean from the start, as a member may; a
/// guest is as clean as its host.
fn connect(facts: &mut Facts<'_>, connection: ResourceIx, node: NodeIx) {
    let container = facts[connection].container;
    facts.resources[connection.at()].connects = Some(node);
    let startup_fencing = facts.options.fencing_enabled && facts.options.startup_fencing;
    let node = &mut facts.nodes[node.at()];
    node.connection = Some(connection);
    match container {
        Some(container) => {
            node.kind = NodeKind::Guest { container };
            node.attributes.insert("#kind".into(), "container".into());
        }
        None => node.unclean |= node.unseen && startup_fencing,
    }
}

/// The template of a written resource.
pub(crate) fn template_of<'a>(facts: &Facts<'a>, written: &situation::Resource) -> Option<&'a situation::Resource> {
    facts.templates.get(written.template.as_deref()?).copied()
}

/// Sets of a template and of the resource completed by it, the stronger ones last.
pub(crate) fn both<'a>(
    template: Option<&'a situation::Resource>,
    written: &'a situation::Resource,
    part: impl Fn(&'a situation::Resource) -> &'a Vec<AttributeSet>,
) -> impl Iterator<Item = &'a AttributeSet> {
    template.map(&part).into_iter().flatten().chain(part(written))
}

/// Notes when a rule of the resource changes its answer.
fn note_rules(facts: &mut Facts<'_>, template: Option<&situation::Resource>, written: &situation::Resource) {
    let now_ms = facts.situation.now_ms;
    for owner in [template, Some(written)].into_iter().flatten() {
        let sets = owner.meta.iter().chain(&owner.params).chain(&owner.utilization);
        facts.recheck_at(sets::next_change_ms(sets, now_ms));
    }
}

/// Adds the names that stand for several resources: tags and templates.
fn name_lists(facts: &mut Facts<'_>) {
    let configuration = &facts.situation.configuration;
    let mut users: BTreeMap<&str, Vec<ResourceIx>> = BTreeMap::new();
    for resource in &facts.resources {
        let Some(written) = resource.written else { continue };
        if let (Some(template), Some(&Named::Resource(first))) = (&written.template, facts.names.get(&written.id)) {
            let list = users.entry(template).or_default();
            if !list.contains(&first) {
                list.push(first);
            }
        }
    }
    let mut lists: Vec<(String, Vec<ResourceIx>)> = Vec::new();
    for template in &configuration.templates {
        lists.push((template.id.clone(), users.get(template.id.as_str()).cloned().unwrap_or_default()));
    }
    for tag in &configuration.tags {
        let mut members = Vec::new();
        for member in &tag.members {
            match facts.names.get(member) {
                Some(Named::Resource(resource)) => members.push(*resource),
                _ => members.extend(users.get(member.as_str()).into_iter().flatten()),
            }
        }
        lists.push((tag.id.clone(), members));
    }
    for (name, members) in lists {
        facts.names.entry(name).or_insert(Named::Several(members));
    }
}

/// Settles what depends on whether there are devices at all.
fn settle_fencing(facts: &mut Facts<'_>) {
    let options = &mut facts.options;
    let watchdog = options.have_watchdog && options.watchdog_timeout_ms != 0;
    let device = facts.resources.iter().any(|resource| resource.fence_device);
    let listed = !facts.situation.configuration.fence_devices.is_empty();
    options.fencing_possible = options.fencing_enabled && (watchdog || device || listed);
    facts.unfencing = facts.resources.iter().any(|resource| resource.unfences);
    settle_requires(facts, 0);
}

/// Settles what resources from place `from` on need before they may start.
pub(crate) fn settle_requires(facts: &mut Facts<'_>, from: usize) {
    let unfencing = facts.unfencing;
    for resource in &mut facts.resources[from..] {
        resource.meta.requires =
            meta::requires(&resource.meta_text, resource.agent.as_ref(), &facts.options, unfencing);
    }
}

/// Adds a primitive that is not configured any more and has a history, with the defaults that hold for all. When it
/// is a connection, the node behind it is there until the connection is gone.
pub(crate) fn add_removed(
    facts: &mut Facts<'_>,
    id: String,
    agent: Agent,
    container: Option<ResourceIx>,
) -> ResourceIx {
    let mut resource = prepare(facts, id, Kind::Primitive, Some(agent), Place::default(), []);
    resource.removed = true;
    resource.container = container;
    let at = push(facts, resource);
    facts.tops.push(at);
    settle_requires(facts, at.at());
    at
}
