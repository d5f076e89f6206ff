//! Votes to yes or no: may this view act? A pure function of the view, the configured votes and what was seen before.

use crate::view::View;
use config::{NodeId, QuorumOptions};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The answer, with the numbers behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// Whether this partition may act.
    pub quorate: bool,
    /// Votes present.
    pub votes: u32,
    /// Votes of all configured nodes.
    pub expected: u32,
    /// Votes needed.
    pub needed: u32,
    /// Nodes that `wait-for-all` is still waiting for; empty when it is satisfied or not in force.
    pub awaited: Vec<NodeId>,
}

/// Decides whether `view` is quorate.
///
/// `votes` are the votes of every configured node. `all_seen` says that since the last full stop of this part of the
/// cluster all nodes were once members of one view (or that a member of the view comes from one that was quorate):
/// it is what `wait-for-all` asks for (peer: votequorum(5)).
#[must_use]
pub fn quorum(view: &View, votes: &BTreeMap<NodeId, u32>, options: &QuorumOptions, all_seen: bool) -> Quorum {
    let expected: u32 = votes.values().sum();
    let present: u32 = view.members.keys().filter_map(|node| votes.get(node)).sum();
    let two_node = options.two_node && votes.len() == 2;
    let needed = if two_node { 1 } else { expected / 2 + 1 };
    let awaited = if options.waits_for_all() && !all_seen {
        votes.iter().filter(|(node, votes)| **votes > 0 && !view.contains(node)).map(|(node, _)| node.clone()).collect()
    } else {
        Vec::new()
    };
    Quorum { quorate: present >= needed && awaited.is_empty(), votes: present, expected, needed, awaited }
}
