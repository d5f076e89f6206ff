//! Name/value sets.

use crate::ReadError;
use crate::xml::{Element, Xml};
use crate::{legacy, rule};
use scheduler::situation::{AttributeSet, Combine, Condition, Rule, Value};
use scheduler::word;

/// Reads one set.
pub(crate) fn set<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<AttributeSet, ReadError> {
    let mut set = AttributeSet {
        id: element.text("id"),
        score: element.get("score").and_then(word::score).unwrap_or_default(),
        ..AttributeSet::default()
    };
    let mut rules = Vec::new();
    contents(xml, element, &mut set, &mut rules)?;
    set.rule = any(rules, &set.id);
    Ok(set)
}

fn contents<'a>(
    xml: &mut Xml<'a>,
    element: &Element<'a>,
    set: &mut AttributeSet,
    rules: &mut Vec<Rule>,
) -> Result<(), ReadError> {
    xml.children(element, &mut |xml, child| {
        match child.name {
            "nvpair" => {
                let name = child.text("name");
                let value = child.get("value").map(|value| legacy::value(&name, value));
                set.values.push(Value { name, value });
                xml.skip(&child)
            }
            "rule" => {
                rules.push(rule::rule(xml, &child)?.rule);
                Ok(())
            }
            // The oldest files wrap the pairs once more.
            "attributes" => contents(xml, &child, set, rules),
            _ => xml.skip(&child),
        }
    })
}

/// One rule that holds when one of several does; `None` when there is none.
pub(crate) fn any(mut rules: Vec<Rule>, owner: &str) -> Option<Rule> {
    if rules.len() > 1 {
        let conditions = rules.into_iter().map(Condition::Rule).collect();
        return Some(Rule { id: owner.to_string(), combine: Combine::Or, conditions });
    }
    rules.pop()
}
