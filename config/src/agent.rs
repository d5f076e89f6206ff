//! Which program manages a resource: `ocf:PROVIDER:TYPE` or `command`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The `agent` of a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AgentRef {
    /// An OCF script, `ocf:heartbeat:IPaddr2`: file `TYPE` in the directory `PROVIDER` below the OCF root.
    Ocf {
        /// The directory, such as `heartbeat`.
        provider: String,
        /// The script, such as `IPaddr2`.
        kind: String,
    },
    /// Command lines written in the cluster file itself (`start`, `stop`, `check`), run by `/bin/sh -c`.
    Command,
}

impl fmt::Display for AgentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AgentRef::Ocf { provider, kind } => write!(f, "ocf:{provider}:{kind}"),
            AgentRef::Command => f.write_str("command"),
        }
    }
}
