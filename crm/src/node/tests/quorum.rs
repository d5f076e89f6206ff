//! Who may act, where it changes: the arbiter's word, nodes that are lost one after the other, nodes that are added.

use super::THREE;
use super::cluster::{Cluster, file, node, service};
use crate::cib::{Change, Grant};
use crate::control::{Refusal, Request, Response};
use membership::Quorum;
use std::time::Duration;

const FIVE: &[&str] = &["alpha", "beta", "gamma", "delta", "epsilon"];

const LAST_MAN: &str = "[quorum]\nlast-man-standing = true\nlast-man-standing-window = \"5s\"\nwait-for-all = true\nauto-tie-breaker = \"lowest\"\n";

fn apply(text: &str) -> Request {
    Request::Apply { text: text.to_owned(), base: None }
}

fn quorum(cluster: &Cluster, name: &str) -> Quorum {
    cluster.nodes[&node(name)].quorum().expect("a member of a synchronised view").clone()
}

/// "2 of 3".
fn count(cluster: &Cluster, name: &str) -> String {
    let quorum = quorum(cluster, name);
    format!("{} {} of {}", if quorum.quorate { "yes" } else { "no" }, quorum.votes, quorum.expected)
}

/// The others lose power, and these go on.
fn left(cluster: &mut Cluster, names: &[&str]) {
    let gone: Vec<String> =
        cluster.nodes.keys().map(ToString::to_string).filter(|name| !names.contains(&name.as_str())).collect();
    for name in gone {
        cluster.power_off(&name);
    }
    cluster.join(&[names]);
    cluster.settle();
}

fn arbiter_says(cluster: &mut Cluster, name: &str, granted: bool) {
    let ring = cluster.nodes[&node(name)].view().unwrap().ring.clone();
    cluster.step(&node(name), crate::node::Input::Arbiter { ring, granted });
    cluster.settle();
}

/// As it is said on the ring, whatever the member thinks of it.
fn arbiter_says_of(cluster: &mut Cluster, name: &str, grant: Grant) {
    let member = cluster.nodes.get_mut(&node(name)).unwrap();
    member.controller.submit(Change::Granted(grant));
    cluster.step(&node(name), crate::node::Input::Wake);
    cluster.settle();
}

fn pair_with_arbiter() -> Cluster {
    let fingerprint = "00".repeat(32);
    let arbiter = format!("[quorum.arbiter]\naddress = \"10.0.9.9\"\nfingerprint = \"sha256:{fingerprint}\"\n");
    let mut cluster = Cluster::started(&["alpha", "beta"], &(service("web") + &arbiter));
    cluster.pass(Duration::from_secs(60));
    assert_eq!(cluster.place("web").as_deref(), Some("alpha"));
    cluster
}

#[test]
fn the_arbiters_word_makes_a_view_quorate_for_all_its_members_at_once() {
    let mut cluster = pair_with_arbiter();
    cluster.power_off("beta");
    cluster.join(&[&["alpha"]]);
    cluster.run();
    assert!(quorum(&cluster, "alpha").undecided());
    assert_eq!(
        cluster.place("web").as_deref(),
        Some("alpha"),
        "nothing is stopped while the arbiter may still say yes"
    );
    let before = cluster.nodes[&node("alpha")].generation();
    arbiter_says(&mut cluster, "alpha", true);
    cluster.run();
    assert_eq!(count(&cluster, "alpha"), "yes 2 of 3");
    assert!(cluster.nodes[&node("alpha")].generation() > before, "what it holds is stamped");
    assert_eq!(cluster.disks[&node("alpha")].generation, cluster.nodes[&node("alpha")].generation());
    assert_eq!(cluster.fenced, [node("beta")], "and it acts");

    arbiter_says(&mut cluster, "alpha", false);
    cluster.run();
    let view = cluster.nodes[&node("alpha")].view().unwrap().ring.number;
    let late = Change::Granted(Grant { view, granted: false });
    cluster.nodes.get_mut(&node("alpha")).unwrap().controller.submit(late);
    cluster.run();
    assert_eq!(count(&cluster, "alpha"), "yes 2 of 3", "what was granted is not taken back, by whomever it is said");
}

