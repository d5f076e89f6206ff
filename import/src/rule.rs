//! Rules.

use crate::ReadError;
use crate::legacy;
use crate::xml::{Element, Xml};
use scheduler::situation::{
    Combine, Comparison, Condition, DateParts, DateTest, LocationRule, Rule, RuleScore, ValueSource, ValueType,
};

/// Reads a rule with the score and role it has in location constraints.
pub(crate) fn rule<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<LocationRule, ReadError> {
    let mut conditions = Vec::new();
    xml.children(element, &mut |xml, child| {
        match child.name {
            "expression" => conditions.push(attribute(&child)),
            "rsc_expression" => conditions.push(Condition::Resource {
                id: child.text("id"),
                class: child.get("class").map(legacy::class),
                provider: child.own("provider"),
                agent: child.own("type"),
            }),
            "op_expression" => conditions.push(Condition::Operation {
                id: child.text("id"),
                name: child.text("name"),
                interval: child.own("interval"),
            }),
            "date_expression" => {
                conditions.push(date(xml, &child)?);
                return Ok(());
            }
            "rule" => {
                conditions.push(Condition::Rule(rule(xml, &child)?.rule));
                return Ok(());
            }
            _ => {}
        }
        xml.skip(&child)
    })?;
    let combine = match element.get("boolean-op") {
        Some(word) if word.eq_ignore_ascii_case("or") => Combine::Or,
        _ => Combine::And,
    };
    let score = match (element.get("score"), element.get("score-attribute")) {
        (Some(score), _) => RuleScore::Score(score.to_string()),
        (None, Some(attribute)) => RuleScore::Attribute(attribute.to_string()),
        (None, None) => RuleScore::Score(String::new()),
    };
    Ok(LocationRule {
        rule: Rule { id: element.text("id"), combine, conditions },
        score,
        role: element.get("role").map(legacy::role),
    })
}

fn attribute(element: &Element) -> Condition {
    let comparison = match element.get("operation").unwrap_or_default().to_ascii_lowercase().as_str() {
        "lt" => Comparison::Less,
        "lte" => Comparison::LessOrEqual,
        "gt" => Comparison::Greater,
        "gte" => Comparison::GreaterOrEqual,
        "eq" => Comparison::Equal,
        "ne" => Comparison::NotEqual,
        "defined" => Comparison::Defined,
        "not_defined" => Comparison::NotDefined,
        _ => Comparison::Unknown,
    };
    let source = match element.get("value-source") {
        Some(word) if word.eq_ignore_ascii_case("param") => ValueSource::Parameter,
        Some(word) if word.eq_ignore_ascii_case("meta") => ValueSource::Meta,
        _ => ValueSource::Literal,
    };
    let value_type = match element.get("type").unwrap_or_default().to_ascii_lowercase().as_str() {
        "string" => Some(ValueType::Text),
        "integer" => Some(ValueType::Integer),
        "number" => Some(ValueType::Number),
        "version" => Some(ValueType::Version),
        _ => None,
    };
    let attribute = element.text("attribute");
    // Roles are compared by name, so both sides need the current one.
    let value = element.get("value").map(|value| {
        if attribute == "#role" && source == ValueSource::Literal { legacy::role(value) } else { value.to_string() }
    });
    Condition::Attribute { id: element.text("id"), attribute, comparison, value, source, value_type }
}

fn date<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<Condition, ReadError> {
    let (mut duration, mut spec) = (None, None);
    xml.children(element, &mut |xml, child| {
        let parts = child.attributes.iter().filter(|(name, _)| *name != "id");
        let parts = parts.map(|(name, value)| ((*name).to_string(), value.to_string())).collect();
        match child.name {
            "duration" => duration = Some(DateParts { parts }),
            "date_spec" => spec = Some(DateParts { parts }),
            _ => {}
        }
        xml.skip(&child)
    })?;
    let test = match element.get("operation").unwrap_or_default().to_ascii_lowercase().as_str() {
        "gt" => DateTest::Greater,
        "lt" => DateTest::Less,
        "date_spec" => DateTest::Spec,
        _ => DateTest::InRange,
    };
    Ok(Condition::Date {
        id: element.text("id"),
        test,
        start: element.own("start"),
        end: element.own("end"),
        duration,
        spec,
    })
}
