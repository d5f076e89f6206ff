//! Rules between resources and nodes: `prefer`, `[[location]]`, `[[colocation]]`, `[[order]]`.

use crate::id::{NodeId, ResourceId};
use crate::resource::OperationName;
use crate::score::Score;
use serde::{Deserialize, Serialize};

/// Where in the cluster file a rule stands, for explanations ("line 41").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Line, counted from 1.
    pub line: u32,
}

/// A resource is wanted more (or not at all) on a node. `prefer = { alpha = 50 }` is the short form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The resource or group.
    pub resource: ResourceId,
    /// The node.
    pub node: NodeId,
    /// How much.
    pub score: Score,
    /// Where it is written.
    pub place: Place,
}

/// `dependent` goes where `primary` is (or, with a negative score, stays away).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colocation {
    /// The one that follows.
    pub dependent: ResourceId,
    /// The one that is followed.
    pub primary: ResourceId,
    /// How strictly (default mandatory).
    pub score: Score,
    /// Where it is written.
    pub place: Place,
}

/// How strict an ordering is (`kind`, as the peer's).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderKind {
    /// `"mandatory"`, the default: `then` cannot run without `first`.
    Mandatory,
    /// `"optional"`: only when both act in the same transition.
    Optional,
}

/// `first` before `then`; stops in reverse when `symmetrical`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The one that acts first.
    pub first: ResourceId,
    /// Its action (default start).
    pub first_action: OperationName,
    /// The one that waits.
    pub then: ResourceId,
    /// Its action (default the same as `first-action`).
    pub then_action: OperationName,
    /// How strict (default mandatory).
    pub kind: OrderKind,
    /// Whether stopping goes in reverse order (default true).
    pub symmetrical: bool,
    /// Where it is written.
    pub place: Place,
}
