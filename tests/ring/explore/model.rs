//! A small cluster as one value that can be copied: rings, frames on their way, and what may happen next.
//!
//! Frames between two nodes keep their order unless a fault says otherwise, but between different pairs every order is
//! possible. Timers are slower than frames unless a fault says otherwise. There is one clock.

use crate::checks::{Checks, Stamp, Violation};
use bytes::Bytes;
use config::NodeId;
use membership::{Channel, Guarantee, Incarnation, Input, Message, Output, Ring, RingOptions};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What may still go wrong, and what may still be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Frames lost, repeated, overtaken; timers that are faster than frames.
    pub faults: u8,
    /// Daemons that die.
    pub crashes: u8,
    /// Messages.
    pub messages: u8,
}

/// Something that may happen next. Nodes are named by their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The first frame from one to the other arrives.
    Deliver(u8, u8),
    /// The second one does, before the first.
    Overtake(u8, u8),
    /// The first one arrives, and is still to come once more.
    Repeat(u8, u8),
    /// The first one is lost.
    Lose(u8, u8),
    /// This node is called because it asked to be.
    Wake(u8),
    /// Its daemon dies; whether its peers' kernels tell them.
    Crash(u8, bool),
    /// It comes back.
    Restart(u8),
    /// A client gives it a message.
    Say(u8),
}

/// One node.
#[derive(Clone)]
struct Host {
    ring: Option<Arc<Ring>>,
    life: Incarnation,
    floor: u64,
    /// Of the ring; worked out when it changes.
    print: u128,
}

/// The whole cluster.
#[derive(Clone)]
pub struct Model {
    hosts: Vec<Host>,
    wires: BTreeMap<(u8, u8), VecDeque<Bytes>>,
    checks: Arc<Checks>,
    checked: u128,
    now: Instant,
    /// What may still happen.
    pub budget: Budget,
    dawn: Instant,
}

/// The token timeout. Its length means nothing here: time passes as fast as the model likes.
const TOKEN: Duration = Duration::from_millis(300);
/// As long as all messages are.
const STAMP: usize = 24;

fn name(at: u8) -> NodeId {
    NodeId::new(&format!("n{at}")).expect("a valid name")
}

impl Model {
    /// So many nodes, all of which have just started.
    pub fn new(nodes: u8, budget: Budget, dawn: Instant) -> Result<Model, Violation> {
        let host = |_| Host { ring: None, life: Incarnation(0), floor: 0, print: 0 };
        let checks = Checks::new((0..nodes).map(name));
        let mut model = Model {
            hosts: (0..nodes).map(host).collect(),
            wires: BTreeMap::new(),
            checks: Arc::new(checks),
            checked: 0,
            now: dawn,
            budget,
            dawn,
        };
        (0..nodes).try_for_each(|at| model.start(at))?;
        Ok(model)
    }

    /// The same cluster some time later, when nothing has gone wrong, with a budget of its own.
    pub fn after(mut self, time: Duration, budget: Budget) -> Result<Model, Violation> {
        let end = self.now + time;
        while let Some(action) = self.usual().filter(|_| self.now < end) {
            self.apply(action)?;
        }
        self.budget = budget;
        Ok(self)
    }

    // ---- what may happen ----

