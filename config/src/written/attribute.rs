//! Name/value sets: options, parameters, node attributes, utilization.

use super::Rule;
use crate::score::Score;
use serde::{Deserialize, Serialize};

/// One set. Sets of one owner are read from the highest score to the lowest; the first value of a name counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeSet {
    /// Its name in the configuration.
    pub id: String,
    /// Its precedence among the sets of one owner.
    pub score: Score,
    /// The set counts only when this holds.
    pub rule: Option<Rule>,
    /// Names and values, in the order written.
    pub values: Vec<Value>,
}

/// One name and its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// The name.
    pub name: String,
    /// The value; `None` when it was written without one.
    pub value: Option<String>,
}
