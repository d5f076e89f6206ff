//! Single changes, without nodes around.

use super::*;
use crate::control::Refusal;
use config::{AgentRef, OperationName};
use fencing::Attempt;
use membership::{Incarnation, RingId};
use resource_agents::{Operation, OrderId, Outcome, Report};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) const QUORATE: Context = Context { view: 7, quorate: true };
pub(crate) const MINORITY: Context = Context { view: 7, quorate: false };

pub(crate) fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

fn web() -> ResourceId {
    ResourceId::new("web").unwrap()
}

/// Two members, alpha in life 1 and beta in life 2, and one service that may fail twice.
pub(crate) fn cib() -> Cib {
    let text = "[cluster]\nname = \"test\"\n[nodes.alpha]\naddresses = [\"10.0.0.1\"]\n[nodes.beta]\n\
                addresses = [\"10.0.0.2\"]\n[fencing.pdu]\nagent = \"fence_pdu\"\nnodes = [\"alpha\", \"beta\"]\n\
                [resources.web]\nagent = \"command\"\nstart = \"up\"\nstop = \"down\"\ncheck = \"check\"\n\
                failure-timeout = \"60s\"\n";
    cib_of(text.to_owned())
}

fn cib_of(text: String) -> Cib {
    let mut cib = Cib::new(crate::node::NodeOptions::first_durable(text)).unwrap();
    begin(&mut cib, &[("alpha", 1), ("beta", 2)]);
    cib
}

pub(crate) fn begin(cib: &mut Cib, members: &[(&str, u64)]) -> Vec<Turn> {
    let members = members.iter().map(|(name, life)| (node(name), Incarnation(*life))).collect::<BTreeMap<_, _>>();
    let own = members.keys().map(|name| (name.clone(), cib.status.nodes[name].clone())).collect();
    cib.begin_view(&members, &own)
}

pub(crate) fn start(place: &str) -> Operation {
    Operation {
        resource: web(),
        agent: AgentRef::Command,
        name: OperationName::Start,
        interval: None,
        timeout: Duration::from_secs(20),
        params: BTreeMap::new(),
        commands: None,
        node: node(place),
        expect: Outcome::Ok,
        meta: BTreeMap::new(),
    }
}

pub(crate) fn from(counter: u64) -> Origin {
    Origin { node: node("beta"), incarnation: Incarnation(2), counter }
}

fn result(order: u64, name: OperationName, outcome: Outcome, wall_ms: u64) -> Change {
    let report = Report {
        order: (order > 0).then_some(OrderId(order)),
        resource: web(),
        name,
        interval: None,
        outcome,
        expect: Outcome::Ok,
        reason: None,
        elapsed: Duration::ZERO,
    };
    Change::Record { node: node("alpha"), incarnation: Incarnation(1), report, wall_ms }
}

fn failures(cib: &Cib) -> (u32, bool) {
    let history = cib.history(&node("alpha"), &web()).unwrap();
    (history.failure_count(), history.failures.iter().any(|failure| failure.fatal))
}

#[test]
fn a_change_is_applied_once_per_life_of_its_sender() {
    let mut cib = cib();
    let change = Change::Leaving { node: node("alpha") };
    assert!(matches!(cib.apply(&from(1), &change, QUORATE), Applied::Changed(_)));
    assert_eq!(cib.apply(&from(1), &change, QUORATE), Applied::Repeated);
    assert_eq!(cib.apply(&from(2), &change, QUORATE), Applied::Unchanged);
    let next_life = Origin { incarnation: Incarnation(9), ..from(1) };
    assert_eq!(cib.apply(&next_life, &change, QUORATE), Applied::Unchanged);
}

#[test]
fn an_order_is_in_flight_until_its_result_and_a_late_result_is_not_counted_twice() {
    let mut cib = cib();
    cib.order(OrderId(3), &start("alpha"), None, true).unwrap();
    assert!(cib.order(OrderId(4), &start("beta"), None, true).unwrap_err().contains("may still run on alpha"));
    cib.apply(&from(1), &result(3, OperationName::Start, Outcome::TimedOut, 1000), QUORATE);
    assert!(cib.history(&node("alpha"), &web()).unwrap().pending.is_empty());
    assert_eq!(failures(&cib), (1, true));
    cib.apply(&from(2), &result(3, OperationName::Start, Outcome::Error, 1001), QUORATE);
    assert_eq!(failures(&cib).0, 1);
}

