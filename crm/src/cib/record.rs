//! Orders and their results in the histories: what is in flight, what came of it, which failures count.

use super::{
    Activity, Cib, Definition, Failures, History, News, NodeState, OperationKey, OperationRecord, Pending, Refused,
};
use config::{NodeId, OnFail, OperationName, ResourceId};
use membership::Incarnation;
use resource_agents::{Operation, OrderId, Outcome, Report};
use std::time::Duration;

/// Whether this outcome of this operation is a failure that counts. A single monitor is a probe: "not running" and "not
/// installed" are answers to its question, not failures. Nothing depends on whether a notification was understood.
fn is_failure(report: &Report) -> bool {
    let runs =
        matches!(report.outcome, Outcome::Ok | Outcome::Promoted | Outcome::Degraded | Outcome::DegradedPromoted);
    match report.name {
        OperationName::Start
        | OperationName::Promote
        | OperationName::Demote
        | OperationName::MigrateTo
        | OperationName::MigrateFrom
        | OperationName::Reload => report.outcome != Outcome::Ok,
        OperationName::Stop => !matches!(report.outcome, Outcome::Ok | Outcome::NotRunning),
        OperationName::Notify => false,
        OperationName::Monitor if report.interval.is_some() => !report.outcome.meets(report.expect),
        OperationName::Monitor => !runs && !matches!(report.outcome, Outcome::NotRunning | Outcome::NotInstalled),
    }
}

impl Cib {
    /// Notes an order as in flight when it is delivered, before its node carries it out. Refused when it would break a
    /// promise whatever the DC thought: no start without quorum, none while the resource runs on another node.
    pub(crate) fn order(&mut self, id: OrderId, operation: &Operation, quorate: bool) -> Result<(), String> {
        let Operation { resource, node, name, .. } = operation;
        if self.online(node).is_none() {
            return Err(format!("{node} is not online"));
        }
        if !quorate && (name.brings_up() || *name == OperationName::Promote) {
            return Err(format!("a partition without quorum does not {} anything", name.as_str()));
        }
        if name.brings_up() {
            if let Some(other) = self.runs_elsewhere(resource, node) {
                return Err(format!("{resource} may still run on {other}"));
            }
        }
        let status = self.status.nodes.get_mut(node).expect("online() found it");
        let history = status.resources.entry(resource.clone()).or_default();
        // What a probe finds running is adopted: it is stopped with the definition it was found with.
        let probe = *name == OperationName::Monitor && operation.interval.is_none();
        let redefines = name.brings_up() || *name == OperationName::Reload;
        if redefines || (probe && history.started.is_none()) {
            history.started = Some(Definition::of(operation));
        }
        let key = OperationKey { name: *name, interval: operation.interval };
        let Operation { timeout, expect, .. } = *operation;
        history.pending.insert(id, Pending { key, timeout, digest: operation.digest(), expect });
        Ok(())
    }

    fn runs_elsewhere(&self, resource: &ResourceId, node: &NodeId) -> Option<&NodeId> {
        let fencing = self.config.properties.fencing_enabled;
        let others = self.status.nodes.iter().filter(|(name, _)| *name != node);
        let mut holders = others.filter(|(_, status)| {
            let counts = match status.state {
                NodeState::Online { .. } => true,
                // Without fencing, the operator chose to start elsewhere on mere loss.
                NodeState::Lost { .. } => fencing,
                NodeState::Unseen | NodeState::Offline => false,
            };
            counts
                && status.resources.get(resource).is_some_and(|history| {
                    let starting = history.pending.values().any(|pending| pending.key.name.brings_up());
                    starting || history.activity() == Activity::Active
                })
        });
        holders.next().map(|(name, _)| name)
    }

    /// Forgets a recurring monitor whose end was ordered.
    pub(crate) fn cancel_monitor(&mut self, node: &NodeId, resource: &ResourceId, interval: Duration) {
        let key = OperationKey { name: OperationName::Monitor, interval: Some(interval) };
        let history = self.status.nodes.get_mut(node).and_then(|status| status.resources.get_mut(resource));
        if let Some(history) = history {
            history.records.retain(|record| record.key() != key);
            history.pending.retain(|_, pending| pending.key != key);
        }
    }

