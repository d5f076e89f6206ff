//! How many of the votes are here.

use config::NodeId;
use std::collections::BTreeMap;

/// Votes present, and votes in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) present: u32,
    pub(super) expected: u32,
}

impl Share {
    /// Counts the votes of those who are `here`.
    pub(super) fn of(votes: &BTreeMap<NodeId, u32>, here: impl Fn(&NodeId) -> bool) -> Share {
        let present = votes.iter().filter(|(node, _)| here(node)).map(|(_, votes)| votes).sum();
        Share { present, expected: votes.values().sum() }
    }

    /// The least that is more than half.
    pub(super) fn majority(self) -> u32 {
        self.expected / 2 + 1
    }

    /// The least that is not less than half. Of an odd number it is the majority: there is no tie to break.
    pub(super) fn half(self) -> u32 {
        self.expected.div_ceil(2)
    }
}
