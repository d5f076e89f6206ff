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
/// A packet that asks to be dialed. It proves nothing, so it may do nothing but end a pause. No QUIC packet of this
/// version begins with a byte below 0x40.
pub(super) const KNOCK: &[u8; 16] = b"\x02paceline knock\n";
/// Knocks on one path that come sooner after each other are ignored.
const KNOCKS: Duration = Duration::from_millis(50);

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

    /// When a path counts as silent: half a token timeout, in which an idle one shows itself several times.
    fn silent_at(&self, path: &Path) -> Option<Instant> {
        let link = self.connections.get(&path.link?)?;
        Some(link.heard + (self.options.token / 2).clamp(Duration::from_millis(150), Duration::from_secs(2)))
    }

    /// The socket to reach an address from: the one of the same link when it is of the same kind.
    fn socket_for(&self, link: usize, address: &SocketAddr) -> Option<usize> {
        let fits = |socket: &Socket| socket.address().is_ipv4() == address.is_ipv4();
        let own = self.sockets.iter().position(|socket| socket.link() == link && fits(socket));
        own.or_else(|| self.sockets.iter().position(fits))
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
                Dial::Waiting { .. } if fresh => self.watch(&name, link),
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
        // It has begun already; a crowd that went on knocking would keep it from getting anything done.
        if self.connections.values().any(|dialing| dialing.is_waited_for() && addresses.contains(&dialing.remote)) {
            return;
        }
        for address in addresses {
            let Some(socket) = self.socket_for(link, &address) else { continue };
            let transmit =
                Transmit { destination: address, ecn: None, size: KNOCK.len(), segment_size: None, src_ip: None };
            self.scratch.clear();
            self.scratch.extend_from_slice(KNOCK);
            self.respond(socket, &transmit);
        }
    }

    /// Somebody at this address asks to be dialed.
    pub(super) fn knocked(&mut self, now: Instant, remote: SocketAddr) {
        let found = self.peers.iter().find_map(|(name, peer)| {
            let link = peer.paths.iter().position(|path| path.addresses.contains(&remote))?;
            Some((name.clone(), link))
        });
        let Some((name, link)) = found else {
            self.counters.ignored += 1;
            return;
        };
        let Some(path) = self.path(&name, link) else { return };
        if path.knocked.is_some_and(|last| now < last + KNOCKS) {
            return;
        }
        path.knocked = Some(now);
        match path.dial {
            Dial::Waiting { .. } => self.attempt(now, &name, link),
            Dial::Trying { handle, .. } => {
                // One that was answered goes on: whoever knocks in a peer's name must not be able to end it. So does
                // one whose first packets may still be answered, or are repeated soon.
                let tried = self.connections.get(&handle);
                if tried.is_some_and(|tried| tried.heard == tried.since && tried.since + UNHEARD / 2 <= now) {
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
        let address = path.addresses[path.patience.next_address % path.addresses.len()];
        let Some(socket) = self.socket_for(link, &address) else {
            return self.unanswered(now, (name, link), address, "this node has no address of that kind");
        };
        let client = self.setup.client.clone();
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
        self.try_later(now, name, link, SILENT_PAUSE);
        let Some(path) = self.path(name, link) else { return };
        if path.patience.told || path.link.is_some() || path.patience.next_address < path.addresses.len() {
            return;
        }
        path.patience.told = true;
        let event = LinkEvent::Unreachable { peer: name.clone(), link, address, reason: reason.to_owned() };
        self.arrivals.push_back(Arrival::Event(event));
    }

    /// An attempt was answered with a no.
    pub(super) fn turned_down(&mut self, now: Instant, name: &NodeId, link: usize) {
        self.try_later(now, name, link, REFUSED_PAUSE);
    }

    fn try_later(&mut self, now: Instant, name: &NodeId, link: usize, longest: Duration) {
        let Some(path) = self.path(name, link) else { return };
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
