//! One link to one peer, and whether it works: it is up while what is sent over it is confirmed, and while packets of
//! the full size come back. A path that only one direction of passes, or only small packets, is down.
//!
//! ```text
//!            a full packet came back        nothing confirmed, or full packets lost
//! unproven -------------------------> up ------------------------------------------> down
//!                                      ^     whole for a while, or nothing better       |
//!                                      +------------------------------------------------+
//! ```
//!
//! A link loses full packets by and by on any path that loses packets. Only so many in a row that loss alone would
//! hardly ever do it, while others come through, mean that their size is the reason.
//!
//! Before a link is called down it is doubted: what is sent over it then goes over the next one too.

use super::dial::{Dial, Patience};
use bytes::Bytes;
use quinn_proto::ConnectionHandle;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Links between two nodes at most.
pub(super) const MAX_LINKS: usize = 8;
/// What a probe and its echo begin with; no frame of the ring does.
const PROBE: &[u8; 4] = b"\x01lp?";
const ECHO: &[u8; 4] = b"\x01lp!";
/// What asks for another connection begins with.
const RENEW: &[u8; 4] = b"\x01lp*";

/// So many packets of the full size must fail one after the other before their size is blamed. On a path that loses 30
/// of 100 packets in each direction one fails in 51 of 100 cases, and so many of them in a row follow on fewer than one
/// packet in a million.
const EVIDENCE: u32 = 21;

/// All times of a path, derived from the token timeout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Between two looks, each of which asks for a confirmation.
    pub(super) look: Duration,
    /// Without a confirmation for this long, frames also go another way.
    pub(super) doubt: Duration,
    /// Without a confirmation for this long, the path is down.
    pub(super) lost: Duration,
    /// Between two packets of the full size, as long as they come back.
    pub(super) wide: Duration,
    /// Between two of them when the last one has not come back.
    pub(super) again: Duration,
    /// None of them came back since the first of them that did not, for this long: with [`EVIDENCE`], the path is down.
    pub(super) narrow: Duration,
    /// For this long nothing may be heard from a peer whose port is said to be closed before that is believed.
    pub(super) certain: Duration,
    /// So much later than they want to, the timers of an open connection may run: by then something else has mostly
    /// woken this thread up, or carried their acknowledgement along.
    pub(super) slack: Duration,
    /// A path that was down must be whole for this long before it is preferred to another one.
    pub(super) trust: Duration,
}

impl Pace {
    /// `paths` is how many this node has in all: the more, the rarer the large probes.
    pub(super) fn new(token: Duration, paths: usize) -> Pace {
        let ms = Duration::from_millis;
        let crowd = u32::try_from(paths.div_ceil(16).max(1)).unwrap_or(u32::MAX);
        let wide = (token / 2).max(ms(50)) * crowd;
        Pace {
            look: (token / 12).clamp(ms(10), ms(500)),
            // An acknowledgement may take 25 ms and the slack by itself.
            doubt: (token / 4).max(ms(60)),
            lost: (token * 3 / 4).max(ms(150)),
            wide,
            // At most looks, where all paths have their turn at each.
            again: wide / 6,
            // The last ones may still be on their way.
            narrow: wide * 5,
            certain: (token / 100).clamp(ms(10), ms(20)),
            slack: token / 10,
            trust: token * 2,
        }
    }
}

/// What a packet on a path says about the path itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// Send this back.
    Probe,
    /// It came back.
    Echo,
    /// The side that does not dial has new keys: dial again.
    Renew,
}

impl Test {
    /// Whether a datagram is one.
    pub(super) fn read(bytes: &[u8]) -> Option<Test> {
        match bytes.first_chunk::<4>() {
            Some(PROBE) => Some(Test::Probe),
            Some(ECHO) => Some(Test::Echo),
            Some(RENEW) => Some(Test::Renew),
            _ => None,
        }
    }

