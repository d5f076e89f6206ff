//! What can cut a node off: `[fencing.NAME]` devices and `[[fencing-level]]`.

use crate::id::{DeviceId, NodeId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// One fence device, driven by a fence-agent (`fence_ipmilan`, ...) over its standard-input API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The name.
    pub name: DeviceId,
    /// The program, such as `fence_ipmilan`, found in the fence-agent directories.
    pub agent: String,
    /// Its parameters, written to the agent as `name=value` lines.
    pub params: BTreeMap<String, String>,
    /// What the device calls each node it can fence (`plug` of the agent). In TOML `nodes = ["alpha"]` (plug = name)
    /// or `nodes = { alpha = "outlet-3" }` (peer: pcmk_host_map).
    pub plugs: BTreeMap<NodeId, String>,
    /// Give up on one call of the agent after this long (default 60s).
    pub timeout: Duration,
    /// Wait this long before acting, so that of two nodes that fence each other one is faster (default 0).
    pub delay: Duration,
}

/// One step of a node's fencing topology: all devices of a level must succeed; the next level is tried when one fails.
/// In TOML: `[nodes.alpha] fencing = [["bmc"], ["pdu-a", "pdu-b"]]`. A node without levels has one level per
/// device that lists it, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// The node it is for.
    pub node: NodeId,
    /// The devices, used in this order.
    pub devices: Vec<DeviceId>,
}
