//! Failure counts: how often what failed where, what is forgotten, and who may not run where because of it.
//!
//! Counts are attributes of nodes, one for each operation: `fail-count-db#monitor_10000`, and when the last of these
//! failures happened: `last-failure-db#monitor_10000`. Older clusters wrote `fail-count-db`. Instances of an anonymous
//! clone share their counts, whatever instance number is written.

use super::Facts;
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::word;
use std::collections::BTreeMap;

/// Failure counts of primitives on nodes.
#[derive(Clone, Debug, Default)]
pub struct Failures {
    /// By resource and node. All instances of an anonymous clone have the same; see [`Failures::of`].
    pub counts: BTreeMap<(ResourceIx, NodeIx), FailureCount>,
}

/// Failures of one resource on one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureCount {
    /// How many that still count, all operations together; [`INFINITE`] for INFINITY.
    pub count: i64,
    /// How many ever recorded, also expired ones.
    pub recorded: i64,
    /// When the last one happened, seconds since 1970.
    pub last: Option<i64>,
    /// The operations whose failures are recorded (`monitor_10000`), with their counts. The older form has no
    /// operation: the name is empty.
    pub operations: Vec<(String, i64)>,
    /// All of it has expired and is to be cleared.
    pub expired: bool,
    /// The counts are to be cleared, for this reason. Of the instances of an anonymous clone only the one whose history
    /// says so has it.
    pub clear: Option<Reason>,
}

/// As many failures as can be: the resource may not run there at all.
pub const INFINITE: i64 = 1_000_000;

impl Failures {
    /// The failures of `resource` on `node`.
    #[must_use]
    pub fn of(&self, resource: ResourceIx, node: NodeIx) -> Option<&FailureCount> {
        self.counts.get(&(resource, node))
    }

    /// How many failures of `resource` on `node` still count.
    #[must_use]
    pub fn count(&self, resource: ResourceIx, node: NodeIx) -> i64 {
        self.of(resource, node).map_or(0, |count| count.count)
    }

    /// Says that the counts of `resource` on `node` are to be cleared.
    pub(super) fn clear(&mut self, resource: ResourceIx, node: NodeIx, why: Reason) {
        self.counts.entry((resource, node)).or_default().clear.get_or_insert(why);
    }
}

/// How many failures of `count` still count at `now_ms` when they are forgotten after `timeout_ms` (0: never).
#[must_use]
pub(super) fn counting(count: &FailureCount, timeout_ms: i64, now_ms: i64) -> i64 {
    match count.last {
        Some(last) if timeout_ms > 0 && last > 0 && last.saturating_mul(1000).saturating_add(timeout_ms) <= now_ms => 0,
        _ => count.recorded,
    }
}

/// How many failures count against `resource` on `node` when asked whether it may run there: for a container, those of
/// what lives in it too.
#[must_use]
pub fn against(facts: &Facts<'_>, resource: ResourceIx, node: NodeIx) -> i64 {
    let inside = facts[resource].contents.iter().filter(|_| !in_bundle(facts, resource));
    let inside: i64 = inside.map(|&content| facts.failures.count(content, node)).sum();
    facts.failures.count(resource, node).saturating_add(inside).min(INFINITE)
}

/// Whether a resource belongs to a bundle: a container, or a connection into one.
pub(crate) fn in_bundle(facts: &Facts<'_>, resource: ResourceIx) -> bool {
    facts[resource].parent.is_some_and(|parent| facts[parent].is_bundle())
}

/// One attribute that counts or dates failures.
struct Record<'a> {
    resource: &'a str,
    operation: &'a str,
    last: bool,
}

fn record(attribute: &str) -> Option<Record<'_>> {
    let (rest, last) = match attribute.strip_prefix("fail-count-") {
        Some(rest) => (rest, false),
        None => (attribute.strip_prefix("last-failure-")?, true),
    };
    let (resource, operation) = rest.rsplit_once('#').unwrap_or((rest, ""));
    Some(Record { resource, operation, last })
}

/// Reads counts from the attributes of all nodes. `owners` says which primitives a name in an attribute stands for;
/// what it says of a name, it says once.
pub(super) fn read(facts: &mut Facts<'_>, owners: impl Fn(&str) -> Vec<ResourceIx>) {
    let mut counts = std::mem::take(&mut facts.failures.counts);
    for (at, node) in facts.nodes.iter().enumerate() {
        for (name, value) in node.attributes.range("fail-count-".to_string()..) {
            if !name.starts_with("fail-count-") {
                break;
            }
            add(&mut counts, &owners, NodeIx::new(at), name, value);
        }
        for (name, value) in node.attributes.range("last-failure-".to_string()..) {
            if !name.starts_with("last-failure-") {
                break;
            }
            add(&mut counts, &owners, NodeIx::new(at), name, value);
        }
    }
    facts.failures.counts = counts;
}

fn add(
    counts: &mut BTreeMap<(ResourceIx, NodeIx), FailureCount>,
    owners: &impl Fn(&str) -> Vec<ResourceIx>,
    node: NodeIx,
    name: &str,
    value: &str,
) {
    let Some(record) = record(name) else { return };
    for resource in owners(record.resource) {
        let count = counts.entry((resource, node)).or_default();
        if record.last {
            let at = word::leading_integer(value).map(|(at, _)| at);
            count.last = count.last.max(at);
        } else {
            let number = word::score(value).map_or(0, |score| i64::from(score.value())).max(0);
            count.recorded = count.recorded.saturating_add(number).min(INFINITE);
            count.operations.push((record.operation.to_string(), number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_name_a_resource_and_an_operation() {
        let new = record("fail-count-a#b:1#monitor_10000").expect("counts failures");
        assert_eq!((new.resource, new.operation, new.last), ("a#b:1", "monitor_10000", false));
        let old = record("last-failure-db").expect("dates a failure");
        assert_eq!((old.resource, old.operation, old.last), ("db", "", true));
        assert!(record("failures").is_none());
    }

    #[test]
    fn old_failures_do_not_count() {
        let count = FailureCount { recorded: 3, last: Some(100), ..FailureCount::default() };
        assert_eq!(counting(&count, 10_000, 109_999), 3);
        assert_eq!(counting(&count, 10_000, 110_000), 0);
        assert_eq!(counting(&count, 0, 1_000_000), 3);
    }
}
