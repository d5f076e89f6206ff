//! Every rule as a table, and the promise that two sides never act, for all small clusters and for random histories.

mod histories;

use super::*;
use crate::view::{Incarnation, RingId};
use config::TieBreaker;
use std::collections::BTreeSet;

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

/// The nth node, in alphabetic order.
fn nth(n: usize) -> NodeId {
    node(["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"].map(|name| &name[..1])[n])
}

/// A view of these nodes.
fn view(number: u64, members: impl IntoIterator<Item = NodeId>) -> View {
    let members: BTreeMap<NodeId, Incarnation> = members.into_iter().map(|name| (name, Incarnation(1))).collect();
    let representative = members.keys().next().cloned().unwrap_or_else(|| node("nobody"));
    View { ring: RingId { number, representative }, members, came_along: BTreeSet::new() }
}

fn options(two_node: bool, wait: Option<bool>, tie: Option<TieBreaker>) -> QuorumOptions {
    QuorumOptions { two_node, wait_for_all: wait, auto_tie_breaker: tie, ..QuorumOptions::default() }
}

/// `a1 b1 c2`: names and votes.
fn roll(all: &str, options: &QuorumOptions) -> Roll {
    let votes = all.split(' ').map(|text| (node(&text[..1]), text[1..].parse().unwrap())).collect();
    Roll::new(Electorate::new(&votes, options))
}

/// `all` is `a1 b1 c2` (names and votes), `here` is `a b`. The answer as `yes 2/4 needs 3`.
fn answer(all: &str, here: &str, options: &QuorumOptions, seen: bool) -> String {
    let seen = Seen { all: seen, ..Seen::default() };
    let Quorum { quorate, votes, expected, needed, awaited, .. } =
        quorum(&view(1, here.split_whitespace().map(node)), &roll(all, options), options, &seen);
    let waits: String = awaited.iter().map(|node| format!(" waits for {node}")).collect();
    format!("{} {votes}/{expected} needs {needed}{waits}", if quorate { "yes" } else { "no" })
}

#[test]
fn the_rules() {
    let plain = || options(false, None, None);
    let two = || options(true, None, None);
    let wait = || options(false, Some(true), None);
    let tie = |rule| options(false, None, Some(rule));
    let named = |name| tie(TieBreaker::Node(node(name)));
    for (all, here, options, seen, expected) in [
        ("a1 b1 c1", "a b", plain(), false, "yes 2/3 needs 2"),
        ("a1 b1 c1", "c", plain(), true, "no 1/3 needs 2"),
        ("a1 b1 c1 d1", "a b", plain(), true, "no 2/4 needs 3"),
        ("a3 b1 c1", "a", plain(), true, "yes 3/5 needs 3"),
        ("a3 b1 c1", "b c", plain(), true, "no 2/5 needs 3"),
        // an observer, a stranger, nobody
        ("a1 b0", "a", plain(), true, "yes 1/1 needs 1"),
        ("a1 b0", "b", plain(), true, "no 0/1 needs 1"),
        ("a1 b1 c1", "a x y", plain(), true, "no 1/3 needs 2"),
        ("a0 b0", "a b", plain(), true, "no 0/0 needs 1"),
        ("a0 b0", "a b", tie(TieBreaker::Lowest), true, "no 0/0 needs 1"),
        // two nodes
        ("a1 b1", "b", two(), true, "yes 1/2 needs 1"),
        ("a1 b1", "b", two(), false, "no 1/2 needs 1 waits for a"),
        ("a1 b1", "a b", two(), false, "yes 2/2 needs 1"),
        ("a1 b1", "b", options(true, Some(false), None), false, "yes 1/2 needs 1"),
        ("a1 b1 c1", "b", two(), true, "no 1/3 needs 2"),
        // all are waited for, but nobody without a vote
        ("a1 b1 c1", "a b", wait(), false, "no 2/3 needs 2 waits for c"),
        ("a1 b1 c1", "a b", wait(), true, "yes 2/3 needs 2"),
        ("a1 b1 c0", "a b", wait(), false, "yes 2/2 needs 2"),
        // ties
        ("a1 b1 c1 d1", "a b", tie(TieBreaker::Lowest), true, "yes 2/4 needs 2"),
        ("a1 b1 c1 d1", "c d", tie(TieBreaker::Lowest), true, "no 2/4 needs 3"),
        ("a1 b1 c1 d1", "c d", tie(TieBreaker::Highest), true, "yes 2/4 needs 2"),
        ("a1 b1 c1 d1", "b d", named("b"), true, "yes 2/4 needs 2"),
        ("a1 b1 c1 d1", "c d", named("b"), true, "no 2/4 needs 3"),
        ("a1 b1 c1 d1", "a", tie(TieBreaker::Lowest), true, "no 1/4 needs 2"),
        ("a1 b1 c1 d1", "b c d", tie(TieBreaker::Lowest), true, "yes 3/4 needs 3"),
        ("a0 b1 c1", "a b", tie(TieBreaker::Lowest), true, "yes 1/2 needs 1"),
        ("a0 b1 c1", "a c", tie(TieBreaker::Lowest), true, "no 1/2 needs 2"),
        ("a0 b1 c1", "a b", named("a"), true, "no 1/2 needs 2"),
        ("a1 b1 c1", "a", tie(TieBreaker::Lowest), true, "no 1/3 needs 2"),
    ] {
        assert_eq!(answer(all, here, &options, seen), expected, "{all} | {here} | {options:?} {seen}");
    }
}

