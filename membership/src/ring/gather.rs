//! Gather: agree on who is a member of the next ring.
//!
//! Everybody says in Joins how each candidate stands with it. There is agreement as soon as all candidates that are
//! alive have proposed the same set of living ones. Whoever is silent for the token timeout (mostly: already was,
//! before this phase began) is struck off at once, so a crash costs the token timeout and some round trips. Only
//! somebody who is heard and yet does not agree is waited for, for the consensus timeout.
//!
//! A node that could not take part in the next ring, because its disk has not confirmed a number for it, says nothing
//! before it could: nobody waits for it, and a view that stands is not disturbed by it, be its disk slow or full.
//!
//! Agreement here is for speed. Safety comes later: a commit token is only accepted with exactly the members proposed.

use super::commit::Commit;
use super::core::Core;
use super::interface::{Notice, Output};
use super::log::Log;
use super::machine::{Event, Phase};
use super::moment::Moment;
use super::operate::Operate;
use crate::frame::{self, Candidate, Data, Frame, Join, Standing};
use crate::view::{Incarnation, RingId};
use bytes::Bytes;
use config::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The view a node comes from, kept until the next one is installed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Past {
    pub(crate) log: Log,
    /// This node slept past the token timeout: the others may have ended the view without it.
    pub(crate) estranged: bool,
}

impl Past {
    /// A packet that may be a late one of that view. True when it is, and new.
    pub(crate) fn late(&mut self, data: Data, bytes: Bytes) -> bool {
        let known = data.head.ring == self.log.id.number
            && data.head.sender < self.log.len()
            && self.log.plausible(data.head.seq);
        known && self.log.insert(data, bytes)
    }
}

/// Nodes and lives, all of which go on together or not at all.
pub(crate) type Lives = BTreeMap<NodeId, Incarnation>;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Gather {
    past: Option<Past>,
    candidates: BTreeMap<NodeId, (Incarnation, Standing)>,
    opinions: BTreeMap<NodeId, Opinion>,
    began: Moment,
    /// When the candidates last changed.
    changed: Moment,
    /// Since when all agree.
    agreed: Option<Moment>,
    /// Whether all agree, as long as nothing was said or learnt since: comparing what each says about each takes time.
    unanimous: Option<bool>,
    next_join: Moment,
    /// This node says nothing before: it has slept, and what it hears first was said while it did.
    mute: Moment,
    /// Whom the last Join said this node hears.
    told: Vec<NodeId>,
}

/// What another candidate last said.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Opinion {
    alive: Lives,
    number: u64,
    fresh: bool,
}

impl Gather {
    /// The first phase of a life.
    pub(crate) fn first(core: &Core) -> Gather {
        let me = (core.me.clone(), (core.incarnation, Standing::Alive));
        Gather {
            past: None,
            candidates: BTreeMap::from([me]),
            opinions: BTreeMap::new(),
            began: core.now,
            changed: core.now,
            agreed: None,
            unanimous: None,
            next_join: core.now,
            mute: core.now,
            told: Vec::new(),
        }
    }

    /// This node slept so long that the others may have gone on without it. If they have, their Joins wait in its
    /// sockets and do not want it. It reads them before it speaks: who first invited the others and then, having read
    /// on, gave them up would leave them with two answers, and each of them might act on another one.
    pub(crate) fn listening(mut self, core: &Core) -> Gather {
        self.mute = core.now + core.timers.join;
        self.next_join = self.mute;
        self
    }

    /// The members of a ring that is given up look for a new one.
    pub(crate) fn again(core: &Core, past: Option<Past>, members: &[(NodeId, Incarnation)]) -> Gather {
        let mut gather = Gather { past, ..Gather::first(core) };
        for (node, life) in members {
            gather.candidates.insert(node.clone(), (*life, core.standing(node, *life)));
        }
        gather
    }

    /// Invites others that hear us and that we hear.
    pub(crate) fn invite(mut self, core: &Core, others: &BTreeSet<NodeId>) -> Gather {
        for node in others {
            if let Some(life) = core.life(node) {
                self.candidates.insert(node.clone(), (life, core.standing(node, life)));
            }
        }
        self
    }