    pub(super) fn record(&mut self, node: &NodeId, life: Incarnation, report: &Report, wall_ms: u64) -> Option<News> {
        if self.online(node) != Some(life) {
            return None;
        }
        // The DC gives an order up on its node's behalf while the node's own answer is on its way. Whichever comes
        // first ends the order; that it timed out is no news afterwards, and must not hide what really came of it.
        let over = |order: OrderId| {
            let history = self.history(node, &report.resource);
            history.is_none_or(|history| !history.pending.contains_key(&order))
        };
        if report.outcome == Outcome::TimedOut && report.order.is_some_and(over) {
            return None;
        }
        let failure = is_failure(report) && !self.ignores(&report.resource, report);
        let fatal = self.config.properties.start_failure_is_fatal;
        let expiry = self.config.resources.get(&report.resource).and_then(|resource| resource.meta.failure_timeout);
        self.status.calls += 1;
        let call = self.status.calls;
        let status = self.status.nodes.get_mut(node).expect("online() found it");
        let history = status.resources.entry(report.resource.clone()).or_default();
        // An order that is not in flight any more was given up for lost by the DC, which counted its failure.
        let known = report.order.is_none_or(|order| history.pending.remove(&order).is_some());
        if failure && known {
            history.failures.count_one(fatal && report.name == OperationName::Start, wall_ms, expiry);
        }
        history.keep(OperationRecord { call, report: report.clone(), wall_ms });
        Some(News::Recorded { node: node.clone(), report: report.clone() })
    }

    /// Whether the configuration says `on-fail = "ignore"` for this operation.
    fn ignores(&self, resource: &ResourceId, report: &Report) -> bool {
        let Some(resource) = self.config.resources.get(resource) else { return false };
        let mut listed = resource.operations.iter();
        listed.any(|operation| {
            operation.name == report.name
                && operation.interval == report.interval
                && operation.on_fail == Some(OnFail::Ignore)
        })
    }

    pub(super) fn cleanup(
        &mut self,
        resource: Option<&ResourceId>,
        node: Option<&NodeId>,
    ) -> Result<Option<News>, Refused> {
        if let Some(node) = node {
            self.known_node(node)?;
        }
        let wanted = match resource {
            Some(resource) => {
                self.known_resource(resource)?;
                Some(self.primitives(resource))
            }
            None => None,
        };
        let mut cleaned = false;
        for (name, status) in &mut self.status.nodes {
            if node.is_some_and(|node| node != name) {
                continue;
            }
            for (resource, history) in &mut status.resources {
                if wanted.as_ref().is_none_or(|wanted| wanted.contains(resource)) {
                    cleaned |= history.forget_failures();
                }
            }
        }
        Ok(cleaned.then(|| News::Cleaned { resource: resource.cloned(), node: node.cloned() }))
    }
}

impl OperationRecord {
    /// Whether this result is a failure that counts (unless the configuration says to ignore it).
    #[must_use]
    pub fn is_failure(&self) -> bool {
        is_failure(&self.report)
    }
}

impl History {
    /// Keeps a result as the last of its operation. What ends recurring monitors ends their records.
    fn keep(&mut self, record: OperationRecord) {
        let key = record.key();
        let ends_monitors = key.name.ends_monitors();
        self.records.retain(|old| old.key() != key && !(ends_monitors && old.report.interval.is_some()));
        self.records.push(record);
    }

    /// Forgets failures; where there were any, also all records, so that a probe finds out anew. Whether there were.
    fn forget_failures(&mut self) -> bool {
        let failed = self.failures != Failures::default() || self.records.iter().any(OperationRecord::is_failure);
        if failed {
            self.failures = Failures::default();
            self.records.clear();
        }
        failed
    }
}

impl Failures {
    fn count_one(&mut self, start_failed: bool, wall_ms: u64, expiry: Option<Duration>) {
        let age = Duration::from_millis(wall_ms.saturating_sub(self.last_wall_ms));
        if expiry.is_some_and(|expiry| age >= expiry) {
            *self = Failures::default();
        }
        self.count = self.count.saturating_add(1);
        self.start_failed |= start_failed;
        self.last_wall_ms = wall_ms;
    }
}
