//! What a node tells the arbiter of the view it is in.

use config::{Algorithm, NodeId, TieBreaker};
use membership::RingId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most nodes of a cluster, as in a cluster file.
const MAX_NODES: usize = 64;

/// Most certificates that a cluster revokes.
pub(crate) const MAX_REVOKED: usize = 1000;

/// SHA-256 of a certificate.
pub type Fingerprint = [u8; 32];

/// The view of a node, and what its cluster is configured to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The ring.
    pub ring: RingId,
    /// Who is in it, after the hand-over: those who hold the same content.
    pub members: BTreeSet<NodeId>,
    /// Of them, those that came without what they once had stored: they remember nothing.
    pub blank: BTreeSet<NodeId>,
    /// Whether this node has on disk what the members agreed on.
    pub stored: bool,
    /// Votes of every configured node.
    pub votes: BTreeMap<NodeId, u32>,
    /// How the arbiter is to choose.
    pub algorithm: Algorithm,
    /// Which of two equal parts goes on.
    pub tie_breaker: TieBreaker,
    /// What the node's own commands say of its surroundings.
    pub heuristics: Heuristics,
    /// Certificates that its cluster has revoked: whoever shows one is none of its nodes.
    pub revoked: BTreeSet<Fingerprint>,
}

/// What came out of the commands that a node runs when its view changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Heuristics {
    /// There are none.
    #[default]
    None,
    /// They run; another report follows.
    Running,
    /// They ended; so many of them well.
    Passed(u8),
}

impl Report {
    /// Whether it makes sense, coming from `node`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self, node: &NodeId) -> Result<(), String> {
        if self.votes.len() > MAX_NODES {
            return Err(format!("{} configured nodes, of {MAX_NODES} at most", self.votes.len()));
        }
        if self.revoked.len() > MAX_REVOKED {
            return Err(format!("{} revoked certificates, of {MAX_REVOKED} at most", self.revoked.len()));
        }
        if let Some(stranger) = self.members.iter().find(|member| !self.votes.contains_key(*member)) {
            return Err(format!("its view has a member, {stranger}, that is not configured"));
        }
        if !self.blank.is_subset(&self.members) {
            return Err("it calls somebody blank who is not a member".to_owned());
        }
        if !self.members.contains(node) {
            return Err(format!("{node} is not a member of the view that it reports"));
        }
        if self.members.first() != Some(&self.ring.representative) {
            return Err(format!("the ring {} is not named after its lowest member", self.ring));
        }
        Ok(())
    }

    /// Votes of these nodes.
    pub(crate) fn votes_of<'a>(&self, nodes: impl Iterator<Item = &'a NodeId>) -> u32 {
        nodes.filter_map(|node| self.votes.get(node)).fold(0, |sum, votes| sum.saturating_add(*votes))
    }

    /// Whether the arbiter's votes make its part quorate.
    pub(crate) fn would_be_quorate(&self) -> bool {
        let nodes = self.votes_of(self.votes.keys());
        let arbiter = self.algorithm.votes(nodes);
        let present = self.votes_of(self.members.iter()).saturating_add(arbiter);
        u64::from(present) * 2 > u64::from(nodes) + u64::from(arbiter)
    }
}
