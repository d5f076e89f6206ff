//! Constraints as written. Everything that can be referred to by name is a name: a resource, a template or a tag.

use super::{Rule, RuleScore};
use crate::score::Score;
use serde::{Deserialize, Serialize};

/// All constraints, each kind in the order written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraints {
    /// Where.
    pub locations: Vec<Location>,
    /// Together, or apart.
    pub colocations: Vec<Colocation>,
    /// Before, or after.
    pub orders: Vec<Order>,
    /// Only with a ticket.
    pub tickets: Vec<TicketConstraint>,
}

impl Constraints {
    /// Every rule that decides whether, or where, a constraint counts.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        let locations = self.locations.iter().flat_map(|it| {
            let rules = match &it.preference {
                Preference::Rules(rules) => rules.as_slice(),
                Preference::Node(_) => &[],
            };
            rules.iter().map(|rule| &rule.rule).chain(&it.lifetime)
        });
        let colocations = self.colocations.iter().filter_map(|it| it.lifetime.as_ref());
        let orders = self.orders.iter().filter_map(|it| it.lifetime.as_ref());
        let tickets = self.tickets.iter().filter_map(|it| it.lifetime.as_ref());
        locations.chain(colocations).chain(orders).chain(tickets)
    }
}

/// Whom a location constraint is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// One resource, template or tag.
    Resource(String),
    /// Every resource whose name matches this POSIX extended regular expression, or does not when `negated`.
    Pattern {
        /// The expression.
        expression: String,
        /// Those that do not match.
        negated: bool,
    },
    /// The members of these sets.
    Sets(Vec<ResourceSet>),
}

/// Where a resource wants, or does not want, to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Its name in the configuration.
    pub id: String,
    /// Whom it is about.
    pub subject: Subject,
    /// Only for instances in this role (text as written).
    pub role: Option<String>,
    /// Where to look for instances.
    pub discovery: Discovery,
    /// What it wants.
    pub preference: Preference,
    /// It counts only while this holds.
    pub lifetime: Option<Rule>,
}

/// What a location constraint wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Preference {
    /// One node.
    Node(LocationScore),
    /// Every node for which a rule holds.
    Rules(Vec<LocationRule>),
}

/// A node and what it is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationScore {
    /// The node.
    pub node: String,
    /// How much.
    pub score: Score,
}

/// A rule and what a node is worth where it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocationRule {
    /// The conditions.
    pub rule: Rule,
    /// How much.
    pub score: RuleScore,
    /// Only for instances in this role (text as written).
    pub role: Option<String>,
}

/// Where the cluster looks for instances that it did not start (peer: `resource-discovery`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Discovery {
    /// On the node.
    #[default]
    Always,
    /// Not on the node.
    Never,
    /// On the node, and on no node without such a constraint.
    Exclusive,
}

/// Two resources, or sets, together or apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colocation {
    /// Its name in the configuration.
    pub id: String,
    /// How much; negative: apart.
    pub score: Score,
    /// The one that follows; empty when `sets` are used.
    pub dependent: String,
    /// Its role.
    pub dependent_role: Option<String>,
    /// The one that is followed; empty when `sets` are used.
    pub primary: String,
    /// Its role.
    pub primary_role: Option<String>,
    /// Together means: equal values of this node attribute (default: the node's name).
    pub node_attribute: Option<String>,
    /// Whether the dependent's wishes weigh where the primary goes (default: what the dependent's `critical` says).
    pub influence: Option<String>,
    /// Sets instead of two resources.
    pub sets: Vec<ResourceSet>,
    /// It counts only while this holds.
    pub lifetime: Option<Rule>,
}

/// One action, or set, before another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its name in the configuration.
    pub id: String,
    /// How strict.
    pub kind: OrderKind,
    /// Whether the reverse holds for the reverse actions (default: yes, except for [`OrderKind::Serialize`]).
    pub symmetrical: Option<bool>,
    /// Whether all instances of `first` are needed (default true).
    pub require_all: Option<bool>,
    /// First resource; empty when `sets` are used.
    pub first: String,
    /// Its action (default start).
    pub first_action: Option<String>,
    /// Then resource; empty when `sets` are used.
    pub then: String,
    /// Its action (default: the first one's).
    pub then_action: Option<String>,
    /// Sets instead of two resources.
    pub sets: Vec<ResourceSet>,
    /// It counts only while this holds.
    pub lifetime: Option<Rule>,
}

/// How strict an order is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderKind {
    /// The second needs the first.
    #[default]
    Mandatory,
    /// Only when both happen.
    Optional,
    /// Never at the same time.
    Serialize,
}

/// Resources that may run only while a ticket is granted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketConstraint {
    /// Its name in the configuration.
    pub id: String,
    /// The ticket.
    pub ticket: String,
    /// What happens when it is lost; `None`: the default for the role.
    pub loss_policy: Option<LossPolicy>,
    /// The resource; empty when `sets` are used.
    pub resource: String,
    /// Only this role needs it.
    pub role: Option<String>,
    /// Sets instead of one resource.
    pub sets: Vec<ResourceSet>,
    /// It counts only while this holds.
    pub lifetime: Option<Rule>,
}

/// What happens to resources whose ticket is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LossPolicy {
    /// They stop.
    Stop,
    /// They are demoted.
    Demote,
    /// Their nodes are fenced.
    Fence,
    /// They are left alone.
    Freeze,
}

impl LossPolicy {
    /// As it is written in a cluster file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            LossPolicy::Stop => "stop",
            LossPolicy::Demote => "demote",
            LossPolicy::Fence => "fence",
            LossPolicy::Freeze => "freeze",
        }
    }
}

/// Several resources in a constraint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceSet {
    /// Its name in the configuration.
    pub id: String,
    /// Resources, templates or tags, in order.
    pub members: Vec<String>,
    /// Whether members depend on each other in order (default true).
    pub sequential: Option<bool>,
    /// Whether all members are needed (default true).
    pub require_all: Option<bool>,
    /// The role of the members.
    pub role: Option<String>,
    /// The action of the members.
    pub action: Option<String>,
    /// Overrides the order's kind inside this set.
    pub kind: Option<OrderKind>,
    /// Overrides the colocation's score inside this set.
    pub score: Option<Score>,
    /// Colocations: each member follows the next one, not the previous one (peer: `ordering="listed"`, not written
    /// any more).
    pub listed: bool,
}