    pub(crate) fn on(mut self, core: &mut Core, event: Event) -> Phase {
        match event {
            Event::Frame { from, frame: Frame::Join(join), .. } => self.consider(core, &from, &join),
            Event::Frame { from, frame: Frame::Commit(token), .. } => return self.accept(core, &from, token),
            Event::Frame { from, frame: Frame::Data(data), bytes } => {
                // A packet of the view we come from, overtaken by the reason why we left it. It may spare a recovery.
                if let Some(past) = self.past.as_mut().filter(|past| past.log.rank_of(&from).is_some()) {
                    past.late(data, bytes);
                }
            }
            Event::Frame { from, frame: Frame::Beat(_), .. } => {
                // It waits to be told that it is heard before it comes along.
                if self.told.binary_search(&from).is_err() {
                    self.join_soon(core);
                }
            }
            Event::Frame { .. } | Event::Queued => {}
            Event::Tick => return self.tick(core),
        }
        Phase::Gather(self)
    }

    pub(crate) fn deadline(&self, core: &Core) -> Moment {
        if !core.numbers.ready() {
            return self.next_join;
        }
        let timers = &core.timers;
        let silence = core.silence_due(self.watched(), timers.token);
        let consensus = match self.agreed {
            Some(agreed) => agreed + timers.consensus * 2,
            None => self.changed + timers.consensus,
        };
        let settle = self.began + timers.token;
        let settle = (settle > core.now).then_some(settle);
        let consensus = (consensus > core.now).then_some(consensus);
        [silence, settle, consensus].into_iter().flatten().fold(self.next_join, Moment::min)
    }

    /// This node was paused or had to be silent: whoever did not answer meanwhile gets its time again.
    pub(crate) fn restarted(mut self, core: &Core) -> Gather {
        self.changed = core.now;
        self.agreed = self.agreed.map(|_| core.now);
        self.next_join = core.now.max(self.mute);
        self
    }

    /// The living candidates.
    pub(crate) fn alive(&self) -> Vec<NodeId> {
        self.candidates.iter().filter(|(_, (_, s))| *s == Standing::Alive).map(|(n, _)| n.clone()).collect()
    }

    fn lives(&self) -> Lives {
        let alive = self.candidates.iter().filter(|(_, (_, standing))| *standing == Standing::Alive);
        alive.map(|(node, (life, _))| (node.clone(), *life)).collect()
    }

    /// The living candidates, for questions about peers (this node keeps no record of itself).
    fn watched(&self) -> impl Iterator<Item = &NodeId> {
        self.candidates.iter().filter(|(_, (_, standing))| *standing == Standing::Alive).map(|(node, _)| node)
    }

    // ---- what others propose ----

    fn consider(&mut self, core: &mut Core, from: &NodeId, join: &Join) {
        let refused = join.refuses(&core.me, core.incarnation);
        if !self.admit(core, from, join) {
            return;
        }
        let alive = join.candidates.iter().filter(|c| c.standing == Standing::Alive);
        let alive = alive.map(|c| (c.node.clone(), c.incarnation)).collect();
        self.unanimous = None;
        if self.opinions.get(from).is_none_or(|before| before.number != join.number) {
            // It gathers anew, and has forgotten what this node told it before.
            self.join_soon(core);
        }
        self.opinions.insert(from.clone(), Opinion { alive, number: join.number, fresh: join.fresh });
        if refused {
            // It does not want this node (mostly because it does not hear it), so the two cannot be in one ring.
            self.strike(core, from, Standing::Silent);
            core.hold_down(from);
            return;
        }
        self.adopt(core, from, &join.candidates);
    }

    /// Whether the sender of `join` counts here; it becomes a candidate if it was none.
    fn admit(&mut self, core: &mut Core, from: &NodeId, join: &Join) -> bool {
        if core.standing(from, join.incarnation) != Standing::Alive {
            return false;
        }
        match self.candidates.get(from) {
            Some((life, standing)) if *life == join.incarnation => *standing == Standing::Alive,
            Some(_) => self.candidate(core, from, join.incarnation, Standing::Alive),
            None if !join.hears.contains(&core.me) => {
                // It may not know yet that it is heard.
                self.join_soon(core);
                false
            }
            None => {
                let held = core.peer(from).is_some_and(|p| p.hold_down.is_some_and(|until| core.now < until));
                let wants_me = join.invites(&core.me, core.incarnation);
                (!held || wants_me) && self.candidate(core, from, join.incarnation, Standing::Alive)
            }
        }
    }

