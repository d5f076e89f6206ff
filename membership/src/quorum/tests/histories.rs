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
    /// A node that lost its disk has a vote.
    CountsBlank,
}

/// What a disk holds: a roll, and which quorate part made it: the number of its view, and the place there.
type Held = ((u64, u64), Roll);

struct World {
    random: fastrand::Rng,
    mistake: Mistake,
    rolls: BTreeMap<NodeId, Held>,
    /// Those that were given a new disk.
    blank: BTreeSet<NodeId>,
    /// The sides, each a view.
    sides: Vec<View>,
    number: u64,
    shrunk: u32,
}

impl World {
    fn new(seed: u64, mistake: Mistake) -> World {
        let mut random = fastrand::Rng::with_seed(seed);
        let votes = (0..NODES).map(|n| (nth(n), random.u32(1..3))).collect();
        let tie = [None, Some(TieBreaker::Lowest), Some(TieBreaker::Highest)][random.usize(0..3)].clone();
        let fresh = Roll::new(Electorate::new(&votes, &options(false, None, tie)));
        let rolls = votes.keys().map(|name| (name.clone(), ((0, 0), fresh.clone()))).collect();
        let all = view(1, votes.into_keys());
        World { random, mistake, rolls, blank: BTreeSet::new(), sides: vec![all], number: 1, shrunk: 0 }
    }

    /// What a side knows together. Members tell each other when the view begins.
    fn held(&self, side: &View) -> Held {
        let known = side.members.keys().map(|name| self.rolls[name].clone());
        known.max_by_key(|(when, _)| *when).expect("a side has a member")
    }

    fn quorate(&self, side: &View) -> bool {
        let (_, mut roll) = self.held(side);
        if self.mistake == Mistake::ForgetsPending {
            roll.pending = None;
        }
        let blank = if self.mistake == Mistake::CountsBlank { BTreeSet::new() } else { self.blank.clone() };
        let blank = blank.into_iter().filter(|node| side.contains(node)).collect();
        if self.mistake == Mistake::CountsAll {
            let enough = roll.settled.tally(|_| false, false).expected / 2;
            return side.members.len() > usize::try_from(enough).unwrap();
        }
        quorum(side, &roll, &QuorumOptions::default(), &Seen { all: true, blank, external: None }).quorate
    }

    /// Those who `learn` in this side write what all of it knows, and are blank no more.
    fn learn(&mut self, side: &View, held: &Held) -> BTreeSet<NodeId> {
        let mut stored = BTreeSet::new();
        for name in side.members.keys() {
            match self.random.u8(0..10) {
                0 | 1 => {}
                2 if self.mistake == Mistake::StoresLate => {
                    stored.insert(name.clone());
                }
                _ => {
                    self.rolls.insert(name.clone(), held.clone());
                    self.blank.remove(name);
                    stored.insert(name.clone());
                }
            }
        }
        stored
    }

    /// Everybody is dealt to one of a few sides anew, some with a new disk. Sides with quorum confirm what they have.
    fn split(&mut self) {
        if self.random.u8(0..8) == 0 {
            self.lose_disk();
        }
        let count = self.random.usize(1..4);
        let mut dealt: Vec<Vec<NodeId>> = vec![Vec::new(); count];
        for name in self.rolls.keys() {
            dealt[self.random.usize(0..count)].push(name.clone());
        }
        self.sides.clear();
        for side in dealt.into_iter().filter(|side| !side.is_empty()) {
            self.number += 1;
            self.sides.push(view(self.number, side));
        }
        // Whether all learn what one knows before the next accident is a matter of luck.
        for side in self.sides.clone() {
            if self.quorate(&side) {
                let (_, roll) = self.held(&side);
                self.learn(&side, &((side.ring.number, 0), roll));
            }
        }
    }

