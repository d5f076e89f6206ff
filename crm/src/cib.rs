//! The one truth of the cluster: the configuration and the status, versioned. Only [`Cib::apply`] changes it, and only
//! messages that the ring delivered reach that function, so every member of a view holds the same one.

mod change;
mod status;

pub use change::{Change, OverrideEdit};
pub use status::{
    Activity, Counter, Definition, Failures, FencingStatus, History, NodeState, NodeStatus, OperationKey,
    OperationRecord, Pending, Status,
};

use config::{Config, Overrides};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The version of the durable part (cluster file and overrides): the number of the quorate view in which the last
/// change was ordered (or which last confirmed it), and its place there. Ordered; the highest wins after a merge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Generation {
    /// Ring number of the view.
    pub view: u64,
    /// Changes ordered in that view so far.
    pub index: u64,
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.view, self.index)
    }
}

/// The durable part: what is on the disk of every node, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durable {
    /// Its version.
    pub generation: Generation,
    /// The cluster file exactly as the operator wrote it, comments and all.
    pub text: String,
    /// What operators asked of the running cluster on top of it.
    pub overrides: Overrides,
}

/// Configuration and status of the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cib {
    /// The durable part.
    pub durable: Durable,
    /// `durable.text`, parsed.
    pub config: Arc<Config>,
    /// What happened and what runs; not stored on disk, handed over in snapshots and found again by probes.
    pub status: Status,
}
