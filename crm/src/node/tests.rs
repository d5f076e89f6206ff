//! Whole nodes against each other.

mod answer;
mod chaos;
mod clones;
mod cluster;
mod durable;
mod quorum;
mod services;
mod tickets;

use crate::control::{Refusal, Request, Response};
use crate::event::EventKind;
use crate::node::Input;
use cluster::{Cluster, file, node, service};
use std::time::Duration;

const THREE: &[&str] = &["alpha", "beta", "gamma"];

#[test]
fn three_nodes_agree_on_one_cib_and_one_dc() {
    let cluster = Cluster::started(THREE, "");
    assert_eq!(cluster.dc(), node("alpha"));
    assert!(cluster.nodes.values().all(|node| node.synced() && node.quorate()));
    let generations: Vec<_> = cluster.nodes.values().map(|node| node.generation()).collect();
    assert!(generations.iter().all(|generation| *generation == generations[0] && generation.index == 0));
    assert_eq!(cluster.told("alpha", EventKind::Idle).len(), 1);
}

#[test]
fn who_was_there_first_stays_dc_when_a_lower_name_joins() {
    let mut cluster = Cluster::new(THREE, &file(THREE, ""));
    cluster.join(&[&["beta", "gamma"]]);
    cluster.settle();
    assert_eq!(cluster.nodes[&node("gamma")].dc(), Some(&node("beta")));
    cluster.join(&[THREE]);
    cluster.settle();
    assert_eq!(cluster.dc(), node("beta"));
}

#[test]
fn a_member_that_does_not_say_hello_is_excluded_and_the_others_go_on() {
    let mut cluster = Cluster::new(THREE, &file(THREE, ""));
    // gamma's ring answers, but its node does not: it hears nothing and says nothing.
    cluster.nodes.remove(&node("gamma")).expect("it was booted");
    let lives = cluster.lives();
    cluster.join_lives(&lives);
    cluster.settle();
    assert!(!cluster.nodes[&node("alpha")].synced());
    cluster.pass(Duration::from_secs(4));
    assert!(cluster.nodes[&node("alpha")].synced() && cluster.nodes[&node("alpha")].quorate());
    assert!(!cluster.nodes[&node("alpha")].view().unwrap().contains(&node("gamma")));
}

#[test]
fn a_member_that_finds_itself_excluded_ends() {
    let mut cluster = Cluster::new(THREE, &file(THREE, ""));
    cluster.join(&[THREE]);
    // gamma hears all, but what it says comes after the others have lost patience.
    cluster.hold_back("gamma");
    cluster.pass(Duration::from_secs(4));
    cluster.settle();
    let stop = &cluster.stops[&node("gamma")];
    assert!(stop.contains("excluded") && stop.starts_with("failed"), "nobody had asked it to leave: {stop}");
    assert!(cluster.nodes[&node("beta")].quorate());
}

#[test]
fn garbage_on_the_ring_is_counted_and_told_and_harms_nothing() {
    let mut cluster = Cluster::started(THREE, "");
    for bytes in [&b""[..], b"\x01", b"\x09hello", b"\x01\xff\xff\xff\xff\xff", &[1; 3000]] {
        for _ in 0..5 {
            cluster.say("gamma", bytes);
        }
    }
    cluster.settle();
    let alerts = cluster.told("alpha", EventKind::Alert);
    assert!(alerts.len() >= 5 && alerts.len() <= 10, "{alerts:?}");
    assert!(cluster.nodes.len() == 3 && cluster.nodes.values().all(|node| node.synced()));
}

#[test]
fn a_node_leaves_in_order_and_is_not_fenced() {
    let mut cluster = Cluster::started(THREE, &service("web"));
    cluster.pass(Duration::from_secs(30));
    let place = cluster.place("web").expect("web runs");
    cluster.request(&place, Request::Shutdown);
    cluster.run();
    assert!(matches!(cluster.answer(), Response::Done { .. }));
    assert_eq!(cluster.stops[&node(&place)], "left in order");
    let rest: Vec<&str> = THREE.iter().copied().filter(|name| *name != place).collect();
    cluster.join(&[&rest]);
    cluster.pass(Duration::from_secs(30));
    assert!(cluster.fenced.is_empty());
    assert!(cluster.place("web").is_some_and(|now| now != place));
    let states: Vec<String> = cluster.summary(rest[0]).nodes.into_iter().map(|node| node.state).collect();
    assert_eq!(states.iter().filter(|state| *state == "offline").count(), 1);
}

#[test]
fn a_node_that_cannot_be_emptied_leaves_loudly_after_a_bound() {
    let mut cluster = Cluster::started(THREE, &service("web"));
    cluster.pass(Duration::from_secs(30));
    let place = cluster.place("web").expect("web runs");
    cluster.failing.insert("stop web".to_owned());
    cluster.fencing_fails = u32::MAX;
    cluster.step(&node(&place), Input::Shutdown);
    cluster.pass(Duration::from_secs(30));
    assert!(cluster.stops.is_empty(), "it still hopes");
    cluster.pass(Duration::from_secs(40));
    assert_eq!(cluster.stops[&node(&place)], "left although not everything could be stopped in time");
    assert!(cluster.told(&place, EventKind::Alert).iter().any(|text| text.contains("left although")));
}

