//! What is acknowledged stays.

use super::THREE;
use super::cluster::{Cluster, file, node, resource, service};
use crate::cib::OverrideEdit;
use crate::control::{Refusal, Request, Response};
use config::NodeMode;
use std::time::Duration;

fn apply(text: &str) -> Request {
    Request::Apply { text: text.to_owned(), base: None }
}

fn standby(name: &str) -> Request {
    Request::Override { edit: OverrideEdit::Node { node: node(name), mode: Some(NodeMode::Standby) } }
}

#[test]
fn a_change_is_acknowledged_only_when_a_quorum_has_stored_it() {
    let mut cluster = Cluster::started(THREE, "");
    cluster.slow_disks = [node("alpha"), node("beta")].into();
    cluster.request("gamma", standby("beta"));
    cluster.settle();
    assert!(cluster.replies.is_empty(), "one disk of three is not enough: {:?}", cluster.replies);
    cluster.slow_disks.remove(&node("alpha"));
    cluster.settle();
    let Response::Done { generation, changed: true } = cluster.answer() else { panic!() };
    assert_eq!(generation, cluster.disks[&node("alpha")].generation);
    assert_eq!(cluster.disks[&node("alpha")], cluster.disks[&node("gamma")]);
    assert_ne!(cluster.disks[&node("beta")].generation, generation);
}

#[test]
fn a_change_that_no_quorum_stores_is_unknown_after_a_while() {
    let mut cluster = Cluster::started(THREE, "");
    cluster.slow_disks = [node("alpha"), node("beta")].into();
    cluster.request("gamma", standby("beta"));
    cluster.pass(Duration::from_secs(11));
    assert!(matches!(cluster.answer(), Response::Refused { kind: Refusal::Unknown, .. }));
}

#[test]
fn the_same_again_changes_nothing() {
    let mut cluster = Cluster::started(THREE, "");
    assert!(matches!(cluster.ask("beta", standby("beta")), Response::Done { changed: true, .. }));
    assert!(matches!(cluster.ask("alpha", standby("beta")), Response::Done { changed: false, .. }));
    let text = file(THREE, &service("web"));
    assert!(matches!(cluster.ask("alpha", apply(&text)), Response::Done { changed: true, .. }));
    assert!(matches!(cluster.ask("gamma", apply(&text)), Response::Done { changed: false, .. }));
}

#[test]
fn a_minority_changes_nothing() {
    let mut cluster = Cluster::started(THREE, "");
    cluster.fencing_fails = u32::MAX;
    cluster.join(&[&["gamma"], &["alpha", "beta"]]);
    cluster.settle();
    let before = cluster.disks[&node("gamma")].clone();
    for request in [standby("beta"), apply(&file(THREE, &service("web"))), Request::Restart { resource: resource("x") }]
    {
        let response = cluster.ask("gamma", request);
        assert!(matches!(response, Response::Refused { kind: Refusal::NotQuorate, .. }), "{response:?}");
    }
    assert_eq!(cluster.disks[&node("gamma")], before);
}

#[test]
fn an_acknowledged_change_survives_a_power_loss_of_all_nodes_in_any_order_of_return() {
    for returning in [["alpha", "beta"], ["alpha", "gamma"], ["beta", "gamma"]] {
        let mut cluster = Cluster::started(THREE, "");
        // beta's disk misses the change; a quorum has it.
        cluster.slow_disks = [node("beta")].into();
        assert!(matches!(cluster.ask("gamma", standby("beta")), Response::Done { .. }));
        for name in THREE {
            cluster.power_off(name);
        }
        cluster.slow_disks.clear();
        for name in returning {
            cluster.boot(name);
        }
        cluster.join(&[&returning]);
        cluster.settle();
        for name in returning {
            let overrides = &cluster.nodes[&node(name)].cib().durable.overrides;
            assert_eq!(overrides.nodes.get(&node("beta")), Some(&NodeMode::Standby), "{name} of {returning:?}");
        }
    }
}

#[test]
fn after_a_merge_the_newer_view_wins_over_an_unacknowledged_tail() {
    let mut cluster = Cluster::started(THREE, "");
    cluster.fencing_fails = u32::MAX;
    // gamma alone delivers a change of the old view, several times even, before it is cut off.
    cluster.request("gamma", standby("alpha"));
    cluster.deliver_to(&|name| name.as_str() == "gamma");
    assert!(cluster.nodes[&node("gamma")].generation().index > 0);
    cluster.join(&[&["gamma"], &["alpha", "beta"]]);
    cluster.settle();
    assert!(matches!(cluster.ask("alpha", standby("beta")), Response::Done { changed: true, .. }));
    cluster.join(&[THREE]);
    cluster.settle();
    for member in cluster.nodes.values() {
        let overrides = &member.cib().durable.overrides.nodes;
        assert_eq!(overrides.get(&node("beta")), Some(&NodeMode::Standby));
        assert_eq!(overrides.get(&node("alpha")), None, "the tail was never acknowledged");
    }
}

