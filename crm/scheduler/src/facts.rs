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
pub mod failure;
pub mod meta;
pub mod node;
pub mod operation;
pub mod options;
pub mod resource;
pub mod ticket;

use crate::index::{NodeIx, ResourceIx};
use crate::situation::Situation;
use failure::Failures;
use node::Node;
use options::ClusterOptions;
use resource::Resource;
use std::collections::BTreeMap;
use std::ops::Index;
use ticket::TicketFacts;

/// The facts.
#[derive(Debug)]
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
        self[resource].children.iter().flat_map(|&child| self.primitives(child)).collect()
    }
}

/// Interprets a situation.
#[must_use]
pub fn read(situation: &Situation) -> Facts<'_> {
    let _ = situation;
    unreachable!("being written")
}
