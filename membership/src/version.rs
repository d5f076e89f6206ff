//! Which versions of what nodes say to each other a program speaks. Two nodes can work together when there is one that
//! both speak; together they speak the highest of these.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A range of versions: of everything between two nodes, from the first words on a link to the messages on the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The lowest.
    pub oldest: u8,
    /// The highest.
    pub newest: u8,
}

/// What this release speaks.
pub const VERSIONS: Versions = Versions { oldest: 3, newest: 3 };

impl Versions {
    /// The version that two speak together; `None` when they have none in common, or one of the ranges is none.
    #[must_use]
    pub fn meet(self, other: Versions) -> Option<u8> {
        let common = self.newest.min(other.newest);
        (common >= self.oldest.max(other.oldest)).then_some(common)
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.oldest == self.newest {
            write!(f, "version {}", self.oldest)
        } else {
            write!(f, "versions {} to {}", self.oldest, self.newest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(oldest: u8, newest: u8) -> Versions {
        Versions { oldest, newest }
    }

    #[test]
    fn two_speak_the_highest_that_both_know() {
        assert_eq!(of(2, 5).meet(of(3, 9)), Some(5));
        assert_eq!(of(3, 9).meet(of(2, 5)), Some(5));
        assert_eq!(of(2, 5).meet(of(5, 5)), Some(5));
        assert_eq!(of(2, 5).meet(of(1, 2)), Some(2));
        assert_eq!(of(2, 5).meet(of(6, 9)), None);
        assert_eq!(of(2, 5).meet(of(0, 1)), None);
        assert_eq!(of(2, 5).meet(of(9, 3)), None, "an impossible range is none");
        assert_eq!(format!("{}, {}", of(3, 3), of(2, 5)), "version 3, versions 2 to 5");
    }
}
