//! Constraints and the fencing topology.

use crate::attributes::any;
use crate::resource::yes;
use crate::xml::{Element, Xml};
use crate::{ReadError, legacy, rule};
use config::Score;
use scheduler::situation::{
    Colocation, Constraints, Discovery, FencingLevel, FencingTarget, Location, LocationScore, LossPolicy, Order,
    OrderKind, Preference, ResourceSet, Rule, Subject, TicketConstraint,
};
use scheduler::word;

/// What may be inside any constraint.
struct Inner {
    rules: Vec<scheduler::situation::LocationRule>,
    sets: Vec<ResourceSet>,
    lifetime: Option<Rule>,
}

/// Reads the element that holds all constraints.
pub(crate) fn constraints<'a>(
    xml: &mut Xml<'a>,
    parent: &Element<'a>,
    into: &mut Constraints,
) -> Result<(), ReadError> {
    xml.children(parent, &mut |xml, element| {
        if !matches!(element.name, "rsc_location" | "rsc_colocation" | "rsc_order" | "rsc_ticket") {
            return xml.skip(&element);
        }
        let inner = inner(xml, &element)?;
        match element.name {
            "rsc_location" => into.locations.extend(location(&element, inner)),
            "rsc_colocation" => into.colocations.push(colocation(&element, inner)),
            "rsc_order" => into.orders.push(order(&element, inner)),
            _ => into.tickets.push(ticket(&element, inner)),
        }
        Ok(())
    })
}

fn inner<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<Inner, ReadError> {
    let mut inner = Inner { rules: Vec::new(), sets: Vec::new(), lifetime: None };
    xml.children(element, &mut |xml, child| {
        match child.name {
            "rule" => inner.rules.push(rule::rule(xml, &child)?),
            "resource_set" => inner.sets.push(resource_set(xml, &child)?),
            "lifetime" => {
                let mut rules = Vec::new();
                xml.children(&child, &mut |xml, child| {
                    match child.name {
                        "rule" => rules.push(rule::rule(xml, &child)?.rule),
                        _ => xml.skip(&child)?,
                    }
                    Ok(())
                })?;
                inner.lifetime = any(rules, &element.text("id"));
            }
            _ => xml.skip(&child)?,
        }
        Ok(())
    })?;
    Ok(inner)
}

fn resource_set<'a>(xml: &mut Xml<'a>, element: &Element<'a>) -> Result<ResourceSet, ReadError> {
    let mut members = Vec::new();
    xml.children(element, &mut |xml, child| {
        if child.name == "resource_ref" {
            members.push(child.text("id"));
        }
        xml.skip(&child)
    })?;
    Ok(ResourceSet {
        id: element.text("id"),
        members,
        sequential: yes(element, "sequential"),
        require_all: yes(element, "require-all"),
        role: element.get("role").map(legacy::role),
        action: element.own("action"),
        kind: element.get("kind").map(kind),
        score: element.get("score").and_then(word::score),
        listed: element.get("ordering").is_some_and(|word| !word.eq_ignore_ascii_case("group")),
    })
}

fn location(element: &Element, inner: Inner) -> Option<Location> {
    let subject = if let Some(resource) = element.own("rsc") {
        Subject::Resource(resource)
    } else if let Some(pattern) = element.get("rsc-pattern") {
        match pattern.strip_prefix('!') {
            Some(expression) => Subject::Pattern { expression: expression.to_string(), negated: true },
            None => Subject::Pattern { expression: pattern.to_string(), negated: false },
        }
    } else {
        Subject::Sets(inner.sets)
    };
    let preference = if let Some(node) = element.own("node") {
        let score = element.get("score").and_then(word::score).unwrap_or_default();
        Preference::Node(LocationScore { node, score })
    } else if inner.rules.is_empty() {
        return None;
    } else {
        Preference::Rules(inner.rules)
    };
    let discovery = match element.get("resource-discovery").unwrap_or_default().to_ascii_lowercase().as_str() {
        "never" => Discovery::Never,
        "exclusive" => Discovery::Exclusive,
        _ => Discovery::Always,
    };
    let role = element.get("role").map(legacy::role);
    Some(Location { id: element.text("id"), subject, role, discovery, preference, lifetime: inner.lifetime })
}

fn colocation(element: &Element, inner: Inner) -> Colocation {
    Colocation {
        id: element.text("id"),
        score: element.get("score").and_then(word::score).unwrap_or_default(),
        dependent: element.text("rsc"),
        dependent_role: element.get("rsc-role").map(legacy::role),
        primary: element.text("with-rsc"),
        primary_role: element.get("with-rsc-role").map(legacy::role),
        node_attribute: element.own("node-attribute"),
        influence: element.own("influence"),
        sets: inner.sets,
        lifetime: inner.lifetime,
    }
}

fn order(element: &Element, inner: Inner) -> Order {
    // Before there was a kind, a score of zero meant that the order is only advice.
    let without_kind = match element.get("score").and_then(word::score) {
        Some(score) if score == Score::ZERO => OrderKind::Optional,
        _ => OrderKind::Mandatory,
    };
    Order {
        id: element.text("id"),
        kind: element.get("kind").map_or(without_kind, kind),
        symmetrical: yes(element, "symmetrical"),
        require_all: yes(element, "require-all"),
        first: element.text("first"),
        first_action: element.own("first-action"),
        then: element.text("then"),
        then_action: element.own("then-action"),
        sets: inner.sets,
        lifetime: inner.lifetime,
    }
}

fn kind(word: &str) -> OrderKind {
    match word.to_ascii_lowercase().as_str() {
        "optional" => OrderKind::Optional,
        "serialize" => OrderKind::Serialize,
        _ => OrderKind::Mandatory,
    }
}

fn ticket(element: &Element, inner: Inner) -> TicketConstraint {
    let loss_policy = match element.get("loss-policy").unwrap_or_default().to_ascii_lowercase().as_str() {
        "stop" => Some(LossPolicy::Stop),
        "demote" => Some(LossPolicy::Demote),
        "fence" => Some(LossPolicy::Fence),
        "freeze" => Some(LossPolicy::Freeze),
        _ => None,
    };
    TicketConstraint {
        id: element.text("id"),
        ticket: element.text("ticket"),
        loss_policy,
        resource: element.text("rsc"),
        role: element.get("rsc-role").map(legacy::role),
        sets: inner.sets,
        lifetime: inner.lifetime,
    }
}

/// Reads the fencing topology.
pub(crate) fn levels<'a>(xml: &mut Xml<'a>, parent: &Element<'a>) -> Result<Vec<FencingLevel>, ReadError> {
    let mut levels = Vec::new();
    xml.children(parent, &mut |xml, element| {
        if element.name == "fencing-level" {
            levels.extend(level(&element));
        }
        xml.skip(&element)
    })?;
    Ok(levels)
}

fn level(element: &Element) -> Option<FencingLevel> {
    let target = if let Some(node) = element.own("target") {
        FencingTarget::Node(node)
    } else if let Some(pattern) = element.own("target-pattern") {
        FencingTarget::Pattern(pattern)
    } else {
        FencingTarget::Attribute(element.own("target-attribute")?, element.text("target-value"))
    };
    let devices = element.get("devices").unwrap_or_default().split(',').map(str::trim);
    Some(FencingLevel {
        id: element.text("id"),
        target,
        index: element.get("index").and_then(|index| index.trim().parse().ok())?,
        devices: devices.filter(|device| !device.is_empty()).map(str::to_string).collect(),
    })
}