#[test]
fn a_node_leaves_only_after_a_stop_that_takes_long() {
    let operations = "operations = [{ name = \"stop\", timeout = \"300s\" }]\n";
    let of_a_template = format!("template = \"long\"\n[templates.long]\n{operations}");
    for rest in [operations, &of_a_template] {
        let mut cluster = Cluster::started(THREE, &(service("web") + rest));
        let place = cluster.place("web").expect("web runs");
        cluster.hanging.insert("stop web".to_owned());
        cluster.step(&node(&place), Input::Shutdown);
        cluster.pass(Duration::from_secs(290));
        assert!(cluster.stops.is_empty(), "{:?}", cluster.stops);
        cluster.hanging.clear();
        cluster.run();
        assert_eq!(cluster.stops[&node(&place)], "left in order");
    }
}

#[test]
fn a_node_half_cut_off_is_not_given_power_when_quorum_is_lost() {
    let second = "[fencing.second]\nagent = \"fence_pdu\"\nnodes = [\"gamma\"]\n\
                  [[location]]\nresource = \"web\"\nnode = \"gamma\"\nscore = 100\n";
    let both = "addresses = [\"10.0.0.3\"]\nfencing = [[\"pdu\", \"second\"]]\n";
    let text = file(THREE, &(service("web") + second)).replace("addresses = [\"10.0.0.3\"]\n", both);
    let mut cluster = Cluster::new(THREE, &text);
    cluster.join(&[THREE]);
    cluster.run();
    assert_eq!(cluster.place("web").as_deref(), Some("gamma"));
    cluster.power_off("gamma");
    cluster.join(&[&["alpha", "beta"]]);
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..2000 {
        if cluster.fenced.is_empty() && !(cluster.deliver() || cluster.write() || cluster.work_any(&mut random)) {
            cluster.advance(Duration::from_millis(100));
        }
    }
    assert_eq!(cluster.fenced, [node("gamma")], "{}", cluster.last_events(20));
    cluster.join(&[&["alpha"], &["beta"]]);
    assert!(!cluster.gives_power(), "beta and another node may go on where alpha left off");
    cluster.run();
    assert!(!cluster.gives_power());
    cluster.join(&[&["alpha", "beta"]]);
    cluster.run();
    assert_eq!(cluster.fenced, [node("gamma"), node("gamma"), node("gamma")], "one device, then both");
}

#[test]
fn status_and_quorum_are_answered_by_any_member_also_without_quorum() {
    let mut cluster = Cluster::started(THREE, "");
    cluster.fencing_fails = u32::MAX;
    cluster.join(&[&["gamma"], &["alpha", "beta"]]);
    cluster.settle();
    let summary = cluster.summary("gamma");
    assert!(!summary.quorum.quorate);
    assert!(summary.warnings.iter().any(|warning| warning.contains("no quorum")), "{:?}", summary.warnings);
    let Response::Quorum { quorum, members, .. } = cluster.ask("alpha", Request::Quorum) else { panic!() };
    assert!(quorum.quorate);
    assert_eq!(members, [node("alpha"), node("beta")]);
    let response = cluster.ask("gamma", Request::ConfirmFenced { node: node("alpha") });
    assert!(matches!(response, Response::Refused { kind: Refusal::NotQuorate, .. }), "{response:?}");
}

#[test]
fn wait_for_all_holds_quorum_back_until_everybody_was_seen_once() {
    let names = &["alpha", "beta"];
    let mut cluster = Cluster::new(names, &file(names, "[quorum]\ntwo-node = true\n"));
    cluster.join(&[&["alpha"]]);
    cluster.settle();
    assert!(!cluster.nodes[&node("alpha")].quorate());
    cluster.join(&[names]);
    cluster.settle();
    assert!(cluster.nodes[&node("alpha")].quorate());
    cluster.kill_daemon("beta");
    cluster.join(&[&["alpha"]]);
    cluster.settle();
    assert!(cluster.nodes[&node("alpha")].quorate(), "seen once is enough until the next full stop");
}

#[test]
fn followers_hear_events_and_the_remembered_ones_on_request() {
    let mut cluster = Cluster::started(THREE, "");
    cluster.request("beta", Request::Events { history: true });
    let remembered = cluster.replies.len();
    assert!(remembered >= 3);
    cluster.join(&[&["alpha", "beta"], &["gamma"]]);
    cluster.settle();
    assert!(cluster.replies.len() > remembered);
    assert!(cluster.replies.iter().all(|(_, _, response)| matches!(response, Response::Event(_))));
}