#[test]
fn an_order_that_was_answered_cannot_time_out_any_more() {
    let mut cib = cib();
    let stop = Operation { name: OperationName::Stop, ..start("alpha") };
    cib.order(OrderId(3), &stop, None, true).unwrap();
    cib.apply(&from(1), &result(3, OperationName::Stop, Outcome::Ok, 1000), QUORATE);
    // The DC lost patience just before that result was delivered.
    let late = cib.apply(&from(2), &result(3, OperationName::Stop, Outcome::TimedOut, 1001), QUORATE);
    assert_eq!(late, Applied::Unchanged);
    assert_eq!(cib.history(&node("alpha"), &web()).unwrap().activity(), Activity::Inactive);
    // The other way round the node's own word, which says what is, comes last and counts.
    cib.order(OrderId(4), &stop, None, true).unwrap();
    cib.apply(&from(3), &result(4, OperationName::Stop, Outcome::TimedOut, 1002), QUORATE);
    assert_eq!(cib.history(&node("alpha"), &web()).unwrap().activity(), Activity::Doubtful);
    cib.apply(&from(4), &result(4, OperationName::Stop, Outcome::Ok, 1003), QUORATE);
    assert_eq!(cib.history(&node("alpha"), &web()).unwrap().activity(), Activity::Inactive);
}

#[test]
fn a_minority_orders_no_start() {
    assert!(cib().order(OrderId(3), &start("alpha"), None, false).is_err());
    let stop = Operation { name: OperationName::Stop, ..start("alpha") };
    assert!(cib().order(OrderId(3), &stop, None, false).is_ok());
}

#[test]
fn what_was_promoted_before_its_failure_was_forgotten_keeps_others_from_it_until_somebody_has_looked() {
    let promotable = "[clones.all]\nresource = \"web\"\npromotable = true\n";
    let inline = "agent = \"command\"\nstart = \"up\"\nstop = \"down\"\ncheck = \"check\"\n";
    let mut cib = cib_of(cib().durable.text.replace(inline, "agent = \"ocf:test:Stateful\"\n") + promotable);
    let promote = Operation { name: OperationName::Promote, ..start("beta") };
    cib.order(OrderId(2), &promote, None, true).expect("nobody is promoted");
    cib.status.nodes.get_mut(&node("beta")).unwrap().resources.clear();
    cib.apply(&from(1), &result(0, OperationName::Start, Outcome::Ok, 1_000), QUORATE);
    cib.apply(&from(2), &result(0, OperationName::Promote, Outcome::Ok, 2_000), QUORATE);
    assert!(cib.order(OrderId(3), &promote, None, true).is_err(), "it is promoted on alpha");
    cib.apply(&from(3), &result(0, OperationName::Monitor, Outcome::Error, 3_000), QUORATE);
    cib.apply(&from(4), &Change::Cleanup { resource: None, node: None }, QUORATE);
    assert_eq!(cib.history(&node("alpha"), &web()).unwrap().activity(), Activity::Unknown);
    assert!(cib.order(OrderId(4), &promote, None, true).is_err(), "it may be promoted there still");
    cib.apply(&from(5), &result(0, OperationName::Monitor, Outcome::NotRunning, 4_000), QUORATE);
    cib.order(OrderId(5), &promote, None, true).expect("somebody has looked");
}

#[test]
fn an_expired_failure_does_not_count_together_with_a_new_one() {
    let mut cib = cib();
    for (counter, wall_ms) in [(1, 1_000), (2, 2_000), (3, 70_000)] {
        cib.apply(&from(counter), &result(0, OperationName::Stop, Outcome::Error, wall_ms), QUORATE);
        assert_eq!(failures(&cib).0, [1, 2, 1][counter as usize - 1]);
    }
}

#[test]
fn a_failure_that_its_forgetting_did_not_know_of_stays() {
    let mut cib = cib();
    cib.apply(&from(1), &result(0, OperationName::Stop, Outcome::Error, 1_000), QUORATE);
    let known = cib.status.calls;
    cib.apply(&from(2), &result(0, OperationName::Stop, Outcome::Error, 2_000), QUORATE);
    let clear = |known| Change::ClearFailures { node: node("alpha"), resource: web(), known };
    let forget = |known| Change::Forget { node: node("alpha"), resource: web(), known };
    assert_eq!(cib.apply(&from(3), &clear(known), QUORATE), Applied::Unchanged);
    assert_eq!(cib.apply(&from(4), &forget(known), QUORATE), Applied::Unchanged);
    assert_eq!(failures(&cib).0, 2);
    assert!(matches!(cib.apply(&from(5), &clear(known + 1), QUORATE), Applied::Changed(_)));
    assert!(matches!(cib.apply(&from(6), &forget(known + 1), QUORATE), Applied::Changed(_)));
    assert!(cib.history(&node("alpha"), &web()).is_none());
}

