//! `auto-tie-breaker`: of two parts with half of the votes each, the one with this node goes on.
//!
//! Which node it is follows from the configuration alone, so that both parts know the same one whatever they have seen.

use config::{NodeId, TieBreaker};
use std::collections::BTreeMap;

/// The node that breaks a tie, if one does. A node without a vote never does.
pub(super) fn breaker<'a>(votes: &'a BTreeMap<NodeId, u32>, rule: Option<&TieBreaker>) -> Option<&'a NodeId> {
    let mut voters = votes.iter().filter(|(_, votes)| **votes > 0).map(|(node, _)| node);
    match rule? {
        TieBreaker::Lowest => voters.next(),
        TieBreaker::Highest => voters.next_back(),
        TieBreaker::Node(name) => voters.find(|voter| *voter == name),
    }
}
