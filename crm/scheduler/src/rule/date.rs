//! Moments, ranges and specifications of dates: ISO 8601, UTC, whole seconds.

use crate::situation::{DateParts, DateTest};
use crate::word;

const DAY: i64 = 86_400;

/// The moments that a date condition names, seconds since 1970; both belong to the range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// First moment.
    pub start: Option<i64>,
    /// Last moment.
    pub end: Option<i64>,
    /// Something is written that is no moment: the condition never holds.
    pub broken: bool,
}

impl Range {
    /// The range that a condition names, with the parts that its test looks at.
    #[must_use]
    pub fn of(test: DateTest, start: Option<&str>, end: Option<&str>, duration: Option<&DateParts>) -> Range {
        let start = start.filter(|_| matches!(test, DateTest::Greater | DateTest::InRange));
        let end = end.filter(|_| matches!(test, DateTest::Less | DateTest::InRange));
        let mut range = Range { start: start.and_then(moment), end: end.and_then(moment), broken: false };
        range.broken = start.is_some() != range.start.is_some() || end.is_some() != range.end.is_some();
        if let (DateTest::InRange, None, Some(start), Some(duration)) = (test, range.end, range.start, duration) {
            range.end = add(start, duration);
        }
        range
    }
}

/// Whether a date condition holds.
#[must_use]
pub fn holds(test: DateTest, range: Range, spec: Option<&DateParts>, now_ms: i64) -> bool {
    let now = now_ms.div_euclid(1000);
    match test {
        _ if range.broken => false,
        DateTest::Greater => range.start.is_some_and(|start| now > start),
        DateTest::Less => range.end.is_some_and(|end| now < end),
        DateTest::InRange => {
            (range.start.is_some() || range.end.is_some())
                && range.start.is_none_or(|start| now >= start)
                && range.end.is_none_or(|end| now <= end)
        }
        DateTest::Spec => spec.is_some_and(|spec| matches(spec, now)),
    }
}

/// The first moment after now at which the answer of [`holds`] may change, milliseconds since 1970. With a
/// specification: the next second, minute, hour or day, by its smallest part.
#[must_use]
pub fn next_change_ms(test: DateTest, range: Range, spec: Option<&DateParts>, now_ms: i64) -> Option<i64> {
    let now = now_ms.div_euclid(1000);
    let change = match test {
        _ if range.broken => None,
        DateTest::Greater => range.start.map(|start| start.saturating_add(1)),
        DateTest::Less => range.end,
        DateTest::InRange => {
            let begin = range.start.filter(|start| *start > now);
            begin.or(range.end.map(|end| end.saturating_add(1)))
        }
        DateTest::Spec => spec.map(|spec| {
            let has = |name: &str| spec.parts.iter().any(|(part, _)| part == name);
            let unit = if has("seconds") {
                1
            } else if has("minutes") {
                60
            } else if has("hours") {
                3600
            } else {
                DAY
            };
            (now.div_euclid(unit) + 1) * unit
        }),
    };
    change.filter(|change| *change > now).map(|change| change.saturating_mul(1000))
}

/// Whether a moment fits every part of a specification.
fn matches(spec: &DateParts, now: i64) -> bool {
    let days = now.div_euclid(DAY);
    let second = now.rem_euclid(DAY);
    let (year, month, day) = civil(days);
    let (week_year, week, weekday) = week(days);
    spec.parts.iter().all(|(name, range)| {
        let value = match name.as_str() {
            "seconds" => second % 60,
            "minutes" => second / 60 % 60,
            "hours" => second / 3600,
            "monthdays" => day,
            "weekdays" => weekday,
            "yeardays" => days - days_of(year, 1, 1) + 1,
            "months" => month,
            "weeks" => week,
            "years" => year,
            "weekyears" => week_year,
            // Whatever else is written (the phase of the moon, once) is not looked at.
            _ => return true,
        };
        within(range, value)
    })
}

/// Whether a number is in a range: `5`, `1-5`, `3-`, `-3`.
fn within(range: &str, value: i64) -> bool {
    let range = range.trim();
    let number = |text: &str| text.trim().parse::<i64>().ok();
    match range.split_once('-') {
        None => number(range) == Some(value),
        Some(("", high)) => number(high).is_some_and(|high| value <= high),
        Some((low, "")) => number(low).is_some_and(|low| value >= low),
        Some((low, high)) => number(low).zip(number(high)).is_some_and(|(low, high)| (low..=high).contains(&value)),
    }
}

