//! Constraints.

use super::Writer;
use super::table::{Table, array, quoted, score, typed};
use crate::option::Kind;
use crate::written::{
    Colocation, Constraints, Discovery, Location, LocationRule, Order, OrderKind, Preference, ResourceSet, Rule,
    RuleScore, Subject, TicketConstraint,
};

impl Writer {
    pub(super) fn constraints(&mut self, constraints: &Constraints) {
        for location in &constraints.locations {
            self.location(location);
        }
        for colocation in &constraints.colocations {
            self.colocation(colocation);
        }
        for order in &constraints.orders {
            self.order(order);
        }
        for ticket in &constraints.tickets {
            self.ticket(ticket);
        }
    }

    /// A rule as text, or a word that `what` is left out.
    fn rule(&mut self, rule: &Rule, what: &str) -> Option<String> {
        let text = rule.text();
        if text.is_none() {
            self.left_out(format!("{what}: its rule cannot be written as text"));
        }
        text
    }

    /// The line `lifetime`; `None` when the constraint must be left out for it.
    fn lifetime(&mut self, table: &mut Table, lifetime: Option<&Rule>, what: &str) -> Option<()> {
        if let Some(rule) = lifetime {
            let text = self.rule(rule, what)?;
            table.line("lifetime", &quoted(&text));
        }
        Some(())
    }

    fn location(&mut self, location: &Location) -> Option<()> {
        let what = format!("the location {}", location.id);
        let mut table = Table::new("[[location]]");
        match &location.subject {
            Subject::Resource(resource) => table.line("resource", &quoted(resource)),
            Subject::Pattern { expression, negated } => {
                table.line("pattern", &quoted(&format!("{}{expression}", if *negated { "!" } else { "" })));
            }
            Subject::Sets(sets) => table.line("sets", &sets_text(sets)),
        }
        role(&mut table, "role", location.role.as_deref());
        match &location.preference {
            Preference::Node(node) if !self.nodes.contains(&node.node) => {
                self.left_out(format!("{what}: there is no node {}", node.node));
                return None;
            }
            Preference::Node(node) => {
                table.line("node", &quoted(&node.node));
                table.line("score", &score(node.score));
            }
            Preference::Rules(rules) => {
                let mut lines = Vec::new();
                for rule in rules {
                    lines.push(self.location_rule(rule, &what)?);
                }
                match rules.as_slice() {
                    [one] if one.role.is_none() => table.raw(&lines[0].join("\n")),
                    _ => {
                        let items = lines.iter().map(|parts| format!("  {{ {} }},\n", parts.join(", ")));
                        table.line("rules", &format!("[\n{}]", items.collect::<String>()));
                    }
                }
            }
        }
        match location.discovery {
            Discovery::Always => {}
            Discovery::Never => table.line("discovery", "\"never\""),
            Discovery::Exclusive => table.line("discovery", "\"exclusive\""),
        }
        self.lifetime(&mut table, location.lifetime.as_ref(), &what)?;
        self.push(table);
        Some(())
    }

    fn location_rule(&mut self, rule: &LocationRule, what: &str) -> Option<Vec<String>> {
        let mut parts = vec![format!("rule = {}", quoted(&self.rule(&rule.rule, what)?))];
        match &rule.score {
            RuleScore::Attribute(attribute) => parts.push(format!("score-attribute = {}", quoted(attribute))),
            RuleScore::Score(text) => match typed(Kind::Score, text) {
                Some(score) => parts.push(format!("score = {score}")),
                None => {
                    self.left_out(format!("{what}: its score {text:?} is not one"));
                    return None;
                }
            },
        }
        parts.extend(rule.role.as_deref().map(|role| format!("role = {}", quoted(role_word(role)))));
        Some(parts)
    }

