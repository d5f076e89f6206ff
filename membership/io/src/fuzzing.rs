//! The decoders of this crate that nobody else calls, within reach of the fuzz targets.

use crate::link::Hello;
use crate::sequence;

/// The first words on a connection, read and written again.
///
/// # Errors
/// What is wrong with them, in words.
pub fn hello(bytes: &[u8]) -> Result<Vec<u8>, String> {
    Hello::decode(bytes).map(|hello| hello.encode())
}

/// The content of the file with the stored ring number.
#[must_use]
pub fn ring_number(bytes: &[u8]) -> Option<u64> {
    sequence::parse(bytes)
}
