//! Bundles: what one replica is made of, and the options of its container, which digests depend on.

use super::Facts;
use super::resource::Kind;
use super::tree::{self, Place};
use crate::index::{NodeIx, ResourceIx};
use crate::situation;

/// One replica of a bundle.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Its number, from 0.
    pub index: u32,
    /// The address resource.
    pub address: Option<ResourceIx>,
    /// The container resource.
    pub container: ResourceIx,
    /// The connection to the node inside; `None` where nothing runs inside.
    pub connection: Option<ResourceIx>,
    /// The node inside.
    pub node: Option<NodeIx>,
    /// The instance of the primitive inside.
    pub child: Option<ResourceIx>,
}

/// The names of the nodes inside a bundle's containers.
pub(crate) fn nodes(id: &str, parts: &situation::Bundle) -> Vec<String> {
    let _ = (id, parts);
    Vec::new()
}

/// Adds a bundle.
pub(crate) fn add<'a>(
    facts: &mut Facts<'a>,
    written: &'a situation::Resource,
    parts: &'a situation::Bundle,
    place: Place,
) -> ResourceIx {
    let _ = parts;
    tree::add_one(facts, written, Kind::Bundle(Vec::new()), place)
}
