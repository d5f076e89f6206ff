//! Parts of a cluster that went on beside each other after quorum was forced are not merged.
//!
//! Who forces quorum swears that the others are off. If they were not, both may have changed the configuration and both
//! may have run services; the higher version would silently replace the other. It is seen in the hellos: a node that
//! was in a quorate view after the fork, and whose history does not contain it, cannot have known of it, since whoever
//! is in a quorate view takes over the latest version of its members, fork and all. Nodes that were merely away were in
//! no quorate view after the fork, and join as always.
//!
//! A side that may act, by those who count in its own history, stays rather than one that may not: a node that returns
//! alone does not stop a cluster. Of two that may, the one with more votes stays, by those that its members have in
//! their own cluster files (what was made of them by force does not count here); of two that have as many the larger
//! one, then the one without the fork, since it was quorate by votes, and nobody had to swear to anything.
//!
//! The number of a version does not tell two such parts apart: both may have the same ring number, and with it equal
//! versions of different content. The fork does. It is in the content from the moment at which quorum was forced, so
//! versions are only compared among members of one history.

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
    // The same for all members: it depends on nothing but the hellos.
    let weight = |hello: &Hello| {
        let side: Vec<&(&NodeId, &Hello)> =
            hellos.iter().filter(|(_, other)| torn(other) && other.forks == hello.forks).collect();
        let newest = side.iter().max_by_key(|(name, hello)| (hello.generation, *name));
        let here = |node: &NodeId| side.iter().any(|(name, _)| *name == node);
        let acts = newest.is_some_and(|(_, newest)| newest.roll.chambers().all(|all| all.tally(here, false).carried()));
        let votes = side.iter().fold(0_u32, |votes, (_, hello)| votes.saturating_add(hello.votes));
        (acts, votes, side.len())
    };
    let rank = |hello: &Hello| (Reverse(weight(hello)), hello.forks.len(), Reverse(hello.generation));
    let first = hellos.iter().filter(|(_, hello)| torn(hello)).min_by_key(|(name, hello)| (rank(hello), *name));
    let Some((_, stays)) = first else { return BTreeSet::new() };
    hellos.iter().filter(|(_, hello)| apart(hello, stays)).map(|(name, _)| (*name).clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::parted;
    use crate::cib::{Fork, Generation, NodeStatus};
    use crate::message::{Hello, Standing};
    use config::NodeId;
    use membership::{Electorate, RingId, Roll, VERSIONS};

    const fn version(view: u64, index: u64) -> Generation {
        Generation { view, index }
    }

    fn member(name: &str, generation: Generation, votes: u32, forks: &[Fork]) -> (NodeId, Hello) {
        let node = NodeId::new(name).unwrap();
        let hello = Hello {
            ring: RingId { number: 20, representative: node.clone() },
            versions: VERSIONS,
            generation,
            durable: 0,
            status: 0,
            standing: Standing::default(),
            since: None,
            own: NodeStatus::default(),
            forks: forks.to_vec(),
            votes,
            roll: Roll::new(electorate(&[name])),
        };
        (node, hello)
    }

    fn electorate(names: &[&str]) -> Electorate {
        Electorate {
            votes: names.iter().map(|name| (NodeId::new(name).unwrap(), 1)).collect(),
            ..Electorate::default()
        }
    }

    fn forced(view: u64, by: &str, after: Generation) -> Fork {
        Fork { view, by: NodeId::new(by).unwrap(), after }
    }

    fn out(members: &[(NodeId, Hello)]) -> Vec<&str> {
        let out = parted(members.iter().map(|(name, hello)| (name, hello)));
        members
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| out.iter().any(|gone| gone.as_str() == *name))
            .collect()
    }

    #[test]
    fn one_history_parts_nobody() {
        let fork = [forced(9, "gamma", version(8, 5))];
        assert!(out(&[member("alpha", version(8, 5), 1, &[]), member("beta", version(3, 0), 1, &[])]).is_empty());
        let away = [member("alpha", version(8, 5), 1, &[]), member("gamma", version(9, 1), 1, &fork)];
        assert!(out(&away).is_empty(), "alpha has done nothing since");
    }

    #[test]
    fn equal_versions_of_two_histories_are_not_taken_for_one() {
        let fork = [forced(9, "gamma", version(8, 5))];
        let torn = [
            member("alpha", version(9, 1), 1, &[]),
            member("beta", version(9, 1), 1, &[]),
            member("gamma", version(9, 1), 1, &fork),
        ];
        assert_eq!(out(&torn), ["gamma"]);
        let other = [forced(9, "alpha", version(8, 5))];
        let twice = [member("alpha", version(9, 1), 1, &other), member("gamma", version(9, 1), 1, &fork)];
        assert_eq!(out(&twice), ["gamma"], "both were forced in views of one number, and one of them has to go");
    }

    #[test]
    fn one_that_may_not_act_does_not_stop_those_who_may() {
        let fork = [forced(9, "gamma", version(8, 3))];
        let three = Roll::new(electorate(&["alpha", "beta", "gamma"]));
        let old = |name| {
            let (name, hello) = member(name, version(8, 5), 1, &[]);
            (name, Hello { roll: three.clone(), ..hello })
        };
        let gamma = member("gamma", version(9, 1), 1, &fork);
        assert_eq!(out(&[old("alpha"), gamma.clone()]), ["alpha"]);
        assert_eq!(out(&[old("alpha"), old("beta"), gamma]), ["gamma"], "two of three may act as well, and are more");
    }

    #[test]
    fn who_went_further_than_the_forcing_node_knew_did_so_in_the_same_view_too() {
        let fork = [forced(9, "gamma", version(8, 3))];
        let torn = [member("alpha", version(8, 5), 2, &[]), member("gamma", version(9, 1), 1, &fork)];
        assert_eq!(out(&torn), ["gamma"]);
    }

    #[test]
    fn the_side_with_more_votes_stays_and_among_equals_the_larger_one() {
        let fork = [forced(9, "beta", version(8, 5))];
        let votes = [
            member("alpha", version(9, 0), 3, &[]),
            member("beta", version(12, 0), 1, &fork),
            member("gamma", version(12, 0), 1, &fork),
        ];
        assert_eq!(out(&votes), ["beta", "gamma"]);
        let larger = [
            member("alpha", version(9, 0), 2, &[]),
            member("beta", version(12, 0), 1, &fork),
            member("gamma", version(12, 0), 1, &fork),
        ];
        assert_eq!(out(&larger), ["alpha"], "one that was off for long does not stop those who went on");
    }
}