#[test]
fn without_the_arbiters_votes_a_half_stops_what_it_runs_and_may_still_get_them() {
    let mut cluster = pair_with_arbiter();
    left(&mut cluster, &["alpha"]);
    arbiter_says(&mut cluster, "alpha", false);
    cluster.run();
    assert_eq!(count(&cluster, "alpha"), "no 1 of 3");
    assert_eq!(cluster.place("web"), None);
    arbiter_says(&mut cluster, "alpha", true);
    cluster.run();
    assert_eq!(count(&cluster, "alpha"), "yes 2 of 3");
}

#[test]
fn an_arbiters_word_about_another_view_does_not_count() {
    let mut cluster = pair_with_arbiter();
    let old = cluster.nodes[&node("alpha")].view().unwrap().ring.number;
    cluster.power_off("beta");
    cluster.join(&[&["alpha"]]);
    cluster.settle();
    arbiter_says_of(&mut cluster, "alpha", Grant { view: old, granted: true });
    assert_eq!(count(&cluster, "alpha"), "no 1 of 3");
}

#[test]
fn one_after_the_other_may_be_lost() {
    let mut cluster = Cluster::started(FIVE, &(service("web") + LAST_MAN));
    for (number, names) in [&FIVE[..4], &FIVE[..3], &FIVE[..2], &FIVE[..1]].into_iter().enumerate() {
        let voters = FIVE.len() - number;
        left(&mut cluster, names);
        assert_eq!(count(&cluster, "alpha"), format!("yes {} of {voters}", names.len()), "they still count");
        cluster.pass(Duration::from_secs(4));
        assert_eq!(quorum(&cluster, "alpha").voters.len(), voters, "not before the window has passed");
        cluster.pass(Duration::from_secs(2));
        assert_eq!(count(&cluster, "alpha"), format!("yes {0} of {0}", names.len()));
    }
    assert_eq!(cluster.place("web").as_deref(), Some("alpha"));
    // What it was is on its disk: alone after a restart it may act, and one that had been given up may not.
    cluster.power_off("alpha");
    cluster.boot("alpha");
    cluster.boot("gamma");
    cluster.boot("delta");
    cluster.boot("epsilon");
    cluster.join(&[&["alpha"], &["gamma", "delta", "epsilon"]]);
    cluster.run();
    assert_eq!(count(&cluster, "alpha"), "yes 1 of 1");
    assert!(!quorum(&cluster, "gamma").quorate, "three of five, but of an old count");
}

#[test]
fn who_is_back_counts_again_at_once() {
    let mut cluster = Cluster::started(THREE, LAST_MAN);
    left(&mut cluster, &["alpha", "beta"]);
    cluster.pass(Duration::from_secs(6));
    assert_eq!(count(&cluster, "beta"), "yes 2 of 2");
    cluster.boot("gamma");
    cluster.join(&[THREE]);
    cluster.settle();
    assert_eq!(count(&cluster, "gamma"), "yes 3 of 3");
    assert_eq!(cluster.disks[&node("gamma")].roll, None, "what the file says is not written down again");
}

#[test]
fn what_was_proposed_beside_another_change_is_proposed_again() {
    let mut cluster = Cluster::started(FIVE, LAST_MAN);
    left(&mut cluster, &FIVE[..3]);
    // Before the DC's word is heard that two count no more, a file is ordered that gives one of the rest more votes.
    let votes = file(FIVE, LAST_MAN).replace("\"10.0.0.2\"]", "\"10.0.0.2\"]\nvotes = 2");
    cluster.request("beta", apply(&votes));
    cluster.advance(Duration::from_secs(6));
    cluster.settle();
    assert!(matches!(cluster.answer(), Response::Done { .. }));
    assert_eq!(count(&cluster, "alpha"), "yes 4 of 4");
}

