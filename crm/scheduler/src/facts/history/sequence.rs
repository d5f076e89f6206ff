//! The order in which recorded operations happened, and which of them still say something.
//!
//! A history keeps the last call of each operation, not in the order of time. Call numbers count up on one node, so
//! they order what was answered; two entries of one call (its result, and its copy as the last failure) are ordered by
//! when the result changed. What has no answer yet has no number: it is the newest, unless the coordinator that ordered
//! it has since ordered something later that was answered.

use crate::situation::{OperationHistory, OperationStatus, ResourceHistory};

/// The operations from the oldest to the newest.
#[must_use]
pub(crate) fn in_order(history: &ResourceHistory) -> Vec<&OperationHistory> {
    let mut sorted: Vec<&OperationHistory> = history.operations.iter().rev().filter(|op| op.call >= 0).collect();
    sorted.sort_by_key(|op| (op.call, changed(op)));
    for pending in history.operations.iter().filter(|op| op.call < 0) {
        let at = sorted.iter().position(|op| ordered_later(op, pending)).unwrap_or(sorted.len());
        sorted.insert(at, pending);
    }
    sorted
}

fn changed(operation: &OperationHistory) -> i64 {
    operation.last_change.unwrap_or(0)
}

/// Whether `answered` was ordered after `pending`, by the same coordinator.
fn ordered_later(answered: &OperationHistory, pending: &OperationHistory) -> bool {
    if answered.call < 0 {
        return false;
    }
    match (order_of(answered), order_of(pending)) {
        (Some((transition, by)), Some((pending_transition, pending_by))) => {
            by == pending_by && transition > pending_transition
        }
        _ => false,
    }
}

/// Number of the transition, and who coordinated it.
fn order_of(operation: &OperationHistory) -> Option<(i64, &str)> {
    let mut parts = operation.transition_key.splitn(4, ':');
    let transition = parts.nth(1)?.parse().ok()?;
    Some((transition, parts.nth(1)?))
}

/// Whether the two calls `a` and `b`, perhaps of different nodes, are in this order: `a` ended before `b`. `None` when
/// the records do not tell.
#[must_use]
pub(crate) fn earlier(a: &OperationHistory, b: &OperationHistory, same_node: bool) -> Option<bool> {
    if !same_node {
        return match (a.last_change, b.last_change) {
            (Some(a), Some(b)) if a != b => Some(a < b),
            _ => order_by_transition(a, b),
        };
    }
    if a.call >= 0 && b.call >= 0 {
        return match a.call.cmp(&b.call) {
            std::cmp::Ordering::Equal if changed(a) == changed(b) => None,
            std::cmp::Ordering::Equal => Some(changed(a) < changed(b)),
            order => Some(order.is_lt()),
        };
    }
    if a.call < 0 && b.call < 0 {
        return None;
    }
    order_by_transition(a, b)
}

fn order_by_transition(a: &OperationHistory, b: &OperationHistory) -> Option<bool> {
    let known = match (order_of(a), order_of(b)) {
        (Some((a, by)), Some((b, also_by))) if by == also_by && a != b => Some(a < b),
        _ => None,
    };
    known.or(match (a.call < 0, b.call < 0) {
        (false, true) => Some(true),
        (true, false) => Some(false),
        _ => None,
    })
}

/// The places in `sorted` of the last start and of the last stop that succeeded. Where no start is recorded, a
/// promotion or demotion, else the first monitor after the stop that found it running, stands for one.
#[must_use]
pub(crate) fn last_start_and_stop(sorted: &[&OperationHistory]) -> (Option<usize>, Option<usize>) {
    let (mut start, mut stop, mut found_running, mut role_changed) = (None, None, None, None);
    for (at, op) in sorted.iter().enumerate() {
        match op.name.as_str() {
            "stop" if op.status == OperationStatus::Done => stop = Some(at),
            "start" | "migrate_from" => start = Some(at),
            "monitor" if found_running <= stop && matches!(op.exit_code, 0 | 8) => found_running = Some(at),
            "promote" | "demote" => role_changed = Some(at),
            _ => {}
        }
    }
    (start.or(role_changed).or(found_running), stop)
}

/// The operations since the last start, when it still runs: those whose definition may be compared with today's. All
/// where neither a start nor a stop is recorded.
#[must_use]
pub(crate) fn since_start(history: &ResourceHistory) -> Vec<&OperationHistory> {
    let sorted = in_order(history);
    let (start, stop) = last_start_and_stop(&sorted);
    if start < stop { Vec::new() } else { sorted[start.unwrap_or(0)..].to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(name: &str, call: i64, order: &str) -> OperationHistory {
        OperationHistory { name: name.into(), call, transition_key: order.into(), ..OperationHistory::default() }
    }

    fn names(operations: Vec<OperationHistory>) -> Vec<String> {
        let history = ResourceHistory { operations, ..ResourceHistory::default() };
        in_order(&history).into_iter().map(|op| op.name.clone()).collect()
    }

    #[test]
    fn calls_count_up() {
        assert_eq!(names(vec![op("b", 5, ""), op("a", 3, ""), op("c", 12, "")]), ["a", "b", "c"]);
    }

    #[test]
    fn of_two_records_of_one_call_the_later_result_is_newer() {
        let at = |name: &str, changed| OperationHistory { last_change: Some(changed), ..op(name, 7, "") };
        assert_eq!(names(vec![at("new", 20), at("old", 10)]), ["old", "new"]);
        assert_eq!(names(vec![at("old", 10), at("new", 20)]), ["old", "new"]);
    }

    #[test]
    fn what_is_pending_is_newest_unless_its_coordinator_went_on() {
        let (done, pending) = (op("done", 5, "1:8:0:dc"), op("pending", -1, "1:9:0:dc"));
        assert_eq!(names(vec![pending, done]), ["done", "pending"]);
        let (done, pending) = (op("done", 5, "1:10:0:dc"), op("pending", -1, "1:9:0:dc"));
        assert_eq!(names(vec![done, pending.clone()]), ["pending", "done"]);
        let by_another = op("done", 5, "1:10:0:other");
        assert_eq!(names(vec![by_another, pending]), ["done", "pending"]);
    }

    #[test]
    fn a_monitor_that_found_it_running_stands_for_a_start() {
        let probe = op("monitor", 3, "");
        let history = ResourceHistory { operations: vec![probe, op("monitor", 4, "")], ..ResourceHistory::default() };
        assert_eq!(since_start(&history).len(), 2);
        let stopped = ResourceHistory { operations: vec![op("start", 3, ""), op("stop", 4, "")], ..history };
        assert!(since_start(&stopped).is_empty());
    }
}
