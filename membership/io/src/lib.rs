//! Carries [`membership::Ring`] on a thread of its own: authenticated QUIC links between the nodes, timers, the stored
//! ring number, real-time scheduling.
//!
//! Start with [`Authority`] and [`Identity`] for keys and [`RingThread::spawn`] for the ring. What happens comes out as
//! [`Event`]s; [`RingHandle`] puts messages in.

mod address;
mod event;
mod flight;
#[doc(hidden)]
pub mod fuzzing;
mod group;
mod identity;
mod link;
mod mailbox;
mod quic;
mod realtime;
mod sequence;
mod thread;

pub use event::{Counters, Event, LinkEvent, LinkStatus, PeerStatus, Status};
pub use group::{GroupError, GroupReceiver, GroupSender, connect_groups};
pub use identity::{Authority, Certificate, Identity, IdentityError, NodeKeys, node_named_in};
pub use mailbox::Busy;
pub use quic::frame_limit;
pub use sequence::SequenceError;
pub use thread::{Bind, Options, RingHandle, RingSender, RingThread, Settings, SpawnError};