#[test]
fn a_result_of_an_earlier_life_is_ignored() {
    let mut cib = cib();
    begin(&mut cib, &[("alpha", 5), ("beta", 2)]);
    let applied = cib.apply(&from(1), &result(0, OperationName::Start, Outcome::Ok, 0), QUORATE);
    assert_eq!(applied, Applied::Unchanged);
}

fn request(life: u64) -> Change {
    let incarnation = Some(Incarnation(life));
    let view = QUORATE.view;
    Change::RequestFencing { view, target: node("alpha"), incarnation, reason: "lost".to_owned(), wall_ms: 0 }
}

fn attempt(number: u32, result: Result<(), String>) -> Change {
    let request = fencing::RequestId(0);
    let attempt = Attempt { request, number, by: node("beta"), devices: Vec::new(), result, elapsed: Duration::ZERO };
    Change::FencingAttempted { attempt, wall_ms: 0 }
}

#[test]
fn fencing_goes_from_request_over_failure_to_verdict() {
    let mut cib = cib();
    begin(&mut cib, &[("beta", 2)]);
    assert_eq!(cib.status.nodes[&node("alpha")].state, NodeState::Lost { incarnation: Incarnation(1) });
    assert_eq!(cib.apply(&from(1), &request(1), MINORITY), Applied::Unchanged);
    assert_eq!(cib.apply(&from(2), &request(8), QUORATE), Applied::Unchanged, "another life");
    assert!(matches!(cib.apply(&from(3), &request(1), QUORATE), Applied::Changed(News::FencingRequested(_))));
    assert_eq!(cib.apply(&from(4), &request(1), QUORATE), Applied::Unchanged, "one request is enough");
    let failed = attempt(0, Err("no answer".to_owned()));
    assert!(matches!(cib.apply(&from(5), &failed, QUORATE), Applied::Changed(News::FencingFailed { .. })));
    assert_eq!(cib.apply(&from(6), &attempt(0, Ok(())), QUORATE), Applied::Unchanged, "an attempt told late");
    assert!(matches!(cib.apply(&from(7), &attempt(1, Ok(())), QUORATE), Applied::Changed(News::Fenced { .. })));
    assert_eq!(cib.status.nodes[&node("alpha")].state, NodeState::Offline);
    assert_eq!(cib.status.fencing.history.len(), 2);
    // The ring notices later than the fence device: that is not another loss.
    assert!(begin(&mut cib, &[("beta", 2)]).is_empty());
}

#[test]
fn fencing_that_an_earlier_view_wanted_is_not_begun() {
    let mut cib = cib();
    // Alpha was missed in the view before; this one, in which the change is said again, has it.
    let later = Context { view: QUORATE.view + 1, ..QUORATE };
    assert_eq!(cib.apply(&from(1), &request(1), later), Applied::Unchanged);
    assert!(matches!(cib.apply(&from(2), &request(1), QUORATE), Applied::Changed(News::FencingRequested(_))));
}

#[test]
fn a_node_that_is_about_to_be_gone_gets_no_orders() {
    let mut cib = cib();
    let probe = Operation { name: OperationName::Monitor, ..start("alpha") };
    cib.apply(&from(1), &Change::Leaving { node: node("alpha") }, QUORATE);
    cib.order(OrderId(1), &probe, None, true).expect("it has not been asked yet, so it is not gone");
    cib.apply(&from(2), &result(1, OperationName::Monitor, Outcome::NotRunning, 0), QUORATE);
    assert!(cib.is_empty(&node("alpha")));
    for (operation, number) in [(&start("alpha"), 2), (&probe, 3)] {
        let why = cib.order(OrderId(number), operation, None, true).unwrap_err();
        assert_eq!(why, "alpha is leaving and nothing is left on it");
    }
    begin(&mut cib, &[("beta", 2)]);
    assert_eq!(cib.status.nodes[&node("alpha")].state, NodeState::Offline, "so nobody has to cut it off");
}

#[test]
fn what_is_not_configured_any_more_is_not_started() {
    let mut cib = cib();
    let resource = ResourceId::new("gone").unwrap();
    let why = cib.order(OrderId(1), &Operation { resource, ..start("alpha") }, None, true).unwrap_err();
    assert_eq!(why, "gone is not configured any more");
}

