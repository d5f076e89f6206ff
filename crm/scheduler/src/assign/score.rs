//! Scores as the inner loops use them: whole numbers with two infinities, and one value for "not on the list".

use config::Score;

/// Plus infinity.
pub const MANDATORY: i32 = 1_000_000;
/// Minus infinity.
pub const NEVER: i32 = -MANDATORY;
/// The node is not on the resource's list at all: in an asymmetric cluster nothing has allowed it.
pub const ABSENT: i32 = i32::MIN;
/// While wishes are merged: the node was good until somebody spoke against it, and is not looked at any more.
pub const SPOILED: i32 = NEVER * 100;

/// The sum of two scores; minus infinity wins over everything.
#[must_use]
pub fn add(one: i32, other: i32) -> i32 {
    if one <= NEVER || other <= NEVER {
        NEVER
    } else if one >= MANDATORY || other >= MANDATORY {
        MANDATORY
    } else {
        (one + other).clamp(NEVER, MANDATORY)
    }
}

/// Adds to a cell of a table; a node that was not on the list is put on it.
pub fn give(cell: &mut i32, score: i32) {
    *cell = if *cell == ABSENT { score.clamp(NEVER, MANDATORY) } else { add(*cell, score) };
}

/// `score` times `factor`, rounded; a wish however weak stays a wish.
#[must_use]
pub fn scale(score: i32, factor: f32) -> i32 {
    let exact = factor * score as f32;
    // The cast cuts off the fraction, which rounds after half has been added away from zero.
    let rounded = if exact < 0.0 { exact - 0.5 } else { exact + 0.5 } as i32;
    if rounded != 0 || score == 0 || factor == 0.0 {
        rounded
    } else if factor > 0.0 {
        1
    } else {
        -1
    }
}

/// A whole number from the configuration as a score.
#[must_use]
pub fn inward(number: i64) -> i32 {
    Score::new(number).value()
}

/// As the type that leaves this stage.
#[must_use]
pub fn outward(score: i32) -> Score {
    Score::new(i64::from(score))
}

#[cfg(test)]
mod tests {
    use super::{ABSENT, MANDATORY, NEVER, add, give, scale};

    #[test]
    fn minus_infinity_wins() {
        assert_eq!(add(MANDATORY, NEVER), NEVER);
        assert_eq!(add(MANDATORY, -7), MANDATORY);
        assert_eq!(add(3, -7), -4);
    }

    #[test]
    fn an_absent_node_gets_what_it_is_given() {
        let mut cell = ABSENT;
        give(&mut cell, 5);
        assert_eq!(cell, 5);
    }

    #[test]
    fn a_weak_wish_stays_a_wish() {
        assert_eq!(scale(5, 0.001), 1);
        assert_eq!(scale(-5, -0.001), -1);
        assert_eq!(scale(100, 0.5), 50);
        assert_eq!(scale(0, 0.5), 0);
    }
}
