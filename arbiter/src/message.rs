//! What nodes and arbiter say to each other, and its bytes: one version byte, then the message in the workspace's
//! codec. On a stream each is preceded by its length (four bytes, big endian), which the shells write and read.

use crate::report::Report;
use config::NodeId;
use membership::{Incarnation, RingId, codec};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version of the conversation that this program speaks: the first byte of every message.
pub const VERSION: u8 = 2;

/// Longest message in bytes: a report of 64 nodes with the longest names fits, with all certificates that can be
/// revoked.
pub const MAX_MESSAGE: usize = 64 * 1024;

/// What a node says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromNode {
    /// The first message of a connection.
    Hello(Hello),
    /// The view it is in; said again when asked, and when something in it changes.
    Report(Box<Report>),
}

/// Who a node is; its certificate proves the name and the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Name of its cluster, as in the cluster file.
    pub cluster: String,
    /// Its name.
    pub node: NodeId,
    /// This life of its daemon.
    pub incarnation: Incarnation,
}

/// What the arbiter says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromArbiter {
    /// About the view of this ring.
    Answer(RingId, Answer),
    /// Are you there, and in which view? A report is the answer.
    Ask,
}

/// What becomes of a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It has the arbiter's vote for as long as it lasts.
    Granted,
    /// Not decided yet, in words.
    Waiting(String),
    /// It does not get the vote as things are, in words.
    Denied(String),
}

/// Why bytes are not a message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Nothing at all.
    #[error("an empty message")]
    Empty,
    /// Another release.
    #[error(
        "it speaks version {0} of the arbiter's language, this program speaks version {VERSION}: one of the two needs another release of paceline"
    )]
    Version(u8),
    /// Not what this version says.
    #[error(transparent)]
    Codec(#[from] codec::CodecError),
}

/// The bytes of a message.
#[must_use]
pub fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend(codec::encode(message).expect("messages are made of types that have a wire form"));
    bytes
}

/// The message that `bytes` hold, all of them.
///
/// # Errors
/// [`MessageError`] when they are too many, of another version, or no message.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, MessageError> {
    match bytes.split_first() {
        None => Err(MessageError::Empty),
        Some((&VERSION, body)) => Ok(codec::decode(body, MAX_MESSAGE)?),
        Some((version, _)) => Err(MessageError::Version(*version)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Heuristics, MAX_REVOKED};
    use config::{Algorithm, TieBreaker};

    #[test]
    fn the_largest_report_fits_and_survives() {
        let nodes: Vec<NodeId> = (0..64).map(|n| NodeId::new(&format!("{n:02}{}", "x".repeat(62))).unwrap()).collect();
        let report = Report {
            ring: RingId { number: u64::MAX, representative: nodes[0].clone() },
            members: nodes.iter().cloned().collect(),
            blank: nodes.iter().cloned().collect(),
            stored: true,
            votes: nodes.iter().map(|node| (node.clone(), 255)).collect(),
            algorithm: Algorithm::LastManStanding,
            tie_breaker: TieBreaker::Node(nodes[63].clone()),
            heuristics: Heuristics::Passed(8),
            revoked: (0..MAX_REVOKED).map(|n| std::array::from_fn(|i| (n >> (i % 8)) as u8)).collect(),
        };
        assert_eq!(report.revoked.len(), MAX_REVOKED);
        let said = FromNode::Report(Box::new(report));
        let bytes = encode(&said);
        assert!(bytes.len() < MAX_MESSAGE, "{}", bytes.len());
        assert_eq!(decode::<FromNode>(&bytes).unwrap(), said);
        for end in (0..bytes.len()).step_by(17) {
            assert!(decode::<FromNode>(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn another_version_is_named() {
        let mut bytes = encode(&FromArbiter::Ask);
        bytes[0] = 9;
        let refused = decode::<FromArbiter>(&bytes).unwrap_err().to_string();
        assert!(refused.contains("version 9") && refused.contains("version 2"), "{refused}");
    }
}
