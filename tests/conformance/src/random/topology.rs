//! Several fence devices, levels of them for a node, and a device that turns nodes on.

use super::feature::{any, element, option, part, resource, transient};
use super::{Cluster, NOW, chance, pick};
use crate::element::Element;
use crate::mutate::note;
use fastrand::Rng;

/// Adds devices and levels where the cluster fences.
pub(super) fn add(rng: &mut Rng, cluster: &Cluster, cib: &mut Element) {
    if !cluster.fencing {
        return;
    }
    let devices = ["power", "disk"];
    let provides = chance(rng, 50);
    for device in devices {
        let unfencing = if provides && device == "disk" {
            "<meta_attributes id=\"disk-meta\"><nvpair id=\"disk-provides\" name=\"provides\" value=\"unfencing\"/></meta_attributes>"
        } else {
            ""
        };
        part(cib, "resources").children.push(element(&format!(
            "<primitive id=\"{device}\" class=\"stonith\" type=\"fence_xvm\">{unfencing}<operations><op id=\"{device}-monitor\" \
             name=\"monitor\" interval=\"60s\"/></operations></primitive>"
        )));
    }
    for (at, node) in cluster.nodes.iter().enumerate().filter(|_| provides) {
        if chance(rng, 75) {
            let since = NOW - pick(rng, &[100, 5000]);
            if let Some(notes) = transient(cib, &node.name) {
                note(notes, "instance_attributes", "#node-unfenced", &since.to_string());
            }
        }
        if chance(rng, 50) {
            levels(rng, at, &node.name, cib);
        }
    }
    if provides && chance(rng, 50) {
        let top = any(rng, cluster);
        if let Some(it) = resource(cib, &top.id) {
            note(it, "meta_attributes", "requires", pick(rng, &["unfencing", "fencing", "quorum"]));
        }
    }
    for (name, values, percent) in [
        ("stonith-action", ["off", "reboot"], 30),
        ("concurrent-fencing", ["true", "false"], 30),
        ("priority-fencing-delay", ["15s", "60s"], 15),
    ] {
        if chance(rng, percent) {
            option(cib, name, pick(rng, &values));
        }
    }
}

fn levels(rng: &mut Rng, at: usize, node: &str, cib: &mut Element) {
    let order = pick(rng, &[["power", "disk"], ["shooter", "power"]]);
    for (index, device) in (1..).zip(order) {
        part(cib, "fencing-topology").children.push(element(&format!(
            "<fencing-level id=\"level-{at}-{index}\" target=\"{node}\" index=\"{index}\" devices=\"{device}\"/>"
        )));
    }
}
