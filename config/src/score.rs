//! Scores: how much something is wanted, from `never` over numbers to `mandatory`.
//!
//! The arithmetic is the field's: one million is infinity, minus infinity wins over everything, sums saturate.
//! In TOML a score is an integer, `"mandatory"` (infinity) or `"never"` (minus infinity).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, AddAssign, Neg};

/// A preference; larger is wanted more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Score(i32);

impl Score {
    /// `"mandatory"`: infinity, 1 000 000.
    pub const MANDATORY: Score = Score(1_000_000);
    /// `"never"`: minus infinity.
    pub const NEVER: Score = Score(-1_000_000);
    /// One: just more than nothing, the default stickiness.
    pub const STAY: Score = Score(1);
    /// No preference.
    pub const ZERO: Score = Score(0);

    /// A score of `value`, saturated at the infinities.
    #[must_use]
    pub fn new(value: i64) -> Score {
        let bounded = value.clamp(i64::from(Score::NEVER.0), i64::from(Score::MANDATORY.0));
        Score(i32::try_from(bounded).expect("clamped to the range of i32 above"))
    }

    /// The number; infinities are plus or minus 1 000 000.
    #[must_use]
    pub fn value(self) -> i32 {
        self.0
    }

    /// Whether this is plus infinity.
    #[must_use]
    pub fn is_mandatory(self) -> bool {
        self == Score::MANDATORY
    }

    /// Whether this is minus infinity.
    #[must_use]
    pub fn is_never(self) -> bool {
        self == Score::NEVER
    }
}

impl Add for Score {
    type Output = Score;
    fn add(self, other: Score) -> Score {
        if self.is_never() || other.is_never() {
            Score::NEVER
        } else if self.is_mandatory() || other.is_mandatory() {
            Score::MANDATORY
        } else {
            Score::new(i64::from(self.0) + i64::from(other.0))
        }
    }
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Score) {
        *self = *self + other;
    }
}

impl Neg for Score {
    type Output = Score;
    fn neg(self) -> Score {
        Score(-self.0)
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Score::MANDATORY => f.pad("mandatory"),
            Score::NEVER => f.pad("never"),
            Score(value) => fmt::Display::fmt(&value, f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Score;

    #[test]
    fn minus_infinity_wins_and_sums_saturate() {
        assert_eq!(Score::MANDATORY + Score::NEVER, Score::NEVER);
        assert_eq!(Score::MANDATORY + Score::new(-5), Score::MANDATORY);
        assert_eq!(Score::new(900_000) + Score::new(900_000), Score::MANDATORY);
        assert_eq!(-Score::MANDATORY, Score::NEVER);
    }
}
