//! What a client says.

use super::read::Rest;
use super::{WireError, finish, flags, guarantee, put_name};
use crate::group::Request;
use bytes::Bytes;

const HELLO: u8 = 1;
const JOIN: u8 = 2;
const LEAVE: u8 = 3;
const SEND: u8 = 4;
const LIST: u8 = 5;

impl Request {
    /// Appends its frame.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.extend_from_slice(&[0; 4]);
        match self {
            Request::Hello { lowest, highest } => {
                bytes.push(HELLO);
                bytes.extend_from_slice(&lowest.to_be_bytes());
                bytes.extend_from_slice(&highest.to_be_bytes());
            }
            Request::Join { serial, group } | Request::Leave { serial, group } => {
                bytes.push(if matches!(self, Request::Join { .. }) { JOIN } else { LEAVE });
                bytes.extend_from_slice(&serial.to_be_bytes());
                put_name(bytes, group.as_str());
            }
            Request::Send { serial, group, guarantee, payload } => {
                bytes.push(SEND);
                bytes.extend_from_slice(&serial.to_be_bytes());
                bytes.push(flags(*guarantee));
                put_name(bytes, group.as_str());
                bytes.extend_from_slice(payload);
            }
            Request::List { serial } => {
                bytes.push(LIST);
                bytes.extend_from_slice(&serial.to_be_bytes());
            }
        }
        finish(bytes, start);
    }

    /// The request in a frame, its length taken off.
    ///
    /// # Errors
    /// Why it is none.
    pub fn decode(frame: Bytes) -> Result<Request, WireError> {
        let mut rest = Rest(frame);
        let request = match rest.u8()? {
            HELLO => Request::Hello { lowest: rest.u16()?, highest: rest.u16()? },
            JOIN => Request::Join { serial: rest.u32()?, group: rest.group()? },
            LEAVE => Request::Leave { serial: rest.u32()?, group: rest.group()? },
            SEND => {
                let (serial, guarantee, group) = (rest.u32()?, guarantee(rest.u8()?)?, rest.group()?);
                return Ok(Request::Send { serial, group, guarantee, payload: rest.0 });
            }
            LIST => Request::List { serial: rest.u32()? },
            other => return Err(WireError::Kind(other)),
        };
        rest.end()?;
        Ok(request)
    }
}
