//! How a service is started, stopped and watched: ask ([`Operation`]), what to execute ([`Job`]), what happened
//! ([`Finished`]), what it means ([`Outcome`]), and the machine that keeps the order ([`Executor`]).

pub mod call;
mod command;
mod executor;
mod job;
pub mod metadata;
pub mod ocf;
mod operation;
mod outcome;
mod reason;
mod secret;

pub use executor::{Executor, ExecutorOptions, Input, Output};
pub use job::{Exit, Finished, Job, JobId, OUTPUT_LIMIT, StartError};
pub use metadata::Metadata;
pub use operation::{Operation, OrderId, Report};
pub use outcome::Outcome;
pub use reason::{REASON_LIMIT, presentable, reason_of};
pub use secret::{is_secret, redact};
