//! Nothing is started where a location constraint, or its target role, forbids it.

use super::case::{Case, Step, Verb};
use super::scope::Scope;
use super::violation::{Rule, Violation};
use crate::role::Role;
use crate::rule::{self, RuleContext};
use crate::schedule::ActionKind;
use crate::situation::{Discovery, Location, LocationRule, Preference, RuleScore, Subject};
use crate::word;
use config::Score;
use regex_lite::Regex;
use std::cell::OnceCell;
use std::collections::BTreeMap;

pub(super) fn check(case: &Case<'_>, scope: &Scope<'_>, found: &mut Vec<Violation>) {
    let bans = Bans::of(case, scope);
    for step in case.steps.iter().flatten().filter(|step| step.kind == ActionKind::Rsc) {
        let promotes = step.verb == Verb::Promote;
        if !promotes && !matches!(step.verb, Verb::Start | Verb::MigrateFrom) {
            continue;
        }
        if let Some(why) = target(case, step) {
            found.push(case.broken(Rule::Forbidden, step, why));
        }
        if let Some(constraint) = bans.against(step).filter(|_| !follows_stuck(case, step)) {
            found.push(case.broken(Rule::Forbidden, step, format!("is against location constraint {constraint}")));
        }
        if case.nodes[step.node].written.is_some_and(|node| node.score.is_never()) {
            found.push(case.broken(Rule::Forbidden, step, "is against the score of the node"));
        }
    }
}

/// Whether a step brings a member of a group to where another one is, which nobody can move: then all of it is there.
fn follows_stuck(case: &Case<'_>, step: &Step) -> bool {
    let holds = |other: usize| case.active(other).any(|it| it.node == step.node) && case.stuck(other, step.node);
    case.grouped(step.subject).any(|other| other != step.subject && holds(other))
}

/// Why its target role is against it.
fn target(case: &Case<'_>, step: &Step) -> Option<&'static str> {
    let it = case.primitive(step.subject);
    match it.wish.target() {
        Some(Role::Stopped) => Some("is against its target role Stopped"),
        Some(Role::Unpromoted) if step.verb == Verb::Promote => Some("is against its target role Unpromoted"),
        _ if case.options.stop_all && !it.agent.is_some_and(crate::situation::Agent::is_fencing) => {
            Some("is against stop-all-resources")
        }
        _ => None,
    }
}

/// Constraints that forbid something, by primitive.
struct Bans<'c, 'a> {
    case: &'c Case<'a>,
    by_primitive: Vec<Vec<Ban<'a>>>,
    /// Attributes of nodes, read when a rule asks for them.
    attributes: Vec<OnceCell<BTreeMap<String, String>>>,
}

/// One constraint for one primitive.
#[derive(Clone)]
struct Ban<'a> {
    constraint: &'a Location,
    role: Option<&'a str>,
    /// What its pattern matched.
    captures: Vec<String>,
}

impl<'c, 'a> Bans<'c, 'a> {
    fn of(case: &'c Case<'a>, scope: &Scope<'a>) -> Bans<'c, 'a> {
        let count = case.subjects.primitives.len();
        let attributes = (0..case.nodes.len()).map(|_| OnceCell::new()).collect();
        let mut bans = Bans { case, by_primitive: vec![Vec::new(); count], attributes };
        let context = RuleContext { now_ms: case.situation.now_ms, ..RuleContext::default() };
        for constraint in &case.situation.configuration.constraints.locations {
            let forbids = match &constraint.preference {
                Preference::Node(wanted) => wanted.score.is_never(),
                Preference::Rules(_) => true,
            };
            let counts = constraint.lifetime.as_ref().is_none_or(|rule| rule::holds(rule, &context));
            if counts && (forbids || constraint.discovery == Discovery::Exclusive) {
                bans.add(constraint, scope);
            }
        }
        bans
    }

    fn add(&mut self, constraint: &'a Location, scope: &Scope<'a>) {
        let role = constraint.role.as_deref();
        match &constraint.subject {
            Subject::Resource(name) => self.add_named(constraint, role, name, scope, &[]),
            Subject::Sets(sets) => {
                for set in sets {
                    for member in &set.members {
                        self.add_named(constraint, set.role.as_deref().or(role), member, scope, &[]);
                    }
                }
            }
            Subject::Pattern { expression, negated } => {
                let Ok(regex) = Regex::new(expression) else { return };
                for top in &self.case.situation.configuration.resources {
                    let matched = regex.captures(&top.id);
                    if matched.is_some() == *negated {
                        continue;
                    }
                    let parts = matched.iter().flat_map(|parts| parts.iter());
                    let captures: Vec<String> = parts.map(|it| it.map_or("", |it| it.as_str()).to_owned()).collect();
                    self.add_named(constraint, role, &top.id, scope, &captures);
                }
            }
        }
    }

