//! Operate: the view stands and the token goes around it.
//!
//! Who holds the token repeats what others miss, sends what it has, notes on it what it misses itself and what all
//! have, and hands it on. When several rounds bring nothing, the representative lets it rest; a member that gets
//! something to send asks for it. This file is the phase: what ends it, and when the token moves. What happens to the
//! token during a visit is in [`Turn`](super::turn).

use super::core::Core;
use super::gather::{self, Gather, Past};
use super::interface::Notice;
use super::log::Log;
use super::machine::{Event, Phase, regather};
use super::moment::Moment;
use super::resend::Resend;
use super::turn::{REST_AFTER, Turn};
use crate::frame::{Data, Frame, Join, Standing, Token, Wanted};
use bytes::Bytes;
use config::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Operate {
    log: Log,
    turn: Turn,
    /// The newest token known to exist.
    token_seen: u64,
    /// When the token last gave a sign of life.
    token_alive: Moment,
    /// The token that was handed on, until it leaves a trace, and the highest packet then.
    handed_on: Option<(Resend, u64)>,
    /// The token, resting here until then.
    resting: Option<(Token, Moment)>,
    /// Somebody asked for the token since it was last here.
    wanted: bool,
    /// When this node, having something to send, asks (again) for the resting token.
    next_wanted: Option<Moment>,
}

impl Operate {
    pub(crate) fn new(core: &Core, log: Log) -> Operate {
        Operate {
            log,
            turn: Turn::default(),
            token_seen: 0,
            token_alive: core.now,
            handed_on: None,
            resting: None,
            wanted: false,
            next_wanted: None,
        }
    }

    /// A view of one: there is nobody to hand a token to.
    pub(crate) fn alone(core: &mut Core, log: Log) -> Operate {
        let mut operate = Operate::new(core, log);
        operate.turn.alone(core, &mut operate.log);
        operate
    }

    /// The representative starts the ring.
    pub(crate) fn first_token(self, core: &mut Core) -> Phase {
        let token = Token {
            ring: self.log.id.number,
            number: 1,
            seq: 0,
            aru: 0,
            setter: None,
            sent: 0,
            idle: 0,
            requests: Vec::new(),
        };
        Phase::Operate(self.visit(core, token))
    }

    pub(crate) fn on(mut self, core: &mut Core, event: Event) -> Phase {
        match event {
            Event::Frame { from, frame, bytes } => return self.frame(core, from, frame, bytes),
            Event::Queued => self.queued(core),
            Event::Tick => return self.tick(core),
        }
        Phase::Operate(self)
    }

    fn frame(mut self, core: &mut Core, from: NodeId, frame: Frame, bytes: Bytes) -> Phase {
        let ring = self.log.id.number;
        match frame {
            Frame::Token(token) if token.ring == ring && self.log.previous() == &from => {
                if token.number <= self.turn.last_number() {
                    return Phase::Operate(self);
                }
                if self.turn.sane(&self.log, &token) {
                    return Phase::Operate(self.visit(core, token));
                }
                core.bad_frame(&from, "its token does not fit to this ring");
            }
            Frame::Data(data) if data.head.ring == ring && self.log.rank_of(&from).is_some() => {
                self.data(core, &from, data, bytes);
            }
            Frame::Wanted(wanted) if wanted.ring == ring && self.log.rank_of(&from).is_some() => {
                self.wanted = true;
                if let Some((token, _)) = self.resting.take() {
                    return Phase::Operate(self.visit_again(core, token));
                }
            }
            Frame::Beat(beat) => {
                if self.log.life(&from) == Some(beat.incarnation) {
                    if beat.number > ring {
                        return self.end(core, &format!("{from} is in a newer ring"));
                    }
                    if beat.number == ring {
                        self.token_moves(core, beat.token);
                    }
                } else if self.log.rank_of(&from).is_none() {
                    return self.merge(core, &from);
                }
            }
            Frame::Join(join) => return self.join(core, from, join),
            _ => {}
        }
        Phase::Operate(self)
    }

