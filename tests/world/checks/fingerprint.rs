//! A number for a value: equal values, equal numbers. Only meant to find differences, not to withstand anybody.

use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use serde::Serialize;

struct Fnv(u64);

impl Writer for Fnv {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0 = bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Ok(())
    }
}

/// The number of a value.
pub(crate) fn fingerprint(value: &impl Serialize) -> u64 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    bincode::serde::encode_into_writer(value, &mut hash, bincode::config::standard())
        .expect("the words of the cluster can be encoded");
    hash.0
}
