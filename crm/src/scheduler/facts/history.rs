//! What the records of one resource on one node say, read in the order in which they happened.

use crate::cib::{History, OperationRecord};
use crate::scheduler::operation::words;
use config::{OnFail, OperationName, Resource};
use resource_agents::Outcome;
use std::time::Duration;

/// What is known of a resource on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scheduler) enum State {
    /// The node runs nothing of ours.
    Absent,
    /// The node cannot be asked, and may run it.
    Doubtful,
    /// It was not asked yet.
    Unknown,
    /// It does not run.
    Stopped,
    /// It runs.
    Active {
        /// The result that said so.
        call: u64,
        /// What it was started with.
        digest: u64,
    },
    /// It may run, and is not well.
    Failed(Failure),
}

/// One failure that was not recovered from yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scheduler) struct Failure {
    pub(in crate::scheduler) name: OperationName,
    /// "monitor timed out: no answer".
    pub(in crate::scheduler) text: String,
    /// What to do about it, defaults filled in.
    pub(in crate::scheduler) on_fail: OnFail,
}

/// Why a resource may not run on a node (or anywhere) until failures are cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scheduler) struct Ban {
    pub(in crate::scheduler) text: String,
    /// The configuration of the resource is wrong on every node.
    pub(in crate::scheduler) everywhere: bool,
}

/// Everything that one history says.
pub(super) struct Reading {
    pub(super) state: State,
    pub(super) bans: Vec<Ban>,
    /// Failures with `on-fail = "stop"`: their call and words.
    pub(super) halts: Vec<(u64, String)>,
    /// Call of the last successful start.
    pub(super) started: u64,
    /// Intervals of the monitors that go on right now.
    pub(super) monitors: Vec<Duration>,
    /// When the next failure is forgotten.
    pub(super) expires: Option<u64>,
}

/// What decides the meaning of a failure.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    /// `None` for a resource that is no longer configured.
    pub(super) resource: Option<&'a Resource>,
    pub(super) properties: &'a config::Properties,
    pub(super) quorate: bool,
    pub(super) wall_ms: u64,
}

impl Terms<'_> {
    /// When what happened at `wall_ms` is forgotten.
    fn expiry(&self, wall_ms: u64) -> Option<u64> {
        let timeout = self.resource?.meta.failure_timeout?;
        Some(wall_ms.saturating_add(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)))
    }

    fn expired(&self, wall_ms: u64) -> bool {
        self.expiry(wall_ms).is_some_and(|at| at <= self.wall_ms)
    }

    /// What a failure of this operation leads to. A stop knows only fence, block and ignore: to stop again because a
    /// stop failed would go on for ever.
    fn on_fail(&self, record: &OperationRecord) -> OnFail {
        let report = &record.report;
        let written = self.resource.and_then(|resource| {
            let same = |operation: &&config::Operation| {
                operation.name == report.name
                    && (operation.interval == report.interval || report.name != OperationName::Monitor)
            };
            resource.operations.iter().find(same).and_then(|operation| operation.on_fail)
        });
        let fencing = self.properties.fencing_enabled && self.quorate;
        let wanted = match (report.name, written) {
            (OperationName::Stop, Some(OnFail::Ignore)) => OnFail::Ignore,
            (OperationName::Stop, Some(OnFail::Block)) => OnFail::Block,
            (OperationName::Stop, _) => OnFail::Fence,
            (_, written) => written.unwrap_or(OnFail::Restart),
        };
        match wanted {
            OnFail::Fence if fencing => OnFail::Fence,
            OnFail::Fence if report.name == OperationName::Stop => OnFail::Block,
            // Without fencing the next best is not to run; without quorum everything stops anyway.
            OnFail::Fence if self.quorate => OnFail::Stop,
            OnFail::Fence => OnFail::Restart,
            OnFail::Stop | OnFail::Block if self.expired(record.wall_ms) && report.name != OperationName::Stop => {
                OnFail::Restart
            }
            other => other,
        }
    }
}

pub(super) fn read(history: &History, terms: Terms<'_>) -> Reading {
    let mut reading = Reading {
        state: State::Unknown,
        bans: Vec::new(),
        halts: Vec::new(),
        started: 0,
        monitors: Vec::new(),
        expires: None,
    };
    let mut records: Vec<&OperationRecord> = history.records.iter().collect();
    records.sort_by_key(|record| record.call);
    for record in &records {
        take(&mut reading, record, terms);
    }
    // The executor ends the monitors of a resource when its state is changed.
    let last = records.iter().rev().find(|record| record.report.name.ends_monitors());
    let since = last.map_or(0, |record| record.call);
    let recurring = records.iter().filter(|record| record.call > since).filter_map(|record| record.report.interval);
    reading.monitors = recurring.collect();
    counted(&mut reading, history, terms);
    reading
}