#[test]
fn a_node_that_left_empty_is_offline_and_one_that_did_not_is_lost() {
    for (ran, state) in [(false, NodeState::Offline), (true, NodeState::Lost { incarnation: Incarnation(1) })] {
        let mut cib = cib();
        let outcome = if ran { Outcome::Ok } else { Outcome::NotRunning };
        cib.apply(&from(1), &result(0, OperationName::Monitor, outcome, 0), QUORATE);
        cib.apply(&from(2), &Change::Leaving { node: node("alpha") }, QUORATE);
        begin(&mut cib, &[("beta", 2)]);
        assert_eq!(cib.status.nodes[&node("alpha")].state, state);
    }
}

#[test]
fn a_constraint_that_forbids_to_look_may_name_a_resource_by_a_pattern_or_in_a_set() {
    let lost = NodeState::Lost { incarnation: Incarnation(1) };
    for (subject, state) in [
        ("pattern = \"w.b\"", NodeState::Offline),
        ("pattern = \"other\"", lost),
        ("sets = [{ members = [\"web\"] }]", NodeState::Offline),
        ("sets = [{ members = [\"base\"] }]", lost),
    ] {
        let never = format!("[[location]]\n{subject}\nnode = \"alpha\"\nscore = \"never\"\ndiscovery = \"never\"\n");
        let other = "[resources.base]\nagent = \"command\"\nstart = \"up\"\nstop = \"down\"\ncheck = \"check\"\n\
                     [[location]]\nresource = \"base\"\nnode = \"alpha\"\nscore = \"never\"\ndiscovery = \"never\"\n";
        let mut cib = cib_of(cib().durable.text + other + &never);
        cib.apply(&from(1), &Change::Leaving { node: node("alpha") }, QUORATE);
        begin(&mut cib, &[("beta", 2)]);
        assert_eq!(cib.status.nodes[&node("alpha")].state, state, "{subject}");
    }
}

#[test]
fn a_node_that_was_not_asked_counts_as_empty_only_where_nobody_would_ask() {
    for (place, state) in [("alpha", NodeState::Offline), ("beta", NodeState::Lost { incarnation: Incarnation(1) })] {
        let never =
            format!("[[location]]\nresource = \"web\"\nnode = \"{place}\"\nscore = \"never\"\ndiscovery = \"never\"\n");
        let mut cib = cib_of(cib().durable.text + &never);
        cib.apply(&from(1), &Change::Leaving { node: node("alpha") }, QUORATE);
        begin(&mut cib, &[("beta", 2)]);
        assert_eq!(cib.status.nodes[&node("alpha")].state, state, "{place}");
    }
}

#[test]
fn durable_changes_need_quorum_and_count_generations() {
    let mut cib = cib();
    cib.stamp(&RingId { number: 7, representative: node("alpha") });
    let edit = |role| Change::Override(OverrideEdit::TargetRole { resource: web(), role });
    let stopped = Some(config::TargetRole::Stopped);
    let refused = cib.apply(&from(1), &edit(stopped), MINORITY);
    assert!(matches!(refused, Applied::Refused(Refused { kind: Refusal::NotQuorate, .. })));
    assert!(matches!(cib.apply(&from(2), &edit(stopped), QUORATE), Applied::Changed(_)));
    assert_eq!(cib.durable.generation, Generation { view: 7, index: 1 });
    assert_eq!(cib.apply(&from(3), &edit(stopped), QUORATE), Applied::Unchanged);
    assert!(matches!(cib.apply(&from(4), &edit(None), QUORATE), Applied::Changed(_)));
    assert_eq!(cib.durable.generation, Generation { view: 7, index: 2 });
}

#[test]
fn snapshots_come_back_equal() {
    let mut cib = cib();
    cib.order(OrderId(3), &start("alpha"), None, true).unwrap();
    cib.apply(&from(1), &result(3, OperationName::Start, Outcome::Ok, 5), QUORATE);
    begin(&mut cib, &[("beta", 2)]);
    cib.apply(&from(2), &request(1), QUORATE);
    let status: Status = serde_json::from_str(&cib.status.to_json()).unwrap();
    assert_eq!((status.digest(), &status), (cib.status.digest(), &cib.status));
    assert_eq!(serde_json::from_str::<Durable>(&cib.durable.to_json()).unwrap(), cib.durable);
}
