//! Shutdown locks: while a node is down in order, its resources wait for it instead of moving.
//!
//! A lock begins when the node that a resource runs on asks to leave, is recorded with the resource's history, and ends
//! with the resource being active again, or after `shutdown-lock-limit`.

use crate::facts::Facts;
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::situation::ResourceHistory;
use crate::word;

/// A recorded lock of `resource` to `node`.
pub(super) fn recorded(facts: &mut Facts<'_>, resource: ResourceIx, node: NodeIx, history: &ResourceHistory) {
    let Some(since) = history.shutdown_lock.filter(|&since| since > 0) else { return };
    if !facts.options.shutdown_lock {
        return;
    }
    if over(facts, since) {
        facts.resources[resource.at()].forget.push((node, Reason::LockExpired));
        return;
    }
    let it = &mut facts.resources[resource.at()];
    it.lock = Some(node);
    it.lock_since = Some(since);
}

fn over(facts: &Facts<'_>, since: i64) -> bool {
    ends_ms(facts, since).is_some_and(|ends| facts.situation.now_ms > ends)
}

fn ends_ms(facts: &Facts<'_>, since: i64) -> Option<i64> {
    let limit = facts.options.shutdown_lock_limit_ms;
    (limit > 0).then(|| since.saturating_mul(1000).saturating_add(limit))
}

/// Ends locks of what runs again, begins those of nodes that leave now.
pub(super) fn settle(facts: &mut Facts<'_>) {
    if !facts.options.shutdown_lock {
        return;
    }
    for resource in facts.all_resources() {
        let top = facts.top(resource);
        let it = &facts[resource];
        if !it.is_primitive() || facts[top].is_collective() || it.fence_device || it.connects.is_some() {
            continue;
        }
        if it.lock.is_some() {
            if !it.on.is_empty() {
                end(facts, resource);
            }
        } else if let [node] = it.on[..] {
            begin(facts, resource, node);
        }
        if let Some(ends) = facts[resource].lock_since.and_then(|since| ends_ms(facts, since)) {
            super::recheck(facts, ends);
        }
    }
}

fn end(facts: &mut Facts<'_>, resource: ResourceIx) {
    let it = &mut facts.resources[resource.at()];
    if let Some(node) = it.lock.take() {
        it.forget.push((node, Reason::LockVoid));
    }
    it.lock_since = None;
}

fn begin(facts: &mut Facts<'_>, resource: ResourceIx, node: NodeIx) {
    let at = &facts[node];
    if !at.shutdown || at.unclean {
        return;
    }
    let asked = at.attributes.get("shutdown").and_then(|since| word::leading_integer(since)).map(|(since, _)| since);
    let since = asked.filter(|&since| since > 0).unwrap_or(facts.situation.now_ms / 1000);
    let it = &mut facts.resources[resource.at()];
    it.lock = Some(node);
    it.lock_since = Some(since);
}
