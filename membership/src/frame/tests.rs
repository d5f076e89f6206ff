//! The bytes of each kind, so that a change of the wire is seen; and what is refused.

use super::*;
use crate::fragment::Part;

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

const A: Incarnation = Incarnation(0x0102_0304_0506_0708);
const B: Incarnation = Incarnation(7);

fn samples() -> Vec<(Frame, &'static str)> {
    let past = Some(RingId { number: 9, representative: node("a") });
    let candidate = |name, incarnation, standing| Candidate { node: node(name), incarnation, standing };
    vec![
        (
            Frame::Join(Join {
                incarnation: A,
                serial: 3,
                number: 300,
                fresh: true,
                candidates: vec![candidate("a", A, Standing::Alive), candidate("b", B, Standing::Gone)],
                hears: vec![node("b")],
                pace_ms: 1000,
            }),
            "504c010100000025fd080706050403020103fb2c0101020161fd08070605040302010001620702010162fbe803",
        ),
        (
            Frame::Commit(Commit {
                ring: 301,
                hop: 1,
                members: vec![
                    Member { node: node("a"), incarnation: A, past },
                    Member { node: node("b"), incarnation: B, past: None },
                ],
            }),
            "504c010200000018fb2d0101020161fd08070605040302010109016101620700",
        ),
        (
            Frame::Token(Token {
                ring: 301,
                number: 70_000,
                seq: 260,
                aru: 250,
                setter: Some(1),
                sent: 12,
                idle: 0,
                requests: vec![Span { start: 251, len: 2 }],
            }),
            "504c010300000015fb2d01fc70110100fb0401fa01010c0001fbfb0002",
        ),
        (
            Frame::Data(Data {
                head: DataHead {
                    ring: 301,
                    seq: 260,
                    sender: 1,
                    chunks: vec![
                        Chunk { part: Part::Whole, len: 2 },
                        Chunk { part: Part::First { total: 300 }, len: 1 },
                    ],
                },
                payload: Bytes::from_static(b"hi!"),
            }),
            "504c010400000012fb2d01fb04010102000201fb2c0101686921",
        ),
        (
            Frame::Beat(Beat {
                incarnation: A,
                serial: 4,
                number: 301,
                token: 70_000,
                members: vec![node("a"), node("b")],
                hears: vec![],
                pace_ms: 1000,
            }),
            "504c01050000001bfd080706050403020104fb2d01fc70110100020161016200fbe803",
        ),
        (Frame::Wanted(Wanted { ring: 301 }), "504c010600000003fb2d01"),
        (Frame::Leave(Leave { incarnation: A }), "504c010700000009fd0807060504030201"),
        (
            Frame::Segment(Segment {
                head: segment::SegmentHead { whole: 0x0102_0304_0506_0708, index: 1, count: 3 },
                piece: Bytes::from_static(b"hi!"),
            }),
            "504c01090000000efd08070605040302010103686921",
        ),
        (
            Frame::Have(Have {
                ring: 301,
                aru: 4,
                high: 7,
                delivered: 4,
                safe: 3,
                estranged: false,
                bits: vec![0b110],
            }),
            "504c01080000000afb2d0104070403000106",
        ),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn each_kind_has_these_bytes() {
    let wrong: Vec<_> = samples()
        .into_iter()
        .filter(|(frame, expected)| hex(&frame.encode()) != *expected)
        .map(|(frame, _)| format!("{} is {frame:?}", hex(&frame.encode())))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn each_kind_comes_back_from_its_bytes() {
    for (frame, _) in samples() {
        assert_eq!(Frame::decode(&frame.encode()).unwrap(), frame);
    }
}

#[test]
fn what_is_not_a_frame_is_refused_with_its_reason() {
    let good = Frame::Wanted(Wanted { ring: 1 }).encode().to_vec();
    let change = |at: usize, to: u8| {
        let mut bytes = good.clone();
        bytes[at] = to;
        Frame::decode(&bytes.into()).unwrap_err()
    };
    assert!(matches!(change(0, 0), FrameError::Magic));
    assert!(matches!(change(2, 2), FrameError::Version(2)));
    assert!(matches!(change(3, 99), FrameError::Kind(99)));
    assert!(matches!(change(4, 255), FrameError::Oversized(_)));
    assert!(matches!(change(7, 0), FrameError::Trailing(1)));
    assert!(matches!(change(7, 2), FrameError::Truncated(9)));
    assert!(matches!(change(8, 251), FrameError::Body(_)));
    assert!(matches!(Frame::decode(&Bytes::new()).unwrap_err(), FrameError::Truncated(0)));
    let chunks = vec![Chunk { part: Part::Whole, len: 9 }];
    let data = Frame::Data(Data { head: DataHead { ring: 1, seq: 1, sender: 0, chunks }, payload: Bytes::new() });
    assert!(matches!(Frame::decode(&data.encode()).unwrap_err(), FrameError::Chunks { payload: 0, counted: 9 }));
}

#[test]
fn no_cut_or_changed_byte_panics() {
    for (frame, _) in samples() {
        let bytes = frame.encode();
        for cut in 0..bytes.len() {
            assert!(Frame::decode(&bytes.slice(..cut)).is_err());
        }
        for at in 0..bytes.len() {
            for to in 0..=255 {
                let mut changed = bytes.to_vec();
                changed[at] = to;
                let _ = Frame::decode(&changed.into());
            }
        }
    }
}
