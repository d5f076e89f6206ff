//! Live migrations: under way, done but for the stop where it came from, and failed on either side.

use super::feature::resource;
use super::past::{histories, runs};
use super::{Cluster, Kind, NOW, chance, pick, remote};
use crate::element::Element;
use crate::mutate::{entry, note};
use fastrand::Rng;

/// Lets primitives that run migrate, and some of them be in the middle of it. Not from and to nodes that are left
/// alone, where what is left of a migration is not stopped, and starts elsewhere do not wait for it; and not while the
/// target has not answered: where the way is broken off then, neither the peer nor we stop it there.
pub(super) fn add(rng: &mut Rng, cluster: &Cluster, cib: &mut Element) {
    let mut hosts = remote::members(cluster);
    let kept = |name: &str| {
        cluster.nodes.iter().any(|node| node.name == name && node.attributes.iter().all(|(it, _)| it != "maintenance"))
    };
    hosts.retain(|host| kept(host));
    for top in cluster.tops.iter().filter(|top| matches!(top.kind, Kind::Primitive)) {
        if let Some(it) = resource(cib, &top.id).filter(|_| chance(rng, 70)) {
            note(it, "meta_attributes", "allow-migrate", "true");
        }
        let source = hosts.iter().find(|host| {
            let here = histories(cib, host);
            here.is_some_and(|it| it.children.iter().any(|it| it.get("id") == top.id && runs(it)))
        });
        let others: Vec<&str> = hosts.iter().filter(|host| Some(host) != source.as_ref()).copied().collect();
        if let Some(source) = source.filter(|_| !others.is_empty() && chance(rng, 60)) {
            let target = pick(rng, &others);
            migrate(rng, cib, &top.id, source, target);
        }
    }
}

/// One side of it: what was asked, and the exit code; `None` while there is no answer.
type Side = Option<Option<i32>>;

fn migrate(rng: &mut Rng, cib: &mut Element, id: &str, source: &str, target: &str) {
    let sides: [(Side, Side); 5] = [
        (Some(None), None),
        (Some(Some(0)), None),
        (Some(Some(0)), Some(Some(0))),
        (Some(Some(1)), None),
        (Some(Some(0)), Some(Some(1))),
    ];
    let (to, from) = pick(rng, &sides);
    for (side, operation, node, ago) in [(to, "migrate_to", source, 60), (from, "migrate_from", target, 30)] {
        let (Some(exit), Some(here)) = (side, histories(cib, node)) else { continue };
        let next =
            here.children.iter().flat_map(|it| &it.children).filter_map(|it| it.get("call-id").parse::<i64>().ok());
        let call = next.max().unwrap_or(0) + 1;
        let Some(history) = here.children.iter_mut().find(|it| it.get("id") == id) else { continue };
        let mut it = match exit {
            Some(exit) => entry(id, "last", operation, "0", (0, exit), call, NOW - ago),
            None => {
                let mut it = entry(id, "last", operation, "0", (0, 193), -1, NOW - ago);
                it.set("op-status", "-1");
                let magic = format!("-1:193;{}", it.get("transition-key"));
                it.set("transition-magic", &magic);
                it
            }
        };
        it.set("migrate_source", source);
        it.set("migrate_target", target);
        if operation == "migrate_to" {
            let kept = format!("{id}_{operation}_0");
            it.set("id", &kept);
            // What is on its way is not watched any more.
            history.children.retain(|known| known.get("operation") != "monitor");
        } else {
            history.children.clear();
        }
        if exit.is_some_and(|exit| exit != 0) {
            let mut failure = it.clone();
            failure.set("id", &format!("{id}_last_failure_0"));
            history.children.push(failure);
        }
        history.children.push(it);
    }
}