#[test]
fn who_hangs_is_excluded_where_the_arbiter_can_make_up_for_it() {
    let mut cluster = pair_with_arbiter();
    cluster.kill_daemon("beta");
    let lives = cluster.lives();
    cluster.join_lives(&lives);
    cluster.pass(Duration::from_secs(4));
    assert!(cluster.nodes[&node("alpha")].synced());
    arbiter_says(&mut cluster, "alpha", true);
    assert_eq!(count(&cluster, "alpha"), "yes 2 of 3");
}

#[test]
fn nobody_is_dropped_before_enough_have_stored_it() {
    let mut cluster = Cluster::started(FIVE, LAST_MAN);
    left(&mut cluster, &FIVE[..3]);
    cluster.slow_disks = [node("beta"), node("gamma")].into();
    cluster.pass(Duration::from_secs(6));
    let now = quorum(&cluster, "alpha");
    assert_eq!((now.voters.len(), now.next.map(|next| next.voters.len())), (5, Some(3)));
    cluster.slow_disks.clear();
    cluster.settle();
    assert_eq!(count(&cluster, "alpha"), "yes 3 of 3");
}

#[test]
fn without_last_man_standing_nobody_is_dropped() {
    let mut cluster = Cluster::started(FIVE, "");
    left(&mut cluster, &FIVE[..3]);
    cluster.pass(Duration::from_secs(60));
    assert_eq!(count(&cluster, "alpha"), "yes 3 of 5");
    left(&mut cluster, &FIVE[..2]);
    cluster.run();
    assert_eq!(count(&cluster, "alpha"), "no 2 of 5");
}

#[test]
fn a_node_without_its_disk_does_not_make_a_quorum() {
    let mut cluster = Cluster::started(THREE, "");
    let new = cluster.disks[&node("beta")].clone();
    for name in ["beta", "gamma"] {
        cluster.power_off(name);
    }
    *cluster.disks.get_mut(&node("beta")).unwrap() = crate::node::NodeOptions::first_durable(new.text);
    cluster.boot("beta");
    cluster.boot("gamma");
    cluster.join(&[&["beta", "gamma"], &["alpha"]]);
    cluster.run();
    let now = quorum(&cluster, "gamma");
    assert_eq!((now.quorate, now.blank), (false, vec![node("beta")]), "alpha may have gone on with what beta forgot");
    cluster.join(&[&["beta", "gamma"], &["alpha"]]);
    cluster.run();
    let again = quorum(&cluster, "gamma");
    assert_eq!((again.quorate, again.blank), (false, vec![node("beta")]), "and what gamma lends it changes nothing");
    cluster.join(&[THREE]);
    cluster.run();
    assert_eq!(count(&cluster, "beta"), "yes 3 of 3");
}

#[test]
fn a_node_is_added_when_old_and_new_have_stored_it() {
    let four: &[&str] = &["alpha", "beta", "gamma", "delta"];
    let mut cluster = Cluster::started(THREE, "");
    assert!(matches!(cluster.ask("alpha", apply(&file(four, ""))), Response::Done { .. }));
    assert_eq!(count(&cluster, "beta"), "yes 3 of 4");
    cluster.run();
    assert!(cluster.fenced.is_empty(), "a node that was never there is not fenced");
    // gamma was there for all of it, but its disk was not: it comes back with the old count, and is not quorate by it.
    cluster.power_off("gamma");
    cluster.disks.insert(node("gamma"), crate::node::NodeOptions::first_durable(file(THREE, "")));
    cluster.boot("gamma");
    cluster.join(&[&["gamma"], &["alpha", "beta"]]);
    cluster.run();
    assert_eq!(count(&cluster, "alpha"), "no 2 of 4");
    assert!(!quorum(&cluster, "gamma").quorate);
}

