//! Values out of name/value sets, as the audit reads them: the set with the highest score first, of two equals the
//! later; sets whose rule does not hold are left out.

use crate::rule::{self, RuleContext};
use crate::situation::{AttributeSet, Value};
use crate::word;

/// The sets of one owner that count, the strongest first. The set of cluster options that wins over all others is named
/// `cib-bootstrap-options`.
pub(super) fn counting<'s>(sets: &'s [AttributeSet], context: &RuleContext<'_>) -> Vec<&'s AttributeSet> {
    let holds = |set: &&AttributeSet| set.rule.as_ref().is_none_or(|rule| rule::holds(rule, context));
    let mut found: Vec<&AttributeSet> = sets.iter().rev().filter(holds).collect();
    found.sort_by_key(|set| (set.id != "cib-bootstrap-options", std::cmp::Reverse(set.score)));
    found
}

/// The values of one owner, the one that counts of each name before others of that name.
pub(super) fn values<'s>(
    sets: &'s [AttributeSet],
    context: &RuleContext<'_>,
) -> impl Iterator<Item = (&'s str, &'s str)> {
    let one = |value: &'s Value| Some((value.name.as_str(), value.value.as_deref()?));
    counting(sets, context).into_iter().flat_map(|set| &set.values).filter_map(one)
}

/// One value of one owner.
pub(super) fn value<'s>(sets: &'s [AttributeSet], name: &str, now_ms: i64) -> Option<&'s str> {
    if sets.is_empty() {
        return None;
    }
    let context = RuleContext { now_ms, ..RuleContext::default() };
    values(sets, &context).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Whether a value says yes; `None` where there is none, or it says neither.
pub(super) fn yes(text: Option<&str>) -> Option<bool> {
    text.and_then(word::boolean)
}

/// A whole number.
pub(super) fn number(text: Option<&str>) -> Option<i64> {
    text.and_then(word::leading_integer).map(|(number, _)| number)
}
