//! A bundle: replicas of a container, each with an address, a connection and a service inside.

use super::feature::{any, element, part, transient};
use super::past::{Past, Thing, record};
use super::{Cluster, chance, pick, remote};
use crate::element::Element;
use crate::mutate::note;
use fastrand::Rng;

const DOCKER: &str = "class=\"ocf\" provider=\"heartbeat\" type=\"docker\"";
const ADDRESS: &str = "class=\"ocf\" provider=\"heartbeat\" type=\"IPaddr2\"";

/// Adds a bundle, most of whose replicas run, and constraints about it.
pub(super) fn add(rng: &mut Rng, cluster: &Cluster, cib: &mut Element) {
    let replicas = rng.usize(1..=3);
    let promotable = chance(rng, 40);
    let (promoted, agent) = if promotable { (" promoted-max=\"1\"", "Stateful") } else { ("", "Dummy") };
    let upper = if promotable { "<op id=\"box-up\" name=\"monitor\" interval=\"16s\" role=\"Promoted\"/>" } else { "" };
    part(cib, "resources").children.push(element(&format!(
        "<bundle id=\"box\"><docker image=\"example:latest\" replicas=\"{replicas}\"{promoted}/><network \
         ip-range-start=\"192.168.122.131\" control-port=\"3121\"/><primitive id=\"inside\" class=\"ocf\" provider=\"pacemaker\" \
         type=\"{agent}\"><operations><op id=\"box-monitor\" name=\"monitor\" interval=\"15s\"/>{upper}</operations></primitive>\
         </bundle>"
    )));
    constraints(rng, cluster, cib);
    let hosts = remote::members(cluster);
    let mut upper = promotable;
    for number in 0..replicas {
        let stands = match rng.u32(0..100) {
            0..75 => Past::Runs,
            75..83 => Past::Failed,
            83..92 => Past::Stopped,
            _ => Past::Absent,
        };
        // A host has one replica.
        let stands = if number < hosts.len() { stands } else { Past::Absent };
        let mut places = hosts.clone();
        places.rotate_left(number % hosts.len());
        replica(rng, cib, number, &places, stands, &mut upper, agent);
    }
}

/// Records what a replica did: on the first of the places as it stands, nothing on the others.
fn replica(
    rng: &mut Rng,
    cib: &mut Element,
    number: usize,
    places: &[&str],
    stands: Past,
    upper: &mut bool,
    agent: &str,
) {
    let (container, address) = (format!("box-docker-{number}"), format!("box-ip-192.168.122.{}", 131 + number));
    let node = format!("box-{number}");
    let things = [
        Thing { id: &container, agent: DOCKER, container: None, monitor: 60 },
        Thing { id: &address, agent: ADDRESS, container: None, monitor: 60 },
        Thing { id: &node, agent: remote::AGENT, container: Some(&container), monitor: 30 },
    ];
    for (at, host) in places.iter().enumerate() {
        for (place, thing) in things.into_iter().enumerate() {
            // Of a container that failed, the address is still there.
            let here = if place == 1 && stands == Past::Failed { Past::Runs } else { stands };
            record(cib, host, thing, if at == 0 { here } else { Past::Absent });
        }
    }
    if !matches!(stands, Past::Runs | Past::Failed) {
        return;
    }
    let there = stands == Past::Runs;
    cib.child("status").children.push(element(&format!(
        "<node_state id=\"{node}\" uname=\"{node}\" remote_node=\"true\" in_ccm=\"{there}\" node_fenced=\"0\"/>"
    )));
    let agent = format!("class=\"ocf\" provider=\"pacemaker\" type=\"{agent}\"");
    let inside = Thing { id: "inside", agent: &agent, container: None, monitor: 15 };
    let promoted = *upper && chance(rng, 60);
    let past = match rng.u32(0..100) {
        _ if promoted => Past::Promoted,
        0..85 => Past::Runs,
        85..92 => Past::Failed,
        _ => Past::Absent,
    };
    record(cib, &node, inside, past);
    if agent.contains("Stateful") {
        let score = pick(rng, &["5", "10", "100"]);
        if let Some(notes) = transient(cib, &node) {
            note(notes, "instance_attributes", "master-inside", score);
        }
    }
    *upper &= !promoted;
}

/// What comes later in the alphabet follows, as everywhere, and `box` comes after all others: they are `a`, `b`, ...
fn constraints(rng: &mut Rng, cluster: &Cluster, cib: &mut Element) {
    let top = any(rng, cluster);
    let node = &cluster.nodes[rng.usize(0..cluster.nodes.len())].name;
    let mut written = Vec::new();
    if chance(rng, 40) {
        let score = pick(rng, &["INFINITY", "-INFINITY", "100", "-50"]);
        written.push(format!("<rsc_location id=\"box-where\" rsc=\"box\" node=\"{node}\" score=\"{score}\"/>"));
    }
    if chance(rng, 35) {
        let score = pick(rng, &["INFINITY", "-INFINITY", "100"]);
        written
            .push(format!("<rsc_colocation id=\"box-with\" rsc=\"box\" with-rsc=\"{}\" score=\"{score}\"/>", top.id));
    }
    if chance(rng, 35) {
        let kind = pick(rng, &["Mandatory", "Mandatory", "Optional"]);
        written.push(format!("<rsc_order id=\"box-after\" first=\"{}\" then=\"box\" kind=\"{kind}\"/>", top.id));
    }
    part(cib, "constraints").children.extend(written.iter().map(|it| element(it)));
}