    // ---- what ends the view ----

    fn join(self, core: &mut Core, from: NodeId, join: Join) -> Phase {
        match self.log.life(&from) {
            // Said before it committed to this ring.
            Some(life) if life == join.incarnation && join.number < self.log.id.number => Phase::Operate(self),
            Some(life) => {
                let what = if life == join.incarnation { "gathers members" } else { "has restarted" };
                core.notice(Notice::Gathering { reason: format!("{from} {what}") });
                let gather = self.into_gather(core, false);
                regather(core, gather, &from, join)
            }
            // It gave this node up: together with it there can be no ring now, and the one that stands is no worse for
            // it.
            None if join.refuses(&core.me, core.incarnation) => Phase::Operate(self),
            None => match core.mergeable(&from, &self.log.members, join.invites(&core.me, core.incarnation)) {
                None => {
                    // It may not know yet that it is heard here.
                    if !join.hears.contains(&core.me) {
                        core.beat_soon();
                    }
                    Phase::Operate(self)
                }
                Some(others) => {
                    core.notice(Notice::Gathering { reason: format!("{from} wants to join") });
                    let gather = self.into_gather(core, false).invite(core, &others);
                    regather(core, gather, &from, join)
                }
            },
        }
    }

    fn merge(self, core: &mut Core, from: &NodeId) -> Phase {
        let Some(others) = core.mergeable(from, &self.log.members, false) else { return Phase::Operate(self) };
        core.notice(Notice::Gathering { reason: format!("{from} can be reached") });
        let gather = self.into_gather(core, false).invite(core, &others);
        gather.on(core, Event::Tick)
    }

    fn end(self, core: &mut Core, reason: &str) -> Phase {
        core.notice(Notice::Gathering { reason: reason.to_owned() });
        let gather = self.into_gather(core, false);
        gather.on(core, Event::Tick)
    }

    /// This node slept past the token timeout. The others may be in another view by now, so it is no longer in this
    /// one.
    pub(crate) fn estranged(self, core: &mut Core) -> Phase {
        Phase::Gather(self.into_gather(core, true).listening(core))
    }

    /// This node slept, but not so long: the token gets its full time again.
    pub(crate) fn restarted(mut self, core: &Core) -> Operate {
        self.token_alive = core.now;
        self
    }

    fn into_gather(self, core: &Core, estranged: bool) -> Gather {
        let members = self.log.members.clone();
        // Alone nobody can have gone on without this node.
        let estranged = estranged && members.len() > 1;
        Gather::again(core, Some(Past { log: self.log, estranged }), &members)
    }

    // ---- the token ----

    /// The token is known to have got as far as `number`.
    fn token_moves(&mut self, core: &Core, number: u64) {
        if number > self.token_seen {
            self.token_seen = number;
            self.token_alive = core.now;
            self.handed_on = None;
        }
    }

    fn visit(mut self, core: &mut Core, token: Token) -> Operate {
        core.count_token();
        self.token_seen = self.token_seen.max(token.number);
        self.token_alive = core.now;
        self.next_wanted = None;
        self.handed_on = None;
        let token = self.turn.take(core, &mut self.log, token);
        let rests = self.log.rank == 0 && token.idle >= REST_AFTER && !self.wanted;
        if rests {
            core.deliver(&mut self.log);
            self.resting = Some((token, core.now + core.timers.hold));
            return self;
        }
        self.hand_on(core, token)
    }

    /// The rest is over: what was queued meanwhile is sent, then the token goes on.
    fn visit_again(mut self, core: &mut Core, token: Token) -> Operate {
        let token = self.turn.resume(core, &mut self.log, token);
        self.hand_on(core, token)
    }