    /// Takes over what another candidate knows: nodes we do not know of, and who is lost.
    fn adopt(&mut self, core: &mut Core, from: &NodeId, candidates: &[Candidate]) {
        let mut doubted = Vec::new();
        for theirs in candidates {
            // This node itself and strangers have no record.
            let Some(peer) = core.peer(&theirs.node) else { continue };
            let heard_lately = peer.present(core.now, core.timers.pause);
            match (self.candidates.get(&theirs.node), theirs.standing) {
                (None, Standing::Alive) if !peer.is_dead(theirs.incarnation) => {
                    let life = core.life(&theirs.node).unwrap_or(theirs.incarnation);
                    let standing = core.standing(&theirs.node, life);
                    self.candidate(core, &theirs.node, life, standing);
                }
                (Some((life, Standing::Alive)), lost) if *life == theirs.incarnation => match lost {
                    Standing::Alive => {}
                    Standing::Silent if heard_lately => doubted.push(theirs.node.clone()),
                    Standing::Silent | Standing::Gone => self.strike(core, &theirs.node, lost),
                },
                _ => {}
            }
        }
        // The sender does not hear somebody whom we hear: one of the two must stay out, for all of us the same one.
        let out = match doubted.as_slice() {
            [] => return,
            [one] => from.max(one).clone(),
            _ => from.clone(),
        };
        self.strike(core, &out, Standing::Gone);
        core.hold_down(&out);
    }

    fn candidate(&mut self, core: &mut Core, node: &NodeId, life: Incarnation, standing: Standing) -> bool {
        self.candidates.insert(node.clone(), (life, standing));
        self.opinions.remove(node);
        self.touch(core);
        true
    }

    fn strike(&mut self, core: &mut Core, node: &NodeId, standing: Standing) {
        if let Some(candidate) = self.candidates.get_mut(node) {
            candidate.1 = standing;
            self.touch(core);
        }
    }

    /// The candidates changed: everybody should know now, and has the full time to agree.
    fn touch(&mut self, core: &mut Core) {
        self.changed = core.now;
        (self.agreed, self.unanimous) = (None, None);
        self.join_soon(core);
    }

    /// The next Join goes out at once, or a moment after the last one: when many nodes meet, each hears of the others
    /// one by one, and if each told each of each, the answers would drown the question.
    fn join_soon(&mut self, core: &Core) {
        let crowd = u32::try_from(self.candidates.len()).unwrap_or(u32::MAX).min(64);
        let least = core.timers.join * crowd / 256;
        self.next_join = core.last_join.map_or(core.now, |last| core.now.max(last + least)).max(self.mute);
    }

    // ---- time ----

    fn tick(mut self, core: &mut Core) -> Phase {
        if !core.numbers.ready() {
            (self.began, self.changed, self.agreed) = (core.now, core.now, None);
            self.next_join = core.now + core.timers.join;
            return Phase::Gather(self);
        }
        let living: Vec<_> = self.lives().into_iter().filter(|(node, _)| *node != core.me).collect();
        for (node, life) in living {
            match core.standing(&node, life) {
                Standing::Alive => {}
                lost => self.strike(core, &node, lost),
            }
        }
        self.lose_patience(core);
        let lives = self.lives();
        let unanimous = self.unanimous.unwrap_or_else(|| self.agrees(&lives, core));
        self.unanimous = Some(unanimous);
        if unanimous {
            self.agreed.get_or_insert(core.now);
            if self.settled(&lives, core) && lives.keys().next() == Some(&core.me) {
                return self.form(core, lives);
            }
        } else {
            self.agreed = None;
        }
        if core.now >= self.next_join {
            self.send_join(core);
        }
        Phase::Gather(self)
    }

    fn agrees(&self, lives: &Lives, core: &Core) -> bool {
        let mut others = lives.keys().filter(|node| **node != core.me);
        others.all(|node| self.opinions.get(node).is_some_and(|opinion| opinion.alive == *lives))
    }

    /// Whether it is time to form a ring: when a cluster starts, nodes wait a moment for each other.
    fn settled(&self, lives: &Lives, core: &Core) -> bool {
        let all_here = lives.len() > core.peers.len();
        let fresh = core.fresh && self.opinions.iter().all(|(node, o)| o.fresh || !lives.contains_key(node));
        all_here || !fresh || core.now >= self.began + core.timers.token
    }

