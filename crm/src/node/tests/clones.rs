//! Clones, promotable ones and cloned groups, with real executors and the scheduler.

use super::THREE;
use super::cluster::{Cluster, node};
use crate::cib::{Attribute, Subject};
use crate::control::{Request, Response};
use std::time::Duration;

const CLONE: &str = "[resources.many]\nagent = \"command\"\nstart = \"up\"\nstop = \"down\"\ncheck = \"check\"\n\
                     monitor = \"10s\"\n[clones.all]\nresource = \"many\"\n";

const PROMOTABLE: &str = "[resources.many]\nagent = \"ocf:test:Stateful\"\noperations = [\n\
                          { name = \"monitor\", interval = \"10s\", role = \"promoted\" },\n\
                          { name = \"monitor\", interval = \"11s\", role = \"unpromoted\" }]\n\
                          [clones.all]\nresource = \"many\"\npromotable = true\nnotify = true\n";

const GROUP: &str = "[resources.many-a]\nagent = \"ocf:test:Dummy\"\nmonitor = \"10s\"\n\
                     [resources.many-b]\nagent = \"ocf:test:Dummy\"\nmonitor = \"10s\"\n\
                     [groups.both]\nmembers = [\"many-a\", \"many-b\"]\n[clones.all]\nresource = \"both\"\ninterleave = true\n";

fn places(cluster: &Cluster, service: &str) -> Vec<String> {
    let here = cluster.running.iter().filter(|(_, name)| name == service);
    here.map(|(node, _)| node.to_string()).collect()
}

fn promoted(cluster: &Cluster) -> Vec<String> {
    cluster.promoted.iter().map(|(node, _)| node.to_string()).collect()
}

/// Notes how much the instance on `name` wants to be promoted.
fn wants(cluster: &mut Cluster, name: &str, score: &str) {
    let subject = Subject::Life { node: node(name) };
    let attribute = Attribute { subject, name: "master-many".to_owned(), value: Some(score.to_owned()) };
    let answer = cluster.ask(name, Request::Note { attribute });
    assert!(matches!(answer, Response::Done { .. }), "{answer:?}");
}

fn rests(cluster: &mut Cluster, name: &str) {
    cluster.pass(Duration::from_secs(30));
    let summary = cluster.summary(name);
    assert_eq!(summary.activity, "idle", "{summary:#?}\n{}", cluster.last_events(40));
}

#[test]
fn a_clone_runs_everywhere_and_what_is_lost_with_a_node_comes_back_with_it() {
    let mut cluster = Cluster::started(THREE, CLONE);
    rests(&mut cluster, "alpha");
    assert_eq!(places(&cluster, "many"), THREE);
    let summary = cluster.summary("beta");
    assert_eq!((summary.resources[0].nodes.len(), summary.resources[0].state.as_str()), (3, "started"));
    assert_eq!(summary.resources[0].clone.as_ref().map(ToString::to_string).as_deref(), Some("all"));
    assert!(summary.warnings.is_empty(), "{:?}", summary.warnings);
    cluster.power_off("gamma");
    cluster.join(&[&["alpha", "beta"]]);
    rests(&mut cluster, "alpha");
    assert_eq!(places(&cluster, "many"), ["alpha", "beta"]);
    cluster.boot("gamma");
    cluster.join(&[THREE]);
    rests(&mut cluster, "alpha");
    assert_eq!(places(&cluster, "many"), THREE);
}

#[test]
fn one_instance_is_promoted_and_another_only_once_its_node_is_off() {
    let mut cluster = Cluster::started(THREE, PROMOTABLE);
    rests(&mut cluster, "alpha");
    assert_eq!((places(&cluster, "many").len(), promoted(&cluster).len()), (3, 0), "nobody wants to be promoted yet");
    wants(&mut cluster, "beta", "10");
    wants(&mut cluster, "gamma", "5");
    rests(&mut cluster, "alpha");
    assert_eq!(promoted(&cluster), ["beta"]);
    assert_eq!(cluster.summary("alpha").resources[0].promoted, [node("beta")]);
    assert!(cluster.notified > 0);
    // Cut off, not off: it stays promoted there until the fence device did its work.
    cluster.fencing_fails = 2;
    cluster.join(&[&["alpha", "gamma"], &["beta"]]);
    cluster.kill_daemon("beta");
    cluster.settle();
    assert_eq!(promoted(&cluster), ["beta"], "nobody else yet");
    rests(&mut cluster, "alpha");
    assert_eq!((promoted(&cluster), cluster.fenced.clone()), (vec!["gamma".to_owned()], vec![node("beta")]));
}

#[test]
fn a_promotion_moves_with_the_wish_and_never_doubles() {
    let mut cluster = Cluster::started(THREE, PROMOTABLE);
    wants(&mut cluster, "alpha", "5");
    rests(&mut cluster, "alpha");
    assert_eq!(promoted(&cluster), ["alpha"]);
    wants(&mut cluster, "gamma", "1000");
    rests(&mut cluster, "alpha");
    assert_eq!(promoted(&cluster), ["gamma"]);
    assert_eq!(places(&cluster, "many"), THREE);
}

#[test]
fn a_cloned_group_runs_everywhere_in_its_order() {
    let mut cluster = Cluster::started(THREE, GROUP);
    rests(&mut cluster, "alpha");
    assert_eq!(places(&cluster, "many-a"), THREE);
    assert_eq!(places(&cluster, "many-b"), THREE);
    cluster.running.retain(|(place, name)| !(place.as_str() == "beta" && name == "many-a"));
    rests(&mut cluster, "alpha");
    assert_eq!(places(&cluster, "many-a").len(), 3, "what failed on one node is mended there");
    assert_eq!(cluster.summary("alpha").failures.len(), 1);
}
