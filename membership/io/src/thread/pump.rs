//! The loop itself. Every turn does a bounded amount of work from each source, so that none starves the others: a flood
//! of garbage on the port delays a timer by one turn, not for ever.

use super::*;
use crate::event::LinkEvent;
use crate::link::Arrival;
use crate::realtime;
use membership::{Input, Output, Reconfiguration};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use std::collections::BTreeSet;
use std::os::fd::AsFd;

/// Batches of packets taken in one turn.
const BATCHES: usize = 8;
/// Batches that a socket's buffer may hold: more cannot be of the past.
const PAST: usize = 1024;
/// Messages that may wait inside the ring.
const RING_QUEUE: usize = 2048;
// What clients of groups say never fills it: there is room for what the node says, and the ring takes that first.
const _: () = assert!(membership::group::MAX_IN_RING < RING_QUEUE);
/// So many frames are worth a send of their own.
const BURST: usize = 8;
/// After saying goodbye, packets of peers are answered with it for this long, in case the first one was lost.
const LINGER: Duration = Duration::from_millis(50);
/// When the lock of the mailbox was held, it is tried again after this.
const LOOK_AGAIN: Duration = Duration::from_micros(500);

/// Where the thread is in its life.
enum Life {
    Running,
    /// Asked to leave; it is over by then in any case.
    Leaving(Instant),
    /// Goodbye is said.
    Lingering(Instant),
}

pub(super) struct Pump {
    ring: Ring,
    flight: Flight,
    links: Links,
    local: SocketAddr,
    mailbox: Arc<Mailbox>,
    keeper: mpsc::Sender<u64>,
    token: Duration,
    on_event: Box<dyn Fn(Event) + Send>,
    life: Life,
    scheduling: &'static str,
    chronicle: Chronicle,
    /// When the last turn began.
    turned: Instant,
    /// Names that have been reported to have no address.
    unresolved: BTreeSet<(NodeId, String)>,
    nodes: BTreeSet<NodeId>,
    /// Looks up the names of peers, when asked.
    names: Option<mpsc::Sender<()>>,
    /// Counts the changes of addresses.
    era: u64,
    /// Largest frame that the ring was told to send.
    frame_limit: usize,
}

impl Pump {
    pub(super) fn new(
        (ring, flight, chronicle): (Ring, Flight, Chronicle),
        links: Links,
        local: SocketAddr,
        mailbox: Arc<Mailbox>,
        keeper: mpsc::Sender<u64>,
        (token, nodes): (Duration, BTreeSet<NodeId>),
        on_event: Box<dyn Fn(Event) + Send>,
    ) -> Pump {
        let unresolved = BTreeSet::new();
        let life = Life::Running;
        let (scheduling, turned) = ("ordinary", Instant::now());
        let frame_limit = links.carries();
        Pump {
            ring,
            flight,
            links,
            local,
            mailbox,
            keeper,
            token,
            on_event,
            life,
            scheduling,
            chronicle,
            turned,
            unresolved,
            nodes,
            names: None,
            era: 0,
            frame_limit,
        }
    }

