//! What agents answered.

use super::Agent;
use serde::{Deserialize, Serialize};

/// What was done with one resource on one node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceHistory {
    /// The resource, by the name it has in the status (`web`, `web:1`).
    pub id: String,
    /// The agent that was called.
    pub agent: Agent,
    /// The container it was started in, of remote connections.
    pub container: Option<String>,
    /// Since when it is kept for this node, which left in order (`shutdown-lock`), seconds since 1970.
    pub shutdown_lock: Option<i64>,
    /// Why it is to be restarted once where it runs, although its parameters are those of today.
    #[serde(default)]
    pub restart: Option<Restart>,
    /// The operations, in the order recorded (not the order of time).
    pub operations: Vec<OperationHistory>,
}

/// Why something is stopped and started once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// An operator asked for it.
    Asked,
    /// What it is made of, apart from parameters, is not what it was started with.
    Changed,
}

/// The last call of one operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperationHistory {
    /// Its name in the status (`web_last_0`, `web_last_failure_0`, `web_monitor_10000`).
    pub id: String,
    /// Its key (`web_monitor_10000`).
    pub key: String,
    /// The operation.
    pub name: String,
    /// How often it repeats, milliseconds; 0 for once.
    pub interval_ms: u64,
    /// Its place in time among the calls on this node; -1 while pending, 0 when made up by fencing.
    pub call: i64,
    /// The agent's exit code.
    pub exit_code: i32,
    /// How the call itself went.
    pub status: OperationStatus,
    /// The exit code that was expected (from the transition that ordered it); -1 when unknown.
    pub expected_exit_code: i32,
    /// Who ordered it: number of the action, of the transition, and the coordinator's id, as recorded.
    pub transition_key: String,
    /// When it was run last, seconds since 1970.
    pub last_run: Option<i64>,
    /// When its result changed last, seconds since 1970.
    pub last_change: Option<i64>,
    /// How long it took, milliseconds.
    pub exec_ms: Option<i64>,
    /// Fingerprint of all parameters it was called with.
    pub digest: Option<String>,
    /// Names of the parameters of `restart_digest`, or names outside it, depending on the writer.
    pub restart_params: Option<String>,
    /// Fingerprint of the parameters whose change needs a restart.
    pub restart_digest: Option<String>,
    /// Names of the parameters not in `secure_digest`.
    pub secure_params: Option<String>,
    /// Fingerprint of the parameters that are not secret.
    pub secure_digest: Option<String>,
    /// Where a migration came from.
    pub migrate_source: Option<String>,
    /// Where a migration goes to.
    pub migrate_target: Option<String>,
    /// Name of the node it ran on, where recorded.
    pub on_node: Option<String>,
    /// Why it failed, in the agent's words.
    pub exit_reason: Option<String>,
    /// Version of the feature set that recorded it.
    pub feature_set: Option<String>,
    /// Parameters that may be recorded for operations set by users (`CRM_meta_*`, ...).
    pub user_data: Option<String>,
}

impl OperationHistory {
    /// Whether it is kept beside what was done since, as the last failure there was.
    #[must_use]
    pub fn is_last_failure(&self) -> bool {
        self.id.ends_with("_last_failure_0")
    }
}

/// How a call went, apart from the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationStatus {
    /// No answer yet (-1).
    Pending,
    /// It ran (0).
    #[default]
    Done,
    /// Called off (1).
    Cancelled,
    /// Took too long (2).
    TimedOut,
    /// The agent does not know the operation (3).
    NotSupported,
    /// It failed (4).
    Failed,
    /// The agent failed in a way that repeating cannot mend (5).
    FailedHard,
    /// As above, on every node (6).
    FailedFatal,
    /// The agent is not installed (7).
    NotInstalled,
    /// The executor was not there (8).
    NotConnected,
    /// No such process (9): the executor lost it.
    Invalid,
    /// Another number.
    Unknown,
}
