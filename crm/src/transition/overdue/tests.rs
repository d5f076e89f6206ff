//! Stories of nodes that do not answer.

use super::*;
use crate::cib::tests::{cib, start};
use config::OperationName;
use resource_agents::Operation;

#[test]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the beginning")]
fn a_node_that_does_not_answer_is_answered_for_once_its_time_is_up() {
    let now = Instant::now();
    let mut cib = cib();
    let operation = start("alpha");
    cib.order(OrderId(5), &operation, None, true).unwrap();
    let mut overdue = Overdue::default();
    overdue.follow(&cib, now);
    let end = overdue.deadline().unwrap();
    assert_eq!(end, now + operation.timeout + GRACE);
    assert!(overdue.expire(&cib, end - Duration::from_millis(1), 0).is_empty());
    let changes = overdue.expire(&cib, end, 0);
    let [Change::Record { node, report, .. }] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!((node.as_str(), report.order, report.outcome), ("alpha", Some(OrderId(5)), Outcome::TimedOut));
    assert!(overdue.expire(&cib, end, 0).is_empty(), "once");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "any instant will do as the beginning")]
fn orders_of_one_number_on_two_nodes_each_have_their_time() {
    let now = Instant::now();
    let mut cib = cib();
    let long = Operation { timeout: Duration::from_secs(300), ..start("alpha") };
    // As after two parts of a cluster have met again: each part's DC counted its orders from the same number on.
    let short = Operation { name: OperationName::Monitor, ..start("beta") };
    for operation in [&long, &short] {
        cib.order(OrderId(5), operation, None, true).unwrap();
    }
    let mut overdue = Overdue::default();
    overdue.follow(&cib, now);
    let changes = overdue.expire(&cib, now + short.timeout + GRACE, 0);
    let [Change::Record { node, report, .. }] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!((node, report.name), (&short.node, OperationName::Monitor));
    assert_eq!(overdue.deadline(), Some(now + short.timeout + GRACE + GRACE));
    overdue.follow(&cib, now);
    let changes = overdue.expire(&cib, now + long.timeout + GRACE, 0);
    assert!(changes.iter().any(|change| matches!(change, Change::Record { node, .. } if *node == long.node)));
}