#[test]
fn a_node_with_a_new_disk_does_not_cost_the_quorum_when_another_is_added() {
    let four = file(&["alpha", "beta", "gamma", "delta"], "");
    let mut cluster = Cluster::started(THREE, "");
    let new = crate::node::NodeOptions::first_durable(cluster.disks[&node("beta")].text.clone());
    cluster.power_off("beta");
    cluster.disks.insert(node("beta"), new);
    cluster.boot("beta");
    cluster.slow_disks = [node("beta")].into();
    cluster.join(&[THREE]);
    cluster.settle();
    let Response::Refused { message, hint, .. } = cluster.ask("alpha", apply(&four)) else { panic!() };
    assert!(message.contains("2 of 4 votes, 3 needed"), "{message}");
    assert!(hint.as_ref().is_some_and(|hint| hint.contains("beta")), "{hint:?}");
    cluster.slow_disks.clear();
    cluster.settle();
    assert!(matches!(cluster.ask("alpha", apply(&four)), Response::Done { .. }));
    assert_eq!((count(&cluster, "beta"), count(&cluster, "gamma")), ("yes 3 of 4".into(), "yes 3 of 4".into()));
}

#[test]
fn a_node_may_be_started_when_all_know_it() {
    let six = file(&["alpha", "beta", "gamma", "delta", "epsilon", "zeta"], "");
    let mut cluster = Cluster::started(FIVE, "");
    let refused = |cluster: &mut Cluster| {
        cluster.request("alpha", apply(&six));
        cluster.pass(Duration::from_secs(11));
        let Response::Refused { kind: Refusal::Unknown, message, hint } = cluster.answer() else { panic!() };
        assert!(message.contains("epsilon did not store") && hint.unwrap().contains("start epsilon"), "{message}");
    };
    cluster.slow_disks = [node("epsilon")].into();
    refused(&mut cluster);
    // It is gone before it could, and comes back with what it had: nobody who is not in its file is there yet.
    cluster.power_off("epsilon");
    cluster.slow_disks.clear();
    cluster.join(&[&FIVE[..4]]);
    cluster.settle();
    refused(&mut cluster);
    assert!(!cluster.disks[&node("epsilon")].text.contains("zeta"));
    cluster.boot("epsilon");
    cluster.join(&[FIVE]);
    cluster.settle();
    assert!(matches!(cluster.ask("alpha", apply(&six)), Response::Done { changed: false, .. }));
    assert!(cluster.disks[&node("epsilon")].text.contains("zeta"));
}

#[test]
fn nodes_are_not_added_where_that_would_cost_quorum() {
    let mut cluster = Cluster::started(THREE, "");
    left(&mut cluster, &["alpha", "beta"]);
    cluster.run();
    let four = file(&["alpha", "beta", "gamma", "delta"], "");
    let Response::Refused { kind, message, .. } = cluster.ask("alpha", apply(&four)) else { panic!() };
    assert!(kind == Refusal::Invalid && message.contains("2 of 4 votes, 3 needed"), "{message}");
}

#[test]
fn nodes_are_not_added_while_another_is_away() {
    let four: &[&str] = &["alpha", "beta", "gamma", "delta"];
    let mut cluster = Cluster::started(four, "");
    left(&mut cluster, &["alpha", "beta", "gamma"]);
    cluster.run();
    let five = file(&["alpha", "beta", "gamma", "delta", "epsilon"], "");
    let Response::Refused { message, .. } = cluster.ask("alpha", apply(&five)) else { panic!() };
    assert!(message.contains("epsilon cannot be added while delta is away"), "{message}");
}

