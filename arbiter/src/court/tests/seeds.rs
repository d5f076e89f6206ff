//! Clusters that break in every way, and an arbiter that is lost, restarted and robbed of its memory, by seed.
//!
//! Nodes move on from ring to ring as the real ring lets them: all members agree to the next one first, each works in
//! it from a moment of its own, some never do. Messages of one connection keep their order, those of different ones do
//! not, and what an arbiter had begun to do when its power went is done up to any point.

use super::*;
use crate::report::Heuristics;
use config::{Algorithm, TieBreaker};
use fastrand::Rng;
use std::collections::VecDeque;

type Name = usize;

/// One node of the world.
#[derive(Default)]
struct Node {
    alive: bool,
    /// Which side of the network it is on.
    side: u8,
    /// The newest ring that it agreed to; it never works in an older one again, also not after a crash.
    agreed: Option<(RingId, BTreeSet<NodeId>)>,
    /// The ring it works in.
    installed: Option<(RingId, BTreeSet<NodeId>)>,
    counts: bool,
    /// It has on disk what the members of its ring agreed on.
    stored: bool,
    seat: Option<Seat>,
    up: VecDeque<Report>,
    down: VecDeque<(RingId, Answer)>,
}

struct World {
    random: Rng,
    now: Instant,
    nodes: Vec<Node>,
    algorithm: Algorithm,
    court: Option<Court>,
    disk: Option<Grant>,
    seats: u64,
    granted: usize,
}

