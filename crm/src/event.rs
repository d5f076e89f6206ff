//! What happened, one line each, for `paceline events`, the log and the demo's timeline.

use serde::{Deserialize, Serialize};

/// One event as this node saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Wall clock of the node, milliseconds since 1970.
    pub wall_ms: u64,
    /// What kind; stable words for scripts.
    pub kind: EventKind,
    /// The node or resource it is about, if one.
    pub subject: Option<String>,
    /// For people, in one line.
    pub text: String,
}

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A peer is quiet, or the token is overdue.
    Silence,
    /// A new view.
    View,
    /// Quorum gained or lost.
    Quorum,
    /// This node became, or is no longer, DC; or another one is.
    Dc,
    /// The hand-over after a view change is complete.
    Synced,
    /// Fencing of a node was asked for.
    FencingRequested,
    /// A fencing attempt failed.
    FencingFailed,
    /// A node is confirmed off.
    Fenced,
    /// The DC computed a transition.
    Plan,
    /// The DC ordered an operation.
    Ordered,
    /// An operation ended.
    Result,
    /// A transition ended; nothing left to do.
    Idle,
    /// A transition was dropped because something changed.
    Aborted,
    /// The configuration or an override changed.
    Configuration,
    /// An attribute of a node or of the cluster changed.
    Attribute,
    /// A link came up or went down, or a stranger was refused.
    Link,
    /// Something needs an operator.
    Alert,
}
