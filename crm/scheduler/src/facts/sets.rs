//! Name/value sets of one owner, read into one table: highest score first, the later of two equals first, sets whose
//! rule does not hold left out. The first value of a name counts.

use crate::rule::{self, RuleContext};
use crate::situation::AttributeSet;
use std::collections::BTreeMap;

/// The set of cluster options that wins over all others, whatever their scores.
const FIRST_OPTIONS: &str = "cib-bootstrap-options";

/// The sets in the order in which they are read.
pub(crate) fn strongest_first<'s>(
    sets: impl IntoIterator<Item = &'s AttributeSet>,
) -> impl Iterator<Item = &'s AttributeSet> {
    let mut ordered: Vec<(usize, &AttributeSet)> = sets.into_iter().enumerate().collect();
    if ordered.len() > 1 {
        ordered
            .sort_by_key(|(at, set)| (set.id != FIRST_OPTIONS, std::cmp::Reverse(set.score), std::cmp::Reverse(*at)));
    }
    ordered.into_iter().map(|(_, set)| set)
}

/// Adds the values of `sets` to `into`; names that are there already keep their values.
pub(crate) fn fill<'s>(
    into: &mut BTreeMap<String, String>,
    sets: impl IntoIterator<Item = &'s AttributeSet>,
    context: &RuleContext<'_>,
) {
    for set in strongest_first(sets) {
        if set.rule.as_ref().is_some_and(|rule| !rule::holds(rule, context)) {
            continue;
        }
        for value in &set.values {
            if let Some(text) = &value.value
                && !into.contains_key(&value.name)
            {
                into.insert(value.name.clone(), text.clone());
            }
        }
    }
}

/// The values of `sets` alone.
pub(crate) fn values<'s>(
    sets: impl IntoIterator<Item = &'s AttributeSet>,
    context: &RuleContext<'_>,
) -> BTreeMap<String, String> {
    let mut into = BTreeMap::new();
    fill(&mut into, sets, context);
    into
}

/// The first moment after now at which a rule of one of the sets changes its answer because time passes.
pub(crate) fn next_change_ms<'s>(sets: impl IntoIterator<Item = &'s AttributeSet>, now_ms: i64) -> Option<i64> {
    sets.into_iter().filter_map(|set| rule::next_change_ms(set.rule.as_ref()?, now_ms)).min()
}

/// Whole numbers of a table of capacities or needs; what is none counts as 0.
pub(crate) fn numbers(values: BTreeMap<String, String>) -> BTreeMap<String, i64> {
    let number = |text: &str| crate::word::leading_integer(text).map_or(0, |(number, _)| number);
    values
        .into_iter()
        .map(|(name, text)| {
            let value = number(&text);
            (name, value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::situation::Value;
    use config::Score;

    fn set(id: &str, score: i64, value: &str) -> AttributeSet {
        let values = vec![Value { name: "a".into(), value: Some(value.into()) }];
        AttributeSet { id: id.into(), score: Score::new(score), rule: None, values }
    }

    #[test]
    fn the_highest_score_counts_and_the_later_of_two_equals() {
        let read = |sets: &[AttributeSet]| values(sets, &RuleContext::default())["a"].clone();
        assert_eq!(read(&[set("x", 0, "first"), set("y", 5, "second")]), "second");
        assert_eq!(read(&[set("x", 5, "first"), set("y", 0, "second")]), "first");
        assert_eq!(read(&[set("x", 0, "first"), set("y", 0, "second")]), "second");
        assert_eq!(read(&[set(FIRST_OPTIONS, 0, "first"), set("y", 9, "second")]), "first");
    }
}
