//! Messages on a stream: a length of four bytes, big endian, then the message.

use arbiter::{MAX_MESSAGE, decode, encode};
use quinn::{ReadExactError, RecvStream, SendStream};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Sends one message.
///
/// # Errors
/// The connection is gone, in words.
pub(crate) async fn send<T: Serialize>(stream: &mut SendStream, message: &T) -> Result<(), String> {
    let body = encode(message);
    let length = u32::try_from(body.len()).expect("messages are small");
    let frame = [&length.to_be_bytes()[..], &body].concat();
    stream.write_all(&frame).await.map_err(|error| error.to_string())
}

/// The next message; `None` when the other end has said its last. Not to be cancelled halfway: a task of its own reads.
///
/// # Errors
/// What came is no message, or the connection is gone, in words.
pub(crate) async fn receive<T: DeserializeOwned>(stream: &mut RecvStream) -> Result<Option<T>, String> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length).await {
        Ok(()) => {}
        Err(ReadExactError::FinishedEarly(0)) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > MAX_MESSAGE {
        return Err(format!("a message of {length} bytes where at most {MAX_MESSAGE} are allowed"));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.map_err(|error| error.to_string())?;
    decode(&body).map(Some).map_err(|error| error.to_string())
}
