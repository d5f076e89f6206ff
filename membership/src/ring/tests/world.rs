//! A small deterministic network of rings: delay, loss, duplication, reordering, cuts, pauses, crashes, restarts, slow
//! disks.

use super::Sabotage;
use super::checks::Checks;
use crate::message::{Channel, Guarantee, Message};
use crate::ring::{Input, Notice, Output, Reconfiguration, Ring, RingOptions};
use crate::view::{Incarnation, View};
use bytes::Bytes;
use config::NodeId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How frames travel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) loss: f64,
    pub(super) duplicates: f64,
    /// Share of frames that take up to 20 times as long as others.
    pub(super) late: f64,
    pub(super) delay_us: (u64, u64),
}

pub(super) const CALM: Weather = Weather { loss: 0.0, duplicates: 0.0, late: 0.0, delay_us: (80, 120) };

struct Host {
    ring: Option<Ring>,
    life: Incarnation,
    /// The configuration it has, also when it does not run.
    token: Duration,
    nodes: BTreeSet<NodeId>,
    floor: u64,
    paused_until: Option<Instant>,
    /// When the ring wants to be called.
    wake: Option<Instant>,
    left: bool,
}

enum Event {
    Input(NodeId, Incarnation, Input),
}

pub(super) struct World {
    pub(super) now: Instant,
    pub(super) begin: Instant,
    pub(super) rng: fastrand::Rng,
    pub(super) weather: Weather,
    /// `(from, to)`: frames on this way are lost.
    pub(super) cuts: BTreeSet<(NodeId, NodeId)>,
    /// Packets of these are lost, but no other frames.
    pub(super) mute: BTreeSet<NodeId>,
    pub(super) checks: Checks,
    pub(super) trace: Vec<String>,
    pub(super) frames: u64,
    pub(super) disk: Duration,
    /// Nodes whose disks take nothing, and the ring number that each wants stored.
    full: BTreeMap<NodeId, Option<u64>>,
    pub(super) notices: Vec<(Duration, NodeId, Notice)>,
    pub(super) sabotage: Option<Sabotage>,
    /// Whether deliveries and views are checked.
    pub(super) judge: bool,
    /// Whether each frame gets a line in the trace.
    pub(super) verbose: bool,
    /// Longest packet, in bytes.
    pub(super) frame_limit: usize,
    /// At the end of each name.
    tail: &'static str,
    hosts: BTreeMap<NodeId, Host>,
    queue: BTreeMap<(Instant, u64), Event>,
    counter: u64,
}

pub(super) fn node(index: usize) -> NodeId {
    NodeId::new(&format!("n{index}")).unwrap()
}

fn named(index: usize, tail: &str) -> NodeId {
    NodeId::new(&format!("n{index}{tail}")).unwrap()
}

pub(super) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

impl World {
    pub(super) fn new(nodes: usize, token: Duration, seed: u64) -> World {
        World::with_names(nodes, "", token, seed)
    }

    /// Names end in `tail`, which begins with a dash.
    pub(super) fn with_names(nodes: usize, tail: &'static str, token: Duration, seed: u64) -> World {
        #[expect(clippy::disallowed_methods, reason = "any instant will do as the beginning of virtual time")]
        let begin = Instant::now();
        let names: BTreeSet<NodeId> = (1..=nodes).map(|i| named(i, tail)).collect();
        let host = |name: &NodeId| {
            let host = Host {
                ring: None,
                life: Incarnation(0),
                token,
                nodes: names.clone(),
                floor: 0,
                paused_until: None,
                wake: None,
                left: false,
            };
            (name.clone(), host)
        };
        World {
            now: begin,
            begin,
            rng: fastrand::Rng::with_seed(seed),
            weather: CALM,
            cuts: BTreeSet::new(),
            mute: BTreeSet::new(),
            checks: Checks::default(),
            trace: Vec::new(),
            frames: 0,
            disk: ms(2),
            full: BTreeMap::new(),
            notices: Vec::new(),
            sabotage: None,
            judge: true,
            verbose: false,
            frame_limit: 1200,
            tail,
            hosts: names.iter().map(host).collect(),
            queue: BTreeMap::new(),
            counter: 0,
        }
    }

    /// All nodes started and in one view.
    pub(super) fn formed(nodes: usize, token: Duration, seed: u64) -> World {
        let mut world = World::new(nodes, token, seed);
        world.start_all();
        world.run(ms(200));
        world.expect_one_view();
        world
    }

    pub(super) fn names(&self) -> Vec<NodeId> {
        self.hosts.keys().cloned().collect()
    }

