//! What is on the wire, for those who look at it from outside: traces, simulations, fuzzing. The ring itself does not
//! need this.

use crate::frame::Frame;
use bytes::Bytes;
use std::fmt;

/// A frame that was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Seen(Frame);

impl Seen {
    /// Reads the frame that `bytes` hold, as a ring would.
    ///
    /// # Errors
    /// Why a ring would refuse them, in words.
    pub fn read(bytes: &Bytes) -> Result<Seen, String> {
        Frame::decode(bytes).map(Seen).map_err(|error| error.to_string())
    }

    /// Its bytes, as a ring would send them.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.0.encode()
    }

    /// Its kind in one word: "join", "commit", "token", "data", "beat", "wanted", "leave", "have" or "segment".
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.0 {
            Frame::Join(_) => "join",
            Frame::Commit(_) => "commit",
            Frame::Token(_) => "token",
            Frame::Data(_) => "data",
            Frame::Beat(_) => "beat",
            Frame::Wanted(_) => "wanted",
            Frame::Leave(_) => "leave",
            Frame::Have(_) => "have",
            Frame::Segment(_) => "segment",
        }
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
