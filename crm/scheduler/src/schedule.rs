//! The answer: placements, actions in their order, a summary for people, and why.

use crate::role::Role;
use config::Score;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The answer. Names, not indices: it is read by those who do not have the facts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The way there; empty when everything is as it should be.
    pub actions: Vec<ScheduledAction>,
    /// What changes, for people.
    pub summary: Vec<Change>,
    /// Where everything should be.
    pub placements: Vec<Placement>,
    /// The final scores.
    pub scores: Vec<ScoreLine>,
    /// The answer may change at this moment (milliseconds since 1970) although nothing happens.
    pub recheck_ms: Option<i64>,
    /// What was wrong with the situation.
    pub warnings: Vec<String>,
}

impl Schedule {
    /// Whether nothing is to be done: marks that carry order alone do not count.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.actions.iter().all(|action| action.kind == ActionKind::Pseudo)
    }
}

/// One step of the transition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduledAction {
    /// Its place in the list.
    pub id: u32,
    /// Who does it.
    pub kind: ActionKind,
    /// What is done, in the words of the graph (`start`, `monitor`, `reboot`, `running`, ...).
    pub operation: String,
    /// For which resource.
    pub resource: Option<String>,
    /// Where; of fencing: whom.
    pub node: Option<String>,
    /// Of recurring monitors and cancels, milliseconds.
    pub interval_ms: u64,
    /// Milliseconds.
    pub timeout_ms: u64,
    /// The planned exit code.
    pub target_rc: i32,
    /// Notifications: `pre` or `post`, and about what.
    pub notify: Option<(String, String)>,
    /// Migrations: from and to.
    pub migration: Option<(String, String)>,
    /// What must be done before, direct edges.
    pub after: Vec<u32>,
    /// Why.
    pub cause: String,
}

/// Who carries an action out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionKind {
    /// A resource agent.
    Rsc,
    /// Fence devices.
    Fence,
    /// The cluster itself.
    Crm,
    /// Nobody.
    Pseudo,
}

/// One line of the summary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// `start`, `stop`, `move`, `migrate`, `restart`, `recover`, `reload`, `promote`, `demote`, `re-promote`, `fence`.
    pub action: String,
    /// The resource; `None` for fencing.
    pub resource: Option<String>,
    /// Fencing: `reboot`, `off`, `on`.
    pub op: Option<String>,
    /// Fencing: the node.
    pub node: Option<String>,
    /// Where it is.
    pub from: Option<String>,
    /// Where it goes.
    pub to: Option<String>,
    /// It cannot be carried out.
    pub blocked: bool,
    /// Why.
    pub because: String,
}

/// Where a primitive or instance should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// The instance.
    pub resource: String,
    /// Where.
    pub node: Option<String>,
    /// As what.
    pub role: Role,
    /// Why.
    pub because: Vec<String>,
}

/// One final score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreLine {
    /// A promotion score, not one of placement.
    pub promotion: bool,
    /// The instance.
    pub resource: Arc<str>,
    /// The node.
    pub node: Arc<str>,
    /// How much.
    pub score: Score,
}
