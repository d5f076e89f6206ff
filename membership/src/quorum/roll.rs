//! Who counts can change: nodes are added and removed, and with last-man-standing those count that are left, so that a
//! cluster may lose one node after the other and go on.
//!
//! It changes as in a vote of two chambers, because a part that does not know of the change must not be quorate beside
//! one that does:
//!
//! ```text
//! settled(A) --propose(B)--> pending(A, B) --secured in A and in B, seal--> settled(B)
//!                            both A and B must be carried
//! ```
//!
//! A roll is part of what a cluster stores and hands over; of two, the one that a later quorate part made is in force.
//! **Secured** means on the disks of so many that every part that may act later has one of them (see
//! [`Electorate::secured`]); then no part can be carried by A alone that has not heard of B:
//!
//! - A part that knows only A and is carried has a member in common with those who stored the proposal, so it knows it.
//! - A part that knows of A and B is carried by B, and so shares a node with every other part that B carries.
//!
//! A node that lost its disk has forgotten what it stored, so it must not count before it was told again: that is what
//! [`Seen::blank`](super::Seen::blank) is for.

use super::electorate::Electorate;
use config::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Who counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roll {
    /// In force.
    pub settled: Electorate,
    /// Proposed, and perhaps already in force elsewhere.
    #[serde(default)]
    pub pending: Option<Electorate>,
}

impl Roll {
    /// The roll of a new cluster.
    #[must_use]
    pub fn new(settled: Electorate) -> Roll {
        Roll { settled, pending: None }
    }

    /// Those that must be carried: one, or two while a change is under way.
    pub fn chambers(&self) -> impl Iterator<Item = &Electorate> {
        [Some(&self.settled), self.pending.as_ref()].into_iter().flatten()
    }

    /// Every node that counts in any way.
    #[must_use]
    pub fn nodes(&self) -> BTreeSet<NodeId> {
        self.chambers().flat_map(Electorate::nodes).collect()
    }

    /// Proposes another electorate. Refused (false) while another proposal is pending, which may be in force elsewhere
    /// and is to be sealed first, and when nothing would be different. Only a quorate part may propose.
    pub fn propose(&mut self, target: Electorate) -> bool {
        if self.pending.is_some() || target == self.settled {
            return false;
        }
        self.pending = Some(target);
        true
    }

    /// The pending electorate takes over, if the proposal is secured: those who `stored` it are members of this part.
    /// Returns whether it did.
    pub fn seal(&mut self, stored: impl Fn(&NodeId) -> bool, members: &BTreeSet<NodeId>) -> bool {
        if self.pending.is_none() || !self.secured(stored, members) {
            return false;
        }
        self.settled = self.pending.take().expect("looked at above");
        true
    }

    /// Whether what these have stored cannot be missed by any later part that may act.
    #[must_use]
    pub fn secured(&self, stored: impl Fn(&NodeId) -> bool, members: &BTreeSet<NodeId>) -> bool {
        self.chambers().all(|chamber| chamber.secured(&stored, members))
    }
}
