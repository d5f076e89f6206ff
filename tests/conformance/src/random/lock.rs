//! Shutdown locks: what ran on a node that left in order waits for it, for a time.

use super::feature::{element, option};
use super::past::{histories, runs};
use super::{Cluster, Kind, NOW, Presence, chance, pick};
use crate::element::Element;
use crate::mutate::entry;
use fastrand::Rng;

/// Locks some of what runs nowhere to a node that left.
pub(super) fn add(rng: &mut Rng, cluster: &Cluster, cib: &mut Element) {
    option(cib, "shutdown-lock", "true");
    if chance(rng, 40) {
        option(cib, "shutdown-lock-limit", pick(rng, &["1min", "1h"]));
    }
    let gone: Vec<&str> =
        cluster.nodes.iter().filter(|it| it.presence == Presence::Offline).map(|it| it.name.as_str()).collect();
    if gone.is_empty() {
        return;
    }
    for top in cluster.tops.iter().filter(|top| !matches!(top.kind, Kind::Clone { .. })) {
        let active = |it: &Element| {
            it.name == "lrm_resource" && runs(it) && top.primitives.iter().any(|own| own.id == it.get("id"))
        };
        if !cib.paths(active).is_empty() || !chance(rng, 70) {
            continue;
        }
        let node = pick(rng, &gone);
        let since = NOW - pick(rng, &[30, 600]);
        for primitive in &top.primitives {
            let Some(here) = histories(cib, node) else { continue };
            let id = &primitive.id;
            let mut history = element(&format!(
                "<lrm_resource id=\"{id}\" class=\"ocf\" provider=\"pacemaker\" type=\"Dummy\" shutdown-lock=\"{since}\"/>"
            ));
            history.children.push(entry(id, "last", "stop", "0", (0, 0), 5, since));
            here.children.push(history);
        }
    }
}
