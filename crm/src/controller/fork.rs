//! Parts of a cluster that went on beside each other after quorum was forced are not merged.
//!
//! Who forces quorum swears that the others are off. If they were not, both may have changed the configuration and both
//! may have run services; the higher version would silently replace the other. It is seen in the hellos: a node that
//! was in a quorate view after the fork, and whose history does not contain it, cannot have known of it, since whoever
//! is in a quorate view takes over the latest version of its members, fork and all. Nodes that were merely away were in
//! no quorate view after the fork, and join as always.
//!
//! The larger side stays; of two as large the one without the fork, since it was quorate by votes, and nobody had to
//! swear to anything.

use crate::message::Hello;
use config::NodeId;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Whether `one` was quorate after a fork in the history of `other` that its own does not contain.
fn went_on_beside(one: &Hello, other: &Hello) -> bool {
    let unknown = |fork: &&crate::cib::Fork| !one.forks.contains(fork) && one.generation > fork.after;
    other.forks.iter().any(|fork| unknown(&fork))
}

/// Members that have to leave. Empty when there is one history.
pub(super) fn parted<'a>(hellos: impl Iterator<Item = (&'a NodeId, &'a Hello)>) -> BTreeSet<NodeId> {
    let hellos: Vec<(&NodeId, &Hello)> = hellos.collect();
    let apart = |one: &Hello, other: &Hello| went_on_beside(one, other) || went_on_beside(other, one);
    let torn = |hello: &Hello| hellos.iter().any(|(_, other)| apart(hello, other));
    // Those who are more, then forced least often, then the latest, then by name: the same for all members. One node
    // that was off for long does not stop those who have gone on together since.
    let alike = |hello: &Hello| hellos.iter().filter(|(_, other)| torn(other) && other.forks == hello.forks).count();
    let rank = |hello: &Hello| (Reverse(alike(hello)), hello.forks.len(), Reverse(hello.generation));
    let first = hellos.iter().filter(|(_, hello)| torn(hello)).min_by_key(|(name, hello)| (rank(hello), *name));
    let Some((_, stays)) = first else { return BTreeSet::new() };
    hellos.iter().filter(|(_, hello)| apart(hello, stays)).map(|(name, _)| (*name).clone()).collect()
}