    /// The thread.
    pub(super) fn run(mut self, realtime: bool) {
        if realtime {
            let (scheduling, warning) = realtime::claim(self.token);
            self.scheduling = scheduling;
            if let Some(warning) = warning {
                (self.on_event)(Event::Warning(warning));
            }
        }
        self.step(Instant::now(), Input::Wake);
        loop {
            match self.turn() {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    (self.on_event)(Event::Failed(format!("the ring's socket {} is broken: {error}", self.local)));
                    return;
                }
            }
        }
    }

    /// One turn; false when it was the last.
    fn turn(&mut self) -> io::Result<bool> {
        let now = Instant::now();
        if now.saturating_duration_since(self.turned) > self.token {
            self.skip_the_past(now)?;
        }
        self.turned = now;
        let mut more = true;
        for _ in 0..BATCHES {
            let now = Instant::now();
            more = self.links.receive(now)?;
            self.arrivals(now);
            if !more {
                break;
            }
        }
        let now = Instant::now();
        let Some(again) = self.notes(now) else { return Ok(false) };
        self.links.tick(now);
        self.arrivals(now);
        if self.links.carries() != self.frame_limit {
            self.tell_ring(now);
        }
        if self.ring.deadline().is_some_and(|at| at <= now) {
            self.step(now, Input::Wake);
        }
        self.links.flush(now);
        match self.life {
            Life::Leaving(until) if until <= now => self.say_goodbye(now),
            Life::Lingering(until) if until <= now => return Ok(false),
            _ => {}
        }
        if !more {
            self.wait(again)?;
        }
        Ok(true)
    }

    /// Sleeps until something is to be done.
    fn wait(&mut self, again: Option<Duration>) -> io::Result<()> {
        let end = match self.life {
            Life::Running => None,
            Life::Leaving(until) | Life::Lingering(until) => Some(until),
        };
        let ring = if matches!(self.life, Life::Lingering(_)) { None } else { self.ring.deadline() };
        let now = Instant::now();
        let urgent = ring;
        let deadline = [self.links.deadline(), ring, end, again.map(|after| now + after)].into_iter().flatten().min();
        let timeout = deadline.map(|at| TimeSpec::from_duration(at.saturating_duration_since(now)));
        let mut sources: Vec<PollFd<'_>> = self
            .links
            .sources()
            .chain([self.mailbox.as_fd()])
            .map(|source| PollFd::new(source, PollFlags::POLLIN))
            .collect();
        match ppoll(&mut sources, timeout, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let said = |source: &PollFd<'_>| source.revents().is_some_and(|events| events.contains(PollFlags::POLLERR));
        let complaints = sources.iter().any(said);
        if let Some(asked) = urgent {
            self.chronicle.late(Instant::now().saturating_duration_since(asked.max(now)));
        }
        // The mailbox stands last.
        if sources.last().and_then(PollFd::revents).is_some_and(|events| events.contains(PollFlags::POLLIN)) {
            self.mailbox.silence();
        }
        if complaints {
            self.links.complaints(Instant::now());
        }
        Ok(())
    }

    /// This thread did not run for longer than the token timeout: the host stood still, or the process was stopped.
    /// What waits in the sockets is news of that time, in which peers said that they do not hear this node any more.
    /// The ring would believe it and stay away from them, so only the links take it in.
    fn skip_the_past(&mut self, now: Instant) -> io::Result<()> {
        for _ in 0..PAST {
            if !self.links.receive(now)? {
                break;
            }
        }
        self.links.forget_frames();
        self.step(now, Input::Wake);
        Ok(())
    }

    /// Passes on what came over the links, in its order.
    fn arrivals(&mut self, now: Instant) {
        while let Some(arrival) = self.links.arrival() {
            match arrival {
                Arrival::Frame { from, bytes } => self.step(now, Input::Frame { from, bytes }),
                Arrival::Up(peer) => self.step(now, Input::LinkUp(peer)),
                Arrival::Down(peer) => self.step(now, Input::LinkDown(peer)),
                Arrival::Event(event) => {
                    // The host may have moved. Where there are no names, nobody listens.
                    if let (LinkEvent::Down { .. }, Some(names)) = (&event, &self.names) {
                        let _ = names.send(());
                    }
                    (self.on_event)(Event::Link(event));
                }
                Arrival::Warning(text) => (self.on_event)(Event::Warning(text)),
            }
        }
    }

    /// Does what other threads ask for. `None` to stop at once; otherwise when to look again, if not only when woken.
    fn notes(&mut self, now: Instant) -> Option<Option<Duration>> {
        let ring = &self.ring;
        let taken = self.mailbox.take(|| RING_QUEUE.saturating_sub(ring.queued()));
        for message in taken.messages {
            self.step(now, Input::Multicast(message));
        }
        for note in taken.notes {
            match note {
                Note::Stop => return None,
                Note::Leave => {
                    if matches!(self.life, Life::Running) {
                        self.life = Life::Leaving(now + (3 * self.token).max(Duration::from_secs(2)));
                        self.step(now, Input::Leave);
                    }
                }
                Note::Reconfigure { era, change } => {
                    self.era = era;
                    self.reconfigure(now, *change);
                }
                Note::Renew(identity, answer) => {
                    answer(self.links.renew(now, *identity));
                    self.arrivals(now);
                }
                Note::Stored(number) => self.step(now, Input::RingNumberStored(number)),
                Note::Warning(text) => (self.on_event)(Event::Warning(text)),
                Note::Record(answer) => self.flight.asked(answer),
                Note::Status(answer) => answer(self.status(now)),
                Note::Resolved { era, peer, links } if era == self.era => self.resolved(now, &peer, links),
                Note::Resolved { .. } => {}
                Note::Names(names) => self.names = Some(names),
                Note::Unresolved { era, peer, name, reason } => {
                    if era == self.era && self.unresolved.insert((peer.clone(), name.clone())) {
                        (self.on_event)(Event::Link(LinkEvent::Unresolved { peer, name, reason }));
                    }
                }
            }
        }
        Some(taken.more.then_some(LOOK_AGAIN))
    }

    /// Goes on with other nodes, times or sizes: the links make what they need beside what they have.
    fn reconfigure(&mut self, now: Instant, change: LinkChange) {
        let (token, nodes) = (change.token, change.peers.clone());
        if let Err(reason) = self.links.change(now, change) {
            let text = format!("the links cannot go on as configured and stay as they are: {reason}");
            (self.on_event)(Event::Warning(text));
            return;
        }
        (self.token, self.nodes) = (token, nodes);
        self.unresolved.retain(|(peer, _)| self.nodes.contains(peer));
        self.tell_ring(now);
        self.arrivals(now);
    }

    /// Tells the ring how things are.
    fn tell_ring(&mut self, now: Instant) {
        self.frame_limit = self.links.carries();
        let (nodes, token, frame_limit) = (self.nodes.clone(), self.token, self.frame_limit);
        self.step(now, Input::Reconfigure(Reconfiguration { nodes, token, frame_limit }));
    }

    /// The addresses of a peer's links are known; only those of a kind that this node has a socket for can be reached.
    fn resolved(&mut self, now: Instant, peer: &NodeId, links: Vec<Vec<SocketAddr>>) {
        let whole = links.iter().all(|addresses| !addresses.is_empty());
        match self.links.set_addresses(now, peer, links) {
            Some(other) => {
                let name = other.to_string();
                if self.unresolved.insert((peer.clone(), name.clone())) {
                    let reason = format!("not of the same kind as this node's own address {}", self.local.ip());
                    (self.on_event)(Event::Link(LinkEvent::Unresolved { peer: peer.clone(), name, reason }));
                }
            }
            None if whole => self.unresolved.retain(|(unresolved, _)| unresolved != peer),
            None => {}
        }
    }

    fn status(&self, now: Instant) -> Status {
        Status {
            ring: self.ring.status(),
            peers: self.links.peers(now),
            certificate: Some(self.links.certificate()),
            counters: self.links.counters(),
            scheduling: self.scheduling,
            token: self.token,
            view: self.chronicle.view().cloned(),
            insight: self.chronicle.insight(now),
        }
    }

    /// Lets the ring do a step and carries out what it wants, in order.
    fn step(&mut self, now: Instant, input: Input) {
        if matches!(self.life, Life::Lingering(_)) {
            return;
        }
        let mut queued = false;
        self.chronicle.input(now, &input);
        let mut outputs = self.flight.step(&mut self.ring, now, input).into_iter();
        while let Some(output) = outputs.next() {
            self.chronicle.output(now, &output);
            match output {
                Output::Broadcast(bytes) => {
                    self.links.broadcast(now, &bytes);
                    queued = true;
                }
                Output::Send { to, bytes } => {
                    // What was queued before must be on its way before: the frame may be the token, and a token that
                    // overtakes data makes peers ask for it again.
                    if queued {
                        self.links.flush(now);
                    }
                    self.links.send(now, &to, bytes);
                    queued = true;
                    // A burst that follows the token must not hold it up.
                    if outputs.len() >= BURST {
                        self.links.flush(now);
                    }
                }
                Output::Deliver(delivery) => (self.on_event)(Event::Deliver(delivery)),
                Output::View(view) => (self.on_event)(Event::View(view)),
                Output::Notice(notice) => (self.on_event)(Event::Notice(notice)),
                Output::StoreRingNumber(number) => {
                    // Its thread lives as long as this one.
                    let _ = self.keeper.send(number);
                }
                Output::Left => {
                    self.say_goodbye(now);
                    return;
                }
            }
        }
        if queued {
            self.links.flush(now);
        }
        if let Some(reason) = self.chronicle.unwanted() {
            self.flight.unwanted(now, reason);
        }
    }

    fn say_goodbye(&mut self, now: Instant) {
        self.links.goodbye(now);
        self.life = Life::Lingering(now + LINGER);
        (self.on_event)(Event::Left);
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.mailbox.close();
        if thread::panicking() {
            (self.on_event)(Event::Failed(
                "the ring thread has panicked: an invariant of the ring is broken".to_owned(),
            ));
            // Peers need not wait for a timeout to see it.
            self.links.fail(Instant::now());
        }
    }
}