    pub(super) fn up(&self, node: &NodeId) -> bool {
        self.hosts[node].ring.is_some()
    }

    pub(super) fn running(&self) -> Vec<NodeId> {
        self.hosts.iter().filter(|(_, h)| h.ring.is_some()).map(|(n, _)| n.clone()).collect()
    }

    pub(super) fn ring(&self, node: &NodeId) -> &Ring {
        self.hosts[node].ring.as_ref().expect("the node runs")
    }

    pub(super) fn life(&self, node: &NodeId) -> (NodeId, Incarnation) {
        (node.clone(), self.hosts[node].life)
    }

    pub(super) fn view(&self, node: &NodeId) -> Option<&View> {
        self.checks.view(&self.life(node))
    }

    // ---- what can happen ----

    pub(super) fn start_all(&mut self) {
        for node in self.names() {
            if !self.up(&node) {
                self.start(&node);
            }
        }
    }

    pub(super) fn start(&mut self, node: &NodeId) {
        let life = Incarnation(self.rng.u64(1..));
        let host = self.hosts.get_mut(node).unwrap();
        assert!(host.ring.is_none());
        let options = RingOptions {
            me: node.clone(),
            incarnation: life,
            nodes: host.nodes.clone(),
            token: host.token,
            frame_limit: self.frame_limit,
            ring_number_floor: host.floor,
            seed: self.rng.u64(..),
        };
        let mut ring = Ring::new(options, self.now);
        ring.machine.core.sabotage = self.sabotage;
        (host.ring, host.life, host.paused_until, host.left) = (Some(ring), life, None, false);
        self.log(format!("{node} starts as {life}"));
        self.input(node, Input::Wake);
        for other in self.running() {
            if other != *node && !self.cuts.contains(&(node.clone(), other.clone())) {
                self.later(ms(1), &other, Input::LinkUp(node.clone()));
                self.later(ms(1), node, Input::LinkUp(other));
            }
        }
    }

    /// From now on this node has this configuration; when it runs it is told.
    pub(super) fn configure(&mut self, node: &NodeId, nodes: &BTreeSet<NodeId>, token: Duration) {
        let host = self.hosts.get_mut(node).unwrap();
        (host.token, host.nodes) = (token, nodes.clone());
        self.log(format!("{node} has token {token:?} and {} nodes", nodes.len()));
        let to = Reconfiguration { nodes: nodes.clone(), token, frame_limit: self.frame_limit };
        self.input(node, Input::Reconfigure(to));
    }

    /// The process ends. When `noticed`, the kernel tells the peers.
    pub(super) fn crash(&mut self, node: &NodeId, noticed: bool) {
        self.log(format!("{node} crashes"));
        self.hosts.get_mut(node).unwrap().ring = None;
        for other in self.running() {
            if noticed && !self.cuts.contains(&(node.clone(), other.clone())) {
                self.later(ms(1), &other, Input::LinkDown(node.clone()));
            }
        }
    }

    pub(super) fn pause(&mut self, node: &NodeId, time: Duration) {
        if self.hosts[node].paused_until.is_some_and(|until| until > self.now) {
            return;
        }
        self.log(format!("{node} sleeps for {time:?}"));
        let until = self.now + time;
        self.hosts.get_mut(node).unwrap().paused_until = Some(until);
    }

    /// From now on this node's disk takes nothing.
    pub(super) fn fill(&mut self, node: &NodeId) {
        self.log(format!("the disk of {node} is full"));
        self.full.insert(node.clone(), None);
    }

    /// There is room on it again: what waited for it is stored.
    pub(super) fn free(&mut self, node: &NodeId) {
        self.log(format!("the disk of {node} has room"));
        if let Some(number) = self.full.remove(node).flatten() {
            self.output(node, Output::StoreRingNumber(number));
        }
    }

    /// The next life of this node takes all ring numbers up to this one for used.
    pub(super) fn lift(&mut self, node: &NodeId, floor: u64) {
        self.hosts.get_mut(node).unwrap().floor = floor;
    }

    /// Nobody sleeps any longer.
    pub(super) fn awake(&mut self) {
        let until = self.hosts.values().filter_map(|h| h.paused_until).max();
        self.run(until.map_or(Duration::ZERO, |until| until.saturating_duration_since(self.now)));
    }

    pub(super) fn cut(&mut self, from: &NodeId, to: &NodeId) {
        self.log(format!("cut from {from} to {to}"));
        self.cuts.insert((from.clone(), to.clone()));
    }

