//! Commit: the representative's token goes around once and collects which view each member comes from.
//!
//! The token makes three rounds in all. When a member sees it the second time it has the full table and goes on to
//! [`Recover`]; the third round is held by each until it has recovered, so its end means that everybody has.

use super::core::Core;
use super::gather::{self, Gather, Past};
use super::interface::Notice;
use super::machine::{Event, Phase, regather};
use super::moment::Moment;
use super::recover::Recover;
use super::resend::Resend;
use crate::frame::{self, Frame, Have, Member, Standing};
use crate::view::Incarnation;
use config::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Commit {
    past: Option<Past>,
    ring: u64,
    /// As agreed on in Gather, sorted.
    members: Vec<(NodeId, Incarnation)>,
    rank: usize,
    /// Of members that are one step ahead.
    haves: BTreeMap<NodeId, Have>,
    began: Moment,
    resend: Resend,
}

impl Commit {
    /// The representative makes the token.
    pub(crate) fn start(core: &mut Core, past: Option<Past>, ring: u64, members: &[(NodeId, Incarnation)]) -> Commit {
        let member =
            |(node, life): &(NodeId, Incarnation)| Member { node: node.clone(), incarnation: *life, past: None };
        let token = frame::Commit { ring, hop: 0, members: members.iter().map(member).collect() };
        Commit::follow(core, past, token)
    }

    /// Fills in this node's line and hands the token on.
    pub(crate) fn follow(core: &mut Core, past: Option<Past>, mut token: frame::Commit) -> Commit {
        let rank = usize::from(token.hop);
        token.members[rank].past = past.as_ref().map(|past| past.log.id.clone());
        token.hop += 1;
        let members: Vec<_> = token.members.iter().map(|m| (m.node.clone(), m.incarnation)).collect();
        let ring = token.ring;
        let next = members[(rank + 1) % members.len()].0.clone();
        let resend = Resend::send(core, &next, Frame::Commit(token).encode());
        Commit { past, ring, members, rank, haves: BTreeMap::new(), began: core.now, resend }
    }

    pub(crate) fn on(mut self, core: &mut Core, event: Event) -> Phase {
        match event {
            Event::Frame { from, frame: Frame::Commit(token), .. } if token.ring == self.ring => {
                let before = (self.rank + self.members.len() - 1) % self.members.len();
                let expected = self.rank + self.members.len();
                // The representative sees the end of the first round as the start of the second.
                let same = token.members.iter().map(|m| (&m.node, &m.incarnation)).eq(self.lives());
                if same && usize::from(token.hop) == expected && self.members[before].0 == from {
                    return Recover::begin(core, self.past, token, self.haves);
                }
            }
            Event::Frame { from, frame: Frame::Have(have), .. } if have.ring == self.ring => {
                if self.members.iter().any(|(node, _)| *node == from) {
                    self.haves.insert(from, have);
                }
            }
            Event::Frame { from, frame: Frame::Join(join), .. } => {
                // A member that proposes something else now has not accepted this token and will not.
                let alive = join.candidates.iter().filter(|c| c.standing == Standing::Alive);
                let same = alive.map(|c| (&c.node, &c.incarnation)).eq(self.lives());
                let member = self.members.iter().any(|(node, _)| *node == from);
                if member && (join.number >= self.ring || !same) {
                    core.notice(Notice::Gathering { reason: format!("{from} did not commit to ring {}", self.ring) });
                    let gather = Gather::again(core, self.past, &self.members);
                    return regather(core, gather, &from, join);
                }
            }
            Event::Frame { from, frame: Frame::Data(data), bytes } => {
                if let Some(past) = self.past.as_mut().filter(|past| past.log.rank_of(&from).is_some()) {
                    past.late(data, bytes);
                }
            }
            Event::Frame { .. } | Event::Queued => {}
            Event::Tick => return self.tick(core),
        }
        Phase::Commit(self)
    }

    fn lives(&self) -> impl Iterator<Item = (&NodeId, &Incarnation)> {
        self.members.iter().map(|(node, life)| (node, life))
    }

    fn tick(mut self, core: &mut Core) -> Phase {
        let lost = gather::lost(core, &self.members);
        if !lost.is_empty() {
            gather::tell_loss(core, &lost);
            return self.give_up(core, "a member was lost while the ring formed");
        }
        if core.now >= self.began + core.timers.token {
            return self.give_up(core, "the commit token was lost");
        }
        self.resend.tick(core);
        Phase::Commit(self)
    }

    pub(crate) fn give_up(self, core: &mut Core, reason: &str) -> Phase {
        core.notice(Notice::Gathering { reason: reason.to_owned() });
        let gather = Gather::again(core, self.past, &self.members);
        gather.on(core, Event::Tick)
    }

    pub(crate) fn deadline(&self, core: &Core) -> Moment {
        let silence = core.silence_due(self.lives().map(|(node, _)| node), core.timers.token);
        let timeout = self.began + core.timers.token;
        silence.into_iter().fold(timeout.min(self.resend.due()), Moment::min)
    }

    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        self.lives().map(|(node, _)| node.clone()).collect()
    }
}
