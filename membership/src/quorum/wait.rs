//! `wait-for-all`: after a full stop nobody acts before all were seen together once. Two halves that start while they
//! do not see each other would otherwise both take the other one for lost.

use config::NodeId;
use std::collections::BTreeSet;

/// Who counts and is not `here`.
pub(super) fn awaited(voters: &BTreeSet<NodeId>, here: impl Fn(&NodeId) -> bool) -> Vec<NodeId> {
    voters.iter().filter(|node| !here(node)).cloned().collect()
}
