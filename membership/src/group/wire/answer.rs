//! What a daemon says.

use super::read::Rest;
use super::{WireError, finish, flags, guarantee, put_name};
use crate::group::{Answer, Change, JoinReason, LeaveReason, Member, Refusal, Report};
use bytes::Bytes;
use std::sync::Arc;

const WELCOME: u8 = 129;
const CHANGE: u8 = 130;
const MESSAGE: u8 = 131;
const REFUSED: u8 = 132;
const GROUP: u8 = 133;
const END: u8 = 134;
const BYE: u8 = 135;

/// Bytes around a message and its names at most, for accounts.
const AROUND: usize = 160;

impl Answer {
    /// About how many bytes its frame has, for a bound on what is written at once.
    pub(crate) fn len(&self) -> usize {
        AROUND
            + match self {
                Answer::Message { payload, .. } => payload.len(),
                Answer::Change(change) => (change.members.len() + change.left.len() + change.joined.len()) * 32,
                Answer::Group(report) => (report.members.len() + report.unread.len()) * 32,
                Answer::Welcome { .. } | Answer::Refused { .. } | Answer::End { .. } | Answer::Bye => 0,
            }
    }

    /// Appends its frame.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.extend_from_slice(&[0; 4]);
        match self {
            Answer::Welcome { version, you, max_payload } => {
                bytes.push(WELCOME);
                bytes.extend_from_slice(&version.to_be_bytes());
                put_member(bytes, you);
                bytes.extend_from_slice(&max_payload.to_be_bytes());
            }
            Answer::Change(change) => put_change(bytes, change),
            Answer::Message { group, from, guarantee, payload } => {
                bytes.push(MESSAGE);
                bytes.push(flags(*guarantee));
                put_name(bytes, group.as_str());
                put_member(bytes, from);
                bytes.extend_from_slice(payload);
            }
            Answer::Refused { serial, refusal } => {
                bytes.push(REFUSED);
                bytes.extend_from_slice(&serial.to_be_bytes());
                bytes.push(refusal.code());
                bytes.extend_from_slice(refusal.to_string().as_bytes());
            }
            Answer::Group(report) => put_report(bytes, report),
            Answer::End { serial } => {
                bytes.push(END);
                bytes.extend_from_slice(&serial.to_be_bytes());
            }
            Answer::Bye => bytes.push(BYE),
        }
        finish(bytes, start);
    }

    /// The answer in a frame, its length taken off.
    ///
    /// # Errors
    /// Why it is none.
    pub fn decode(frame: Bytes) -> Result<Answer, WireError> {
        let mut rest = Rest(frame);
        let answer = match rest.u8()? {
            WELCOME => Answer::Welcome { version: rest.u16()?, you: rest.member()?, max_payload: rest.u32()? },
            CHANGE => Answer::Change(Arc::new(take_change(&mut rest)?)),
            MESSAGE => {
                let (guarantee, group, from) = (guarantee(rest.u8()?)?, rest.group()?, rest.member()?);
                return Ok(Answer::Message { group, from, guarantee, payload: rest.0 });
            }
            REFUSED => {
                let (serial, code) = (rest.u32()?, rest.u8()?);
                let refusal = Refusal::of(code).ok_or(WireError::Value(u32::from(code)))?;
                // The rest says the same in words, for people without this list.
                return Ok(Answer::Refused { serial, refusal });
            }
            GROUP => Answer::Group(Box::new(take_report(&mut rest)?)),
            END => Answer::End { serial: rest.u32()? },
            BYE => Answer::Bye,
            other => return Err(WireError::Kind(other)),
        };
        rest.end()?;
        Ok(answer)
    }
}

fn put_member(bytes: &mut Vec<u8>, member: &Member) {
    put_name(bytes, member.node.as_str());
    bytes.extend_from_slice(&member.incarnation.0.to_be_bytes());
    bytes.extend_from_slice(&member.client.to_be_bytes());
}

/// Longer ones are cut: no cluster has so many.
fn put_list<T>(bytes: &mut Vec<u8>, all: &[T], mut one: impl FnMut(&mut Vec<u8>, &T)) {
    let count = u16::try_from(all.len()).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&count.to_be_bytes());
    all.iter().take(usize::from(count)).for_each(|item| one(bytes, item));
}

