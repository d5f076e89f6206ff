//! Rules about the ids of nodes, in words that hold in a cluster file: there a node has no id besides its name.
//!
//! A comparison with `#id` becomes one with the names of the nodes that it holds for.

use scheduler::rule::{RuleContext, holds};
use scheduler::situation::{
    AttributeSet, Combine, Comparison, Condition, Configuration, Preference, Resource, ResourceKind, Rule, RuleScore,
    ValueSource,
};
use std::collections::BTreeMap;

const ID: &str = "#id";
const NAME: &str = "#uname";

/// Puts names for ids into every rule. What cannot be said by names is listed, one sentence each.
pub(crate) fn names_for_ids(configuration: &mut Configuration) -> Vec<String> {
    let mut nodes: BTreeMap<String, String> =
        configuration.node_names().into_iter().map(|name| (name.clone(), name)).collect();
    nodes.extend(configuration.nodes.iter().map(|node| (node.name.clone(), node.id.clone())));
    let mut names = Names { nodes, unsaid: Vec::new() };
    if names.nodes.iter().any(|(name, id)| name != id) {
        names.configuration(configuration);
    }
    names.unsaid
}

struct Names {
    /// Ids by names.
    nodes: BTreeMap<String, String>,
    unsaid: Vec<String>,
}

impl Names {
    fn configuration(&mut self, configuration: &mut Configuration) {
        self.sets(&mut configuration.properties);
        self.sets(&mut configuration.resource_defaults);
        self.sets(&mut configuration.operation_defaults);
        for node in &mut configuration.nodes {
            self.sets(&mut node.attributes);
            self.sets(&mut node.utilization);
        }
        for resource in configuration.resources.iter_mut().chain(&mut configuration.templates) {
            self.resource(resource);
        }
        let constraints = &mut configuration.constraints;
        for location in &mut constraints.locations {
            if let Preference::Rules(rules) = &mut location.preference {
                for rule in rules {
                    if matches!(&rule.score, RuleScore::Attribute(attribute) if attribute == ID) {
                        self.unsaid.push(format!("the rule {}: its score is the id of a node", rule.rule.id));
                    }
                    self.rule(&mut rule.rule);
                }
            }
        }
        let lifetimes = constraints.locations.iter_mut().map(|it| &mut it.lifetime);
        let lifetimes = lifetimes.chain(constraints.colocations.iter_mut().map(|it| &mut it.lifetime));
        let lifetimes = lifetimes.chain(constraints.orders.iter_mut().map(|it| &mut it.lifetime));
        let lifetimes = lifetimes.chain(constraints.tickets.iter_mut().map(|it| &mut it.lifetime));
        for rule in lifetimes.flatten() {
            self.rule(rule);
        }
    }

    fn resource(&mut self, resource: &mut Resource) {
        self.sets(&mut resource.meta);
        self.sets(&mut resource.params);
        self.sets(&mut resource.utilization);
        for operation in &mut resource.operations {
            self.sets(&mut operation.meta);
            self.sets(&mut operation.params);
        }
        match &mut resource.kind {
            ResourceKind::Primitive(_) => {}
            ResourceKind::Group(members) => members.iter_mut().for_each(|member| self.resource(member)),
            ResourceKind::Clone(child) => self.resource(child),
            ResourceKind::Bundle(bundle) => bundle.primitive.iter_mut().for_each(|inner| self.resource(inner)),
        }
    }

    fn sets(&mut self, sets: &mut [AttributeSet]) {
        for rule in sets.iter_mut().filter_map(|set| set.rule.as_mut()) {
            self.rule(rule);
        }
    }

    fn rule(&mut self, rule: &mut Rule) {
        for condition in &mut rule.conditions {
            match condition {
                Condition::Rule(inner) => self.rule(inner),
                Condition::Attribute { attribute, comparison, source, .. } if attribute == ID => match comparison {
                    Comparison::Defined | Comparison::NotDefined | Comparison::Unknown => {}
                    _ if *source == ValueSource::Literal => *condition = self.by_names(condition),
                    _ => self.unsaid.push(format!(
                        "the rule {}: it compares the ids of nodes with a value of the resource; in the file their \
                         names are their ids",
                        rule.id
                    )),
                },
                _ => {}
            }
        }
    }

    /// A condition on ids as one on names: who it holds for, or, where it says who not, who it does not hold for.
    fn by_names(&self, condition: &Condition) -> Condition {
        let unequal = matches!(condition, Condition::Attribute { comparison: Comparison::NotEqual, .. });
        let (comparison, combine, none) = match unequal {
            true => (Comparison::NotEqual, Combine::And, Comparison::Defined),
            false => (Comparison::Equal, Combine::Or, Comparison::NotDefined),
        };
        let alone = Rule { id: String::new(), combine: Combine::And, conditions: vec![condition.clone()] };
        let named = self.nodes.iter().filter(|(_, id)| {
            let attributes = BTreeMap::from([(ID.to_owned(), (*id).clone())]);
            holds(&alone, &RuleContext { node: Some(&attributes), ..RuleContext::default() }) != unequal
        });
        let mut conditions: Vec<Condition> = named.map(|(name, _)| on_name(comparison, Some(name.clone()))).collect();
        match conditions.pop() {
            None => on_name(none, None),
            Some(one) if conditions.is_empty() => one,
            Some(last) => {
                conditions.push(last);
                Condition::Rule(Rule { id: String::new(), combine, conditions })
            }
        }
    }
}

fn on_name(comparison: Comparison, value: Option<String>) -> Condition {
    Condition::Attribute {
        id: String::new(),
        attribute: NAME.to_owned(),
        comparison,
        value,
        source: ValueSource::Literal,
        value_type: None,
    }
}
