//! Rules against nodes, times and agents.

use super::*;
use crate::situation::DateTest;

fn attribute(name: &str, comparison: Comparison, value: Option<&str>, value_type: Option<ValueType>) -> Condition {
    Condition::Attribute {
        id: String::new(),
        attribute: name.to_string(),
        comparison,
        value: value.map(str::to_string),
        source: ValueSource::Literal,
        value_type,
    }
}

fn rule(combine: Combine, conditions: Vec<Condition>) -> Rule {
    Rule { id: "r".to_string(), combine, conditions }
}

#[test]
fn attributes_are_compared_by_what_they_look_like() {
    let node: BTreeMap<String, String> =
        [("cpu", "10"), ("load", "0.5"), ("site", "North"), ("os", "5.10.2")].map(|(k, v)| (k.into(), v.into())).into();
    let context = RuleContext { node: Some(&node), ..RuleContext::default() };
    let cases = [
        ("cpu", Comparison::Greater, Some("9"), None, true),
        ("cpu", Comparison::Greater, Some("9"), Some(ValueType::Text), false),
        ("load", Comparison::Less, Some("1"), None, true),
        ("site", Comparison::Equal, Some("north"), None, true),
        ("os", Comparison::Greater, Some("5.9"), Some(ValueType::Version), true),
        ("os", Comparison::Equal, Some("5.10.2.0"), Some(ValueType::Version), true),
        ("none", Comparison::NotEqual, Some("x"), None, true),
        ("none", Comparison::Less, Some("5"), None, false),
        ("none", Comparison::NotDefined, None, None, true),
        ("cpu", Comparison::Unknown, Some("10"), None, false),
    ];
    for (name, comparison, value, value_type, expected) in cases {
        let rule = rule(Combine::And, vec![attribute(name, comparison, value, value_type)]);
        assert_eq!(holds(&rule, &context), expected, "{name} {comparison:?} {value:?}");
    }
    let without = rule(Combine::And, vec![attribute("none", Comparison::NotDefined, None, None)]);
    assert!(!holds(&without, &RuleContext::default()), "without a node no condition on it holds");
}

#[test]
fn one_or_all_conditions_must_hold() {
    let node = BTreeMap::from([("a".to_string(), "1".to_string())]);
    let context = RuleContext { node: Some(&node), ..RuleContext::default() };
    let yes = || attribute("a", Comparison::Defined, None, None);
    let no = || attribute("b", Comparison::Defined, None, None);
    assert!(!holds(&rule(Combine::And, vec![yes(), no()]), &context));
    assert!(holds(&rule(Combine::Or, vec![no(), Condition::Rule(rule(Combine::And, vec![yes()]))]), &context));
}

#[test]
fn an_operation_is_known_by_name_and_interval() {
    let condition =
        Condition::Operation { id: String::new(), name: "monitor".to_string(), interval: Some("10s".to_string()) };
    let rule = rule(Combine::And, vec![condition]);
    let asks =
        |name, interval| holds(&rule, &RuleContext { operation: Some((name, interval)), ..RuleContext::default() });
    assert!(asks("monitor", 10_000));
    assert!(!asks("monitor", 20_000));
    assert!(!asks("start", 10_000));
}

#[test]
fn dates_change_their_answer_when_they_say() {
    let condition = Condition::Date {
        id: String::new(),
        test: DateTest::InRange,
        start: Some("1970-01-01T00:01:40".to_string()),
        end: Some("1970-01-01T00:03:20".to_string()),
        duration: None,
        spec: None,
    };
    let rule = rule(Combine::And, vec![condition]);
    let mut now = 0;
    let mut answers = Vec::new();
    loop {
        answers.push((now, holds(&rule, &RuleContext { now_ms: now, ..RuleContext::default() })));
        match next_change_ms(&rule, now) {
            Some(next) => now = next,
            None => break,
        }
    }
    assert_eq!(answers, [(0, false), (100_000, true), (201_000, false)]);
}

#[test]
fn names_of_attributes_may_come_from_a_pattern() {
    let captures = ["web-3".to_string(), "3".to_string()];
    assert_eq!(expand("rank-%1", &captures), "rank-3");
    assert_eq!(expand("100%-%1%9", &captures), "100%-3");
}
