//! What the links tell of themselves, for people: each peer, each of its paths, and the counters.

use super::{Links, Path, Peer, Stage};
use crate::event::{Counters, LinkStatus, PeerStatus};
use crate::identity::Certificate;
use config::NodeId;
use std::collections::BTreeMap;
use std::time::Instant;

impl Links {
    /// Each peer's links.
    pub(crate) fn peers(&self, now: Instant) -> BTreeMap<NodeId, PeerStatus> {
        let status = |peer: &Peer| {
            let used = peer.route.all.first();
            let link = used.and_then(|handle| self.connections.get(handle));
            let path = used.and_then(|handle| peer.paths.iter().find(|path| path.link == Some(*handle)));
            PeerStatus {
                version: link.and_then(|link| match link.stage {
                    Stage::Open { version, .. } => Some(version),
                    _ => None,
                }),
                link: link.map(|link| link.remote),
                incarnation: peer.life,
                round_trip: path.and_then(|path| path.health.round_trip),
                silence: link.map(|link| now.saturating_duration_since(link.heard)),
                certificate: peer.certificate.clone(),
                links: peer.paths.iter().map(|path| self.link_status(now, peer, path)).collect(),
            }
        };
        self.peers.iter().map(|(name, peer)| (name.clone(), status(peer))).collect()
    }

    fn link_status(&self, now: Instant, peer: &Peer, path: &Path) -> LinkStatus {
        let open = path.link.and_then(|handle| self.connections.get(&handle));
        let stats = open.map(|connection| connection.quic.stats().path);
        LinkStatus {
            address: open.map(|link| link.remote).or_else(|| path.addresses.first().copied()),
            up: path.health.up,
            used: path.link.is_some_and(|handle| peer.route.all.contains(&handle)),
            packet: open.map(|connection| connection.quic.current_mtu()),
            round_trip: path.health.round_trip,
            silence: open.map(|link| now.saturating_duration_since(link.heard)),
            unconfirmed: path.health.proven.map(|at| now.saturating_duration_since(at)),
            sent: stats.map_or(0, |stats| stats.sent_packets),
            lost: stats.map_or(0, |stats| stats.lost_packets),
            losses: path.health.losses,
        }
    }

    /// This node's certificate.
    pub(crate) fn certificate(&self) -> Certificate {
        self.identity.about().clone()
    }

    /// Packets and refusals so far.
    pub(crate) fn counters(&self) -> Counters {
        Counters { refused: self.refusals.total, ..self.counters }
    }
}
