//! Probes: asking every node whether something runs there that the cluster does not know of.
//!
//! A primitive is probed once on every node whose answer is not recorded yet. Of an anonymous clone one instance is
//! probed on each node: the one that will run there, or the first. Nothing starts before the probes of it are answered,
//! and what depends on it waits as well, since a probe may find that it has to be stopped somewhere first.

use super::Plan;
use crate::facts::Facts;
use crate::facts::resource::Kind;
use crate::graph::{Graph, Key, Point, Task, Terms};
use crate::index::{ActionIx, NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::role::Role;
use crate::situation::Discovery;
use std::collections::{BTreeMap, BTreeSet};

/// Where a location constraint lets the cluster look for a resource.
struct Discoveries {
    never: BTreeSet<(ResourceIx, NodeIx)>,
    exclusive: BTreeMap<ResourceIx, BTreeSet<NodeIx>>,
}

/// Asks for all probes.
pub fn plan(plan: &mut Plan<'_, '_>) {
    if !plan.facts.options.startup_probes {
        return;
    }
    let discoveries = discoveries(plan);
    for node in plan.facts.all_nodes() {
        if !asked(plan.facts, node) {
            continue;
        }
        for &top in &plan.facts.tops {
            probe(plan, &discoveries, top, node);
        }
    }
}

/// What location constraints say about looking for resources.
fn discoveries(plan: &Plan<'_, '_>) -> Discoveries {
    let mut found = Discoveries { never: BTreeSet::new(), exclusive: BTreeMap::new() };
    for location in &plan.constraints.locations {
        let nodes = location.nodes.iter().map(|&(node, _)| node);
        match location.discovery {
            Discovery::Always => {}
            Discovery::Never => found.never.extend(nodes.map(|node| (location.resource, node))),
            Discovery::Exclusive => found.exclusive.entry(location.resource).or_default().extend(nodes),
        }
    }
    found
}

impl Discoveries {
    /// Whether the cluster may look for a resource on a node. What is said of a group or clone holds for its parts.
    fn allow(&self, facts: &Facts<'_>, resource: ResourceIx, node: NodeIx) -> bool {
        let mut exclusive = None;
        let mut at = Some(resource);
        while let Some(here) = at {
            if self.never.contains(&(here, node)) {
                return false;
            }
            if let Some(nodes) = self.exclusive.get(&here) {
                exclusive = Some(exclusive.unwrap_or(false) || nodes.contains(&node));
            }
            at = facts[here].parent;
        }
        exclusive.unwrap_or(true)
    }
}

/// Whether agents on a node are asked at all.
fn asked(facts: &Facts<'_>, node: NodeIx) -> bool {
    let here = &facts[node];
    let reached = here.online || here.is_guest();
    reached && !here.unclean && !here.pending && here.discovery
}

/// Probes a resource of any kind on a node. Whether a probe was made.
fn probe(plan: &mut Plan<'_, '_>, discoveries: &Discoveries, resource: ResourceIx, node: NodeIx) -> bool {
    let facts = plan.facts;
    match &facts[resource].kind {
        Kind::Primitive => probe_primitive(plan, discoveries, resource, node),
        Kind::Group => {
            let mut any = false;
            for &member in &facts[resource].children {
                any |= probe(plan, discoveries, member, node);
            }
            any
        }
        Kind::Clone => probe_clone(plan, discoveries, resource, node),
        Kind::Bundle(_) => super::bundle::probe(plan, resource, node, &mut |plan, part, node| {
            probe(plan, discoveries, part, node)
        }),
    }
}

/// Probes a clone: every instance of a unique one, else the one that may be there.
fn probe_clone(plan: &mut Plan<'_, '_>, discoveries: &Discoveries, clone: ResourceIx, node: NodeIx) -> bool {
    let facts = plan.facts;
    let children = &facts[clone].children;
    if facts[clone].meta.globally_unique {
        let mut any = false;
        for &child in children {
            any |= probe(plan, discoveries, child, node);
        }
        return any;
    }
    if children.iter().any(|&child| known(facts, child, node)) {
        return false;
    }
    let here = children.iter().find(|&&child| assigned(plan, child) == Some(node));
    let free = || children.iter().find(|&&child| assigned(plan, child).is_none() && facts[child].on.is_empty());
    match here.or_else(free).or(children.first()) {
        Some(&child) => probe(plan, discoveries, child, node),
        None => false,
    }
}

/// Where an instance of a clone should be: of a cloned group, where its first member with a node should be.
fn assigned(plan: &Plan<'_, '_>, instance: ResourceIx) -> Option<NodeIx> {
    if plan.facts[instance].is_primitive() {
        return plan.assignment.node(instance);
    }
    plan.facts[instance].children.iter().find_map(|&member| assigned(plan, member))
}

/// Whether a node's answer is recorded for a primitive, or for a member of a group.
fn known(facts: &Facts<'_>, resource: ResourceIx, node: NodeIx) -> bool {
    let here = &facts[resource];
    if here.is_primitive() {
        return here.known_on.contains(&node);
    }
    here.children.iter().any(|&child| known(facts, child, node))
}

/// Probes a primitive on a node, when that can be done and its answer is not recorded.
fn probe_primitive(plan: &mut Plan<'_, '_>, discoveries: &Discoveries, resource: ResourceIx, node: NodeIx) -> bool {
    let facts = plan.facts;
    let here = &facts[resource];
    let on = &facts[node];
    if here.removed || here.known_on.contains(&node) || !discoveries.allow(facts, resource, node) {
        return false;
    }
    if on.is_remote() && (here.fence_device || here.connects.is_some() || hosts_node(facts, resource)) {
        return false;
    }
    if here.only_on.as_ref().is_some_and(|nodes| !nodes.contains(&node)) {
        return false;
    }
    let probe = plan.act(resource, Task::Monitor, node, true);
    let runs = here.on.contains(&node);
    plan.graph[probe].target_rc = match here.role {
        Role::Promoted if runs => 8,
        _ if runs => 0,
        _ => 7,
    };
    plan.graph[probe].because.push(Reason::Said(format!("what {} does on {} is not known", here.id, on.name)));
    let top = facts.clone_of(resource).filter(|&top| facts[top].is_clone()).unwrap_or(resource);
    let terms = Terms::ORDERED;
    plan.graph.relate(Point::Action(probe), Point::Task(top, Task::Start), terms);
    plan.graph.relate(Point::Action(probe), Point::Task(resource, Task::Reload), Terms::ORDERED);
    true
}

/// Whether a guest or bundle node lives in a resource.
fn hosts_node(facts: &Facts<'_>, resource: ResourceIx) -> bool {
    facts[resource].contents.iter().any(|&inside| facts[inside].connects.is_some())
}

/// Relations of probes with what comes after other actions of what is probed.
pub fn relate(facts: &Facts<'_>, graph: &mut Graph) {
    let probes = by_resource(graph);
    if probes.is_empty() {
        return;
    }
    instead_of_stops(facts, graph, &probes);
    before_dependents(facts, graph, &probes);
}

/// The needed probes of each resource.
fn by_resource(graph: &Graph) -> BTreeMap<ResourceIx, Vec<ActionIx>> {
    let mut found: BTreeMap<ResourceIx, Vec<ActionIx>> = BTreeMap::new();
    for (at, action) in graph.actions.iter().enumerate() {
        if action.key.task == Task::Monitor
            && action.key.interval_ms == 0
            && let Some(resource) = action.key.resource
        {
            found.entry(resource).or_default().push(ActionIx::new(at));
        }
    }
    found
}

/// Where something waits for the stop of a resource, it waits for the resource's probes too: they may find an instance
/// that is stopped then.
fn instead_of_stops(facts: &Facts<'_>, graph: &mut Graph, probes: &BTreeMap<ResourceIx, Vec<ActionIx>>) {
    let mut added = Vec::new();
    for relation in &graph.relations {
        let Point::Task(first, Task::Stop) = relation.first else { continue };
        let Some(probes) = probes.get(&first) else { continue };
        let then_resource = match relation.then {
            Point::Task(resource, _) => Some(resource),
            Point::Action(action) => graph[action].key.resource,
        };
        if then_resource == Some(first) || relation.terms == Terms::NONE {
            continue;
        }
        if then_resource.is_some_and(|then| facts[first].container == Some(then)) {
            continue;
        }
        added.extend(probes.iter().map(|&probe| (probe, relation.then, relation.node)));
    }
    for (probe, then, node) in added {
        graph.relate(Point::Action(probe), then, Terms::ORDERED);
        if let Some(relation) = graph.relations.last_mut() {
            relation.node = node;
        }
    }
}

/// What starts after a start of something that is probed waits for the probes, and when it is a restart, its stop does.
fn before_dependents(facts: &Facts<'_>, graph: &mut Graph, probes: &BTreeMap<ResourceIx, Vec<ActionIx>>) {
    let _ = (facts, graph, probes, Key::on);
}