fn runs(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Ok | Outcome::Promoted | Outcome::Degraded | Outcome::DegradedPromoted)
}

/// Outcomes after which a try again on the same node makes no sense.
fn hard(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::NotInstalled
            | Outcome::InsufficientPrivilege
            | Outcome::InvalidParameter
            | Outcome::NotConfigured
            | Outcome::Unimplemented
    )
}

fn take(reading: &mut Reading, record: &OperationRecord, terms: Terms<'_>) {
    let report = &record.report;
    let probe = report.name == OperationName::Monitor && report.interval.is_none();
    let active = State::Active { call: record.call, digest: report.digest };
    let success = match report.name {
        OperationName::Notify => true,
        OperationName::Start
        | OperationName::Promote
        | OperationName::Demote
        | OperationName::MigrateTo
        | OperationName::MigrateFrom
        | OperationName::Reload => runs(report.outcome),
        OperationName::Stop => matches!(report.outcome, Outcome::Ok | Outcome::NotRunning),
        OperationName::Monitor => runs(report.outcome) || (probe && report.outcome == Outcome::NotRunning),
    };
    let on_fail = if success { OnFail::Ignore } else { terms.on_fail(record) };
    if !success && on_fail != OnFail::Ignore && report.name != OperationName::Stop {
        condemn(reading, record, on_fail, terms);
    }
    let ignored = on_fail == OnFail::Ignore;
    let failed = || State::Failed(Failure { name: report.name, text: words(report), on_fail });
    let before = std::mem::replace(&mut reading.state, State::Unknown);
    reading.state = match (report.name, before) {
        (OperationName::Start, _) if ignored => {
            reading.started = reading.started.max(record.call);
            active
        }
        (OperationName::MigrateFrom | OperationName::Promote | OperationName::Demote | OperationName::Reload, _)
            if ignored =>
        {
            active
        }
        (OperationName::Notify, before) => before,
        (OperationName::Stop | OperationName::MigrateTo, _) if ignored => State::Stopped,
        (OperationName::Monitor, before) if runs(report.outcome) => match before {
            State::Active { .. } | State::Failed(_) => before,
            _ => active,
        },
        (OperationName::Monitor, _) if probe && (report.outcome == Outcome::NotRunning || hard(report.outcome)) => {
            State::Stopped
        }
        (OperationName::Monitor, State::Unknown) if probe && ignored => State::Stopped,
        (OperationName::Monitor, before) if ignored => before,
        // It says that it does not run where it should not: that is no failure.
        (OperationName::Monitor, State::Stopped) if report.outcome == Outcome::NotRunning => State::Stopped,
        (OperationName::Monitor, State::Failed(earlier)) => State::Failed(graver(earlier, failed())),
        _ => failed(),
    };
}

/// Of two unrecovered failures the one that asks for more.
fn graver(earlier: Failure, later: State) -> Failure {
    let weight = |failure: &Failure| match failure.on_fail {
        OnFail::Ignore => 0,
        OnFail::Restart => 1,
        OnFail::Stop => 2,
        OnFail::Block => 3,
        OnFail::Fence => 4,
    };
    match later {
        State::Failed(later) if weight(&later) >= weight(&earlier) => later,
        _ => earlier,
    }
}

/// What a failure says about other places and times than its own.
fn condemn(reading: &mut Reading, record: &OperationRecord, on_fail: OnFail, terms: Terms<'_>) {
    if terms.expired(record.wall_ms) {
        return;
    }
    let outcome = record.report.outcome;
    if hard(outcome) {
        reading.bans.push(Ban { text: words(&record.report), everywhere: outcome == Outcome::NotConfigured });
    }
    if on_fail == OnFail::Stop {
        reading.halts.push((record.call, words(&record.report)));
    }
    if hard(outcome) || matches!(on_fail, OnFail::Stop | OnFail::Block) {
        expires(reading, terms.expiry(record.wall_ms));
    }
}

fn expires(reading: &mut Reading, at: Option<u64>) {
    reading.expires = match (reading.expires, at) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
}

/// Failures that are counted.
fn counted(reading: &mut Reading, history: &History, terms: Terms<'_>) {
    let failures = &history.failures;
    if failures.count == 0 && !failures.start_failed || terms.expired(failures.last_wall_ms) {
        return;
    }
    expires(reading, terms.expiry(failures.last_wall_ms));
    if failures.start_failed && terms.properties.start_failure_is_fatal {
        reading.bans.push(Ban { text: "a start failed there".to_owned(), everywhere: false });
    }
    let threshold = terms.resource.and_then(|resource| resource.meta.migration_threshold).filter(|count| *count > 0);
    if let Some(threshold) = threshold.filter(|threshold| failures.count >= *threshold) {
        let text = format!("it failed there {} of {threshold} times allowed", failures.count);
        reading.bans.push(Ban { text, everywhere: false });
    }
}
