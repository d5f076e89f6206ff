//! Who counts, and nodes that only count: single changes, without nodes around.

use crate::cib::tests::{MINORITY, QUORATE, begin, cib, from, node, start};
use crate::cib::{Applied, Change, Cib, Forced, Generation, Grant, NodeState, Turn};
use membership::Incarnation;
use resource_agents::OrderId;
use std::collections::BTreeSet;

/// The same members, and alpha only votes from now on, by a file that is ordered now.
fn alpha_only_votes(cib: &mut Cib) {
    let text = cib.durable.text.replace("\"10.0.0.1\"]", "\"10.0.0.1\"]\nrole = \"arbiter\"");
    let config = config::parse(&text).config.unwrap();
    *cib = cib.with_config(text, config);
    assert!(cib.only_votes(&node("alpha")));
}

#[test]
fn what_was_on_its_way_to_a_node_that_only_votes_now_is_not_carried_out() {
    let mut cib = cib();
    alpha_only_votes(&mut cib);
    let refused = cib.order(OrderId(3), &start("alpha"), None, true).unwrap_err();
    assert!(refused.contains("alpha only votes"), "{refused}");
    cib.order(OrderId(4), &start("beta"), None, true).unwrap();
}

#[test]
fn a_node_that_only_votes_is_fenced_while_something_may_be_left_on_it() {
    let gone = |mut cib: Cib| {
        alpha_only_votes(&mut cib);
        let turns = begin(&mut cib, &[("beta", 2)]);
        (turns.contains(&Turn::Away(node("alpha"))), cib.status.nodes[&node("alpha")].state)
    };
    assert_eq!(gone(cib()), (true, NodeState::Offline));
    let mut busy = cib();
    busy.order(OrderId(3), &start("alpha"), None, true).unwrap();
    assert_eq!(gone(busy), (false, NodeState::Lost { incarnation: Incarnation(1) }));
}

#[test]
fn what_the_arbiter_said_of_an_earlier_view_carries_nobody() {
    let fingerprint = "00".repeat(32);
    let arbiter = format!("[quorum.arbiter]\naddress = \"10.0.9.9\"\nfingerprint = \"sha256:{fingerprint}\"\n");
    let mut cib = Cib::new(crate::node::NodeOptions::first_durable(cib().durable.text + &arbiter)).unwrap();
    // One is left, and only its vote and the arbiter's are to count.
    begin(&mut cib, &[("alpha", 1)]);
    let count = Change::Count { view: QUORATE.view, nodes: [node("alpha")].into() };
    cib.status.grant = Some(Grant { view: QUORATE.view - 1, granted: true });
    assert_eq!(cib.apply(&from(1), &count, QUORATE), Applied::Unchanged);
    cib.status.grant = Some(Grant { view: QUORATE.view, granted: true });
    assert!(matches!(cib.apply(&from(2), &count, QUORATE), Applied::Changed(_)));
}

#[test]
fn a_fork_remembers_the_very_last_version_that_was_known() {
    let mut cib = cib();
    cib.durable.generation = Generation { view: 6, index: 3 };
    begin(&mut cib, &[("alpha", 1)]);
    let given_up: BTreeSet<_> = [node("beta")].into();
    let forced = Forced {
        view: MINORITY.view,
        nodes: [node("alpha")].into(),
        vouched: given_up.clone(),
        given_up,
        by: node("alpha"),
        wall_ms: 0,
    };
    assert!(matches!(cib.apply(&from(1), &Change::ForceQuorum(forced), MINORITY), Applied::Changed(_)));
    assert_eq!(cib.durable.forks[0].after, Generation { view: 6, index: 3 });
    assert_eq!(cib.durable.generation, Generation { view: MINORITY.view, index: 1 });
}
