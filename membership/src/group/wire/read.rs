//! Bytes to frames, and frames to their parts.

use super::WireError;
use crate::group::{GroupName, Member};
use crate::view::Incarnation;
use bytes::{Buf, Bytes, BytesMut};
use config::NodeId;

/// Puts frames together from bytes as they come.
#[derive(Debug)]
pub struct Frames {
    bytes: BytesMut,
    limit: usize,
}

impl Frames {
    /// Frames of at most `limit` bytes ([`MAX_REQUEST`](super::MAX_REQUEST) or [`MAX_ANSWER`](super::MAX_ANSWER)).
    #[must_use]
    pub fn new(limit: usize) -> Frames {
        Frames { bytes: BytesMut::new(), limit }
    }

    /// More bytes have come. What is kept is bounded by the frames that were not taken out and by these.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The length of the next frame, once it is known.
    ///
    /// # Errors
    /// When it is longer than the limit: nothing of this connection can be understood any more.
    pub fn announced(&self) -> Result<Option<usize>, WireError> {
        let Some((head, _)) = self.bytes.split_first_chunk::<4>() else { return Ok(None) };
        let len = u32::from_be_bytes(*head) as usize;
        if len > self.limit {
            return Err(WireError::TooLong { len, limit: self.limit });
        }
        Ok(Some(len))
    }

    /// The next frame, without its length, if it is complete.
    ///
    /// # Errors
    /// As in [`Frames::announced`].
    pub fn take(&mut self) -> Result<Option<Bytes>, WireError> {
        let Some(len) = self.announced()? else { return Ok(None) };
        if self.bytes.len() < 4 + len {
            return Ok(None);
        }
        self.bytes.advance(4);
        Ok(Some(self.bytes.split_to(len).freeze()))
    }
}

/// What is left of a frame.
pub(super) struct Rest(pub(super) Bytes);

impl Rest {
    pub(super) fn take(&mut self, len: usize) -> Result<Bytes, WireError> {
        if self.0.len() < len {
            return Err(WireError::Short);
        }
        Ok(self.0.split_to(len))
    }

    pub(super) fn u8(&mut self) -> Result<u8, WireError> {
        self.0.try_get_u8().map_err(|_| WireError::Short)
    }

    pub(super) fn u16(&mut self) -> Result<u16, WireError> {
        self.0.try_get_u16().map_err(|_| WireError::Short)
    }

    pub(super) fn u32(&mut self) -> Result<u32, WireError> {
        self.0.try_get_u32().map_err(|_| WireError::Short)
    }

    pub(super) fn u64(&mut self) -> Result<u64, WireError> {
        self.0.try_get_u64().map_err(|_| WireError::Short)
    }

    fn name(&mut self) -> Result<Bytes, WireError> {
        let len = self.u8()?;
        self.take(usize::from(len))
    }

    pub(super) fn group(&mut self) -> Result<GroupName, WireError> {
        Ok(GroupName::new(&String::from_utf8_lossy(&self.name()?))?)
    }

    pub(super) fn node(&mut self) -> Result<NodeId, WireError> {
        NodeId::new(&String::from_utf8_lossy(&self.name()?)).map_err(WireError::Node)
    }

    pub(super) fn member(&mut self) -> Result<Member, WireError> {
        Ok(Member { node: self.node()?, incarnation: Incarnation(self.u64()?), client: self.u32()? })
    }

    /// As many as the frame says; each takes bytes, so that a count alone costs nothing.
    pub(super) fn list<T>(
        &mut self,
        mut one: impl FnMut(&mut Rest) -> Result<T, WireError>,
    ) -> Result<Vec<T>, WireError> {
        let count = self.u16()?;
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(one(self)?);
        }
        Ok(all)
    }

    pub(super) fn end(self) -> Result<(), WireError> {
        if self.0.is_empty() { Ok(()) } else { Err(WireError::Trailing(self.0.len())) }
    }
}
