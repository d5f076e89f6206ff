//! Everything the scheduler may look at: the configuration as it was written, and the status as it was reported.
//!
//! Nothing is interpreted here. Names are text, options are name/value sets that may carry rules, histories are what
//! agents answered. [`crate::facts`] turns this into something that can be reasoned about. Two things make a
//! [`Situation`]: the cluster's own CIB, and a Pacemaker CIB in XML (package `import`). Both are serializable, so that
//! a situation can be saved and replayed.

mod attribute;
mod constraint;
mod fencing;
mod history;
mod node;
mod resource;
mod rule;

pub use attribute::{AttributeSet, Value};
pub use constraint::{
    Colocation, Constraints, Discovery, Location, LocationRule, LocationScore, LossPolicy, Order, OrderKind,
    Preference, ResourceSet, Subject, TicketConstraint,
};
pub use fencing::{FencingLevel, FencingTarget};
pub use history::{OperationHistory, OperationStatus, ResourceHistory};
pub use node::{Node, NodeKind, NodeStatus, Ticket};
pub use resource::{
    Agent, Bundle, BundlePort, Container, Mount, NetworkOptions, Operation, Resource, ResourceKind, Tag,
};
pub use rule::{Combine, Comparison, Condition, DateParts, DateTest, Rule, RuleScore, ValueSource, ValueType};

use serde::{Deserialize, Serialize};

/// A cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Situation {
    /// Wall clock, milliseconds since 1970 (failure timeouts, date rules).
    pub now_ms: i64,
    /// Whether this partition may act.
    pub quorate: bool,
    /// Name or id of the node that coordinates, when known.
    pub dc: Option<String>,
    /// What operators wrote.
    pub configuration: Configuration,
    /// What nodes reported, one entry for each node that ever reported anything.
    pub status: Vec<NodeStatus>,
    /// Tickets as they stand.
    pub tickets: Vec<Ticket>,
}

/// What operators wrote.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// Fencing topology.
    pub fencing_levels: Vec<FencingLevel>,
}