/// Two sides of a cluster that share no node, as bits.
fn sides(count: usize) -> impl Iterator<Item = (usize, usize)> {
    let all = 0..1usize << count;
    all.clone().flat_map(move |one| all.clone().filter(move |other| one & other == 0).map(move |other| (one, other)))
}

fn members(bits: usize) -> impl Iterator<Item = NodeId> {
    (0..8).filter(move |n| bits & (1 << n) != 0).map(nth)
}

/// The first pair of sides that are both quorate under a rule.
fn both(count: usize, rule: impl Fn(&View) -> bool) -> Option<(usize, usize)> {
    sides(count).find(|(one, other)| rule(&view(1, members(*one))) && rule(&view(2, members(*other))))
}

#[test]
fn two_sides_are_never_both_quorate() {
    let mut random = fastrand::Rng::with_seed(4);
    for round in 0..300 {
        let count = 1 + round % 6;
        let votes: BTreeMap<NodeId, u32> = (0..count).map(|n| (nth(n), random.u32(0..5))).collect();
        let tie = match random.u8(0..4) {
            0 => None,
            1 => Some(TieBreaker::Lowest),
            2 => Some(TieBreaker::Highest),
            _ => Some(TieBreaker::Node(nth(random.usize(0..count)))),
        };
        let wait = [None, Some(true), Some(false)][random.usize(0..3)];
        let options = options(false, wait, tie);
        let seen = Seen { all: random.bool(), ..Seen::default() };
        let mut roll = Roll::new(Electorate::new(&votes, &options));
        if random.bool() {
            let keep = random.usize(0..1 << count);
            roll.propose(roll.settled.only(|node| members(keep).any(|kept| kept == *node)));
        }
        let found = both(count, |view| quorum(view, &roll, &options, &seen).quorate);
        assert_eq!(found, None, "{roll:?} {options:?} {seen:?}");
        let roll = Roll::new(roll.settled);
        let all = quorum(&view(1, votes.keys().cloned()), &roll, &options, &Seen::default());
        assert_eq!(all.quorate, all.expected > 0, "all together always are, if anybody votes");
    }
}

