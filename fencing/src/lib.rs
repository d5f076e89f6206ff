//! How an untrusted node is cut off: who must be ([`Request`]), what was tried ([`Attempt`]), and the machine that
//! tries ([`Fencer`]).

mod fencer;
mod history;
mod request;

pub use fencer::{Fencer, FencerOptions, Input, Output};
pub use history::HistoryEntry;
pub use request::{Attempt, Request, RequestId};
