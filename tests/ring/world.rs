//! Many rings on one virtual clock: hosts that crash, sleep, are slow or have a full disk, and a network that loses,
//! repeats, delays, damages and cuts.
//!
//! Time is in microseconds. One random generator, seeded, decides everything, so a seed always plays the same way.

use crate::checks::{Checks, Stamp, Violation, own_gaps_blame_nobody};
use crate::flight::Flights;
use crate::host::Host;
use crate::network::Network;
use crate::programs::Programs;
use bytes::Bytes;
use config::NodeId;
use fastrand::Rng;
use membership::group;
use membership::wire::Seen;
use membership::{
    Channel, Delivery, Guarantee, Incarnation, Input, Message, Output, Recorder, Ring, RingOptions, View,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::{Duration, Instant};

/// A millisecond of virtual time.
pub const MS: u64 = 1_000;
/// Bytes of a message that say whose it is.
const STAMP: usize = 24;
/// From what a program asks, or is told, to the ring, in microseconds.
const SEAM: u64 = 30;
/// Frames that wait in the socket of a host that does not read; more are lost.
const SOCKET: usize = 4096;

/// How much is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Nothing: the fast way.
    #[default]
    Nothing,
    /// Faults, views, what the rings notice.
    Events,
    /// Also every frame.
    Frames,
}

/// All of it.
pub struct World {
    /// Microseconds since it began.
    pub now: u64,
    /// The rules.
    pub checks: Checks,
    /// The wires.
    pub network: Network,
    /// The nodes, sorted by name.
    pub hosts: Vec<Host>,
    /// Decides what is not planned.
    pub rng: Rng,
    /// Steps of rings so far.
    pub steps: u64,
    /// Programs that use the ring, if there are any.
    pub programs: Option<Programs>,
    /// What is recorded.
    pub flights: Flights,
    /// Frames given to the network so far.
    pub frames: u64,
    dawn: Instant,
    places: BTreeMap<NodeId, usize>,
    token: Duration,
    frame_limit: usize,
    /// The longest that disks take, in microseconds.
    pub disk_delay: u64,
    queue: BinaryHeap<Reverse<Event>>,
    counter: u64,
    detail: Detail,
    limit: usize,
    lines: VecDeque<String>,
}

/// Something that will happen at a host: an input for the ring, or `None`: it wanted to be called.
#[derive(Debug)]
struct Event {
    at: u64,
    order: u64,
    host: usize,
    life: Incarnation,
    input: Option<Input>,
    /// It is in the socket of a host that has no time for it.
    waits: bool,
}

impl Event {
    fn key(&self) -> (u64, u64) {
        (self.at, self.order)
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Event) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Event) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Event) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// What a world is made with.
#[derive(Clone, Debug)]
pub struct Shape {
    /// How many nodes.
    pub nodes: usize,
    /// At the end of each name: long names make long frames.
    pub tail: &'static str,
    /// The token timeout.
    pub token: Duration,
    /// Longest packet, in bytes.
    pub frame_limit: usize,
}

impl World {
    /// Nobody has been started yet.
    pub fn new(shape: &Shape, seed: u64, dawn: Instant, detail: Detail, limit: usize) -> World {
        let name = |at: usize| NodeId::new(&format!("n{:02}{}", at + 1, shape.tail)).expect("a valid name");
        let names: Vec<NodeId> = (0..shape.nodes).map(name).collect();
        World {
            now: 0,
            checks: Checks::new(names.iter().cloned()),
            network: Network::new(shape.nodes),
            places: names.iter().enumerate().map(|(at, name)| (name.clone(), at)).collect(),
            hosts: names.into_iter().map(Host::new).collect(),
            rng: Rng::with_seed(seed),
            steps: 0,
            // Groups come on top of what the ring does: a third of the worlds has them.
            programs: seed.is_multiple_of(3).then(|| Programs::new(seed)),
            flights: Flights::of(seed),
            frames: 0,
            dawn,
            token: shape.token,
            frame_limit: shape.frame_limit,
            disk_delay: 4 * MS,
            queue: BinaryHeap::new(),
            counter: 0,
            detail,
            limit,
            lines: VecDeque::new(),
        }
    }

    /// The last lines of what was written down.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// The token timeout in microseconds.
    pub fn token(&self) -> u64 {
        micros(self.token)
    }

    // ---- what can happen to a host ----

    /// Those whose daemon runs.
    pub fn running(&self) -> Vec<usize> {
        (0..self.hosts.len()).filter(|at| self.hosts[*at].ring.is_some()).collect()
    }

