//! Moments and durations in ISO 8601, UTC inside.

/// The length of an ISO 8601 duration (`P1DT2H`), milliseconds; a month counts as 30 days and a year as 365. `None`
/// when it is not one.
#[must_use]
pub fn duration_ms(text: &str) -> Option<i64> {
    let mut rest = text.trim().strip_prefix('P')?;
    let (mut total, mut in_time, mut any) = (0_i64, false, false);
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            (in_time, rest) = (true, time);
            continue;
        }
        let (value, unit) = crate::word::leading_integer(rest)?;
        let seconds = match (unit.chars().next()?, in_time) {
            ('Y', false) => 365 * 86_400,
            ('M', false) => 30 * 86_400,
            ('W', false) => 7 * 86_400,
            ('D', false) => 86_400,
            ('H', true) => 3600,
            ('M', true) => 60,
            ('S', true) => 1,
            _ => return None,
        };
        total = total.saturating_add(value.saturating_mul(seconds * 1000));
        (any, rest) = (true, &unit[1..]);
    }
    any.then_some(total)
}
