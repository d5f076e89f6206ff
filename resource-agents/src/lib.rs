//! How a service is started, stopped and watched: ask ([`Operation`]), what to execute ([`Job`]), what happened
//! ([`Finished`]), what it means ([`Outcome`]), and the machine that keeps the order ([`Executor`]).

mod executor;
mod job;
mod operation;
mod outcome;

pub use executor::{Executor, ExecutorOptions, Input, Output};
pub use job::{Exit, Finished, Job, JobId, OUTPUT_LIMIT, StartError};
pub use operation::{Operation, OrderId, Report, definition_digest};
pub use outcome::Outcome;
