//! The agreed set of members. Each change of membership makes a new view.

use config::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One life of a daemon, drawn at random when it starts. Tells a node that came back from the one that was lost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incarnation(pub u64);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name of a view: `number` grows with every view a node takes part in and is never used again, also not after a
/// restart; the representative (lowest member) tells two concurrent views of a split cluster apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RingId {
    /// Grows forever.
    pub number: u64,
    /// The lowest member.
    pub representative: NodeId,
}

impl fmt::Display for RingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.representative)
    }
}

/// An installed view. Everybody in it gets the same messages in the same order until the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Its name.
    pub ring: RingId,
    /// Who is in it, and in which life.
    pub members: BTreeMap<NodeId, Incarnation>,
    /// Those who came here together with this node from its previous view (itself included): the members of the
    /// transitional configuration of extended virtual synchrony. They delivered exactly the same messages before it.
    pub came_along: BTreeSet<NodeId>,
}

impl View {
    /// Whether `node` is a member.
    #[must_use]
    pub fn contains(&self, node: &NodeId) -> bool {
        self.members.contains_key(node)
    }
}
