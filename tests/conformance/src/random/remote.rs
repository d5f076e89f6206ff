//! Remote nodes: machines without a cluster stack of their own, which a member connects to.

use super::feature::{element, part};
use super::past::{self, Past, Thing, histories, record, runs};
use super::{Cluster, Kind, chance, pick};
use crate::element::Element;
use fastrand::Rng;

/// The agent of connections.
pub(super) const AGENT: &str = "class=\"ocf\" provider=\"pacemaker\" type=\"remote\"";

/// Adds one or two remote nodes, some of them connected.
pub(super) fn add(rng: &mut Rng, cluster: &Cluster, cib: &mut Element) {
    let mut hosts: Vec<&str> = members(cluster);
    for name in ["far1", "far2"].into_iter().take(rng.usize(1..=2)) {
        let interval = pick(rng, &["", " reconnect_interval"]);
        let wait = if interval.is_empty() {
            ""
        } else {
            "<nvpair id=\"far-wait\" name=\"reconnect_interval\" value=\"60s\"/>"
        };
        part(cib, "resources").children.push(element(&format!(
            "<primitive id=\"{name}\" {AGENT}><instance_attributes id=\"{name}-to\"><nvpair id=\"{name}-server\" name=\"server\" \
             value=\"{name}.example.com\"/>{}</instance_attributes><operations><op id=\"{name}-monitor\" name=\"monitor\" \
             interval=\"30s\"/></operations></primitive>",
            wait.replace("far-", &format!("{name}-"))
        )));
        rng.shuffle(&mut hosts);
        let stands = match rng.u32(0..100) {
            0..70 => Past::Runs,
            70..80 => Past::Failed,
            80..85 => Past::StartFailed,
            85..90 => Past::Stopped,
            _ => Past::Absent,
        };
        connect(rng, cluster, cib, name, None, &hosts, stands);
    }
}

/// Members that can be asked what they do.
pub(super) fn members(cluster: &Cluster) -> Vec<&str> {
    let there = cluster.nodes.iter().filter(|node| past::speaks(node.presence));
    there.map(|node| node.name.as_str()).collect()
}

/// Records a connection: on the first of the hosts as it stands, nothing on the others; and the node behind it.
pub(super) fn connect(
    rng: &mut Rng,
    cluster: &Cluster,
    cib: &mut Element,
    name: &str,
    container: Option<&str>,
    hosts: &[&str],
    stands: Past,
) {
    let connection = Thing { id: name, agent: AGENT, container, monitor: 30 };
    for (at, host) in hosts.iter().enumerate() {
        if at == 0 || chance(rng, 85) {
            record(cib, host, connection, if at == 0 { stands } else { Past::Absent });
        }
    }
    if matches!(stands, Past::Runs | Past::Failed | Past::Stopped) {
        let there = stands == Past::Runs;
        cib.child("status").children.push(element(&format!(
            "<node_state id=\"{name}\" uname=\"{name}\" remote_node=\"true\" in_ccm=\"{there}\" node_fenced=\"0\"/>"
        )));
    }
    if matches!(stands, Past::Runs | Past::Failed) {
        occupy(rng, cluster, cib, name);
    }
}

/// Lets some of what the cluster has run on a node that was added to it.
fn occupy(rng: &mut Rng, cluster: &Cluster, cib: &mut Element, node: &str) {
    for top in &cluster.tops {
        let (takes, copies) = match top.kind {
            Kind::Clone { unique: true, .. } => (false, true),
            Kind::Clone { .. } => (chance(rng, 60), true),
            _ => (chance(rng, 25), false),
        };
        for primitive in &top.primitives {
            let place = |cib: &Element| {
                let found = cib.paths(|it| it.name == "lrm_resource" && it.get("id") == primitive.id && runs(it));
                found.into_iter().next()
            };
            let here = takes.then(|| place(cib)).flatten();
            let Some(at) = here else {
                let agent = if top.is_promotable() { "Stateful" } else { "Dummy" };
                let agent = format!("class=\"ocf\" provider=\"pacemaker\" type=\"{agent}\"");
                let thing = Thing { id: &primitive.id, agent: &agent, container: None, monitor: 0 };
                if chance(rng, 80) && !matches!(top.kind, Kind::Clone { unique: true, .. }) {
                    record(cib, node, thing, Past::Absent);
                }
                continue;
            };
            let history = cib.at(&at).clone();
            if !copies {
                cib.remove(&at);
            }
            if let Some(there) = histories(cib, node) {
                there.children.push(history);
            }
        }
    }
}
