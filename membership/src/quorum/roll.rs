//! Last-man-standing: the nodes whose votes count are those that are left, so that a cluster may lose one node after
//! the other and go on.
//!
//! Who counts (the [`Electorate`]) changes as in a vote of two chambers, because a part that does not know of the
//! change must not be quorate beside one that does:
//!
//! ```text
//! settled(A) --propose(B), stored by each--> pending(A, B) --a quorum of A has stored it, seal--> settled(B)
//!                                            both A and B must agree
//! ```
//!
//! A [`Roll`] must be on disk before its node says that it has stored it, and members that meet go on with the
//! [merge](Roll::merge) of theirs. A node that lost its disk must come back as one that has no vote.

use super::share::Share;
use crate::view::View;
use config::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Those whose votes count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Electorate {
    /// Number of the ring in which it was proposed: later ones replace earlier ones.
    pub since: u64,
    /// The nodes.
    pub nodes: BTreeSet<NodeId>,
}

impl Electorate {
    fn carried(&self, view: &View, votes: &BTreeMap<NodeId, u32>) -> bool {
        let ours = votes.iter().filter(|(node, _)| self.nodes.contains(*node)).map(|(node, v)| (node.clone(), *v));
        let share = Share::of(&ours.collect(), |node| view.contains(node));
        share.present >= share.majority()
    }
}

/// What a node knows of who counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roll {
    /// In force.
    pub settled: Electorate,
    /// Proposed, and perhaps already in force elsewhere.
    pub pending: Option<Electorate>,
}

impl Roll {
    /// All nodes count: the roll of a new cluster.
    #[must_use]
    pub fn new(nodes: BTreeSet<NodeId>) -> Roll {
        Roll { settled: Electorate { since: 0, nodes }, pending: None }
    }

    /// Whether `view` may act: a majority in the electorate, and in the pending one if there is one.
    #[must_use]
    pub fn quorate(&self, view: &View, votes: &BTreeMap<NodeId, u32>) -> bool {
        self.settled.carried(view, votes) && self.pending.as_ref().is_none_or(|pending| pending.carried(view, votes))
    }

    /// Proposes that the members of this view count from now on. Refused (false) without quorum, when they do already,
    /// and while another proposal is pending: that one may be in force elsewhere and is to be sealed first.
    pub fn propose(&mut self, view: &View, votes: &BTreeMap<NodeId, u32>) -> bool {
        let nodes: BTreeSet<NodeId> = view.members.keys().filter(|node| votes.contains_key(*node)).cloned().collect();
        if self.pending.is_some() || nodes == self.settled.nodes || !self.quorate(view, votes) {
            return false;
        }
        self.pending = Some(Electorate { since: view.ring.number, nodes });
        true
    }

    /// The pending electorate takes over, if a quorum of the one in force has stored it: `stored` are the members of
    /// the view that said so. Returns whether it did.
    pub fn seal(&mut self, stored: &View, votes: &BTreeMap<NodeId, u32>) -> bool {
        if !self.settled.carried(stored, votes) {
            return false;
        }
        match self.pending.take() {
            Some(pending) => {
                self.settled = pending;
                true
            }
            None => false,
        }
    }

    /// What two nodes know together.
    #[must_use]
    pub fn merge(self, other: Roll) -> Roll {
        let settled = if other.settled.since > self.settled.since { other.settled } else { self.settled };
        let pending = [self.pending, other.pending].into_iter().flatten().max_by_key(|pending| pending.since);
        Roll { pending: pending.filter(|pending| pending.since > settled.since), settled }
    }
}
