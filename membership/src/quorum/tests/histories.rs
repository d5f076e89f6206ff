//! Last-man-standing over random histories: partitions, proposals that some stored and others not, seals that some
//! heard of, restarts. At no time may two sides be quorate.

use super::*;

const NODES: usize = 6;

/// What may go wrong in a program that uses a [`Roll`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    /// Sealed without waiting for a quorum to have stored the proposal.
    SealsAtOnce,
    /// A pending proposal is not counted.
    ForgetsPending,
    /// Said to be stored before it is on disk.
    StoresLate,
    /// Votes of nodes outside of the electorate count.
    CountsAll,
    /// A pending proposal is replaced by a new one.
    Replaces,
}

struct World {
    random: fastrand::Rng,
    mistake: Mistake,
    votes: BTreeMap<NodeId, u32>,
    /// On each node's disk.
    rolls: BTreeMap<NodeId, Roll>,
    /// The sides, each a view.
    sides: Vec<View>,
    number: u64,
    shrunk: u32,
}

impl World {
    fn new(seed: u64, mistake: Mistake) -> World {
        let mut random = fastrand::Rng::with_seed(seed);
        let all: Vec<NodeId> = (0..NODES).map(nth).collect();
        let votes = all.iter().map(|name| (name.clone(), random.u32(1..3))).collect();
        let fresh = Roll::new(all.iter().cloned().collect());
        let rolls = all.iter().map(|name| (name.clone(), fresh.clone())).collect();
        World { random, mistake, votes, rolls, sides: vec![view(1, all)], number: 1, shrunk: 0 }
    }

    /// What a side knows together. Members tell each other when the view begins.
    fn roll(&self, side: &View) -> Roll {
        let known = side.members.keys().map(|name| self.rolls[name].clone());
        known.reduce(Roll::merge).expect("a side has a member")
    }

    fn quorate(&self, side: &View) -> bool {
        let mut roll = self.roll(side);
        if self.mistake == Mistake::ForgetsPending {
            roll.pending = None;
        }
        if self.mistake == Mistake::CountsAll {
            let nodes = roll.settled.nodes.iter();
            let expected: u32 = nodes.map(|name| self.votes[name]).sum();
            return Share::of(&self.votes, |name| side.contains(name)).present > expected / 2;
        }
        roll.quorate(side, &self.votes)
    }

    /// Everybody is dealt to one of a few sides anew.
    fn split(&mut self) {
        let count = self.random.usize(1..4);
        let mut dealt: Vec<Vec<NodeId>> = vec![Vec::new(); count];
        for name in self.votes.keys() {
            dealt[self.random.usize(0..count)].push(name.clone());
        }
        self.sides.clear();
        for side in dealt.into_iter().filter(|side| !side.is_empty()) {
            self.number += 1;
            self.sides.push(view(self.number, side));
        }
        // Whether all learn what one knows before the next accident is a matter of luck.
        for side in self.sides.clone() {
            let roll = self.roll(&side);
            for name in side.members.keys() {
                if self.random.bool() {
                    self.rolls.insert(name.clone(), roll.clone());
                }
            }
        }
    }

    /// A side tries to change who counts, and gets as far as it gets.
    fn change(&mut self, side: &View) {
        let mut roll = self.roll(side);
        if self.mistake == Mistake::Replaces {
            roll.pending = None;
        }
        if roll.pending.is_none() && !roll.propose(side, &self.votes) {
            return;
        }
        let mut stored = Vec::new();
        for name in side.members.keys() {
            match self.random.u8(0..10) {
                0 | 1 => {}
                2 if self.mistake == Mistake::StoresLate => stored.push(name.clone()),
                _ => {
                    self.rolls.insert(name.clone(), roll.clone());
                    stored.push(name.clone());
                }
            }
        }
        if stored.is_empty() {
            return;
        }
        let said = if self.mistake == Mistake::SealsAtOnce { side.clone() } else { view(self.number, stored) };
        if !roll.seal(&said, &self.votes) {
            return;
        }
        self.shrunk += u32::from(roll.settled.nodes.len() < 4);
        for name in side.members.keys() {
            if self.random.bool() {
                self.rolls.insert(name.clone(), roll.clone());
            }
        }
    }

    /// The sides that are quorate, when they are more than one.
    fn split_brain(&self) -> Option<Vec<&View>> {
        let quorate: Vec<&View> = self.sides.iter().filter(|side| self.quorate(side)).collect();
        (quorate.len() > 1).then_some(quorate)
    }
}

/// Whether some history of this seed ends in a split brain; also how often few were left.
fn history(seed: u64, mistake: Mistake) -> (bool, u32) {
    let mut world = World::new(seed, mistake);
    for _ in 0..60 {
        world.split();
        if world.split_brain().is_some() {
            return (true, world.shrunk);
        }
        for _ in 0..world.random.usize(0..3) {
            let side = world.sides[world.random.usize(0..world.sides.len())].clone();
            world.change(&side);
            if world.split_brain().is_some() {
                return (true, world.shrunk);
            }
        }
    }
    (false, world.shrunk)
}

#[test]
fn no_history_ends_in_two_quorate_sides() {
    let mut shrunk = 0;
    for seed in 0..2000 {
        let (split, few) = history(seed, Mistake::None);
        assert!(!split, "seed {seed}");
        shrunk += few;
    }
    assert!(shrunk > 100, "and yet clusters get by with a few nodes: {shrunk}");
}

#[test]
fn every_mistake_is_found_by_some_history() {
    for mistake in
        [Mistake::SealsAtOnce, Mistake::ForgetsPending, Mistake::StoresLate, Mistake::CountsAll, Mistake::Replaces]
    {
        assert!((0..2000).any(|seed| history(seed, mistake).0), "{mistake:?}");
    }
}

#[test]
fn one_after_the_other_may_go() {
    let votes: BTreeMap<NodeId, u32> = (0..5).map(|n| (nth(n), 1)).collect();
    let mut roll = Roll::new(votes.keys().cloned().collect());
    for left in (2..5).rev() {
        let side = view(left as u64, (0..left).map(nth));
        assert!(roll.quorate(&side, &votes), "{left}");
        assert!(roll.propose(&side, &votes) && !roll.propose(&side, &votes), "{left}");
        assert!(!roll.clone().seal(&view(9, [nth(0)]), &votes), "one alone does not seal");
        assert!(roll.seal(&side, &votes), "{left}");
    }
    assert!(!roll.quorate(&view(9, [nth(0)]), &votes), "of two, one is no majority");
    assert!(!roll.quorate(&view(9, (1..5).map(nth)), &votes), "those who left do not count until they are taken back");
    let all = view(10, (0..5).map(nth));
    assert!(roll.quorate(&all, &votes) && roll.propose(&all, &votes) && roll.seal(&all, &votes));
    assert!(roll.quorate(&view(11, (2..5).map(nth)), &votes));
}
