//! Values to bytes and back. The only place that names bincode, so that it can be exchanged (its varint format is
//! also written by other crates) without touching a caller.
//!
//! Decoding trusts no length far: input above the caller's limit is refused before it is read, the claimed length of a
//! text is checked against a ceiling before anything is allocated, that of a list is believed up to 1 MiB (serde's own
//! caution; lists in lists, each), and bytes left over are an error. Types that go through here must not hold `usize`
//! (its width differs) nor collections of zero-sized elements (a length alone would cost time).

use bincode::config::{Configuration, Limit, standard};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes are not a value, or a value not bytes.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Longer than the caller allows.
    #[error("{len} bytes where at most {limit} are allowed")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The most the caller allows.
        limit: usize,
    },
    /// The value ends before its bytes do.
    #[error("{0} bytes left over after the value")]
    Trailing(usize),
    /// Not the form of the type asked for.
    #[error("not decodable: {0}")]
    Malformed(String),
    /// The value has a part that has no form on the wire.
    #[error("not encodable: {0}")]
    Unencodable(String),
}

/// The bytes of `value`.
///
/// # Errors
/// [`CodecError::Unencodable`] when the type has no wire form (a map of unknown length, for example); never for types
/// that round-trip in their own tests.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
    bincode::serde::encode_to_vec(value, standard()).map_err(|e| CodecError::Unencodable(e.to_string()))
}

/// Appends the bytes of `value` to `bytes`.
///
/// # Errors
/// As for [`encode`].
pub fn append<T: Serialize + ?Sized>(value: &T, bytes: &mut Vec<u8>) -> Result<(), CodecError> {
    let written = bincode::serde::encode_into_std_write(value, bytes, standard());
    written.map(drop).map_err(|e| CodecError::Unencodable(e.to_string()))
}

/// The value that `bytes` hold, all of them. `limit` is the most bytes that a value of this kind may have.
///
/// # Errors
/// [`CodecError`] when there are more than `limit` bytes, when they are not a `T`, or when some are left over.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, CodecError> {
    let (value, used) = decode_prefix(bytes, limit)?;
    match bytes.len() - used {
        0 => Ok(value),
        rest => Err(CodecError::Trailing(rest)),
    }
}

/// Like [`decode`], but the value may be followed by other bytes. Also returns how many bytes it took.
///
/// # Errors
/// [`CodecError`] when there are more than `limit` bytes or when they do not start with a `T`.
pub fn decode_prefix<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<(T, usize), CodecError> {
    if bytes.len() > limit {
        return Err(CodecError::TooLong { len: bytes.len(), limit });
    }
    // bincode counts sizes in memory, which are up to 16 times those on the wire; its ceiling is a constant of the
    // type.
    match bytes.len() {
        0..=0x1000 => ceiling::<T, 0x1_0000>(bytes),
        0x1001..=0x1_0000 => ceiling::<T, 0x10_0000>(bytes),
        0x1_0001..=0x10_0000 => ceiling::<T, 0x100_0000>(bytes),
        _ => ceiling::<T, 0x2000_0000>(bytes),
    }
}

fn ceiling<T: DeserializeOwned, const CEILING: usize>(bytes: &[u8]) -> Result<(T, usize), CodecError> {
    let config: Configuration<_, _, Limit<CEILING>> = standard().with_limit::<CEILING>();
    bincode::serde::decode_from_slice(bytes, config).map_err(|e| CodecError::Malformed(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_left_over_are_an_error() {
        let mut bytes = encode(&(7u64, "seven".to_owned())).unwrap();
        assert_eq!(decode::<(u64, String)>(&bytes, 100).unwrap(), (7, "seven".to_owned()));
        bytes.push(0);
        assert!(matches!(decode::<(u64, String)>(&bytes, 100), Err(CodecError::Trailing(1))));
        assert_eq!(decode_prefix::<(u64, String)>(&bytes, 100).unwrap().1, bytes.len() - 1);
    }

    #[test]
    fn a_limit_is_checked_before_decoding() {
        let bytes = encode(&vec![1u8; 50]).unwrap();
        assert!(matches!(decode::<Vec<u8>>(&bytes, 50), Err(CodecError::TooLong { len: 51, limit: 50 })));
    }

    #[test]
    fn a_claimed_length_does_not_allocate() {
        // A string that claims 2^60 bytes and a list that claims 2^30 numbers.
        for claim in [[253, 0, 0, 0, 0, 0, 0, 0, 16].as_slice(), [252, 0, 0, 0, 64].as_slice()] {
            assert!(matches!(decode::<String>(claim, 100), Err(CodecError::Malformed(_))));
            assert!(matches!(decode::<Vec<u64>>(claim, 100), Err(CodecError::Malformed(_))));
        }
    }
}