#[test]
fn a_client_whose_change_was_lost_with_the_view_does_not_hear_done() {
    let mut cluster = Cluster::started(THREE, "");
    cluster.fencing_fails = u32::MAX;
    cluster.slow_disks = [node("gamma")].into();
    cluster.request("gamma", standby("alpha"));
    cluster.deliver_to(&|name| name.as_str() == "gamma");
    cluster.join(&[&["gamma"], &["alpha", "beta"]]);
    cluster.settle();
    cluster.join(&[THREE]);
    cluster.slow_disks.clear();
    cluster.pass(Duration::from_secs(11));
    let answer = cluster.answer();
    assert!(matches!(answer, Response::Refused { kind: Refusal::Unknown, .. }), "{answer:?}");
}

#[test]
fn a_change_swallowed_by_a_breaking_view_is_sent_again_and_applied_once() {
    let mut cluster = Cluster::started(THREE, "");
    let before = cluster.nodes[&node("alpha")].generation();
    cluster.request("gamma", standby("beta"));
    // The view breaks before anybody delivers it.
    cluster.deliver_to(&|_| false);
    cluster.join(&[THREE]);
    cluster.settle();
    assert!(matches!(cluster.answer(), Response::Done { changed: true, .. }));
    let generation = cluster.nodes[&node("alpha")].generation();
    assert_eq!((generation.index, generation.view > before.view), (1, true));
    assert_eq!(cluster.nodes[&node("alpha")].cib().status.counters[&node("gamma")].value, 1);
}

#[test]
fn a_change_applied_by_some_before_the_view_broke_is_not_applied_again() {
    let mut cluster = Cluster::started(THREE, "");
    cluster.request("gamma", standby("beta"));
    // alpha and beta deliver it, its sender does not.
    cluster.deliver_to(&|name| name.as_str() != "gamma");
    cluster.join(&[THREE]);
    cluster.settle();
    assert!(matches!(cluster.answer(), Response::Done { changed: true, .. }));
    let generation = cluster.nodes[&node("alpha")].generation();
    assert_eq!(generation.index, 0, "carried into the view by its stamp, not ordered again");
}

#[test]
fn bad_requests_are_refused_with_the_nearest_name() {
    let mut cluster = Cluster::started(THREE, &service("web"));
    let Response::Refused { kind, hint, .. } = cluster.ask("alpha", standby("betta")) else { panic!() };
    assert_eq!((kind, hint.as_deref()), (Refusal::NotFound, Some("did you mean beta?")));
    let request = Request::Override { edit: OverrideEdit::Move { resource: resource("wep"), to: Some(node("beta")) } };
    let Response::Refused { kind, hint, .. } = cluster.ask("alpha", request) else { panic!() };
    assert_eq!((kind, hint.as_deref()), (Refusal::NotFound, Some("did you mean web?")));
    let Response::Invalid { problems } = cluster.ask("alpha", apply("[cluster]\nnmae = 1")) else { panic!() };
    assert!(!problems.is_empty());
}

#[test]
fn an_apply_with_an_outdated_base_is_a_conflict() {
    let mut cluster = Cluster::started(THREE, "");
    let base = cluster.nodes[&node("alpha")].generation();
    assert!(matches!(cluster.ask("beta", standby("beta")), Response::Done { .. }));
    let request = Request::Apply { text: file(THREE, &service("web")), base: Some(base) };
    let response = cluster.ask("alpha", request);
    assert!(matches!(response, Response::Refused { kind: Refusal::Conflict, .. }), "{response:?}");
}

#[test]
fn nodes_set_up_with_different_files_agree_on_one_and_say_so() {
    let mut cluster = Cluster::new(THREE, &file(THREE, ""));
    cluster.disks.get_mut(&node("gamma")).unwrap().text = file(THREE, &service("web"));
    cluster.kill_daemon("gamma");
    cluster.boot("gamma");
    cluster.join(&[THREE]);
    cluster.settle();
    assert!(
        cluster
            .told("beta", crate::event::EventKind::Alert)
            .iter()
            .any(|text| text.contains("different cluster files"))
    );
    assert!(cluster.nodes.values().all(|node| node.cib().config.resources.is_empty()), "the one of alpha");
}
