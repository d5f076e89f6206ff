//! Keeps refusals from filling the log: one report per address and reason in each interval, and a bounded memory of
//! them. A stranger that knocks a thousand times a second is one line every ten seconds.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Between two reports of the same thing.
const INTERVAL: Duration = Duration::from_secs(10);
/// Different things remembered. When all are taken, new ones are counted but not reported until one expires.
const MEMORY: usize = 64;

/// What was reported when.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    reported: BTreeMap<(IpAddr, String), Instant>,
    /// All of them, reported or not.
    pub(crate) total: u64,
}

impl Refusals {
    /// Counts a refusal; true when it should be reported. The port is left out: a stranger uses a new one each time.
    pub(crate) fn note(&mut self, now: Instant, address: IpAddr, reason: &str) -> bool {
        self.total += 1;
        let key = (address, reason.to_owned());
        if self.reported.get(&key).is_some_and(|since| now < *since + INTERVAL) {
            return false;
        }
        if self.reported.len() >= MEMORY {
            self.reported.retain(|_, since| now < *since + INTERVAL);
        }
        if self.reported.len() >= MEMORY {
            return false;
        }
        self.reported.insert(key, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_per_interval_and_reason_and_bounded() {
        let mut refusals = Refusals::default();
        let now = Instant::now();
        let home = IpAddr::from([127, 0, 0, 1]);
        assert!(refusals.note(now, home, "a"));
        assert!(!refusals.note(now + INTERVAL / 2, home, "a"));
        assert!(refusals.note(now, home, "b"));
        assert!(refusals.note(now + INTERVAL, home, "a"));
        let reported = (0..10_000).filter(|n| refusals.note(now + INTERVAL, home, &n.to_string())).count();
        assert_eq!(reported, MEMORY - 1, "the bound");
        assert!(refusals.note(now + 3 * INTERVAL, home, "later"), "memory is freed");
        assert_eq!(refusals.total, 10_005);
    }
}
