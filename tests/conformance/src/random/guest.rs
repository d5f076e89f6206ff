//! Guest nodes: a primitive of the cluster is a machine in which other resources run.

use super::feature::resource;
use super::past::{Past, runs};
use super::remote::connect;
use super::{Cluster, Kind, chance, pick};
use crate::element::Element;
use crate::mutate::note;
use fastrand::Rng;

/// Makes one primitive a guest, connected where it runs.
pub(super) fn add(rng: &mut Rng, cluster: &Cluster, cib: &mut Element) {
    let machines: Vec<&str> =
        cluster.tops.iter().filter(|top| matches!(top.kind, Kind::Primitive)).map(|top| top.id.as_str()).collect();
    if machines.is_empty() {
        return;
    }
    let machine = pick(rng, &machines);
    let name = format!("in-{machine}");
    let Some(it) = resource(cib, machine).filter(|it| it.get("type") == "Dummy") else { return };
    note(it, "meta_attributes", "remote-node", &name);
    let host = cluster.nodes.iter().map(|node| node.name.as_str()).find(|node| {
        let states = cib.paths(|it| it.name == "node_state" && it.get("uname") == *node);
        let here = states.first().map(|path| cib.at(path));
        here.is_some_and(|state| {
            !state.paths(|it| it.name == "lrm_resource" && it.get("id") == machine && runs(it)).is_empty()
        })
    });
    let Some(host) = host else { return };
    let stands = if chance(rng, 85) { Past::Runs } else { pick(rng, &[Past::Failed, Past::StartFailed]) };
    let mut hosts = vec![host];
    hosts.extend(super::remote::members(cluster).into_iter().filter(|it| *it != host));
    connect(rng, cluster, cib, &name, Some(machine), &hosts, stands);
}
