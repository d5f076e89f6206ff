//! When a path is dialed: at once, then with growing pauses, for ever; and again beside a connection that has gone
//! silent. The side that does not dial knocks instead, so that it is not left waiting for the end of a pause.

use super::*;
use quinn_proto::Transmit;

/// First pause after a failed attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// Longest pause when nobody answers. An attempt repeats its first packet by itself, so pauses can be short.
const SILENT_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause when somebody answers and refuses.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause between two of them.
const KNOCK_PAUSE: Duration = Duration::from_millis(100);
/// An attempt of which nothing was heard by then is begun anew: its packets are repeated less and less often, and a
/// network that comes up would be found late.
const UNHEARD: Duration = Duration::from_millis(250);
/// A packet that asks to be dialed begins so; the link's number and the name of who asks follow. It proves nothing, so
/// it may do nothing but end a pause, or have the address that it came from tried once: whoever answers there has to
/// show the peer's certificate. No QUIC packet of this version begins with a byte below 0x40.
pub(super) const KNOCK: &[u8; 16] = b"\x02paceline knock\n";
/// Knocks on one path that come sooner after each other are ignored.
const KNOCKS: Duration = Duration::from_millis(50);
/// So are knocks from an address that is not known, which anybody could have written: each costs a packet to there.
const STRANGE_KNOCKS: Duration = Duration::from_millis(500);

/// What this side does about one path.
#[derive(Debug)]
pub(super) enum Dial {
    /// Nothing any more: this node has left.
    Never,
    /// The peer dials; as long as it does not, it is asked to then.
    Asking { next: Instant },
    /// There is a connection. It is watched for silence.
    Watching,
    /// The next attempt starts then.
    Waiting { until: Instant },
    /// An attempt is under way and is given up then.
    Trying { handle: ConnectionHandle, until: Instant },
}

/// How attempts went lately.
#[derive(Debug)]
pub(super) struct Patience {
    pause: Duration,
    next_address: usize,
    told: bool,
}

impl Patience {
    pub(super) fn new() -> Patience {
        Patience { pause: FIRST_PAUSE, next_address: 0, told: false }
    }

    fn failed(&mut self, longest: Duration) -> Duration {
        let pause = self.pause.min(longest);
        self.pause = (self.pause * 2).min(REFUSED_PAUSE);
        pause
    }
}

impl Connection {
    /// Whether this connection should have said hello by now.
    pub(super) fn is_waited_for(&self) -> bool {
        self.dialed.is_none() && matches!(self.stage, Stage::Shaking | Stage::Greeting { .. })
    }
}

impl Links {
    /// How long an attempt may take: a token timeout, within reason. Two crypto operations on a busy host must fit.
    fn reach(&self) -> Duration {
        self.options.token.clamp(Duration::from_millis(300), Duration::from_secs(2))
    }

    /// When something was last heard on its connection.
    fn heard_at(&self, path: &Path) -> Option<Instant> {
        Some(self.connections.get(&path.link?)?.heard)
    }

    /// When a path counts as silent: half a token timeout, in which an idle one shows itself several times.
    fn silent_at(&self, path: &Path) -> Option<Instant> {
        let link = self.connections.get(&path.link?)?;
        Some(link.heard + (self.options.token / 2).clamp(Duration::from_millis(150), Duration::from_secs(2)))
    }

    /// The socket to reach an address from: the one of the same link when it is of the same kind.
    fn socket_for(&self, link: usize, address: &SocketAddr) -> Option<usize> {
        let fits = |socket: &Socket| socket.address().is_ipv4() == address.is_ipv4();
        let all = || self.sockets.iter().filter(|(_, socket)| fits(socket));
        let own = all().find(|(_, socket)| socket.link() == Some(link));
        // One whose address is to be given up is used when nothing else is there.
        let any = || all().find(|(_, socket)| socket.link().is_some()).or_else(|| all().next());
        own.or_else(any).map(|(number, _)| *number)
    }

    fn path(&mut self, name: &NodeId, link: usize) -> Option<&mut Path> {
        self.peers.get_mut(name)?.paths.get_mut(link)
    }

    /// When this side has something to do about a path.
    fn dial_due(&self, path: &Path) -> Option<Instant> {
        match path.dial {
            Dial::Never => None,
            Dial::Asking { .. } if path.link.is_some() || path.addresses.is_empty() => None,
            Dial::Asking { next } => Some(next),
            // What makes it outdated has happened before: it is due.
            Dial::Watching if self.is_outdated(path) => self.heard_at(path),
            Dial::Watching => self.silent_at(path),
            Dial::Waiting { .. } if path.addresses.is_empty() => None,
            Dial::Waiting { until } | Dial::Trying { until, .. } => Some(until),
        }
    }

    pub(super) fn dial_deadline(&self) -> Option<Instant> {
        self.peers.values().flat_map(|peer| &peer.paths).filter_map(|path| self.dial_due(path)).min()
    }

