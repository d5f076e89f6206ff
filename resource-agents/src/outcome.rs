//! What an agent's answer means. Exit codes are those of the OCF resource agent API 1.1.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The meaning of one finished operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// 0: done, or it runs.
    Ok,
    /// 1 (and every code without a meaning of its own): failed.
    Error,
    /// 2: a parameter is wrong on this node.
    InvalidParameter,
    /// 3: the agent does not know this action.
    Unimplemented,
    /// 4: the agent was not allowed to do it.
    InsufficientPrivilege,
    /// 5: the agent, or what it needs, is not installed on this node.
    NotInstalled,
    /// 6: the configuration is wrong everywhere.
    NotConfigured,
    /// 7: it is cleanly stopped.
    NotRunning,
    /// 8: it runs promoted.
    Promoted,
    /// 9: it is failed in the promoted role.
    FailedPromoted,
    /// 190: it runs, but worse than it should.
    Degraded,
    /// 191: it runs promoted, but worse than it should.
    DegradedPromoted,
    /// It did not answer within its timeout and was killed.
    TimedOut,
}

impl Outcome {
    /// The meaning of an exit code.
    #[must_use]
    pub fn from_code(code: i32) -> Outcome {
        match code {
            0 => Outcome::Ok,
            2 => Outcome::InvalidParameter,
            3 => Outcome::Unimplemented,
            4 => Outcome::InsufficientPrivilege,
            5 => Outcome::NotInstalled,
            6 => Outcome::NotConfigured,
            7 => Outcome::NotRunning,
            8 => Outcome::Promoted,
            9 => Outcome::FailedPromoted,
            190 => Outcome::Degraded,
            191 => Outcome::DegradedPromoted,
            _ => Outcome::Error,
        }
    }

    /// The exit code with this meaning; 1 where the agent gave none.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Outcome::Ok => 0,
            Outcome::Error | Outcome::TimedOut => 1,
            Outcome::InvalidParameter => 2,
            Outcome::Unimplemented => 3,
            Outcome::InsufficientPrivilege => 4,
            Outcome::NotInstalled => 5,
            Outcome::NotConfigured => 6,
            Outcome::NotRunning => 7,
            Outcome::Promoted => 8,
            Outcome::FailedPromoted => 9,
            Outcome::Degraded => 190,
            Outcome::DegradedPromoted => 191,
        }
    }

    /// Whether this is what was planned with. Degraded is as planned: it runs in its role.
    #[must_use]
    pub fn meets(self, expect: Outcome) -> bool {
        self == expect
            || matches!(
                (self, expect),
                (Outcome::Degraded, Outcome::Ok) | (Outcome::DegradedPromoted, Outcome::Promoted)
            )
    }

    /// In words, as status shows it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Error => "error",
            Outcome::InvalidParameter => "invalid parameter",
            Outcome::Unimplemented => "unimplemented",
            Outcome::InsufficientPrivilege => "insufficient privilege",
            Outcome::NotInstalled => "not installed",
            Outcome::NotConfigured => "not configured",
            Outcome::NotRunning => "not running",
            Outcome::Promoted => "promoted",
            Outcome::FailedPromoted => "failed (promoted)",
            Outcome::Degraded => "degraded",
            Outcome::DegradedPromoted => "degraded (promoted)",
            Outcome::TimedOut => "timed out",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
