//! Frames longer than a packet: cut into segments by the sender, put together by the receiver.
//!
//! What members say about all members grows with their number and their names, and need not fit into one packet. The
//! segments of a frame carry a number made from its bytes: a frame that is sent again gives its segments the same
//! number, so that the second try fills in what was lost of the first.

use super::{ENVELOPE, Frame, FrameError, MAX_BODY};
use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Bytes of a segment that are not the piece it carries.
const SEGMENT_OVERHEAD: usize = ENVELOPE + 9 + 3 + 3;
/// Most segments of one frame: the longest frame in the smallest packets, rounded up.
const MAX_SEGMENTS: u16 = 160;
/// Frames of one peer that may be incomplete at the same time. Each kind has its newest one.
const MAX_OPEN: usize = 6;

/// A piece of a longer frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) head: SegmentHead,
    pub(crate) piece: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentHead {
    /// Of which frame: the same for the same bytes.
    pub(crate) whole: u64,
    /// Which one, from 0.
    pub(crate) index: u16,
    /// How many there are.
    pub(crate) count: u16,
}

/// The packets that carry `frame`, of at most `limit` bytes each: itself, or its segments.
pub(crate) fn packets(frame: Bytes, limit: usize) -> impl Iterator<Item = Bytes> {
    let (whole, segments) = if frame.len() <= limit { (Some(frame), None) } else { (None, Some(cut(frame, limit))) };
    whole.into_iter().chain(segments.into_iter().flatten())
}

fn cut(frame: Bytes, limit: usize) -> impl Iterator<Item = Bytes> {
    let room = limit - SEGMENT_OVERHEAD;
    let count = u16::try_from(frame.len().div_ceil(room)).expect("the longest frame has fewer segments");
    let whole = number(&frame);
    (0..count).map(move |index| {
        let start = usize::from(index) * room;
        let piece = frame.slice(start..frame.len().min(start + room));
        Frame::Segment(Segment { head: SegmentHead { whole, index, count }, piece }).encode()
    })
}

/// FNV-1a over 64 bits: bytes that differ get numbers that differ, unless somebody wants them not to. A member that
/// does gets a frame refused.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The incomplete frames of one peer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Segments {
    open: VecDeque<Open>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Open {
    whole: u64,
    bytes: usize,
    missing: u16,
    pieces: Vec<Option<Bytes>>,
}

impl Segments {
    /// Takes a segment; answers with the frame that it completes.
    ///
    /// # Errors
    /// No frame has such segments.
    pub(crate) fn feed(&mut self, segment: Segment) -> Result<Option<Bytes>, FrameError> {
        let Segment { head: SegmentHead { whole, index, count }, piece } = segment;
        if index >= count || count > MAX_SEGMENTS || piece.is_empty() {
            return Err(FrameError::Segment { index, count });
        }
        let at = match self.open.iter().position(|open| open.whole == whole) {
            Some(at) => at,
            None => {
                if self.open.len() == MAX_OPEN {
                    self.open.pop_front();
                }
                self.open.push_back(Open { whole, bytes: 0, missing: count, pieces: vec![None; usize::from(count)] });
                self.open.len() - 1
            }
        };
        let open = &mut self.open[at];
        let Some(slot) = open.pieces.get_mut(usize::from(index)) else {
            return Err(FrameError::Segment { index, count });
        };
        if slot.is_some() {
            return Ok(None);
        }
        open.bytes += piece.len();
        open.missing -= 1;
        *slot = Some(piece);
        if open.bytes > ENVELOPE + MAX_BODY {
            let bytes = open.bytes;
            self.open.remove(at);
            return Err(FrameError::Oversized(bytes));
        }
        if open.missing > 0 {
            return Ok(None);
        }
        let open = self.open.remove(at).expect("found above");
        let mut frame = BytesMut::with_capacity(open.bytes);
        open.pieces.iter().flatten().for_each(|piece| frame.extend_from_slice(piece));
        Ok(Some(frame.freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Beat, FrameError};
    use crate::view::Incarnation;
    use config::NodeId;

    fn long(serial: u64) -> Frame {
        let name = |n: usize| NodeId::new(&format!("{n:064}")).unwrap();
        let members: Vec<_> = (0..64).map(name).collect();
        Frame::Beat(Beat {
            incarnation: Incarnation(1),
            serial,
            number: 1,
            token: 0,
            hears: members.clone(),
            members,
            pace_ms: 1,
        })
    }

    fn segment(bytes: &Bytes) -> Segment {
        match Frame::decode(bytes).unwrap() {
            Frame::Segment(segment) => segment,
            other => panic!("{other:?}"),
        }
    }

    fn packed(frame: &Frame, limit: usize) -> Vec<Bytes> {
        let packets: Vec<_> = packets(frame.encode(), limit).collect();
        assert!(packets.iter().all(|packet| packet.len() <= limit));
        packets
    }

    #[test]
    fn a_frame_comes_back_whatever_the_order_of_its_parts() {
        for limit in [512, 1160, 5000] {
            let packets = packed(&long(1), limit);
            assert!(packets.len() > 1);
            let mut segments = Segments::default();
            let (last, rest) = packets.split_first().unwrap();
            for packet in rest.iter().rev().chain(rest) {
                assert_eq!(segments.feed(segment(packet)).unwrap(), None);
            }
            let whole = segments.feed(segment(last)).unwrap().unwrap();
            assert_eq!(Frame::decode(&whole).unwrap(), long(1));
        }
        assert_eq!(packed(&long(1), 60_000), [long(1).encode()], "what fits is not cut");
    }

    #[test]
    fn a_second_try_fills_in_what_the_first_one_lost() {
        let mut segments = Segments::default();
        let first = packed(&long(1), 1160);
        first.iter().step_by(2).for_each(|packet| assert_eq!(segments.feed(segment(packet)).unwrap(), None));
        let mut again = packed(&long(1), 1160).into_iter().skip(1).step_by(2);
        assert!(again.any(|packet| segments.feed(segment(&packet)).unwrap().is_some()));
        assert!(segments.open.is_empty());
    }

    #[test]
    fn the_incomplete_is_bounded() {
        let mut segments = Segments::default();
        for serial in 0..1000 {
            segments.feed(segment(&packed(&long(serial), 512)[0])).unwrap();
            assert!(segments.open.len() <= MAX_OPEN);
        }
        let piece = Bytes::from(vec![0; 30_000]);
        let head = |index, count| SegmentHead { whole: 1, index, count };
        for index in 0..2 {
            assert_eq!(segments.feed(Segment { head: head(index, 9), piece: piece.clone() }).unwrap(), None);
        }
        let third = segments.feed(Segment { head: head(2, 9), piece: piece.clone() });
        assert!(matches!(third, Err(FrameError::Oversized(90_000))));
        for (index, count) in [(0, 0), (3, 3), (0, u16::MAX)] {
            let bad = segments.feed(Segment { head: head(index, count), piece: piece.clone() });
            assert!(matches!(bad, Err(FrameError::Segment { .. })));
        }
        // The same number with another count.
        segments.feed(Segment { head: head(0, 2), piece: Bytes::from_static(b"x") }).unwrap();
        assert!(segments.feed(Segment { head: head(5, 9), piece: Bytes::from_static(b"x") }).is_err());
    }
}