/// What the search above would say to rules that are wrong in the usual ways.
#[test]
fn wrong_rules_are_found_out() {
    let plain = options(false, None, None);
    let four = Electorate::new(&(0..4).map(|n| (nth(n), 1)).collect(), &plain);
    let present = |view: &View| four.tally(|node| view.contains(node), false).votes;
    assert!(both(4, |view| present(view) >= 2).is_some(), "half is enough");
    let lowest_here = |view: &View| present(view) >= 2 && view.members.keys().next() == Some(&nth(0));
    assert_eq!(both(4, lowest_here), None);
    let any_tie = |view: &View| present(view) >= 2 && view.members.keys().any(|node| *node <= nth(1));
    assert!(both(4, any_tie).is_some(), "two tie-breakers");
    let two = options(true, Some(false), None);
    let pair = roll("a1 b1", &two);
    let any = Seen { all: true, ..Seen::default() };
    assert!(both(2, |view| quorum(view, &pair, &two, &any).quorate).is_some(), "two-node leaves it to fencing");
}

#[test]
fn who_lost_its_disk_does_not_count_before_it_was_taken_in() {
    let plain = options(false, None, None);
    let three = roll("a1 b1 c1", &plain);
    let ask = |here: &str, blank: &str| {
        let seen = Seen { all: true, blank: blank.split_whitespace().map(node).collect(), ..Seen::default() };
        let found = quorum(&view(1, here.split_whitespace().map(node)), &three, &plain, &seen);
        (found.quorate, found.votes, found.blank.len())
    };
    assert_eq!(ask("a b", ""), (true, 2, 0));
    assert_eq!(ask("a b", "b"), (false, 1, 1), "c may have gone on with b, and b forgot it");
    assert_eq!(ask("a b c", "b"), (true, 3, 0), "a and c are enough, and take b in");
    assert_eq!(ask("a b c", "b c"), (true, 3, 0), "nobody is elsewhere");
}

#[test]
fn an_arbiter_counts_for_whom_it_says() {
    let plain = options(false, None, None);
    let mut pair = roll("a1 b1", &plain);
    pair.settled.external = 1;
    let ask = |here: &str, said: Option<bool>| {
        let seen = Seen { all: true, external: said, ..Seen::default() };
        let found = quorum(&view(1, here.split_whitespace().map(node)), &pair, &plain, &seen);
        (found.quorate, found.undecided(), format!("{}/{} needs {}", found.votes, found.expected, found.needed))
    };
    assert_eq!(ask("a", None), (false, true, "1/3 needs 2".to_owned()));
    assert_eq!(ask("a", Some(false)), (false, false, "1/3 needs 2".to_owned()));
    assert_eq!(ask("a", Some(true)), (true, false, "2/3 needs 2".to_owned()));
    assert_eq!(
        ask("a b", None),
        (true, false, "2/3 needs 2".to_owned()),
        "nobody waits for a word that changes nothing"
    );
}

/// What is secured is met again by every part that may act later, whatever the rules: for all small clusters.
#[test]
fn what_is_secured_is_known_to_every_later_quorum() {
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..300 {
        let count = 1 + round % 5;
        let votes: BTreeMap<NodeId, u32> = (0..count).map(|n| (nth(n), random.u32(0..4))).collect();
        let tie = [None, Some(TieBreaker::Lowest), Some(TieBreaker::Highest)][random.usize(0..3)].clone();
        let mut electorate = Electorate::new(&votes, &options(false, None, tie.clone()));
        electorate.external = if tie.is_none() { random.u32(0..3) } else { 0 };
        for (stored, later) in sides(count) {
            let here = |bits: usize| move |node: &NodeId| members(bits).any(|member| member == *node);
            // One more than those who stored it is a member: this is not the case in which all have it.
            let part = members(stored).chain([node("z")]).collect();
            let both = electorate.secured(here(stored), &part) && electorate.tally(here(later), true).carried();
            assert!(!both, "{electorate:?}: {stored:b} have it, {later:b} act");
        }
    }
}
