//! The whole cluster file, checked: what everything else stands on.

use crate::constraint::{Colocation, Location, Order};
use crate::device::{Device, Level};
use crate::id::{DeviceId, NodeId, ResourceId};
use crate::link::LinkMode;
use crate::node::Node;
use crate::property::Properties;
use crate::quorum::QuorumOptions;
use crate::resource::{Group, Resource};
use crate::written::Configuration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A valid cluster file as a model. Made by [`crate::parse`]; every reference in it resolves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// `[cluster]`.
    pub cluster: Cluster,
    /// `[quorum]`.
    pub quorum: QuorumOptions,
    /// `[nodes.*]`.
    pub nodes: BTreeMap<NodeId, Node>,
    /// `[resources.*]`, primitives only.
    pub resources: BTreeMap<ResourceId, Resource>,
    /// `[groups.*]`.
    pub groups: BTreeMap<ResourceId, Group>,
    /// `prefer = {..}` and `[[location]]`, in file order.
    pub locations: Vec<Location>,
    /// `[[colocation]]`, in file order.
    pub colocations: Vec<Colocation>,
    /// `[[order]]`, in file order.
    pub orders: Vec<Order>,
    /// `[fencing.*]`.
    pub devices: BTreeMap<DeviceId, Device>,
    /// Each node's fencing levels in the order in which they are tried; every node that has a device is present.
    pub levels: BTreeMap<NodeId, Vec<Level>>,
    /// `[properties]`.
    pub properties: Properties,
    /// Names of resources and groups in the order of the file: the tie-breaker of placement, and the order of status.
    pub resource_order: Vec<ResourceId>,
    /// Everything that the file says about nodes, resources and constraints, for the scheduler.
    #[serde(default)]
    pub written: Configuration,
    /// What of it the daemon of this version cannot carry out, each with its line; such a file can be simulated and
    /// checked, and is refused by a running cluster.
    #[serde(default)]
    pub beyond: Vec<String>,
}

/// `[cluster]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// `name`: two clusters with different names never merge.
    pub name: String,
    /// `token`: silence after which a node counts as lost (default 1s, at least 100ms). The one timing an operator
    /// sets.
    pub token: Duration,
    /// `port`: UDP port where an address names none (default 5405).
    pub port: u16,
    /// `mtu`: largest UDP payload the links carry unfragmented, in bytes; `None`: each link finds out its own.
    #[serde(default)]
    pub mtu: Option<u16>,
    /// `link-mode`: how several links are used (default passive).
    #[serde(default)]
    pub link_mode: LinkMode,
}

impl Config {
    /// The group that `resource` is a member of.
    #[must_use]
    pub fn group_of(&self, resource: &ResourceId) -> Option<&Group> {
        self.groups.values().find(|group| group.members.contains(resource))
    }
}
