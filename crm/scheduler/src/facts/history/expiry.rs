//! Failures that are old enough to be forgotten (`failure-timeout`), and failure counts that follow.
//!
//! A failure is forgotten when its own time is over and no newer failure of the resource on that node still counts.
//! Answers of probes are never forgotten, whatever was expected: they say how things are.

use super::outcome::{Outcome, Verdict, code, is_probe, judge};
use crate::facts::failure;
use crate::facts::operation;
use crate::facts::{Facts, digest};
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::situation::{OperationHistory, OperationStatus, ResourceHistory};

/// Whether the failure that `op` records is forgotten. Also notes when the count of failures is to be cleared.
pub(super) fn expired(
    facts: &mut Facts<'_>,
    resource: ResourceIx,
    node: NodeIx,
    history: &ResourceHistory,
    op: &OperationHistory,
    outcome: Outcome,
) -> bool {
    let failed = matches!(outcome.verdict, Verdict::Failed | Verdict::FailedHere | Verdict::FailedEverywhere);
    // That there is no agent is not a failure that time mends.
    let forgettable = (outcome.masked || failed) && op.status != OperationStatus::NotInstalled;
    let timeout = timeout_ms(facts, resource, Some(history));
    let changed = op.last_change.filter(|&changed| changed > 0 && timeout > 0);
    let Some(ends) = changed.map(|changed| changed.saturating_mul(1000).saturating_add(timeout)) else { return false };
    let now = facts.situation.now_ms;
    if ends > now {
        if forgettable {
            super::recheck(facts, ends);
        }
        return false;
    }
    let counted = facts.failures.of(resource, node).filter(|count| count.recorded > 0);
    let counting = counted.map(|count| failure::counting(count, timeout, now));
    // Any old call is an occasion to clear a count that is over, however the call went.
    if counting == Some(0) {
        facts.failures.clear(resource, node, Reason::FailureExpired);
    }
    let answer = matches!(
        op.exit_code,
        code::OK | code::NOT_RUNNING | code::PROMOTED | code::DEGRADED | code::DEGRADED_PROMOTED
    );
    forgettable && counting.unwrap_or(0) == 0 && !waits_for_fencing(facts, resource, op) && !(is_probe(op) && answer)
}

/// Notes the failure counts that are to be cleared because what failed was called with other parameters than today's.
/// Where containers run has to be known, since the parameters of connections into them depend on it.
pub(super) fn clear_outdated(facts: &mut Facts<'_>) {
    for resource in facts.all_resources() {
        let mut outdated = Vec::new();
        for &(node, history) in &facts[resource].history {
            let last_failures = history.operations.iter().filter(|op| op.is_last_failure());
            let mut asked = last_failures.filter(|op| matches!(op.name.as_str(), "start" | "monitor"));
            if asked.any(|op| digest::compare(facts, resource, node, op).changed()) {
                outdated.push(node);
            }
        }
        for node in outdated {
            facts.failures.clear(resource, node, Reason::ParametersChanged);
        }
    }
}

/// Whether the failure is that of the connection to a remote node which is to be fenced for it: until it was, nothing
/// is forgotten.
fn waits_for_fencing(facts: &Facts<'_>, resource: ResourceIx, op: &OperationHistory) -> bool {
    facts.options.fencing_enabled
        && super::reconnect_interval_ms(facts, resource) > 0
        && op.interval_ms > 0
        && facts[resource].connects.is_some_and(|node| !facts[node].is_guest() && !facts[node].remote_fenced)
}

/// After how long failures of `resource` on a node with this history are forgotten, milliseconds; 0: never.
pub(super) fn timeout_ms(facts: &Facts<'_>, resource: ResourceIx, history: Option<&ResourceHistory>) -> i64 {
    let reconnect = super::reconnect_interval_ms(facts, resource);
    let timeout = if reconnect > 0 { reconnect } else { facts[resource].meta.failure_timeout_ms };
    let blocked = |history| blocked_by_failure(facts, resource, history);
    if timeout > 0 && history.is_some_and(blocked) { 0 } else { timeout }
}

/// Whether a failure is on record for which operators said that nothing may be done: that stands until somebody cleans
/// up.
fn blocked_by_failure(facts: &Facts<'_>, resource: ResourceIx, history: &ResourceHistory) -> bool {
    let failed = |op: &OperationHistory| {
        let verdict = judge(op, facts[resource].managed).verdict;
        matches!(verdict, Verdict::Failed | Verdict::FailedHere | Verdict::FailedEverywhere)
    };
    let blocks = |op: &&OperationHistory| {
        failed(op)
            && operation::find(&facts[resource], &op.name, op.interval_ms).is_some()
            && operation::text(facts, resource, &op.name, op.interval_ms).get("on-fail").is_some_and(|it| it == "block")
    };
    history.operations.iter().any(|op| blocks(&op))
}
