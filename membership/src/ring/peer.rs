//! What this node knows of each configured peer: in which life it is, when it was last heard, whom it hears.

use super::moment::Moment;
use crate::frame::Segments;
use crate::view::Incarnation;
use config::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// How many earlier lives of a peer are remembered, to know their late frames.
const LIVES: usize = 8;
/// A life that was taken for over and says so much more, while the one that was taken for the present one says nothing,
/// is the present one. No network holds back so much of what an earlier life said.
const PERSISTENT: u8 = 12;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Peer {
    /// Last frame, or when listening began (anew).
    pub(crate) heard: Moment,
    /// Whether a frame came since.
    pub(crate) met: bool,
    /// Its current life, when it ever told.
    pub(crate) life: Option<Incarnation>,
    /// Lives that are over.
    dead: VecDeque<Incarnation>,
    /// A life that is over and speaks on: its newest serial, how often it spoke since the present one did.
    revenant: Option<(Incarnation, u64, u8)>,
    /// Of its newest Join or Beat.
    serial: u64,
    /// Whom it hears, as it last said.
    pub(crate) hears: BTreeSet<NodeId>,
    /// Those it is or wants to be in a ring with.
    pub(crate) members: BTreeSet<NodeId>,
    /// The token timeout it lives by, as it last said.
    pub(crate) pace: Option<Duration>,
    /// Its process is gone, said the link layer at this time.
    pub(crate) down: Option<Moment>,
    /// This life has said goodbye.
    pub(crate) left: bool,
    /// Not to be merged with before.
    pub(crate) hold_down: Option<Moment>,
    /// What arrived of its longer frames.
    pub(crate) segments: Segments,
    /// Its current silence was told.
    pub(crate) quiet: bool,
    /// When a bad frame of it was last told.
    pub(crate) told_bad: Option<Moment>,
}

/// What a Join or Beat is in the order of what its sender said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meeting {
    /// Said before something already known, or in a life that is over.
    Stale,
    /// News.
    News,
}

impl Peer {
    pub(crate) fn new(now: Moment) -> Peer {
        Peer {
            heard: now,
            met: false,
            life: None,
            dead: VecDeque::new(),
            revenant: None,
            serial: 0,
            hears: BTreeSet::new(),
            members: BTreeSet::new(),
            pace: None,
            down: None,
            left: false,
            hold_down: None,
            segments: Segments::default(),
            quiet: false,
            told_bad: None,
        }
    }

    pub(crate) fn silence(&self, now: Moment) -> Duration {
        now.since(self.heard)
    }

    /// Counts its silence from now on.
    pub(crate) fn restart_silence(&mut self, now: Moment) {
        self.heard = now;
        self.quiet = false;
    }

    /// Whether it is there, as far as this node can tell.
    pub(crate) fn present(&self, now: Moment, limit: Duration) -> bool {
        self.met && !self.gone() && self.silence(now) < limit
    }

    /// It speaks although the link layer called it gone `limit` ago or longer: that was about an earlier life or
    /// connection.
    pub(crate) fn believe_alive(&mut self, now: Moment, limit: Duration) {
        self.down = self.down.filter(|since| now < *since + limit);
    }

    pub(crate) fn gone(&self) -> bool {
        self.down.is_some() || self.left
    }

    pub(crate) fn is_dead(&self, life: Incarnation) -> bool {
        self.dead.contains(&life)
    }

    /// A Join or Beat of `life` says who it is. A new life wipes out what was known of the old one.
    pub(crate) fn meet(&mut self, life: Incarnation, serial: u64) -> Meeting {
        if self.is_dead(life) && !self.returns(life, serial) {
            return Meeting::Stale;
        }
        if self.life != Some(life) {
            self.bury();
            self.life = Some(life);
            self.serial = 0;
            self.hears.clear();
            self.members.clear();
            (self.down, self.left, self.hold_down, self.pace) = (None, false, None, None);
        }
        if serial <= self.serial {
            return Meeting::Stale;
        }
        self.serial = serial;
        self.revenant = None;
        Meeting::News
    }

    /// Whether a life that was taken for over is the present one after all. A node that has just started knows
    /// nothing of its peers' lives: when a late frame of a peer's earlier life is the second that it hears of that
    /// peer, it takes the present one for the earlier.
    fn returns(&mut self, life: Incarnation, serial: u64) -> bool {
        let spoke = match self.revenant {
            Some((known, newest, _)) if known == life && serial <= newest => return false,
            Some((known, _, spoke)) if known == life => spoke + 1,
            _ => 1,
        };
        self.revenant = Some((life, serial, spoke));
        if spoke >= PERSISTENT {
            self.dead.retain(|dead| *dead != life);
        }
        spoke >= PERSISTENT
    }

    /// Its life, if known, is over.
    fn bury(&mut self) {
        if let Some(old) = self.life.take() {
            self.dead.push_back(old);
            if self.dead.len() > LIVES {
                self.dead.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> Peer {
        Peer::new(Moment::default())
    }

    #[test]
    fn a_late_frame_of_an_earlier_life_does_not_bury_the_present_one_for_good() {
        let (now, earlier) = (Incarnation(2), Incarnation(1));
        let mut peer = peer();
        assert_eq!(peer.meet(now, 1), Meeting::News);
        assert_eq!(peer.meet(earlier, 40), Meeting::News, "nobody can know");
        let last = 1 + u64::from(PERSISTENT);
        for serial in 2..last {
            assert_eq!(peer.meet(now, serial), Meeting::Stale);
            assert_eq!(peer.meet(now, serial), Meeting::Stale, "the same frame twice counts once");
        }
        assert_eq!(peer.meet(now, last), Meeting::News);
        assert_eq!((peer.life, peer.is_dead(earlier), peer.is_dead(now)), (Some(now), true, false));
        assert_eq!(peer.meet(earlier, 41), Meeting::Stale);
    }

    #[test]
    fn late_frames_of_an_earlier_life_are_stale_as_long_as_the_present_one_speaks() {
        let (now, earlier) = (Incarnation(2), Incarnation(1));
        let mut peer = peer();
        assert_eq!(peer.meet(earlier, 1), Meeting::News);
        for serial in 1..100 {
            assert_eq!(peer.meet(now, serial), Meeting::News);
            assert_eq!(peer.meet(earlier, 1 + serial), Meeting::Stale);
        }
    }
}
