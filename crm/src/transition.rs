//! The way from what is to what should be: walking a graph of actions.

mod engine;
mod overdue;

pub(crate) use engine::{Command, Engine, Progress};
pub(crate) use overdue::Overdue;
