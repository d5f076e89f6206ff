//! `[fencing.NAME]`, and the levels that follow from devices and nodes.

use super::fields::Fields;
use super::node::Levels;
use crate::device::{Device, Level};
use crate::id::{DeviceId, NodeId};
use crate::option::FENCING;
use crate::report::Report;
use crate::spot::{Spot, Spots};
use std::collections::BTreeMap;

/// All devices, and their names in the order of the file.
pub(super) fn read(
    file: &Fields<'_>,
    spots: &mut Spots,
    report: &mut Report<'_>,
) -> (BTreeMap<DeviceId, Device>, Vec<DeviceId>) {
    let mut devices = BTreeMap::new();
    let mut order = Vec::new();
    for (name, table) in file.named("fencing") {
        let id = super::name(name, "fence device", DeviceId::new, report);
        let fields = Fields::read(&FENCING, name.value, name.span.clone(), table, report);
        let Some(id) = id.map(|id| id.value) else { continue };
        spots.set(Spot::Device(id.clone()), name.span.clone());
        let device = Device {
            name: id.clone(),
            agent: agent(&fields, report),
            params: super::values(fields.pairs("params")),
            plugs: plugs(&id, &fields, spots, report),
            timeout: fields.duration("timeout"),
            delay: fields.duration("delay"),
        };
        one_line_values(&fields, report);
        order.push(id.clone());
        devices.insert(id, device);
    }
    (devices, order)
}

fn agent(fields: &Fields<'_>, report: &mut Report<'_>) -> String {
    let Some(agent) = fields.text("agent") else {
        return String::new();
    };
    let text = agent.value;
    if text == "ipmi" || text.starts_with("stonith:") {
        let bare = text.strip_prefix("stonith:").filter(|bare| bare.starts_with("fence_")).unwrap_or("fence_ipmilan");
        let message = format!("this version does not drive {text:?} devices itself");
        report.error(agent.span, message, Some(format!("use the fence-agent \"{bare}\"")));
    } else if text.starts_with("ocf:") || text.starts_with("systemd:") {
        let hint = "a fence-agent is a program such as \"fence_ipmilan\"".to_owned();
        report.error(agent.span, format!("{text:?} is an agent for resources, not for fencing"), Some(hint));
    } else if !text.starts_with(|c: char| c.is_ascii_alphanumeric())
        || !text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    {
        let hint = "write the name of a program such as \"fence_ipmilan\", without a path".to_owned();
        report.error(agent.span, format!("{text:?} is not the name of a fence-agent"), Some(hint));
    }
    text.to_owned()
}

fn plugs(id: &DeviceId, fields: &Fields<'_>, spots: &mut Spots, report: &mut Report<'_>) -> BTreeMap<NodeId, String> {
    let mut plugs = BTreeMap::new();
    for (node, plug) in fields.pairs("nodes") {
        let Some(node) = super::name(node, "node", NodeId::new, report) else { continue };
        spots.set(Spot::Covered(id.clone(), node.value.clone()), node.span.clone());
        if plugs.insert(node.value.clone(), plug.value.clone()).is_some() {
            let message = format!("{} lists the node `{}` twice", fields.subject, node.value);
            report.error(node.span, message, None);
        }
    }
    plugs
}

/// A fence-agent reads its parameters as lines, so a value with a line break would become another parameter.
fn one_line_values(fields: &Fields<'_>, report: &mut Report<'_>) {
    for (name, value) in fields.pairs("params").iter().chain(fields.pairs("nodes")) {
        if value.value.contains(['\n', '\r']) {
            let message = format!("`{}` of {} has a line break in its value", name.value, fields.subject);
            report.error(value.span.clone(), message, Some("a fence-agent reads one line per parameter".to_owned()));
        }
    }
}

/// The levels of each node: as it spells them out, or one per device that lists it, in the order of the file.
pub(super) fn levels(
    written: Levels,
    devices: &BTreeMap<DeviceId, Device>,
    order: &[DeviceId],
) -> BTreeMap<NodeId, Vec<Level>> {
    let mut levels = BTreeMap::new();
    for (node, written) in written {
        let covering = || order.iter().filter(|name| devices[*name].plugs.contains_key(&node));
        let of_node: Vec<Level> = match written {
            Some(written) => written.into_iter().map(|devices| Level { node: node.clone(), devices }).collect(),
            None => covering().map(|name| Level { node: node.clone(), devices: vec![name.clone()] }).collect(),
        };
        if !of_node.is_empty() {
            levels.insert(node, of_node);
        }
    }
    levels
}
