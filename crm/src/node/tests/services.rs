//! Services, from the first probe to a failover, with real executors, fencers and the scheduler.

use super::THREE;
use super::cluster::{Cluster, file, node, resource, service};
use crate::cib::{NodeState, OverrideEdit};
use crate::control::{Refusal, Request, Response};
use crate::event::EventKind;
use config::NodeMode;
use std::time::Duration;

fn started() -> Cluster {
    let mut cluster = Cluster::started(THREE, &service("web"));
    cluster.pass(Duration::from_secs(30));
    cluster
}

fn others(than: &str) -> Vec<&'static str> {
    THREE.iter().copied().filter(|name| *name != than).collect()
}

#[test]
fn a_service_is_probed_started_and_watched() {
    let mut cluster = started();
    assert!(cluster.place("web").is_some());
    let summary = cluster.summary("gamma");
    assert_eq!(summary.activity, "idle", "{summary:#?}");
    assert_eq!(summary.resources[0].state, "started");
    assert!(matches!(cluster.ask("beta", Request::WaitIdle { timeout_ms: 1000 }), Response::Done { .. }));
}

#[test]
fn a_lost_nodes_service_starts_elsewhere_only_after_it_was_fenced() {
    let mut cluster = started();
    let place = cluster.place("web").unwrap();
    let rest = others(&place);
    cluster.fencing_fails = 2;
    // Cut off, not off: the service keeps running there.
    cluster.join(&[&rest, &[place.as_str()]]);
    cluster.kill_daemon(&place);
    cluster.settle();
    assert_eq!(cluster.place("web"), Some(place.clone()), "not started elsewhere yet");
    let summary = cluster.summary(rest[0]);
    assert_eq!(summary.fencing.len(), 1);
    assert!(summary.fencing[0].last_failure.as_ref().is_some_and(|words| words.contains("does not answer")));
    assert_eq!(summary.resources[0].state, "blocked");
    cluster.pass(Duration::from_secs(120));
    assert_eq!(cluster.fenced, [node(&place)]);
    assert!(cluster.place("web").is_some_and(|now| now != place));
    assert_eq!(cluster.told(rest[0], EventKind::FencingFailed).len(), 2);
    assert_eq!(cluster.told(rest[0], EventKind::Fenced).len(), 1);
}

#[test]
fn the_timeline_of_a_failover_is_told_in_order() {
    let mut cluster = started();
    let place = cluster.place("web").unwrap();
    cluster.power_off(&place);
    let rest = others(&place);
    cluster.events.clear();
    cluster.join(&[&rest]);
    cluster.pass(Duration::from_secs(5));
    let dc = cluster.dc();
    let kinds: Vec<EventKind> =
        cluster.events.iter().filter(|(who, _)| *who == dc).map(|(_, event)| event.kind).collect();
    let mut place_of =
        |kind| kinds.iter().position(|have| *have == kind).unwrap_or_else(|| panic!("{kind:?} in {kinds:?}"));
    let wanted = [EventKind::View, EventKind::Synced, EventKind::Plan, EventKind::FencingRequested, EventKind::Fenced];
    let places: Vec<usize> = wanted.into_iter().map(&mut place_of).collect();
    assert!(places.is_sorted(), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&EventKind::Idle), "{kinds:?}");
}

#[test]
fn the_next_dc_goes_on_where_the_lost_one_stopped() {
    let mut cluster = Cluster::new(THREE, &file(THREE, &service("web")));
    cluster.hanging.insert("start web".to_owned());
    cluster.join(&[THREE]);
    cluster.run();
    let dc = cluster.dc();
    let pending: Vec<String> = cluster.nodes[&dc]
        .cib()
        .status
        .nodes
        .iter()
        .filter(|(_, status)| status.resources.values().any(|history| !history.pending.is_empty()))
        .map(|(name, _)| name.to_string())
        .collect();
    assert_eq!(pending.len(), 1, "one start is in flight");
    cluster.power_off(dc.as_str());
    let rest = others(dc.as_str());
    cluster.join(&[&rest]);
    cluster.hanging.clear();
    cluster.pass(Duration::from_secs(60));
    assert_ne!(cluster.dc(), dc);
    assert!(cluster.place("web").is_some_and(|place| place != dc.as_str()));
    assert_eq!(cluster.fenced, [dc]);
}

