//! Votes to yes or no: may this view act? Pure functions of the view, the configured votes and what was seen before.
//!
//! ```text
//!   present votes ---> more than half of all? ---------------- yes --> wait-for-all satisfied? -- yes --> quorate
//!                      exactly half, with the tie-breaker? --- yes -->           |
//!                      two-node, and one of the two? --------- yes -->           no --> not quorate yet
//! ```
//!
//! **Invariant: of two parts of a cluster that share no node, one at most is quorate**, but for `two-node`, where
//! fencing decides. Each rule is in a file of its own; [`Roll`] is the rule of last-man-standing, where the nodes that
//! count change.

mod roll;
mod share;
mod tie;
mod wait;

pub use roll::{Electorate, Roll};

use crate::view::View;
use config::{NodeId, QuorumOptions};
use serde::{Deserialize, Serialize};
use share::Share;
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
    /// Votes needed: more than half, or what an option makes of it for this partition.
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
    let share = Share::of(votes, |node| view.contains(node));
    let tie = tie::breaker(votes, options.auto_tie_breaker.as_ref());
    let needed = if options.two_node && votes.len() == 2 {
        1
    } else if tie.is_some_and(|tie| view.contains(tie)) {
        share.half()
    } else {
        share.majority()
    };
    let awaited = if options.waits_for_all() && !all_seen {
        wait::awaited(votes, |node| view.contains(node))
    } else {
        Vec::new()
    };
    let quorate = share.present > 0 && share.present >= needed && awaited.is_empty();
    Quorum { quorate, votes: share.present, expected: share.expected, needed, awaited }
}

#[cfg(test)]
mod tests;
