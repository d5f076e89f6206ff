//! How several links between two nodes are used: `link-mode`.

use serde::{Deserialize, Serialize};

/// Which of the working links a message takes. The order of a node's addresses is the order of preference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkMode {
    /// `"passive"`, the default: the first one that works.
    #[default]
    Passive,
    /// `"active"`: all of them, so that a lost packet costs nothing.
    Active,
    /// `"round-robin"`: each message takes the next one, so that their bandwidths add up.
    RoundRobin,
}

impl LinkMode {
    /// The word in the cluster file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            LinkMode::Passive => "passive",
            LinkMode::Active => "active",
            LinkMode::RoundRobin => "round-robin",
        }
    }
}
