//! What is wrong with a configuration although each line of it is right: resources that can run nowhere, constraints
//! that contradict each other, rules that can never hold.

use crate::facts::{self, Facts};
use crate::loss::at_rest;
use crate::outcome::Outcome;
use crate::reason::named;
use crate::role::Role;
use crate::situation::{Combine, Comparison, Condition, DateTest, Preference, Resource, ResourceKind, Rule, Situation};
use std::collections::{BTreeMap, BTreeSet};

/// Everything found, one sentence each, for a cluster that was just started with all its nodes.
#[must_use]
pub fn findings(started: &Situation) -> Vec<String> {
    let mut found = Vec::new();
    never_true(started, &mut found);
    nowhere(started, &mut found);
    found
}

/// Primitives that run nowhere although all nodes are there.
fn nowhere(started: &Situation, found: &mut Vec<String>) {
    let facts = facts::read(started);
    let schedule = crate::plan(&facts);
    let Some(rest) = at_rest(started) else {
        found.push("the cluster does not come to rest: each transition leads to another one".to_owned());
        return;
    };
    let outcome = Outcome::of(&facts::read(&rest));
    let running: BTreeSet<&str> = outcome.resources.iter().map(|resource| base(&resource.resource)).collect();
    for resource in facts.all_resources().filter(|&resource| facts[resource].is_primitive()) {
        let here = &facts[resource];
        let name = base(&here.id);
        if here.implicit
            || running.contains(name)
            || here.meta.target_role == Some(Role::Stopped)
            || inside(&facts, name)
        {
            continue;
        }
        let placement = schedule.placements.iter().find(|placement| base(&placement.resource) == name);
        let because = placement.map(|placement| placement.because.join("; ")).filter(|words| !words.is_empty());
        let because = because.map(|words| format!(": {words}")).unwrap_or_default();
        let sentence = format!("{name} can run nowhere, even with all nodes there{because}");
        if !found.contains(&sentence) {
            found.push(sentence);
        }
    }
}

/// Whether a bundle's replicas stand for this primitive.
fn inside(facts: &Facts<'_>, name: &str) -> bool {
    facts.all_resources().any(|resource| {
        let here = &facts[resource];
        here.is_primitive() && base(&here.id) == name && facts[facts.top(resource)].is_bundle()
    })
}

fn base(name: &str) -> &str {
    name.split_once(':').map_or(name, |(base, _)| base)
}

/// Rules that no node and no moment can fulfil.
fn never_true(started: &Situation, found: &mut Vec<String>) {
    let configuration = &started.configuration;
    for location in &configuration.constraints.locations {
        let Preference::Rules(rules) = &location.preference else { continue };
        for rule in rules {
            if let Some(why) = contradiction(&rule.rule, started.now_ms) {
                found.push(format!("the rule of {} can never hold: {why}", named("location constraint", &location.id)));
            }
        }
    }
    let resources = configuration.resources.iter().flat_map(Resource::with_contents).chain(&configuration.templates);
    let own = resources.flat_map(|resource| {
        let operations =
            resource.operations.iter().flat_map(|operation| operation.meta.iter().chain(&operation.params));
        let utilization =
            if matches!(resource.kind, ResourceKind::Primitive(_)) { &resource.utilization[..] } else { &[] };
        resource.meta.iter().chain(&resource.params).chain(utilization).chain(operations)
    });
    let defaults = configuration.resource_defaults.iter().chain(&configuration.operation_defaults);
    for set in own.chain(defaults).chain(&configuration.properties) {
        if let Some(why) = set.rule.as_ref().and_then(|rule| contradiction(rule, started.now_ms)) {
            found.push(format!("the rule of {} can never hold: {why}", named("the set", &set.id)));
        }
    }
}

/// Why a rule can never hold, from now on; `None` when it may.
fn contradiction(rule: &Rule, now_ms: i64) -> Option<String> {
    match rule.combine {
        Combine::Or => {
            let why: Option<Vec<String>> =
                rule.conditions.iter().map(|condition| impossible(condition, now_ms)).collect();
            why.filter(|why| !why.is_empty()).map(|why| why.join(", and "))
        }
        Combine::And => {
            let alone = rule.conditions.iter().find_map(|condition| impossible(condition, now_ms));
            alone.or_else(|| together(&rule.conditions))
        }
    }
}

