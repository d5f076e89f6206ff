//! The configuration as it was written, with everything that a cluster can be told about its resources: names are text,
//! options are name/value sets that may carry rules, nothing is resolved or interpreted.
//!
//! This is what the scheduler reads. It is made from a cluster file, and from a Pacemaker CIB by the importer; both can
//! say the same things. What a running daemon needs besides is in [`crate::Config`], typed and checked.

mod attribute;
mod constraint;
mod expression;
mod fencing;
mod node;
mod origin;
mod resource;
mod rule;

pub use attribute::{AttributeSet, Value};
pub use constraint::{
    Colocation, Constraints, Discovery, Location, LocationRule, LocationScore, LossPolicy, Order, OrderKind,
    Preference, ResourceSet, Subject, TicketConstraint,
};
pub use expression::ExpressionError;
pub use fencing::{FencingLevel, FencingTarget};
pub use node::{Node, NodeKind};
pub use origin::Origin;
pub use resource::{
    Agent, Bundle, BundlePort, Container, Mount, NetworkOptions, Operation, Resource, ResourceKind, Tag,
};
pub use rule::{Combine, Comparison, Condition, DateParts, DateTest, Rule, RuleScore, ValueSource, ValueType};

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Replicas of a bundle whose nodes can be named.
const MAX_REPLICAS: usize = 10_000;

/// What operators wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// Version of the feature set that wrote the status (peer: `crm_feature_set`); decides what digests cover.
    pub feature_set: String,
    /// Cluster options; a set named `cib-bootstrap-options` wins over others (the reader puts it first).
    pub properties: Vec<AttributeSet>,
    /// Defaults of meta attributes.
    pub resource_defaults: Vec<AttributeSet>,
    /// Defaults of operation options.
    pub operation_defaults: Vec<AttributeSet>,
    /// Cluster nodes and remote nodes, in the order written.
    pub nodes: Vec<Node>,
    /// Resources, in the order written.
    pub resources: Vec<Resource>,
    /// What resources may name as their template.
    pub templates: Vec<Resource>,
    /// Names for lists of resources, usable in constraints.
    pub tags: Vec<Tag>,
    /// Constraints.
    pub constraints: Constraints,
    /// Fence devices that are not resources: any node can use them.
    #[serde(default)]
    pub fence_devices: Vec<String>,
    /// Fencing topology.
    pub fencing_levels: Vec<FencingLevel>,
}

impl Configuration {
    /// Every name that a constraint may use: of resources of all kinds and what they contain, templates, tags.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let resources = self.resources.iter().flat_map(Resource::with_contents).map(|resource| resource.id.as_str());
        let templates = self.templates.iter().map(|template| template.id.as_str());
        resources.chain(templates).chain(self.tags.iter().map(|tag| tag.id.as_str()))
    }
}

impl Configuration {
    /// Every node that a constraint may name: those written, and remote, guest and bundle nodes that come with a
    /// resource.
    #[must_use]
    pub fn node_names(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        for resource in self.resources.iter().flat_map(Resource::with_contents) {
            names.extend(resource.node_names());
        }
        names
    }
}

impl Resource {
    /// Nodes that come with the resource itself.
    fn node_names(&self) -> Vec<String> {
        match &self.kind {
            ResourceKind::Primitive(Some(agent)) if agent.class == "ocf" && agent.name == "remote" => {
                vec![self.id.clone()]
            }
            ResourceKind::Bundle(bundle) => {
                let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<usize>().ok());
                let container = &bundle.container;
                let replicas = number(&container.replicas).or(number(&container.promoted_max)).unwrap_or(1);
                (0..replicas.min(MAX_REPLICAS)).map(|index| format!("{}-{index}", self.id)).collect()
            }
            _ => {
                let values = self.meta.iter().flat_map(|set| &set.values);
                values.filter(|value| value.name == "remote-node").filter_map(|value| value.value.clone()).collect()
            }
        }
    }

    /// The resource and all that it contains.
    #[must_use]
    pub fn with_contents(&self) -> Vec<&Resource> {
        let mut all = vec![self];
        match &self.kind {
            ResourceKind::Primitive(_) => {}
            ResourceKind::Group(members) => all.extend(members.iter().flat_map(Resource::with_contents)),
            ResourceKind::Clone(child) => all.extend(child.with_contents()),
            ResourceKind::Bundle(bundle) => all.extend(bundle.primitive.iter().flat_map(Resource::with_contents)),
        }
        all
    }
}
