//! Power and life: machines lose and get power, daemons crash, end, are stopped and go on, fence devices act.

use crate::checks::histories_are_not_merged;
use crate::clock::{MS, SECOND};
use crate::cluster::{MACHINES, RESOURCES};
use crate::event::Event;
use crate::machine::{Daemon, Paused};
use crate::mutation::Mutation;
use crate::pump::FRAME_LIMIT;
use crate::services::{Call, DeviceMood};
use crate::trace::note;
use crate::world::World;
use crm::cib::Durable;
use crm::node::{Node, NodeOptions};
use fencing::FencerOptions;
use membership::{Incarnation, Ring, RingOptions};
use resource_agents::ExecutorOptions;
use std::collections::BTreeMap;
use std::path::PathBuf;

impl World {
    /// A service comes up.
    pub(crate) fn service_starts(&mut self, at: usize, resource: usize) {
        if !self.machines[at].power || self.machines[at].running[resource] {
            return;
        }
        note!(self, Some(at), "SERVICE {} runs", RESOURCES[resource]);
        self.machines[at].running[resource] = true;
        self.started += 1;
        self.moved = true;
        if self.mutation == Some(Mutation::StartsTwice) {
            let other = (at + 1) % self.machines.len();
            if self.machines[other].power {
                self.machines[other].running[resource] = true;
            }
        }
    }

    /// A service is down: stopped, or died.
    pub(crate) fn service_ends(&mut self, at: usize, resource: usize) {
        if std::mem::take(&mut self.machines[at].running[resource]) {
            note!(self, Some(at), "SERVICE {} is down", RESOURCES[resource]);
            self.moved = true;
        }
    }

    /// The power of a machine goes, and with it everything that is not on its disk.
    pub(crate) fn power_off(&mut self, at: usize) {
        if !self.machines[at].power {
            return;
        }
        note!(self, Some(at), "POWER off");
        self.daemon_ends(at);
        let machine = &mut self.machines[at];
        machine.power = false;
        machine.boots += 1;
        machine.running = Default::default();
        machine.store = Default::default();
        self.moved = true;
    }

    /// The mains of a machine fail.
    pub(crate) fn mains_fail(&mut self, at: usize) {
        self.power_off(at);
        self.machines[at].mains_out = true;
    }

    /// The mains of a machine fail, or somebody sees to it that they stay out, for long.
    pub(crate) fn power_stays_off(&mut self, at: usize) {
        self.mains_fail(at);
        let machine = &mut self.machines[at];
        // What would have brought it back sooner is void.
        machine.boots += 1;
        let boots = machine.boots;
        let later = self.rng.u64(12 * SECOND..30 * SECOND);
        self.clock.after(later, Event::PowerOn { at, boots });
    }

    /// Power returns, if nothing else happened to the machine since.
    pub(crate) fn power_on(&mut self, at: usize, boots: u64) {
        let machine = &mut self.machines[at];
        if machine.power || machine.boots != boots {
            return;
        }
        machine.power = true;
        machine.mains_out = false;
        self.moved = true;
        note!(self, Some(at), "POWER on");
        let boot = self.rng.u64(300 * MS..2_500 * MS);
        self.clock.after(boot, Event::DaemonStarts { at, boots });
    }

    /// The daemon begins a new life from what is on disk.
    pub(crate) fn daemon_starts(&mut self, at: usize, boots: u64) {
        let machine = &self.machines[at];
        if !machine.power || machine.boots != boots || machine.daemon.is_some() || machine.stays_down {
            return;
        }
        let Some(file) = machine.file.clone() else { return };
        let mut durable = machine.disk.durable.clone().unwrap_or_else(|| NodeOptions::first_durable(file));
        match self.mutation {
            Some(Mutation::ForgetsRoll) => durable.roll = None,
            Some(Mutation::ForgetsForks) => durable.forks.clear(),
            _ => {}
        }
        let verdict = histories_are_not_merged(at, self.machines[at].disk.durable.as_ref(), Some(&durable));
        self.broken(verdict);
        let incarnation = Incarnation(self.rng.u64(..));
        let Some(daemon) = self.new_daemon(at, incarnation, durable) else { return };
        note!(self, Some(at), "DAEMON begins, incarnation {incarnation}");
        self.machines[at].daemon = Some(daemon);
        self.checks.deliveries.new_life(at);
        self.step_ring(at, membership::Input::Wake);
        self.step_node(at, crm::node::Input::Wake);
        for peer in 0..self.machines.len() {
            if peer != at {
                self.handshake_soon(at, peer);
            }
        }
    }

