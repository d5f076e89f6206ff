//! Process groups: programs on all nodes join named groups, and what is said in a group arrives at all its members in
//! one order, together with who joined and who left, in the same order (the idea of a closed process group).
//!
//! ```text
//!   program --Request--> Groups --Message--> ring --Delivery--> Groups (of every node) --Answer--> programs
//! ```
//!
//! - [`machine`](self::machine): the machine, one for each node; between a view and its first message everybody says
//!   which members it brings, so that all have the same groups before anything is said in them.
//! - `speech`: what the machines say to each other over the ring. `table`: who is in which group.
//! - `flow`: how much may be on its way in a group. Whoever does not read holds those who write to its group, on every
//!   node, and nobody else. Nobody is put out for being slow, and no queue grows beyond what this file says.
//! - [`wire`]: what programs and the daemon say to each other, byte by byte (`docs/groups.md`).
//!
//! It is a machine without a clock: nothing here times out.

mod client;
mod flow;
mod machine;
mod name;
mod speech;
mod table;
pub mod wire;

pub use machine::{Groups, Input, Output, goodbye};
pub use name::{GroupName, GroupNameError};

use crate::message::Guarantee;
use crate::view::Incarnation;
use bytes::Bytes;
use config::NodeId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longest message of a group, in bytes.
pub const MAX_PAYLOAD: usize = 1024 * 1024;
/// Most groups that a join may lead to. When two parts of a cluster meet there may be more.
pub const MAX_GROUPS: usize = 1024;
/// Most members of a group that a join may lead to. When two parts of a cluster meet there may be more.
pub const MAX_MEMBERS: usize = 256;
/// Messages of all clients of a node that may be in its ring at once. The rest of the ring's queue is the node's own.
pub const MAX_IN_RING: usize = 1024;
/// Most groups that one client is in.
pub const MAX_MEMBERSHIPS: usize = 64;

/// A member of a group: a connection to one life of a node's daemon. Never used again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// The node.
    pub node: NodeId,
    /// The life of its daemon.
    pub incarnation: Incarnation,
    /// The connection's number in that life.
    pub client: u32,
}

/// Why somebody is in a group who was not before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JoinReason {
    /// It asked to.
    Join,
    /// Its node came into the view and brought it along.
    NodeJoined,
}

/// Why somebody is no longer in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LeaveReason {
    /// It asked to.
    Leave,
    /// Its connection ended without a word.
    ClientDied,
    /// Its node leaves in order.
    NodeLeft,
    /// Its node did not come along into the next view.
    NodeLost,
    /// Its node came along in a new life of its daemon.
    Restarted,
}

/// Who is in a group now, and what has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The group.
    pub group: GroupName,
    /// Number of the view in which it came to be so.
    pub view: u64,
    /// All members, sorted.
    pub members: Vec<Member>,
    /// Those who left, sorted. Who is in `joined` too has come back since.
    pub left: Vec<(Member, LeaveReason)>,
    /// Those who joined, sorted.
    pub joined: Vec<(Member, JoinReason)>,
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// The first thing said: which versions of the interface the client speaks.
    Hello {
        /// From this one.
        lowest: u16,
        /// To this one.
        highest: u16,
    },
    /// Take me into a group.
    Join {
        /// Comes back in a refusal.
        serial: u32,
        /// Which.
        group: GroupName,
    },
    /// Take me out of it.
    Leave {
        /// Comes back in a refusal.
        serial: u32,
        /// Which.
        group: GroupName,
    },
    /// Say this to all members, me included.
    Send {
        /// Comes back in a refusal.
        serial: u32,
        /// Of which group.
        group: GroupName,
        /// How sure its delivery has to be.
        guarantee: Guarantee,
        /// The message.
        payload: Bytes,
    },
    /// Which groups are there?
    List {
        /// Comes back at the end of the list.
        serial: u32,
    },
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The answer to a hello.
    Welcome {
        /// The version that both speak from here on.
        version: u16,
        /// How this client will be named as a member.
        you: Member,
        /// Longest message, in bytes.
        max_payload: u32,
    },
    /// Who is in a group, at this place of the order.
    Change(Arc<Change>),
    /// Somebody said this in a group.
    Message {
        /// In which.
        group: GroupName,
        /// Who.
        from: Member,
        /// What was asked for when it was sent.
        guarantee: Guarantee,
        /// The message.
        payload: Bytes,
    },
    /// A request was not carried out.
    Refused {
        /// Of the request.
        serial: u32,
        /// Why.
        refusal: Refusal,
    },
    /// One group of a list.
    Group(Box<Report>),
    /// The list is complete.
    End {
        /// Of the request.
        serial: u32,
    },
    /// The connection ends: this node leaves the cluster.
    Bye,
}

/// Why a request was not carried out. The number is what goes over the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 1
    #[error("no common version: this daemon speaks version {} of the group interface", wire::VERSION)]
    Version,
    /// 2
    #[error("the first frame has to be a hello, and there is only one")]
    Hello,
    /// 3
    #[error("this client is in the group already")]
    AlreadyMember,
    /// 4
    #[error("this client is not in the group; join it first")]
    NotMember,
    /// 5
    #[error("the group has {MAX_MEMBERS} members, and takes no more")]
    GroupFull,
    /// 6
    #[error("there are {MAX_GROUPS} groups in this cluster, and it takes no more")]
    TooManyGroups,
    /// 7
    #[error("this client is in {MAX_MEMBERSHIPS} groups, which is the most; use a second connection")]
    TooManyMemberships,
    /// 8
    #[error("the message is longer than {MAX_PAYLOAD} bytes")]
    TooLong,
    /// 9
    #[error("the frame was not understood; the connection ends")]
    Malformed,
    /// 10
    #[error("this daemon serves as many clients as it can; the connection ends")]
    TooManyClients,
}

/// One group, as a node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its name.
    pub group: GroupName,
    /// Clients of this node that want to say something in it and have to wait for its members to read.
    pub held: u32,
    /// Members, sorted.
    pub members: Vec<Member>,
    /// Bytes that members of each node have been sent and not read, from 64 KiB on. `None`: still what came before the
    /// present view.
    pub unread: Vec<(NodeId, Option<u64>)>,
}

#[cfg(test)]
mod tests;
