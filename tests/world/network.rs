//! The wires between the machines: delay, jitter, loss, duplication, reordering (a consequence of jitter), cuts in one
//! direction or both.

use crate::clock::MS;
use fastrand::Rng;

/// How good the wires are at the moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quality {
    /// Shortest time on the wire, in microseconds.
    pub(crate) delay: u64,
    /// Up to this much more, in microseconds.
    pub(crate) jitter: u64,
    /// Frames lost, per thousand.
    pub(crate) loss: u32,
    /// Frames that arrive twice, per thousand.
    pub(crate) duplicates: u32,
    /// Frames that take ten times as long, per thousand.
    pub(crate) stragglers: u32,
}

impl Quality {
    /// What a quiet network does.
    pub(crate) fn calm(rng: &mut Rng) -> Quality {
        Quality { delay: rng.u64(500..6 * MS), jitter: rng.u64(1..3 * MS), loss: 0, duplicates: 0, stragglers: 0 }
    }

    /// What a bad network does.
    pub(crate) fn bad(rng: &mut Rng) -> Quality {
        Quality {
            delay: rng.u64(500..10 * MS),
            jitter: rng.u64(1..20 * MS),
            loss: rng.u32(0..120),
            duplicates: rng.u32(0..60),
            stragglers: rng.u32(0..30),
        }
    }
}

/// All wires.
#[derive(Debug)]
pub(crate) struct Network {
    machines: usize,
    cut: Vec<bool>,
    rng: Rng,
    /// The quality of every wire.
    pub(crate) quality: Quality,
}

impl Network {
    pub(crate) fn new(machines: usize, mut rng: Rng) -> Network {
        let quality = Quality::calm(&mut rng);
        Network { machines, cut: vec![false; machines * machines], rng, quality }
    }

    /// When copies of a frame that leaves now arrive, in microseconds from now: none, one or two.
    pub(crate) fn carry(&mut self, from: usize, to: usize) -> [Option<u64>; 2] {
        let Quality { loss, duplicates, .. } = self.quality;
        if !self.open(from, to) || self.one_in_thousand(loss) {
            return [None, None];
        }
        let again = if self.one_in_thousand(duplicates) { Some(self.transit()) } else { None };
        [Some(self.transit()), again]
    }

    fn transit(&mut self) -> u64 {
        let time = self.quality.delay + self.rng.u64(0..self.quality.jitter.max(1));
        let straggles = self.one_in_thousand(self.quality.stragglers);
        if straggles { time * 10 } else { time }
    }

    fn one_in_thousand(&mut self, rate: u32) -> bool {
        rate > 0 && self.rng.u32(0..1_000) < rate
    }

    /// Whether the wire in this direction is whole.
    pub(crate) fn open(&self, from: usize, to: usize) -> bool {
        !self.cut[from * self.machines + to]
    }

    /// Cut or mend one direction.
    pub(crate) fn set_cut(&mut self, from: usize, to: usize, cut: bool) {
        self.cut[from * self.machines + to] = cut;
    }

    /// Only machines on the same side reach each other. `sides` names the side of each machine.
    pub(crate) fn partition(&mut self, sides: &[u8]) {
        for from in 0..self.machines {
            for to in 0..self.machines {
                self.set_cut(from, to, sides[from] != sides[to]);
            }
        }
    }

    /// Mend everything; the pairs (in one direction) that were cut.
    pub(crate) fn heal(&mut self) -> Vec<(usize, usize)> {
        let machines = self.machines;
        let cut = std::mem::replace(&mut self.cut, vec![false; machines * machines]);
        cut.iter().enumerate().filter(|(_, cut)| **cut).map(|(at, _)| (at / machines, at % machines)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Network, Quality};
    use fastrand::Rng;

    #[test]
    fn a_cut_is_one_way_and_healing_names_it() {
        let mut network = Network::new(3, Rng::with_seed(1));
        network.set_cut(0, 1, true);
        assert_eq!(network.carry(0, 1), [None, None]);
        assert!(network.carry(1, 0)[0].is_some());
        assert_eq!(network.heal(), [(0, 1)]);
        assert!(network.carry(0, 1)[0].is_some());
    }

    #[test]
    fn a_partition_parts_the_sides_only() {
        let mut network = Network::new(4, Rng::with_seed(1));
        network.partition(&[0, 0, 1, 1]);
        assert!(network.open(0, 1) && network.open(3, 2));
        assert!(!network.open(0, 2) && !network.open(3, 1));
    }

    #[test]
    fn a_bad_network_loses_repeats_and_overtakes() {
        let mut network = Network::new(2, Rng::with_seed(7));
        network.quality = Quality { delay: 100, jitter: 1_000, loss: 200, duplicates: 200, stragglers: 0 };
        let fates: Vec<_> = (0..200).map(|_| network.carry(0, 1)).collect();
        assert!(fates.iter().any(|copies| copies[0].is_none()));
        assert!(fates.iter().any(|copies| copies[1].is_some()));
        assert!(fates.windows(2).any(|pair| pair[1][0] < pair[0][0]));
    }
}
