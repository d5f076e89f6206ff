//! Who is here, in which order we speak, and whether we may act.

mod chronicle;
pub mod codec;
mod fragment;
mod frame;
pub mod group;
mod message;
mod quorum;
mod record;
mod ring;
mod version;
mod view;
pub mod wire;

pub use chronicle::{Chronicle, Insight, OwnTime, PeerInsight, Spread, TokenTime, ViewChange};
pub use message::{Channel, Guarantee, Message};
pub use quorum::{Electorate, External, Next, Quorum, Roll, Seen, Tally, quorum};
pub use record::{About, Detail, RECORDED, RecordError, Recorder, Recording, Replay, Replayed, Timeline};
pub use ring::{
    Configuration, Delivery, Input, MAX_MESSAGE, Notice, Output, Reconfiguration, Ring, RingOptions, RingStatus,
};
pub use version::{VERSIONS, Versions};
pub use view::{Incarnation, RingId, View};
