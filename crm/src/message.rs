//! What members of a view tell each other over the ring. One version byte, then the message in the workspace's codec;
//! what outlives a release (the CIB in a snapshot) is JSON inside.
//!
//! Every message names the view it was sent in. The ring may deliver it in a later one (it waited in a queue); there it
//! means nothing, and its sender knows that it has to say it again.

use crate::cib::{Change, Fork, Generation, NodeStatus};
use config::{NodeId, ResourceId};
use membership::{RingId, Roll, Versions, codec};
use resource_agents::{Operation, OrderId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// First byte of every message: the form of all that follows.
const FORM: u8 = 3;

/// Longest message in bytes: a snapshot of a large cluster fits several times.
const MAX_BYTES: usize = membership::MAX_MESSAGE;

/// A message between members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Message {
    /// The first message of every member in a view.
    Hello(Box<Hello>),
    /// The CIB of the member whose one wins, to those who have another.
    Snapshot {
        /// The view.
        ring: RingId,
        /// The durable part as JSON, if it is to be taken over.
        durable: Option<String>,
        /// The status as JSON, if it is to be taken over.
        status: Option<String>,
    },
    /// These members did not do their part of the hand-over in time; the view goes on without them.
    Exclude {
        /// The view.
        ring: RingId,
        /// Who.
        nodes: BTreeSet<NodeId>,
    },
    /// A change of the CIB.
    Change {
        /// The view.
        ring: RingId,
        /// Counts the changes of this life of the sender, from 1.
        counter: u64,
        /// What.
        change: Change,
    },
    /// The DC has a node call an agent.
    Order {
        /// The view.
        ring: RingId,
        /// Names it in the result.
        id: OrderId,
        /// What, and on which node.
        operation: Operation,
        /// What it is called with, in short, for the record.
        fingerprint: String,
    },
    /// The DC ends a recurring monitor.
    CancelMonitor {
        /// The view.
        ring: RingId,
        /// Where.
        node: NodeId,
        /// Of which resource.
        resource: ResourceId,
        /// With which interval.
        interval: Duration,
    },
    /// The sender has this version, and with it every earlier one, on stable storage.
    Persisted {
        /// The view.
        ring: RingId,
        /// Which version.
        generation: Generation,
        /// Fingerprint of its content.
        digest: u64,
    },
}

/// How a member introduces itself in a view: all that the others need to agree on one CIB and one DC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// The view.
    pub(crate) ring: RingId,
    /// What it speaks.
    pub(crate) versions: Versions,
    /// Version of its durable part.
    pub(crate) generation: Generation,
    /// Fingerprint of its durable part.
    pub(crate) durable: u64,
    /// Fingerprint of its status.
    pub(crate) status: u64,
    /// Where its status comes from.
    pub(crate) standing: Standing,
    /// Ring number of the first view of this life that it was synchronised in.
    pub(crate) since: Option<u64>,
    /// What it knows about itself; on this it is the authority.
    pub(crate) own: NodeStatus,
    /// Where quorum was forced in the history of its durable part.
    pub(crate) forks: Vec<Fork>,
    /// Its votes, by the cluster file it holds.
    pub(crate) votes: u32,
    /// Whose votes count in its history.
    pub(crate) roll: Roll,
}

/// How far a member followed the agreed order. The greatest has seen all that any other saw of the same view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// The last quorate view it was synchronised in, and how many messages of it it applied.
    pub(crate) quorate: Option<(u64, u64)>,
    /// The same for its last synchronised view of any kind.
    pub(crate) any: Option<(u64, u64)>,
}

/// Why bytes are not a message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MessageError {
    /// Another form: a member of a version that cannot work with this one.
    #[error("message form {0}, but this program speaks form {FORM}")]
    Form(u8),
    /// Nothing at all.
    #[error("an empty message")]
    Empty,
    /// Not what a member of this version sends.
    #[error(transparent)]
    Codec(#[from] codec::CodecError),
    /// It has no business saying this now.
    #[error("it is not its turn to say this")]
    OutOfTurn,
    /// More than a message may have.
    #[error("{0} bytes, more than a message may have")]
    TooLong(usize),
}

impl Message {
    /// The bytes for the ring.
    ///
    /// # Errors
    /// [`MessageError::TooLong`] when a text in it is too large to be sent.
    pub(crate) fn encode(&self) -> Result<bytes::Bytes, MessageError> {
        let mut bytes = vec![FORM];
        bytes.extend(codec::encode(self)?);
        if bytes.len() > MAX_BYTES {
            return Err(MessageError::TooLong(bytes.len()));
        }
        Ok(bytes.into())
    }

    /// Reads what a member sent.
    ///
    /// # Errors
    /// [`MessageError`] when it is not a message of this version.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Message, MessageError> {
        match bytes.split_first() {
            None => Err(MessageError::Empty),
            Some((&FORM, body)) => Ok(codec::decode(body, MAX_BYTES)?),
            Some((form, _)) => Err(MessageError::Form(*form)),
        }
    }

    /// The view it was sent in.
    pub(crate) fn ring(&self) -> &RingId {
        match self {
            Message::Hello(hello) => &hello.ring,
            Message::Snapshot { ring, .. }
            | Message::Exclude { ring, .. }
            | Message::Change { ring, .. }
            | Message::Order { ring, .. }
            | Message::CancelMonitor { ring, .. }
            | Message::Persisted { ring, .. } => ring,
        }
    }
}

/// A message, read and written again, for the fuzz target: nobody else outside needs to know what members say.
///
/// # Errors
/// Why a member would refuse it, in words.
#[doc(hidden)]
pub fn recode(bytes: &[u8]) -> Result<bytes::Bytes, String> {
    Message::decode(bytes).and_then(|message| message.encode()).map_err(|error| error.to_string())
}
