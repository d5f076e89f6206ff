//! What the DC wants: placements, the actions that lead there, in which order, and why.

use config::{NodeId, ResourceId};
use membership::Incarnation;
use resource_agents::Operation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The answer of the scheduler: complete, immutable, computed from one CIB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Where each primitive should run: once, on several nodes (instances of a clone), or nowhere.
    pub placement: BTreeMap<ResourceId, Vec<Place>>,
    /// The way there; empty when everything is as it should be.
    pub graph: Graph,
    /// What changes, for people: resources and nodes, one line each.
    pub changes: Vec<String>,
    /// Why: for each primitive that runs nowhere, or not as it should, what stands in the way.
    pub reasons: BTreeMap<ResourceId, Vec<String>>,
    /// What cannot be done now, and what it waits for.
    pub held: Vec<String>,
    /// Rules that the plan would have broken, a bug of the scheduler: what breaks them was left out, with all that
    /// waits for it.
    #[serde(default)]
    pub refused: Vec<String>,
    /// The answer may change at this wall-clock time (milliseconds since 1970) although nothing happens, because a
    /// failure is forgotten then (`failure-timeout`) or a rule changes its answer.
    #[serde(default)]
    pub recheck_wall_ms: Option<u64>,
}

/// Where one instance should run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The node.
    pub node: NodeId,
    /// In the promoted role.
    pub promoted: bool,
}

/// Actions and their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    /// The actions; [`ActionId`] is the place in this list.
    pub actions: Vec<Action>,
}

/// One node of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActionId(pub u32);

/// One step of a transition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Its place in the graph.
    pub id: ActionId,
    /// What to do.
    pub kind: ActionKind,
    /// Actions that must have ended as expected before this one begins.
    pub after: Vec<ActionId>,
    /// Why, in a sentence.
    pub cause: String,
}

/// What an action does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActionKind {
    /// Have a node call an agent. An outcome other than the one the operation expects drops the transition.
    Perform {
        /// Where.
        node: NodeId,
        /// What.
        operation: Operation,
        /// What it is called with, in short: what is recorded with the result, and compared later.
        fingerprint: String,
    },
    /// Stop a recurring monitor.
    CancelMonitor {
        /// Where.
        node: NodeId,
        /// Which resource.
        resource: ResourceId,
        /// Which interval.
        interval: Duration,
    },
    /// Cut a node off, and wait for the verdict.
    Fence {
        /// Who.
        node: NodeId,
        /// Which life; `None` for a node never seen.
        incarnation: Option<Incarnation>,
        /// Why, for the request.
        reason: String,
    },
    /// Failures of a resource on a node do not count any more.
    ClearFailures {
        /// Where.
        node: NodeId,
        /// Which resource.
        resource: ResourceId,
    },
    /// Forget all that is known of a resource on a node.
    Forget {
        /// Where.
        node: NodeId,
        /// Which resource.
        resource: ResourceId,
    },
    /// Nothing by itself: it stands between what comes before and what comes after.
    Mark {
        /// What has been reached, in the words of the scheduler.
        what: String,
    },
}

impl Graph {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many actions do something.
    #[must_use]
    pub fn len(&self) -> usize {
        self.actions.iter().filter(|action| !matches!(action.kind, ActionKind::Mark { .. })).count()
    }
}
