//! What happens to a world, by seed: its size and weather, then one fault after the other. When they stop, [`settle`]
//! asks for one view in bounded time.

mod settle;

use crate::checks::Violation;
use crate::network::Weather;
use crate::programs::Programs;
use crate::world::{Detail, MS, Shape, World};
use fastrand::Rng;
use std::time::{Duration, Instant};

/// At the end of names, where what is said about all members shall take several packets.
const LONG: &str = "-in-the-second-rack-of-the-third-row.datacenter.example.org";
/// Frames after which no further faults are planned: large worlds see fewer of them.
const ENOUGH: u64 = 40_000;

/// What became of a world.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How many nodes.
    pub nodes: usize,
    /// The rule that did not hold.
    pub violation: Option<Violation>,
    /// Virtual time, in milliseconds.
    pub time: u64,
    /// Steps of rings.
    pub steps: u64,
    /// Views installed.
    pub views: u64,
    /// Messages delivered, and how many of them while a view was being left.
    pub deliveries: (u64, u64),
    /// What programs were told of their groups.
    pub heard: u64,
    /// From the end of the faults to one view, as a share of what is allowed.
    pub settled: f64,
}

/// A world and what is planned for it.
pub struct Plan {
    rng: Rng,
    /// Where it happens.
    pub world: World,
    token: u64,
    settled: f64,
}

impl Plan {
    /// The plan of a seed. `nodes` overrides how many there are.
    pub fn new(seed: u64, nodes: Option<usize>, dawn: Instant, detail: Detail, lines: usize) -> Plan {
        let mut rng = Rng::with_seed(seed ^ 0x5eed);
        // Many small ones say more than a few large ones, which take long.
        let drawn = match rng.u16(..1000) {
            0..=749 => rng.usize(2..=5),
            750..=959 => rng.usize(6..=9),
            960..=996 => rng.usize(10..=20),
            _ => rng.usize(21..=64),
        };
        let small = rng.u8(..3) == 0;
        let shape = Shape {
            nodes: nodes.unwrap_or(drawn),
            tail: if small { LONG } else { "" },
            token: Duration::from_millis([300, 500, 1000, 1000][rng.usize(..4)]),
            frame_limit: if small { 512 } else { 1200 },
        };
        let mut world = World::new(&shape, seed, dawn, detail, lines);
        world.network.weather = weather(&mut rng);
        world.disk_delay = rng.u64(MS..40 * MS);
        let token = world.token();
        Plan { rng, world, token, settled: 0.0 }
    }

