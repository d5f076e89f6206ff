//! What goes wrong: one fault after the other, drawn from the seed, each ending after a while by itself.

use crate::clock::{MS, SECOND};
use crate::cluster::{MACHINES, RESOURCE_COUNT, RESOURCES};
use crate::event::Event;
use crate::mutation::Mutation;
use crate::network::Quality;
use crate::services::{DeviceMood, Manners};
use crate::trace::note;
use crate::world::World;
use crm::event::EventKind;
use fastrand::Rng;

/// The source of faults.
#[derive(Debug)]
pub(crate) struct Faults {
    rng: Rng,
    /// Mean time between faults in microseconds.
    pace: u64,
    /// How likely each kind is in this world.
    weights: [u32; KINDS.len()],
    ambush: Option<(EventKind, Ambush)>,
    /// One disk was replaced in this world.
    disk_replaced: bool,
}

/// The end of a fault.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Undo {
    Resume(usize),
    Heal,
    CalmNetwork,
    FreeDisk(usize),
    GoodManners,
    ObedientDevice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    PowerCut,
    PowerCutOfAll,
    Crash,
    Storm,
    Stop,
    Partition,
    OneWay,
    BadNetwork,
    FullDisk,
    ServiceDies,
    BadAgents,
    BadDevice,
    Clock,
    Ambush,
    NewDisk,
    Cascade,
}

/// A fault that waits for a moment at which a node says that something just happened, and hits exactly that node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ambush {
    PowerCut,
    Crash,
    /// Nothing of it reaches anybody any more; it hears them.
    Mute,
    /// It is alone.
    Isolation,
    /// Everybody loses power.
    PowerCutOfAll,
    /// It begins a new life with those who were not in its view, and does not see any more those who were.
    Turncoat,
}

/// Moments worth waiting for.
const MOMENTS: [EventKind; 9] = [
    EventKind::Ordered,
    EventKind::Plan,
    EventKind::Result,
    EventKind::FencingRequested,
    EventKind::Fenced,
    EventKind::Synced,
    EventKind::Configuration,
    EventKind::View,
    EventKind::Quorum,
];

const KINDS: [Kind; 16] = [
    Kind::PowerCut,
    Kind::PowerCutOfAll,
    Kind::Crash,
    Kind::Storm,
    Kind::Stop,
    Kind::Partition,
    Kind::OneWay,
    Kind::BadNetwork,
    Kind::FullDisk,
    Kind::ServiceDies,
    Kind::BadAgents,
    Kind::BadDevice,
    Kind::Clock,
    Kind::Ambush,
    Kind::NewDisk,
    Kind::Cascade,
];

impl Faults {
    pub(crate) fn new(mut rng: Rng, mutation: Option<Mutation>) -> Faults {
        let pace = rng.u64(SECOND..8 * SECOND);
        let mut weights = [12, 3, 12, 4, 8, 12, 5, 5, 5, 12, 8, 8, 2, 16, 2, 4];
        // Every world has its own temper: some faults do not occur in it.
        for weight in &mut weights {
            if rng.u32(0..4) == 0 {
                *weight = 0;
            }
        }
        let forced: &[usize] = match mutation {
            Some(Mutation::DiskLies | Mutation::ForgetsRingNumber) => &[1, 2],
            Some(Mutation::FenceLies | Mutation::FenceHasty | Mutation::ActsAlone) => &[0, 5],
            Some(Mutation::DropsRecovered) => &[2, 5, 7],
            Some(Mutation::ForgetsRoll) => &[13, 15],
            Some(Mutation::ForgetsForks) => &[2, 5],
            _ => &[0],
        };
        for kind in forced {
            weights[*kind] = 14;
        }
        Faults { rng, pace, weights, ambush: None, disk_replaced: false }
    }

    fn draw(&mut self) -> Kind {
        let mut ticket = self.rng.u32(0..self.weights.iter().sum());
        for (kind, weight) in KINDS.iter().zip(self.weights) {
            if ticket < weight {
                return *kind;
            }
            ticket -= weight;
        }
        Kind::PowerCut
    }