    /// Strikes off those who are heard but do not agree, or who should form the ring and do not.
    fn lose_patience(&mut self, core: &mut Core) {
        let lives = self.lives();
        let out: Vec<NodeId> = match self.agreed {
            None if core.now >= self.changed + core.timers.consensus => {
                let others = lives.keys().filter(|node| **node != core.me);
                let stubborn = |node: &&NodeId| self.opinions.get(*node).is_none_or(|o| o.alive != lives);
                others.filter(stubborn).cloned().collect()
            }
            Some(agreed) if core.now >= agreed + core.timers.consensus * 2 => {
                lives.keys().next().filter(|node| **node != core.me).cloned().into_iter().collect()
            }
            _ => return,
        };
        for node in out {
            self.strike(core, &node, Standing::Gone);
            core.hold_down(&node);
        }
    }

    fn send_join(&mut self, core: &mut Core) {
        let candidates = self.candidates.iter().map(|(node, (incarnation, standing))| Candidate {
            node: node.clone(),
            incarnation: *incarnation,
            standing: *standing,
        });
        self.told = core.hears();
        let join = Join {
            incarnation: core.incarnation,
            serial: core.serial(),
            number: core.numbers.used(),
            fresh: core.fresh,
            candidates: candidates.collect(),
            hears: self.told.clone(),
            pace_ms: core.pace_ms(),
        };
        core.broadcast(Frame::Join(join).encode());
        core.last_join = Some(core.now);
        self.next_join = core.now + core.jitter(core.timers.join);
    }

    // ---- the way out ----

    /// This node is the representative and all agree.
    fn form(mut self, core: &mut Core, lives: Lives) -> Phase {
        let told = lives.keys().filter_map(|node| self.opinions.get(node)).map(|o| o.number).max();
        let number = told.unwrap_or(0).max(core.numbers.used()) + 1;
        #[cfg(test)]
        let number = core.sabotage_number(number);
        // Those who wait for this node's agreement get it now, not with the next Join.
        if core.now >= self.mute {
            self.send_join(core);
        }
        core.numbers.take(number);
        let members: Vec<_> = lives.into_iter().collect();
        if members.len() > 1 {
            return Phase::Commit(Commit::start(core, self.past, number, &members));
        }
        let log = Log::new(RingId { number, representative: core.me.clone() }, members, &core.me);
        let past = self.past.map(|past| {
            let regular = if past.estranged { past.log.delivered() } else { u64::MAX };
            (past.log, regular)
        });
        core.install(past, BTreeSet::from([core.me.clone()]), &log);
        Phase::Operate(Operate::alone(core, log))
    }

    /// A commit token is accepted when it has exactly the members that this node proposes.
    fn accept(self, core: &mut Core, from: &NodeId, token: frame::Commit) -> Phase {
        let lives = self.lives();
        let same = token.members.iter().map(|m| (&m.node, &m.incarnation)).eq(lives.iter());
        let rank = token.members.iter().position(|m| m.node == core.me);
        let in_turn = rank.is_some_and(|r| r > 0 && usize::from(token.hop) == r && token.members[r - 1].node == *from);
        if !same || !in_turn || token.ring <= core.numbers.used() {
            return Phase::Gather(self);
        }
        if token.ring > super::numbers::MAX_RING_NUMBER {
            core.bad_frame(from, "its ring number is absurd");
            return Phase::Gather(self);
        }
        if !core.numbers.may_use(token.ring) {
            // The token is sent again; by then the number is stored.
            if let Some(ask) = core.numbers.ahead(token.ring) {
                core.out(ask);
            }
            return Phase::Gather(self);
        }
        core.numbers.take(token.ring);
        Phase::Commit(Commit::follow(core, self.past, token))
    }
}

/// Tells why members are lost, when it is not the time for a notice of its own.
pub(crate) fn tell_loss(core: &mut Core, lost: &[(NodeId, Standing)]) {
    let gone: Vec<_> =
        lost.iter().filter(|(_, standing)| *standing == Standing::Gone).map(|(n, _)| n.as_str()).collect();
    if !gone.is_empty() {
        core.out(Output::Notice(Notice::Gathering { reason: format!("{} is gone", gone.join(", ")) }));
    }
}

/// The members in `members` that are lost, and how.
pub(crate) fn lost(core: &Core, members: &[(NodeId, Incarnation)]) -> Vec<(NodeId, Standing)> {
    let lost = members.iter().map(|(node, life)| (node, core.standing(node, *life)));
    lost.filter(|(_, standing)| *standing != Standing::Alive).map(|(node, lost)| (node.clone(), lost)).collect()
}
