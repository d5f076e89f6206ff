//! Which instance goes to which node, in which role.
//!
//! ```text
//! opening (lists, locations, health, stickiness, failures, tickets)
//!   -> each resource in sequence: what it follows first, then wishes of what follows it, then the best node
//!   -> instances, replicas, promotion
//! ```

mod bundle;
mod clone;
mod colocation;
mod draft;
mod group;
mod influence;
mod instance;
mod instance_order;
pub mod ledger;
mod opening;
mod primitive;
mod promotion;
mod ranking;
mod report;
pub mod score;
mod sequence;
#[cfg(test)]
mod tests;
mod ticket;
mod utilization;

use crate::constraint::Constraints;
use crate::facts::Facts;
use crate::facts::node::Node;
use crate::index::{NodeIx, ResourceIx};
use crate::reason::{Reason, Trouble};
use crate::role::Role;
use config::Score;
use ledger::Entry;

/// The wish: where every primitive and instance should be. By place in [`crate::facts::Facts::resources`].
#[derive(Clone, Debug, Default)]
pub struct Assignment {
    /// Where a primitive should be; `None`: nowhere. Of groups and clones: `None`.
    pub node: Vec<Option<NodeIx>>,
    /// Its role there, after the promotion of a promotable clone is decided.
    pub role: Vec<Role>,
    /// What it does now, as facts say, with `Started` read as `Unpromoted` for instances of promotable clones.
    pub role_now: Vec<Role>,
    /// Whether it may be touched: facts, and tickets that freeze, and fencing that is wanted but has no device.
    pub managed: Vec<bool>,
    /// Its priority for promotion; `None`: not an instance of a promotable clone.
    pub promotion: Vec<Option<Score>>,
    /// The final scores of every resource on every node that has one, sorted by node (explain, conformance).
    pub scores: Vec<Vec<(NodeIx, Score)>>,
    /// Why each has the node it has, or none.
    pub because: Vec<Vec<Reason>>,
    /// May not be started or stopped at all now (a lost ticket with freeze, ...), and why.
    pub frozen: Vec<Option<Reason>>,
    /// How each node will stand: whether the connection of a remote or guest node will be up.
    pub outlook: Vec<Outlook>,
    /// Nodes that must be fenced because of what was decided here (a lost ticket), and why.
    pub fence: Vec<(NodeIx, Reason)>,
    /// Who spoke for or against which node, for the resources that somebody asked about.
    pub ledger: Vec<Entry>,
    /// Scores at each moment at which a primitive's node was chosen: instances may be tried more than once.
    pub steps: Vec<ScoreStep>,
}

/// How a node will stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// It will be online.
    pub online: bool,
    /// It leaves.
    pub shutdown: bool,
    /// What it runs is not known.
    pub unclean: bool,
}

impl Outlook {
    /// Why nothing can be placed on a node that will stand so.
    #[must_use]
    pub fn trouble(self, node: &Node) -> Option<Trouble> {
        let trouble = [
            (self.unclean, Trouble::Unclean),
            (!self.online && node.is_remote(), Trouble::NotConnected),
            (!self.online, Trouble::Offline),
            (self.shutdown, Trouble::Leaving),
            (node.standby && !node.standby_on_fail, Trouble::Standby),
            (node.standby_on_fail, Trouble::StandbyForFailure),
            (node.maintenance, Trouble::Maintenance),
            (node.pending, Trouble::Joining),
        ];
        trouble.into_iter().find_map(|(is, trouble)| is.then_some(trouble))
    }
}

/// One score at the moment of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoreStep {
    /// A promotion score, not one of placement.
    pub promotion: bool,
    /// The primitive, or the instance.
    pub resource: ResourceIx,
    /// The node; `None` for the promotion score of an instance that runs nowhere.
    pub node: Option<NodeIx>,
    /// How much.
    pub score: Score,
}

impl Assignment {
    /// Where it should be.
    #[must_use]
    pub fn node(&self, resource: ResourceIx) -> Option<NodeIx> {
        self.node[resource.at()]
    }

    /// Its role there.
    #[must_use]
    pub fn role(&self, resource: ResourceIx) -> Role {
        self.role[resource.at()]
    }
}

/// Assigns every instance.
#[must_use]
pub fn assign(facts: &Facts<'_>, constraints: &Constraints) -> Assignment {
    let mut draft = draft::Draft::new(facts, constraints);
    draft.open();
    draft.assign_all();
    draft.finish()
}

/// The same, with a ledger for some resources.
#[must_use]
pub fn assign_watching(facts: &Facts<'_>, constraints: &Constraints, watched: Vec<ResourceIx>) -> Assignment {
    let mut draft = draft::Draft::new(facts, constraints);
    draft.watch(watched);
    draft.open();
    draft.assign_all();
    draft.finish()
}