    /// A time between a quarter and seven quarters of `mean`.
    fn about(&mut self, mean: u64) -> u64 {
        mean / 4 + self.rng.u64(0..mean.max(1) * 3 / 2)
    }
}

impl World {
    /// One more thing goes wrong.
    pub(crate) fn fault(&mut self) {
        if self.settling.is_some() {
            return;
        }
        let next = self.faults.about(self.faults.pace);
        self.clock.after(next, Event::Fault);
        let at = self.faults.rng.usize(0..self.machines.len());
        match self.faults.draw() {
            Kind::PowerCut => {
                let out = self.faults.about(6 * SECOND);
                self.cut_for(at, out);
            }
            Kind::PowerCutOfAll => self.cut_all(),
            Kind::Crash => {
                let pause = self.faults.about(2 * SECOND);
                self.crash_for(at, pause);
            }
            Kind::Storm => self.storm(),
            Kind::Stop => {
                let pause = self.faults.about(2 * SECOND);
                if self.pause(at) {
                    self.clock.after(pause, Event::Undo(Undo::Resume(at)));
                }
            }
            Kind::Partition => self.partition(),
            Kind::OneWay => self.one_way(at),
            Kind::BadNetwork => {
                self.network.quality = Quality::bad(&mut self.faults.rng);
                note!(self, None, "NETWORK {:?}", self.network.quality);
                self.until(6 * SECOND, Undo::CalmNetwork);
            }
            Kind::FullDisk => {
                let slow = self.faults.rng.bool();
                let disk = &mut self.machines[at].disk;
                if slow {
                    disk.slow = true
                } else {
                    disk.full = true
                }
                note!(self, Some(at), "DISK is {}", if slow { "slow" } else { "full" });
                self.until(6 * SECOND, Undo::FreeDisk(at));
            }
            Kind::ServiceDies => self.service_dies(at),
            Kind::BadAgents => {
                self.manners = Manners::bad(&mut self.faults.rng);
                note!(self, None, "AGENTS {:?}", self.manners);
                self.until(6 * SECOND, Undo::GoodManners);
            }
            Kind::BadDevice => {
                self.device = if self.faults.rng.bool() { DeviceMood::Refuses } else { DeviceMood::Hangs };
                note!(self, None, "FENCE DEVICE {:?}", self.device);
                self.until(8 * SECOND, Undo::ObedientDevice);
            }
            Kind::Ambush => self.prepare_ambush(),
            Kind::NewDisk => self.new_disk(at),
            Kind::Cascade => self.cascade(at),
            Kind::Clock => {
                let machine = &mut self.machines[at];
                machine.wall_ms = (machine.wall_ms + self.faults.rng.u64(0..100_000)).saturating_sub(40_000);
                note!(self, Some(at), "CLOCK jumps to {}", machine.wall_ms);
            }
        }
    }

    fn prepare_ambush(&mut self) {
        let rng = &mut self.faults.rng;
        let ambush = match rng.u32(0..14) {
            0..=2 => Ambush::PowerCut,
            3..=5 => Ambush::Crash,
            6..=7 => Ambush::Mute,
            8..=10 => Ambush::Isolation,
            11..=12 => Ambush::Turncoat,
            _ => Ambush::PowerCutOfAll,
        };
        let moment = MOMENTS[rng.usize(0..MOMENTS.len())];
        note!(self, None, "AMBUSH {ambush:?} waits for {moment:?}");
        self.faults.ambush = Some((moment, ambush));
    }

