//! What outlives a phase: the peers, the numbers, the messages to be sent, the counters, and the outputs of this step.

use super::interface::{Notice, Output, Reconfiguration, RingOptions, RingStatus};
use super::log::{Log, WINDOW};
use super::moment::Moment;
use super::numbers::{MAX_RING_NUMBER, Numbers};
use super::peer::{Meeting, Peer};
use super::timers::Timers;
use crate::fragment::Outbox;
use crate::frame::{Beat, CHUNK_OVERHEAD, DATA_OVERHEAD, Frame, FrameError, Leave, Standing, packets};
use crate::message::Message;
use crate::view::{Incarnation, View};
use bytes::Bytes;
use config::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::time::Duration;

/// Smallest and largest frames that make sense, whatever the options say, in bytes.
const FRAME_LIMITS: (usize, usize) = (512, 60_000);
/// Bytes of packets that may be on their way or kept for those who miss them.
const WINDOW_BYTES: usize = 8 * 1024 * 1024;
/// No token timeout that a peer tells of is taken for longer or shorter than this.
const PACES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(60));
/// A goodbye is said so often, since nobody will be there to repeat it when it is lost.
const GOODBYES: usize = 3;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Core {
    pub(crate) me: NodeId,
    pub(crate) incarnation: Incarnation,
    /// The token timeout this node lives by.
    token: Duration,
    pub(crate) timers: Timers,
    pub(crate) peers: BTreeMap<NodeId, Peer>,
    pub(crate) numbers: Numbers,
    pub(crate) outbox: Outbox,
    /// Longest packet that the links carry, in bytes.
    frame_limit: usize,
    /// Packets that may be on their way or kept for those who miss them, of all members together: what long packets
    /// take of the memory is bounded too.
    pub(crate) window: u64,
    /// Room in a data frame for payload and chunk list, in bytes.
    pub(crate) room: usize,
    /// The time of this step.
    pub(crate) now: Moment,
    /// Whether no view was installed in this life.
    pub(crate) fresh: bool,
    #[cfg(test)]
    #[serde(skip)]
    pub(crate) sabotage: Option<super::tests::Sabotage>,
    #[serde(with = "dice")]
    rng: fastrand::Rng,
    serial: u64,
    /// When the last Join went out.
    pub(crate) last_join: Option<Moment>,
    next_beat: Moment,
    last_beat: Option<Moment>,
    /// The next beat goes along with an idle token.
    along: bool,
    #[serde(skip)]
    status: RingStatus,
    #[serde(skip)]
    outputs: Vec<Output>,
}

impl Core {
    pub(crate) fn new(options: RingOptions) -> Core {
        let now = Moment::default();
        let peers = options.nodes.iter().filter(|n| **n != options.me).map(|n| (n.clone(), Peer::new(now))).collect();
        let frame_limit = options.frame_limit.clamp(FRAME_LIMITS.0, FRAME_LIMITS.1);
        Core {
            me: options.me,
            incarnation: options.incarnation,
            token: options.token,
            timers: Timers::new(options.token, options.token),
            peers,
            numbers: Numbers::new(options.ring_number_floor),
            outbox: Outbox::default(),
            frame_limit,
            window: window(frame_limit),
            room: room(frame_limit),
            now,
            fresh: true,
            #[cfg(test)]
            sabotage: None,
            rng: fastrand::Rng::with_seed(options.seed),
            serial: 0,
            last_join: None,
            next_beat: now,
            last_beat: None,
            along: false,
            status: RingStatus::default(),
            outputs: Vec::new(),
        }
    }

    /// A step begins. `asked` is when this node wanted to be called at the latest. Returns how long it slept when that
    /// was much longer than it wanted; its peers then get a full fresh timeout.
    pub(crate) fn wake(&mut self, now: Moment, asked: Option<Moment>) -> Option<Duration> {
        let gap = now.since(self.now);
        self.now = self.now.max(now);
        if let Some(ask) = self.numbers.ahead(0) {
            self.out(ask);
        }
        if gap <= self.timers.pause || asked.is_none_or(|asked| asked > now) {
            return None;
        }
        self.peers.values_mut().for_each(|peer| peer.restart_silence(now));
        Some(gap)
    }

    // ---- what comes in ----