#[test]
fn an_order_of_an_older_view_is_not_carried_out() {
    let mut cluster = Cluster::new(THREE, &file(THREE, &service("web")));
    cluster.join(&[THREE]);
    // Up to the point at which the probes were ordered, but not delivered.
    while cluster.told("alpha", EventKind::Plan).is_empty() {
        assert!(cluster.deliver());
    }
    cluster.join_keeping_words(THREE);
    let before = cluster.told("beta", EventKind::Ordered).len();
    assert_eq!(before, 0);
    cluster.pass(Duration::from_secs(30));
    assert!(cluster.place("web").is_some(), "the orders of the new view were");
    let orders: Vec<_> = cluster.told("beta", EventKind::Ordered);
    assert_eq!(orders.iter().filter(|text| text.contains("probe web on beta")).count(), 1, "{orders:?}");
}

#[test]
fn a_restarted_daemon_finds_its_services_running_and_nothing_moves() {
    let mut cluster = started();
    let place = cluster.place("web").unwrap();
    cluster.kill_daemon(&place);
    cluster.boot(&place);
    cluster.join(&[THREE]);
    cluster.pass(Duration::from_secs(30));
    assert_eq!(cluster.place("web"), Some(place.clone()));
    assert!(cluster.fenced.is_empty());
    let starts = cluster.told("alpha", EventKind::Ordered).iter().filter(|text| text.starts_with("start")).count();
    assert_eq!(starts, 1);
}

#[test]
fn a_new_life_closes_the_request_to_fence_the_old_one() {
    let mut cluster = started();
    let place = cluster.place("web").unwrap();
    let rest = others(&place);
    cluster.fencing_fails = 1_000_000;
    cluster.join(&[&rest, &[place.as_str()]]);
    cluster.kill_daemon(&place);
    cluster.pass(Duration::from_secs(3));
    assert_eq!(cluster.nodes[&node(rest[0])].cib().status.fencing.open.len(), 1);
    cluster.boot(&place);
    cluster.join(&[THREE]);
    cluster.pass(Duration::from_secs(10));
    let status = &cluster.nodes[&node(rest[0])].cib().status;
    assert!(status.fencing.open.is_empty());
    assert!(matches!(status.nodes[&node(&place)].state, NodeState::Online { .. }));
    assert!(cluster.fenced.is_empty());
}

#[test]
fn a_partition_without_quorum_stops_its_services() {
    let mut cluster = started();
    let place = cluster.place("web").unwrap();
    let rest = others(&place);
    cluster.fencing_fails = 1_000_000;
    cluster.join(&[&[place.as_str()], &rest]);
    cluster.pass(Duration::from_secs(5));
    assert_eq!(cluster.place("web"), None);
}

#[test]
fn a_plan_changes_nothing_and_says_what_would_happen() {
    let mut cluster = started();
    let text = file(THREE, &(service("web") + &service("db")));
    let before = cluster.nodes[&node("beta")].cib().clone();
    let Response::Plan { actions, differences, .. } = cluster.ask("beta", Request::Plan { text }) else { panic!() };
    assert!(actions.iter().any(|action| action.what.starts_with("probe db on")), "{actions:?}");
    assert!(differences.iter().any(|text| text.contains("db")), "{differences:?}");
    assert_eq!(*cluster.nodes[&node("beta")].cib(), before);
}

#[test]
fn a_move_goes_where_it_can_and_is_refused_where_it_cannot() {
    let mut cluster = started();
    let place = cluster.place("web").unwrap();
    let rest = others(&place);
    let to =
        |name: &str| Request::Override { edit: OverrideEdit::Move { resource: resource("web"), to: Some(node(name)) } };
    assert!(matches!(cluster.ask("beta", to(rest[0])), Response::Done { changed: true, .. }));
    cluster.pass(Duration::from_secs(5));
    assert_eq!(cluster.place("web").as_deref(), Some(rest[0]));
    let standby = OverrideEdit::Node { node: node(rest[1]), mode: Some(NodeMode::Standby) };
    assert!(matches!(cluster.ask("beta", Request::Override { edit: standby }), Response::Done { .. }));
    let response = cluster.ask("beta", to(rest[1]));
    assert!(matches!(response, Response::Refused { kind: Refusal::Invalid, .. }), "{response:?}");
}

#[test]
fn a_service_that_runs_cannot_be_taken_out_of_the_file() {
    let mut cluster = started();
    let response = cluster.ask("alpha", Request::Apply { text: file(THREE, ""), base: None });
    let Response::Refused { kind: Refusal::Invalid, hint: Some(hint), .. } = response else { panic!("{response:?}") };
    assert_eq!(hint, "first run: paceline resource disable web");
}

#[test]
fn a_restart_stops_and_starts_once() {
    let mut cluster = started();
    let count = |cluster: &Cluster, word: &str| {
        cluster.told("alpha", EventKind::Ordered).iter().filter(|text| text.starts_with(word)).count()
    };
    assert!(matches!(cluster.ask("beta", Request::Restart { resource: resource("web") }), Response::Done { .. }));
    cluster.pass(Duration::from_secs(30));
    assert_eq!((count(&cluster, "stop web"), count(&cluster, "start web")), (1, 2));
    assert!(cluster.place("web").is_some());
}

