//! The bytes of each frame, so that a change is seen: programs in other languages are written by them.

use super::*;
use crate::group::{Answer, Change, GroupName, JoinReason, LeaveReason, Member, Refusal, Report, Request};
use crate::view::Incarnation;
use bytes::Bytes;
use config::NodeId;
use std::sync::Arc;

fn group() -> GroupName {
    GroupName::new("g").unwrap()
}

fn member(client: u32) -> Member {
    Member { node: NodeId::new("a").unwrap(), incarnation: Incarnation(0x0102), client }
}

fn requests() -> Vec<(Request, &'static str)> {
    let payload = Bytes::from_static(b"hi");
    vec![
        (Request::Hello { lowest: 1, highest: 2 }, "00000005 01 0001 0002"),
        (Request::Join { serial: 7, group: group() }, "00000007 02 00000007 0167"),
        (Request::Leave { serial: 8, group: group() }, "00000007 03 00000008 0167"),
        (
            Request::Send { serial: 9, group: group(), guarantee: Guarantee::Safe, payload },
            "0000000a 04 00000009 01 0167 6869",
        ),
        (Request::List { serial: 3 }, "00000005 05 00000003"),
    ]
}

fn answers() -> Vec<(Answer, &'static str)> {
    let change = Change {
        group: group(),
        view: 5,
        members: vec![member(1)],
        left: vec![(member(2), LeaveReason::ClientDied)],
        joined: vec![(member(1), JoinReason::Join)],
    };
    let report =
        Report { group: group(), held: 2, members: vec![member(1)], unread: vec![(NodeId::new("a").unwrap(), None)] };
    let (from, payload) = (member(1), Bytes::from_static(b"hi"));
    vec![
        (
            Answer::Welcome { version: 1, you: member(3), max_payload: 1 << 20 },
            "00000015 81 0001 0161 0000000000000102 00000003 00100000",
        ),
        (
            Answer::Change(Arc::new(change)),
            "0000003d 82 0167 0000000000000005 0001 0161 0000000000000102 00000001 \
             0001 0161 0000000000000102 00000002 02 0001 0161 0000000000000102 00000001 01",
        ),
        (
            Answer::Message { group: group(), from, guarantee: Guarantee::Agreed, payload },
            "00000014 83 00 0167 0161 0000000000000102 00000001 6869",
        ),
        (
            Answer::Group(Box::new(report)),
            "00000023 85 0167 00000002 0001 0161 0000000000000102 00000001 0001 0161 ffffffffffffffff",
        ),
        (Answer::End { serial: 3 }, "00000005 86 00000003"),
        (Answer::Bye, "00000001 87"),
    ]
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| *byte != b' ').collect();
    let value = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(value).collect()
}

fn frame(bytes: &[u8]) -> Bytes {
    let mut frames = Frames::new(MAX_ANSWER);
    let (first, second) = bytes.split_at(bytes.len() / 2);
    frames.feed(first);
    assert_eq!(frames.take().unwrap(), None);
    frames.feed(second);
    frames.take().unwrap().expect("it is complete")
}

#[test]
fn each_frame_has_these_bytes_and_comes_back_from_them() {
    for (request, hex) in requests() {
        let mut encoded = Vec::new();
        request.encode(&mut encoded);
        assert_eq!(encoded, bytes(hex), "{request:?}");
        assert_eq!(Request::decode(frame(&encoded)).unwrap(), request);
    }
    for (answer, hex) in answers() {
        let mut encoded = Vec::new();
        answer.encode(&mut encoded);
        assert_eq!(encoded, bytes(hex), "{answer:?}");
        assert_eq!(Answer::decode(frame(&encoded)).unwrap(), answer);
    }
    let refused = Answer::Refused { serial: 9, refusal: Refusal::NotMember };
    let mut encoded = Vec::new();
    refused.encode(&mut encoded);
    assert_eq!(&encoded[4..10], bytes("84 00000009 04"));
    assert_eq!(Answer::decode(frame(&encoded)).unwrap(), refused);
}

#[test]
fn what_is_none_is_refused() {
    let read = |hex| Request::decode(Bytes::from(bytes(hex))).unwrap_err();
    assert_eq!(read(""), WireError::Short);
    assert_eq!(read("09"), WireError::Kind(9));
    assert_eq!(read("05 00000003 00"), WireError::Trailing(1));
    assert_eq!(read("02 00000003 02 67"), WireError::Short);
    assert!(matches!(read("02 00000003 00"), WireError::Group(_)));
    assert_eq!(read("04 00000003 02 0167"), WireError::Value(2));
    let mut frames = Frames::new(MAX_REQUEST);
    frames.feed(&u32::MAX.to_be_bytes());
    assert_eq!(frames.take(), Err(WireError::TooLong { len: u32::MAX as usize, limit: MAX_REQUEST }));
}
