//! What an instance does, or should do.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The role of an instance, from the least to the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Nobody asked yet.
    #[default]
    Unknown,
    /// It does not run.
    Stopped,
    /// It runs.
    Started,
    /// It runs in the lower role of a promotable clone.
    Unpromoted,
    /// It runs in the upper role of a promotable clone.
    Promoted,
}

impl Role {
    /// The role that `word` names, in the present or the older words of the peer, without regard to case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Role> {
        let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(word));
        if is(&["Stopped"]) {
            Some(Role::Stopped)
        } else if is(&["Started"]) {
            Some(Role::Started)
        } else if is(&["Unpromoted", "Slave"]) {
            Some(Role::Unpromoted)
        } else if is(&["Promoted", "Master"]) {
            Some(Role::Promoted)
        } else if is(&["Unknown"]) {
            Some(Role::Unknown)
        } else {
            None
        }
    }

    /// Whether an instance in this role runs.
    #[must_use]
    pub fn runs(self) -> bool {
        self > Role::Stopped
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Unknown => "Unknown",
            Role::Stopped => "Stopped",
            Role::Started => "Started",
            Role::Unpromoted => "Unpromoted",
            Role::Promoted => "Promoted",
        })
    }
}
