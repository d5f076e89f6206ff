//! What is given to the ring: bytes, whose they are, and how sure their delivery has to be.
//!
//! **Agreed** (the default): delivered as soon as everything before it is. Whoever stays connected delivers it at the
//! same place. **Safe**: delivered only when every member of the view is known to have it, so that no crash can leave
//! its receiver the only one who ever saw it (Totem: Amir et al. 1995, section 4.3; EVS: Moser et al. 1994, section 3).
//!
//! There is one order for both. An agreed message behind a safe one waits with it: delivering it first would give the
//! two another order than the one everybody else may see, and an order that depends on who knows what is none. So a
//! sender pays for a safe message with the latency of those behind it, one or two rotations, and with nothing else.
//!
//! When a view ends, a safe message that no survivor knows to be with all of its members is the first of those
//! delivered as transitional: it is with all who go on together, and more cannot be promised. It draws the agreed ones
//! behind it along, since nothing is regular after something transitional.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Whose message it is. What a node says goes before what its clients say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Channel {
    /// The cluster's own: changes, orders, results.
    #[default]
    Cluster,
    /// Of process groups, for other programs.
    Groups,
}

/// When a message may be delivered in a view that stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Guarantee {
    /// When everything before it is.
    #[default]
    Agreed,
    /// Not before every member of the view is known to have it.
    Safe,
}

/// Channel and guarantee of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Class {
    pub(crate) channel: Channel,
    pub(crate) guarantee: Guarantee,
}

/// A message for all members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it says. At most [`MAX_MESSAGE`](crate::MAX_MESSAGE) bytes.
    pub payload: Bytes,
    /// Whose it is.
    pub channel: Channel,
    /// How sure its delivery has to be.
    pub guarantee: Guarantee,
}

impl Message {
    pub(crate) fn class(&self) -> Class {
        Class { channel: self.channel, guarantee: self.guarantee }
    }
}

impl Class {
    /// A message of this class.
    pub(crate) fn message(self, payload: Bytes) -> Message {
        Message { payload, channel: self.channel, guarantee: self.guarantee }
    }
}

/// A message of the cluster's own, agreed.
impl From<Bytes> for Message {
    fn from(payload: Bytes) -> Message {
        Message { payload, channel: Channel::Cluster, guarantee: Guarantee::Agreed }
    }
}

/// The same, of bytes that are not shared yet.
impl From<Vec<u8>> for Message {
    fn from(payload: Vec<u8>) -> Message {
        Bytes::from(payload).into()
    }
}