    /// The daemon starts, in a new life.
    pub fn start(&mut self, at: usize) -> Result<(), Violation> {
        let life = Incarnation(self.rng.u64(1..));
        let nodes = self.places.keys().cloned().collect();
        let seed = self.rng.u64(..);
        let host = &mut self.hosts[at];
        let options = RingOptions {
            me: host.name.clone(),
            incarnation: life,
            nodes,
            token: self.token,
            frame_limit: self.frame_limit,
            ring_number_floor: host.floor,
            seed,
        };
        let ring = Ring::new(options, self.dawn + Duration::from_micros(self.now));
        host.recorder = self.flights.limit.map(|limit| Recorder::new(&ring, limit));
        host.begin(ring, life, self.now);
        if let Some(programs) = &mut self.programs {
            programs.begin(at, &self.hosts[at].name, life);
        }
        self.note(at, || format!("starts as {life}"));
        self.step(at, Input::Wake)?;
        for other in self.running() {
            if other != at && self.network.open(at, other) && self.network.open(other, at) {
                let (here, there) = (self.hosts[at].name.clone(), self.hosts[other].name.clone());
                self.later(MS, at, Input::LinkUp(there));
                self.later(MS, other, Input::LinkUp(here));
            }
        }
        Ok(())
    }

    /// The daemon dies. When `noticed`, the kernels of its peers hear of it.
    pub fn crash(&mut self, at: usize, noticed: bool) {
        self.note(at, || "crashes".to_owned());
        self.end(at);
        for other in self.running() {
            if noticed && self.network.open(at, other) {
                let name = self.hosts[at].name.clone();
                self.later(MS, other, Input::LinkDown(name));
            }
        }
    }

    /// The daemon leaves in order and ends.
    pub fn leave(&mut self, at: usize) -> Result<(), Violation> {
        self.note(at, || "leaves".to_owned());
        self.step(at, Input::Leave)?;
        self.end(at);
        Ok(())
    }

    fn end(&mut self, at: usize) {
        if let Some(programs) = &mut self.programs {
            programs.end(at);
        }
        let host = &mut self.hosts[at];
        if let Some(recorder) = host.end() {
            self.flights.end(&host.name, recorder);
        }
    }

    /// Nothing runs on this host for so long; what is sent to it waits.
    pub fn freeze(&mut self, at: usize, time: u64) {
        self.note(at, || format!("sleeps for {} ms", time / MS));
        self.hosts[at].frozen = self.now + time;
    }

    /// Each step of this host takes so long from now on.
    pub fn slow(&mut self, at: usize, cost: u64) {
        self.note(at, || format!("takes {cost} us for each step"));
        self.hosts[at].cost = cost;
    }

    /// The disk of this host takes nothing any more, or takes everything again.
    pub fn fill(&mut self, at: usize, full: bool) {
        self.note(at, || (if full { "has a full disk" } else { "has room on its disk" }).to_owned());
        if let Some(number) = self.hosts[at].fill(full) {
            self.later(MS, at, Input::RingNumberStored(number));
        }
    }

    /// The link layers of two hosts find each other again, as they do some time after a cut is mended.
    pub fn relink(&mut self, one: usize, other: usize) {
        let (here, there) = (self.hosts[one].name.clone(), self.hosts[other].name.clone());
        self.later(MS, one, Input::LinkUp(there));
        self.later(MS, other, Input::LinkUp(here));
    }

    /// A client gives the ring a message of `len` bytes, unless the host sleeps or the queue is full.
    pub fn multicast(&mut self, at: usize, len: usize) -> Result<(), Violation> {
        let (host, len) = (&self.hosts[at], len.max(STAMP));
        if host.free_at() > self.now || host.ring.as_ref().is_none_or(|ring| !ring.can_accept(Channel::Cluster, len)) {
            return Ok(());
        }
        let life = host.life();
        let number = self.checks.sent(&life);
        let mut message = vec![fill(number); len];
        for (place, value) in [at as u64, life.1.0, number].into_iter().enumerate() {
            message[place * 8..place * 8 + 8].copy_from_slice(&value.to_be_bytes());
        }
        let message = Message { payload: message.into(), channel: Channel::Cluster, guarantee: guarantee(number) };
        self.step(at, Input::Multicast(message))
    }

    // ---- time ----

    /// Lets `time` pass.
    pub fn run(&mut self, time: u64) -> Result<(), Violation> {
        let end = self.now + time;
        while let Some(Reverse(event)) = self.queue.peek() {
            if event.at > end {
                break;
            }
            let Reverse(event) = self.queue.pop().expect("just seen");
            self.now = self.now.max(event.at);
            self.happen(event)?;
        }
        self.now = end;
        Ok(())
    }

