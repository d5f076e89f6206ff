//! `[[location]]`, `[[colocation]]`, `[[order]]`, and the short forms `prefer`, `avoid`, `with`, `after`.

use super::fields::Fields;
use super::value::At;
use crate::constraint::{Colocation, Location, Order, OrderKind, Place};
use crate::id::{NodeId, ResourceId};
use crate::option::{COLOCATION, LOCATION, ORDER};
use crate::report::Report;
use crate::resource::OperationName;
use crate::score::Score;
use crate::spot::{RuleSpots, Spots};

/// The rules read so far, wherever they were written.
#[derive(Default)]
pub(super) struct Rules {
    locations: Vec<(Location, RuleSpots)>,
    colocations: Vec<(Colocation, RuleSpots)>,
    orders: Vec<(Order, RuleSpots)>,
}

impl Rules {
    /// The short forms in the table of a resource or group.
    pub(super) fn short_forms(&mut self, of: &At<ResourceId>, fields: &Fields<'_>, report: &mut Report<'_>) {
        for (node, score) in fields.scores("prefer") {
            self.location(of, node, score.value, report);
        }
        for node in fields.texts("avoid") {
            self.location(of, node, Score::NEVER, report);
        }
        for other in fields.texts("with") {
            let Some(primary) = resource(other, report) else { continue };
            let rule = Colocation {
                dependent: of.value.clone(),
                primary: primary.value,
                score: Score::MANDATORY,
                place: place(other, report),
            };
            self.colocations.push((rule, spots(other.span.clone(), of, &primary.span)));
        }
        for other in fields.texts("after") {
            let Some(first) = resource(other, report) else { continue };
            let rule = Order {
                first: first.value,
                first_action: OperationName::Start,
                then: of.value.clone(),
                then_action: OperationName::Start,
                kind: OrderKind::Mandatory,
                symmetrical: true,
                place: place(other, report),
            };
            let spots = RuleSpots { rule: first.span.clone(), from: first.span, to: of.span.clone() };
            self.orders.push((rule, spots));
        }
    }

    fn location(&mut self, of: &At<ResourceId>, node: &At<&str>, score: Score, report: &mut Report<'_>) {
        let Some(id) = super::name(node, "node", NodeId::new, report) else { return };
        let rule = Location { resource: of.value.clone(), node: id.value, score, place: place(node, report) };
        self.locations.push((rule, spots(node.span.clone(), of, &id.span)));
    }

    /// The rules in the order of the file; their places go to `spots`.
    pub(super) fn finish(mut self, spots: &mut Spots) -> (Vec<Location>, Vec<Colocation>, Vec<Order>) {
        self.locations.sort_by_key(|(_, spots)| spots.rule.start);
        self.colocations.sort_by_key(|(_, spots)| spots.rule.start);
        self.orders.sort_by_key(|(_, spots)| spots.rule.start);
        let (locations, location_spots) = self.locations.into_iter().unzip();
        let (colocations, colocation_spots) = self.colocations.into_iter().unzip();
        let (orders, order_spots) = self.orders.into_iter().unzip();
        spots.locations = location_spots;
        spots.colocations = colocation_spots;
        spots.orders = order_spots;
        (locations, colocations, orders)
    }
}

fn spots<T>(rule: std::ops::Range<usize>, from: &At<T>, to: &std::ops::Range<usize>) -> RuleSpots {
    RuleSpots { rule, from: from.span.clone(), to: to.clone() }
}

fn place<T>(at: &At<T>, report: &Report<'_>) -> Place {
    Place { line: report.line(at.span.start) }
}

fn resource(text: &At<&str>, report: &mut Report<'_>) -> Option<At<ResourceId>> {
    super::name(text, "resource", ResourceId::new, report)
}

/// The full tables.
pub(super) fn read(file: &Fields<'_>, rules: &mut Rules, report: &mut Report<'_>) {
    for table in file.tables("location") {
        let fields = Fields::read(&LOCATION, "", table.span.clone(), table.value, report);
        rules.locations.extend(location(&fields, table, report));
    }
    for table in file.tables("colocation") {
        let fields = Fields::read(&COLOCATION, "", table.span.clone(), table.value, report);
        rules.colocations.extend(colocation(&fields, table, report));
    }
    for table in file.tables("order") {
        let fields = Fields::read(&ORDER, "", table.span.clone(), table.value, report);
        rules.orders.extend(order(&fields, table, report));
    }
}

/// Whether a constraint says something that only its written form has.
fn says_more(fields: &Fields<'_>, options: &[&str]) -> bool {
    options.iter().any(|option| fields.has(option))
}

fn location<T>(fields: &Fields<'_>, table: &At<T>, report: &mut Report<'_>) -> Option<(Location, RuleSpots)> {
    if says_more(fields, &["sets", "pattern", "rule", "rules", "role", "lifetime"]) {
        return None;
    }
    let from = fields.text("resource").and_then(|text| resource(&text, report));
    let to = fields.text("node").and_then(|text| super::name(&text, "node", NodeId::new, report));
    let (from, to) = (from?, to?);
    let spots = spots(table.span.clone(), &from, &to.span);
    let score = fields.score("score");
    Some((Location { resource: from.value, node: to.value, score, place: place(table, report) }, spots))
}

fn colocation<T>(fields: &Fields<'_>, table: &At<T>, report: &mut Report<'_>) -> Option<(Colocation, RuleSpots)> {
    if says_more(fields, &["sets", "dependent-role", "primary-role", "node-attribute", "lifetime"]) {
        return None;
    }
    let from = fields.text("dependent").and_then(|text| resource(&text, report));
    let to = fields.text("primary").and_then(|text| resource(&text, report));
    let (from, to) = (from?, to?);
    let spots = spots(table.span.clone(), &from, &to.span);
    let score = fields.score("score");
    Some((Colocation { dependent: from.value, primary: to.value, score, place: place(table, report) }, spots))
}

fn order<T>(fields: &Fields<'_>, table: &At<T>, report: &mut Report<'_>) -> Option<(Order, RuleSpots)> {
    let roles = ["first-action", "then-action"]
        .iter()
        .any(|name| matches!(fields.given_choice(name), Some("promote" | "demote")));
    if roles || says_more(fields, &["sets", "require-all", "lifetime"]) || fields.choice("kind") == "serialize" {
        return None;
    }
    let from = fields.text("first").and_then(|text| resource(&text, report));
    let to = fields.text("then").and_then(|text| resource(&text, report));
    let (from, to) = (from?, to?);
    let first_action = action(fields.choice("first-action"));
    let spots = spots(table.span.clone(), &from, &to.span);
    let rule = Order {
        first: from.value,
        first_action,
        then: to.value,
        then_action: fields.given_choice("then-action").map_or(first_action, action),
        kind: match fields.choice("kind") {
            "optional" => OrderKind::Optional,
            _ => OrderKind::Mandatory,
        },
        symmetrical: fields.given_bool("symmetrical").unwrap_or(true),
        place: place(table, report),
    };
    Some((rule, spots))
}

fn action(word: &str) -> OperationName {
    match word {
        "stop" => OperationName::Stop,
        _ => OperationName::Start,
    }
}
