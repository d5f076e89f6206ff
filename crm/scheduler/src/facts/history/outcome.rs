//! What one recorded call says: whether it went well, and the role that its exit code proves.
//!
//! Agents answer more than yes and no. That an instance was found running, promoted or stopped by a probe is news and
//! not a failure, although another code was expected; a code that was expected is never a failure; a probe on a node
//! where the software is not installed says no more than that nothing runs there.

use crate::role::Role;
use crate::situation::{OperationHistory, OperationStatus};

/// Exit codes of agents.
pub(crate) mod code {
    /// It went well; of a monitor: it runs.
    pub(crate) const OK: i32 = 0;
    /// A parameter makes no sense on this node.
    pub(crate) const BAD_PARAMETER: i32 = 2;
    /// The agent does not know the operation.
    pub(crate) const UNIMPLEMENTED: i32 = 3;
    /// Not permitted on this node.
    pub(crate) const NOT_PERMITTED: i32 = 4;
    /// The software is not on this node.
    pub(crate) const NOT_INSTALLED: i32 = 5;
    /// A parameter makes no sense on any node.
    pub(crate) const NOT_CONFIGURED: i32 = 6;
    /// It does not run.
    pub(crate) const NOT_RUNNING: i32 = 7;
    /// It runs, promoted.
    pub(crate) const PROMOTED: i32 = 8;
    /// It is promoted, and broken.
    pub(crate) const FAILED_PROMOTED: i32 = 9;
    /// It runs, but not well.
    pub(crate) const DEGRADED: i32 = 190;
    /// It runs promoted, but not well.
    pub(crate) const DEGRADED_PROMOTED: i32 = 191;
}

/// How a call is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No answer yet.
    Pending,
    /// As it should be, or news.
    Fine,
    /// Called off: it says nothing.
    Void,
    /// It failed.
    Failed,
    /// It failed, and would fail again on this node.
    FailedHere,
    /// It failed, and would fail again anywhere.
    FailedEverywhere,
}

/// What one call says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// How it is to be taken.
    pub verdict: Verdict,
    /// The exit code, without the shades that make no difference here.
    pub exit_code: i32,
    /// The role that the exit code proves by itself.
    pub role: Option<Role>,
    /// A probe that could not even look, taken for one that found nothing.
    pub masked: bool,
}

/// Whether `operation` only asks whether something runs, once.
#[must_use]
pub(crate) fn is_probe(operation: &OperationHistory) -> bool {
    operation.name == "monitor" && operation.interval_ms == 0
}

/// Judges a call. `managed`: the cluster may act on the resource.
#[must_use]
pub(crate) fn judge(operation: &OperationHistory, managed: bool) -> Outcome {
    let probe = is_probe(operation);
    if masked(operation) {
        let role = Some(Role::Stopped);
        return Outcome { verdict: Verdict::Fine, exit_code: code::NOT_RUNNING, role, masked: true };
    }
    let exit_code = match operation.exit_code {
        code::DEGRADED => code::OK,
        code::DEGRADED_PROMOTED => code::PROMOTED,
        other => other,
    };
    let plain = |verdict| Outcome { verdict, exit_code, role: None, masked: false };
    match operation.status {
        OperationStatus::Done | OperationStatus::Failed => {}
        OperationStatus::Pending => return plain(Verdict::Pending),
        OperationStatus::Cancelled => return plain(Verdict::Void),
        OperationStatus::NotInstalled | OperationStatus::FailedHard => return plain(Verdict::FailedHere),
        OperationStatus::FailedFatal => return plain(Verdict::FailedEverywhere),
        OperationStatus::TimedOut
        | OperationStatus::NotSupported
        | OperationStatus::NotConnected
        | OperationStatus::Invalid
        | OperationStatus::Unknown => return plain(Verdict::Failed),
    }
    let expected = if operation.expected_exit_code < 0 {
        matches!(exit_code, code::OK | code::NOT_RUNNING | code::PROMOTED)
    } else {
        exit_code == operation.expected_exit_code
    };
    let as_expected = if expected { Verdict::Fine } else { Verdict::Failed };
    let (verdict, role) = match exit_code {
        code::OK if probe => (Verdict::Fine, None),
        code::NOT_RUNNING => {
            let fine = expected || probe || !managed;
            if fine { (Verdict::Fine, Some(Role::Stopped)) } else { (Verdict::Failed, None) }
        }
        code::PROMOTED => (if probe { Verdict::Fine } else { as_expected }, Some(Role::Promoted)),
        code::OK => (as_expected, None),
        // No other answer is a good one, whoever may have expected it.
        code::FAILED_PROMOTED => (Verdict::Failed, Some(Role::Promoted)),
        code::NOT_CONFIGURED => (Verdict::FailedEverywhere, None),
        code::UNIMPLEMENTED if operation.interval_ms > 0 => (Verdict::Failed, None),
        code::UNIMPLEMENTED | code::NOT_INSTALLED | code::NOT_PERMITTED | code::BAD_PARAMETER => {
            (Verdict::FailedHere, None)
        }
        _ => (Verdict::Failed, None),
    };
    Outcome { verdict, exit_code, role, masked: false }
}

