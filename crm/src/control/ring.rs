//! How the ring and its links do, for people and programs: the answer to [`Request::Ring`](super::Request::Ring). The
//! daemon answers it itself, since the ring runs beside the node.

use config::NodeId;
use membership::Insight;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One node's sight of the ring. Times end in their unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingReport {
    /// "gather", "commit", "recover", "operate" or "left".
    pub phase: String,
    /// The view, as text; absent before the first one.
    pub view: Option<String>,
    /// Its members.
    pub members: Vec<NodeId>,
    /// Silence after which a peer counts as lost.
    pub token_timeout_ms: u64,
    /// Silence that is warned of.
    pub warning_ms: u64,
    /// How the ring's thread is scheduled.
    pub scheduling: String,
    /// Views installed since the daemon started.
    pub views: u64,
    /// Tokens received.
    pub tokens: u64,
    /// Packets that this node missed and asked for.
    #[serde(default)]
    pub gaps: u64,
    /// Messages sent again because a member missed them.
    pub retransmits: u64,
    /// Frames refused.
    pub bad_frames: u64,
    /// Messages waiting to be sent.
    pub queued: u64,
    /// What happened, in numbers.
    pub insight: Insight,
    /// This node's certificate.
    #[serde(default)]
    pub certificate: Option<CertificateReport>,
    /// Each peer's links.
    pub peers: BTreeMap<NodeId, PeerLinks>,
    /// Frames not sent: no link, too long, or a full queue.
    pub frames_dropped: u64,
    /// Packets of nobody.
    pub ignored: u64,
    /// Connections refused.
    pub refused: u64,
}

/// The links to one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerLinks {
    /// The version that is spoken with it; absent while there is no link.
    #[serde(default)]
    pub version: Option<u8>,
    /// Which life of its daemon, if it was ever linked.
    pub incarnation: Option<String>,
    /// Each link, in the order of preference.
    pub links: Vec<LinkReport>,
    /// The certificate that it showed last.
    #[serde(default)]
    pub certificate: Option<CertificateReport>,
}

/// A certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateReport {
    /// `sha256:` and 64 digits.
    pub fingerprint: String,
    /// The id of the cluster that it is of.
    pub cluster: Option<String>,
    /// Whole days until it expires.
    pub days_left: u64,
}

/// One link to one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkReport {
    /// Where it goes, if that is known.
    pub address: Option<String>,
    /// Full packets pass in both directions.
    pub up: bool,
    /// Messages take it now.
    pub used: bool,
    /// Largest packet that is sent over it, in bytes of UDP payload: as configured, or as found out.
    #[serde(default)]
    pub packet_bytes: Option<u16>,
    /// Round trip, as estimated.
    pub round_trip_us: Option<u64>,
    /// Since when nothing was heard on it.
    pub silence_ms: Option<u64>,
    /// Since when nothing sent over it was confirmed.
    pub unconfirmed_ms: Option<u64>,
    /// Packets sent over its present connection.
    pub sent: u64,
    /// Those never confirmed.
    pub lost: u64,
    /// How often the link was lost.
    pub losses: u64,
}
