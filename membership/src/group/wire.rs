//! What programs and the daemon say to each other on the socket of groups, byte by byte. `docs/groups.md` tells the
//! same to people who write clients in other languages. Numbers are big-endian.
//!
//! ```text
//! frame   length u32 (of what follows) | kind u8 | body
//! name    length u8 | its characters
//! member  node: name | incarnation u64 | client u32
//! ```

mod answer;
mod read;
mod request;

use super::{GroupNameError, MAX_PAYLOAD};
use crate::message::Guarantee;

pub use read::Frames;

/// The version of the interface that this code speaks; there is no other.
pub const VERSION: u16 = 1;
/// Longest frame that a client may send, its length not counted: a message with everything around it.
pub const MAX_REQUEST: usize = MAX_PAYLOAD + 128;
/// Longest frame that a daemon sends, its length not counted.
pub const MAX_ANSWER: usize = MAX_PAYLOAD + 4096;

/// Bit in the flags of a message: it is to be safe, or was.
const SAFE: u8 = 1;

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// There is more of it than there may be.
    #[error("a frame of {len} bytes where at most {limit} are allowed")]
    TooLong {
        /// Its length.
        len: usize,
        /// The most.
        limit: usize,
    },
    /// It ends too early.
    #[error("the frame ends before what it should hold does")]
    Short,
    /// Something follows that does not belong to it.
    #[error("{0} bytes left over at the end of the frame")]
    Trailing(usize),
    /// Nobody knows this kind.
    #[error("unknown kind of frame {0}")]
    Kind(u8),
    /// A number that means nothing here.
    #[error("{0} has no meaning here")]
    Value(u32),
    /// A name that is none.
    #[error(transparent)]
    Group(#[from] GroupNameError),
    /// A node's name that is none.
    #[error("{0}")]
    Node(config::NameError),
}

fn flags(guarantee: Guarantee) -> u8 {
    match guarantee {
        Guarantee::Agreed => 0,
        Guarantee::Safe => SAFE,
    }
}

fn guarantee(flags: u8) -> Result<Guarantee, WireError> {
    match flags {
        0 => Ok(Guarantee::Agreed),
        SAFE => Ok(Guarantee::Safe),
        other => Err(WireError::Value(u32::from(other))),
    }
}

/// Puts the length before a frame that was written after four bytes were left free for it.
fn finish(bytes: &mut [u8], start: usize) {
    let len = u32::try_from(bytes.len() - start - 4).expect("frames are bounded");
    bytes[start..start + 4].copy_from_slice(&len.to_be_bytes());
}

fn put_name(bytes: &mut Vec<u8>, name: &str) {
    bytes.push(u8::try_from(name.len()).expect("names have at most 64 characters"));
    bytes.extend_from_slice(name.as_bytes());
}

#[cfg(test)]
mod tests;
