//! What the DC wants: placements, the actions that lead there, in which order, and why.

use config::{NodeId, ResourceId};
use membership::Incarnation;
use resource_agents::{Operation, Outcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The answer of the scheduler: complete, immutable, computed from one CIB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Where each primitive should run; `None`: nowhere.
    pub placement: BTreeMap<ResourceId, Option<NodeId>>,
    /// The way there; empty when everything is as it should be.
    pub graph: Graph,
    /// Why: for each primitive, what decided.
    pub reasons: BTreeMap<ResourceId, Vec<String>>,
    /// The answer may change at this wall-clock time (milliseconds since 1970) although nothing happens, because a
    /// failure is forgotten then (`failure-timeout`).
    #[serde(default)]
    pub recheck_wall_ms: Option<u64>,
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
    /// Have a node call an agent.
    Perform {
        /// Where.
        node: NodeId,
        /// What.
        operation: Operation,
        /// The outcome that was planned with; another one drops the transition.
        expect: Outcome,
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
}

impl Graph {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }
}
