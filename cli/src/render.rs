//! Answers as text for people: at most 80 columns, and the same without colour.

pub(crate) mod events;
pub(crate) mod explanation;
pub(crate) mod fencing;
pub(crate) mod group;
pub(crate) mod plan;
pub(crate) mod problems;
pub(crate) mod quorum;
pub(crate) mod record;
pub(crate) mod ring;
pub(crate) mod status;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod time;

/// Widest line of a text for people, in columns.
pub(crate) const WIDTH: usize = 80;