fn id(name: Name) -> NodeId {
    NodeId::new(&format!("n{name}")).unwrap()
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Rng::with_seed(seed);
        let size = random.usize(2..=5);
        let algorithm = if random.bool() { Algorithm::Split } else { Algorithm::LastManStanding };
        let nodes = (0..size).map(|_| Node { alive: true, ..Node::default() }).collect();
        #[expect(clippy::disallowed_methods, reason = "any instant will do as the beginning of virtual time")]
        let now = Instant::now();
        let court = Some(Court::new(None, now));
        World { random, now, nodes, algorithm, court, disk: None, seats: 0, granted: 0 }
    }

    fn pick(&mut self) -> Name {
        self.random.usize(..self.nodes.len())
    }

    fn turn(&mut self) {
        let name = self.pick();
        match self.random.u8(..100) {
            0..3 => self.form(name),
            3..23 => self.install(name),
            23..25 => self.nodes.iter_mut().for_each(|node| node.side = self.random.u8(..3)),
            25 => self.nodes.iter_mut().for_each(|node| node.side = 0),
            26 => self.crash(name),
            27..30 => self.nodes[name].alive = true,
            30 => self.lose_arbiter(),
            31..37 => self.start_arbiter(),
            37 => self.disconnect(name),
            38..50 => self.connect(name),
            50..68 => self.up(name),
            68..85 => self.down(name),
            85..90 => self.learn(name),
            _ => {
                let time = Duration::from_millis(self.random.u64(..400));
                self.pass(time);
            }
        }
    }

    /// Those who can hear each other on the side of `name`, or some of them, agree to a new ring.
    fn form(&mut self, name: Name) {
        let side = self.nodes[name].side;
        let whole = self.random.u8(..4) > 0;
        let group: Vec<Name> = (0..self.nodes.len())
            .filter(|other| self.nodes[*other].alive && self.nodes[*other].side == side)
            .filter(|other| *other == name || whole || self.random.bool())
            .collect();
        if !self.nodes[name].alive {
            return;
        }
        self.agree(&group);
    }

    fn agree(&mut self, group: &[Name]) {
        let newest = |name: &Name| self.nodes[*name].agreed.as_ref().map_or(0, |(ring, _)| ring.number);
        let number = group.iter().map(newest).max().unwrap_or(0) + self.random.u64(1..3);
        let members: BTreeSet<NodeId> = group.iter().map(|name| id(*name)).collect();
        let ring = RingId { number, representative: members.first().unwrap().clone() };
        for name in group {
            self.nodes[*name].agreed = Some((ring.clone(), members.clone()));
        }
    }

    fn install(&mut self, name: Name) {
        let node = &mut self.nodes[name];
        if node.alive && node.installed != node.agreed {
            node.installed = node.agreed.clone();
            (node.counts, node.stored) = (false, false);
            self.report(name);
        }
    }

    fn report(&mut self, name: Name) {
        let heuristics = [Heuristics::None, Heuristics::Running, Heuristics::Passed(self.random.u8(..3))];
        let heuristics = heuristics[self.random.usize(..3)];
        let votes = (0..self.nodes.len()).map(|name| (id(name), 1)).collect();
        let (algorithm, tie_breaker) = (self.algorithm, TieBreaker::Lowest);
        let stored = self.random.u8(..4) > 0;
        let node = &mut self.nodes[name];
        node.stored |= stored;
        let (stored, blank) = (node.stored, BTreeSet::new());
        if let (Some(_), Some((ring, members))) = (node.seat, node.installed.clone()) {
            node.up.push_back(Report {
                ring,
                members,
                blank,
                stored,
                votes,
                algorithm,
                tie_breaker,
                heuristics,
                revoked: BTreeSet::new(),
            });
        }
    }

    fn crash(&mut self, name: Name) {
        let node = &mut self.nodes[name];
        (node.alive, node.counts, node.installed) = (false, false, None);
        // The arbiter learns of it later, if at all; what was on the way may still arrive.
        if self.random.bool() {
            self.disconnect(name);
        }
    }

    fn connect(&mut self, name: Name) {
        if !self.nodes[name].alive || self.court.is_none() {
            return;
        }
        self.seats += 1;
        let seat = Seat(self.seats);
        let node = &mut self.nodes[name];
        node.seat = Some(seat);
        node.up.clear();
        node.down.clear();
        self.step(Input::Connected(seat, id(name)));
        self.report(name);
    }

    fn disconnect(&mut self, name: Name) {
        let node = &mut self.nodes[name];
        node.up.clear();
        node.down.clear();
        if let Some(seat) = node.seat.take() {
            self.step(Input::Lost(seat));
        }
    }

    fn up(&mut self, name: Name) {
        let node = &mut self.nodes[name];
        if let (Some(seat), Some(report)) = (node.seat, node.up.pop_front()) {
            self.step(Input::Said(seat, Box::new(report), RTT));
        }
    }

    fn down(&mut self, name: Name) {
        let node = &mut self.nodes[name];
        if let Some((ring, Answer::Granted)) = node.down.pop_front()
            && node.installed.as_ref().is_some_and(|(installed, _)| *installed == ring)
        {
            node.counts = true;
        }
    }

    /// A member hears in its ring what another one was told.
    fn learn(&mut self, name: Name) {
        let told = |other: &Node| other.counts && other.installed == self.nodes[name].installed;
        if self.nodes[name].installed.is_some() && self.nodes.iter().any(told) {
            self.nodes[name].counts = true;
        }
    }

    fn lose_arbiter(&mut self) {
        self.court = None;
        for node in &mut self.nodes {
            node.seat = None;
            node.up.clear();
            // What it had sent may have arrived already.
            if self.random.bool() {
                node.down.clear();
            }
        }
    }

    fn start_arbiter(&mut self) {
        if self.court.is_none() {
            if self.random.u8(..4) == 0 {
                self.disk = None;
            }
            self.court = Some(Court::new(self.disk.clone(), self.now));
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        if self.court.as_ref().and_then(Court::deadline).is_some_and(|deadline| deadline <= self.now) {
            self.step(Input::Wake);
        }
    }

    fn step(&mut self, input: Input) {
        let Some(court) = &mut self.court else { return };
        let outputs = court.step(self.now, input);
        // The moment that counts is the one between disk and network.
        let often = if outputs.iter().any(|output| matches!(output, Output::Persist(_))) { 4 } else { 100 };
        let cut = (self.random.u8(..often) == 0).then(|| self.random.usize(..=outputs.len()));
        for output in outputs.into_iter().take(cut.unwrap_or(usize::MAX)) {
            match output {
                Output::Persist(grant) => {
                    if let Some(before) = &self.disk {
                        assert!(!before.members.is_disjoint(&grant.members), "{before:?} {grant:?}");
                    }
                    self.granted += 1;
                    self.disk = Some(grant);
                }
                Output::Tell(seat, ring, answer) => {
                    if let Some(node) = self.nodes.iter_mut().find(|node| node.seat == Some(seat)) {
                        node.down.push_back((ring, answer));
                    }
                }
                Output::Ask(seat) => {
                    let asked = self.nodes.iter().position(|node| node.seat == Some(seat) && node.alive);
                    asked.into_iter().for_each(|name| self.report(name));
                }
                Output::Refuse(_, reason) => panic!("{reason}"),
                Output::Revoke(_) => panic!("nobody revokes anything here"),
            }
        }
        if cut.is_some() {
            self.lose_arbiter();
        }
    }

    /// Rings that somebody works in and that no member has left for a newer one; and whether they count the vote.
    fn standing(&self) -> BTreeMap<(RingId, BTreeSet<NodeId>), bool> {
        let mut standing = BTreeMap::new();
        for node in self.nodes.iter().filter(|node| node.alive) {
            let Some(part) = &node.installed else { continue };
            let stays = |name: Name| !part.1.contains(&id(name)) || self.nodes[name].agreed.as_ref() == Some(part);
            if (0..self.nodes.len()).all(stays) {
                *standing.entry(part.clone()).or_default() |= node.counts;
            }
        }
        standing
    }

    fn one_part_at_most(&self) {
        let standing = self.standing();
        let counting: Vec<_> = standing.iter().filter(|(_, counts)| **counts).collect();
        assert!(counting.len() <= 1, "two parts count the vote: {counting:?}");
        let nodes = u32::try_from(self.nodes.len()).unwrap();
        let arbiter = self.algorithm.votes(nodes);
        let quorate = |(part, counts): &(&(RingId, BTreeSet<NodeId>), &bool)| {
            let present = u32::try_from(part.1.len()).unwrap() + if **counts { arbiter } else { 0 };
            2 * present > nodes + arbiter
        };
        let quorate: Vec<_> = standing.iter().filter(quorate).collect();
        assert!(quorate.len() <= 1, "two parts are quorate: {quorate:?}");
    }

    /// No more faults: all meet, and the vote is theirs.
    fn heal(&mut self) {
        self.start_arbiter();
        let all: Vec<Name> = (0..self.nodes.len()).collect();
        for node in &mut self.nodes {
            (node.alive, node.side) = (true, 0);
        }
        for name in &all {
            self.connect(*name);
        }
        self.agree(&all);
        for name in all.iter().cycle().take(4 * all.len()) {
            self.start_arbiter();
            if self.nodes[*name].seat.is_none() {
                self.connect(*name);
            }
            self.install(*name);
            self.report(*name);
            while !self.nodes[*name].up.is_empty() {
                self.up(*name);
            }
            self.pass(SETTLE);
            while !self.nodes[*name].down.is_empty() {
                self.down(*name);
            }
        }
        self.one_part_at_most();
        assert!(self.nodes.iter().any(|node| node.counts), "nobody has the vote of an arbiter that all can reach");
    }
}

#[test]
fn one_part_at_most() {
    let mut granted = 0;
    for seed in 0..800 {
        let mut world = World::new(seed);
        if seed % 4 > 0 {
            world.heal();
        }
        for _ in 0..500 {
            world.turn();
            world.one_part_at_most();
        }
        granted += world.granted;
        world.heal();
    }
    // A world in which nothing is granted proves nothing.
    assert!(granted > 2500, "{granted} grants");
}
