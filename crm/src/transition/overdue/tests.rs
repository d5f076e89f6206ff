//! Stories of nodes that do not answer.

use super::*;
use crate::cib::tests::{cib, start};

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