    /// A frame as a value and as bytes, when it is one (or the segment that completes one) and its sender is not known
    /// to be a thing of the past.
    pub(crate) fn receive(&mut self, from: &NodeId, bytes: Bytes) -> Option<(Frame, Bytes)> {
        if *from == self.me {
            return None;
        }
        if !self.peers.contains_key(from) {
            self.bad_frame(from, "it is not a configured node");
            return None;
        }
        let (frame, bytes) = match self.decode(from, bytes) {
            Ok(decoded) => decoded?,
            Err(e) => {
                self.bad_frame(from, &format!("its frame {e}"));
                return None;
            }
        };
        self.judge(from, &frame).then_some((frame, bytes))
    }

    /// The frame that `bytes` are, or complete.
    fn decode(&mut self, from: &NodeId, bytes: Bytes) -> Result<Option<(Frame, Bytes)>, FrameError> {
        let segment = match Frame::decode(&bytes)? {
            Frame::Segment(segment) => segment,
            frame => return Ok(Some((frame, bytes))),
        };
        let now = self.now;
        let peer = self.peers.get_mut(from).expect("the caller looked it up");
        // Whoever sends long frames over a bad link is heard although not every frame arrives.
        if peer.met {
            peer.restart_silence(now);
        }
        let Some(bytes) = peer.segments.feed(segment)? else { return Ok(None) };
        match Frame::decode(&bytes)? {
            Frame::Segment(segment) => {
                Err(FrameError::Segment { index: segment.head.index, count: segment.head.count })
            }
            frame => Ok(Some((frame, bytes))),
        }
    }

    /// Takes in what a frame says about its sender; whether it is news.
    fn judge(&mut self, from: &NodeId, frame: &Frame) -> bool {
        let now = self.now;
        let news = match frame {
            Frame::Join(f) if f.number > MAX_RING_NUMBER => {
                self.bad_frame(from, "its ring number is absurd");
                return false;
            }
            Frame::Join(f) => {
                let alive = f.candidates.iter().filter(|c| c.standing == Standing::Alive).map(|c| c.node.clone());
                self.meet(from, (f.incarnation, f.serial), f.number, alive.collect(), (&f.hears, f.pace_ms))
            }
            Frame::Beat(f) => {
                let members = f.members.iter().cloned().collect();
                self.meet(from, (f.incarnation, f.serial), f.number, members, (&f.hears, f.pace_ms))
            }
            Frame::Leave(f) => self.goodbye(from, f.incarnation),
            _ => Meeting::News,
        };
        let peer = self.peers.get_mut(from).expect("looked up above");
        let first = !peer.present(now, self.timers.token) && news == Meeting::News && !peer.gone();
        if news == Meeting::News || peer.life.is_none() {
            peer.restart_silence(now);
            peer.met = true;
        }
        if news == Meeting::News && matches!(frame, Frame::Beat(_) | Frame::Join(_)) {
            peer.believe_alive(now, self.timers.hold_down);
        }
        if first {
            // Everybody learns at once that this node hears it: a merge waits for that.
            self.next_beat = now;
        }
        news == Meeting::News
    }

    fn meet(
        &mut self,
        from: &NodeId,
        (life, serial): (Incarnation, u64),
        number: u64,
        members: BTreeSet<NodeId>,
        (hears, pace_ms): (&[NodeId], u32),
    ) -> Meeting {
        let peer = self.peers.get_mut(from).expect("the caller looked it up");
        let meeting = peer.meet(life, serial);
        if meeting == Meeting::News {
            peer.hears = hears.iter().cloned().collect();
            peer.members = members;
            let pace = Duration::from_millis(u64::from(pace_ms)).clamp(PACES.0, PACES.1);
            let changed = peer.pace.replace(pace) != Some(pace);
            // What a peer sees today this node may need tomorrow, and storing takes time.
            if let Some(ask) = self.numbers.ahead(number.min(MAX_RING_NUMBER)) {
                self.out(ask);
            }
            if changed {
                self.repace(Some(from));
            }
        }
        meeting
    }

    fn goodbye(&mut self, from: &NodeId, life: Incarnation) -> Meeting {
        let peer = self.peers.get_mut(from).expect("the caller looked it up");
        if peer.is_dead(life) || peer.life.is_some_and(|known| known != life) || peer.left {
            return Meeting::Stale;
        }
        peer.life = Some(life);
        peer.left = true;
        self.notice(Notice::PeerLeft { peer: from.clone() });
        Meeting::News
    }

    pub(crate) fn link_up(&mut self, node: &NodeId) {
        let now = self.now;
        if let Some(peer) = self.peers.get_mut(node) {
            peer.down = None;
            peer.restart_silence(now);
            self.next_beat = now;
        }
    }

