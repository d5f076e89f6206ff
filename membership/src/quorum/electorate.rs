//! Whose votes count, and what is made of a tie: one chamber of the vote.

use super::tie;
use config::{Config, NodeId, QuorumOptions, TieBreaker};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Those whose votes count, and the rules by which they are counted. Two parts of a cluster that share no node are
/// never both carried by the same electorate (but for `two_node`, and as far as the arbiter grants one of them only).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Electorate {
    /// The votes of each node that has any.
    pub votes: BTreeMap<NodeId, u32>,
    /// One vote is enough, and fencing decides.
    #[serde(default)]
    pub two_node: bool,
    /// Which of two halves goes on.
    #[serde(default)]
    pub tie_breaker: Option<TieBreaker>,
    /// Votes of an arbiter outside of the cluster, which counts for one view at a time; 0 without one.
    #[serde(default)]
    pub external: u32,
}

/// How many of the votes are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Present.
    pub votes: u32,
    /// In all.
    pub expected: u32,
    /// The least that is enough for these nodes.
    pub needed: u32,
}

impl Tally {
    /// Whether it is enough.
    #[must_use]
    pub fn carried(self) -> bool {
        self.votes > 0 && self.votes >= self.needed
    }
}

impl Electorate {
    /// All nodes with a vote, under these options.
    #[must_use]
    pub fn new(votes: &BTreeMap<NodeId, u32>, options: &QuorumOptions) -> Electorate {
        let votes: BTreeMap<NodeId, u32> =
            votes.iter().filter(|(_, votes)| **votes > 0).map(|(node, votes)| (node.clone(), *votes)).collect();
        let two_node = options.two_node && votes.len() == 2;
        let sum = votes.values().sum();
        let external = options.arbiter.as_ref().map_or(0, |arbiter| arbiter.algorithm.votes(sum));
        Electorate { votes, two_node, tie_breaker: options.auto_tie_breaker.clone(), external }
    }

    /// What a cluster file says.
    #[must_use]
    pub fn of(config: &Config) -> Electorate {
        let votes = config.nodes.iter().map(|(name, node)| (name.clone(), node.votes)).collect();
        Electorate::new(&votes, &config.quorum)
    }

    /// The same rules for fewer nodes.
    #[must_use]
    pub fn only(&self, keep: impl Fn(&NodeId) -> bool) -> Electorate {
        let votes = self.votes.iter().filter(|(node, _)| keep(node)).map(|(node, votes)| (node.clone(), *votes));
        Electorate { votes: votes.collect(), ..self.clone() }
    }

    /// The nodes.
    #[must_use]
    pub fn nodes(&self) -> BTreeSet<NodeId> {
        self.votes.keys().cloned().collect()
    }

    /// Counts the votes of those who are `here`, and those of the arbiter if it is `granted`.
    #[must_use]
    pub fn tally(&self, here: impl Fn(&NodeId) -> bool, granted: bool) -> Tally {
        let own = self.votes.values().sum::<u32>();
        let present = self.sum(&here);
        let expected = own + self.external;
        let tie = tie::breaker(&self.votes, self.tie_breaker.as_ref());
        let needed = if self.two_node {
            1
        } else if tie.is_some_and(here) {
            // Of an odd number it is the majority: there is no tie to break.
            expected.div_ceil(2)
        } else {
            expected / 2 + 1
        };
        // The arbiter's votes are for nodes that vote: it does not make a part quorate in which nobody does.
        let given = if granted && present > 0 { self.external } else { 0 };
        Tally { votes: present + given, expected, needed }
    }

    /// Whether every part that may act at any later time has a member among those that `stored` something. Where that
    /// cannot be (two-node mode, an arbiter that knows no content), all `members` of the present part must have it.
    #[must_use]
    pub fn secured(&self, stored: impl Fn(&NodeId) -> bool, members: &BTreeSet<NodeId>) -> bool {
        if self.two_node || self.external > 0 {
            let own = self.votes.values().sum::<u32>();
            let least = ((own + self.external) / 2 + 1).saturating_sub(self.external);
            let overlaps = !self.two_node && self.sum(&stored) + least > own;
            return self.sum(&stored) == own
                || overlaps
                || (self.votes.keys().any(&stored) && members.iter().all(stored));
        }
        self.tally(stored, false).carried()
    }

    /// Whether more than half of the nodes' votes are here, whatever an option or an arbiter makes of it.
    #[must_use]
    pub fn most(&self, here: impl Fn(&NodeId) -> bool) -> bool {
        2 * self.sum(here) > self.votes.values().sum::<u32>()
    }

    fn sum(&self, here: impl Fn(&NodeId) -> bool) -> u32 {
        self.votes.iter().filter(|(node, _)| here(node)).map(|(_, votes)| votes).sum()
    }
}