    /// Does what is due for each path.
    pub(super) fn tend(&mut self, now: Instant) {
        let mut due = Vec::new();
        for (name, peer) in &self.peers {
            for (link, path) in peer.paths.iter().enumerate() {
                let lost = matches!(path.dial, Dial::Watching) && self.silent_at(path).is_none();
                if lost || self.dial_due(path).is_some_and(|at| at <= now) {
                    due.push((name.clone(), link));
                }
            }
        }
        for (name, link) in due {
            let Some(path) = self.peers.get(&name).and_then(|peer| peer.paths.get(link)) else { continue };
            let fresh = self.silent_at(path).is_some_and(|at| now < at);
            match path.dial {
                Dial::Never => {}
                Dial::Asking { .. } => self.ask(now, &name, link),
                // The connection that was silent is heard again.
                Dial::Waiting { .. } if fresh && !self.is_outdated(path) => self.watch(&name, link),
                Dial::Watching if fresh => self.attempt(now, &name, link),
                Dial::Watching => {
                    self.look_elsewhere(&name, link);
                    self.attempt(now, &name, link);
                }
                Dial::Waiting { .. } => self.attempt(now, &name, link),
                Dial::Trying { handle, .. } => self.give_up(now, &name, link, handle),
            }
        }
    }

    fn watch(&mut self, name: &NodeId, link: usize) {
        if let Some(path) = self.path(name, link) {
            path.dial = Dial::Watching;
        }
    }

    /// The address in use is silent: the next one of the same name first.
    fn look_elsewhere(&mut self, name: &NodeId, link: usize) {
        if let Some(path) = self.path(name, link) {
            path.patience.next_address += 1;
        }
    }

    /// Knocks.
    fn ask(&mut self, now: Instant, name: &NodeId, link: usize) {
        let Some(path) = self.path(name, link) else { return };
        path.dial = Dial::Asking { next: now + path.patience.failed(KNOCK_PAUSE) };
        let addresses = path.addresses.clone();
        let unheard = path.patience.pause >= REFUSED_PAUSE && !path.patience.told;
        path.patience.told |= unheard;
        if let Some(address) = addresses.first().copied().filter(|_| unheard) {
            let reason = "it does not dial this node: does it run, and is this node in its cluster file?".to_owned();
            let event = LinkEvent::Unreachable { peer: name.clone(), link, address, reason };
            self.arrivals.push_back(Arrival::Event(event));
        }
        // It has begun already; a crowd that went on knocking would keep it from getting anything done.
        if self.connections.values().any(|dialing| dialing.is_waited_for() && addresses.contains(&dialing.remote)) {
            return;
        }
        for address in addresses {
            let Some(socket) = self.socket_for(link, &address) else { continue };
            self.scratch.clear();
            self.scratch.extend_from_slice(KNOCK);
            self.scratch.push(u8::try_from(link).expect("there are eight at most"));
            self.scratch.extend_from_slice(self.options.me.as_str().as_bytes());
            let size = self.scratch.len();
            let transmit = Transmit { destination: address, ecn: None, size, segment_size: None, src_ip: None };
            self.respond(socket, &transmit);
        }
    }

    /// Somebody at this address asks to be dialed; `who` says which link of which peer it is. It may be a peer whose
    /// address is not the configured one: this node, or the peer, has not heard of a change yet.
    pub(super) fn knocked(&mut self, now: Instant, remote: SocketAddr, who: &[u8]) {
        let reached = self.reaches(&remote);
        let asked = who.split_first().and_then(|(link, name)| {
            let name = NodeId::new(std::str::from_utf8(name).ok()?).ok()?;
            Some((name, usize::from(*link)))
        });
        let stranger = asked.as_ref().map(|(name, _)| name.clone()).filter(|name| !self.peers.contains_key(name));
        let found = asked.filter(|(name, link)| self.peers.get(name).is_some_and(|peer| *link < peer.paths.len()));
        let Some((name, link)) = found.filter(|_| reached) else {
            self.counters.ignored += 1;
            if let Some(stranger) = stranger {
                let reason = format!("it calls itself {stranger}, and the cluster has no other node of that name");
                self.refused(now, remote, reason);
            }
            return;
        };
        let Some(path) = self.path(&name, link) else { return };
        let known = path.addresses.contains(&remote);
        let pause = if known { KNOCKS } else { STRANGE_KNOCKS };
        if path.knocked.is_some_and(|last| now < last + pause) {
            return;
        }
        path.knocked = Some(now);
        if !known {
            path.heard_of = Some(remote);
        }
        match path.dial {
            Dial::Waiting { .. } => self.attempt(now, &name, link),
            Dial::Trying { handle, .. } => {
                // One that was answered goes on: whoever knocks in a peer's name must not be able to end it. So does
                // one whose first packets may still be answered, or are repeated soon.
                let Some(tried) = self.connections.get(&handle) else { return };
                if tried.heard == tried.since && tried.since + UNHEARD / 2 <= now {
                    let (size, address, time) = (tried.quic.current_mtu(), tried.remote, now - tried.since);
                    // A dialer's first packets have the full size, a knock is small: does that pass alone?
                    self.unfinished(now, &address, size, (address == remote).then_some(time));
                    self.shut(now, handle, code::ABANDONED, "begun anew");
                    self.look_elsewhere(&name, link);
                    self.attempt(now, &name, link);
                }
            }
            Dial::Never | Dial::Asking { .. } | Dial::Watching => {}
        }
    }

