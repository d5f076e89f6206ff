//! Recover: those who come from the same view bring each other to the same set of its messages, then the view ends.
//!
//! Each member tells in a Have which packets of its past view it holds. What any of them holds, all of them must hold
//! (the first in rank that has a packet sends it to who misses it); what none of them holds is a gap for all of them.
//! The past view is kept untouched until the new one is installed: when this fails, it starts again with the same
//! packets.

use super::core::Core;
use super::gather::{self, Gather, Past};
use super::interface::Notice;
use super::log::Log;
use super::machine::{Event, Phase, regather};
use super::moment::Moment;
use super::operate::Operate;
use super::resend::Resend;
use crate::frame::{self, Data, Frame, Have};
use crate::view::RingId;
use bytes::Bytes;
use config::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most packets sent in answer to one Have.
const SERVING: usize = 512;
/// After so many packets that were missing, the others are told what is still missing.
const PROGRESS: usize = 256;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Recover {
    past: Option<Past>,
    /// Of the ring that forms.
    log: Log,
    token: frame::Commit,
    /// Those who come from the same view, this node included.
    came_along: BTreeSet<NodeId>,
    /// What they hold, as they last said.
    haves: BTreeMap<NodeId, Have>,
    /// What this node still has to get; unknown until all have said what they hold.
    missing: Option<BTreeSet<u64>>,
    got: usize,
    /// The third round is here and is held until nothing is missing.
    holding: bool,
    /// This node has let the third round pass.
    passed: bool,
    resend: Option<Resend>,
    next_have: Moment,
    progress: Moment,
}

impl Recover {
    /// The token comes by with the full table. `early` is what members said who saw it before.
    pub(crate) fn begin(
        core: &mut Core,
        past: Option<Past>,
        token: frame::Commit,
        early: BTreeMap<NodeId, Have>,
    ) -> Phase {
        let representative = token.members[0].node.clone();
        let members: Vec<_> = token.members.iter().map(|m| (m.node.clone(), m.incarnation)).collect();
        let log = Log::new(RingId { number: token.ring, representative }, members, &core.me);
        let mut came_along = BTreeSet::from([core.me.clone()]);
        if let Some(past) = &past {
            let same = |m: &&frame::Member| {
                m.past.as_ref() == Some(&past.log.id) && past.log.life(&m.node) == Some(m.incarnation)
            };
            came_along.extend(token.members.iter().filter(same).map(|m| m.node.clone()));
        }
        let mut recover = Recover {
            past,
            log,
            token,
            came_along,
            haves: BTreeMap::new(),
            missing: None,
            got: 0,
            holding: false,
            passed: false,
            resend: None,
            next_have: core.now,
            progress: core.now,
        };
        recover.send_have(core);
        recover.compare(core);
        for (from, have) in early {
            recover.have(core, &from, have);
        }
        recover.hand_on(core);
        recover.release(core);
        Phase::Recover(recover)
    }

    pub(crate) fn on(mut self, core: &mut Core, event: Event) -> Phase {
        match event {
            Event::Frame { from, frame: Frame::Commit(token), .. } if token.ring == self.log.id.number => {
                return self.commit_token(core, &from, &token);
            }
            Event::Frame { from, frame: Frame::Have(have), .. } if have.ring == self.log.id.number => {
                self.have(core, &from, have);
                self.release(core);
            }
            Event::Frame { from, frame: Frame::Data(data), bytes } => {
                self.data(core, &from, data, bytes);
                self.release(core);
            }
            Event::Frame { from, frame: Frame::Token(token), bytes } if token.ring == self.log.id.number => {
                // The first token of the new ring: everybody has recovered.
                if self.passed && self.log.previous() == &from {
                    let operate = self.install(core);
                    return operate.on(core, Event::Frame { from, frame: Frame::Token(token), bytes });
                }
            }
            Event::Frame { from, frame: Frame::Join(join), .. } => {
                if self.log.rank_of(&from).is_some() && join.number >= self.log.id.number {
                    core.notice(Notice::Gathering { reason: format!("{from} gave up ring {}", self.log.id) });
                    let gather = Gather::again(core, self.past, &self.log.members);
                    return regather(core, gather, &from, join);
                }
            }
            Event::Frame { .. } | Event::Queued => {}
            Event::Tick => return self.tick(core),
        }
        Phase::Recover(self)
    }

