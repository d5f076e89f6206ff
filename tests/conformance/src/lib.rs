//! Random clusters, what must hold of every answer about them, and what the peer answers; large ones for measuring.
// The peer is a program.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod classes;
pub mod large;
pub mod peer;
pub mod properties;
pub mod random;
pub mod rest;
pub mod standing;
