//! Bundles: what one replica is made of, and the options of its container, which digests depend on.

use crate::index::{NodeIx, ResourceIx};

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
