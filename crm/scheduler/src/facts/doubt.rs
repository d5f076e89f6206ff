//! What a meta attribute may be, whatever the time and the node: for those who have to know before a moment is looked
//! at, and would rather err on the safe side.
//!
//! The same sets in the same order as [`crate::facts`] reads them: the resource's own and its template's, those of what
//! is around it, the defaults. A set with a rule may count or not; the first without one ends the doubt.

use super::sets;
use crate::situation::{Configuration, Resource, Subject};
use regex_lite::Regex;

/// Every text that option `name` may have for the last of `around`, which leads from the outermost resource down to
/// it; `None` where nothing may say anything, and the default holds.
#[must_use]
pub fn may_be<'c>(configuration: &'c Configuration, around: &[&'c Resource], name: &str) -> Vec<Option<&'c str>> {
    let mut found = Vec::new();
    let levels = around.iter().rev().map(|&written| {
        let template = written.template.as_ref();
        let template = template.and_then(|id| configuration.templates.iter().find(|template| template.id == *id));
        super::tree::both(template, written, |resource| &resource.meta).collect::<Vec<_>>()
    });
    for level in levels.chain(std::iter::once(configuration.resource_defaults.iter().collect())) {
        for set in sets::strongest_first(level) {
            let values = set.values.iter().filter(|value| value.name == name);
            let Some(text) = values.filter_map(|value| value.value.as_deref()).next() else { continue };
            found.push(Some(text));
            if set.rule.is_none() {
                return found;
            }
        }
    }
    found.push(None);
    found
}

/// Whether a location constraint is about the last of `around`, for certain: it names it or what is around it, or its
/// pattern fits the outermost. A template or tag may stand for it; that is in doubt.
#[must_use]
pub fn is_about(subject: &Subject, around: &[&Resource]) -> bool {
    let named = |name: &String| around.iter().any(|part| part.id == *name);
    match subject {
        Subject::Resource(name) => named(name),
        Subject::Sets(sets) => sets.iter().flat_map(|set| &set.members).any(named),
        Subject::Pattern { expression, negated } => {
            let fits = |regex: Regex| around.first().is_some_and(|top| regex.is_match(&top.id) != *negated);
            Regex::new(expression).is_ok_and(fits)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::may_be;
    use crate::situation::{AttributeSet, Combine, Configuration, Resource, Rule, Value};
    use config::Score;

    fn set(score: i64, value: &str, in_doubt: bool) -> AttributeSet {
        let values = vec![Value { name: "is-managed".into(), value: Some(value.into()) }];
        let rule = in_doubt.then(|| Rule { id: String::new(), combine: Combine::And, conditions: Vec::new() });
        AttributeSet { id: value.into(), score: Score::new(score), rule, values }
    }

    fn resource(meta: Vec<AttributeSet>) -> Resource {
        Resource { meta, ..Resource::default() }
    }

    #[test]
    fn the_first_set_without_a_rule_ends_the_doubt() {
        let mut configuration = Configuration::default();
        let group = resource(vec![set(0, "of the group", false)]);
        let mut member = resource(vec![set(1, "weaker", false), set(2, "perhaps", true)]);
        let seen = |configuration: &Configuration, member: &Resource| {
            let words = may_be(configuration, &[&group, member], "is-managed");
            words.into_iter().map(|word| word.unwrap_or("-").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(seen(&configuration, &member), ["perhaps", "weaker"]);
        member.meta.remove(0);
        assert_eq!(seen(&configuration, &member), ["perhaps", "of the group"]);
        member.meta.clear();
        member.template = Some("t".into());
        configuration.templates.push(Resource { id: "t".into(), ..resource(vec![set(0, "of the template", false)]) });
        assert_eq!(seen(&configuration, &member), ["of the template"]);
        configuration.resource_defaults.push(set(0, "by default", true));
        assert_eq!(may_be(&configuration, &[], "is-managed"), [Some("by default"), None]);
        assert_eq!(may_be(&configuration, &[], "maintenance"), [None]);
    }
}