    fn hand_on(mut self, core: &mut Core, mut token: Token) -> Operate {
        self.wanted = false;
        if token.idle > 0 {
            core.beat_along();
        }
        // It will rest where it goes, and nothing shows that it arrived until it goes on.
        let rests = self.log.next() == self.log.node(0) && token.idle + 1 >= REST_AFTER;
        token.number += 1;
        self.token_alive = core.now;
        self.token_seen = self.token_seen.max(token.number - 1);
        let seq = token.seq;
        let resend = Resend::send(core, self.log.next(), Frame::Token(token).encode());
        let resend = if rests { resend.patient(core.timers.hold) } else { resend };
        self.turn.finish(core, &mut self.log);
        self.handed_on = Some((resend, seq));
        self
    }

    fn queued(&mut self, core: &mut Core) {
        if self.log.len() == 1 {
            self.turn.alone(core, &mut self.log);
        } else if let Some((_, until)) = &mut self.resting {
            *until = core.now;
        } else if self.log.rank != 0 && self.next_wanted.is_none() && self.turn.last_idle() + 1 >= REST_AFTER {
            // The token may come to rest before it comes here again.
            self.next_wanted = Some(core.now);
        }
    }

    fn data(&mut self, core: &mut Core, from: &NodeId, data: Data, bytes: Bytes) {
        if data.head.sender >= self.log.len() || !self.log.plausible(data.head.seq) {
            core.bad_frame(from, "its packet does not fit to this ring");
            return;
        }
        let seq = data.head.seq;
        if self.handed_on.as_ref().is_some_and(|(_, then)| seq > *then) {
            self.handed_on = None;
            self.token_alive = core.now;
        }
        if seq > self.log.high() {
            self.token_alive = core.now;
        }
        if self.log.insert(data, bytes) {
            core.deliver(&mut self.log);
        }
    }

    // ---- time ----

    fn tick(mut self, core: &mut Core) -> Phase {
        core.watch(&self.log.members);
        let lost = gather::lost(core, &self.log.members);
        let overdue = self.log.len() > 1 && core.now >= self.token_alive + core.timers.token;
        if !lost.is_empty() || overdue {
            self.tell_end(core, &lost, overdue);
            let gather = self.into_gather(core, false);
            return gather.on(core, Event::Tick);
        }
        if let Some((token, until)) = self.resting.take() {
            if core.now >= until {
                self = self.visit_again(core, token);
            } else {
                self.resting = Some((token, until));
            }
        }
        if let Some((resend, _)) = &mut self.handed_on {
            resend.tick(core);
        }
        if self.next_wanted.is_some_and(|at| core.now >= at) {
            self.next_wanted = Some(core.now + core.timers.join);
            let representative = self.log.node(0).clone();
            core.send(&representative, Frame::Wanted(Wanted { ring: self.log.id.number }).encode());
        }
        Phase::Operate(self)
    }

    fn tell_end(&self, core: &mut Core, lost: &[(NodeId, Standing)], overdue: bool) {
        let silent: BTreeSet<_> = lost.iter().filter(|(_, s)| *s == Standing::Silent).map(|(n, _)| n.clone()).collect();
        if overdue || !silent.is_empty() {
            let since = core.now.since(self.token_alive);
            core.notice(Notice::TokenLost { silent: silent.into_iter().collect(), since });
        }
        gather::tell_loss(core, lost);
    }

    pub(crate) fn deadline(&self, core: &Core) -> Moment {
        let nodes = || self.log.members.iter().map(|(node, _)| node);
        let silence = core.silence_due(nodes(), core.timers.token);
        let quiet = core.silence_due(nodes(), core.timers.quiet).filter(|due| *due > core.now);
        let overdue = (self.log.len() > 1).then(|| self.token_alive + core.timers.token);
        let resting = self.resting.as_ref().map(|(_, until)| *until);
        let resend = self.handed_on.as_ref().map(|(resend, _)| resend.due());
        let all = [silence, quiet, overdue, resting, resend, self.next_wanted];
        all.into_iter().flatten().fold(core.beat_due(), Moment::min)
    }

    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        self.log.members.iter().map(|(node, _)| node.clone()).collect()
    }

    pub(crate) fn token_seen(&self) -> u64 {
        self.token_seen
    }
}