    /// A node says that something happened. An ambush that waited for it goes off within a few milliseconds.
    pub(crate) fn lie_in_wait(&mut self, at: usize, moment: EventKind) {
        if self.settling.is_some() {
            return;
        }
        // The worst moment for those who count to be forgotten is when they have just become fewer.
        if self.mutation == Some(Mutation::ForgetsRoll) && moment == EventKind::Quorum && self.faults.rng.bool() {
            let daemon = self.machines[at].daemon.as_ref();
            let roll = daemon.and_then(|daemon| daemon.node.cib().durable.roll.as_ref());
            if roll.is_some_and(|roll| roll.pending.is_none()) {
                self.faults.ambush = Some((EventKind::Quorum, Ambush::Turncoat));
            }
        }
        if let Some((awaited, ambush)) = self.faults.ambush
            && awaited == moment
            && let Some(daemon) = &self.machines[at].daemon
        {
            let life = daemon.life;
            self.faults.ambush = None;
            let delay = self.faults.rng.u64(0..15) * self.faults.rng.u64(0..MS);
            self.clock.after(delay, Event::Ambush { at, life, ambush });
        }
    }

    /// An ambush goes off.
    pub(crate) fn spring(&mut self, at: usize, life: u64, ambush: Ambush) {
        if self.settling.is_some() || self.machines[at].daemon.as_ref().is_none_or(|daemon| daemon.life != life) {
            return;
        }
        note!(self, Some(at), "AMBUSH {ambush:?}");
        match ambush {
            Ambush::PowerCut => {
                let out = self.faults.about(6 * SECOND);
                self.cut_for(at, out);
            }
            Ambush::PowerCutOfAll => self.cut_all(),
            Ambush::Crash => {
                let pause = self.faults.about(2 * SECOND);
                self.crash_for(at, pause);
            }
            Ambush::Turncoat => {
                let view = self.machines[at].daemon.as_ref().and_then(|daemon| daemon.view.as_ref());
                let left = |name: &config::NodeId| view.is_some_and(|view| view.contains(name));
                let sides: Vec<u8> = self.machines.iter().map(|machine| u8::from(!left(&machine.name))).collect();
                let sides: Vec<u8> =
                    sides.iter().enumerate().map(|(it, side)| if it == at { 1 } else { *side }).collect();
                self.heal();
                self.network.partition(&sides);
                let pause = self.faults.about(SECOND);
                self.crash_for(at, pause);
                self.until(12 * SECOND, Undo::Heal);
            }
            Ambush::Mute => {
                for to in 0..self.machines.len() {
                    self.network.set_cut(at, to, to != at);
                }
                self.until(4 * SECOND, Undo::Heal);
            }
            Ambush::Isolation => {
                let sides: Vec<u8> = (0..self.machines.len()).map(|other| u8::from(other == at)).collect();
                self.network.partition(&sides);
                self.until(5 * SECOND, Undo::Heal);
            }
        }
    }

    fn until(&mut self, mean: u64, undo: Undo) {
        let end = self.faults.about(mean);
        self.clock.after(end, Event::Undo(undo));
    }

    fn cut_for(&mut self, at: usize, out: u64) {
        self.mains_fail(at);
        let boots = self.machines[at].boots;
        self.clock.after(out, Event::PowerOn { at, boots });
    }

    fn cut_all(&mut self) {
        note!(self, None, "POWER fails everywhere");
        for at in 0..self.machines.len() {
            let out = self.faults.about(3 * SECOND);
            // Some machine often stays away for long.
            let out = if self.faults.rng.u32(0..5) == 0 { out * 8 } else { out };
            self.cut_for(at, out);
        }
    }

    fn crash_for(&mut self, at: usize, pause: u64) {
        self.daemon_crashes(at);
        let boots = self.machines[at].boots;
        self.clock.after(pause, Event::DaemonStarts { at, boots });
    }

    /// The disk of a machine is replaced. More than one a cluster need not stand: that is the end of its promises.
    fn new_disk(&mut self, at: usize) {
        if self.machines[at].file.is_none()
            || (std::mem::replace(&mut self.faults.disk_replaced, true) && self.mutation.is_none())
        {
            return;
        }
        note!(self, Some(at), "DISK is replaced");
        let out = self.faults.about(3 * SECOND);
        self.cut_for(at, out);
        self.machines[at].disk.replace();
        self.machines[at].file = Some(self.operators.roster.text());
    }

