//! Random clusters and changed recorded ones, what must hold of every answer about them, and what the peer answers;
//! large ones for measuring.
// The peer is a program.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

pub mod beside;
pub mod classes;
pub mod element;
pub mod large;
pub mod mutate;
pub mod peer;
pub mod properties;
pub mod random;
pub mod recorded;
pub mod refused;
pub mod rest;
pub mod sequence;
pub mod shrink;
pub mod standing;