    fn happen(&mut self, mut event: Event) -> Result<(), Violation> {
        let host = &mut self.hosts[event.host];
        if host.incarnation != event.life || host.ring.is_none() {
            return Ok(());
        }
        let free = host.free_at();
        if free > self.now {
            // It waits in its place. A socket holds so much and no more.
            if !event.waits && matches!(event.input, Some(Input::Frame { .. })) {
                if host.waiting >= SOCKET {
                    return Ok(());
                }
                host.waiting += 1;
                event.waits = true;
            }
            event.at = free;
            self.queue.push(Reverse(event));
            return Ok(());
        }
        host.waiting -= usize::from(event.waits);
        match event.input {
            Some(input) => {
                if let Input::RingNumberStored(number) = input {
                    host.floor = host.floor.max(number);
                }
                self.step(event.host, input)
            }
            None if host.wake.is_some_and(|at| at <= self.now) => self.step(event.host, Input::Wake),
            // It was called meanwhile and wants to be called at another time.
            None => Ok(()),
        }
    }

    fn push(&mut self, at: u64, host: usize, input: Option<Input>) {
        self.counter += 1;
        let life = self.hosts[host].incarnation;
        self.queue.push(Reverse(Event { at, order: self.counter, host, life, input, waits: false }));
    }

    fn later(&mut self, delay: u64, host: usize, input: Input) {
        self.push(self.now + delay, host, Some(input));
    }

    fn step(&mut self, at: usize, input: Input) -> Result<(), Violation> {
        let now = self.dawn + Duration::from_micros(self.now);
        let leaves = matches!(input, Input::Leave);
        let host = &mut self.hosts[at];
        let Some(ring) = host.ring.as_mut() else { return Ok(()) };
        self.steps += 1;
        let outputs = match &mut host.recorder {
            Some(recorder) => recorder.step(ring, now, input),
            None => ring.step(now, input),
        };
        let wake = ring.deadline();
        host.works(self.now, micros(self.token) / 2);
        if !leaves && wake.is_none_or(|wake| wake <= now) {
            let text = format!("{} does not ask to be called again, or at once", host.name);
            return Err(Violation { rule: "asks_to_be_called", text });
        }
        let wake = wake.map(|wake| micros(wake.saturating_duration_since(self.dawn)));
        if wake != host.wake {
            host.wake = wake;
            if let Some(wake) = wake {
                self.push(wake, at, None);
            }
        }
        outputs.into_iter().try_for_each(|output| self.output(at, output))
    }

    // ---- what rings want done ----

    fn output(&mut self, at: usize, output: Output) -> Result<(), Violation> {
        match output {
            Output::Send { to, bytes } => self.send(at, self.places[&to], &bytes),
            Output::Broadcast(bytes) => {
                (0..self.hosts.len()).filter(|to| *to != at).try_for_each(|to| self.send(at, to, &bytes))
            }
            Output::Deliver(delivery) if delivery.channel == Channel::Groups => {
                self.tell_programs(at, group::Input::Delivered(delivery))
            }
            Output::Deliver(delivery) => self.deliver(at, &delivery),
            Output::View(view) => {
                self.note(at, || {
                    let names = |names: Vec<&NodeId>| names.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(" ");
                    let (all, along) = (view.members.keys().collect(), view.came_along.iter().collect());
                    format!("installs {}: {}; with it came {}", view.ring, names(all), names(along))
                });
                self.checks.installed(&self.hosts[at].life(), &view)?;
                self.tell_programs(at, group::Input::View(view))
            }
            Output::StoreRingNumber(number) => {
                let stored = self.hosts[at].store(number);
                // The disk may be done long before it says so.
                if stored && self.rng.bool() {
                    self.hosts[at].floor = self.hosts[at].floor.max(number);
                }
                if stored {
                    let delay = self.rng.u64(MS / 2..self.disk_delay.max(MS));
                    self.later(delay, at, Input::RingNumberStored(number));
                }
                Ok(())
            }
            Output::Notice(notice) => {
                self.note(at, || format!("notices {notice:?}"));
                let host = &self.hosts[at];
                let awake = Duration::from_micros(self.now - host.woke);
                own_gaps_blame_nobody(&host.name, awake, &notice)
            }
            Output::Left => Ok(()),
        }
    }

    /// The groups of a host are told something; what they want said is said a moment later, as from another thread.
    fn tell_programs(&mut self, at: usize, input: group::Input) -> Result<(), Violation> {
        let Some(programs) = &mut self.programs else { return Ok(()) };
        let messages = programs.step(at, input)?;
        self.say_later(at, messages);
        Ok(())
    }

    /// A program of a host does something, unless the host sleeps.
    pub fn program_acts(
        &mut self,
        at: usize,
        act: impl Fn(&mut Programs, usize) -> Result<Vec<Message>, Violation>,
    ) -> Result<(), Violation> {
        let Some(programs) = self.programs.as_mut().filter(|_| self.hosts[at].free_at() <= self.now) else {
            return Ok(());
        };
        let messages = act(programs, at)?;
        self.say_later(at, messages);
        Ok(())
    }

    fn say_later(&mut self, at: usize, messages: Vec<Message>) {
        messages.into_iter().for_each(|message| self.later(SEAM, at, Input::Multicast(message)));
    }