    // ---- the token ----

    fn commit_token(mut self, core: &mut Core, from: &NodeId, token: &frame::Commit) -> Phase {
        let n = self.log.len();
        let expected = u32::from(self.token.hop) + u32::from(n) - 1;
        let in_turn = self.log.previous() == from && u32::from(token.hop) == expected;
        if !in_turn || self.holding || (self.passed && self.log.rank != 0) {
            return Phase::Recover(self);
        }
        self.progress = core.now;
        if self.passed {
            // Only the representative sees this: the third round is over.
            let operate = self.install(core);
            return operate.first_token(core);
        }
        self.token.hop = token.hop;
        self.holding = true;
        self.release(core);
        Phase::Recover(self)
    }

    /// Lets the third round pass once nothing is missing.
    fn release(&mut self, core: &mut Core) {
        if self.holding && self.complete(core) {
            self.holding = false;
            self.passed = true;
            self.hand_on(core);
        }
    }

    fn hand_on(&mut self, core: &mut Core) {
        self.token.hop += 1;
        let bytes = Frame::Commit(self.token.clone()).encode();
        self.resend = Some(Resend::send(core, self.log.next(), bytes));
    }

    fn complete(&self, core: &Core) -> bool {
        #[cfg(test)]
        if core.sabotage == Some(super::tests::Sabotage::SkipRecovery) {
            return true;
        }
        let _ = core;
        self.missing.as_ref().is_some_and(BTreeSet::is_empty)
    }

    fn install(self, core: &mut Core) -> Operate {
        let estranged = self.haves.values().any(|have| have.estranged);
        let delivered = self.haves.values().map(|have| have.delivered).max().unwrap_or(0);
        let safe = self.haves.values().map(|have| have.safe).max().unwrap_or(0);
        let past = self.past.map(|mut past| {
            past.log.known_safe(safe);
            let regular = match (estranged, past.estranged) {
                (false, false) => u64::MAX,
                // Somebody slept: regular is only what somebody called regular in time.
                _ => delivered.max(past.log.delivered()),
            };
            (past.log, regular)
        });
        core.install(past, self.came_along, &self.log);
        Operate::new(core, self.log)
    }

    // ---- what each holds ----

    fn send_have(&mut self, core: &mut Core) {
        self.next_have = core.now + core.timers.join;
        self.got = 0;
        let Some(past) = &self.past else { return };
        let log = &past.log;
        let have = Have {
            ring: self.log.id.number,
            aru: log.aru(),
            high: log.high(),
            delivered: log.delivered(),
            safe: log.safe(),
            estranged: past.estranged,
            bits: log.bits(),
        };
        let bytes = Frame::Have(have).encode();
        let me = core.me.clone();
        for node in self.came_along.iter().filter(|node| **node != me) {
            core.send(node, bytes.clone());
        }
    }

    fn have(&mut self, core: &mut Core, from: &NodeId, have: Have) {
        let Some(past) = &self.past else { return };
        if !self.came_along.contains(from) {
            return;
        }
        let count = have.high.checked_sub(have.aru);
        let fits = count.is_some_and(|count| have.bits.len() as u64 == count.div_ceil(8));
        let plausible = have.high == 0 || past.log.plausible(have.high);
        if !fits || !plausible || have.delivered > have.high || have.safe > have.aru {
            core.bad_frame(from, "it says it holds packets that cannot be");
            return;
        }
        if self.haves.get(from) != Some(&have) {
            self.progress = core.now;
        }
        self.haves.insert(from.clone(), have);
        if self.missing.is_some() {
            self.serve(core, from);
        } else {
            self.compare(core);
        }
    }

