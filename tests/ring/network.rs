//! The wires: delay, jitter, loss, repetition, stragglers, damage, cuts in one direction or both.

use fastrand::Rng;

/// How good the wires are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weather {
    /// Shortest time on the wire, in microseconds.
    pub delay: u64,
    /// Up to this much more: frames overtake each other.
    pub jitter: u64,
    /// Share of frames that are lost.
    pub loss: f64,
    /// Share of frames that come twice.
    pub twice: f64,
    /// Share of frames that take up to twenty times as long.
    pub late: f64,
    /// Share of frames that arrive damaged.
    pub damaged: f64,
}

/// A quiet network.
pub const CALM: Weather = Weather { delay: 80, jitter: 40, loss: 0.0, twice: 0.0, late: 0.0, damaged: 0.0 };

/// One arrival of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy {
    /// After so many microseconds.
    pub after: u64,
    /// Not as it was sent.
    pub damaged: bool,
}

/// All wires.
#[derive(Clone, Debug)]
pub struct Network {
    /// The quality of every wire.
    pub weather: Weather,
    /// Added to the delay of every frame.
    pub spike: u64,
    nodes: usize,
    cut: Vec<bool>,
}

impl Network {
    /// Whole, in calm weather.
    pub fn new(nodes: usize) -> Network {
        Network { weather: CALM, spike: 0, nodes, cut: vec![false; nodes * nodes] }
    }

    /// What arrives of a frame that is sent now.
    pub fn carry(&self, rng: &mut Rng, from: usize, to: usize) -> [Option<Copy>; 2] {
        let Weather { loss, twice, .. } = self.weather;
        if !self.open(from, to) || happens(rng, loss) {
            return [None, None];
        }
        let again = happens(rng, twice).then(|| self.copy(rng));
        [Some(self.copy(rng)), again]
    }

    fn copy(&self, rng: &mut Rng) -> Copy {
        let Weather { delay, jitter, late, damaged, .. } = self.weather;
        let time = delay + rng.u64(0..=jitter);
        let slow = if happens(rng, late) { rng.u64(1..=20) } else { 1 };
        Copy { after: time * slow + self.spike, damaged: happens(rng, damaged) }
    }

    /// Whether the wire in this direction is whole.
    pub fn open(&self, from: usize, to: usize) -> bool {
        !self.cut[from * self.nodes + to]
    }

    /// Cuts or mends one direction.
    pub fn set(&mut self, from: usize, to: usize, open: bool) {
        self.cut[from * self.nodes + to] = !open;
    }

    /// Only nodes on the same side reach each other. `sides` names the side of each.
    pub fn partition(&mut self, sides: &[u8]) {
        for from in 0..self.nodes {
            for to in 0..self.nodes {
                self.set(from, to, sides[from] == sides[to]);
            }
        }
    }

    /// Everything is mended.
    pub fn heal(&mut self) {
        self.cut.fill(false);
    }
}

fn happens(rng: &mut Rng, share: f64) -> bool {
    share > 0.0 && rng.f64() < share
}
