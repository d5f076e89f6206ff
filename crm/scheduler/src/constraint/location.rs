//! Location constraints: for each resource they are about, what each node is worth.

use super::{Constraints, Location, name};
use crate::facts::Facts;
use crate::index::{NodeIx, ResourceIx};
use crate::role::Role;
use crate::rule::{self, RuleContext};
use crate::situation::{self, LocationRule, Preference, RuleScore, Subject};
use crate::word;
use config::Score;
use regex_lite::Regex;
use std::collections::BTreeMap;

/// Resolves every location constraint of the configuration.
pub fn resolve(facts: &Facts<'_>, constraints: &mut Constraints) {
    let nodes = facts.all_nodes().map(|node| (facts[node].name.to_ascii_lowercase(), node)).collect();
    let mut resolver = Resolver { facts, nodes, found: &mut constraints.locations };
    let all = facts.situation.configuration.constraints.locations.iter();
    for written in all.filter(|written| super::in_force(facts, written.lifetime.as_ref())) {
        resolver.constraint(written);
    }
}

/// Whom a role in a constraint speaks of: every instance that is to be promoted has to run unpromoted first, so only
/// the upper role and `Stopped` make a difference. `Err` when the word is no role.
pub(super) fn role_filter(word: Option<&str>) -> Result<Option<Role>, ()> {
    match word.map(|word| Role::parse(word).ok_or(())).transpose()? {
        None | Some(Role::Started | Role::Unpromoted | Role::Unknown) => Ok(None),
        some => Ok(some),
    }
}

struct Resolver<'r, 'a> {
    facts: &'r Facts<'a>,
    nodes: BTreeMap<String, NodeIx>,
    found: &'r mut Vec<Location>,
}

impl Resolver<'_, '_> {
    fn constraint(&mut self, written: &situation::Location) {
        let role = written.role.as_deref();
        match &written.subject {
            Subject::Resource(named) => {
                for resource in name::resources(self.facts, named) {
                    self.one(written, resource, role, &[]);
                }
            }
            Subject::Pattern { expression, negated } => self.pattern(written, expression, *negated),
            Subject::Sets(sets) => {
                for set in sets {
                    for member in &set.members {
                        for resource in name::resources(self.facts, member) {
                            self.one(written, resource, set.role.as_deref().or(role), &[]);
                        }
                    }
                }
            }
        }
    }

    /// Patterns are held against the names of resources that are part of no other.
    fn pattern(&mut self, written: &situation::Location, expression: &str, negated: bool) {
        let Ok(regex) = Regex::new(expression) else { return };
        for &top in &self.facts.tops {
            let matched = regex.captures(&self.facts[top].id);
            if matched.is_some() == negated {
                continue;
            }
            let captures: Vec<String> = matched
                .map(|groups| groups.iter().map(|g| g.map_or("", |g| g.as_str()).to_string()).collect())
                .unwrap_or_default();
            self.one(written, top, written.role.as_deref(), &captures);
        }
    }

    fn one(&mut self, written: &situation::Location, resource: ResourceIx, role: Option<&str>, captures: &[String]) {
        match &written.preference {
            Preference::Node(preference) => {
                let Some(&node) = self.nodes.get(&preference.node.to_ascii_lowercase()) else { return };
                self.add(written, resource, role, vec![(node, preference.score)]);
            }
            Preference::Rules(rules) => {
                for rule in rules {
                    let nodes = self.scores(rule, resource, captures);
                    self.add(written, resource, rule.role.as_deref().or(role), nodes);
                }
            }
        }
    }

    /// The nodes for which a rule holds, and what they are worth.
    fn scores(&self, rule: &LocationRule, resource: ResourceIx, captures: &[String]) -> Vec<(NodeIx, Score)> {
        let resource = &self.facts[resource];
        let mut nodes = Vec::new();
        for node in self.facts.all_nodes() {
            let context = RuleContext {
                now_ms: self.facts.situation.now_ms,
                node: Some(&self.facts[node].attributes),
                params: Some(&resource.params),
                meta: Some(&resource.meta_text),
                captures,
                ..RuleContext::default()
            };
            if rule::holds(&rule.rule, &context) {
                nodes.push((node, self.worth(&rule.score, node, captures)));
            }
        }
        nodes
    }

    /// A node without the attribute that scores are read from is as good as forbidden.
    fn worth(&self, score: &RuleScore, node: NodeIx, captures: &[String]) -> Score {
        match score {
            RuleScore::Score(text) => word::score(text).unwrap_or_default(),
            RuleScore::Attribute(attribute) => {
                match self.facts[node].attributes.get(&*rule::expand(attribute, captures)) {
                    Some(text) if !text.is_empty() => word::score(text).unwrap_or_default(),
                    _ => Score::NEVER,
                }
            }
        }
    }

    fn add(
        &mut self,
        written: &situation::Location,
        resource: ResourceIx,
        role: Option<&str>,
        nodes: Vec<(NodeIx, Score)>,
    ) {
        let Ok(role) = role_filter(role) else { return };
        self.found.push(Location { id: written.id.clone(), resource, role, nodes, discovery: written.discovery });
    }
}
