//! Where in the text the parts of a [`Config`](crate::Config) are written, for the checks that come after reading.

use crate::id::{DeviceId, NodeId, ResourceId};
use std::collections::BTreeMap;
use std::ops::Range;

/// A part of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spot {
    /// An option of a table that exists once: `("quorum", "two-node")`.
    Setting(&'static str, &'static str),
    /// The name in `[nodes.NAME]`.
    Node(NodeId),
    /// The n-th address of a node.
    Address(NodeId, usize),
    /// The name in `[resources.NAME]`.
    Resource(ResourceId),
    /// The name in `[groups.NAME]`.
    Group(ResourceId),
    /// The n-th member of a group.
    Member(ResourceId, usize),
    /// The n-th operation of a resource.
    Operation(ResourceId, usize),
    /// The name in `[fencing.NAME]`.
    Device(DeviceId),
    /// A node in a device's `nodes`.
    Covered(DeviceId, NodeId),
    /// The n-th device of the n-th level of a node.
    LevelDevice(NodeId, usize, usize),
}

/// Where a rule and its two ends are written.
#[derive(Clone, Debug)]
pub(crate) struct RuleSpots {
    /// The whole rule.
    pub(crate) rule: Range<usize>,
    /// The resource, dependent or first.
    pub(crate) from: Range<usize>,
    /// The node, primary or then.
    pub(crate) to: Range<usize>,
}

/// All places.
#[derive(Debug, Default)]
pub(crate) struct Spots {
    places: BTreeMap<Spot, Range<usize>>,
    /// Parallel to `Config::locations`.
    pub(crate) locations: Vec<RuleSpots>,
    /// Parallel to `Config::colocations`.
    pub(crate) colocations: Vec<RuleSpots>,
    /// Parallel to `Config::orders`.
    pub(crate) orders: Vec<RuleSpots>,
}

impl Spots {
    pub(crate) fn set(&mut self, spot: Spot, span: Range<usize>) {
        self.places.insert(spot, span);
    }

    /// Where it is written; the start of the file for what is nowhere.
    pub(crate) fn of(&self, spot: &Spot) -> Range<usize> {
        self.places.get(spot).cloned().unwrap_or(0..0)
    }

    /// Where it is written, if it is.
    pub(crate) fn find(&self, spot: &Spot) -> Option<Range<usize>> {
        self.places.get(spot).cloned()
    }
}
