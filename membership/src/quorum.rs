//! Votes to yes or no: may this view act? Pure functions of the view, of who counts, and of what was seen before.
//!
//! ```text
//!   present votes ---> more than half of all? ---------------- yes --> wait-for-all satisfied? -- yes --> quorate
//!                      exactly half, with the tie-breaker? --- yes -->           |
//!                      two-node, and one of the two? --------- yes -->           no --> not quorate yet
//!                      with the arbiter's votes? ------------- yes -->
//! ```
//!
//! **Invariant: of two parts of a cluster that share no node, one at most is quorate**, but for `two-node`, where
//! fencing decides. Each rule is in a file of its own. Who counts is an [`Electorate`]; it changes by a [`Roll`].
//!
//! The answer may change inside a view: by an arbiter's word, or when the roll changes. All members learn of either at
//! the same place of the agreed order and compute it anew there, so they always agree.

mod electorate;
mod roll;
mod tie;
mod wait;

pub use electorate::{Electorate, Tally};
pub use roll::Roll;

use crate::view::View;
use config::{NodeId, QuorumOptions};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The answer, with the numbers behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// Whether this partition may act.
    pub quorate: bool,
    /// Votes present.
    pub votes: u32,
    /// Votes of all that count.
    pub expected: u32,
    /// Votes needed: more than half, or what an option makes of it for this partition.
    pub needed: u32,
    /// Nodes that `wait-for-all` is still waiting for; empty when it is satisfied or not in force.
    pub awaited: Vec<NodeId>,
    /// The votes of each node that counts.
    #[serde(default)]
    pub voters: BTreeMap<NodeId, u32>,
    /// While who counts is being changed: those who will, who must agree as well.
    #[serde(default)]
    pub next: Option<Next>,
    /// The arbiter's votes, where there is one.
    #[serde(default)]
    pub external: Option<External>,
    /// Members that do not count before a quorum without them has taken them in: they come without what they stored.
    #[serde(default)]
    pub blank: Vec<NodeId>,
}

/// A change of who counts, under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// The votes of each node that will count.
    pub voters: BTreeMap<NodeId, u32>,
    /// How many of them are here.
    pub tally: Tally,
}

/// Votes from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// How many.
    pub votes: u32,
    /// Whether this view has them; `None` as long as the arbiter has not said.
    pub granted: Option<bool>,
    /// With them this view is quorate, without them it is not.
    pub decides: bool,
}

/// What was seen before, and what is known besides the view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Since the last full stop of this part of the cluster all nodes were once members of one view (or a member of
    /// the view comes from one that was quorate): it is what `wait-for-all` asks for (peer: votequorum(5)).
    pub all: bool,
    /// Members that lost what they had stored while others did not.
    pub blank: BTreeSet<NodeId>,
    /// What the arbiter said for this very view, if it did.
    pub external: Option<bool>,
}

impl Quorum {
    /// Whether only the arbiter's word is missing: then nothing is stopped yet, and nothing started.
    #[must_use]
    pub fn undecided(&self) -> bool {
        self.external.is_some_and(|external| external.decides && external.granted.is_none())
    }
}

/// Decides whether `view` is quorate.
#[must_use]
pub fn quorum(view: &View, roll: &Roll, options: &QuorumOptions, seen: &Seen) -> Quorum {
    let awaited = if options.waits_for_all() && !seen.all {
        wait::awaited(&roll.nodes(), |node| view.contains(node))
    } else {
        Vec::new()
    };
    // When everybody is here, nobody can have gone on elsewhere with what a blank one forgot.
    let complete = roll.nodes().iter().all(|node| view.contains(node));
    let counts = |node: &NodeId| view.contains(node) && !seen.blank.contains(node);
    let carried = |here: &dyn Fn(&NodeId) -> bool, granted: bool| {
        awaited.is_empty() && roll.chambers().all(|chamber| chamber.tally(here, granted).carried())
    };
    let granted = seen.external == Some(true);
    let blank_count = complete || carried(&counts, granted);
    let here = |node: &NodeId| view.contains(node) && (blank_count || counts(node));
    let Tally { votes, expected, needed } = roll.settled.tally(here, granted);
    let next = roll.pending.as_ref().map(|next| Next { voters: next.votes.clone(), tally: next.tally(here, granted) });
    let arbiters = roll.chambers().map(|chamber| chamber.external).max().filter(|votes| *votes > 0);
    let external = arbiters.map(|votes| External {
        votes,
        granted: seen.external,
        decides: carried(&here, true) && !carried(&here, false),
    });
    let blank = if blank_count { Vec::new() } else { seen.blank.iter().cloned().collect() };
    let quorate = carried(&here, granted);
    Quorum { quorate, votes, expected, needed, awaited, voters: roll.settled.votes.clone(), next, external, blank }
}

#[cfg(test)]
mod tests;