    pub(crate) fn link_down(&mut self, node: &NodeId) {
        let now = self.now;
        if let Some(peer) = self.peers.get_mut(node) {
            peer.down = Some(now);
        }
    }

    /// Takes a message into the queue; whether it was taken.
    pub(crate) fn queue(&mut self, message: Message) -> bool {
        let len = message.payload.len();
        if self.outbox.fits(message.channel, len) {
            self.outbox.push(message);
            return true;
        }
        let reason = format!("a message of {len} bytes is too long, or too many wait ({} now)", self.outbox.len());
        self.notice(Notice::Refused { channel: message.channel, len, reason });
        false
    }

    // ---- what changes while it runs ----

    /// Goes on with other options.
    pub(crate) fn reconfigure(&mut self, to: Reconfiguration) {
        let now = self.now;
        let limit = self.timers.token;
        let gone = |(node, peer): &(&NodeId, &Peer)| !to.nodes.contains(*node) && peer.present(now, limit);
        let gone: Vec<NodeId> = self.peers.iter().filter(gone).map(|(node, _)| node.clone()).collect();
        self.outputs.extend(gone.into_iter().map(|peer| Output::Notice(Notice::PeerLeft { peer })));
        self.peers.retain(|node, _| to.nodes.contains(node));
        for node in to.nodes {
            if node != self.me {
                self.peers.entry(node).or_insert_with(|| Peer::new(now));
            }
        }
        self.frame_limit = to.frame_limit.clamp(FRAME_LIMITS.0, FRAME_LIMITS.1);
        (self.window, self.room) = (window(self.frame_limit), room(self.frame_limit));
        self.token = to.token;
        self.repace(None);
        // Everybody learns at once how long this node waits from now on.
        self.next_beat = now;
    }

    /// Of those who are gone nobody keeps the pace. Looked at whenever this node is about to speak.
    pub(crate) fn review_pace(&mut self) {
        if self.beat_is_due() {
            self.repace(None);
        }
    }

    /// Works out anew how long others are waited for and how often this node speaks: from its own token timeout, and
    /// from those of all who are there. `who` has just spoken.
    fn repace(&mut self, who: Option<&NodeId>) {
        let (now, limit) = (self.now, self.timers.token.max(self.token));
        let there = self.peers.iter().filter(|(node, peer)| who == Some(*node) || peer.present(now, limit));
        let told = there.filter_map(|(_, peer)| peer.pace);
        let (longest, shortest) = told.fold((self.token, self.token), |(l, s), pace| (l.max(pace), s.min(pace)));
        self.timers = Timers::new(longest, shortest);
        self.next_beat = self.next_beat.min(now + self.timers.beat * 2);
    }

    /// The token timeout this node lives by, as it is told to others.
    pub(crate) fn pace_ms(&self) -> u32 {
        u32::try_from(self.token.as_millis()).unwrap_or(u32::MAX)
    }

    // ---- what is known of peers ----

    pub(crate) fn peer(&self, node: &NodeId) -> Option<&Peer> {
        self.peers.get(node)
    }

    /// The current life of a node, if known.
    pub(crate) fn life(&self, node: &NodeId) -> Option<Incarnation> {
        if *node == self.me { Some(self.incarnation) } else { self.peers.get(node).and_then(|p| p.life) }
    }

    /// Those heard within the token timeout.
    pub(crate) fn hears(&self) -> Vec<NodeId> {
        let limit = self.timers.token;
        self.peers.iter().filter(|(_, p)| p.present(self.now, limit)).map(|(n, _)| n.clone()).collect()
    }

    /// How a node in this life stands, by what this node knows itself.
    pub(crate) fn standing(&self, node: &NodeId, life: Incarnation) -> Standing {
        if *node == self.me {
            return if life == self.incarnation { Standing::Alive } else { Standing::Gone };
        }
        match self.peers.get(node) {
            None => Standing::Gone,
            Some(p) if p.gone() || p.is_dead(life) || p.life.is_some_and(|known| known != life) => Standing::Gone,
            Some(p) if p.silence(self.now) >= self.timers.token => Standing::Silent,
            Some(_) => Standing::Alive,
        }
    }