    fn new_daemon(&mut self, at: usize, incarnation: Incarnation, durable: Durable) -> Option<Daemon> {
        let now = self.clock.instant();
        let me = self.machines[at].name.clone();
        let parsed = config::parse(&durable.text);
        let Some(config) = parsed.config else {
            let text = format!("{me} stored a cluster file that cannot be read: {:?}", parsed.problems);
            self.broken(Err(crate::Violation::new("world", text)));
            return None;
        };
        let floor = &self.machines[at].disk.ring_number;
        let ring = RingOptions {
            me: me.clone(),
            incarnation,
            nodes: config.nodes.keys().cloned().collect(),
            token: config.cluster.token,
            frame_limit: FRAME_LIMIT,
            ring_number_floor: if self.mutation == Some(Mutation::ForgetsRingNumber) { 0 } else { *floor },
            seed: self.rng.u64(..),
        };
        let node = Node::new(NodeOptions {
            me: me.clone(),
            incarnation,
            durable,
            executor: ExecutorOptions { ocf_root: PathBuf::from("/usr/lib/ocf"), parallel_jobs: 4 },
            fencer: FencerOptions { me, agent_directories: vec![PathBuf::from("/usr/sbin")] },
            seed: self.rng.u64(..),
        });
        let node = match node {
            Ok(node) => node,
            Err(problems) => {
                let text = format!("{} refuses what is on its disk: {problems:?}", MACHINES[at]);
                self.broken(Err(crate::Violation::new("world", text)));
                return None;
            }
        };
        Some(Daemon {
            life: self.name(),
            ring: Ring::new(ring, now),
            node,
            ring_wake: None,
            node_wake: None,
            seam_to_ring: 0,
            seam_to_node: 0,
            view: None,
            jobs: BTreeMap::new(),
            summary: None,
            held_back: None,
        })
    }

    /// The process of the daemon is gone. Its agents end with it, half-way; services go on.
    fn daemon_ends(&mut self, at: usize) {
        let reached = self.rng.u32(0..5) == 0;
        let machine = &mut self.machines[at];
        machine.paused = None;
        machine.disk.interrupt(reached);
        if machine.daemon.take().is_none() {
            return;
        }
        let count = self.machines.len();
        for peer in 0..count {
            self.links[at * count + peer] = 0;
            self.links[peer * count + at] = 0;
        }
        self.operators.hang_up(at);
    }

    /// The daemon crashes alone. The kernels of its peers mostly say so.
    pub(crate) fn daemon_crashes(&mut self, at: usize) {
        if self.machines[at].daemon.is_none() {
            return;
        }
        note!(self, Some(at), "DAEMON crashes");
        self.tell_peers(at, 800);
        self.daemon_ends(at);
    }

    /// The daemon ended by itself. Its supervisor starts it again later.
    pub(crate) fn daemon_stops(&mut self, at: usize) {
        note!(self, Some(at), "DAEMON ends");
        self.tell_peers(at, 1_000);
        self.daemon_ends(at);
        let later = self.rng.u64(SECOND..10 * SECOND);
        let boots = self.machines[at].boots;
        self.clock.after(later, Event::DaemonStarts { at, boots });
    }

    fn tell_peers(&mut self, at: usize, per_thousand: u32) {
        let count = self.machines.len();
        for peer in 0..count {
            if self.links[peer * count + at] == 0 || !self.network.open(at, peer) {
                continue;
            }
            let Some(life) = self.machines[peer].daemon.as_ref().map(|daemon| daemon.life) else { continue };
            if self.rng.u32(0..1_000) < per_thousand {
                let input = Box::new(membership::Input::LinkDown(self.machines[at].name.clone()));
                let delay = self.rng.u64(MS..30 * MS);
                self.clock.after(delay, Event::ToRing { at: peer, life, input });
            }
        }
    }

    /// Two daemons try to find each other soon.
    pub(crate) fn handshake_soon(&mut self, one: usize, other: usize) {
        let life = |at: usize| self.machines[at].daemon.as_ref().map(|daemon| daemon.life);
        let (Some(a), Some(b)) = (life(one), life(other)) else { return };
        let delay = self.rng.u64(5 * MS..200 * MS);
        self.clock.after(delay, Event::Handshake { pair: [(one, a), (other, b)] });
    }