    pub(super) fn partition(&mut self, side: &BTreeSet<NodeId>) {
        for a in self.names() {
            for b in self.names() {
                if side.contains(&a) != side.contains(&b) {
                    self.cut(&a, &b);
                }
            }
        }
    }

    pub(super) fn heal(&mut self) {
        self.log("heal".to_owned());
        self.cuts.clear();
    }

    pub(super) fn multicast(&mut self, node: &NodeId, len: usize) {
        self.send_as(node, len, Guarantee::Agreed);
    }

    pub(super) fn send_as(&mut self, node: &NodeId, len: usize, guarantee: Guarantee) {
        let life = self.life(node);
        let number = self.checks.sent(&life);
        let mut message = vec![0u8; len.max(24)];
        let name: u64 = node.as_str()[1..].split('-').next().and_then(|n| n.parse().ok()).unwrap();
        for (place, value) in [name, life.1.0, number].into_iter().enumerate() {
            message[place * 8..place * 8 + 8].copy_from_slice(&value.to_be_bytes());
        }
        if let Some(last) = message.get_mut(24..) {
            last.fill(u8::try_from(number % 256).unwrap());
        }
        let payload = message.into();
        self.input(node, Input::Multicast(Message { payload, channel: Channel::Cluster, guarantee }));
    }

    pub(super) fn leave(&mut self, node: &NodeId) {
        self.log(format!("{node} leaves"));
        self.input(node, Input::Leave);
        assert!(self.hosts[node].left);
        self.hosts.get_mut(node).unwrap().ring = None;
    }

    // ---- time ----

    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until `done`, at most for `limit`. Returns how long it took.
    pub(super) fn run_until(&mut self, limit: Duration, done: impl Fn(&World) -> bool) -> Option<Duration> {
        let (begin, end) = (self.now, self.now + limit);
        loop {
            if done(self) {
                return Some(self.now - begin);
            }
            if !self.step(end) {
                self.now = end;
                return None;
            }
        }
    }

    fn step(&mut self, end: Instant) -> bool {
        let asked =
            |host: &Host| host.ring.as_ref().and(host.wake).map(|at| host.paused_until.map_or(at, |u| u.max(at)));
        let wake = self.hosts.iter().filter_map(|(name, host)| Some((asked(host)?, name)));
        let wake = wake.min().map(|(at, name)| (at, name.clone()));
        let event = self.queue.keys().next().copied();
        let at = [wake.as_ref().map(|w| w.0), event.map(|e| e.0)].into_iter().flatten().min();
        let Some(at) = at.filter(|at| *at <= end) else { return false };
        self.now = self.now.max(at);
        match event {
            Some(key) if key.0 <= at => {
                let Event::Input(to, life, input) = self.queue.remove(&key).unwrap();
                let host = &self.hosts[&to];
                match host.paused_until.filter(|until| *until > self.now) {
                    // Waits in the socket.
                    Some(until) => self.push(until, Event::Input(to, life, input)),
                    None if host.ring.is_some() && host.life == life => self.input(&to, input),
                    None => {}
                }
            }
            _ => self.input(&wake.expect("one of the two is due").1, Input::Wake),
        }
        true
    }

    fn push(&mut self, at: Instant, event: Event) {
        self.counter += 1;
        self.queue.insert((at, self.counter), event);
    }

    fn later(&mut self, delay: Duration, to: &NodeId, input: Input) {
        let life = self.hosts[to].life;
        self.push(self.now + delay, Event::Input(to.clone(), life, input));
    }

    pub(super) fn input(&mut self, node: &NodeId, input: Input) {
        let host = self.hosts.get_mut(node).unwrap();
        if let (Some(until), Input::Multicast(_) | Input::Reconfigure(_)) =
            (host.paused_until.filter(|until| *until > self.now), &input)
        {
            let life = host.life;
            self.push(until, Event::Input(node.clone(), life, input));
            return;
        }
        let Some(ring) = host.ring.as_mut() else { return };
        let outputs = ring.step(self.now, input);
        host.wake = ring.deadline();
        assert!(
            host.wake.is_none_or(|at| at > self.now),
            "{node} asks to be called again at once: {:?}",
            ring.machine.phase
        );
        for output in outputs {
            self.output(node, output);
        }
    }

