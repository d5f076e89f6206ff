//! Orders and their results in the histories: what is in flight, what came of it, which failures count.

use super::{
    Activity, Cib, Definition, FailureCount, History, News, NodeState, OperationKey, OperationRecord, Pending, Refused,
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
    /// promise whatever the DC thought: no start or promotion without quorum, no start while the resource runs on
    /// another node, no more promoted instances than there may be, nothing on a node that is about to be gone.
    pub(crate) fn order(
        &mut self,
        id: OrderId,
        operation: &Operation,
        fingerprint: Option<String>,
        quorate: bool,
    ) -> Result<(), String> {
        let Operation { resource, node, name, .. } = operation;
        if self.online(node).is_none() {
            return Err(format!("{node} is not online"));
        }
        // It says goodbye as soon as it finds itself empty, so it must not get anything any more from here on.
        if self.status.nodes.get(node).is_some_and(|status| status.leaving) && self.is_empty(node) {
            return Err(format!("{node} is leaving and nothing is left on it"));
        }
        if name.brings_up() && !self.config.resources.contains_key(resource.base()) {
            return Err(format!("{resource} is not configured any more"));
        }
        if self.only_votes(node) && (name.brings_up() || *name == OperationName::Promote) {
            return Err(format!("{node} only votes, nothing runs there"));
        }
        if !quorate && (name.brings_up() || *name == OperationName::Promote) {
            return Err(format!("a partition without quorum does not {} anything", name.as_str()));
        }
        if name.brings_up()
            && let Some(other) = self.runs_elsewhere(resource, node)
        {
            return Err(format!("{resource} may still run on {other}"));
        }
        if *name == OperationName::Promote
            && let Some(other) = self.promoted_elsewhere(resource, node)
        {
            return Err(format!("{resource} may still be promoted on {other}"));
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
        let migration = migration(operation);
        history.pending.insert(id, Pending { key, timeout, expect, fingerprint, migration });
        Ok(())
    }

    /// Nodes other than `node` that may hold a resource against it, and what is known of them.
    fn others(&self, node: &NodeId, resource: &ResourceId) -> impl Iterator<Item = (&NodeId, &super::NodeStatus)> {
        let fencing = self.config.properties.fencing_enabled && self.may_require_fencing(resource);
        let others = self.status.nodes.iter().filter(move |(name, _)| *name != node);
        others.filter(move |(_, status)| match status.state {
            NodeState::Online { .. } => true,
            // Without fencing, or with a resource that does not require it, the operator chose to start elsewhere on
            // mere loss.
            NodeState::Lost { .. } => fencing,
            NodeState::Unseen | NodeState::Offline => false,
        })
    }

    fn runs_elsewhere(&self, resource: &ResourceId, node: &NodeId) -> Option<&NodeId> {
        if self.may_run_everywhere(resource) {
            return None;
        }
        let mut holders = self.others(node, resource).filter(|(_, status)| {
            let history = status.resources.get(resource);
            history.is_some_and(|it| it.starting() || it.activity() == Activity::Active || it.ran_when_last_known())
        });
        holders.next().map(|(name, _)| name)
    }

    /// Where one instance is promoted already, when there may be no other.
    fn promoted_elsewhere(&self, resource: &ResourceId, node: &NodeId) -> Option<&NodeId> {
        let promoted = |history: &History| {
            let promoting = history.pending.values().any(|pending| pending.key.name == OperationName::Promote);
            promoting || history.promoted() && history.activity() != Activity::Inactive || history.ran_when_last_known()
        };
        let mut holders = self.others(node, resource).filter(|(_, status)| {
            let instances = status.resources.iter().filter(|(id, _)| id.base() == resource.base());
            instances.map(|(_, history)| history).any(promoted)
        });
        let (first, _) = holders.next()?;
        let most = self.promoted_max(resource);
        (1 + holders.count() >= most).then_some(first)
    }

    /// Forgets a recurring monitor whose end was ordered.
    pub(crate) fn cancel_monitor(&mut self, node: &NodeId, resource: &ResourceId, interval: Duration) {
        let key = OperationKey { name: OperationName::Monitor, interval: Some(interval) };
        let history = self.status.nodes.get_mut(node).and_then(|status| status.resources.get_mut(resource));
        if let Some(history) = history {
            history.end(key);
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
        let counts = is_failure(report) && !self.ignores(&report.resource, report);
        let fatal = match report.name {
            OperationName::Start => self.config.properties.start_failure_is_fatal,
            name => name == OperationName::Stop,
        };
        let configured = self.config.resources.get(report.resource.base());
        let expiry = configured.and_then(|resource| resource.meta.failure_timeout);
        self.status.calls += 1;
        let call = self.status.calls;
        let status = self.status.nodes.get_mut(node).expect("online() found it");
        let history = status.resources.entry(report.resource.clone()).or_default();
        // An order that is not in flight any more was given up for lost by the DC, which counted its failure.
        let pending = report.order.and_then(|order| history.pending.remove(&order));
        if counts && (report.order.is_none() || pending.is_some()) {
            history.count_failure(fatal, report, wall_ms, expiry);
        }
        let (fingerprint, migration) = match pending {
            Some(pending) => (pending.fingerprint, pending.migration),
            None => (history.fingerprint_of(report), None),
        };
        let record = OperationRecord { call, report: report.clone(), wall_ms, fingerprint, migration };
        history.keep(record);
        Some(News::Recorded { node: node.clone(), report: report.clone() })
    }

    /// Whether the configuration says `on-fail = "ignore"` for this operation.
    fn ignores(&self, resource: &ResourceId, report: &Report) -> bool {
        let Some(resource) = self.config.resources.get(resource.base()) else { return false };
        let mut listed = resource.operations.iter();
        listed.any(|operation| {
            operation.name == report.name
                && operation.interval == report.interval
                && operation.on_fail == Some(OnFail::Ignore)
        })
    }

    /// Forgets that anything of a resource failed on a node; what is known of it stays, and so does a failure later
    /// than the `known` call, of which whoever asked did not know.
    pub(super) fn clear_failures(&mut self, node: &NodeId, resource: &ResourceId, known: u64) -> Option<News> {
        let history = self.status.nodes.get_mut(node)?.resources.get_mut(resource)?;
        if history.last_failure.as_ref().is_some_and(|failure| failure.call > known) {
            return None;
        }
        history.clear_failures().then(|| News::FailuresCleared { resource: resource.clone(), node: node.clone() })
    }

    /// Forgets all that is known of a resource on a node, unless an order about it is in flight, or something was done
    /// later than the `known` call.
    pub(super) fn forget(&mut self, node: &NodeId, resource: &ResourceId, known: u64) -> Option<News> {
        let resources = &mut self.status.nodes.get_mut(node)?.resources;
        let old = |history: &&History| history.records.iter().all(|record| record.call <= known);
        resources.get(resource).filter(|history| history.pending.is_empty()).filter(old)?;
        resources.remove(resource);
        Some(News::Forgotten { resource: resource.clone(), node: node.clone() })
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
                let meant = |wanted: &Vec<ResourceId>| wanted.iter().any(|name| name.as_str() == resource.base());
                if wanted.as_ref().is_none_or(meant) {
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

/// From where to where, of the halves of a migration.
fn migration(operation: &Operation) -> Option<(NodeId, NodeId)> {
    let node = |name: &str| NodeId::new(operation.meta.get(name)?).ok();
    matches!(operation.name, OperationName::MigrateTo | OperationName::MigrateFrom)
        .then(|| Some((node("migrate_source")?, node("migrate_target")?)))
        .flatten()
}

impl History {
    /// It ran, and since its failures were forgotten nobody has looked: in which role is not known either.
    fn ran_when_last_known(&self) -> bool {
        self.activity() == Activity::Unknown && self.runs_since != 0
    }

    /// Keeps a result as the last of its slot. What ends recurring monitors ends their records. A notification tells
    /// the service something and asks nothing: what came of it is not kept. The last failure is kept beside.
    pub fn keep(&mut self, record: OperationRecord) {
        let key = record.key();
        if key.name == OperationName::Notify {
            return;
        }
        if record.is_failure() {
            self.last_failure = Some(record.clone());
        }
        let (slot, ends_monitors) = (record.slot(), key.name.ends_monitors());
        self.records.retain(|old| old.slot() != slot && !(ends_monitors && old.report.interval.is_some()));
        self.records.push(record);
        match self.activity() {
            Activity::Active if key.name.brings_up() || self.runs_since == 0 => self.runs_since = self.last_call(),
            Activity::Active | Activity::Doubtful => {}
            Activity::Inactive | Activity::Unknown => self.runs_since = 0,
        }
    }

    /// Forgets a recurring operation that has ended, its failure too.
    pub fn end(&mut self, key: OperationKey) {
        self.records.retain(|record| record.key() != key);
        self.pending.retain(|_, pending| pending.key != key);
        self.last_failure.take_if(|record| record.key() == key);
    }

    fn last_call(&self) -> u64 {
        self.records.iter().map(|record| record.call).max().unwrap_or(0)
    }

    /// With what a recurring monitor that reports by itself is called: with what it was ordered.
    fn fingerprint_of(&self, report: &Report) -> Option<String> {
        let same = |record: &&OperationRecord| {
            record.report.name == report.name && record.report.interval == report.interval && report.order.is_none()
        };
        self.records.iter().find(same)?.fingerprint.clone()
    }

    /// Forgets failures; where there were any, also all records, so that a probe finds out anew. Whether there were.
    fn forget_failures(&mut self) -> bool {
        let failed = self.clear_failures() || self.records.iter().any(OperationRecord::is_failure);
        if failed {
            self.records.clear();
        }
        failed
    }

    /// Forgets that anything failed, and nothing else. Whether there was something to forget.
    pub(super) fn clear_failures(&mut self) -> bool {
        let counted = !std::mem::take(&mut self.failures).is_empty();
        self.last_failure.take().is_some() || counted
    }

    fn count_failure(&mut self, fatal: bool, report: &Report, wall_ms: u64, expiry: Option<Duration>) {
        let last = self.failures.iter().map(|failure| failure.last_wall_ms).max().unwrap_or(wall_ms);
        let age = Duration::from_millis(wall_ms.saturating_sub(last));
        if expiry.is_some_and(|expiry| age >= expiry) {
            self.failures.clear();
        }
        let key = OperationKey { name: report.name, interval: report.interval };
        match self.failures.iter_mut().find(|failure| failure.key == key) {
            Some(failure) => {
                failure.count = failure.count.saturating_add(1);
                failure.fatal |= fatal;
                failure.last_wall_ms = wall_ms;
            }
            None => self.failures.push(FailureCount { key, count: 1, fatal, last_wall_ms: wall_ms }),
        }
    }
}
