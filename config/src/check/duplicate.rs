//! What must be said once: names, members, devices of a level, rules.

use super::Check;
use crate::constraint::Location;
use crate::id::ResourceId;
use crate::spot::Spot;
use std::collections::{BTreeMap, BTreeSet};

impl Check<'_, '_, '_> {
    /// Resources and groups share their names.
    pub(super) fn names_once(&mut self) {
        for name in self.config.groups.keys().filter(|name| self.config.resources.contains_key(*name)) {
            let message = format!("`{name}` is both a resource and a group");
            let hint = "resources and groups share their names; rename one".to_owned();
            self.report.error(self.spots.of(&Spot::Group(name.clone())), message, Some(hint));
        }
    }

    /// A resource is a member once, of one group.
    pub(super) fn groups(&mut self) {
        let mut group_of: BTreeMap<&ResourceId, &ResourceId> = BTreeMap::new();
        let names = self.config.resource_order.iter().collect::<Vec<_>>();
        let mut seen = BTreeSet::new();
        let groups =
            names.into_iter().filter(|name| seen.insert(*name)).filter_map(|name| self.config.groups.get(name));
        for group in groups {
            for (at, member) in group.members.iter().enumerate() {
                let Some(other) = group_of.insert(member, &group.name) else { continue };
                let span = self.spots.of(&Spot::Member(group.name.clone(), at));
                let message = if *other == group.name {
                    format!("the group `{}` lists `{member}` twice", group.name)
                } else {
                    format!("`{member}` is a member of two groups, `{other}` and `{}`", group.name)
                };
                self.report.error(span, message, None);
            }
        }
    }

    /// A level uses a device once.
    pub(super) fn levels(&mut self) {
        for (node, levels) in &self.config.levels {
            for (at, level) in levels.iter().enumerate() {
                let mut seen = BTreeSet::new();
                for (place, device) in level.devices.iter().enumerate() {
                    if !seen.insert(device) {
                        let span = self.spots.of(&Spot::LevelDevice(node.clone(), at, place));
                        self.report.error(span, format!("the level names the fence device `{device}` twice"), None);
                    }
                }
            }
        }
    }

    /// No rule is written twice.
    pub(super) fn rules_once(&mut self) {
        self.locations_once();
        let mut seen = BTreeMap::new();
        for (rule, spots) in self.config.colocations.iter().zip(&self.spots.colocations) {
            let line = seen.entry((&rule.dependent, &rule.primary, rule.score)).or_insert(rule.place.line);
            if *line != rule.place.line {
                self.report.warning(spots.rule.clone(), format!("this colocation is already in line {line}"), None);
            }
        }
        let mut seen = BTreeMap::new();
        for (rule, spots) in self.config.orders.iter().zip(&self.spots.orders) {
            let key = (&rule.first, rule.first_action, &rule.then, rule.then_action);
            let line = seen.entry(key).or_insert(rule.place.line);
            if *line != rule.place.line {
                self.report.warning(spots.rule.clone(), format!("this order is already in line {line}"), None);
            }
        }
    }

    fn locations_once(&mut self) {
        let mut seen: BTreeMap<_, Vec<&Location>> = BTreeMap::new();
        for (rule, spots) in self.config.locations.iter().zip(&self.spots.locations) {
            let earlier = seen.entry((&rule.resource, &rule.node)).or_default();
            if let Some(same) = earlier.iter().find(|other| other.score == rule.score) {
                let message = format!(
                    "`{}` and `{}` have this score already in line {}",
                    rule.resource, rule.node, same.place.line
                );
                self.report.warning(spots.rule.clone(), message, Some("the two add up".to_owned()));
                continue;
            }
            let extremes = |a: &Location, b: &Location| a.score.is_never() && b.score.is_mandatory();
            if let Some(other) = earlier.iter().find(|other| extremes(other, rule) || extremes(rule, other)) {
                let message = format!(
                    "`{}` is {} on `{}` here and {} in line {}",
                    rule.resource, rule.score, rule.node, other.score, other.place.line
                );
                self.report.error(spots.rule.clone(), message, Some("remove one of the two".to_owned()));
            }
            earlier.push(rule);
        }
    }
}
