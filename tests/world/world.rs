//! A world: its machines, and the loop that lets one event after the other happen.

use crate::checks::{Checks, Violation, one_active_instance};
use crate::clock::{Clock, MS, SECOND};
use crate::cluster::{ClusterFile, Counting, MACHINES};
use crate::disaster::MOST;
use crate::disk::Disk;
use crate::event::Event;
use crate::faults::Faults;
use crate::machine::{Machine, Paused, SOCKET_FRAMES};
use crate::mutation::Mutation;
use crate::network::Network;
use crate::operators::Operators;
use crate::services::{DeviceMood, Manners};
use crate::settle::Settling;
use crate::store::{Replica, one_copy_leads};
use crate::trace::{Detail, Trace, note};
use config::NodeId;
use fastrand::Rng;
use std::time::Instant;

/// Most steps of machines in one world: beyond, something is spinning.
const MAX_STEPS: u64 = 3_000_000;

/// Most events at one instant of virtual time.
const MAX_AT_ONCE: u64 = 20_000;

/// What a world is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// A bug to plant.
    pub mutation: Option<Mutation>,
    /// What to write down.
    pub detail: Detail,
    /// Most lines to keep of it.
    pub lines: usize,
}

/// How a world ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The first rule that was broken.
    pub violation: Option<Violation>,
    /// Steps of machines.
    pub steps: u64,
    /// Virtual time, in microseconds.
    pub time: u64,
    /// Configuration changes that were acknowledged.
    pub acknowledged: u64,
    /// Times at which those who count became others.
    pub recounted: u64,
    /// Times at which a machine came to the cluster or went.
    pub moved: u64,
    /// Times at which quorum was forced.
    pub forced: u64,
    /// Times at which a machine had to give up its history, since it had parted from that of the others.
    pub parted: u64,
    /// Machines really switched off by the fence device.
    pub fenced: u64,
    /// Services really started.
    pub started: u64,
    /// From the last fault until all was well, in microseconds of virtual time.
    pub settled_after: u64,
}

/// Many machines on one clock.
#[derive(Debug)]
pub struct World {
    pub(crate) clock: Clock<Event>,
    pub(crate) network: Network,
    /// For each pair the connection between the present daemons, 0 for none.
    pub(crate) links: Vec<u64>,
    pub(crate) machines: Vec<Machine>,
    pub(crate) checks: Checks,
    pub(crate) operators: Operators,
    pub(crate) faults: Faults,
    pub(crate) manners: Manners,
    pub(crate) device: DeviceMood,
    /// Machines whose management board loses power together with them.
    pub(crate) boards_share_power: bool,
    pub(crate) settling: Option<Settling>,
    pub(crate) trace: Trace,
    pub(crate) mutation: Option<Mutation>,
    /// For agents, disks and the seam.
    pub(crate) rng: Rng,
    /// Names lives and links; grows.
    pub(crate) names: u64,
    pub(crate) steps: u64,
    pub(crate) fenced: u64,
    pub(crate) started: u64,
    pub(crate) violation: Option<Violation>,
    pub(crate) done: bool,
    /// How long it took from the last fault until all was well.
    pub(crate) settled_after: u64,
    /// A service began or ended to run, or power changed, since the last look.
    pub(crate) moved: bool,
}

impl World {
    /// The world of a seed. `base` is what virtual time 0 is called; it has no influence on what happens.
    #[must_use]
    pub fn new(seed: u64, options: Options, base: Instant) -> World {
        let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x7061_6365);
        let first = [3, 3, 3, 4, 5, 5, 2][rng.usize(0..7)];
        let mut file = ClusterFile::first(first, &mut rng);
        let wants = |what| options.mutation == Some(what);
        // Where those who count are to be forgotten, nothing else is to change them.
        let plain = first < 3 || wants(Mutation::ForgetsRoll);
        let moves = !plain && !wants(Mutation::ForgetsForks) && (wants(Mutation::StartsEarly) || rng.u32(0..3) == 0);
        // Not both: in which of two histories a machine was added, no operator could tell.
        let disasters = !plain && !moves && (wants(Mutation::ForgetsForks) || rng.u32(0..3) == 0);
        let machines = MACHINES.len().min(first + usize::from(moves));
        if options.mutation == Some(Mutation::ActsAlone) {
            file.votes[0] = 20;
        }
        if machines > 2 && options.mutation == Some(Mutation::ForgetsRoll) {
            file.counting.get_or_insert(Counting::LAST_MAN);
        }
        let counting = file.counting.is_some() || moves || disasters;
        let text = file.text();
        let wall = 1_700_000_000_000;
        let machines: Vec<Machine> = MACHINES[..machines]
            .iter()
            .enumerate()
            .map(|(at, name)| Machine {
                name: NodeId::new(name).expect("the names of the world are names"),
                power: at < first,
                mains_out: false,
                boots: 1,
                disk: Disk::default(),
                running: Default::default(),
                store: Replica::default(),
                wall_ms: wall + rng.u64(0..20_000),
                daemon: None,
                paused: None,
                file: (at < first).then(|| text.clone()),
                stays_down: false,
            })
            .collect();
        let count = machines.len();
        let mut world = World {
            clock: Clock::new(base),
            network: Network::new(count, rng.fork()),
            links: vec![0; count * count],
            machines,
            checks: Checks::new(count, counting),
            operators: Operators::new(file, moves, if disasters { MOST } else { 0 }, rng.fork()),
            faults: Faults::new(rng.fork(), options.mutation),
            manners: Manners::default(),
            device: DeviceMood::Obeys,
            boards_share_power: rng.u32(0..4) == 0,
            settling: None,
            trace: Trace::new(options.detail, options.lines.max(1)),
            mutation: options.mutation,
            rng,
            names: 0,
            steps: 0,
            fenced: 0,
            started: 0,
            violation: None,
            done: false,
            settled_after: 0,
            moved: false,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for at in 0..self.machines.len() {
            let late = self.rng.u64(0..2 * SECOND);
            self.clock.after(late, Event::DaemonStarts { at, boots: 1 });
        }
        let first = self.rng.u64(SECOND..12 * SECOND);
        self.clock.after(first, Event::Fault);
        let last = first + self.rng.u64(10 * SECOND..50 * SECOND);
        self.clock.after(last, Event::Settle);
        self.clock.after(self.rng.u64(3 * SECOND..9 * SECOND), Event::Operator);
        self.clock.after(500 * MS, Event::Look);
    }