    /// Two daemons find each other if both still live and the wires are whole; else they try again.
    pub(crate) fn handshake(&mut self, pair: [(usize, u64); 2]) {
        let [(one, a), (other, b)] = pair;
        let lives = |at: usize, life| self.machines[at].daemon.as_ref().is_some_and(|daemon| daemon.life == life);
        if !lives(one, a) || !lives(other, b) {
            return;
        }
        let count = self.machines.len();
        let stopped = self.machines[one].paused.is_some() || self.machines[other].paused.is_some();
        let strangers = !self.knows(one, other) || !self.knows(other, one);
        if stopped || strangers || !self.network.open(one, other) || !self.network.open(other, one) {
            let later = self.rng.u64(200 * MS..500 * MS);
            self.clock.after(later, Event::Handshake { pair });
            return;
        }
        if self.links[one * count + other] == 0 {
            let link = self.name();
            self.links[one * count + other] = link;
            self.links[other * count + one] = link;
        }
        note!(self, Some(one), "link to {} is up", MACHINES[other]);
        let (first, second) = (self.machines[other].name.clone(), self.machines[one].name.clone());
        self.step_ring(one, membership::Input::LinkUp(first));
        self.step_ring(other, membership::Input::LinkUp(second));
    }

    /// Whether the cluster file of the daemon on a machine names another machine: it listens to no other.
    fn knows(&self, at: usize, other: usize) -> bool {
        let name = &self.machines[other].name;
        self.machines[at].daemon.as_ref().is_some_and(|daemon| daemon.node.cib().config.nodes.contains_key(name))
    }

    /// The cluster file of a machine is another one: links to those who are not in it any more end.
    pub(crate) fn drop_strangers(&mut self, at: usize) {
        let count = self.machines.len();
        for other in 0..count {
            if self.links[at * count + other] == 0 || self.knows(at, other) {
                continue;
            }
            self.links[at * count + other] = 0;
            self.links[other * count + at] = 0;
            let Some(life) = self.machines[other].daemon.as_ref().map(|daemon| daemon.life) else { continue };
            let input = Box::new(membership::Input::LinkDown(self.machines[at].name.clone()));
            let delay = self.rng.u64(MS..30 * MS);
            self.clock.after(delay, Event::ToRing { at: other, life, input });
            self.handshake_soon(at, other);
        }
    }

    /// SIGSTOP.
    pub(crate) fn pause(&mut self, at: usize) -> bool {
        let machine = &mut self.machines[at];
        if machine.daemon.is_none() || machine.paused.is_some() {
            return false;
        }
        machine.paused = Some(Paused::default());
        let now = self.clock.now();
        self.operators.excuse(at, now);
        note!(self, Some(at), "DAEMON is stopped (SIGSTOP)");
        true
    }

    /// SIGCONT: what waited comes at once, in order.
    pub(crate) fn resume(&mut self, at: usize) {
        let now = self.clock.now();
        self.operators.excuse(at, now);
        if let Some(paused) = self.machines[at].paused.take() {
            self.checks.sides.leaves(at);
            note!(self, Some(at), "DAEMON goes on with {} things waiting", paused.events.len());
            for mut event in paused.events {
                // Wakes count by the time they were planned for.
                if let Some(daemon) = &mut self.machines[at].daemon {
                    match &mut event {
                        Event::WakeRing { .. } => daemon.ring_wake = Some(now),
                        Event::WakeNode { .. } => daemon.node_wake = Some(now),
                        _ => {}
                    }
                }
                self.clock.after(0, event);
            }
        }
    }

    /// How the fence device takes this call.
    pub(crate) fn mood_for(&self, call: Call) -> DeviceMood {
        match call {
            Call::Off(target) | Call::Reboot(target) | Call::On(target) | Call::PowerStatus(target)
                if self.boards_share_power && self.machines[target].mains_out =>
            {
                DeviceMood::Refuses
            }
            _ => self.device,
        }
    }

    /// The fence device carries out what it was told.
    pub(crate) fn fence_acts(&mut self, call: Call, target: usize) {
        match self.mutation {
            Some(Mutation::FenceLies) => return,
            Some(Mutation::FenceHasty) => {
                self.clock.after(6 * SECOND, Event::LateOff { target });
                return;
            }
            _ => {}
        }
        self.fence_off(target);
        if matches!(call, Call::Reboot(_)) {
            self.switch_on_soon(target);
        } else if self.rng.u32(0..3) > 0 {
            // Somebody walks by and presses the button.
            let boots = self.machines[target].boots;
            let later = self.rng.u64(5 * SECOND..20 * SECOND);
            self.clock.after(later, Event::PowerOn { at: target, boots });
        }
    }

    /// The fence device switches a machine off.
    pub(crate) fn fence_off(&mut self, target: usize) {
        note!(self, Some(target), "FENCED");
        self.power_off(target);
        self.checks.confirmed_off(target);
        self.fenced += 1;
    }

    /// The fence device switches a machine on.
    pub(crate) fn switch_on_soon(&mut self, target: usize) {
        if self.machines[target].mains_out {
            return;
        }
        let boots = self.machines[target].boots;
        let delay = self.rng.u64(500 * MS..4 * SECOND);
        self.clock.after(delay, Event::PowerOn { at: target, boots });
    }
}