/// The moment after a duration with calendar parts: months keep the day where they can.
fn add(start: i64, duration: &DateParts) -> Option<i64> {
    let (mut months, mut seconds) = (0_i64, 0_i64);
    for (name, value) in &duration.parts {
        let (value, _) = word::leading_integer(value)?;
        match name.as_str() {
            "years" => months = months.saturating_add(value.saturating_mul(12)),
            "months" => months = months.saturating_add(value),
            "weeks" => seconds = seconds.saturating_add(value.saturating_mul(7 * DAY)),
            "days" => seconds = seconds.saturating_add(value.saturating_mul(DAY)),
            "hours" => seconds = seconds.saturating_add(value.saturating_mul(3600)),
            "minutes" => seconds = seconds.saturating_add(value.saturating_mul(60)),
            "seconds" => seconds = seconds.saturating_add(value),
            _ => {}
        }
    }
    let (year, month, day) = civil(start.div_euclid(DAY));
    let month = (month - 1).saturating_add(months.clamp(-1_200_000, 1_200_000));
    let (year, month) = (year + month.div_euclid(12), month.rem_euclid(12) + 1);
    let day = day.min(month_length(year, month));
    let begin = days_of(year, month, day) * DAY + start.rem_euclid(DAY);
    Some(begin.saturating_add(seconds))
}

/// The length of an ISO 8601 duration (`P1DT2H`), milliseconds; a month counts as 30 days and a year as 365. Hours and
/// seconds are understood without their `T` too (`P10S`), as clusters have always taken them. `None` when it is none.
#[must_use]
pub fn duration_ms(text: &str) -> Option<i64> {
    let mut rest = text.trim().strip_prefix('P')?;
    let (mut total, mut in_time, mut any) = (0_i64, false, false);
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            (in_time, rest) = (true, time);
            continue;
        }
        let (value, unit) = word::leading_integer(rest)?;
        let seconds = match (unit.chars().next()?, in_time) {
            ('Y', false) => 365 * DAY,
            ('M', false) => 30 * DAY,
            ('W', false) => 7 * DAY,
            ('D', false) => DAY,
            ('H', _) => 3600,
            ('M', true) => 60,
            ('S', _) => 1,
            _ => return None,
        };
        total = total.saturating_add(value.saturating_mul(seconds * 1000));
        (any, rest) = (true, &unit[1..]);
    }
    any.then_some(total)
}

/// A moment, seconds since 1970: a calendar date (`2026-07-01`, `20260701`), an ordinal one (`2026-182`) or one by
/// week (`2026-W27-3`), with or without a time of day behind `T` or a space and an offset (`Z`, `+02:00`, `-0500`).
/// Without an offset it is UTC. `None` when the text is not a moment.
#[must_use]
pub fn moment(text: &str) -> Option<i64> {
    let text = text.trim();
    if text == "epoch" {
        return Some(0);
    }
    let split = text.find(['T', ' ']).unwrap_or(text.len());
    let (date, time) = text.split_at(split);
    let days = date_days(date)?;
    let time = time.trim_start_matches(['T', ' ']);
    if time.is_empty() {
        return Some(days * DAY);
    }
    let (time, offset) = split_offset(time);
    Some(days * DAY + time_of_day(time.trim())? - offset_seconds(offset.trim())?)
}

fn date_days(date: &str) -> Option<i64> {
    if !date.is_ascii() {
        return None;
    }
    let (year, rest) = date.split_at_checked(4)?;
    let year: i64 = whole(year)?;
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    if let Some(rest) = rest.strip_prefix('W') {
        let (week, day) = rest.split_at_checked(2)?;
        let day = day.strip_prefix('-').unwrap_or(day);
        let (week, day) = (whole(week)?, if day.is_empty() { 1 } else { whole(day)? });
        if !(1..=53).contains(&week) || !(1..=7).contains(&day) {
            return None;
        }
        return Some(first_week(year) + (week - 1) * 7 + day - 1);
    }
    let first = days_of(year, 1, 1);
    match rest.len() {
        0 => Some(first),
        2 => month_day(year, whole(rest)?, 1),
        3 => {
            let day: i64 = whole(rest)?;
            (1..=first_of_next(year) - first).contains(&day).then_some(first + day - 1)
        }
        _ => {
            let (month, day) = rest.split_at_checked(2)?;
            month_day(year, whole(month)?, whole(day.strip_prefix('-').unwrap_or(day))?)
        }
    }
}

fn month_day(year: i64, month: i64, day: i64) -> Option<i64> {
    let valid = (1..=12).contains(&month) && (1..=month_length(year, month)).contains(&day);
    valid.then(|| days_of(year, month, day))
}

