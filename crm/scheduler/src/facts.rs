//! The situation, interpreted: which nodes can be used, which instances exist, what each does where, what failed.
//!
//! ```text
//! situation -> options -> nodes -> tree (templates, tags, groups, clones, bundles to instances) -> history -> Facts
//! ```
//!
//! Facts do not change once read. What is wanted is computed from them by [`crate::assign`], what must be done by
//! [`crate::actions`].

pub mod bundle;
pub mod clone;
pub mod digest;
pub mod doubt;
pub mod failure;
mod guest;
pub mod history;
mod membership;
pub mod meta;
pub mod node;
mod nodes;
pub mod operation;
pub mod options;
pub mod resource;
pub(crate) mod sets;
pub mod ticket;
pub(crate) mod tree;

use crate::index::{NodeIx, ResourceIx};
use crate::rule::next_change_ms;
use crate::situation::{self, Situation};
use failure::Failures;
use node::Node;
use options::ClusterOptions;
use resource::Resource;
use std::collections::BTreeMap;
use std::ops::Index;
use ticket::TicketFacts;

/// The facts.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// What they were read from.
    pub situation: &'a Situation,
    /// Cluster options, with defaults.
    pub options: ClusterOptions,
    /// Every node: members and configured remote nodes in the order written, then guest and bundle nodes.
    pub nodes: Vec<Node>,
    /// Every resource and instance; a parent stands before its children. Removed resources that still have a history
    /// (orphans) come last.
    pub resources: Vec<Resource<'a>>,
    /// Resources without a parent, in the order written.
    pub tops: Vec<ResourceIx>,
    /// Resources and tags by the name that constraints use. A clone's child and a group's members are listed too; a
    /// tag or template stands for several.
    pub names: BTreeMap<String, Named>,
    /// Tickets by name.
    pub tickets: BTreeMap<String, TicketFacts>,
    /// Failure counts.
    pub failures: Failures,
    /// The coordinator, when it is known and online.
    pub dc: Option<NodeIx>,
    /// What was wrong with the situation and how it was read instead, one sentence each.
    pub warnings: Vec<String>,
    /// The next moment, milliseconds since 1970, at which a fact changes although nothing happens (a failure is
    /// forgotten, a date rule changes its answer).
    pub recheck_ms: Option<i64>,
    /// Nodes by name.
    node_names: BTreeMap<String, NodeIx>,
    /// Templates by name.
    templates: BTreeMap<&'a str, &'a situation::Resource>,
    /// How many nodes there are while the tree is built; nodes inside bundles count from their bundle on.
    nodes_counted: usize,
    /// A device turns nodes on before they may run anything.
    unfencing: bool,
}

/// What a name in a constraint stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A resource. For an anonymous clone's child this is the clone's first instance; see [`Facts::written`].
    Resource(ResourceIx),
    /// A tag or a template: several resources.
    Several(Vec<ResourceIx>),
}

impl<'a> Index<ResourceIx> for Facts<'a> {
    type Output = Resource<'a>;
    fn index(&self, resource: ResourceIx) -> &Resource<'a> {
        &self.resources[resource.at()]
    }
}

impl Index<NodeIx> for Facts<'_> {
    type Output = Node;
    fn index(&self, node: NodeIx) -> &Node {
        &self.nodes[node.at()]
    }
}

impl Facts<'_> {
    /// Every node.
    pub fn all_nodes(&self) -> impl Iterator<Item = NodeIx> + use<> {
        (0..self.nodes.len()).map(NodeIx::new)
    }

    /// Every resource, parents before children.
    pub fn all_resources(&self) -> impl Iterator<Item = ResourceIx> + use<> {
        (0..self.resources.len()).map(ResourceIx::new)
    }

    /// The node of this name.
    #[must_use]
    pub fn node_named(&self, name: &str) -> Option<NodeIx> {
        self.node_names.get(name).copied()
    }

    /// The resource of this name or name of an instance; the first instance for what has several.
    #[must_use]
    pub fn resource_named(&self, name: &str) -> Option<ResourceIx> {
        match self.names.get(name) {
            Some(Named::Resource(resource)) => Some(*resource),
            Some(Named::Several(_)) | None => None,
        }
    }

    /// Notes that facts change at this moment.
    pub(crate) fn recheck_at(&mut self, moment_ms: Option<i64>) {
        self.recheck_ms = [self.recheck_ms, moment_ms].into_iter().flatten().min();
    }

    /// The outermost resource that `resource` is part of: itself, its group's clone, its bundle, ...
    #[must_use]
    pub fn top(&self, resource: ResourceIx) -> ResourceIx {
        let mut top = resource;
        while let Some(parent) = self[top].parent {
            top = parent;
        }
        top
    }

    /// The clone or bundle that `resource` is an instance of or inside of, the outermost one.
    #[must_use]
    pub fn clone_of(&self, resource: ResourceIx) -> Option<ResourceIx> {
        let mut found = None;
        let mut at = Some(resource);
        while let Some(here) = at {
            if here != resource && self[here].is_collective() {
                found = Some(here);
            }
            at = self[here].parent;
        }
        found
    }

    /// The primitives of `resource`, in order: itself, or those of its children.
    #[must_use]
    pub fn primitives(&self, resource: ResourceIx) -> Vec<ResourceIx> {
        if self[resource].is_primitive() {
            return vec![resource];
        }
        let mut found = Vec::new();
        self.each_primitive(resource, &mut |primitive| found.push(primitive));
        found
    }

    /// Visits the primitives of `resource`, in order.
    pub fn each_primitive(&self, resource: ResourceIx, visit: &mut impl FnMut(ResourceIx)) {
        if self[resource].is_primitive() {
            visit(resource);
        } else {
            self[resource].children.iter().for_each(|&child| self.each_primitive(child, visit));
        }
    }
}

/// Interprets a situation.
#[must_use]
pub fn read(situation: &Situation) -> Facts<'_> {
    let mut warnings = Vec::new();
    let options = ClusterOptions::read(situation, &mut warnings);
    let (connected, inside_bundles) = guest::connected_nodes(situation);
    let nodes = nodes::read(situation, &options, &connected, &inside_bundles, &mut warnings);
    let mut facts = Facts {
        situation,
        options,
        nodes_counted: nodes.outside_bundles,
        unfencing: false,
        nodes: nodes.nodes,
        resources: Vec::new(),
        tops: Vec::new(),
        names: BTreeMap::new(),
        tickets: ticket::read(situation),
        failures: Failures::default(),
        dc: None,
        warnings,
        recheck_ms: None,
        node_names: nodes.by_name,
        templates: situation.configuration.templates.iter().map(|it| (it.id.as_str(), it)).collect(),
    };
    facts.dc = facts.all_nodes().find(|&node| facts[node].online && facts[node].is_dc());
    let configuration = &situation.configuration;
    let shared = configuration.properties.iter().chain(&configuration.resource_defaults);
    let shared = shared.chain(&configuration.operation_defaults);
    facts.recheck_at(sets::next_change_ms(shared, situation.now_ms));
    let of_constraints = configuration.constraints.rules().filter_map(|rule| next_change_ms(rule, situation.now_ms));
    facts.recheck_at(of_constraints.min());
    tree::build(&mut facts);
    history::apply(&mut facts);
    facts
}
