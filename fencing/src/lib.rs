//! How an untrusted node is cut off: who must be ([`Request`]), what was tried ([`Attempt`]), and the machine that
//! tries ([`Fencer`]).

pub mod agent;
mod fencer;
mod history;
mod level;
mod request;

pub use fencer::{Fencer, FencerOptions, Input, Output};
pub use history::{HISTORY_LIMIT, History, HistoryEntry};
pub use level::{Assignment, assignment};
pub use request::{Attempt, Request, RequestId};
