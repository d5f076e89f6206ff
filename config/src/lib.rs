//! The words of the cluster: everything an operator can write, checked.
//!
//! Table of contents: names ([`NodeId`], [`ResourceId`], [`DeviceId`]), [`Score`], the nouns of the cluster file
//! (one file each), the whole of it as [`Config`], what an operator asked of the running cluster ([`Overrides`]), and
//! [`Problem`]s. Nothing here touches the world.

mod agent;
mod cluster;
mod constraint;
mod device;
mod id;
mod node;
mod overrides;
mod problem;
mod property;
mod quorum;
mod resource;
mod score;

pub use agent::AgentRef;
pub use cluster::{Cluster, Config};
pub use constraint::{Colocation, Location, Order, OrderKind, Place};
pub use device::{Device, Level};
pub use id::{DeviceId, MAX_NAME, NameError, NodeId, ResourceId};
pub use node::Node;
pub use overrides::{NodeMode, Overrides};
pub use problem::{Problem, Severity};
pub use property::{FencingAction, NoQuorumPolicy, Properties};
pub use quorum::QuorumOptions;
pub use resource::{Commands, Group, GroupMeta, Meta, OnFail, Operation, OperationName, Resource, TargetRole};
pub use score::Score;
