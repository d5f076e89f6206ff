//! A part of a broken cluster that asks for the vote, and which of two is to be preferred.

use crate::report::{Heuristics, Report};
use config::{NodeId, TieBreaker};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Nodes that report the same ring.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// What one of them says; the others say the same of ring and members.
    pub(crate) report: Report,
    /// Those that report it, and what their commands say.
    pub(crate) reporters: BTreeMap<NodeId, Heuristics>,
    /// Those of them that have its content on disk.
    pub(crate) stored: BTreeSet<NodeId>,
}

impl Part {
    pub(crate) fn members(&self) -> &BTreeSet<NodeId> {
        &self.report.members
    }

    pub(crate) fn votes(&self) -> u32 {
        self.report.votes_of(self.members().iter())
    }

    /// Configured nodes that are not in it.
    pub(crate) fn others(&self) -> impl Iterator<Item = &NodeId> {
        self.report.votes.keys().filter(|node| !self.members().contains(*node))
    }

    /// Whether one of `holders` is in it and still has what it had then.
    pub(crate) fn remembers(&self, holders: &BTreeSet<NodeId>) -> bool {
        self.members().difference(&self.report.blank).any(|node| holders.contains(node))
    }

    /// Whether all configured nodes are in it.
    pub(crate) fn is_whole(&self) -> bool {
        self.others().next().is_none()
    }

    /// Whether no other part can have as many votes.
    pub(crate) fn is_certain(&self) -> bool {
        self.votes() > self.report.votes_of(self.others())
    }

    pub(crate) fn is_examining(&self) -> bool {
        self.reporters.values().any(|heuristics| *heuristics == Heuristics::Running)
    }

    /// The greater is preferred: more votes, more commands that ended well on its best node, more of those who had the
    /// vote last, the tie-breaker, the lowest node.
    pub(crate) fn rank(&self, holders: Option<&BTreeSet<NodeId>>) -> (u32, u8, usize, bool, Reverse<&NodeId>) {
        let passed = |heuristics: &Heuristics| match heuristics {
            Heuristics::None | Heuristics::Running => 0,
            Heuristics::Passed(number) => *number,
        };
        let voters = || self.report.votes.iter().filter(|(_, votes)| **votes > 0).map(|(node, _)| node);
        let breaker = match &self.report.tie_breaker {
            TieBreaker::Lowest => voters().min(),
            TieBreaker::Highest => voters().max(),
            TieBreaker::Node(node) => Some(node),
        };
        (
            self.votes(),
            self.reporters.values().map(passed).max().unwrap_or(0),
            holders.map_or(0, |holders| holders.intersection(self.members()).count()),
            breaker.is_some_and(|node| self.members().contains(node)),
            Reverse(&self.report.ring.representative),
        )
    }
}
