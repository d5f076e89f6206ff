//! `paceline-arbiter`, a process outside of clusters that serves many of them, and the way of a node to it.
//!
//! The decisions are made in the `arbiter` crate. Here are the QUIC connections (quinn on tokio: nothing of this is on
//! the way of the ring), the files that outlive the process, and the socket on which it is asked how it is.

mod client;
mod control;
mod registry;
mod service;
mod tls;
mod wire;

pub use client::{Client, Event, Options};
pub use control::{ClusterStatus, Status, ask};
pub use registry::{Registry, RegistryError};
pub use service::serve;
