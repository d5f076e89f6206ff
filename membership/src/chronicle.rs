//! What happened to a ring, in numbers and in the last few changes of its view: for people who ask why, and how close
//! it was. It watches what goes into a [`Ring`](crate::Ring) and what comes out, and decides nothing.

mod spread;

pub use spread::Spread;

use crate::frame;
use crate::message::Channel;
use crate::ring::{Input, Notice, Output};
use crate::view::View;
use config::NodeId;
use serde::{Deserialize, Serialize};
use spread::Histogram;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Changes of the view remembered.
const CHANGES: usize = 16;
/// Reasons kept for one change.
const REASONS: usize = 4;
/// How much the newest value counts in the mean of the token time: one part in so many.
const SMOOTH: u32 = 16;

/// All of it. Times are in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Insight {
    /// From one visit of the token to the next.
    pub token: TokenTime,
    /// From giving the ring a message to its delivery here, of messages of this node. One is measured at a time.
    #[serde(default)]
    pub latency: Spread,
    /// How this host treats the ring's thread.
    pub own: OwnTime,
    /// What was noticed of each peer.
    pub peers: BTreeMap<NodeId, PeerInsight>,
    /// The last changes of the view, newest last.
    pub changes: Vec<ViewChange>,
}

/// From one visit of the token to the next. A resting token of an idle ring takes its time on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenTime {
    /// Visits in this view.
    pub visits: u64,
    /// The last one.
    pub last_us: u64,
    /// Smoothed.
    pub mean_us: u64,
    /// 99 of 100 took at most so long.
    #[serde(default)]
    pub most_us: u64,
    /// The longest in this view.
    pub worst_us: u64,
}

/// How this host treats the ring's thread. Nothing of this is a peer's fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnTime {
    /// How much later than it wanted the thread ran, at worst.
    pub worst_late_us: u64,
    /// How often it did not run for half the token timeout.
    pub pauses: u64,
    /// The longest of these pauses.
    pub longest_pause_us: u64,
}

/// What was noticed of one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerInsight {
    /// How often it was silent for three quarters of the token timeout.
    pub warnings: u64,
    /// The longest silence that was warned of or ended in a loss.
    pub longest_silence_us: u64,
    /// How often it dropped out of the view without having left in order.
    pub losses: u64,
    /// How often it left in order.
    pub departures: u64,
    /// Frames of it that made no sense.
    pub bad_frames: u64,
}

/// One change of the view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewChange {
    /// The new view.
    pub ring: u64,
    /// Its members.
    pub members: Vec<NodeId>,
    /// Members that were not in the one before.
    pub joined: Vec<NodeId>,
    /// Those that are not in it any more.
    pub lost: Vec<NodeId>,
    /// Why, in words, in the order in which it became known.
    pub reasons: Vec<String>,
    /// Nobody wanted it: a member was lost or the token was.
    #[serde(default)]
    pub unwanted: bool,
    /// From the first sign to the new view.
    pub took_us: u64,
    /// Since it was installed.
    pub ago_us: u64,
}