    fn add_named(
        &mut self,
        constraint: &'a Location,
        role: Option<&'a str>,
        name: &str,
        scope: &Scope<'a>,
        captures: &[String],
    ) {
        for &primitive in scope.primitives(name) {
            let it = &self.case.subjects.primitives[primitive];
            // A bundle's place is that of its containers. What runs inside follows, and a container on a remote node is
            // connected to from a member.
            if it.bundle.is_some() && (it.written.is_some() || self.case.connects(primitive)) {
                continue;
            }
            self.by_primitive[primitive].push(Ban { constraint, role, captures: captures.to_vec() });
        }
    }

    /// The constraint that a step is against.
    fn against(&self, step: &Step) -> Option<&'a str> {
        let bans = &self.by_primitive[self.case.subjects.all[step.subject].primitive];
        let forbids = |ban: &&Ban<'a>| self.forbids(ban, step);
        let exclusive = |ban: &&Ban<'a>| ban.constraint.discovery == Discovery::Exclusive;
        let first = bans.iter().find(forbids);
        let shut_out = || {
            let only = bans.iter().find(exclusive)?;
            let invited = bans.iter().filter(exclusive).any(|ban| self.names(ban, step));
            (!invited).then_some(only)
        };
        first.or_else(shut_out).map(|ban| ban.constraint.id.as_str())
    }

    /// Whether a constraint with exclusive discovery names the node of a step.
    fn names(&self, ban: &Ban<'a>, step: &Step) -> bool {
        let node = self.case.nodes[step.node].name;
        match &ban.constraint.preference {
            Preference::Node(wanted) => wanted.node.eq_ignore_ascii_case(node),
            Preference::Rules(rules) => rules.iter().any(|rule| self.holds(rule, ban, step)),
        }
    }

    fn forbids(&self, ban: &Ban<'a>, step: &Step) -> bool {
        match &ban.constraint.preference {
            Preference::Node(wanted) => {
                wanted.score.is_never()
                    && concerns(ban.role, step)
                    && wanted.node.eq_ignore_ascii_case(self.case.nodes[step.node].name)
            }
            Preference::Rules(rules) => rules.iter().any(|rule| {
                concerns(rule.role.as_deref().or(ban.role), step)
                    && self.holds(rule, ban, step)
                    && self.worth(rule, ban, step).is_never()
            }),
        }
    }

    fn attributes(&self, node: usize) -> &BTreeMap<String, String> {
        self.attributes[node].get_or_init(|| self.case.nodes[node].attributes(self.case.situation))
    }

    /// Whether a rule holds on the node of a step. One that asks for the resource's own options is left to the stages:
    /// what they say is not read here.
    fn holds(&self, rule: &LocationRule, ban: &Ban<'a>, step: &Step) -> bool {
        let context = RuleContext {
            now_ms: self.case.situation.now_ms,
            node: Some(self.attributes(step.node)),
            captures: &ban.captures,
            ..RuleContext::default()
        };
        !asks_for_options(&rule.rule) && rule::holds(&rule.rule, &context)
    }

    fn worth(&self, rule: &LocationRule, ban: &Ban<'a>, step: &Step) -> Score {
        match &rule.score {
            RuleScore::Score(text) => word::score(text).unwrap_or_default(),
            RuleScore::Attribute(name) => {
                let value = self.attributes(step.node).get(&*rule::expand(name, &ban.captures));
                value.filter(|text| !text.is_empty()).map_or(Score::NEVER, |text| word::score(text).unwrap_or_default())
            }
        }
    }
}

fn asks_for_options(rule: &crate::situation::Rule) -> bool {
    use crate::situation::{Condition, ValueSource};
    rule.conditions.iter().any(|condition| match condition {
        Condition::Attribute { source, .. } => *source != ValueSource::Literal,
        Condition::Rule(inner) => asks_for_options(inner),
        _ => false,
    })
}

/// Whether a constraint for this role is about a step. What is to be promoted must run before, so that only the upper
/// role is a matter of its own.
fn concerns(role: Option<&str>, step: &Step) -> bool {
    match role.map(Role::parse) {
        None | Some(Some(Role::Started | Role::Unpromoted | Role::Unknown)) => true,
        Some(Some(Role::Promoted)) => step.verb == Verb::Promote,
        Some(Some(Role::Stopped) | None) => false,
    }
}