    /// Plays it to the end.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn play(&mut self) -> Result<(), Violation> {
        for at in 0..self.world.hosts.len() {
            if self.rng.u8(..4) > 0 {
                self.world.start(at)?;
            }
        }
        for _ in 0..self.rng.usize(10..40) {
            self.act()?;
            self.programs_act()?;
            let pause = match self.rng.u8(..4) {
                0 => self.rng.u64(..5 * MS),
                1 => self.rng.u64(..200 * MS),
                2 => self.rng.u64(..2 * self.token),
                _ => {
                    self.until_something_changes()?;
                    0
                }
            };
            self.world.run(pause)?;
            if self.world.frames > ENOUGH {
                break;
            }
        }
        self.settle()?;
        self.world.flights.check(self.world.recorders())
    }

    /// How it went.
    pub fn outcome(&self, violation: Option<Violation>) -> Outcome {
        let World { now, checks, steps, hosts, .. } = &self.world;
        Outcome {
            nodes: hosts.len(),
            violation,
            time: now / MS,
            steps: *steps,
            views: checks.views,
            deliveries: (checks.deliveries, checks.transitional),
            heard: self.world.programs.as_ref().map_or(0, |programs| programs.heard),
            settled: self.settled,
        }
    }

    /// Faults are at their worst in the middle of a change of members: waits for one.
    fn until_something_changes(&mut self) -> Result<(), Violation> {
        for _ in 0..40 {
            self.world.run(self.rng.u64(MS / 4..4 * MS))?;
            if self.world.running().iter().any(|at| !self.world.operates(*at)) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn act(&mut self) -> Result<(), Violation> {
        let count = self.world.hosts.len();
        let (at, other) = (self.rng.usize(..count), self.rng.usize(..count));
        let up = self.world.hosts[at].ring.is_some();
        match self.rng.u8(..32) {
            0..=9 => return self.talk(),
            10 | 11 if up => self.world.crash(at, self.rng.bool()),
            12 | 13 => return self.restart(at),
            14 => return self.storm(),
            15 | 16 => self.partition(),
            17 if at != other => self.world.network.set(at, other, false),
            18 if at != other => return self.flap(at, other),
            19..=21 => self.heal(),
            22 | 23 if up => {
                let time = self.rng.u64(MS..2 * self.token);
                self.world.freeze(at, time);
            }
            24 => {
                let cost = if self.rng.bool() { 0 } else { self.rng.u64(1..400) };
                self.world.slow(at, cost);
            }
            25 => {
                let full = self.rng.bool();
                self.world.fill(at, full);
            }
            26 => return self.spike(),
            27 => self.world.network.weather = weather(&mut self.rng),
            28 | 29 if up && self.rng.bool() => return self.world.leave(at),
            30 | 31 => return self.fall(at),
            _ => {}
        }
        Ok(())
    }

    /// Does not draw from this plan's numbers: a world with programs is otherwise the same as one without.
    fn programs_act(&mut self) -> Result<(), Violation> {
        for at in self.world.running() {
            for _ in 0..3 {
                self.world.program_acts(at, Programs::act)?;
            }
        }
        Ok(())
    }

    fn talk(&mut self) -> Result<(), Violation> {
        for at in self.world.running() {
            for _ in 0..self.rng.usize(..30) {
                // Some do not fit into one visit of the token, and may be cut by a change of the view.
                let len = match self.rng.u8(..200) {
                    0 => self.rng.usize(..300_000),
                    1..=10 => self.rng.usize(..20_000),
                    _ => self.rng.usize(..800),
                };
                self.world.multicast(at, len)?;
            }
            if self.rng.bool() {
                self.world.run(self.rng.u64(..3 * MS))?;
            }
        }
        Ok(())
    }

    /// A daemon dies in the middle of what it says: some have heard it, others hear it while they agree without it.
    fn fall(&mut self, at: usize) -> Result<(), Violation> {
        self.talk()?;
        self.world.run(self.rng.u64(..3 * MS))?;
        if self.world.hosts[at].ring.is_some() {
            self.world.crash(at, true);
        }
        self.world.run(self.rng.u64(..50 * MS))
    }

    fn restart(&mut self, at: usize) -> Result<(), Violation> {
        if self.world.hosts[at].ring.is_some() {
            self.world.crash(at, self.rng.bool());
            self.world.run(self.rng.u64(..100 * MS))?;
        }
        match self.world.hosts[at].ring {
            Some(_) => Ok(()),
            None => self.world.start(at),
        }
    }

    /// Several daemons die and come back, again and again.
    fn storm(&mut self) -> Result<(), Violation> {
        for _ in 0..self.rng.usize(2..8) {
            let at = self.rng.usize(..self.world.hosts.len());
            self.restart(at)?;
            self.world.run(self.rng.u64(..40 * MS))?;
        }
        Ok(())
    }

    fn partition(&mut self) {
        let most = self.rng.u8(2..=3);
        let sides: Vec<u8> = self.world.hosts.iter().map(|_| self.rng.u8(..most)).collect();
        self.world.line(&format!("partition {sides:?}"));
        self.world.network.partition(&sides);
    }

    /// A wire that comes and goes, in one direction or in both.
    fn flap(&mut self, at: usize, other: usize) -> Result<(), Violation> {
        let both = self.rng.bool();
        let longest = if self.rng.bool() { 20 * MS } else { self.token };
        for _ in 0..self.rng.usize(1..5) {
            for open in [false, true] {
                self.world.network.set(at, other, open);
                if both {
                    self.world.network.set(other, at, open);
                }
                self.world.run(self.rng.u64(..longest))?;
            }
        }
        Ok(())
    }

    fn heal(&mut self) {
        self.world.line("heal");
        self.world.network.heal();
        let running = self.world.running();
        for (place, one) in running.iter().enumerate() {
            for other in &running[place + 1..] {
                if self.rng.u8(..4) == 0 {
                    self.world.relink(*one, *other);
                }
            }
        }
    }

    /// Everything takes longer for a while: a saturated switch.
    fn spike(&mut self) -> Result<(), Violation> {
        self.world.network.spike = self.rng.u64(MS..self.token / 2);
        self.world.line("delay spike");
        self.world.run(self.rng.u64(..self.token))?;
        self.world.network.spike = 0;
        Ok(())
    }
}

fn weather(rng: &mut Rng) -> Weather {
    let loss = match rng.u8(..4) {
        0 | 1 => 0.0,
        2 => rng.f64() * 0.1,
        _ => rng.f64() * 0.3,
    };
    Weather {
        delay: rng.u64(50..300),
        jitter: rng.u64(20..2_000),
        loss,
        twice: rng.f64() * 0.05,
        late: rng.f64() * 0.2,
        damaged: if rng.bool() { 0.0 } else { rng.f64() * 0.05 },
    }
}
