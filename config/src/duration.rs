//! Durations as people write them: `"10s"`, `"500ms"`, `"1m30s"`.
//!
//! A bare number is refused on purpose: half of the field's tools count seconds, the other half milliseconds.

use std::fmt;
use std::time::Duration;

/// Units from large to small with their length in milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Why a text is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationError {
    /// There is nothing in the text.
    Empty,
    /// A number without a unit.
    NoUnit,
    /// A unit other than `ms`, `s`, `m`, `h`, or something that is not a number.
    Malformed,
    /// Units repeat or do not go from large to small.
    Order,
    /// Longer than the 64 bits of milliseconds.
    TooLong,
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DurationError::Empty => "a duration cannot be empty",
            DurationError::NoUnit => "a duration needs a unit",
            DurationError::Malformed => "a duration is whole numbers with the units ms, s, m, h",
            DurationError::Order => "the units of a duration go from large to small, each once",
            DurationError::TooLong => "the duration is too long",
        })
    }
}

impl std::error::Error for DurationError {}

/// Reads `"10s"`, `"500ms"`, `"1m30s"`, `"2h"`.
///
/// # Errors
/// [`DurationError`] when the text is empty, has no unit or an unknown one, repeats a unit, or overflows.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    let mut rest = text;
    let mut units = UNITS.as_slice();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        if number.is_empty() {
            return Err(DurationError::Malformed);
        }
        let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, tail) = tail.split_at(letters);
        if unit.is_empty() {
            return Err(if tail.is_empty() { DurationError::NoUnit } else { DurationError::Malformed });
        }
        let Some(at) = units.iter().position(|(name, _)| *name == unit) else {
            let known = UNITS.iter().any(|(name, _)| *name == unit);
            return Err(if known { DurationError::Order } else { DurationError::Malformed });
        };
        let value: u64 = number.parse().map_err(|_| DurationError::TooLong)?;
        let millis = value.checked_mul(units[at].1).ok_or(DurationError::TooLong)?;
        total = total.checked_add(millis).ok_or(DurationError::TooLong)?;
        units = &units[at + 1..];
        rest = tail;
    }
    Ok(Duration::from_millis(total))
}

/// Writes a duration so that [`parse_duration`] reads the same, to the millisecond: `"1m30s"`, `"250ms"`, `"0s"`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, length) in UNITS {
        if millis >= length {
            text.push_str(&format!("{}{unit}", millis / length));
            millis %= length;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{DurationError, format_duration, parse_duration};
    use std::time::Duration;

    #[test]
    fn reads_what_people_write() {
        for (text, millis) in
            [("10s", 10_000), ("500ms", 500), ("1m30s", 90_000), ("2h", 7_200_000), ("0s", 0), ("1s5ms", 1_005)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn refuses_what_would_be_a_guess() {
        for (text, error) in [
            ("", DurationError::Empty),
            ("10", DurationError::NoUnit),
            ("1m30", DurationError::NoUnit),
            ("10 s", DurationError::Malformed),
            ("1.5s", DurationError::Malformed),
            ("-1s", DurationError::Malformed),
            ("10sec", DurationError::Malformed),
            ("s", DurationError::Malformed),
            ("1s1m", DurationError::Order),
            ("1s1s", DurationError::Order),
            ("99999999999999999999s", DurationError::TooLong),
            ("18446744073709551615h", DurationError::TooLong),
        ] {
            assert_eq!(parse_duration(text), Err(error), "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["0s", "1ms", "250ms", "1s", "1m30s", "1h1m1s1ms", "24h"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
    }
}
