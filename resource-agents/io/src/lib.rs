//! Runs the jobs that the pure machines ask for: the only place of the project that starts processes.
//!
//! [`Runner`] carries out [`resource_agents::Job`]s and answers each exactly once; [`run`] does one and waits for it;
//! [`scan`] finds the agents that are installed and reads what they say of themselves.

mod leftover;
mod process;
mod program;
pub mod scan;
mod tail;

pub use leftover::{LeftoverError, Notes};
pub use process::{Runner, RunnerOptions, run};
