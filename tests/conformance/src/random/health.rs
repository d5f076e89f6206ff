//! Health of nodes, and what the cluster does about it.

use super::feature::{any, option, resource, transient};
use super::{Cluster, chance, pick};
use crate::element::Element;
use crate::mutate::note;
use fastrand::Rng;

/// Gives the cluster a strategy, and some nodes a colour.
pub(super) fn add(rng: &mut Rng, cluster: &Cluster, cib: &mut Element) {
    let strategy = pick(rng, &["migrate-on-red", "only-green", "progressive", "custom", "none"]);
    option(cib, "node-health-strategy", strategy);
    for (name, values, percent) in [
        ("node-health-base", ["5", "-10"], 20),
        ("node-health-red", ["-50", "-INFINITY"], 20),
        ("node-health-yellow", ["-3", "-20"], 30),
        ("node-health-green", ["7", "1"], 20),
    ] {
        if chance(rng, percent) && matches!(strategy, "progressive" | "custom") {
            option(cib, name, pick(rng, &values));
        }
    }
    for node in &cluster.nodes {
        for name in ["#health-disk", "#health-smart"] {
            let colour = pick(rng, &["red", "yellow", "green", "green", "-7", ""]);
            let Some(notes) = transient(cib, &node.name).filter(|_| !colour.is_empty()) else { continue };
            note(notes, "instance_attributes", name, colour);
        }
    }
    if chance(rng, 30) {
        let top = any(rng, cluster);
        if let Some(it) = resource(cib, &top.id) {
            note(it, "meta_attributes", "allow-unhealthy-nodes", "true");
        }
    }
}