    /// A datagram of `size` bytes.
    pub(super) fn bytes(self, size: usize) -> Bytes {
        let mut bytes = vec![0; size.max(4)];
        bytes[..4].copy_from_slice(match self {
            Test::Probe => PROBE,
            Test::Echo => ECHO,
            Test::Renew => RENEW,
        });
        Bytes::from(bytes)
    }
}

/// How a path does.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// As it was told.
    pub(super) up: bool,
    /// When something sent was last confirmed.
    pub(super) proven: Option<Instant>,
    /// When a packet of the full size last came back.
    pub(super) wide: Option<Instant>,
    /// Packets of its connection confirmed at the last look.
    pub(super) confirmed: u64,
    /// Whole since then.
    whole: Option<Instant>,
    /// When the next packet of the full size is due, and those that are not back yet.
    next_probe: Option<Instant>,
    missing: Option<Missing>,
    /// How long such a packet takes there and back, smoothed.
    pub(super) round_trip: Option<Duration>,
    /// How often it was lost.
    pub(super) losses: u64,
}

/// Packets of the full size in a row that have not come back.
#[derive(Clone, Copy, Debug)]
struct Missing {
    /// When the first and the last of them were sent.
    first: Instant,
    last: Instant,
    /// How many there are, the last one apart: it may be on its way.
    lost: u32,
}

/// What a look found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is as it was.
    Same,
    /// It works (again).
    Up,
    /// Nothing comes back.
    Mute,
    /// Only small packets come back.
    Narrow,
    /// The same, on a path that was not up.
    Stuck,
}

impl Health {
    /// A new connection takes over: its size is to be proven anew.
    pub(super) fn renew(&mut self) {
        (self.confirmed, self.wide, self.next_probe, self.missing, self.round_trip) = (0, None, None, None, None);
    }

    /// Whether the last packet of the full size has not come back.
    pub(super) fn missed(&self) -> bool {
        self.missing.is_some()
    }

    /// Whether a packet of the full size is to be sent now. Until it is back, the next one follows sooner.
    pub(super) fn probe(&mut self, now: Instant, pace: &Pace) -> bool {
        let due = self.next_probe.is_none_or(|at| at <= now);
        if due {
            let before = self.missing;
            self.missing = Some(Missing {
                first: before.map_or(now, |before| before.first),
                last: now,
                lost: before.map_or(0, |before| before.lost.saturating_add(1)),
            });
            self.next_probe = Some(now + if self.wide.is_some() { pace.again } else { pace.look });
        }
        due
    }

    /// A packet of the full size came back.
    pub(super) fn answered(&mut self, now: Instant, pace: &Pace) {
        (self.wide, self.proven) = (Some(now), Some(now));
        self.next_probe = Some(now + pace.wide);
        if let Some(sent) = self.missing.take() {
            let taken = now.saturating_duration_since(sent.last);
            self.round_trip = Some(self.round_trip.map_or(taken, |before| (before * 7 + taken) / 8));
        }
    }

    /// This node did not run: nothing could be confirmed, and nobody is to blame.
    pub(super) fn excuse(&mut self, now: Instant) {
        self.proven = self.proven.map(|_| now);
        self.wide = self.wide.map(|_| now);
        self.missing = None;
    }

    /// Whether only small packets pass, as far as that can be told from loss.
    fn narrow(&self, now: Instant, pace: &Pace) -> bool {
        self.missing.is_some_and(|missing| missing.lost >= EVIDENCE && missing.first + pace.narrow <= now)
    }

    /// Whether it is time to also use another way.
    pub(super) fn doubtful(&self, now: Instant, pace: &Pace) -> bool {
        self.proven.is_none_or(|at| at + pace.doubt <= now)
    }