    fn colocation(&mut self, colocation: &Colocation) -> Option<()> {
        let what = format!("the colocation {}", colocation.id);
        let mut table = Table::new("[[colocation]]");
        if colocation.sets.is_empty() {
            table.line("dependent", &quoted(&colocation.dependent));
            role(&mut table, "dependent-role", colocation.dependent_role.as_deref());
            table.line("primary", &quoted(&colocation.primary));
            role(&mut table, "primary-role", colocation.primary_role.as_deref());
        } else {
            table.line("sets", &sets_text(&colocation.sets));
        }
        table.line("score", &score(colocation.score));
        if let Some(attribute) = &colocation.node_attribute {
            table.line("node-attribute", &quoted(attribute));
        }
        if let Some(influence) = colocation.influence.as_deref().and_then(super::table::boolean) {
            table.line("influence", &influence.to_string());
        }
        self.lifetime(&mut table, colocation.lifetime.as_ref(), &what)?;
        self.push(table);
        Some(())
    }

    fn order(&mut self, order: &Order) -> Option<()> {
        let mut table = Table::new("[[order]]");
        if order.sets.is_empty() {
            table.line("first", &quoted(&order.first));
            if let Some(action) = order.first_action.as_deref().filter(|action| *action != "start") {
                table.line("first-action", &quoted(action));
            }
            table.line("then", &quoted(&order.then));
            if let Some(action) = &order.then_action {
                table.line("then-action", &quoted(action));
            }
        } else {
            table.line("sets", &sets_text(&order.sets));
        }
        if order.kind != OrderKind::Mandatory {
            table.line("kind", &quoted(kind_word(order.kind)));
        }
        if let Some(symmetrical) = order.symmetrical {
            table.line("symmetrical", &symmetrical.to_string());
        }
        if let Some(all) = order.require_all {
            table.line("require-all", &all.to_string());
        }
        self.lifetime(&mut table, order.lifetime.as_ref(), &format!("the order {}", order.id))?;
        self.push(table);
        Some(())
    }

    fn ticket(&mut self, ticket: &TicketConstraint) -> Option<()> {
        let mut table = Table::new("[[ticket]]");
        table.line("ticket", &quoted(&ticket.ticket));
        if ticket.sets.is_empty() {
            table.line("resource", &quoted(&ticket.resource));
            role(&mut table, "role", ticket.role.as_deref());
        } else {
            table.line("sets", &sets_text(&ticket.sets));
        }
        if let Some(policy) = ticket.loss_policy {
            table.line("loss-policy", &quoted(policy.as_str()));
        }
        self.lifetime(&mut table, ticket.lifetime.as_ref(), &format!("the ticket constraint {}", ticket.id))?;
        self.push(table);
        Some(())
    }
}

/// Roles in the words of the file.
fn role_word(role: &str) -> &'static str {
    match role.to_ascii_lowercase().as_str() {
        "promoted" | "master" => "promoted",
        "unpromoted" | "slave" => "unpromoted",
        "stopped" => "stopped",
        _ => "started",
    }
}

fn role(table: &mut Table, name: &str, role: Option<&str>) {
    if let Some(role) = role {
        table.line(name, &quoted(role_word(role)));
    }
}

fn kind_word(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Mandatory => "mandatory",
        OrderKind::Optional => "optional",
        OrderKind::Serialize => "serialize",
    }
}

fn sets_text(sets: &[ResourceSet]) -> String {
    let lines = sets.iter().map(|set| {
        let parts = [
            Some(format!("members = {}", array(set.members.iter().map(|member| quoted(member))))),
            set.sequential.map(|yes| format!("sequential = {yes}")),
            set.require_all.map(|yes| format!("require-all = {yes}")),
            set.role.as_deref().map(|role| format!("role = {}", quoted(role_word(role)))),
            set.action.as_deref().map(|action| format!("action = {}", quoted(action))),
            set.kind.map(|kind| format!("kind = {}", quoted(kind_word(kind)))),
            set.score.map(|own| format!("score = {}", score(own))),
            set.listed.then(|| "listed = true".to_owned()),
        ];
        format!("  {{ {} }},\n", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    });
    format!("[\n{}]", lines.collect::<String>())
}