#[test]
fn an_operators_word_stands_for_a_fencing() {
    let mut cluster = started();
    let place = cluster.place("web").unwrap();
    let rest = others(&place);
    cluster.fencing_fails = 1_000_000;
    cluster.power_off(&place);
    cluster.join(&[&rest]);
    cluster.pass(Duration::from_secs(5));
    assert_eq!(cluster.place("web"), None);
    let response = cluster.ask(rest[1], Request::ConfirmFenced { node: node(rest[0]) });
    assert!(matches!(response, Response::Refused { kind: Refusal::Invalid, .. }));
    assert!(matches!(cluster.ask(rest[1], Request::ConfirmFenced { node: node(&place) }), Response::Done { .. }));
    cluster.pass(Duration::from_secs(5));
    assert!(cluster.place("web").is_some());
}

#[test]
fn a_failed_start_is_counted_and_forgotten_by_a_cleanup() {
    let mut cluster = Cluster::new(THREE, &file(THREE, &service("web")));
    cluster.failing.insert("start web".to_owned());
    cluster.join(&[THREE]);
    cluster.pass(Duration::from_secs(30));
    assert_eq!(cluster.place("web"), None);
    let summary = cluster.summary("beta");
    assert_eq!(summary.failures.len(), 3, "one start on each node: {summary:#?}");
    cluster.failing.clear();
    let response = cluster.ask("gamma", Request::Cleanup { resource: Some(resource("web")), node: None });
    assert!(matches!(response, Response::Done { changed: true, .. }));
    cluster.pass(Duration::from_secs(30));
    assert!(cluster.place("web").is_some());
    assert!(cluster.summary("beta").failures.is_empty());
}

#[test]
fn what_requires_no_fencing_starts_while_the_lost_node_cannot_be_fenced() {
    let prefer = "[[location]]\nresource = \"web\"\nnode = \"gamma\"\nscore = 100\n";
    for (requires, place) in
        [("", None), ("requires = \"fencing\"\n", None), ("requires = \"quorum\"\n", Some("alpha"))]
    {
        let mut cluster = Cluster::started(&["alpha", "beta", "gamma"], &(service("web") + requires + prefer));
        assert_eq!(cluster.place("web").as_deref(), Some("gamma"));
        cluster.fencing_fails = u32::MAX;
        cluster.power_off("gamma");
        cluster.join(&[&["alpha", "beta"]]);
        cluster.pass(Duration::from_secs(60));
        assert_eq!(cluster.place("web").as_deref(), place, "{requires}");
    }
}

/// gamma leaves in order while web runs on it and is not managed there.
fn left_behind() -> Cluster {
    let mut cluster = Cluster::started(THREE, &(service("web") + "prefer = { gamma = 50 }\n"));
    cluster.pass(Duration::from_secs(60));
    assert_eq!(cluster.place("web").as_deref(), Some("gamma"));
    let edit = OverrideEdit::Node { node: node("gamma"), mode: Some(NodeMode::Maintenance) };
    assert!(matches!(cluster.ask("alpha", Request::Override { edit }), Response::Done { .. }));
    cluster.request("gamma", Request::Shutdown);
    cluster.run();
    assert!(!cluster.nodes.contains_key(&node("gamma")));
    cluster.join(&[&["alpha", "beta"]]);
    cluster.pass(Duration::from_secs(60));
    cluster
}

#[test]
fn what_is_not_managed_on_a_node_that_left_is_not_started_elsewhere_and_nobody_is_fenced() {
    let mut cluster = left_behind();
    assert_eq!((cluster.place("web").as_deref(), cluster.fenced.len()), (Some("gamma"), 0));
    cluster.boot("gamma");
    cluster.join(&[THREE]);
    cluster.pass(Duration::from_secs(60));
    assert_eq!((cluster.place("web").as_deref(), cluster.fenced.len()), (Some("gamma"), 0), "it is found there again");
}

#[test]
fn when_it_is_managed_again_while_the_node_is_away_that_is_made_sure_of_first() {
    let mut cluster = left_behind();
    let edit = OverrideEdit::Node { node: node("gamma"), mode: None };
    cluster.fencing_fails = 1;
    assert!(matches!(cluster.ask("alpha", Request::Override { edit }), Response::Done { .. }));
    cluster.pass(Duration::from_secs(120));
    assert_eq!(cluster.fenced, [node("gamma")]);
    assert!(matches!(cluster.place("web").as_deref(), Some("alpha" | "beta")));
}
