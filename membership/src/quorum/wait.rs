//! `wait-for-all`: after a full stop nobody acts before all were seen together once. Two halves that start while they
//! do not see each other would otherwise both take the other one for lost.

use config::NodeId;
use std::collections::BTreeMap;

/// Who has a vote and is not `here`.
pub(super) fn awaited(votes: &BTreeMap<NodeId, u32>, here: impl Fn(&NodeId) -> bool) -> Vec<NodeId> {
    votes.iter().filter(|(node, votes)| **votes > 0 && !here(node)).map(|(node, _)| node.clone()).collect()
}
