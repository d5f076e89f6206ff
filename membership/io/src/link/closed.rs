//! A process that has died while its host lives on: the host answers what is sent to its port with "nobody listens
//! here" (ICMP port unreachable), and the peer is gone within milliseconds instead of a token timeout.
//!
//! Anybody can write such an answer, and a network that is being changed can give one by mistake. So it counts only
//! when it quotes the connection id of a packet that was really sent (only who saw the packet knows it), when every
//! link of the peer that was up is answered so at least twice, and when nothing is heard from the peer meanwhile. What
//! it then proves is that the process is gone; that its services have stopped is for fencing to find out.

use super::path::Test;
use super::*;

/// Refusals on each link that count as proof.
const PROOF: u32 = 2;
/// Looks that a suspicion may take. Hosts give few such answers a second, so it may have to be dropped unproven.
const LOOKS: u8 = 6;

/// A host said that nobody listens at this address, about a packet that began so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// Where the packet was sent.
    pub(crate) to: SocketAddr,
    /// The first bytes of it.
    pub(crate) head: [u8; LABEL_END],
}

/// The connection id in a short packet of this program: behind the first byte.
pub(crate) const LABEL_END: usize = 1 + LABEL;
/// Length of a connection id.
const LABEL: usize = 8;
/// This bit of the first byte tells the long packets of a handshake.
const LONG: u8 = 0x80;

/// The connection id in a packet that was or is to be sent, unless it is one of a handshake.
pub(super) fn label(head: &[u8]) -> Option<[u8; LABEL]> {
    let (first, rest) = head.split_first()?;
    rest.first_chunk().filter(|_| first & LONG == 0).copied()
}

/// What was complained about on one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    since: Instant,
    count: u32,
}

/// A peer of which somebody said that it does not listen any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspicion {
    since: Instant,
    next: Instant,
    looks: u8,
}

impl Links {
    /// Takes in what hosts have said about packets of this node.
    pub(crate) fn complaints(&mut self, now: Instant) {
        let complaints: Vec<Complaint> = self.sockets.values_mut().flat_map(|socket| socket.complaints()).collect();
        for complaint in complaints {
            self.port_closed(now, &complaint);
        }
    }

    pub(super) fn port_closed(&mut self, now: Instant, complaint: &Complaint) {
        let about = label(&complaint.head);
        let said = |c: &&mut Connection| c.remote == complaint.to && about.is_some() && c.label == about;
        let Some(connection) = self.connections.values_mut().filter(|c| c.is_open()).find(said) else { return };
        let Stage::Open { peer: name, .. } = &connection.stage else { return };
        let name = name.clone();
        let before = connection.refused.filter(|refused| connection.heard <= refused.since);
        let refused = before.unwrap_or(Refused { since: now, count: 0 });
        connection.refused = Some(Refused { count: refused.count + 1, ..refused });
        if let Some(peer) = self.peers.get_mut(&name)
            && peer.suspicion.is_none()
            && peer.life.is_some()
        {
            peer.suspicion = Some(Suspicion { since: now, next: now + self.pace.certain / 2, looks: 0 });
            self.ask_again(&name);
        }
    }

    /// The open connections of the links of a peer that are up; of all its links when none has been tried yet.
    fn working<'a>(&'a self, name: &NodeId) -> impl Iterator<Item = (ConnectionHandle, &'a Connection)> {
        let paths = self.peers.get(name).map_or(&[][..], |peer| &peer.paths);
        let none = !paths.iter().any(|path| path.health.up && path.link.is_some());
        let handles = paths.iter().filter(move |path| path.health.up || none).filter_map(|path| path.link);
        handles.filter_map(|handle| Some((handle, self.connections.get(&handle)?)))
    }

    /// Sends over each link of the peer what a living one answers at once.
    fn ask_again(&mut self, name: &NodeId) {
        let handles: Vec<ConnectionHandle> = self.working(name).map(|(handle, _)| handle).collect();
        for handle in handles {
            self.test(handle, Test::Probe);
        }
    }

    /// When the next suspicion is to be looked at.
    pub(super) fn suspicion_deadline(&self) -> Option<Instant> {
        self.peers.values().filter_map(|peer| peer.suspicion).map(|suspicion| suspicion.next).min()
    }

    /// Proves suspicions that are due, or drops them.
    pub(super) fn investigate(&mut self, now: Instant) {
        let due = |peer: &Peer| peer.suspicion.filter(|suspicion| suspicion.next <= now);
        let due: Vec<(NodeId, Suspicion)> =
            self.peers.iter().filter_map(|(name, peer)| Some((name.clone(), due(peer)?))).collect();
        for (name, suspicion) in due {
            let links: Vec<(Instant, Option<Refused>)> =
                self.working(&name).map(|(_, connection)| (connection.heard, connection.refused)).collect();
            let heard = links.iter().any(|(heard, _)| *heard > suspicion.since);
            let refused = links.iter().all(|(_, refused)| refused.is_some_and(|r| r.count >= PROOF));
            let next = if heard || links.is_empty() || suspicion.looks >= LOOKS {
                None
            } else if refused && suspicion.since + self.pace.certain <= now {
                self.cut_off(now, &name, "its process is gone: nobody listens at its port");
                None
            } else {
                self.ask_again(&name);
                Some(Suspicion { next: now + self.pace.certain / 2, looks: suspicion.looks + 1, ..suspicion })
            };
            if let Some(peer) = self.peers.get_mut(&name) {
                peer.suspicion = next;
            }
        }
    }

    /// This life of a peer is over: nothing is sent to it any more, and it is dialed anew.
    fn cut_off(&mut self, now: Instant, name: &NodeId, reason: &str) {
        let of = |c: &Connection| matches!(&c.stage, Stage::Open { peer, .. } if peer == name);
        let open = self.connections.iter().filter(|(_, connection)| of(connection));
        let open: Vec<ConnectionHandle> = open.map(|(handle, _)| *handle).collect();
        let links = self.bury(name, reason);
        for handle in open {
            self.shut(now, handle, code::ABANDONED, reason);
        }
        for link in 0..links {
            self.redial(now, name, link);
        }
        self.reroute(now, name);
    }

    /// Nothing that was known of a peer's links holds any more. How many there are.
    pub(super) fn bury(&mut self, name: &NodeId, reason: &str) -> usize {
        let Some(peer) = self.peers.get_mut(name) else { return 0 };
        peer.life = None;
        for (link, path) in peer.paths.iter_mut().enumerate() {
            path.link = None;
            let before = std::mem::take(&mut path.health);
            path.health.losses = before.losses;
            if before.up {
                let event = LinkEvent::Down { peer: name.clone(), link, reason: reason.to_owned() };
                self.arrivals.push_back(Arrival::Event(event));
            }
        }
        let links = peer.paths.len();
        self.arrivals.push_back(Arrival::Down(name.clone()));
        links
    }
}