    /// Judges the path; `alone`: no other path to this peer is up.
    pub(super) fn judge(&mut self, now: Instant, pace: &Pace, alone: bool) -> Verdict {
        let mute = self.proven.is_none_or(|at| at + pace.lost <= now);
        let narrow = self.narrow(now, pace);
        if mute || narrow {
            self.whole = None;
            let down = std::mem::take(&mut self.up);
            self.losses += u64::from(down);
            if !mute {
                // Nothing but a packet that comes back makes it up again, or another size.
                (self.wide, self.missing) = (None, None);
            }
            return match (mute, down) {
                (true, true) => Verdict::Mute,
                (false, true) => Verdict::Narrow,
                (true, false) => Verdict::Same,
                (false, false) => Verdict::Stuck,
            };
        }
        if self.wide.is_none() {
            // A connection that has just taken over from one that worked gets its time.
            self.whole = None;
            return Verdict::Same;
        }
        let whole = *self.whole.get_or_insert(now);
        let trusted = alone || self.losses == 0 || whole + pace.trust <= now;
        if !self.up && trusted {
            self.up = true;
            return Verdict::Up;
        }
        Verdict::Same
    }
}

/// One link to one peer.
#[derive(Debug)]
pub(super) struct Path {
    /// Where the peer is; several when a name has several addresses.
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) dial: Dial,
    pub(super) patience: Patience,
    /// The newest open connection.
    pub(super) link: Option<ConnectionHandle>,
    pub(super) health: Health,
    /// When the peer last knocked and was listened to.
    pub(super) knocked: Option<Instant>,
    /// Where somebody is who says to be the peer: tried once.
    pub(super) heard_of: Option<SocketAddr>,
}

