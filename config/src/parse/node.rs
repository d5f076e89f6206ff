//! `[nodes.NAME]`.

use super::fields::Fields;
use super::value::At;
use crate::address::Address;
use crate::id::{DeviceId, NodeId};
use crate::node::{Node, NodeRole};
use crate::option::NODE;
use crate::report::Report;
use crate::spot::{Spot, Spots};
use std::collections::BTreeMap;

/// Most nodes of one cluster.
pub(crate) const MAX_NODES: usize = 64;

/// The levels written for a node; `None` when it leaves them to the devices.
pub(super) type Levels = BTreeMap<NodeId, Option<Vec<Vec<DeviceId>>>>;

/// All nodes, and the fencing levels they spell out.
pub(super) fn read(file: &Fields<'_>, spots: &mut Spots, report: &mut Report<'_>) -> (BTreeMap<NodeId, Node>, Levels) {
    let tables = file.named("nodes");
    if tables.is_empty() {
        let hint = "write [nodes.NAME] with addresses = [\"...\"] for each machine".to_owned();
        report.missing(file.span_of("nodes"), "the file has no nodes".to_owned(), Some(hint));
    }
    if let Some((name, _)) = tables.get(MAX_NODES) {
        let message = format!("a cluster has at most {MAX_NODES} nodes; this file has {}", tables.len());
        report.error(name.span.clone(), message, None);
    }
    let mut nodes = BTreeMap::new();
    let mut levels = BTreeMap::new();
    for (name, table) in tables.iter().take(MAX_NODES) {
        let id = super::name(name, "node", NodeId::new, report);
        let fields = Fields::read(&NODE, name.value, name.span.clone(), table, report);
        let Some(id) = id.map(|id| id.value) else { continue };
        spots.set(Spot::Node(id.clone()), name.span.clone());
        let node = Node {
            name: id.clone(),
            addresses: addresses(&id, &fields, spots, report),
            votes: fields.integer("votes"),
            role: if fields.choice("role") == "arbiter" { NodeRole::Arbiter } else { NodeRole::Member },
            attributes: super::values(fields.pairs("attributes")),
            standby: fields.bool("standby"),
            maintenance: fields.bool("maintenance"),
        };
        levels.insert(id.clone(), fields.has("fencing").then(|| written(&id, &fields, spots, report)));
        nodes.insert(id, node);
    }
    (nodes, levels)
}

fn addresses(id: &NodeId, fields: &Fields<'_>, spots: &mut Spots, report: &mut Report<'_>) -> Vec<String> {
    let texts = fields.texts("addresses");
    for (link, text) in texts.iter().enumerate() {
        spots.set(Spot::Address(id.clone(), link), text.span.clone());
        if let Err(error) = Address::parse(text.value) {
            let message = format!("{:?} is not an address: {error}", text.value);
            let hint = "write HOST or HOST:PORT, and brackets around IPv6: \"[fd00::1]:5405\"".to_owned();
            report.error(text.span.clone(), message, Some(hint));
        }
    }
    texts.iter().map(|text| text.value.to_owned()).collect()
}

fn written(id: &NodeId, fields: &Fields<'_>, spots: &mut Spots, report: &mut Report<'_>) -> Vec<Vec<DeviceId>> {
    let mut levels: Vec<Vec<DeviceId>> = Vec::new();
    for names in fields.levels("fencing") {
        let mut level = Vec::new();
        for text in names {
            let device: Option<At<DeviceId>> = super::name(text, "fence device", DeviceId::new, report);
            if let Some(device) = device {
                spots.set(Spot::LevelDevice(id.clone(), levels.len(), level.len()), device.span);
                level.push(device.value);
            }
        }
        levels.push(level);
    }
    levels
}