fn put_change(bytes: &mut Vec<u8>, change: &Change) {
    bytes.push(CHANGE);
    put_name(bytes, change.group.as_str());
    bytes.extend_from_slice(&change.view.to_be_bytes());
    put_list(bytes, &change.members, put_member);
    put_list(bytes, &change.left, |bytes, (member, reason)| {
        put_member(bytes, member);
        bytes.push(reason.code());
    });
    put_list(bytes, &change.joined, |bytes, (member, reason)| {
        put_member(bytes, member);
        bytes.push(reason.code());
    });
}

fn take_change(rest: &mut Rest) -> Result<Change, WireError> {
    let (group, view) = (rest.group()?, rest.u64()?);
    let members = rest.list(Rest::member)?;
    let left = rest.list(|rest| {
        let (member, code) = (rest.member()?, rest.u8()?);
        Ok((member, LeaveReason::of(code).ok_or(WireError::Value(u32::from(code)))?))
    })?;
    let joined = rest.list(|rest| {
        let (member, code) = (rest.member()?, rest.u8()?);
        Ok((member, JoinReason::of(code).ok_or(WireError::Value(u32::from(code)))?))
    })?;
    Ok(Change { group, view, members, left, joined })
}

/// An amount of unread bytes that nobody knows.
const UNKNOWN: u64 = u64::MAX;

fn put_report(bytes: &mut Vec<u8>, report: &Report) {
    bytes.push(GROUP);
    put_name(bytes, report.group.as_str());
    bytes.extend_from_slice(&report.held.to_be_bytes());
    put_list(bytes, &report.members, put_member);
    put_list(bytes, &report.unread, |bytes, (node, unread)| {
        put_name(bytes, node.as_str());
        bytes.extend_from_slice(&unread.unwrap_or(UNKNOWN).to_be_bytes());
    });
}

fn take_report(rest: &mut Rest) -> Result<Report, WireError> {
    let (group, held) = (rest.group()?, rest.u32()?);
    let members = rest.list(Rest::member)?;
    let unread = rest.list(|rest| {
        let (node, unread) = (rest.node()?, rest.u64()?);
        Ok((node, (unread != UNKNOWN).then_some(unread)))
    })?;
    Ok(Report { group, held, members, unread })
}

impl JoinReason {
    const ALL: [JoinReason; 2] = [JoinReason::Join, JoinReason::NodeJoined];

    fn code(self) -> u8 {
        number(&JoinReason::ALL, self)
    }

    fn of(code: u8) -> Option<JoinReason> {
        numbered(&JoinReason::ALL, code)
    }
}

impl LeaveReason {
    const ALL: [LeaveReason; 5] = [
        LeaveReason::Leave,
        LeaveReason::ClientDied,
        LeaveReason::NodeLeft,
        LeaveReason::NodeLost,
        LeaveReason::Restarted,
    ];

    fn code(self) -> u8 {
        number(&LeaveReason::ALL, self)
    }

    fn of(code: u8) -> Option<LeaveReason> {
        numbered(&LeaveReason::ALL, code)
    }
}

impl Refusal {
    const ALL: [Refusal; 10] = [
        Refusal::Version,
        Refusal::Hello,
        Refusal::AlreadyMember,
        Refusal::NotMember,
        Refusal::GroupFull,
        Refusal::TooManyGroups,
        Refusal::TooManyMemberships,
        Refusal::TooLong,
        Refusal::Malformed,
        Refusal::TooManyClients,
    ];

    fn code(self) -> u8 {
        number(&Refusal::ALL, self)
    }

    fn of(code: u8) -> Option<Refusal> {
        numbered(&Refusal::ALL, code)
    }
}

/// The place of `value` in `all`, from 1.
fn number<T: PartialEq>(all: &[T], value: T) -> u8 {
    let at = all.iter().position(|one| *one == value).expect("all of them are in the list");
    u8::try_from(at + 1).expect("a few")
}

fn numbered<T: Copy>(all: &[T], code: u8) -> Option<T> {
    all.get(usize::from(code).checked_sub(1)?).copied()
}
