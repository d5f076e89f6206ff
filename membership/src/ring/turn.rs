//! One visit of the token: repeat, send, note what is missing and what all have.

use super::core::Core;
use super::log::Log;
use crate::frame::{Data, DataHead, Rank, Span, Token, encode_data};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Packets that one member sends in one visit at most.
const VISIT: u32 = 192;
/// Of these, at most so many go out after the token: the next member begins to send while they are on their way (the
/// accelerated ring, Babay and Amir 2016). They have their places in the order already, so nobody asks for them before
/// the token has come by again. 0 is the original protocol.
const AFTER_TOKEN: usize = 64;
/// Packets that all members together send in one rotation, unless there are so many members that each one's share is
/// below [`SHARE`].
const ROTATION: u32 = 512;
/// What a member may send in any case.
const SHARE: u32 = 8;
/// Packets that one member repeats in one visit at most.
const REPEATS: usize = 128;
/// Entries on the token's list of missing packets at most.
const REQUESTS: usize = 40;
/// Rotations without anything to do after which the token rests. All have to learn twice what all have.
pub(crate) const REST_AFTER: u8 = 3;

/// What a member remembers from visit to visit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Turn {
    number: u64,
    idle: u8,
    /// The highest packet known at the last visit. What is missing above it may still be on its way.
    seq: u64,
    /// What all have, as this member handed it on.
    aru: u64,
    sent: u32,
    /// Packets of this visit that go out after the token.
    rest: Vec<Bytes>,
}

impl Turn {
    pub(crate) fn last_number(&self) -> u64 {
        self.number
    }

    pub(crate) fn last_idle(&self) -> u8 {
        self.idle
    }

    /// Whether a token can be one of this ring.
    pub(crate) fn sane(&self, log: &Log, token: &Token) -> bool {
        let asked = |span: &Span| {
            let end = span.start.checked_add(u64::from(span.len));
            span.start > 0 && end.is_some_and(|end| end > span.start && end - 1 <= token.seq)
        };
        let requested = token.requests.iter().all(asked);
        let ahead = token.seq == 0 || log.plausible(token.seq);
        let number = token.number < u64::MAX / 2 && token.requests.len() <= REQUESTS * 2;
        let setter = token.setter.is_none_or(|rank| rank < log.len());
        ahead && number && setter && token.aru <= token.seq && token.seq >= log.high().max(self.seq) && requested
    }

    /// A new token is here. Returns it as it is to be handed on.
    pub(crate) fn take(&mut self, core: &mut Core, log: &mut Log, mut token: Token) -> Token {
        self.number = token.number;
        let before = self.seq;
        let stable = self.aru.min(token.aru);
        let repeated = repeat(core, log, &mut token);
        token.sent = token.sent.saturating_sub(self.sent);
        let sent = self.send(core, log, &mut token, stable);
        self.sent = sent + repeated;
        token.sent = token.sent.saturating_add(self.sent);
        set_aru(log, &mut token);
        core.count_gaps(request(log, &mut token, before));
        // Whoever had less when it passed has lowered the mark since the last visit, and nobody but the last one who
        // lowered it raises it again: what it said then and says now, all have.
        let all_have = self.aru.min(token.aru);
        log.known_safe(all_have);
        log.discard(all_have);
        self.seq = token.seq;
        self.aru = token.aru;
        token.idle = match (self.sent == 0 && token.requests.is_empty() && token.aru == token.seq, log.rank) {
            (false, _) => 0,
            (true, 0) => token.idle.saturating_add(1).min(REST_AFTER),
            (true, _) => token.idle.min(REST_AFTER),
        };
        self.idle = token.idle;
        token
    }

    /// The token rested here; now it goes on, with what was queued meanwhile.
    pub(crate) fn resume(&mut self, core: &mut Core, log: &mut Log, token: Token) -> Token {
        self.take(core, log, token)
    }

    /// Does what can wait until the token is on its way: sends what was kept back, delivers what this visit sent.
    pub(crate) fn finish(&mut self, core: &mut Core, log: &mut Log) {
        self.rest.drain(..).for_each(|frame| core.broadcast(frame));
        core.deliver(log);
    }

