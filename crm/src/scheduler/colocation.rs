//! How resources that belong together, or apart, pull at each other: the one that follows obeys, the one that is
//! followed listens.

use super::expand::{Rules, Together};
use super::facts::Facts;
use super::fence::Fencing;
use super::score::Scores;
use config::Score;

/// A factor of one, in the units of [`Score`].
const WHOLE: i64 = 1_000_000;

/// What `rule` makes of the dependent's `row` now that the primary's place is known. Says why when nothing is left.
pub(super) fn obey(rule: &Together, primary: Option<usize>, row: &mut [Score]) -> Result<(), &'static str> {
    let Some(at) = primary else {
        if rule.score.is_mandatory() {
            row.fill(Score::NEVER);
            return Err("runs nowhere");
        }
        return Ok(());
    };
    row[at] += rule.score;
    if rule.score.is_mandatory() {
        for (_, score) in row.iter_mut().enumerate().filter(|(n, _)| *n != at) {
            *score = Score::NEVER;
        }
    }
    Ok(())
}

/// Lets those who follow resource `r` and are not placed yet (`open`) speak for the nodes they like, and those who
/// follow them. A wish that would leave no node at all is not heard.
pub(super) fn listen(
    facts: &Facts<'_>,
    fencing: &Fencing,
    rules: &Rules,
    scores: &Scores,
    r: usize,
    open: &dyn Fn(usize) -> bool,
    row: &mut [Score],
) {
    let mut heard = vec![false; facts.resources.len()];
    heard[r] = true;
    // Rules to follow, with the factor at which they count; the first of a resource is heard first, with all behind it.
    let mut stack: Vec<(usize, i64)> = rules.followed_by[r].iter().rev().map(|at| (*at, WHOLE)).collect();
    while let Some((at, factor)) = stack.pop() {
        let rule = &rules.together[at];
        let speaker = rule.dependent;
        if heard[speaker] || !open(speaker) || facts.resources[speaker].unwanted.is_some() {
            continue;
        }
        heard[speaker] = true;
        let factor = factor * i64::from(rule.score.value()) / WHOLE;
        let wish = heed(row, scores.row(speaker), factor);
        if (0..wish.len()).any(|n| fencing.usable(n) && wish[n] >= Score::ZERO) {
            row.copy_from_slice(&wish);
            stack.extend(rules.followed_by[speaker].iter().rev().map(|at| (*at, factor)));
        }
    }
}

fn heed(row: &[Score], speaker: &[Score], factor: i64) -> Vec<Score> {
    row.iter().zip(speaker).map(|(own, theirs)| *own + weighed(*theirs, factor)).collect()
}

/// A wish at a distance. It never vanishes entirely, and to dislike a place that somebody one avoids dislikes too is
/// not to like it.
fn weighed(score: Score, factor: i64) -> Score {
    let value = i64::from(score.value());
    if factor == 0 || value == 0 || (factor < 0 && value < 0) {
        return Score::ZERO;
    }
    let product = value * factor;
    let rounded = (product + product.signum() * WHOLE / 2) / WHOLE;
    Score::new(if rounded == 0 { product.signum() } else { rounded })
}

#[cfg(test)]
mod tests {
    use super::{WHOLE, weighed};
    use config::Score;

    #[test]
    fn wishes_shrink_with_distance_and_keep_their_sign() {
        assert_eq!(weighed(Score::new(100), WHOLE), Score::new(100));
        assert_eq!(weighed(Score::new(100), WHOLE / 10), Score::new(10));
        assert_eq!(weighed(Score::new(-3), 1), Score::new(-1));
        assert_eq!(weighed(Score::NEVER, WHOLE), Score::NEVER);
        assert_eq!(weighed(Score::NEVER, WHOLE / 2), Score::new(-500_000));
    }

    #[test]
    fn what_an_opponent_dislikes_is_not_liked() {
        assert_eq!(weighed(Score::NEVER, -WHOLE), Score::ZERO);
        assert_eq!(weighed(Score::new(5), -WHOLE), Score::new(-5));
    }
}
