//! Other clusters' words: reads a Pacemaker CIB into a [`Situation`].
//!
//! Everything that depends on how the other writes things stays here: element and attribute names, names that were
//! renamed over the years (old names become the current ones, and a current name that is also there wins), references
//! inside the text. Nothing is decided here: scores, rules and options are kept as written.

mod attributes;
mod cluster_file;
mod constraint;
mod ids;
mod legacy;
mod resource;
mod rule;
mod situation;
mod status;
mod xml;

pub use cluster_file::{cluster_file, with_cluster_file};

use scheduler::situation::Situation;
use thiserror::Error;

/// Why a text is not a CIB.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {what}")]
pub struct ReadError {
    /// Where, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// Reads a CIB: its configuration, its status, and the time it was written for when it says so (`execution-date`, else
/// the time is 0 and up to the caller).
///
/// # Errors
///
/// When the text is not well-formed XML, its root is not `<cib>`, or something in it points to nothing.
pub fn read(text: &str) -> Result<Situation, ReadError> {
    situation::read(text)
}

#[cfg(test)]
mod tests;