impl Path {
    pub(super) fn new(dial: Dial) -> Path {
        Path {
            addresses: Vec::new(),
            dial,
            patience: Patience::new(),
            link: None,
            health: Health::default(),
            knocked: None,
            heard_of: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Duration = Duration::from_secs(1);

    fn pace() -> Pace {
        Pace::new(TOKEN, 2)
    }

    /// Up at `now`.
    fn up(now: Instant) -> Health {
        let mut health = Health { proven: Some(now), wide: Some(now), ..Health::default() };
        assert_eq!(health.judge(now, &pace(), true), Verdict::Up);
        health
    }

    #[test]
    fn small_packets_alone_do_not_make_a_link() {
        let now = Instant::now();
        let mut health = Health { proven: Some(now), ..Health::default() };
        assert_eq!(health.judge(now, &pace(), true), Verdict::Same);
        assert!(!health.up);
    }

    #[test]
    fn one_that_confirms_nothing_is_doubted_then_down() {
        let now = Instant::now();
        let mut health = up(now);
        assert!(!health.doubtful(now, &pace()));
        let later = now + pace().doubt;
        assert!(health.doubtful(later, &pace()));
        assert_eq!(health.judge(later, &pace(), false), Verdict::Same);
        assert_eq!(health.judge(now + pace().lost, &pace(), false), Verdict::Mute);
        assert!(pace().lost < TOKEN, "before the ring gives the peer up");
    }

    /// Small packets pass from `now` on, full ones do not. What the looks found out until the first that found
    /// something.
    fn only_small(health: &mut Health, now: Instant) -> (Verdict, Duration) {
        let looks = (1..1000).map(|look| pace().look * look);
        let mut found = looks.map(|time| {
            health.proven = Some(now + time);
            health.probe(now + time, &pace());
            (health.judge(now + time, &pace(), true), time)
        });
        found.find(|(verdict, _)| *verdict != Verdict::Same).expect("it is noticed")
    }

    #[test]
    fn one_that_loses_full_packets_is_down_until_one_comes_back() {
        let now = Instant::now();
        let mut health = up(now);
        health.answered(now, &pace());
        let (verdict, time) = only_small(&mut health, now);
        assert_eq!(verdict, Verdict::Narrow);
        assert!(time <= TOKEN * 7 / 2, "{time:?}");
        let (verdict, again) = only_small(&mut health, now + time);
        assert_eq!(verdict, Verdict::Stuck, "told apart, so that nobody says twice that it is down");
        let back = now + time + again;
        assert_eq!(health.judge(back, &pace(), true), Verdict::Same);
        health.answered(back, &pace());
        assert_eq!(health.judge(back, &pace(), true), Verdict::Up);
    }

    /// What loss alone does to probes: an exact count, by the chain of runs of failures.
    #[test]
    fn loss_alone_hardly_ever_blames_the_size() {
        let failed: f64 = 1.0 - 0.7 * 0.7;
        // Runs that reach the evidence, for each packet sent: one begins after each that came back.
        let false_words = (1.0 - failed) * failed.powi(i32::try_from(EVIDENCE).unwrap());
        assert!(false_words < 1e-6, "{false_words}");
        // The last one of a run may be on its way, and does not count: no sooner than that.
        let now = Instant::now();
        let mut health = up(now);
        health.answered(now, &pace());
        let mut sent = 0;
        let looks = (1..1000).map(|look| now + pace().look * look);
        let blamed = looks.into_iter().find(|at| {
            health.proven = Some(*at);
            sent += u32::from(health.probe(*at, &pace()));
            health.judge(*at, &pace(), true) == Verdict::Narrow
        });
        assert!(blamed.is_some() && sent > EVIDENCE, "after {sent} packets");
    }

    #[test]
    fn a_busy_host_that_sends_few_of_them_blames_nobody() {
        let now = Instant::now();
        let mut health = up(now);
        health.answered(now, &pace());
        for second in 1..10 {
            let at = now + TOKEN * second;
            health.proven = Some(at);
            health.probe(at, &pace());
            assert_eq!(health.judge(at, &pace(), true), Verdict::Same, "{second} lost are no evidence");
        }
    }

    #[test]
    fn full_packets_are_rare_until_one_is_missed_and_tell_the_round_trip() {
        let (now, pace) = (Instant::now(), pace());
        let mut health = Health::default();
        assert!(health.probe(now, &pace) && !health.probe(now, &pace));
        health.answered(now + Duration::from_millis(3), &pace);
        assert_eq!(health.round_trip, Some(Duration::from_millis(3)));
        let next = now + pace.wide;
        assert!(!health.probe(next, &pace), "the last one came back");
        let next = next + Duration::from_millis(3);
        assert!(health.probe(next, &pace));
        assert!(!health.probe(next + pace.again / 2, &pace) && health.probe(next + pace.again, &pace));
        assert!(pace.again * (EVIDENCE + 1) < pace.narrow, "time for all of them before the path is given up");
    }

    #[test]
    fn one_that_was_down_is_trusted_again_after_a_while_or_when_nothing_is_better() {
        let now = Instant::now();
        let lost = || {
            let mut health = up(now);
            assert_eq!(health.judge(now + pace().lost, &pace(), false), Verdict::Mute);
            health
        };
        let back = now + 2 * TOKEN;
        let mut health = lost();
        (health.proven, health.wide) = (Some(back), Some(back));
        assert_eq!(health.judge(back, &pace(), false), Verdict::Same);
        let later = back + pace().trust;
        (health.proven, health.wide) = (Some(later), Some(later));
        assert_eq!(health.judge(later, &pace(), false), Verdict::Up);
        let mut health = lost();
        (health.proven, health.wide) = (Some(back), Some(back));
        assert_eq!(health.judge(back, &pace(), true), Verdict::Up);
        assert_eq!(health.losses, 1);
    }

    #[test]
    fn own_pauses_and_new_connections_are_no_loss() {
        let now = Instant::now();
        let mut health = up(now);
        let woken = now + 10 * TOKEN;
        health.excuse(woken);
        assert_eq!(health.judge(woken, &pace(), true), Verdict::Same);
        health.renew();
        assert_eq!(health.judge(woken, &pace(), true), Verdict::Same);
        assert!(health.up);
        assert_eq!(health.judge(woken + pace().lost, &pace(), true), Verdict::Mute);
    }

    #[test]
    fn tests_are_told_from_frames() {
        assert_eq!(Test::read(&Test::Probe.bytes(1400)), Some(Test::Probe));
        assert_eq!(Test::read(&Test::Echo.bytes(0)), Some(Test::Echo));
        assert_eq!(Test::Probe.bytes(1400).len(), 1400);
        assert_eq!(Test::read(b"PL\x01\x04 a frame"), None);
        assert_eq!(Test::read(b""), None);
    }
}
