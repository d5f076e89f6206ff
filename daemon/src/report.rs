//! What the ring thread knows, in the words of the control interface.

use crm::control::{CertificateReport, LinkReport, PeerLinks, Refusal, Response, RingReport};
use membership_io::{Certificate, LinkStatus, PeerStatus, Status};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Where the recording of the ring lies.
pub fn recorded(stored: Result<PathBuf, String>) -> Response {
    match stored {
        Ok(path) => Response::Recorded { file: path.display().to_string() },
        Err(message) => Response::Refused {
            kind: Refusal::Unavailable,
            message,
            hint: Some("look at the room on the disk and at the owner of the state directory".to_owned()),
        },
    }
}

/// The report of this node's ring.
pub fn ring(status: Status) -> RingReport {
    let view = status.view.as_ref();
    RingReport {
        phase: status.ring.phase.to_owned(),
        view: view.map(|view| view.ring.to_string()),
        members: view.map_or_else(Vec::new, |view| view.members.keys().cloned().collect()),
        token_timeout_ms: millis(status.token),
        warning_ms: millis(status.token * 3 / 4),
        scheduling: status.scheduling.to_owned(),
        views: status.ring.views,
        tokens: status.ring.tokens,
        gaps: status.ring.gaps,
        retransmits: status.ring.retransmits,
        bad_frames: status.ring.bad_frames,
        queued: status.ring.queued as u64,
        insight: status.insight,
        certificate: status.certificate.as_ref().map(certificate),
        peers: status.peers.into_iter().map(|(name, peer)| (name, links(&peer))).collect(),
        frames_dropped: status.counters.frames_dropped,
        ignored: status.counters.ignored,
        refused: status.counters.refused,
    }
}

fn links(peer: &PeerStatus) -> PeerLinks {
    PeerLinks {
        version: peer.version,
        incarnation: peer.incarnation.map(|life| life.to_string()),
        links: peer.links.iter().map(link).collect(),
        certificate: peer.certificate.as_ref().map(certificate),
    }
}

fn certificate(of: &Certificate) -> CertificateReport {
    CertificateReport {
        fingerprint: config::write_fingerprint(&of.fingerprint),
        cluster: of.cluster.clone(),
        days_left: of.days_left(SystemTime::now()),
    }
}

fn link(link: &LinkStatus) -> LinkReport {
    LinkReport {
        address: link.address.map(|address| address.to_string()),
        up: link.up,
        used: link.used,
        packet_bytes: link.packet,
        round_trip_us: link.round_trip.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)),
        silence_ms: link.silence.map(millis),
        unconfirmed_ms: link.unconfirmed.map(millis),
        sent: link.sent,
        lost: link.lost,
        losses: link.losses,
    }
}
