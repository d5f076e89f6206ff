//! Virtual time and the queue of what is to come. Events of the same instant come out in the order they went in, so a
//! seed always plays the same way.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// One millisecond of virtual time, which counts microseconds.
pub const MS: u64 = 1_000;
/// One second of virtual time.
pub const SECOND: u64 = 1_000_000;

/// The clock of a world.
#[derive(Debug)]
pub(crate) struct Clock<E> {
    base: Instant,
    now: u64,
    entered: u64,
    queue: BinaryHeap<Entry<E>>,
}

#[derive(Debug)]
struct Entry<E> {
    at: u64,
    number: u64,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}
impl<E> Eq for Entry<E> {}
impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for Entry<E> {
    // The heap gives the greatest first: the earliest must be the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl<E> Clock<E> {
    /// `base` is the instant that virtual time 0 stands for; its value does not matter, machines only compare.
    pub(crate) fn new(base: Instant) -> Self {
        Clock { base, now: 0, entered: 0, queue: BinaryHeap::with_capacity(256) }
    }

    /// Microseconds since the world began.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// Now, as machines see it.
    pub(crate) fn instant(&self) -> Instant {
        self.base + Duration::from_micros(self.now)
    }

    /// The first virtual microsecond that is not before `instant`.
    pub(crate) fn at(&self, instant: Instant) -> u64 {
        let nanos = instant.saturating_duration_since(self.base).as_nanos().div_ceil(1_000);
        u64::try_from(nanos).unwrap_or(u64::MAX).max(self.now)
    }

    /// Have `event` happen at virtual time `at`, or now if that has passed.
    pub(crate) fn schedule(&mut self, at: u64, event: E) {
        self.entered += 1;
        self.queue.push(Entry { at: at.max(self.now), number: self.entered, event });
    }

    /// Have `event` happen after `delay` microseconds.
    pub(crate) fn after(&mut self, delay: u64, event: E) {
        self.schedule(self.now.saturating_add(delay), event);
    }

    /// The next event; time moves to it.
    pub(crate) fn next(&mut self) -> Option<E> {
        let entry = self.queue.pop()?;
        self.now = entry.at;
        Some(entry.event)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test needs some instant to begin with")]
mod tests {
    use super::Clock;
    use std::time::{Duration, Instant};

    #[test]
    fn events_come_by_time_and_then_in_order_of_entry() {
        let mut clock = Clock::new(Instant::now());
        clock.schedule(20, 'c');
        clock.schedule(10, 'a');
        clock.schedule(10, 'b');
        let all: String = std::iter::from_fn(|| clock.next()).collect();
        assert_eq!(all, "abc");
        assert_eq!(clock.now(), 20);
    }

    #[test]
    fn a_deadline_is_never_reached_too_early() {
        let base = Instant::now();
        let clock: Clock<()> = Clock::new(base);
        assert_eq!(clock.at(base + Duration::from_nanos(1)), 1);
        assert_eq!(clock.at(base + Duration::from_micros(7)), 7);
    }
}