/// The offset at the end of a time of day.
fn split_offset(time: &str) -> (&str, &str) {
    match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, ""),
    }
}

fn offset_seconds(offset: &str) -> Option<i64> {
    if offset.is_empty() || offset == "Z" {
        return Some(0);
    }
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    Some(sign * time_of_day(&offset[1..])?)
}

fn time_of_day(time: &str) -> Option<i64> {
    // Parts of a second are not looked at.
    let time = time.split(['.', ',']).next().unwrap_or_default();
    let parts: Vec<&str> = if time.contains(':') {
        time.split(':').collect()
    } else {
        let next = |at: usize| time.get(at..(at + 2).min(time.len())).filter(|part| !part.is_empty());
        (0..time.len()).step_by(2).map_while(next).collect()
    };
    if parts.is_empty() || parts.len() > 3 {
        return None;
    }
    let part = |at: usize| parts.get(at).map_or(Some(0), |part| whole(part));
    let (hours, minutes, seconds) = (part(0)?, part(1)?, part(2)?);
    let total = hours * 3600 + minutes * 60 + seconds;
    (hours <= 24 && minutes < 60 && seconds < 60 && total <= DAY).then_some(total)
}

/// A number of at most four digits.
fn whole(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn first_of_next(year: i64) -> i64 {
    days_of(year + 1, 1, 1)
}

/// Days since 1970 of a date of the Gregorian calendar.
#[must_use]
pub fn days_of(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a day since 1970.
#[must_use]
pub fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// The Monday of a year's first week: the one with 4 January in it.
fn first_week(year: i64) -> i64 {
    let fourth = days_of(year, 1, 4);
    fourth - (fourth + 3).rem_euclid(7)
}

/// Year by weeks, week and day of the week (1: Monday) of a day since 1970.
fn week(days: i64) -> (i64, i64, i64) {
    let (year, _, _) = civil(days);
    let weekday = (days + 3).rem_euclid(7) + 1;
    let year = if days < first_week(year) {
        year - 1
    } else if days >= first_week(year + 1) {
        year + 1
    } else {
        year
    };
    (year, (days - first_week(year)) / 7 + 1, weekday)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_many_forms() {
        let cases = [
            ("2019-09-20 15:10:52 +00:00", Some(1_568_992_252)),
            ("2019-09-23 11:00:00 -05:00", Some(1_569_254_400)),
            ("20190923T160000Z", Some(1_569_254_400)),
            ("2020-01-01", Some(1_577_836_800)),
            ("2020-001", Some(1_577_836_800)),
            ("2020-W01-3", Some(1_577_836_800)),
            ("2024-02-29T24:00:00", Some(1_709_251_200)),
            ("epoch", Some(0)),
            ("2023-02-29", None),
            ("yesterday", None),
            ("", None),
            ("2020-01-01T25:00", None),
            ("2020-01-0\u{e9}", None),
        ];
        for (text, expected) in cases {
            assert_eq!(moment(text), expected, "{text}");
        }
    }

    #[test]
    fn days_go_there_and_back() {
        for days in (-200_000..200_000).step_by(37) {
            let (year, month, day) = civil(days);
            assert_eq!(days_of(year, month, day), days);
        }
        // 1 January 2021 was a Friday of the last week of 2020.
        assert_eq!(week(days_of(2021, 1, 1)), (2020, 53, 5));
    }

    #[test]
    fn a_range_may_have_a_length() {
        let month = DateParts { parts: vec![("months".to_string(), "1".to_string())] };
        let range = Range::of(DateTest::InRange, Some("2024-01-31"), None, Some(&month));
        assert_eq!(range.end, moment("2024-02-29"));
    }

    #[test]
    fn specifications_are_ranges_of_parts() {
        let spec = |parts: &[(&str, &str)]| DateParts {
            parts: parts.iter().map(|(name, range)| ((*name).to_string(), (*range).to_string())).collect(),
        };
        let noon = moment("2026-07-01 12:30:15").expect("a moment");
        assert!(matches(&spec(&[("hours", "9-16"), ("weekdays", "3"), ("months", "-7"), ("years", "2026-")]), noon));
        assert!(!matches(&spec(&[("hours", "9-16"), ("weekdays", "1-2")]), noon));
        let next = next_change_ms(DateTest::Spec, Range::default(), Some(&spec(&[("hours", "9")])), noon * 1000);
        assert_eq!(next, moment("2026-07-01 13:00:00").map(|next| next * 1000));
    }
}