    /// Once all have said what they hold: what this node has to get, and what others have to get from it.
    fn compare(&mut self, core: &mut Core) {
        if self.haves.len() + 1 < self.came_along.len() {
            return;
        }
        let mut missing = BTreeSet::new();
        if let Some(past) = &self.past {
            for have in self.haves.values() {
                let seqs = past.log.aru() + 1..=have.high;
                missing.extend(seqs.filter(|seq| holds(have, *seq) && !past.log.has(*seq)));
            }
        }
        self.missing = Some(missing);
        let others: Vec<_> = self.haves.keys().cloned().collect();
        for node in others {
            self.serve(core, &node);
        }
    }

    /// Sends `node` what it misses and no lower member has.
    fn serve(&mut self, core: &mut Core, node: &NodeId) {
        let (Some(past), Some(theirs)) = (&self.past, self.haves.get(node)) else { return };
        let lower: Vec<_> = self.haves.range::<NodeId, _>(..&core.me).map(|(_, have)| have).collect();
        let wanted = (theirs.aru + 1..=past.log.high()).filter(|seq| !holds(theirs, *seq));
        let mine = wanted.filter(|seq| !lower.iter().any(|have| holds(have, *seq)));
        let frames: Vec<_> = mine.filter_map(|seq| past.log.frame(seq).cloned()).take(SERVING).collect();
        core.count_retransmits(frames.len() as u64);
        for frame in frames {
            core.send(node, frame);
        }
    }

    fn data(&mut self, core: &mut Core, from: &NodeId, data: Data, bytes: Bytes) {
        if data.head.ring == self.log.id.number {
            // Somebody is ahead of us in the new ring. Kept, and delivered after our own installation.
            let known = self.log.rank_of(from).is_some() && data.head.sender < self.log.len();
            if known && self.log.plausible(data.head.seq) {
                self.log.insert(data, bytes);
            }
            return;
        }
        let Some(past) = &mut self.past else { return };
        // From nobody else: a packet of somebody lost that only this node gets would make it differ from the others.
        if !self.came_along.contains(from) {
            return;
        }
        let seq = data.head.seq;
        if past.late(data, bytes) {
            self.progress = core.now;
            self.got += 1;
            if let Some(missing) = &mut self.missing {
                missing.remove(&seq);
            }
            if self.got >= PROGRESS {
                self.send_have(core);
            }
        }
    }

    // ---- time ----

    fn tick(mut self, core: &mut Core) -> Phase {
        let lost = gather::lost(core, &self.log.members);
        if !lost.is_empty() {
            gather::tell_loss(core, &lost);
            return self.give_up(core, "a member was lost while the ring formed");
        }
        if core.now >= self.progress + core.timers.token {
            return self.give_up(core, "recovery made no progress");
        }
        if core.now >= self.next_have {
            self.send_have(core);
        }
        if let Some(resend) = &mut self.resend {
            resend.tick(core);
        }
        Phase::Recover(self)
    }

    pub(crate) fn give_up(self, core: &mut Core, reason: &str) -> Phase {
        core.notice(Notice::Gathering { reason: reason.to_owned() });
        let gather = Gather::again(core, self.past, &self.log.members);
        gather.on(core, Event::Tick)
    }

    pub(crate) fn deadline(&self, core: &Core) -> Moment {
        let silence = core.silence_due(self.log.members.iter().map(|(node, _)| node), core.timers.token);
        let timeout = self.progress + core.timers.token;
        let resend = self.resend.as_ref().map(Resend::due);
        [silence, resend, Some(self.next_have)].into_iter().flatten().fold(timeout, Moment::min)
    }

    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        self.log.members.iter().map(|(node, _)| node.clone()).collect()
    }
}

fn holds(have: &Have, seq: u64) -> bool {
    if seq <= have.aru || seq > have.high {
        return seq <= have.aru;
    }
    let at = seq - have.aru - 1;
    let index = usize::try_from(at / 8).expect("checked against the horizon");
    have.bits[index] & (1 << (at % 8)) != 0
}