    /// The first time at which one of `nodes` will have been silent for `limit`.
    pub(crate) fn silence_due<'a>(&self, nodes: impl Iterator<Item = &'a NodeId>, limit: Duration) -> Option<Moment> {
        nodes.filter_map(|n| self.peers.get(n)).map(|p| p.heard + limit).min()
    }

    /// Whether `a` and `b` hear each other, as far as this node was told.
    fn mutual(&self, a: &NodeId, b: &NodeId) -> bool {
        self.one_hears(a, b) && self.one_hears(b, a)
    }

    fn one_hears(&self, a: &NodeId, b: &NodeId) -> bool {
        let limit = self.timers.token;
        if *a == self.me {
            return self.peers.get(b).is_some_and(|p| p.present(self.now, limit));
        }
        self.peers.get(a).is_some_and(|p| p.present(self.now, limit) && p.hears.contains(b))
    }

    /// Those that would come if the ring of `members` merged with `node`: it and those it is with. None when the two do
    /// not hear each other completely, since such a merge would only break apart again; nor when one of them did not
    /// agree lately, unless it is them who ask (`invited`); nor before the disk of this node has a number for that
    /// ring.
    pub(crate) fn mergeable(
        &self,
        node: &NodeId,
        members: &[(NodeId, Incarnation)],
        invited: bool,
    ) -> Option<BTreeSet<NodeId>> {
        let peer = self.peers.get(node).filter(|_| self.numbers.ready())?;
        let mut others: BTreeSet<NodeId> = peer.members.clone();
        others.insert(node.clone());
        others.retain(|other| !members.iter().any(|(member, _)| member == other));
        let now = self.now;
        let wanted = others.iter().all(|other| {
            let held = self.peers.get(other).is_none_or(|p| p.hold_down.is_some_and(|until| now < until));
            (invited || !held) && members.iter().all(|(member, _)| self.mutual(member, other))
        });
        wanted.then_some(others)
    }

    pub(crate) fn hold_down(&mut self, node: &NodeId) {
        let until = self.now + self.timers.hold_down;
        if let Some(peer) = self.peers.get_mut(node) {
            peer.hold_down = Some(until);
        }
    }

    // ---- what goes out ----

    pub(crate) fn out(&mut self, output: Output) {
        self.outputs.push(output);
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.outputs.push(Output::Notice(notice));
    }

    pub(crate) fn send(&mut self, to: &NodeId, bytes: Bytes) {
        let send = |bytes| Output::Send { to: to.clone(), bytes };
        self.outputs.extend(packets(bytes, self.frame_limit).map(send));
    }

    pub(crate) fn broadcast(&mut self, bytes: Bytes) {
        if !self.peers.is_empty() {
            self.outputs.extend(packets(bytes, self.frame_limit).map(Output::Broadcast));
        }
    }

    /// Counts a frame that no peer of this version sends, and tells of it now and then.
    pub(crate) fn bad_frame(&mut self, from: &NodeId, reason: &str) {
        self.status.bad_frames += 1;
        let (now, every) = (self.now, self.timers.notice);
        // A stranger has no record to remember the last notice in; the link layer knows only configured peers.
        let Some(peer) = self.peers.get_mut(from) else { return };
        if peer.told_bad.is_none_or(|last| now >= last + every) {
            peer.told_bad = Some(now);
            self.notice(Notice::BadFrame { from: from.clone(), reason: reason.to_owned() });
        }
    }

    /// Tells of peers in `members` that become suspicious.
    pub(crate) fn watch(&mut self, members: &[(NodeId, Incarnation)]) {
        let (now, limit) = (self.now, self.timers.quiet);
        for (node, _) in members {
            let Some(peer) = self.peers.get_mut(node) else { continue };
            let silence = peer.silence(now);
            if silence >= limit && !peer.quiet {
                peer.quiet = true;
                self.outputs.push(Output::Notice(Notice::Quiet { peer: node.clone(), silence }));
            }
        }
    }

    /// The next number for a Join or Beat.
    pub(crate) fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// `base`, up to a quarter more or less.
    pub(crate) fn jitter(&mut self, base: Duration) -> Duration {
        base.mul_f64(0.75 + self.rng.f64() / 2.0)
    }

    pub(crate) fn beat_due(&self) -> Moment {
        // However often peers come and go, beats keep a distance.
        let least = self.timers.join / 4;
        self.last_beat.map_or(self.next_beat, |last| self.next_beat.max(last + least))
    }

    pub(crate) fn beat_is_due(&self) -> bool {
        self.now >= self.beat_due()
    }

    /// This beat is not said.
    pub(crate) fn skip_beat(&mut self) {
        self.next_beat = self.now + self.timers.beat;
    }

    /// The next beat goes out with this step, if the last one was not just before.
    pub(crate) fn beat_soon(&mut self) {
        self.next_beat = self.now;
    }

    /// An idle token passes by: the beat goes with it, so that a cluster with nothing to do wakes up once for both.
    pub(crate) fn beat_along(&mut self) {
        let beat = self.timers.beat;
        if self.last_beat.is_none_or(|last| self.now >= last + beat / 2) {
            self.next_beat = self.now;
            self.along = true;
        } else {
            // It was just before: the next one goes with the next token.
            self.next_beat = self.next_beat.max(self.now + beat + beat / 8);
        }
    }

    pub(crate) fn send_beat(&mut self, members: Vec<NodeId>, token: u64) {
        self.last_beat = Some(self.now);
        // The token should come by again before the beat is due.
        let slack = if mem::take(&mut self.along) { self.timers.beat / 8 } else { Duration::ZERO };
        self.next_beat = self.now + self.timers.beat + slack;
        let (incarnation, number) = (self.incarnation, self.numbers.used());
        let (serial, hears, pace_ms) = (self.serial(), self.hears(), self.pace_ms());
        let beat = Beat { incarnation, serial, number, token, members, hears, pace_ms };
        self.broadcast(Frame::Beat(beat).encode());
    }

    pub(crate) fn say_goodbye(&mut self) {
        let bytes = Frame::Leave(Leave { incarnation: self.incarnation }).encode();
        for _ in 0..GOODBYES {
            self.broadcast(bytes.clone());
        }
        self.out(Output::Left);
    }

    /// Delivers of `log` what is in order.
    pub(crate) fn deliver(&mut self, log: &mut Log) {
        #[cfg(test)]
        if self.sabotage == Some(super::tests::Sabotage::DeliverBeforeGap) {
            log.sabotage_skip_gap(&mut |delivery| self.outputs.push(Output::Deliver(delivery)));
            return;
        }
        log.deliver(&mut |delivery| self.outputs.push(Output::Deliver(delivery)));
    }

    /// Ends the view of `past`: its last messages, then the new view.
    pub(crate) fn install(&mut self, past: Option<(Log, u64)>, came_along: BTreeSet<NodeId>, next: &Log) {
        if let Some((mut past, regular)) = past {
            past.deliver_rest(regular, &came_along, &mut |delivery| self.outputs.push(Output::Deliver(delivery)));
        }
        let members = next.members.iter().cloned().collect();
        self.out(Output::View(View { ring: next.id.clone(), members, came_along }));
        self.outbox.rewind();
        self.fresh = false;
        self.status.views += 1;
        self.beat_soon();
    }

    pub(crate) fn take_outputs(&mut self) -> Vec<Output> {
        mem::take(&mut self.outputs)
    }

    #[cfg(test)]
    pub(crate) fn sabotage_number(&mut self, number: u64) -> u64 {
        if self.sabotage != Some(super::tests::Sabotage::ReuseRingNumber) || self.fresh {
            return number;
        }
        self.numbers.sabotage_take(number - 2);
        number - 1
    }

    // ---- counters ----

    pub(crate) fn count_token(&mut self) {
        self.status.tokens += 1;
    }

    pub(crate) fn count_gaps(&mut self, count: u64) {
        self.status.gaps += count;
    }

    pub(crate) fn count_retransmits(&mut self, count: u64) {
        self.status.retransmits += count;
    }

    pub(crate) fn status(&self) -> RingStatus {
        let silence = self.peers.iter().map(|(node, peer)| (node.clone(), peer.silence(self.now))).collect();
        RingStatus { silence, queued: self.outbox.len(), ..self.status.clone() }
    }
}

/// The random generator as it stands.
mod dice {
    use fastrand::Rng;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(rng: &Rng, to: S) -> Result<S::Ok, S::Error> {
        rng.get_seed().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Rng, D::Error> {
        u64::deserialize(from).map(Rng::with_seed)
    }
}

/// Packets of this size that may be on their way or kept, of all members together.
fn window(frame_limit: usize) -> u64 {
    ((WINDOW_BYTES / frame_limit) as u64).min(WINDOW)
}

/// Room in a data frame of this size for payload and chunk list.
fn room(frame_limit: usize) -> usize {
    frame_limit - DATA_OVERHEAD - CHUNK_OVERHEAD
}
