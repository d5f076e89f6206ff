//! The regular look at every path: asks for confirmations, sends packets of the full size, and says what changed.

use super::path::{Path, Test, Verdict};
use super::*;

impl Links {
    /// Looks at all paths if it is time. It is due, and done when something else wakes this thread up, or at the next
    /// one's time.
    pub(super) fn look(&mut self, now: Instant) {
        if now < self.next_look {
            return;
        }
        // So late that this node itself cannot have been running.
        let slept = now > self.next_look + self.pace.look + self.pace.doubt;
        self.next_look = now + self.pace.look;
        let names: Vec<NodeId> = self.peers.keys().cloned().collect();
        for name in names {
            let links = self.peers[&name].paths.len();
            for link in 0..links {
                self.look_at(now, &name, link, slept);
                self.judge(now, &name, link);
            }
            self.reroute(now, &name);
        }
        self.measure();
    }

    fn look_at(&mut self, now: Instant, name: &NodeId, link: usize, slept: bool) {
        let Some(path) = self.peers.get_mut(name).and_then(|peer| peer.paths.get_mut(link)) else { return };
        if slept {
            path.health.excuse(now);
        }
        let Some(handle) = path.link else { return };
        let Some(connection) = self.connections.get_mut(&handle) else { return };
        let confirmed = crate::quic::confirmed(&connection.quic);
        if confirmed > path.health.confirmed {
            path.health.confirmed = confirmed;
            path.health.proven = Some(now);
        }
        // What the ring sends is confirmed as well as anything.
        let silent = !std::mem::take(&mut connection.spoke);
        let missed = path.health.missed();
        let probe = path.health.probe(now, &self.pace);
        if (probe && missed) || (silent && !probe) {
            connection.quic.ping();
            self.unsent.insert(handle);
        }
        if probe && missed {
            // The small packet goes by itself: it shows whether only large ones are lost.
            self.transmit(now, handle);
        }
        if probe {
            self.test(handle, Test::Probe);
        }
    }

    /// Sends a packet of the full size.
    pub(super) fn test(&mut self, handle: ConnectionHandle, test: Test) {
        let Some(connection) = self.connections.get_mut(&handle) else { return };
        let size = frame_limit(connection.quic.current_mtu()).min(connection.quic.datagrams().max_size().unwrap_or(0));
        // When the queue is full, the next one does it.
        let _ = connection.quic.datagrams().send(test.bytes(size), false);
        self.unsent.insert(handle);
    }

    /// A connection has just been opened: is it any good?
    pub(super) fn first_test(&mut self, now: Instant, handle: ConnectionHandle) {
        let Some(Connection { stage: Stage::Open { peer: name, .. }, link, .. }) = self.connections.get(&handle) else {
            return;
        };
        if let Some(path) = self.peers.get_mut(name).and_then(|peer| peer.paths.get_mut(*link))
            && path.health.probe(now, &self.pace)
        {
            self.test(handle, Test::Probe);
        }
    }

    /// A datagram about the path it came on.
    pub(super) fn tested(&mut self, now: Instant, handle: ConnectionHandle, test: Test) {
        match test {
            Test::Probe => return self.test(handle, Test::Echo),
            Test::Renew => {
                if let Some(connection) = self.connections.get_mut(&handle) {
                    connection.outdated = true;
                }
                return;
            }
            Test::Echo => {}
        }
        let Some(Connection { stage: Stage::Open { peer: name, .. }, link, .. }) = self.connections.get(&handle) else {
            return;
        };
        let (name, link) = (name.clone(), *link);
        let Some(path) = self.peers.get_mut(&name).and_then(|peer| peer.paths.get_mut(link)) else { return };
        if path.link != Some(handle) {
            return;
        }
        path.health.answered(now, &self.pace);
        if !path.health.up {
            self.judge(now, &name, link);
            self.reroute(now, &name);
        }
    }

    fn judge(&mut self, now: Instant, name: &NodeId, link: usize) {
        let Some(peer) = self.peers.get_mut(name) else { return };
        let usable = |path: &Path| path.health.up && path.link.is_some();
        let alone = !peer.paths.iter().enumerate().any(|(other, path)| other != link && usable(path));
        let Some(path) = peer.paths.get_mut(link) else { return };
        let reason = match path.health.judge(now, &self.pace, alone) {
            Verdict::Same => return,
            Verdict::Up => {
                let Some(address) = path.link.and_then(|handle| self.connections.get(&handle)).map(|c| c.remote) else {
                    return;
                };
                let incarnation = peer.life.unwrap_or(Incarnation(0));
                let event = LinkEvent::Up { peer: name.clone(), incarnation, link, address };
                self.arrivals.push_back(Arrival::Event(event));
                return;
            }
            Verdict::Mute => "what is sent over it does not arrive, or nothing comes back".to_owned(),
            Verdict::Narrow => self.narrow(name, link).0,
            Verdict::Stuck => match self.narrow(name, link) {
                (reason, true) => reason,
                // That it is down is known, and nothing can be tried.
                (_, false) => return,
            },
        };
        self.arrivals.push_back(Arrival::Event(LinkEvent::Down { peer: name.clone(), link, reason }));
    }

    /// Packets of the full size do not pass on a path. Where that was not asked for, a smaller one is tried. What there
    /// is to say, and whether one is.
    fn narrow(&mut self, name: &NodeId, link: usize) -> (String, bool) {
        let open = self.peers.get(name).and_then(|peer| peer.paths.get(link)).and_then(|path| path.link);
        let Some(connection) = open.and_then(|handle| self.connections.get_mut(&handle)) else {
            return ("packets of the full size do not pass, only smaller ones".to_owned(), false);
        };
        let (size, remote, dialed) = (connection.quic.current_mtu(), connection.remote, connection.dialed.is_some());
        let reason = format!("packets of {size} bytes do not pass, only smaller ones");
        if !self.shrink(&remote, size) {
            return (reason, false);
        }
        if let Some(connection) = open.and_then(|handle| self.connections.get_mut(&handle)) {
            connection.outdated = true;
        }
        if let Some(handle) = open.filter(|_| !dialed) {
            self.test(handle, Test::Renew);
        }
        (format!("{reason}; smaller ones are tried"), true)
    }

    /// Works out anew which links are used for a peer.
    pub(super) fn reroute(&mut self, now: Instant, name: &NodeId) {
        let Some(peer) = self.peers.get_mut(name) else { return };
        peer.route.work_out(now, &peer.paths, self.options.mode, &self.pace);
    }
}
