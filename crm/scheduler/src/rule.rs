//! Whether rules hold: conditions on the time, on a node's attributes, on the resource or operation that asks.
//!
//! A condition about something that is not there (a node, when cluster options are read) does not hold, whatever it
//! says. Times are whole seconds in UTC.

pub mod date;

use crate::situation::{Agent, Combine, Comparison, Condition, Rule, ValueSource, ValueType};
use crate::word;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Rules inside rules, at most; deeper ones do not hold.
const DEPTH: usize = 64;

/// Who asks, and when. What is not known is left at its default.
#[derive(Clone, Copy, Debug, Default)]
pub struct RuleContext<'a> {
    /// The time, milliseconds since 1970.
    pub now_ms: i64,
    /// Attributes of the node in question, the built-in ones (`#uname`, `#kind`, ...) among them.
    pub node: Option<&'a BTreeMap<String, String>>,
    /// Parameters of the constrained resource.
    pub params: Option<&'a BTreeMap<String, String>>,
    /// Meta attributes of the constrained resource.
    pub meta: Option<&'a BTreeMap<String, String>>,
    /// The agent of the resource whose options are read.
    pub agent: Option<&'a Agent>,
    /// Name and interval (milliseconds) of the operation whose options are read.
    pub operation: Option<(&'a str, u64)>,
    /// What the parts of a location constraint's pattern matched: the whole, then its groups (`%0`, `%1`, ... in
    /// attribute names).
    pub captures: &'a [String],
}

/// Whether a rule holds.
#[must_use]
pub fn holds(rule: &Rule, context: &RuleContext) -> bool {
    holds_at(rule, context, 0)
}

/// The first moment after now (milliseconds since 1970) at which the answer of [`holds`] may change because time
/// passes; `None` when time does not matter any more.
#[must_use]
pub fn next_change_ms(rule: &Rule, now_ms: i64) -> Option<i64> {
    next_change_at(rule, now_ms, 0)
}

/// The name of a node attribute, with `%0` to `%9` replaced by what a pattern matched.
#[must_use]
pub fn expand<'n>(name: &'n str, captures: &[String]) -> Cow<'n, str> {
    if captures.is_empty() || !name.contains('%') {
        return Cow::Borrowed(name);
    }
    let mut expanded = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('%') {
        expanded.push_str(before);
        match after.chars().next().and_then(|digit| digit.to_digit(10)) {
            Some(number) => {
                expanded.push_str(captures.get(number as usize).map_or("", String::as_str));
                rest = &after[1..];
            }
            None => {
                expanded.push('%');
                rest = after;
            }
        }
    }
    expanded.push_str(rest);
    Cow::Owned(expanded)
}

fn holds_at(rule: &Rule, context: &RuleContext, depth: usize) -> bool {
    let mut conditions = rule.conditions.iter();
    match rule.combine {
        _ if depth > DEPTH => false,
        Combine::And => conditions.all(|condition| condition_holds(condition, context, depth)),
        Combine::Or => conditions.any(|condition| condition_holds(condition, context, depth)),
    }
}

fn condition_holds(condition: &Condition, context: &RuleContext, depth: usize) -> bool {
    match condition {
        Condition::Rule(rule) => holds_at(rule, context, depth + 1),
        Condition::Date { test, start, end, duration, spec, .. } => {
            let range = date::Range::of(*test, start.as_deref(), end.as_deref(), duration.as_ref());
            date::holds(*test, range, spec.as_ref(), context.now_ms)
        }
        Condition::Resource { class, provider, agent, .. } => context.agent.is_some_and(|asking| {
            class.as_ref().is_none_or(|class| *class == asking.class)
                && provider.as_ref().is_none_or(|provider| Some(provider) == asking.provider.as_ref())
                && agent.as_ref().is_none_or(|agent| *agent == asking.name)
        }),
        Condition::Operation { name, interval, .. } => context.operation.is_some_and(|(asking, interval_ms)| {
            let interval = interval.as_deref().map(word::interval_ms);
            name == asking && interval.is_none_or(|wanted| wanted == i64::try_from(interval_ms).ok())
        }),
        Condition::Attribute { attribute, comparison, value, source, value_type, .. } => {
            let Some(node) = context.node else { return false };
            let actual = node.get(expand(attribute, context.captures).as_ref()).map(String::as_str);
            let from =
                |table: Option<&BTreeMap<String, String>>, name: &String| table.and_then(|it| it.get(name).cloned());
            let reference = value.as_ref().and_then(|value| match source {
                ValueSource::Literal => Some(value.clone()),
                ValueSource::Parameter => from(context.params, value),
                ValueSource::Meta => from(context.meta, value),
            });
            compare(actual, *comparison, reference.as_deref(), *value_type)
        }
    }
}

fn compare(
    actual: Option<&str>,
    comparison: Comparison,
    reference: Option<&str>,
    value_type: Option<ValueType>,
) -> bool {
    let ordered = matches!(
        comparison,
        Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual
    );
    let order = match (actual, reference) {
        (Some(actual), Some(reference)) => {
            let value_type = value_type.unwrap_or(match ordered {
                false => ValueType::Text,
                true if actual.contains('.') || reference.contains('.') => ValueType::Number,
                true => ValueType::Integer,
            });
            order(actual, reference, value_type)
        }
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
    };
    let known = actual.is_some() && reference.is_some();
    match comparison {
        Comparison::Defined => actual.is_some(),
        Comparison::NotDefined => actual.is_none(),
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => known && order.is_lt(),
        Comparison::LessOrEqual => known && order.is_le(),
        Comparison::Greater => known && order.is_gt(),
        Comparison::GreaterOrEqual => known && order.is_ge(),
        Comparison::Unknown => false,
    }
}

/// How two values compare; numbers that are none are compared as text.
fn order(left: &str, right: &str, value_type: ValueType) -> Ordering {
    let text = || left.to_ascii_lowercase().cmp(&right.to_ascii_lowercase());
    match value_type {
        ValueType::Text => text(),
        ValueType::Integer => match (word::leading_integer(left), word::leading_integer(right)) {
            (Some((left, _)), Some((right, _))) => left.cmp(&right),
            _ => text(),
        },
        ValueType::Number => match (left.trim().parse::<f64>(), right.trim().parse::<f64>()) {
            (Ok(left), Ok(right)) => left.partial_cmp(&right).unwrap_or(Ordering::Equal),
            _ => text(),
        },
        ValueType::Version => versions(left, right),
    }
}

/// How two versions compare, part by part; parts that are not there count as 0.
fn versions(left: &str, right: &str) -> Ordering {
    let number = |part: &str| word::leading_integer(part).map_or(0, |(number, _)| number);
    let (mut left, mut right) = (left.split('.').map(number), right.split('.').map(number));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (left, right) => match left.unwrap_or(0).cmp(&right.unwrap_or(0)) {
                Ordering::Equal => {}
                different => return different,
            },
        }
    }
}

fn next_change_at(rule: &Rule, now_ms: i64, depth: usize) -> Option<i64> {
    if depth > DEPTH {
        return None;
    }
    let changes = rule.conditions.iter().filter_map(|condition| match condition {
        Condition::Rule(rule) => next_change_at(rule, now_ms, depth + 1),
        Condition::Date { test, start, end, duration, spec, .. } => {
            let range = date::Range::of(*test, start.as_deref(), end.as_deref(), duration.as_ref());
            date::next_change_ms(*test, range, spec.as_ref(), now_ms)
        }
        Condition::Attribute { .. } | Condition::Resource { .. } | Condition::Operation { .. } => None,
    });
    changes.min()
}

#[cfg(test)]
mod tests;
