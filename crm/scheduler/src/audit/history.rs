//! What a history says of one resource on one node: in doubt it runs.

use crate::role::Role;
use crate::situation::{OperationHistory, OperationStatus, ResourceHistory};

/// Whether it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Nobody asked.
    Unknown,
    /// It does not.
    Absent,
    /// It does, or may.
    Runs,
}

/// A resource on a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activity<'a> {
    /// The node.
    pub(super) node: usize,
    /// Whether it runs there.
    pub(super) doing: Doing,
    /// As what, when it runs.
    pub(super) role: Role,
    /// It was seen to run. Otherwise something that it did not answer well may have left it running.
    pub(super) sure: bool,
    /// Something failed there, or was cut short.
    pub(super) failed: bool,
    /// A call has no answer yet.
    pub(super) pending: bool,
    /// It was sent to another node alive, and nothing was heard of its end here.
    pub(super) sent_to: Option<&'a str>,
    /// It came from another node alive.
    pub(super) came: bool,
    /// The last that was asked of it was to stop, and it did not.
    pub(super) stop_failed: bool,
}

impl Activity<'_> {
    /// Whether others can reckon with it: it was seen to run, and is not on its way out.
    pub(super) fn counts(&self) -> bool {
        self.doing == Doing::Runs && self.sure && !self.stop_failed
    }
}

/// Reads a history.
pub(super) fn read(history: &ResourceHistory, node: usize) -> Activity<'_> {
    let mut now = Activity {
        node,
        doing: Doing::Unknown,
        role: Role::Stopped,
        sure: false,
        failed: false,
        pending: false,
        sent_to: None,
        came: false,
        stop_failed: false,
    };
    // Calls without an answer are the newest.
    let place = |op: &OperationHistory| (op.status == OperationStatus::Pending || op.call < 0, op.call);
    let operations = &history.operations;
    if operations.is_sorted_by_key(place) {
        operations.iter().for_each(|op| follow(&mut now, op));
    } else {
        let mut sorted: Vec<&OperationHistory> = operations.iter().collect();
        sorted.sort_by_key(|op| place(op));
        sorted.into_iter().for_each(|op| follow(&mut now, op));
    }
    now
}

/// What one more call changes.
fn follow<'a>(now: &mut Activity<'a>, op: &'a OperationHistory) {
    if op.status == OperationStatus::Cancelled {
        return;
    }
    if op.status == OperationStatus::Pending {
        now.pending = true;
        match op.name.as_str() {
            "start" | "migrate_from" => runs(now, Role::Unpromoted),
            "promote" => runs(now, Role::Promoted),
            "migrate_to" => {
                runs(now, Role::Unpromoted);
                now.sent_to = op.migrate_target.as_deref();
            }
            _ => {}
        }
        return;
    }
    let answered = matches!(op.status, OperationStatus::Done | OperationStatus::Failed);
    let expected = answered && (op.expected_exit_code < 0 || op.exit_code == op.expected_exit_code);
    let probe = op.name == "monitor" && op.interval_ms == 0;
    let good = matches!(op.exit_code, 0 | 7 | 8 | 190 | 191);
    now.failed |= !(answered && good && (expected || probe));
    if answered && op.exit_code == 7 && op.name != "migrate_to" {
        absent(now);
        return;
    }
    let fine = answered && matches!(op.exit_code, 0 | 190);
    match op.name.as_str() {
        "stop" if fine => absent(now),
        "stop" => {
            now.doing = Doing::Runs;
            now.stop_failed = true;
        }
        "monitor" => monitored(now, op, answered, probe),
        "promote" if fine => runs(now, Role::Promoted),
        "demote" if fine => now.role = Role::Unpromoted,
        "migrate_to" => {
            now.sent_to = op.migrate_target.as_deref();
            now.doing = Doing::Runs;
        }
        "start" | "migrate_from" => {
            runs(now, Role::Unpromoted);
            now.sure = fine;
            now.came = fine && op.name == "migrate_from";
        }
        "notify" | "meta-data" => {}
        // Failed, or something else that is asked of what runs.
        _ => now.doing = Doing::Runs,
    }
}

/// What a monitor found.
fn monitored(now: &mut Activity<'_>, op: &OperationHistory, answered: bool, probe: bool) {
    match op.exit_code {
        // Where it is not installed, or cannot be configured, nothing runs.
        5 | 2 if probe => absent(now),
        _ if probe && op.status == OperationStatus::NotInstalled => absent(now),
        8 | 9 | 191 if answered => runs(now, Role::Promoted),
        0 | 190 if answered && op.expected_exit_code == 8 => runs(now, Role::Unpromoted),
        0 | 190 if answered && now.doing != Doing::Runs => runs(now, Role::Unpromoted),
        0 | 190 if answered => now.sure = true,
        _ if now.doing == Doing::Runs => {}
        _ => {
            runs(now, Role::Unpromoted);
            now.sure = false;
        }
    }
}

fn runs(now: &mut Activity<'_>, role: Role) {
    now.doing = Doing::Runs;
    now.sure = true;
    now.role = role;
    now.sent_to = None;
    now.came = false;
    now.stop_failed = false;
}

fn absent(now: &mut Activity<'_>) {
    now.doing = Doing::Absent;
    now.role = Role::Stopped;
    now.sent_to = None;
    now.came = false;
    now.stop_failed = false;
}