    /// Lets everything happen until the world has settled or a rule is broken.
    pub fn run(&mut self) -> Outcome {
        let mut instant = (0, 0);
        while !self.done && self.violation.is_none() {
            let Some(event) = self.clock.next() else { break };
            instant = if instant.0 == self.clock.now() { (instant.0, instant.1 + 1) } else { (self.clock.now(), 0) };
            self.happen(event);
            self.judge();
            if self.steps > MAX_STEPS || instant.1 > MAX_AT_ONCE {
                self.broken(Err(Violation::new(
                    "world",
                    format!("spinning: {} steps, {} events at this instant", self.steps, instant.1),
                )));
            }
        }
        self.outcome()
    }

    /// How it stands, also after a machine panicked in the middle of [`World::run`].
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        Outcome {
            violation: self.violation.clone(),
            steps: self.steps,
            time: self.clock.now(),
            acknowledged: self.operators.acknowledged(),
            recounted: self.checks.sides.recounted,
            moved: self.operators.roster.moved,
            forced: self.operators.forced,
            parted: self.operators.parted,
            fenced: self.fenced,
            started: self.started,
            settled_after: self.settled_after,
        }
    }

    /// The last lines of the trace.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.trace.lines()
    }

    fn happen(&mut self, event: Event) {
        if let Some(at) = event.daemon()
            && let Some(paused) = &mut self.machines[at].paused
        {
            hold(paused, event);
            return;
        }
        match event {
            Event::Frame { from, to, link, bytes } => self.frame_arrives(from, to, link, bytes),
            Event::ToRing { at, life, input } => self.ring_hears(at, life, *input),
            Event::ToNode { at, life, input } => self.node_hears(at, life, *input),
            Event::WakeRing { at, life } => self.wake_ring(at, life),
            Event::WakeNode { at, life } => self.wake_node(at, life),
            Event::Written { at, life } => self.written(at, life),
            Event::NumberWritten { at, life, number } => self.number_written(at, life, number),
            Event::JobActs { at, life, key } => self.job_acts(at, life, key),
            Event::JobEnds { at, life, key } => self.job_ends(at, life, key),
            Event::LateOff { target } => self.fence_off(target),
            Event::PowerOn { at, boots } => self.power_on(at, boots),
            Event::DaemonStarts { at, boots } => self.daemon_starts(at, boots),
            Event::Handshake { pair } => self.handshake(pair),
            Event::Ambush { at, life, ambush } => self.spring(at, life, ambush),
            Event::Fault => self.fault(),
            Event::CutOff { at } => self.cut_off(at),
            Event::Undo(undo) => self.undo(undo),
            Event::Operator => self.operator_acts(),
            Event::Look => self.look(),
            Event::Settle => self.settle(),
        }
    }

    /// The rules that need no occasion. What services run changes seldom, so it is only looked at when it did.
    fn judge(&mut self) {
        if std::mem::take(&mut self.moved) {
            let verdict = one_active_instance(self.machines.iter().map(|machine| &machine.running));
            self.broken(verdict);
            let verdict = one_copy_leads(self.machines.iter().map(|machine| machine.store));
            self.broken(verdict);
        }
    }

    /// Notes the first broken rule.
    pub(crate) fn broken(&mut self, verdict: Result<(), Violation>) {
        if let Err(violation) = verdict
            && self.violation.is_none()
        {
            note!(self, None, "BROKEN {violation}");
            self.violation = Some(violation);
        }
    }

    /// A name never used before.
    pub(crate) fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    pub(crate) fn note_line(&mut self, at: Option<usize>, line: &str) {
        let who = at.map_or("-", |at| MACHINES[at]);
        self.trace.push(self.clock.now(), who, line);
    }
}

/// The daemon is stopped: its sockets and pipes fill, and the sockets are bounded.
fn hold(paused: &mut Paused, event: Event) {
    if matches!(event, Event::Frame { .. }) {
        if paused.frames == SOCKET_FRAMES {
            return;
        }
        paused.frames += 1;
    }
    paused.events.push(event);
}