    fn output(&mut self, node: &NodeId, output: Output) {
        let life = self.life(node);
        match output {
            Output::Send { to, bytes } => self.send(node, &to, &bytes),
            Output::Broadcast(bytes) => {
                for to in self.names().iter().filter(|to| *to != node) {
                    self.send(node, to, &bytes);
                }
            }
            Output::Deliver(_) if !self.judge => {}
            Output::Deliver(delivery) => {
                let field = |i: usize| u64::from_be_bytes(delivery.payload[i * 8..i * 8 + 8].try_into().unwrap());
                let sender = (named(usize::try_from(field(0)).unwrap(), self.tail), Incarnation(field(1)));
                assert_eq!(sender, (delivery.from.clone(), delivery.incarnation));
                let fill = u8::try_from(field(2) % 256).unwrap();
                assert!(delivery.payload[24..].iter().all(|b| *b == fill), "a message arrives as it was sent");
                self.checks.delivered(&life, &delivery, sender, field(2));
            }
            Output::View(view) => {
                let names: Vec<_> = view.members.keys().map(NodeId::as_str).collect();
                let along: Vec<_> = view.came_along.iter().map(NodeId::as_str).collect();
                self.log(format!("{node} installs {}: {} with {}", view.ring, names.join(" "), along.join(" ")));
                self.checks.installed(&life, &view);
            }
            Output::StoreRingNumber(number) => {
                if let Some(wish) = self.full.get_mut(node) {
                    *wish = (*wish).max(Some(number));
                    return;
                }
                let host = self.hosts.get_mut(node).unwrap();
                // On disk from now on; the answer takes a while.
                host.floor = host.floor.max(number);
                self.later(self.disk, node, Input::RingNumberStored(number));
            }
            Output::Notice(notice) => {
                self.log(format!("{node} notes {notice:?}"));
                self.notices.push((self.now - self.begin, node.clone(), notice));
            }
            Output::Left => self.hosts.get_mut(node).unwrap().left = true,
        }
        let broken = std::mem::take(&mut self.checks.broken);
        if self.judge && !broken.is_empty() {
            let from = self.trace.len().saturating_sub(200);
            panic!("{}\n--- trace ---\n{}", broken.join("\n"), self.trace[from..].join("\n"));
        }
    }

    fn send(&mut self, from: &NodeId, to: &NodeId, bytes: &Bytes) {
        assert!(from != to, "a node sends to itself");
        self.frames += 1;
        assert!(bytes.len() <= self.frame_limit, "{} bytes do not fit into a packet", bytes.len());
        if self.verbose {
            let frame = crate::frame::Frame::decode(bytes);
            self.log(format!("    {from} to {to}: {frame:?}"));
        }
        if self.mute.contains(from) && matches!(crate::frame::Frame::decode(bytes), Ok(crate::frame::Frame::Data(_))) {
            return;
        }
        if self.cuts.contains(&(from.clone(), to.clone())) || self.rng.f64() < self.weather.loss || !self.up(to) {
            return;
        }
        let copies = if self.rng.f64() < self.weather.duplicates { 2 } else { 1 };
        for _ in 0..copies {
            let (least, most) = self.weather.delay_us;
            let mut delay = self.rng.u64(least..=most);
            if self.rng.f64() < self.weather.late {
                delay *= self.rng.u64(1..=20);
            }
            let input = Input::Frame { from: from.clone(), bytes: bytes.clone() };
            self.later(Duration::from_micros(delay), to, input);
        }
    }

    fn log(&mut self, line: String) {
        self.trace.push(format!("{:>10.3} ms  {line}", (self.now - self.begin).as_secs_f64() * 1000.0));
    }

    // ---- questions ----

    /// Whether all running nodes are in one view, and nobody else.
    pub(super) fn one_view(&self) -> bool {
        let running: BTreeSet<_> = self.running().into_iter().collect();
        self.view_of(&running)
    }

    /// Whether exactly `nodes` are together in one view, all of them operating.
    pub(super) fn view_of(&self, nodes: &BTreeSet<NodeId>) -> bool {
        let first = nodes.iter().next().and_then(|n| self.view(n));
        nodes.iter().all(|n| {
            self.ring(n).status().phase == "operate"
                && self.view(n) == self.view(n).filter(|v| first.is_some_and(|f| f.ring == v.ring))
                && self.view(n).is_some_and(|v| v.members.keys().eq(nodes.iter()))
        })
    }

    pub(super) fn expect_one_view(&self) {
        if !self.one_view() {
            self.fail("the running nodes are not in one view");
        }
    }

    pub(super) fn fail(&self, what: &str) -> ! {
        let from = self.trace.len().saturating_sub(150);
        let phases: Vec<_> = self.running().iter().map(|n| format!("{n}: {:?}", self.ring(n).status())).collect();
        panic!("{what}\n{}\n--- trace ---\n{}", phases.join("\n"), self.trace[from..].join("\n"));
    }
}