/// A probe that found no agent, or nothing it could ask with: where nothing can run, nothing runs.
fn masked(operation: &OperationHistory) -> bool {
    is_probe(operation)
        && (operation.status == OperationStatus::NotInstalled
            || (matches!(operation.status, OperationStatus::Done | OperationStatus::Failed)
                && matches!(operation.exit_code, code::NOT_INSTALLED | code::BAD_PARAMETER)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(name: &str, interval_ms: u64, expected_exit_code: i32, exit_code: i32) -> (Verdict, Option<Role>) {
        let status = if exit_code == expected_exit_code { OperationStatus::Done } else { OperationStatus::Failed };
        let name = name.to_string();
        let op = OperationHistory {
            name,
            interval_ms,
            exit_code,
            expected_exit_code,
            status,
            ..OperationHistory::default()
        };
        let outcome = judge(&op, true);
        (outcome.verdict, outcome.role)
    }

    #[test]
    fn probes_bring_news() {
        assert_eq!(verdict("monitor", 0, 7, 7), (Verdict::Fine, Some(Role::Stopped)));
        assert_eq!(verdict("monitor", 0, 7, 0), (Verdict::Fine, None));
        assert_eq!(verdict("monitor", 0, 7, 8), (Verdict::Fine, Some(Role::Promoted)));
        assert_eq!(verdict("monitor", 0, 7, 190), (Verdict::Fine, None));
        assert_eq!(verdict("monitor", 0, 0, 7), (Verdict::Fine, Some(Role::Stopped)));
        assert_eq!(verdict("monitor", 0, 7, 1), (Verdict::Failed, None));
        assert_eq!(verdict("monitor", 0, 7, 9), (Verdict::Failed, Some(Role::Promoted)));
    }

    #[test]
    fn a_probe_without_an_agent_finds_nothing() {
        for exit_code in [code::NOT_INSTALLED, code::BAD_PARAMETER] {
            assert_eq!(verdict("monitor", 0, 7, exit_code), (Verdict::Fine, Some(Role::Stopped)), "{exit_code}");
        }
    }

    #[test]
    fn some_failures_rule_out_a_node_and_some_all() {
        for exit_code in [code::NOT_INSTALLED, code::BAD_PARAMETER, code::NOT_PERMITTED, code::UNIMPLEMENTED] {
            assert_eq!(verdict("start", 0, 0, exit_code).0, Verdict::FailedHere, "{exit_code}");
        }
        assert_eq!(verdict("start", 0, 0, code::NOT_CONFIGURED).0, Verdict::FailedEverywhere);
        assert_eq!(verdict("start", 0, 0, 1).0, Verdict::Failed);
        assert_eq!(verdict("monitor", 10_000, 0, code::NOT_RUNNING).0, Verdict::Failed);
        assert_eq!(verdict("monitor", 10_000, 8, code::DEGRADED_PROMOTED).0, Verdict::Fine);
    }
}
