//! When a part of the cluster may act: `[quorum]`.

use crate::arbiter::Arbiter;
use crate::id::NodeId;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The quorum options (peer: votequorum).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumOptions {
    /// `two-node`: with exactly two nodes one vote is enough; fencing decides the race. Implies `wait-for-all`.
    pub two_node: bool,
    /// `wait-for-all`: after a full stop the cluster becomes quorate only once all nodes were seen together.
    /// `None` means its default: true with `two-node`, else false.
    pub wait_for_all: Option<bool>,
    /// `auto-tie-breaker`: which of two halves goes on. `None`: neither.
    #[serde(default)]
    pub auto_tie_breaker: Option<TieBreaker>,
    /// `last-man-standing`: nodes that are left become those that count, so that one after the other may go.
    #[serde(default)]
    pub last_man_standing: bool,
    /// `last-man-standing-window`: how long the nodes that are left must have been so before they are those that count.
    #[serde(default)]
    pub last_man_standing_window: Duration,
    /// `[quorum.arbiter]`: a service outside of the cluster with votes of its own.
    #[serde(default)]
    pub arbiter: Option<Arbiter>,
}

/// The node whose half goes on when a cluster breaks into two with as many votes each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TieBreaker {
    /// `"lowest"`: the first one with a vote, by name.
    Lowest,
    /// `"highest"`: the last one.
    Highest,
    /// The name of a node.
    Node(NodeId),
}

impl fmt::Display for TieBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TieBreaker::Lowest => "lowest",
            TieBreaker::Highest => "highest",
            TieBreaker::Node(name) => name.as_str(),
        })
    }
}

impl QuorumOptions {
    /// Whether all nodes must have been seen together before the first quorum.
    #[must_use]
    pub fn waits_for_all(&self) -> bool {
        self.wait_for_all.unwrap_or(self.two_node)
    }
}