    fn deliver(&mut self, at: usize, delivery: &Delivery) -> Result<(), Violation> {
        const RULE: &str = "messages_arrive_whole";
        let field =
            |place: usize| Some(u64::from_be_bytes(delivery.payload.get(place * 8..place * 8 + 8)?.try_into().ok()?));
        let broken = || Violation { rule: RULE, text: format!("{} got {:?}", self.hosts[at].name, delivery.payload) };
        let (Some(sender), Some(life), Some(number)) = (field(0), field(1), field(2)) else { return Err(broken()) };
        let torn = delivery.payload[STAMP..].iter().any(|byte| *byte != fill(number));
        if torn || delivery.guarantee != guarantee(number) {
            return Err(broken());
        }
        let sender = usize::try_from(sender).ok().and_then(|at| self.hosts.get(at)).ok_or_else(broken)?;
        let stamp = Stamp { sender: (sender.name.clone(), Incarnation(life)), number };
        self.checks.delivered(&self.hosts[at].life(), delivery, &stamp)
    }

    fn send(&mut self, from: usize, to: usize, bytes: &Bytes) -> Result<(), Violation> {
        self.frames += 1;
        if bytes.len() > self.frame_limit || from == to {
            let text = format!("{} sends {} bytes to {}", self.hosts[from].name, bytes.len(), self.hosts[to].name);
            return Err(Violation { rule: "packets_fit", text });
        }
        if self.detail >= Detail::Frames {
            let line = format!("    {} to {}: {:?}", self.hosts[from].name, self.hosts[to].name, Seen::read(bytes));
            self.line(&line);
        }
        if self.hosts[to].ring.is_none() {
            return Ok(());
        }
        for copy in self.network.carry(&mut self.rng, from, to).into_iter().flatten() {
            let bytes = if copy.damaged { damaged(&mut self.rng, bytes) } else { Some(bytes.clone()) };
            if let Some(bytes) = bytes {
                let from = self.hosts[from].name.clone();
                self.later(copy.after, to, Input::Frame { from, bytes });
            }
        }
        Ok(())
    }

    // ---- questions ----

    /// What is recorded of those that run.
    pub fn recorders(&self) -> impl Iterator<Item = (&NodeId, &Recorder)> {
        self.hosts.iter().filter_map(|host| Some((&host.name, host.recorder.as_ref()?)))
    }

    /// Whether exactly those that run are together in one view, all of them operating.
    pub fn one_view(&self) -> bool {
        let running = self.running();
        let views: Vec<Option<&View>> = running.iter().map(|at| self.checks.view(&self.hosts[*at].life())).collect();
        let Some(Some(first)) = views.first() else { return false };
        let whole = first.members.keys().eq(running.iter().map(|at| &self.hosts[*at].name));
        whole
            && views.iter().all(|view| view.is_some_and(|view| view.ring == first.ring))
            && running.iter().all(|at| self.operates(*at))
    }

    /// Whether the ring of this host is in a view that stands.
    pub fn operates(&self, at: usize) -> bool {
        self.hosts[at].ring.as_ref().is_some_and(|ring| ring.status().phase == "operate")
    }

    /// Messages that have not come back to their senders, of those that run.
    pub fn outstanding(&self) -> u64 {
        self.running().iter().map(|at| self.checks.outstanding(&self.hosts[*at].life())).sum()
    }

    /// Writes a line down about a host.
    pub fn note(&mut self, at: usize, what: impl FnOnce() -> String) {
        if self.detail == Detail::Nothing {
            return;
        }
        let line = what();
        self.line(&format!("{} {line}", self.hosts[at].name));
    }

    /// Writes a line down.
    pub fn line(&mut self, what: &str) {
        if self.detail == Detail::Nothing {
            return;
        }
        if self.lines.len() >= self.limit {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{:>8}.{:03} ms  {what}", self.now / MS, self.now % MS));
    }
}

/// Links are authenticated: what was damaged on the way does not get through them. What is no frame any more is handed
/// over nevertheless, for a ring has to stand that too.
fn damaged(rng: &mut Rng, bytes: &Bytes) -> Option<Bytes> {
    let mut damaged = bytes.to_vec();
    if rng.bool() {
        damaged.truncate(rng.usize(..damaged.len()));
    } else {
        let at = rng.usize(..damaged.len());
        damaged[at] ^= rng.u8(1..);
    }
    let damaged = Bytes::from(damaged);
    Seen::read(&damaged).is_err().then_some(damaged)
}

/// Every third message is to be safe.
fn guarantee(number: u64) -> Guarantee {
    if number.is_multiple_of(3) { Guarantee::Safe } else { Guarantee::Agreed }
}

fn fill(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

/// Rounded up: a ring that is called too early has to be called again.
fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX)
}