#[test]
fn a_revoked_certificate_is_known_to_all_and_to_their_disks() {
    let mut cluster = Cluster::started(THREE, "");
    let revoke = |certificate: String| Request::Revoke(crate::cib::Revocation { node: node("gamma"), certificate });
    let Response::Refused { message, .. } = cluster.ask("alpha", revoke("gamma".to_owned())) else { panic!() };
    assert!(message.contains("is not the fingerprint"), "{message}");
    let certificate = config::write_fingerprint(&[7; 32]);
    let Response::Done { changed: true, .. } = cluster.ask("alpha", revoke(certificate.clone())) else { panic!() };
    let Response::Done { changed: false, .. } = cluster.ask("beta", revoke(certificate.clone())) else { panic!() };
    cluster.run();
    for node in cluster.nodes.values() {
        assert!(node.cib().durable.revoked.contains_key(&certificate));
    }
    assert!(cluster.disks.values().all(|disk| disk.revoked.contains_key(&certificate)));
}

#[test]
fn a_node_is_removed_only_when_it_is_certainly_off() {
    let mut cluster = Cluster::started(THREE, "");
    let two = file(&["alpha", "beta"], "");
    let Response::Refused { message, .. } = cluster.ask("alpha", apply(&two)) else { panic!() };
    assert!(message.contains("gamma cannot be removed") && message.contains("online"), "{message}");
    cluster.fencing_fails = 99;
    left(&mut cluster, &["alpha", "beta"]);
    let Response::Refused { message, .. } = cluster.ask("alpha", apply(&two)) else { panic!() };
    assert!(message.contains("nobody knows whether it is off"), "{message}");
    assert!(matches!(cluster.ask("alpha", Request::ConfirmFenced { node: node("gamma") }), Response::Done { .. }));
    assert!(matches!(cluster.ask("alpha", apply(&two)), Response::Done { .. }));
    assert_eq!(count(&cluster, "alpha"), "yes 2 of 2");
    cluster.boot("gamma");
    cluster.join(&[&["gamma"]]);
    cluster.run();
    assert_eq!(count(&cluster, "gamma"), "no 1 of 3");
}

#[test]
fn a_node_that_only_votes_runs_nothing_and_is_not_fenced() {
    let text = service("web") + &service("db");
    let file = file(THREE, &text).replace("\"10.0.0.1\"]", "\"10.0.0.1\"]\nrole = \"arbiter\"");
    let mut cluster = Cluster::new(THREE, &file);
    cluster.join(&[THREE]);
    cluster.pass(Duration::from_secs(60));
    assert_eq!(cluster.dc(), node("beta"), "it is not DC while others are here");
    assert!(cluster.running.iter().all(|(place, _)| *place != node("alpha")), "{:?}", cluster.running);
    assert_eq!(cluster.running.len(), 2);
    let known = &cluster.nodes[&node("beta")].cib().status.nodes[&node("alpha")].resources;
    assert!(known.is_empty(), "not even a probe: {known:?}");
    left(&mut cluster, &["beta", "gamma"]);
    cluster.pass(Duration::from_secs(60));
    assert!(cluster.fenced.is_empty());
    let state = cluster.nodes[&node("beta")].cib().status.nodes[&node("alpha")].state;
    assert_eq!(state, crate::cib::NodeState::Offline, "nobody has to make sure of it");
    cluster.boot("alpha");
    cluster.join(&[THREE]);
    left(&mut cluster, &["alpha", "beta"]);
    cluster.run();
    assert_eq!(count(&cluster, "beta"), "yes 2 of 3");
    assert_eq!(cluster.fenced, [node("gamma")]);
    assert_eq!(cluster.running.len(), 2);
}

fn force(given_up: &[&str], fence: bool) -> Request {
    Request::ForceQuorum { given_up: given_up.iter().map(|name| node(name)).collect(), fence }
}

/// One of three is left, without quorum.
fn one_left(rest: &str) -> Cluster {
    let mut cluster = Cluster::started(THREE, &(service("web") + rest));
    cluster.pass(Duration::from_secs(60));
    left(&mut cluster, &["alpha"]);
    cluster.run();
    assert_eq!((count(&cluster, "alpha"), cluster.place("web")), ("no 1 of 3".to_owned(), None));
    cluster
}