    /// Sends what waits, as far as the flow allows.
    fn send(&mut self, core: &mut Core, log: &mut Log, token: &mut Token, stable: u64) -> u32 {
        // What all have is known two rotations later. Less room than that would go to whoever comes first.
        let rotation = u64::from(ROTATION).min(core.window / 4);
        let rotation = u32::try_from(rotation).expect("no more than a constant");
        let visit = VISIT.min(rotation).max(SHARE);
        let share = (rotation / u32::from(log.len())).clamp(SHARE, visit);
        let allowed = rotation.saturating_sub(token.sent).clamp(share, visit);
        let mut sent = 0;
        while sent < allowed && token.seq < stable + core.window {
            let Some((chunks, pieces)) = core.outbox.pack(core.room) else { break };
            token.seq += 1;
            sent += 1;
            let head = DataHead { ring: log.id.number, seq: token.seq, sender: log.rank, chunks };
            self.rest.push(keep(log, head, &pieces));
        }
        let after = (self.rest.len() / 2).min(AFTER_TOKEN);
        let before = self.rest.len() - after;
        self.rest.drain(..before).for_each(|frame| core.broadcast(frame));
        #[cfg(test)]
        if core.sabotage == Some(super::tests::Sabotage::TokenForgetsRest) {
            token.seq -= after as u64;
        }
        sent
    }

    /// In a view of one everything sent is received.
    pub(crate) fn alone(&mut self, core: &mut Core, log: &mut Log) {
        while let Some((chunks, pieces)) = core.outbox.pack(core.room) {
            self.seq += 1;
            let head = DataHead { ring: log.id.number, seq: self.seq, sender: log.rank, chunks };
            keep(log, head, &pieces);
            log.known_safe(self.seq);
            core.deliver(log);
            log.discard(self.seq);
        }
    }
}

/// Sends again what others miss and this member has.
fn repeat(core: &mut Core, log: &Log, token: &mut Token) -> u32 {
    let (mut repeated, mut left) = (0usize, Vec::new());
    for span in std::mem::take(&mut token.requests) {
        for seq in span.seqs() {
            match log.frame(seq) {
                Some(frame) if repeated < REPEATS => {
                    repeated += 1;
                    core.broadcast(frame.clone());
                }
                _ => Span::add(&mut left, seq),
            }
        }
    }
    // Nobody misses these any more.
    left.retain(|span| span.seqs().end > token.aru + 1);
    token.requests = left;
    core.count_retransmits(repeated as u64);
    u32::try_from(repeated).expect("bounded above")
}

/// Puts a packet of this node into the log. Returns its frame.
fn keep(log: &mut Log, head: DataHead, pieces: &[Bytes]) -> Bytes {
    let (frame, start) = encode_data(&head, pieces);
    let data = Data { head, payload: frame.slice(start..) };
    log.insert(data, frame.clone());
    frame
}

/// The token tells up to where everybody has everything: who has less lowers it, and only that member raises it again.
fn set_aru(log: &Log, token: &mut Token) {
    let mine = log.aru().min(token.seq);
    if mine < token.aru || token.setter.is_none() || token.setter == Some(log.rank) {
        token.aru = mine;
        let setter: Rank = log.rank;
        token.setter = (mine < token.seq).then_some(setter);
    }
}

/// Asks for what is missing up to `limit`; for how many packets.
fn request(log: &Log, token: &mut Token, limit: u64) -> u64 {
    let mut gaps = 0;
    let asked = |spans: &[Span], seq: u64| spans.iter().any(|s| s.seqs().contains(&seq));
    let others = token.requests.clone();
    'all: for span in log.missing(limit.min(token.seq), REQUESTS) {
        for seq in span.seqs() {
            if asked(&others, seq) {
                continue;
            }
            if token.requests.len() >= REQUESTS {
                break 'all;
            }
            Span::add(&mut token.requests, seq);
            gaps += 1;
        }
    }
    gaps
}
