//! The words of the cluster: everything an operator can write, checked.
//!
//! Table of contents: names ([`NodeId`], [`ResourceId`], [`DeviceId`]), [`Score`], the nouns of the cluster file
//! (one file each), the whole of it as [`Config`], what an operator asked of the running cluster ([`Overrides`]), and
//! [`Problem`]s. Nothing here touches the world.

mod address;
mod agent;
mod arbiter;
mod change;
mod check;
mod cluster;
mod constraint;
mod device;
mod duration;
mod id;
mod link;
mod nearest;
mod node;
mod option;
mod overrides;
mod parse;
mod problem;
mod property;
mod quorum;
mod reference;
mod report;
mod resource;
mod score;
mod spot;
mod write;
pub mod written;

pub use address::{Address, AddressError};
pub use agent::AgentRef;
pub use arbiter::{Algorithm, Arbiter, read_fingerprint, write_fingerprint};
pub use change::diff;
pub use cluster::{Cluster, Config};
pub use constraint::{Colocation, Location, Order, OrderKind, Place};
pub use device::{Device, Level};
pub use duration::{DurationError, format_duration, parse_duration};
pub use id::{DeviceId, MAX_NAME, NameError, NodeId, ResourceId};
pub use link::LinkMode;
pub use nearest::nearest;
pub use node::{Node, NodeRole};
pub use overrides::{NodeMode, Overrides, Ticket};
pub use parse::{MAX_FILE, Parsed, parse};
pub use problem::{Problem, Severity};
pub use property::{FencingAction, NoQuorumPolicy, Properties};
pub use quorum::{QuorumOptions, TieBreaker};
pub use reference::{EXAMPLE, reference};
pub use resource::{Commands, Group, GroupMeta, Meta, OnFail, Operation, OperationName, Resource, TargetRole};
pub use score::Score;
pub use write::{Written, write};
