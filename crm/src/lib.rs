//! What should run where, the way there, and one whole [`Node`].
//!
//! In reading order: [`cib`] the one truth and how it changes, [`scheduler`] from what is to what should be done
//! ([`schedule`] is its answer), [`node`] the whole node, [`control`] what a client may ask, [`summary`] and [`event`]
//! what people see.

pub mod cib;
pub mod control;
mod controller;
pub mod event;
mod message;
pub mod node;
pub mod schedule;
pub mod scheduler;
pub mod summary;
mod transition;

#[doc(hidden)]
pub use message::recode;
