//! Probes: asking every node whether something runs there that the cluster does not know of.
//!
//! A primitive is probed once on every node whose answer is not recorded yet. Of an anonymous clone one instance is
//! probed on each node: the one that will run there, or the first. Nothing starts before the probes of it are answered,
//! and what depends on it waits as well, since a probe may find that it has to be stopped somewhere first.

use super::Plan;
use crate::constraint::{Constraints, Symmetry};
use crate::facts::Facts;
use crate::facts::resource::Kind;
use crate::graph::{Carrier, Graph, Point, Task, Terms};
use crate::index::{ActionIx, NodeIx, ResourceIx};
use crate::order::edge::Edges;
use crate::reason::Reason;
use crate::role::Role;
use crate::situation::{Discovery, OrderKind};
use crate::transition::shown;
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
        if !asked(plan, node) {
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
            let only_here = self.exclusive.get(&here).map(|nodes| nodes.contains(&node));
            if self.never.contains(&(here, node)) && only_here != Some(true) {
                return false;
            }
            if let Some(only_here) = only_here {
                exclusive = Some(exclusive.unwrap_or(false) || only_here);
            }
            at = facts[here].parent;
        }
        exclusive.unwrap_or(true)
    }
}

/// Whether agents on a node are asked at all.
fn asked(plan: &Plan<'_, '_>, node: NodeIx) -> bool {
    let here = &plan.facts[node];
    let outlook = plan.outlook(node);
    // A guest whose host goes with its configuration is looked at for what that means for others.
    let host_goes = here.container().is_some_and(|host| !stays_up(plan, host));
    let given_up = here.connection.is_some_and(|connection| plan.facts[connection].removed) && !host_goes;
    if given_up {
        return false;
    }
    (outlook.online || here.online) && !outlook.unclean && here.discovery
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
        Kind::Bundle(_) => {
            super::bundle::probe(plan, resource, node, &mut |plan, part, node| probe(plan, discoveries, part, node))
        }
    }
}

/// Probes a clone: every instance of a unique one, else the one that may be there.
fn probe_clone(plan: &mut Plan<'_, '_>, discoveries: &Discoveries, clone: ResourceIx, node: NodeIx) -> bool {
    let facts = plan.facts;
    let children = &facts[clone].children;
    if facts[clone].meta.clone_max < 1 {
        return false;
    }
    if facts[clone].meta.globally_unique {
        let mut any = false;
        for &child in children {
            any |= probe(plan, discoveries, child, node);
        }
        return any;
    }
    let known = || children.iter().find(|&&child| known(facts, child, node));
    let here = known().or_else(|| children.iter().find(|&&child| assigned(plan, child) == Some(node)));
    // One too many for the clone is only there because of its history; it is never asked about.
    let idle = |child: ResourceIx| assigned(plan, child).is_none() && facts[child].on.is_empty();
    let free = || children.iter().find(|&&child| idle(child) && !facts[child].removed);
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
    let inside = here.container.is_some() && here.connects.is_none();
    // Where only one node comes into question, what is said of the bundle's hosts does not matter.
    let may_look = here.only_on.is_some() || discoveries.allow(facts, resource, node);
    if here.removed || inside || here.known_on.contains(&node) || !may_look {
        return false;
    }
    if on.is_remote() && (here.fence_device || here.connects.is_some() || hosts_node(facts, resource)) {
        return false;
    }
    if on.bundle && here.only_on.as_ref().is_none_or(|nodes| !nodes.contains(&node)) {
        return false;
    }
    if here.only_on.as_ref().is_some_and(|nodes| !nodes.contains(&node)) {
        return false;
    }
    if let Some(host) = on.container().filter(|&host| !stays_up(plan, host)) {
        if facts[host].role.runs() {
            // Whatever runs there unasked is gone with it.
            let top = crate::constraint::name::below_bundle(facts, resource);
            plan.graph.relate(Point::Task(host, Task::Stop), Point::Task(top, Task::Start), Terms::ORDERED);
        }
        return false;
    }
    let probe = plan.act(resource, Task::Monitor, node, true);
    let runs = here.on.contains(&node);
    plan.graph[probe].target_rc = match facts[resource].role {
        Role::Promoted if runs => 8,
        _ if runs => 0,
        _ => 7,
    };
    plan.graph[probe].because.push(Reason::Unknown { resource: here.id.clone(), node: on.name.clone() });
    let top = facts.clone_of(resource).filter(|&top| facts[top].is_clone()).unwrap_or(resource);
    // Where somebody cannot be asked yet nothing is started, unless an instance runs already.
    let holds_up = facts.primitives(top).into_iter().all(|part| !facts[part].role.runs());
    let terms = if holds_up { Terms::ORDERED | Terms::THEN_WANTS_POSSIBLE } else { Terms::ORDERED };
    plan.graph.relate(Point::Action(probe), Point::Task(top, Task::Start), terms);
    plan.graph.relate(Point::Action(probe), Point::Task(resource, Task::Reload), Terms::ORDERED);
    true
}