#[test]
fn forced_quorum_fences_first_and_ends_when_a_majority_is_back() {
    let mut cluster = one_left("");
    cluster.fencing_fails = 1;
    assert!(matches!(cluster.ask("alpha", force(&["beta", "gamma"], true)), Response::Done { .. }));
    assert_eq!(count(&cluster, "alpha"), "yes 1 of 1");
    cluster.pass(Duration::from_secs(120));
    assert_eq!(cluster.fenced.len(), 2, "{:?}", cluster.fenced);
    assert_eq!(cluster.place("web").as_deref(), Some("alpha"));
    let Response::Summary(summary) = cluster.ask("alpha", Request::Status) else { panic!() };
    assert!(summary.warnings[0].contains("quorum was forced on alpha: alpha went on without beta, gamma"));

    cluster.power_off("alpha");
    cluster.boot("alpha");
    cluster.join(&[&["alpha"]]);
    cluster.run();
    assert_eq!(count(&cluster, "alpha"), "yes 1 of 1", "it is on the disk");
    cluster.boot("beta");
    cluster.join(&[&["alpha", "beta"]]);
    cluster.run();
    assert_eq!(count(&cluster, "beta"), "yes 2 of 3");
    assert_eq!(cluster.disks[&node("beta")].forced, None);
    assert!(
        cluster.told("beta", crate::event::EventKind::Quorum).iter().any(|text| text.contains("not forced any more"))
    );
}

#[test]
fn forced_quorum_takes_an_oath_for_fencing() {
    let mut cluster = one_left("");
    cluster.fencing_fails = 99;
    assert!(matches!(cluster.ask("alpha", force(&["beta", "gamma"], false)), Response::Done { .. }));
    cluster.run();
    assert_eq!((cluster.place("web").as_deref(), cluster.fenced.len()), (Some("alpha"), 0));
}

#[test]
fn quorum_is_not_forced_where_it_would_be_unsafe_or_is_not_needed() {
    let mut cluster = one_left("[properties]\nfencing-enabled = false\n");
    let refused = |cluster: &mut Cluster, request| {
        let Response::Refused { message, .. } = cluster.ask("alpha", request) else { panic!() };
        message
    };
    assert!(refused(&mut cluster, force(&["beta", "gamma"], true)).contains("beta would not be fenced"));
    assert!(refused(&mut cluster, force(&["beta"], false)).contains("other nodes than those named"));
    assert!(matches!(cluster.ask("alpha", force(&["beta", "gamma"], false)), Response::Done { .. }));
    assert!(refused(&mut cluster, force(&["beta", "gamma"], false)).contains("this partition is quorate"));
}

#[test]
fn who_forced_quorum_does_not_merge_with_a_part_that_was_quorate_meanwhile() {
    let mut cluster = Cluster::started(THREE, "");
    cluster.join(&[&["alpha"], &["beta", "gamma"]]);
    cluster.run();
    assert_eq!((count(&cluster, "alpha"), count(&cluster, "beta")), ("no 1 of 3".into(), "yes 2 of 3".into()));
    // An operator who did not look.
    assert!(matches!(cluster.ask("alpha", force(&["beta", "gamma"], false)), Response::Done { .. }));
    cluster.join(&[THREE]);
    cluster.settle();
    assert!(cluster.stops[&node("alpha")].contains("cannot be merged"), "{:?}", cluster.stops);
    assert_eq!(count(&cluster, "gamma"), "yes 2 of 3");
    assert!(cluster.nodes[&node("beta")].cib().durable.forks.is_empty());
}

