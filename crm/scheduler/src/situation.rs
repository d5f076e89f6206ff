//! Everything the scheduler may look at: the configuration as it was written, and the status as it was reported.
//!
//! Nothing is interpreted here. Names are text, options are name/value sets that may carry rules, histories are what
//! agents answered. [`crate::facts`] turns this into something that can be reasoned about. Two things make a
//! [`Situation`]: the cluster's own CIB, and a Pacemaker CIB in XML (package `import`). Both are serializable, so that
//! a situation can be saved and replayed.

mod history;
mod node;

pub use config::written::*;
pub use history::{OperationHistory, OperationStatus, ResourceHistory, Restart};
pub use node::{NodeStatus, Ticket};

use serde::{Deserialize, Serialize};

/// A cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Situation {
    /// Wall clock, milliseconds since 1970 (failure timeouts, date rules).
    pub now_ms: i64,
    /// Whether this partition may act.
    pub quorate: bool,
    /// Whether this partition never could since it began: it lost nothing, so it has no reason to end itself.
    #[serde(default)]
    pub never_quorate: bool,
    /// Name or id of the node that coordinates, when known.
    pub dc: Option<String>,
    /// What operators wrote.
    pub configuration: Configuration,
    /// What nodes reported, one entry for each node that ever reported anything.
    pub status: Vec<NodeStatus>,
    /// Tickets as they stand.
    pub tickets: Vec<Ticket>,
}

impl Situation {
    /// A cluster that was just started: every member is there and nothing was ever done.
    #[must_use]
    pub fn just_started(configuration: Configuration, now_ms: i64) -> Situation {
        let members = configuration.nodes.iter().filter(|node| node.kind == NodeKind::Member);
        let status = members.map(|node| NodeStatus {
            id: node.id.clone(),
            name: node.name.clone(),
            member: Some(true),
            peer: Some(true),
            join: Some("member".to_owned()),
            expected: Some("member".to_owned()),
            ..NodeStatus::default()
        });
        let (status, dc) = (status.collect(), configuration.nodes.first().map(|node| node.name.clone()));
        Situation { now_ms, quorate: true, dc, configuration, status, ..Situation::default() }
    }
}