    /// All that may happen next.
    pub fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        let Budget { faults, crashes, messages } = self.budget;
        for ((from, to), frames) in &self.wires {
            actions.push(Action::Deliver(*from, *to));
            if faults > 0 {
                actions.push(Action::Lose(*from, *to));
                actions.push(Action::Repeat(*from, *to));
                if frames.len() > 1 {
                    actions.push(Action::Overtake(*from, *to));
                }
            }
        }
        let next = self.next_wake();
        for (at, host) in (0u8..).zip(&self.hosts) {
            let Some(_) = &host.ring else {
                actions.push(Action::Restart(at));
                continue;
            };
            match self.wires.is_empty() {
                true if next == Some(at) => actions.push(Action::Wake(at)),
                false if faults > 0 => actions.push(Action::Wake(at)),
                _ => {}
            }
            if crashes > 0 {
                actions.extend([true, false].map(|noticed| Action::Crash(at, noticed)));
            }
            if messages > 0 {
                actions.push(Action::Say(at));
            }
        }
        actions
    }

    /// What happens when nothing goes wrong: frames arrive, then the first timer runs out; whoever died comes back.
    pub fn usual(&self) -> Option<Action> {
        if let Some((from, to)) = self.wires.keys().next() {
            return Some(Action::Deliver(*from, *to));
        }
        let down = (0u8..).zip(&self.hosts).find(|(_, host)| host.ring.is_none());
        down.map(|(at, _)| Action::Restart(at)).or_else(|| self.next_wake().map(Action::Wake))
    }

    fn next_wake(&self) -> Option<u8> {
        let wakes = (0u8..).zip(&self.hosts).filter_map(|(at, host)| Some((host.ring.as_ref()?.deadline()?, at)));
        wakes.min().map(|(_, at)| at)
    }

    /// Lets `action` happen.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn apply(&mut self, action: Action) -> Result<(), Violation> {
        match action {
            Action::Deliver(from, to) => {
                let frame = self.take(from, to, 0);
                self.frame(from, to, frame)
            }
            Action::Overtake(from, to) => {
                self.budget.faults -= 1;
                let frame = self.take(from, to, 1);
                self.frame(from, to, frame)
            }
            Action::Repeat(from, to) => {
                self.budget.faults -= 1;
                let frame = self.wires[&(from, to)].front().cloned();
                self.frame(from, to, frame)
            }
            Action::Lose(from, to) => {
                self.budget.faults -= 1;
                drop(self.take(from, to, 0));
                Ok(())
            }
            Action::Wake(at) => {
                let fault = !self.wires.is_empty();
                self.budget.faults = self.budget.faults.saturating_sub(u8::from(fault));
                let due = self.hosts[usize::from(at)].ring.as_ref().and_then(|ring| ring.deadline());
                self.now = due.map_or(self.now, |due| self.now.max(due));
                self.step(at, Input::Wake)
            }
            Action::Crash(at, noticed) => {
                self.budget.crashes -= 1;
                self.crash(at, noticed)
            }
            Action::Restart(at) => self.start(at),
            Action::Say(at) => {
                self.budget.messages -= 1;
                self.say(at)
            }
        }
    }

    fn take(&mut self, from: u8, to: u8, place: usize) -> Option<Bytes> {
        let frames = self.wires.get_mut(&(from, to))?;
        let frame = frames.remove(place);
        if frames.is_empty() {
            self.wires.remove(&(from, to));
        }
        frame
    }

    fn frame(&mut self, from: u8, to: u8, bytes: Option<Bytes>) -> Result<(), Violation> {
        bytes.map_or(Ok(()), |bytes| self.step(to, Input::Frame { from: name(from), bytes }))
    }

    fn start(&mut self, at: u8) -> Result<(), Violation> {
        let nodes = (0u8..).zip(&self.hosts).map(|(at, _)| name(at)).collect();
        let host = &mut self.hosts[usize::from(at)];
        host.life = Incarnation(host.life.0 + 1 + 100 * u64::from(at));
        let options = RingOptions {
            me: name(at),
            incarnation: host.life,
            nodes,
            token: TOKEN,
            frame_limit: 1200,
            ring_number_floor: host.floor,
            seed: host.life.0,
        };
        host.ring = Some(Arc::new(Ring::new(options, self.now)));
        self.step(at, Input::Wake)
    }

    /// What is on its way to it is lost; what it has sent is not.
    fn crash(&mut self, at: u8, noticed: bool) -> Result<(), Violation> {
        self.hosts[usize::from(at)].ring = None;
        self.wires.retain(|(_, to), _| *to != at);
        let others = (0u8..).zip(&self.hosts).filter(|(_, host)| noticed && host.ring.is_some()).map(|(at, _)| at);
        others.collect::<Vec<_>>().into_iter().try_for_each(|other| self.step(other, Input::LinkDown(name(at))))
    }

    fn say(&mut self, at: u8) -> Result<(), Violation> {
        let life = (name(at), self.hosts[usize::from(at)].life);
        let number = Arc::make_mut(&mut self.checks).sent(&life);
        let words = [u64::from(at), life.1.0, number].map(u64::to_be_bytes);
        // The second node's are to be safe.
        let guarantee = if at == 1 { Guarantee::Safe } else { Guarantee::Agreed };
        let payload = Bytes::from(words.concat());
        self.step(at, Input::Multicast(Message { payload, channel: Channel::Cluster, guarantee }))
    }

    // ---- what rings make of it ----

    fn step(&mut self, at: u8, input: Input) -> Result<(), Violation> {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let host = &mut self.hosts[usize::from(at)];
            let Some(ring) = host.ring.as_mut() else { return Ok(()) };
            let ring = Arc::make_mut(ring);
            let outputs = ring.step(self.now, input);
            if ring.deadline().is_none_or(|due| due <= self.now) {
                return Err(Violation { rule: "asks_to_be_called", text: format!("n{at}") });
            }
            host.print = print(format_args!("{ring:?}"));
            for output in outputs {
                match output {
                    // Disks are fast here: the simulation has slow ones.
                    Output::StoreRingNumber(number) => {
                        let host = &mut self.hosts[usize::from(at)];
                        host.floor = host.floor.max(number);
                        inputs.push_back(Input::RingNumberStored(number));
                    }
                    output => self.output(at, output)?,
                }
            }
        }
        Ok(())
    }

    fn output(&mut self, at: u8, output: Output) -> Result<(), Violation> {
        match output {
            Output::Send { to, bytes } => {
                let places = (0u8..).zip(&self.hosts).map(|(at, _)| at);
                let to = places.filter(|at| name(*at) == to).collect::<Vec<_>>();
                to.into_iter().for_each(|to| self.send(at, to, bytes.clone()));
            }
            Output::Broadcast(bytes) => {
                let others = (0u8..).zip(&self.hosts).map(|(at, _)| at).filter(|to| *to != at);
                others.collect::<Vec<_>>().into_iter().for_each(|to| self.send(at, to, bytes.clone()));
            }
            Output::Deliver(delivery) => {
                let field =
                    |place: usize| u64::from_be_bytes(delivery.payload[place * 8..][..8].try_into().expect("8"));
                if delivery.payload.len() != STAMP {
                    return Err(Violation { rule: "messages_arrive_whole", text: format!("n{at}") });
                }
                let sender = name(u8::try_from(field(0)).unwrap_or(u8::MAX));
                let stamp = Stamp { sender: (sender, Incarnation(field(1))), number: field(2) };
                let life = (name(at), self.hosts[usize::from(at)].life);
                Arc::make_mut(&mut self.checks).delivered(&life, &delivery, &stamp)?;
                self.checked = print(format_args!("{:?}", self.checks));
            }
            Output::View(view) => {
                let life = (name(at), self.hosts[usize::from(at)].life);
                Arc::make_mut(&mut self.checks).installed(&life, &view)?;
                self.checked = print(format_args!("{:?}", self.checks));
            }
            _ => {}
        }
        Ok(())
    }

    fn send(&mut self, from: u8, to: u8, bytes: Bytes) {
        if self.hosts[usize::from(to)].ring.is_some() {
            self.wires.entry((from, to)).or_default().push_back(bytes);
        }
    }

    // ---- questions ----

    /// Whether all nodes run, in one view that stands, and every message has come back.
    pub fn settled(&self) -> bool {
        let view = |at: u8| self.checks.view(&(name(at), self.hosts[usize::from(at)].life));
        let all = (0u8..).zip(&self.hosts);
        let mut all = all.map(|(at, host)| {
            let stands = host.ring.as_ref().is_some_and(|ring| ring.status().phase == "operate");
            let whole = view(at).is_some_and(|view| view.members.len() == self.hosts.len());
            stands && whole && self.checks.outstanding(&(name(at), host.life)) == 0
        });
        all.all(|settled| settled)
    }

    /// Tells states apart.
    pub fn print(&self) -> u128 {
        let mut sum = Sum(self.checked ^ u128::from(self.budget.faults));
        sum.word(u64::from(self.budget.crashes) << 8 | u64::from(self.budget.messages));
        sum.word(u64::try_from((self.now - self.dawn).as_nanos()).unwrap_or(u64::MAX));
        for host in &self.hosts {
            sum.0 ^= if host.ring.is_some() { host.print } else { 1 };
            sum.word(host.life.0 ^ host.floor << 32);
        }
        for ((from, to), frames) in &self.wires {
            sum.word(u64::from(*from) << 8 | u64::from(*to));
            frames.iter().for_each(|frame| sum.bytes(frame));
        }
        sum.0
    }

    /// Virtual time since it began.
    pub fn time(&self) -> Duration {
        self.now - self.dawn
    }
}

/// FNV-1a over 128 bits.
struct Sum(u128);

impl Sum {
    fn word(&mut self, word: u64) {
        self.bytes(&word.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let word = u128::from(u64::from_le_bytes(word)) | (chunk.len() as u128) << 64;
            self.0 = (self.0 ^ word).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b).rotate_left(61);
        }
    }
}

impl Write for Sum {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

/// All that a value shows of itself, in one number.
fn print(value: fmt::Arguments<'_>) -> u128 {
    let mut sum = Sum(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
    sum.write_fmt(value).expect("a sum takes everything");
    sum.0
}
