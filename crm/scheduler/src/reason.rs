//! Why: what a stage decided, recorded as data where it was decided. Sentences are made at the edge, by `Display`.

use config::Score;
use std::fmt;

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Plain words of a stage, for what has no variant of its own yet.
    Said(String),
    /// A constraint, by its name in the configuration, and what it added.
    Constraint {
        /// Its id.
        id: String,
        /// What it added to the score.
        score: Score,
    },
    /// An operation of a resource failed on a node.
    OperationFailed {
        /// The resource.
        resource: String,
        /// `monitor`, `start`, ...
        operation: String,
        /// The node.
        node: String,
        /// The agent's exit code.
        exit_code: i32,
    },
    /// A node is not known to be safely stopped.
    NodeUnclean {
        /// The node.
        node: String,
        /// What makes it so, in the words of the stage that saw it.
        because: String,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Said(words) => f.write_str(words),
            Reason::Constraint { id, score } => write!(f, "constraint {id} ({})", score.value()),
            Reason::OperationFailed { resource, operation, node, exit_code } => {
                write!(f, "{operation} of {resource} failed on {node} with exit code {exit_code}")
            }
            Reason::NodeUnclean { node, because } => write!(f, "{node} is unclean: {because}"),
        }
    }
}
