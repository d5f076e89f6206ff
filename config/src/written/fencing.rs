//! Fencing topology as written.

use serde::{Deserialize, Serialize};

/// One level of one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FencingLevel {
    /// Its name in the configuration.
    pub id: String,
    /// Whom it fences.
    pub target: FencingTarget,
    /// Its place among the levels of a target, from 1.
    pub index: u32,
    /// The devices, in order.
    pub devices: Vec<String>,
}

/// Whom a level fences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FencingTarget {
    /// The node of this name.
    Node(String),
    /// Nodes whose names match this regular expression.
    Pattern(String),
    /// Nodes with this attribute and value.
    Attribute(String, String),
}
