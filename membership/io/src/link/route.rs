//! Which of a peer's links a frame takes.

use super::path::{Pace, Path};
use config::LinkMode;
use quinn_proto::ConnectionHandle;
use std::time::Instant;

/// The way to one peer, worked out anew whenever one of its links changes.
#[derive(Debug, Default)]
pub(super) struct Route {
    /// The connections in use, the preferred one first.
    pub(super) all: Vec<ConnectionHandle>,
    /// Each frame takes one of them in turn; otherwise each takes all.
    in_turn: bool,
    next: usize,
}

impl Route {
    /// Works it out. The order of the paths is the order of preference. While no path is up, every one that is open is
    /// tried: whatever gets through is a gain.
    pub(super) fn work_out(&mut self, now: Instant, paths: &[Path], mode: LinkMode, pace: &Pace) {
        let up: Vec<&Path> = paths.iter().filter(|path| path.health.up && path.link.is_some()).collect();
        let sound = up.iter().filter(|path| !path.health.doubtful(now, pace)).count();
        self.all.clear();
        self.in_turn = false;
        match mode {
            _ if up.is_empty() => self.all.extend(paths.iter().filter_map(|path| path.link)),
            LinkMode::RoundRobin if sound > 0 => {
                self.in_turn = true;
                self.all.extend(up.iter().filter(|p| !p.health.doubtful(now, pace)).filter_map(|path| path.link));
            }
            LinkMode::Active | LinkMode::RoundRobin => self.all.extend(up.iter().filter_map(|path| path.link)),
            LinkMode::Passive => {
                for path in up {
                    self.all.extend(path.link);
                    if !path.health.doubtful(now, pace) {
                        break;
                    }
                }
            }
        }
    }

    /// The connections for the next frame.
    pub(super) fn take(&mut self) -> &[ConnectionHandle] {
        if !self.in_turn || self.all.is_empty() {
            return &self.all;
        }
        self.next = (self.next + 1) % self.all.len();
        &self.all[self.next..=self.next]
    }
}

#[cfg(test)]
mod tests {
    use super::super::dial::Dial;
    use super::*;
    use std::time::Duration;

    const PACE: Duration = Duration::from_secs(1);

    /// A path over connection `handle` in a state: `u`p, `d`oubted, `x` down but open, `-` without a connection.
    fn path(handle: usize, state: char, now: Instant) -> Path {
        let mut path = Path::new(Dial::Never);
        path.link = (state != '-').then_some(ConnectionHandle(handle));
        path.health.up = matches!(state, 'u' | 'd');
        let pace = Pace::new(PACE, 1);
        path.health.proven = Some(if state == 'd' { now } else { now + pace.doubt });
        path
    }

    /// The connections of the next four frames.
    fn taken(states: &str, mode: LinkMode) -> Vec<Vec<usize>> {
        let start = Instant::now();
        let pace = Pace::new(PACE, 1);
        let paths: Vec<Path> = states.chars().enumerate().map(|(n, state)| path(n, state, start)).collect();
        let mut route = Route::default();
        route.work_out(start + pace.doubt, &paths, mode, &pace);
        (0..4).map(|_| route.take().iter().map(|handle| handle.0).collect()).collect()
    }

    #[test]
    fn every_mode_uses_what_works() {
        use LinkMode::{Active, Passive, RoundRobin};
        for (states, mode, each) in [
            ("uu", Passive, vec![0]),
            ("xu", Passive, vec![1]),
            ("-u", Passive, vec![1]),
            ("duu", Passive, vec![0, 1]),
            ("ddd", Passive, vec![0, 1, 2]),
            ("xx", Passive, vec![0, 1]),
            ("x-", Active, vec![0]),
            ("--", Active, vec![]),
            ("udx", Active, vec![0, 1]),
            ("dd", RoundRobin, vec![0, 1]),
            ("xx", RoundRobin, vec![0, 1]),
        ] {
            assert_eq!(taken(states, mode), vec![each; 4], "{states} {mode:?}");
        }
    }

    #[test]
    fn round_robin_takes_turns_among_the_sound_ones() {
        assert_eq!(taken("uxudu", LinkMode::RoundRobin), [[2], [4], [0], [2]]);
    }
}