    fn lose_disk(&mut self) {
        let name = nth(self.random.usize(0..NODES));
        let votes = (0..NODES).map(nth).map(|name| (name, 1)).collect();
        self.rolls.insert(name.clone(), ((0, 0), Roll::new(Electorate::new(&votes, &QuorumOptions::default()))));
        self.blank.insert(name);
    }

    /// A quorate side tries to change who counts, and gets as far as it gets.
    fn change(&mut self, side: &View) {
        if !self.quorate(side) {
            return;
        }
        let ((view, index), mut roll) = self.held(side);
        let index = if view == side.ring.number { index + 1 } else { 1 };
        if roll.pending.is_none() {
            let all = Electorate { votes: (0..NODES).map(|n| (nth(n), 1)).collect(), ..roll.settled.clone() };
            roll.propose(all.only(|node| side.contains(node)));
        }
        let stored = self.learn(side, &((side.ring.number, index), roll.clone()));
        let members = side.members.keys().cloned().collect();
        let said = |node: &NodeId| stored.contains(node) || self.mistake == Mistake::SealsAtOnce;
        if roll.seal(said, &members) {
            self.shrunk += u32::from(roll.settled.votes.len() < 4);
            self.learn(side, &((side.ring.number, index + 1), roll));
        }
    }

    /// The sides that are quorate, when they are more than one.
    fn split_brain(&self) -> bool {
        self.sides.iter().filter(|side| self.quorate(side)).count() > 1
    }
}

/// Whether some history of this seed ends in a split brain; also how often few were left.
fn history(seed: u64, mistake: Mistake) -> (bool, u32) {
    let mut world = World::new(seed, mistake);
    for _ in 0..60 {
        world.split();
        if world.split_brain() {
            return (true, world.shrunk);
        }
        for _ in 0..world.random.usize(0..3) {
            let side = world.sides[world.random.usize(0..world.sides.len())].clone();
            world.change(&side);
            if world.split_brain() {
                return (true, world.shrunk);
            }
        }
    }
    (false, world.shrunk)
}

#[test]
fn no_history_ends_in_two_quorate_sides() {
    let mut shrunk = 0;
    for seed in 0..600 {
        let (split, few) = history(seed, Mistake::None);
        assert!(!split, "seed {seed}");
        shrunk += few;
    }
    assert!(shrunk > 30, "and yet clusters get by with a few nodes: {shrunk}");
}

#[test]
fn every_mistake_is_found_by_some_history() {
    for mistake in
        [Mistake::SealsAtOnce, Mistake::ForgetsPending, Mistake::StoresLate, Mistake::CountsAll, Mistake::CountsBlank]
    {
        assert!((0..2000).any(|seed| history(seed, mistake).0), "{mistake:?}");
    }
}

#[test]
fn one_after_the_other_may_go() {
    let tie = options(false, None, Some(TieBreaker::Lowest));
    let all = Electorate::new(&(0..5).map(|n| (nth(n), 1)).collect(), &tie);
    let mut roll = Roll::new(all.clone());
    let carried = |roll: &Roll, side: &View| quorum(side, roll, &tie, &Seen { all: true, ..Seen::default() }).quorate;
    for left in (1..5).rev() {
        let side = view(left as u64, (0..left).map(nth));
        assert!(carried(&roll, &side), "{left}");
        let target = all.only(|node| side.contains(node));
        assert!(roll.propose(target.clone()) && !roll.propose(target), "{left}");
        let members = side.members.keys().cloned().collect();
        assert!(!roll.clone().seal(|node| *node == nth(3), &members), "one that is not enough does not seal");
        assert!(roll.seal(|node| side.contains(node), &members), "{left}");
    }
    assert!(!carried(&roll, &view(9, (1..5).map(nth))), "those who left do not count until they are taken back");
    let back = view(10, (0..5).map(nth));
    assert!(carried(&roll, &back) && roll.propose(all) && roll.seal(|_| true, &BTreeSet::new()));
    assert!(carried(&roll, &view(11, (2..5).map(nth))));
}
