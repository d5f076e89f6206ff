//! Which instance goes to which node, in which role.

use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::role::Role;
use config::Score;

/// The wish: where every primitive and instance should be. By place in [`crate::facts::Facts::resources`].
#[derive(Clone, Debug, Default)]
pub struct Assignment {
    /// Where a primitive should be; `None`: nowhere. Of groups and clones: `None`.
    pub node: Vec<Option<NodeIx>>,
    /// Its role there.
    pub role: Vec<Role>,
    /// What its role should be after the promotion of a promotable clone is decided, and its priority for it.
    pub promotion: Vec<Option<Score>>,
    /// The final scores of every resource on every node that has one, sorted by node (explain, conformance).
    pub scores: Vec<Vec<(NodeIx, Score)>>,
    /// Why each has the node it has, or none.
    pub because: Vec<Vec<Reason>>,
    /// May not be started or stopped at all now (a lost ticket with freeze, no quorum with freeze, ...), and why.
    pub frozen: Vec<Option<Reason>>,
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
pub fn assign(facts: &crate::facts::Facts<'_>, constraints: &crate::constraint::Constraints) -> Assignment {
    let _ = (facts, constraints);
    Assignment::default()
}
