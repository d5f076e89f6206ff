//! Refused connections: all are counted, a few a minute are told.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines in one [`WINDOW`].
const TOLD: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);

/// How many there were.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    total: u64,
    told: u32,
    since: Option<Instant>,
}

impl Refusals {
    /// Counts one, and tells it if not too many were told already.
    pub(crate) fn note(&self, tell: impl FnOnce()) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.total += 1;
        if counted.since.is_none_or(|since| since.elapsed() > WINDOW) {
            (counted.since, counted.told) = (Some(Instant::now()), 0);
        }
        counted.told += 1;
        if counted.told <= TOLD {
            tell();
        }
    }

    /// All of them.
    pub(crate) fn total(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_few_are_told() {
        let refusals = Refusals::default();
        let mut told = 0;
        for _ in 0..1000 {
            refusals.note(|| told += 1);
        }
        assert_eq!((refusals.total(), told), (1000, TOLD));
    }
}