    fn attempt(&mut self, now: Instant, name: &NodeId, link: usize) {
        let until = now + self.reach().min(UNHEARD);
        let Some(path) = self.path(name, link) else { return };
        if path.addresses.is_empty() {
            path.dial = Dial::Waiting { until: now };
            return;
        }
        let usual = path.addresses[path.patience.next_address % path.addresses.len()];
        let address = path.heard_of.take().unwrap_or(usual);
        let Some(socket) = self.socket_for(link, &address) else {
            return self.unanswered(now, (name, link), address, "this node has no address of that kind");
        };
        let client = self.setup.connecting(self.size_towards(socket, &address));
        match self.endpoint.connect(now, client, address, &name::encode(name)) {
            Ok((handle, quic)) => {
                if let Some(path) = self.path(name, link) {
                    path.dial = Dial::Trying { handle, until };
                }
                self.adopt(now, handle, quic, (socket, address), Some((name.clone(), link)));
                self.unsent.insert(handle);
            }
            Err(error) => self.unanswered(now, (name, link), address, &error.to_string()),
        }
    }

    fn give_up(&mut self, now: Instant, name: &NodeId, link: usize, handle: ConnectionHandle) {
        let Some(connection) = self.connections.get(&handle) else { return };
        let (address, until) = (connection.remote, connection.since + self.reach());
        if connection.heard > connection.since && now < until {
            if let Some(path) = self.path(name, link) {
                path.dial = Dial::Trying { handle, until };
            }
            return;
        }
        let heard = (connection.heard > connection.since).then(|| now.saturating_duration_since(connection.since));
        self.unfinished(now, &address, connection.quic.current_mtu(), heard);
        // First into the books, so that closing it does not count as another failure.
        self.unanswered(now, (name, link), address, "no answer");
        self.shut(now, handle, code::ABANDONED, "no answer in time");
    }

    /// An attempt failed without an answer: the next address, after a pause.
    pub(super) fn unanswered(
        &mut self,
        now: Instant,
        (name, link): (&NodeId, usize),
        address: SocketAddr,
        reason: &str,
    ) {
        let Some(path) = self.peers.get(name).and_then(|peer| peer.paths.get(link)) else { return };
        // Only to move from a connection that works: there is time.
        let used = path.link.filter(|_| self.silent_at(path).is_some_and(|at| now < at));
        let used = used.and_then(|handle| self.connections.get(&handle)).map(|connection| connection.remote);
        self.try_later(now, name, link, if used.is_some() { REFUSED_PAUSE } else { SILENT_PAUSE });
        let Some(path) = self.path(name, link) else { return };
        let silent = path.link.is_some() && used.is_none();
        if path.patience.told || silent || path.patience.next_address < path.addresses.len() {
            return;
        }
        path.patience.told = true;
        let reason = match used {
            Some(used) => format!("{reason}; the connection with {used} stays in use"),
            None => reason.to_owned(),
        };
        let event = LinkEvent::Unreachable { peer: name.clone(), link, address, reason };
        self.arrivals.push_back(Arrival::Event(event));
    }

    /// An attempt was answered with a no.
    pub(super) fn turned_down(&mut self, now: Instant, name: &NodeId, link: usize) {
        self.try_later(now, name, link, REFUSED_PAUSE);
    }

    fn try_later(&mut self, now: Instant, name: &NodeId, link: usize, longest: Duration) {
        let Some(path) = self.path(name, link) else { return };
        if matches!(path.dial, Dial::Never | Dial::Asking { .. }) {
            return;
        }
        path.patience.next_address += 1;
        path.dial = Dial::Waiting { until: now + path.patience.failed(longest) };
    }

    /// The connection of a path is gone: dial again at once, at the address that worked, or ask to be dialed.
    pub(super) fn redial(&mut self, now: Instant, name: &NodeId, link: usize) {
        let Some(path) = self.path(name, link) else { return };
        match path.dial {
            Dial::Watching => path.dial = Dial::Waiting { until: now },
            Dial::Asking { .. } => {
                path.patience = Patience::new();
                path.dial = Dial::Asking { next: now + FIRST_PAUSE };
            }
            Dial::Never | Dial::Waiting { .. } | Dial::Trying { .. } => {}
        }
    }

    /// A dialed connection is open.
    pub(super) fn answered(&mut self, name: &NodeId, link: usize, remote: SocketAddr) {
        if let Some(path) = self.path(name, link)
            && !matches!(path.dial, Dial::Never)
        {
            path.dial = Dial::Watching;
            let works = path.addresses.iter().position(|address| *address == remote).unwrap_or(0);
            path.patience = Patience { next_address: works, ..Patience::new() };
        }
    }
}