#[test]
fn who_was_only_away_joins_those_who_forced_quorum() {
    let mut cluster = one_left("");
    assert!(matches!(cluster.ask("alpha", force(&["beta", "gamma"], false)), Response::Done { .. }));
    cluster.boot("beta");
    cluster.boot("gamma");
    cluster.join(&[&["beta"], &["alpha", "gamma"]]);
    cluster.run();
    assert_eq!(count(&cluster, "gamma"), "yes 2 of 3");
    cluster.join(&[THREE]);
    cluster.run();
    assert_eq!(count(&cluster, "beta"), "yes 3 of 3");
    assert!(cluster.stops.is_empty(), "{:?}", cluster.stops);
}

#[test]
fn forced_quorum_lets_one_of_two_go_on_that_waits_for_the_other() {
    let two: &[&str] = &["alpha", "beta"];
    let mut cluster = Cluster::new(two, &file(two, &(service("web") + "[quorum]\ntwo-node = true\n")));
    cluster.join(&[&["alpha"]]);
    cluster.run();
    assert_eq!(quorum(&cluster, "alpha").awaited, [node("beta")]);
    assert!(matches!(cluster.ask("alpha", force(&["beta"], false)), Response::Done { .. }));
    cluster.pass(Duration::from_secs(60));
    assert_eq!(cluster.place("web").as_deref(), Some("alpha"));
    cluster.power_off("alpha");
    cluster.boot("alpha");
    cluster.join(&[&["alpha"]]);
    cluster.run();
    assert_eq!(count(&cluster, "alpha"), "yes 1 of 1", "until beta is back it waits for nobody");
    cluster.join(&[two]);
    cluster.run();
    assert_eq!((count(&cluster, "beta"), cluster.disks[&node("beta")].roll.clone()), ("yes 2 of 2".to_owned(), None));
}

/// Three of five that count, one of them comes back with those that do not: with what is on its disk, or without.
fn turncoat(forgets: bool) -> (bool, bool) {
    let mut cluster = Cluster::started(FIVE, LAST_MAN);
    cluster.join(&[&FIVE[..3], &FIVE[3..]]);
    cluster.pass(Duration::from_secs(6));
    assert_eq!(count(&cluster, "alpha"), "yes 3 of 3");
    cluster.power_off("gamma");
    if forgets {
        cluster.disks.get_mut(&node("gamma")).unwrap().roll = None;
    }
    cluster.boot("gamma");
    cluster.join(&[&FIVE[..2], &FIVE[2..]]);
    cluster.settle();
    (quorum(&cluster, "alpha").quorate, quorum(&cluster, "delta").quorate)
}

#[test]
fn who_counts_is_not_forgotten_with_the_life_of_a_daemon() {
    assert_eq!(turncoat(false), (true, false));
    assert_eq!(turncoat(true), (true, true), "were it not on the disk, both sides would act");
}

#[test]
fn a_node_only_votes_from_now_on_once_it_runs_nothing() {
    let rest = service("web");
    let mut cluster = Cluster::started(THREE, &rest);
    cluster.pass(Duration::from_secs(60));
    assert_eq!(cluster.place("web").as_deref(), Some("alpha"));
    let voting = file(THREE, &rest).replace("\"10.0.0.1\"]", "\"10.0.0.1\"]\nrole = \"arbiter\"");
    let Response::Refused { message, .. } = cluster.ask("beta", apply(&voting)) else { panic!() };
    assert!(message.contains("alpha cannot become a node that only votes: it may run web"), "{message}");
    let standby = crate::cib::OverrideEdit::Node { node: node("alpha"), mode: Some(config::NodeMode::Standby) };
    cluster.ask("beta", Request::Override { edit: standby });
    cluster.pass(Duration::from_secs(10));
    let answer = cluster.ask("beta", apply(&voting));
    assert!(matches!(answer, Response::Done { .. }), "{answer:?}");
    cluster.pass(Duration::from_secs(10));
    assert!(cluster.running.iter().all(|(place, _)| *place != node("alpha")));
    assert_eq!(cluster.running.len(), 1);
}