/// Why a condition can never hold.
fn impossible(condition: &Condition, now_ms: i64) -> Option<String> {
    match condition {
        Condition::Rule(rule) => contradiction(rule, now_ms),
        Condition::Attribute { comparison: Comparison::Unknown, attribute, .. } => {
            Some(format!("{attribute} is compared in a way that does not exist"))
        }
        Condition::Date { test: DateTest::Less | DateTest::InRange, start, end, duration: None, .. } => {
            let moment = |text: &Option<String>| text.as_deref().and_then(crate::rule::date::moment);
            let (start, end_at) = (moment(start), moment(end));
            match (start, end_at) {
                (Some(start), Some(end)) if end < start => Some("it ends before it begins".to_owned()),
                (_, Some(end_at)) if end_at.saturating_mul(1000) < now_ms => {
                    Some(format!("{} is over", end.as_deref().unwrap_or("its end")))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// Why conditions on the same attribute cannot all hold.
fn together(conditions: &[Condition]) -> Option<String> {
    let mut equal: BTreeMap<&str, &str> = BTreeMap::new();
    let mut undefined: BTreeSet<&str> = BTreeSet::new();
    let mut defined: BTreeSet<&str> = BTreeSet::new();
    for condition in conditions {
        let Condition::Attribute { attribute, comparison, value, .. } = condition else { continue };
        match comparison {
            Comparison::NotDefined => {
                undefined.insert(attribute);
            }
            Comparison::Equal => {
                let value = value.as_deref().unwrap_or_default();
                match equal.insert(attribute, value) {
                    Some(other) if !other.eq_ignore_ascii_case(value) => {
                        return Some(format!("{attribute} would have to be both {other} and {value}"));
                    }
                    _ => defined.insert(attribute),
                };
            }
            Comparison::NotEqual => {}
            _ => {
                defined.insert(attribute);
            }
        }
    }
    undefined
        .intersection(&defined)
        .next()
        .map(|attribute| format!("{attribute} would have to be both defined and not"))
}

#[cfg(test)]
mod tests {
    use super::findings;
    use crate::situation::Situation;

    fn found(text: &str) -> Vec<String> {
        let nodes = "[cluster]\nname = \"t\"\n[nodes.a]\naddresses = [\"10.0.0.1\"]\n[nodes.b]\naddresses = [\"10.0.0.2\"]\n\
                     [fencing.pdu]\nagent = \"fence_apc\"\nnodes = [\"a\", \"b\"]\n";
        let parsed = config::parse(&format!("{nodes}{text}"));
        let config = parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.problems));
        findings(&Situation::just_started(config.written, 1_800_000_000_000))
    }

    const WEB: &str = "[resources.web]\nagent = \"ocf:heartbeat:nginx\"\n";

    #[test]
    fn a_sound_file_has_none() {
        assert_eq!(found(WEB), Vec::<String>::new());
    }

    #[test]
    fn what_can_run_nowhere_is_told() {
        let found = found(&format!("{WEB}avoid = [\"a\", \"b\"]\n"));
        assert!(found.len() == 1 && found[0].starts_with("web can run nowhere"), "{found:?}");
    }

    #[test]
    fn what_is_disabled_is_not_missed() {
        assert_eq!(found(&format!("{WEB}target-role = \"stopped\"\n")), Vec::<String>::new());
    }

    #[test]
    fn rules_that_can_never_hold_are_told() {
        for (rule, part) in [
            ("rack eq a and rack eq b", "both a and b"),
            ("not_defined rack and rack gt 3", "both defined and not"),
            ("date lt 2020-01-01", "is over"),
            ("date in 2040-01-01 to 2039-01-01", "ends before it begins"),
            ("date lt 2020-01-01 or (rack eq a and rack eq b)", "is over, and rack"),
        ] {
            let location = format!("{WEB}[[location]]\nresource = \"web\"\nrule = \"{rule}\"\nscore = 5\n");
            let found = found(&location);
            assert!(found.len() == 1 && found[0].contains(part), "{rule}: {found:?}");
        }
        let open =
            format!("{WEB}[[location]]\nresource = \"web\"\nrule = \"rack eq a or date gt 2020-01-01\"\nscore = 5\n");
        assert_eq!(found(&open), Vec::<String>::new());
    }
}