    /// One machine after the other is cut off from the rest, so slowly that those that are left can go on. Their fence
    /// devices cannot be reached either, so that nobody is rebooted out of what he knows.
    fn cascade(&mut self, first: usize) {
        let count = self.machines.len();
        note!(self, Some(first), "CASCADE begins");
        self.device = DeviceMood::Refuses;
        for turn in 1..count {
            let pause = self.faults.about(4 * SECOND);
            let at = (first + turn) % count;
            self.clock.after(turn as u64 * 4 * SECOND + pause, Event::CutOff { at });
        }
        let end = (count as u64 + 3) * 4 * SECOND;
        self.clock.after(end, Event::Undo(Undo::Heal));
        self.clock.after(end, Event::Undo(Undo::ObedientDevice));
    }

    /// The next machine of a cascade: nothing gets through to it or from it any more.
    pub(crate) fn cut_off(&mut self, at: usize) {
        if self.settling.is_some() {
            return;
        }
        note!(self, Some(at), "WIRES are cut");
        for other in (0..self.machines.len()).filter(|other| *other != at) {
            self.network.set_cut(at, other, true);
            self.network.set_cut(other, at, true);
        }
    }

    /// Daemons crash and return in quick succession.
    fn storm(&mut self) {
        note!(self, None, "STORM");
        for _ in 0..self.faults.rng.usize(1..4) {
            let at = self.faults.rng.usize(0..self.machines.len());
            let pause = self.faults.about(250 * MS);
            self.crash_for(at, pause);
        }
    }

    fn partition(&mut self) {
        let sides: Vec<u8> = self.machines.iter().map(|_| self.faults.rng.u8(0..2)).collect();
        note!(self, None, "PARTITION {sides:?}");
        self.network.partition(&sides);
        self.until(5 * SECOND, Undo::Heal);
    }

    fn one_way(&mut self, from: usize) {
        for (to, name) in MACHINES.iter().enumerate().take(self.machines.len()) {
            if to != from && self.faults.rng.bool() {
                note!(self, Some(from), "WIRE to {name} is cut, in this direction");
                self.network.set_cut(from, to, true);
            }
        }
        self.until(4 * SECOND, Undo::Heal);
    }

    fn service_dies(&mut self, first: usize) {
        let count = self.machines.len();
        if self.faults.rng.u32(0..4) == 0 {
            self.store_dies(first % count);
            return;
        }
        for turn in 0..count * RESOURCE_COUNT {
            let (at, resource) = ((first + turn) % count, (turn / count + first) % RESOURCE_COUNT);
            if self.machines[at].running[resource] {
                note!(self, Some(at), "SERVICE {} dies", RESOURCES[resource]);
                self.service_ends(at, resource);
                return;
            }
        }
    }

    /// A fault ends.
    pub(crate) fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Resume(at) => self.resume(at),
            Undo::Heal => self.heal(),
            Undo::CalmNetwork => self.network.quality = Quality::calm(&mut self.faults.rng),
            Undo::FreeDisk(at) => {
                self.machines[at].disk.full = false;
                self.machines[at].disk.slow = false;
            }
            Undo::GoodManners => self.manners = Manners::default(),
            Undo::ObedientDevice => self.device = DeviceMood::Obeys,
        }
    }

    /// All wires are whole again; links notice.
    pub(crate) fn heal(&mut self) {
        let mended = self.network.heal();
        if !mended.is_empty() {
            note!(self, None, "WIRES are whole");
        }
        for (from, to) in mended {
            self.handshake_soon(from, to);
        }
    }

    /// Everything that is wrong with the surroundings ends.
    pub(crate) fn end_of_faults(&mut self) {
        self.heal();
        self.undo(Undo::CalmNetwork);
        self.undo(Undo::GoodManners);
        self.undo(Undo::ObedientDevice);
        for at in 0..self.machines.len() {
            self.undo(Undo::Resume(at));
            self.undo(Undo::FreeDisk(at));
            self.machines[at].stays_down = false;
        }
    }
}