/// Whether a guest's host runs and is left to run where it is. In a host that starts nothing can run yet.
fn stays_up(plan: &Plan<'_, '_>, host: ResourceIx) -> bool {
    let here = &plan.facts[host];
    let to = plan.assignment.node(host);
    here.role.runs() && here.recover.is_none() && to.is_some_and(|to| here.on.contains(&to))
}

/// Whether a guest or bundle node lives in a resource.
fn hosts_node(facts: &Facts<'_>, resource: ResourceIx) -> bool {
    facts[resource].contents.iter().any(|&inside| facts[inside].connects.is_some_and(|node| !facts[node].bundle))
}

/// What depends on something that is probed waits for the probes: its stop, when it is to be started again. A stop that
/// fencing implies waits for nothing else. (What waits for the stop of something waits for its probes as well; see
/// [`crate::order`].) These orders move nothing but the moment, so they are made when it is known what is done;
/// `starts` says of every resource whether it was to be started before anything was found impossible.
pub fn relate(facts: &Facts<'_>, constraints: &Constraints, graph: &Graph, starts: &[bool], edges: &mut Edges) {
    let done = |task: Task| {
        let all = (0..graph.actions.len()).map(ActionIx::new);
        all.filter(move |&at| {
            let key = graph[at].key;
            key.task == task && key.interval_ms == 0 && key.node.is_some() && shown(&graph[at])
        })
    };
    let mut stops: Vec<Vec<ActionIx>> = vec![Vec::new(); facts.resources.len()];
    for stop in done(Task::Stop).filter(|&stop| graph[stop].carrier == Carrier::Agent) {
        if let Some(resource) = graph[stop].key.resource {
            stops[resource.at()].push(stop);
        }
    }
    let mut probes = done(Task::Monitor).peekable();
    if probes.peek().is_none() || stops.iter().all(Vec::is_empty) {
        return;
    }
    let mut dependents = Dependents::new(facts, constraints, &stops);
    let mut waiting: BTreeMap<ResourceIx, Vec<Dependent>> = BTreeMap::new();
    for probe in probes {
        let Some(resource) = graph[probe].key.resource else { continue };
        for dependent in waiting.entry(resource).or_insert_with(|| dependents.of(facts, resource)).iter() {
            if !(dependent.member || starts[dependent.resource.at()])
                || facts[resource].container == Some(dependent.resource)
            {
                continue;
            }
            for &stop in &stops[dependent.resource.at()] {
                if !dependent.same_node || graph[stop].key.node == graph[probe].key.node {
                    edges.add(probe, stop, Terms::ORDERED);
                }
            }
        }
    }
}

/// Of every resource, whether a start of it has been thought of.
#[must_use]
pub fn starts(facts: &Facts<'_>, graph: &Graph) -> Vec<bool> {
    facts.all_resources().map(|resource| graph.tasks(resource, Task::Start).next().is_some()).collect()
}

/// Something that starts after something else.
#[derive(Clone, Copy)]
struct Dependent {
    resource: ResourceIx,
    /// Only its instance on the same node does.
    same_node: bool,
    /// Its stop waits also when it is not started again: a later member of the same group.
    member: bool,
}

