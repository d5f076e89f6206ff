//! Constraints between resources of the tree: names resolved, sets taken apart, groups and bundles' own rules added.

pub mod colocation;
pub mod location;
pub mod name;
pub mod order;
pub mod ticket;

use crate::graph::Task;
use crate::index::{NodeIx, ResourceIx};
use crate::role::Role;
use crate::rule::{self, RuleContext};
use crate::situation::{Discovery, LossPolicy, OrderKind, Rule};
use config::Score;

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Constraints {
    /// Where.
    pub locations: Vec<Location>,
    /// Together, or apart.
    pub colocations: Vec<Colocation>,
    /// By dependent: places in `colocations`, by [`ResourceIx`].
    pub colocations_of_dependent: Vec<Vec<u32>>,
    /// By primary.
    pub colocations_of_primary: Vec<Vec<u32>>,
    /// Before, or after.
    pub orders: Vec<Order>,
    /// Before, or after, where some of a set are enough.
    pub gatherings: Vec<Gathering>,
    /// Only with a ticket.
    pub tickets: Vec<TicketRule>,
}

/// What one location constraint says of one resource.
#[derive(Clone, Debug)]
pub struct Location {
    /// Name in the configuration.
    pub id: String,
    /// Whom it is about.
    pub resource: ResourceIx,
    /// Only in this role.
    pub role: Option<Role>,
    /// What the nodes are worth.
    pub nodes: Vec<(NodeIx, Score)>,
    /// Where to look for instances.
    pub discovery: Discovery,
}

/// A colocation of two resources of the tree (whole clones and groups as they are; their parts are looked at later).
#[derive(Clone, Debug)]
pub struct Colocation {
    /// Name in the configuration, or of the group or container it follows from.
    pub id: String,
    /// Negative: apart.
    pub score: Score,
    /// The one that follows.
    pub dependent: ResourceIx,
    /// Only in this role.
    pub dependent_role: Option<Role>,
    /// The one that is followed.
    pub primary: ResourceIx,
    /// Only in this role.
    pub primary_role: Option<Role>,
    /// Together means equal values of this node attribute; `None`: the same node.
    pub node_attribute: Option<String>,
    /// Whether the dependent's wishes weigh where the primary goes.
    pub influence: bool,
    /// Not written by an operator: a group's, a bundle's, a connection's.
    pub implied: bool,
}

/// An order of the actions of two resources of the tree (whole clones and groups as they are).
#[derive(Clone, Debug)]
pub struct Order {
    /// Name in the configuration.
    pub id: String,
    /// How strict.
    pub kind: OrderKind,
    /// This order is the reverse of a symmetrical one, its written form, or has no reverse.
    pub symmetry: Symmetry,
    /// The first.
    pub first: ResourceIx,
    /// Its action.
    pub first_task: Task,
    /// The second.
    pub then: ResourceIx,
    /// Its action.
    pub then_task: Task,
    /// At least this many instances of `first` are needed (`clone-min`, `require-all = false`); `None`: the clone as a
    /// whole.
    pub enough: Option<u32>,
}

/// An order in which a set stands first of which some members are enough.
#[derive(Clone, Debug)]
pub struct Gathering {
    /// Name of the set in the configuration.
    pub id: String,
    /// How strict.
    pub kind: OrderKind,
    /// Whether the second part depends on the first in both directions of time; see [`Symmetry`].
    pub symmetry: Symmetry,
    /// The members.
    pub firsts: Vec<ResourceIx>,
    /// Their action.
    pub first_task: Task,
    /// What comes after them.
    pub thens: Vec<ResourceIx>,
    /// Which of those are undone last, when everything is undone in reverse: all, or the first of a sequence.
    pub undone_last: Vec<ResourceIx>,
    /// Their action.
    pub then_task: Task,
    /// How many members are enough.
    pub enough: u32,
}

/// Whether an order has a reverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symmetry {
    /// It stands alone.
    Asymmetric,
    /// It has a reverse.
    Symmetric,
    /// It is the reverse.
    Inverse,
}

/// A resource that needs a ticket.
#[derive(Clone, Debug)]
pub struct TicketRule {
    /// Name in the configuration.
    pub id: String,
    /// The ticket.
    pub ticket: String,
    /// The resource.
    pub resource: ResourceIx,
    /// Only this role needs it.
    pub role: Option<Role>,
    /// What happens when it is lost.
    pub loss_policy: LossPolicy,
}

/// Resolves the constraints of the configuration and adds those that the tree implies.
#[must_use]
pub fn resolve(facts: &crate::facts::Facts<'_>) -> Constraints {
    let mut constraints = Constraints::default();
    location::resolve(facts, &mut constraints);
    colocation::resolve(facts, &mut constraints);
    ticket::resolve(facts, &mut constraints);
    order::resolve(facts, &mut constraints);
    constraints
}

/// Whether a constraint with this lifetime counts now.
fn in_force(facts: &crate::facts::Facts<'_>, lifetime: Option<&Rule>) -> bool {
    let context = RuleContext { now_ms: facts.situation.now_ms, ..RuleContext::default() };
    lifetime.is_none_or(|lifetime| rule::holds(lifetime, &context))
}
