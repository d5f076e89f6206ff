//! One thing wrong with a file, as data; the CLI draws it with the line and a caret.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used; the operator will probably regret it.
    Warning,
}

/// A mistake or a risk in a cluster file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Bytes of the text that are meant.
    pub span: Range<usize>,
    /// Line of the span's start, counted from 1.
    pub line: u32,
    /// Column of the span's start in characters, counted from 1.
    pub column: u32,
    /// What to do instead, such as the nearest valid name.
    pub hint: Option<String>,
}
