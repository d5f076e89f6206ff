//! Moments for people: local time, and how long ago.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The clock and the zone that moments are told in.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    now_ms: u64,
    zone: TimeZone,
}

impl Clock {
    /// The system's clock and zone.
    pub(crate) fn system() -> Clock {
        Clock { now_ms: wall_ms(), zone: TimeZone::system() }
    }

    /// A clock that stands still, for tests.
    #[cfg(test)]
    pub(crate) fn fixed(now_ms: u64) -> Clock {
        Clock { now_ms, zone: TimeZone::UTC }
    }

    fn local(&self, wall_ms: u64) -> Zoned {
        let milliseconds = i64::try_from(wall_ms).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX).to_zoned(self.zone.clone())
    }

    /// "14:03:07" today, "2026-11-02 14:03" on other days.
    pub(crate) fn moment(&self, wall_ms: u64) -> String {
        let then = self.local(wall_ms);
        let format = if then.date() == self.local(self.now_ms).date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M" };
        then.strftime(format).to_string()
    }

    /// "14:03:07.123", for events.
    pub(crate) fn precise(&self, wall_ms: u64) -> String {
        self.local(wall_ms).strftime("%H:%M:%S%.3f").to_string()
    }

    /// "just now", "42 s ago", "3 min ago", "5 h ago", "2 days ago"; "in the future" when clocks disagree.
    pub(crate) fn ago(&self, wall_ms: u64) -> String {
        match self.now_ms.checked_sub(wall_ms).map(|ms| ms / 1000) {
            None if wall_ms - self.now_ms > 2000 => "in the future: clocks differ".to_owned(),
            None | Some(0..2) => "just now".to_owned(),
            Some(s @ ..120) => format!("{s} s ago"),
            Some(s @ ..7200) => format!("{} min ago", s / 60),
            Some(s @ ..172_800) => format!("{} h ago", s / 3600),
            Some(s) => format!("{} days ago", s / 86_400),
        }
    }
}

/// Milliseconds since 1970.
fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The present moment for a log line.
pub(crate) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// "320 ms", "1.4 s", "75 s".
pub(crate) fn span(span: Duration) -> String {
    match span.as_millis() {
        ms @ ..1000 => format!("{ms} ms"),
        ms @ ..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        ms => format!("{} s", ms / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_days_apart_and_rounds_down() {
        let now = 1_700_000_000_000; // 2023-11-14 22:13:20
        let clock = Clock::fixed(now);
        assert_eq!(clock.moment(now - 5000), "22:13:15");
        assert_eq!(clock.moment(now - 86_400_000), "2023-11-13 22:13");
        assert_eq!(clock.precise(now + 7), "22:13:20.007");
        for (age, expected) in
            [(0, "just now"), (5, "5 s ago"), (119, "119 s ago"), (120, "2 min ago"), (7300, "2 h ago")]
        {
            assert_eq!(clock.ago(now - age * 1000), expected);
        }
        assert_eq!(clock.ago(now + 60_000), "in the future: clocks differ");
        assert!(!clock.moment(u64::MAX).is_empty());
        assert_eq!(span(Duration::from_millis(1450)), "1.4 s");
    }
}