/// Collects an [`Insight`].
#[derive(Debug)]
pub struct Chronicle {
    me: NodeId,
    insight: Insight,
    /// Of the token, in this view.
    visits: Histogram,
    latency: Histogram,
    /// Messages given to the ring, and those of them that came back.
    sent: u64,
    back: u64,
    /// The one that is measured: how many were before it, and when it was given.
    measured: Option<(u64, Instant)>,
    /// The token was lost since the view was installed.
    token_lost: bool,
    /// Why the view that was just installed is one that nobody wanted.
    unwanted: Option<String>,
    /// When each of the changes was.
    times: VecDeque<Instant>,
    view: Option<View>,
    visited: Option<Instant>,
    /// The change under way: its first sign, and why.
    began: Option<Instant>,
    reasons: Vec<String>,
    /// Peers that said goodbye and are still in the view.
    leaving: Vec<NodeId>,
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Chronicle {
    /// Nothing has happened to the ring of node `me` yet.
    #[must_use]
    pub fn new(me: NodeId) -> Chronicle {
        Chronicle {
            me,
            insight: Insight::default(),
            visits: Histogram::default(),
            latency: Histogram::default(),
            sent: 0,
            back: 0,
            measured: None,
            token_lost: false,
            unwanted: None,
            times: VecDeque::new(),
            view: None,
            visited: None,
            began: None,
            reasons: Vec::new(),
            leaving: Vec::new(),
        }
    }

    /// Something is about to go into the ring.
    pub fn input(&mut self, now: Instant, input: &Input) {
        match input {
            Input::Frame { bytes, .. } if frame::is_token(bytes) => self.token(now),
            // The two channels do not keep step with each other; the cluster's own is measured.
            Input::Multicast(message) if message.channel == Channel::Cluster => {
                self.measured.get_or_insert((self.sent, now));
                self.sent += 1;
            }
            _ => {}
        }
    }

    fn token(&mut self, now: Instant) {
        let token = &mut self.insight.token;
        if let Some(before) = self.visited.replace(now) {
            let gap = micros(now.saturating_duration_since(before));
            self.visits.add(gap);
            token.last_us = gap;
            token.worst_us = token.worst_us.max(gap);
            let parts = u64::from(SMOOTH);
            token.mean_us = if token.visits <= 1 { gap } else { (token.mean_us * (parts - 1) + gap) / parts };
        }
        token.visits += 1;
    }

    /// The thread ran so much later than it wanted.
    pub fn late(&mut self, by: Duration) {
        self.insight.own.worst_late_us = self.insight.own.worst_late_us.max(micros(by));
    }

    /// Something came out of the ring.
    pub fn output(&mut self, now: Instant, output: &Output) {
        match output {
            Output::Notice(notice) => self.notice(now, notice),
            Output::View(view) => self.installed(now, view),
            // A node's own messages come back all, and in their order.
            Output::Deliver(delivery) if delivery.from == self.me && delivery.channel == Channel::Cluster => {
                if let Some((_, given)) = self.measured.take_if(|(before, _)| *before == self.back) {
                    self.latency.add(micros(now.saturating_duration_since(given)));
                }
                self.back += 1;
            }
            _ => {}
        }
    }

    /// Why the view that was just installed is one that nobody wanted, if it is. Told once.
    pub fn unwanted(&mut self) -> Option<String> {
        self.unwanted.take()
    }

    fn peer(&mut self, name: &NodeId) -> &mut PeerInsight {
        self.insight.peers.entry(name.clone()).or_default()
    }

    fn sign(&mut self, now: Instant, reason: String) {
        self.began.get_or_insert(now);
        if self.reasons.len() < REASONS && !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    fn notice(&mut self, now: Instant, notice: &Notice) {
        match notice {
            Notice::Quiet { peer, silence } => {
                let peer = self.peer(peer);
                peer.warnings += 1;
                peer.longest_silence_us = peer.longest_silence_us.max(micros(*silence));
            }
            Notice::TokenLost { silent, since } => {
                self.token_lost = true;
                for name in silent {
                    let peer = self.peer(name);
                    peer.longest_silence_us = peer.longest_silence_us.max(micros(*since));
                }
                let names: Vec<&str> = silent.iter().map(NodeId::as_str).collect();
                self.sign(
                    now,
                    match names.as_slice() {
                        [] => format!("the token was lost, {} ms ago", since.as_millis()),
                        names => format!("nothing was heard from {}", names.join(", ")),
                    },
                );
            }
            Notice::Gathering { reason } => self.sign(now, reason.clone()),
            Notice::Paused { gap } => {
                let own = &mut self.insight.own;
                own.pauses += 1;
                own.longest_pause_us = own.longest_pause_us.max(micros(*gap));
                // It says nothing of the ring how long the token was not seen meanwhile.
                self.visited = None;
                self.sign(now, format!("this node itself did not run for {} ms", gap.as_millis()));
            }
            Notice::BadFrame { from, .. } => self.peer(from).bad_frames += 1,
            Notice::PeerLeft { peer } => {
                self.peer(peer).departures += 1;
                self.leaving.push(peer.clone());
                self.sign(now, format!("{peer} left"));
            }
            Notice::Refused { channel: Channel::Groups, .. } => {}
            Notice::Refused { channel: Channel::Cluster, .. } => {
                self.sent = self.sent.saturating_sub(1);
                self.measured.take_if(|(before, _)| *before == self.sent);
            }
        }
    }

    fn installed(&mut self, now: Instant, view: &View) {
        let before: Vec<NodeId> = self.view.iter().flat_map(|view| view.members.keys().cloned()).collect();
        let lost: Vec<NodeId> = before.iter().filter(|name| !view.contains(name)).cloned().collect();
        let leaving = std::mem::take(&mut self.leaving);
        let missed: Vec<&NodeId> = lost.iter().filter(|name| !leaving.contains(name)).collect();
        for name in &missed {
            self.peer(name).losses += 1;
        }
        let unwanted = !missed.is_empty() || std::mem::take(&mut self.token_lost);
        if unwanted {
            self.unwanted = Some(in_words(view, &missed, &self.reasons));
        }
        let began = self.began.take().unwrap_or(now);
        let change = ViewChange {
            ring: view.ring.number,
            members: view.members.keys().cloned().collect(),
            joined: view.members.keys().filter(|name| !before.contains(name)).cloned().collect(),
            lost,
            reasons: std::mem::take(&mut self.reasons),
            unwanted,
            took_us: micros(now.saturating_duration_since(began)),
            ago_us: 0,
        };
        self.insight.changes.push(change);
        self.times.push_back(now);
        if self.times.len() > CHANGES {
            self.times.pop_front();
            self.insight.changes.remove(0);
        }
        (self.insight.token, self.visits) = (TokenTime::default(), Histogram::default());
        self.visited = None;
        self.view = Some(view.clone());
    }

    /// The view that stands, once there is one.
    #[must_use]
    pub fn view(&self) -> Option<&View> {
        self.view.as_ref()
    }

    /// Everything so far.
    #[must_use]
    pub fn insight(&self, now: Instant) -> Insight {
        let mut insight = self.insight.clone();
        insight.token.most_us = self.visits.spread().most_us;
        insight.latency = self.latency.spread();
        for (change, at) in insight.changes.iter_mut().zip(&self.times) {
            change.ago_us = micros(now.saturating_duration_since(*at));
        }
        insight
    }
}

fn in_words(view: &View, missed: &[&NodeId], reasons: &[String]) -> String {
    let names: Vec<&str> = missed.iter().map(|name| name.as_str()).collect();
    let without = if names.is_empty() { String::new() } else { format!(" without {}", names.join(", ")) };
    format!("view {}{without}: {}", view.ring, reasons.join("; "))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // a test needs some moment to begin with
mod tests {
    use super::*;
    use crate::view::{Incarnation, RingId};
    use bytes::Bytes;
    use std::collections::BTreeSet;

    fn node(name: &str) -> NodeId {
        NodeId::new(name).unwrap()
    }

    fn view(number: u64, names: &[&str]) -> Output {
        let members = names.iter().map(|name| (node(name), Incarnation(1))).collect();
        let ring = RingId { number, representative: node(names[0]) };
        Output::View(View { ring, members, came_along: BTreeSet::new() })
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_loss_is_told_with_reason_and_duration() {
        let (mut chronicle, start) = (Chronicle::new(node("alpha")), Instant::now());
        chronicle.output(start, &view(1, &["alpha", "beta", "gamma"]));
        let silent = Notice::Quiet { peer: node("gamma"), silence: 750 * MS };
        chronicle.output(start + 750 * MS, &Output::Notice(silent));
        let lost = Notice::TokenLost { silent: vec![node("gamma")], since: 1000 * MS };
        chronicle.output(start + 1000 * MS, &Output::Notice(lost));
        let gathering = Notice::Gathering { reason: "beta gathers members".to_owned() };
        chronicle.output(start + 1001 * MS, &Output::Notice(gathering));
        chronicle.output(start + 1004 * MS, &view(2, &["alpha", "beta"]));
        let insight = chronicle.insight(start + 2004 * MS);
        let change = &insight.changes[1];
        assert_eq!((change.took_us, change.ago_us), (4000, 1_000_000));
        assert_eq!(change.lost, [node("gamma")]);
        assert_eq!(change.reasons, ["nothing was heard from gamma", "beta gathers members"]);
        assert!(change.unwanted && !insight.changes[0].unwanted);
        let said = "view 2/alpha without gamma: nothing was heard from gamma; beta gathers members";
        assert_eq!((chronicle.unwanted().as_deref(), chronicle.unwanted()), (Some(said), None));
        let gamma = insight.peers[&node("gamma")];
        assert_eq!((gamma.warnings, gamma.losses, gamma.longest_silence_us), (1, 1, 1_000_000));
    }

    #[test]
    fn who_leaves_in_order_is_not_lost() {
        let (mut chronicle, start) = (Chronicle::new(node("alpha")), Instant::now());
        chronicle.output(start, &view(1, &["alpha", "beta"]));
        chronicle.output(start, &Output::Notice(Notice::PeerLeft { peer: node("beta") }));
        chronicle.output(start, &view(2, &["alpha"]));
        let beta = chronicle.insight(start).peers[&node("beta")];
        assert_eq!((beta.losses, beta.departures), (0, 1));
        assert_eq!(chronicle.unwanted(), None);
    }

    #[test]
    fn own_pauses_are_own() {
        let (mut chronicle, start) = (Chronicle::new(node("alpha")), Instant::now());
        chronicle.output(start, &view(1, &["alpha", "beta"]));
        chronicle.output(start, &Output::Notice(Notice::Paused { gap: 700 * MS }));
        chronicle.late(3 * MS);
        let insight = chronicle.insight(start);
        assert_eq!(insight.own, OwnTime { worst_late_us: 3000, pauses: 1, longest_pause_us: 700_000 });
        assert!(insight.peers.is_empty());
    }

    #[test]
    fn the_token_is_timed_per_view() {
        let (mut chronicle, start) = (Chronicle::new(node("alpha")), Instant::now());
        let token = Input::Frame { from: node("beta"), bytes: Bytes::from_static(b"PL\x01\x03\0\0\0\0") };
        let other = Input::Frame { from: node("beta"), bytes: Bytes::from_static(b"PL\x01\x05\0\0\0\0") };
        for at in [0, 1, 3, 4] {
            chronicle.input(start + at * MS, &token);
            chronicle.input(start + at * MS, &other);
        }
        let time = chronicle.insight(start).token;
        assert_eq!((time.visits, time.last_us, time.worst_us), (4, 1000, 2000));
        assert_eq!(time.most_us, 2000);
        chronicle.output(start + 5 * MS, &view(2, &["alpha", "beta"]));
        assert_eq!(chronicle.insight(start).token, TokenTime::default());
    }

    fn delivery(from: &str) -> Output {
        let ring = RingId { number: 1, representative: node("alpha") };
        let (configuration, payload) = (crate::ring::Configuration::Regular, Bytes::new());
        let (from, incarnation) = (node(from), Incarnation(1));
        let (channel, guarantee) = (Channel::Cluster, crate::message::Guarantee::Agreed);
        Output::Deliver(crate::ring::Delivery {
            ring,
            seq: 1,
            from,
            incarnation,
            configuration,
            channel,
            guarantee,
            payload,
        })
    }

    #[test]
    fn how_long_a_message_takes_is_measured_one_at_a_time() {
        let (mut chronicle, start) = (Chronicle::new(node("alpha")), Instant::now());
        let send = Input::Multicast(Bytes::new().into());
        chronicle.input(start, &send);
        chronicle.input(start + MS, &send);
        chronicle.output(start + 2 * MS, &delivery("beta"));
        chronicle.output(start + 3 * MS, &delivery("alpha"));
        chronicle.input(start + 4 * MS, &send);
        // The second was not measured, and it comes before the third.
        chronicle.output(start + 9 * MS, &delivery("alpha"));
        chronicle.output(start + 10 * MS, &delivery("alpha"));
        let refused = Notice::Refused { channel: Channel::Cluster, len: 1, reason: String::new() };
        chronicle.input(start + 20 * MS, &send);
        chronicle.output(start + 20 * MS, &Output::Notice(refused));
        chronicle.input(start + 30 * MS, &send);
        chronicle.output(start + 31 * MS, &delivery("alpha"));
        let latency = chronicle.insight(start).latency;
        assert_eq!((latency.count, latency.worst_us), (3, 6000));
        assert!((3000..3750).contains(&latency.half_us), "{latency:?}");
    }

    #[test]
    fn memory_is_bounded() {
        let (mut chronicle, start) = (Chronicle::new(node("alpha")), Instant::now());
        for number in 0..1000 {
            for n in 0..20 {
                let reason = format!("reason {n}");
                chronicle.output(start, &Output::Notice(Notice::Gathering { reason }));
            }
            chronicle.output(start, &view(number, &["alpha"]));
        }
        let insight = chronicle.insight(start);
        assert_eq!((insight.changes.len(), insight.changes[0].reasons.len()), (CHANGES, REASONS));
        assert_eq!(insight.changes.last().map(|change| change.ring), Some(999));
    }
}
