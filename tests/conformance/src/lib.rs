//! Random clusters, what must hold of every answer about them, and what the peer answers.
// The peer is a program.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod classes;
pub mod peer;
pub mod properties;
pub mod random;
pub mod rest;
