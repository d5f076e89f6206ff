//! The words in which options are written: yes and no, scores, durations.

use config::Score;

/// Yes (`true`, `on`, `yes`, `y`, `1`) or no (`false`, `off`, `no`, `n`, `0`), in any case; `None` for anything else.
#[must_use]
pub fn boolean(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["true", "on", "yes", "y", "1"]) {
        Some(true)
    } else if is(&["false", "off", "no", "n", "0"]) {
        Some(false)
    } else {
        None
    }
}

/// A score: a whole number, `INFINITY`, `+INFINITY` or `-INFINITY`; saturated. `None` for anything else.
#[must_use]
pub fn score(text: &str) -> Option<Score> {
    let text = text.trim_start();
    if text.eq_ignore_ascii_case("INFINITY") || text.eq_ignore_ascii_case("+INFINITY") {
        Some(Score::MANDATORY)
    } else if text.eq_ignore_ascii_case("-INFINITY") {
        Some(Score::NEVER)
    } else {
        leading_integer(text).map(|(value, _)| Score::new(value))
    }
}

/// A whole number at the beginning of a text (saturated) and what comes after it.
#[must_use]
pub fn leading_integer(text: &str) -> Option<(i64, &str)> {
    let text = text.trim_start();
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = digits.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    if end == 0 {
        return None;
    }
    let mut value = 0_i64;
    for digit in digits[..end].bytes().map(|byte| i64::from(byte - b'0')) {
        let digit = if negative { -digit } else { digit };
        value = value.saturating_mul(10).saturating_add(digit);
    }
    Some((value, &digits[end..]))
}

/// A duration in milliseconds: a number with a unit (`us`, `ms`, `s`, `min`, `h` and their longer forms; seconds when
/// there is none), or an ISO 8601 duration (`PT1M30S`). `None` when it is neither, or negative.
#[must_use]
pub fn interval_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() {
        return Some(0);
    }
    if text.starts_with('P') {
        return crate::rule::date::duration_ms(text);
    }
    let (value, unit) = leading_integer(text)?;
    let unit = unit.trim_start().to_ascii_lowercase();
    let milliseconds = match unit.as_str() {
        "" => value.saturating_mul(1000),
        unit if unit.starts_with("ms") => value,
        unit if unit.starts_with("us") => value / 1000,
        unit if unit.starts_with("min") || unit == "m" => value.saturating_mul(60_000),
        unit if unit.starts_with('s') => value.saturating_mul(1000),
        unit if unit.starts_with('h') => value.saturating_mul(3_600_000),
        _ => return None,
    };
    (milliseconds >= 0).then_some(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_units() {
        let cases = [
            ("10s", Some(10_000)),
            ("30", Some(30_000)),
            ("1min", Some(60_000)),
            ("2m", Some(120_000)),
            ("5ms", Some(5)),
            ("1h", Some(3_600_000)),
            ("PT1M30S", Some(90_000)),
            ("", Some(0)),
            ("0", Some(0)),
            ("ten", None),
            ("-5s", None),
        ];
        for (text, expected) in cases {
            assert_eq!(interval_ms(text), expected, "{text}");
        }
    }

    #[test]
    fn scores_saturate() {
        assert_eq!(score("-INFINITY"), Some(Score::NEVER));
        assert_eq!(score("+infinity"), Some(Score::MANDATORY));
        assert_eq!(score("99999999999999999999"), Some(Score::MANDATORY));
        assert_eq!(score("-20"), Some(Score::new(-20)));
        assert_eq!(score("much"), None);
    }

    #[test]
    fn yes_and_no_have_many_forms() {
        assert_eq!(boolean("Yes"), Some(true));
        assert_eq!(boolean("off"), Some(false));
        assert_eq!(boolean("maybe"), None);
    }
}