/// What starts after what, as far as it must, and what of it leads to something that is stopped.
struct Dependents {
    /// By what starts first.
    then: Vec<Vec<Dependent>>,
    /// It is stopped.
    stopped: Vec<bool>,
    /// It is stopped, or something that starts after it is.
    leads: Vec<bool>,
    /// Who was found by which search.
    seen: Vec<u32>,
    search: u32,
}

impl Dependents {
    fn new(facts: &Facts<'_>, constraints: &Constraints, stops: &[Vec<ActionIx>]) -> Dependents {
        let then = after(facts, constraints);
        let stopped: Vec<bool> = stops.iter().map(|stops| !stops.is_empty()).collect();
        let leads = leading(facts, &then, &stopped);
        Dependents { then, stopped, leads, seen: vec![0; facts.resources.len()], search: 0 }
    }

    /// The primitives that are stopped and must start after `resource` does, directly or by way of others.
    fn of(&mut self, facts: &Facts<'_>, resource: ResourceIx) -> Vec<Dependent> {
        let mut found = Vec::new();
        if !self.leads[resource.at()] {
            return found;
        }
        self.search += 1;
        self.seen[resource.at()] = self.search;
        let mut open = vec![(resource, false)];
        while let Some((from, same_node)) = open.pop() {
            let mut at = Some(from);
            while let Some(here) = at {
                for then in &self.then[here.at()] {
                    facts.each_primitive(then.resource, &mut |resource| {
                        let new = std::mem::replace(&mut self.seen[resource.at()], self.search) != self.search;
                        if new && self.leads[resource.at()] {
                            let same_node = same_node || then.same_node;
                            if self.stopped[resource.at()] {
                                found.push(Dependent { resource, same_node, ..*then });
                            }
                            open.push((resource, same_node));
                        }
                    });
                }
                at = facts[here].parent;
            }
        }
        found
    }
}

/// What starts after what, by what starts first.
fn after(facts: &Facts<'_>, constraints: &Constraints) -> Vec<Vec<Dependent>> {
    let mut then: Vec<Vec<Dependent>> = vec![Vec::new(); facts.resources.len()];
    for order in &constraints.orders {
        if order.kind == OrderKind::Mandatory
            && order.symmetry != Symmetry::Inverse
            && order.enough.is_none()
            && order.first_task == Task::Start
            && !facts[order.first].is_bundle()
            && order.then_task == Task::Start
        {
            let interleaved = facts[order.first].is_collective()
                && facts[order.then].is_collective()
                && facts[order.then].meta.interleave;
            then[order.first.at()].push(Dependent { resource: order.then, same_node: interleaved, member: false });
        }
    }
    for group in facts.all_resources().filter(|&resource| facts[resource].is_group() && facts[resource].meta.ordered) {
        for neighbours in facts[group].children.windows(2) {
            let dependent = Dependent { resource: neighbours[1], same_node: false, member: true };
            then[neighbours[0].at()].push(dependent);
        }
    }
    for resource in facts.all_resources() {
        if let Some(host) = facts[resource].container {
            then[host.at()].push(Dependent { resource, same_node: false, member: false });
        }
    }
    then
}

/// Which primitives are stopped, or lead to something that is: found backwards from what is stopped, so that nothing
/// else is walked through from every probe again.
fn leading(facts: &Facts<'_>, then: &[Vec<Dependent>], stopped: &[bool]) -> Vec<bool> {
    let mut first: Vec<Vec<ResourceIx>> = vec![Vec::new(); then.len()];
    for resource in facts.all_resources() {
        then[resource.at()].iter().for_each(|then| first[then.resource.at()].push(resource));
    }
    let mut leads = stopped.to_vec();
    let mut gone_into = vec![false; then.len()];
    let mut open: Vec<ResourceIx> = facts.all_resources().filter(|&resource| stopped[resource.at()]).collect();
    while let Some(from) = open.pop() {
        let mut at = Some(from);
        while let Some(here) = at.filter(|here| !gone_into[here.at()]) {
            gone_into[here.at()] = true;
            for &before in &first[here.at()] {
                facts.each_primitive(before, &mut |resource| {
                    if !std::mem::replace(&mut leads[resource.at()], true) {
                        open.push(resource);
                    }
                });
            }
            at = facts[here].parent;
        }
    }
    leads
}
