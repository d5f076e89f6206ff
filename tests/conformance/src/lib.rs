//! Random clusters, what must hold of every answer about them, and what the peer answers.
#![allow(clippy::disallowed_methods)]

pub mod peer;
pub mod properties;
pub mod random;
