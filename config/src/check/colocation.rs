//! Placement that cannot be: together and apart at once, following in a circle, no node left.

use super::Check;
use super::cycle::cycles;
use super::together::Together;
use crate::constraint::Colocation;
use crate::id::{NodeId, ResourceId};
use crate::score::Score;
use crate::spot::{RuleSpots, Spot};
use std::collections::{BTreeMap, BTreeSet};

/// A set of nodes; bit n is the n-th node by name.
type NodeSet = u64;

impl<'c> Check<'c, '_, '_> {
    /// No pair is kept together and apart, nothing follows itself.
    pub(super) fn colocations(&mut self) {
        let together = Together::of(self.config);
        let mut group_of: BTreeMap<&ResourceId, &ResourceId> = BTreeMap::new();
        for group in self.config.groups.values() {
            group_of.insert(&group.name, &group.name);
            group_of.extend(group.members.iter().map(|member| (member, &group.name)));
        }
        for (rule, spots) in self.config.colocations.iter().zip(&self.spots.colocations) {
            self.colocation(rule, spots, &together, &group_of);
        }
        self.colocation_loops(&group_of);
    }

    fn colocation(
        &mut self,
        rule: &Colocation,
        spots: &RuleSpots,
        together: &Together<'_>,
        group_of: &BTreeMap<&ResourceId, &ResourceId>,
    ) {
        let (a, b) = (&rule.dependent, &rule.primary);
        if a == b {
            return self.report.error(spots.rule.clone(), format!("`{a}` is placed in relation to itself"), None);
        }
        if self.report.full() {
            return self.report.error(spots.rule.clone(), String::new(), None);
        }
        if rule.score.is_never() {
            if let Some(reason) = together.reason(self.config, a, b) {
                let message = format!("`{a}` and `{b}` must never share a node here, but must share one: {reason}");
                self.report.error(spots.rule.clone(), message, Some("remove one of these rules".to_owned()));
            }
            return;
        }
        if let (Some(group), Some(other)) = (group_of.get(a), group_of.get(b))
            && group == other
        {
            let message = format!("`{a}` and `{b}` are in the group `{group}`, which keeps them together already");
            self.report.error(spots.rule.clone(), message, Some("remove this colocation".to_owned()));
        }
    }

    /// A dependent follows its primary; in a circle nobody could be placed first. Members count as their group.
    fn colocation_loops(&mut self, group_of: &BTreeMap<&'c ResourceId, &'c ResourceId>) {
        let unit = |name: &'c ResourceId| group_of.get(name).copied().unwrap_or(name);
        let pulls = |rule: &&Colocation| rule.score > Score::ZERO && unit_pair_differs(rule, group_of);
        let mut names: Vec<&ResourceId> = Vec::new();
        for rule in self.config.colocations.iter().filter(pulls) {
            names.extend([unit(&rule.dependent), unit(&rule.primary)]);
        }
        names.sort_unstable();
        names.dedup();
        let number = |name: &ResourceId| names.binary_search(&name).expect("every end of a rule was collected above");
        let mut edges = vec![Vec::new(); names.len()];
        let mut rules = BTreeMap::new();
        for (at, rule) in self.config.colocations.iter().enumerate().filter(|(_, rule)| pulls(rule)) {
            let (from, to) = (number(unit(&rule.dependent)), number(unit(&rule.primary)));
            edges[from].push(to);
            rules.entry((from, to)).or_insert(at);
        }
        let pairs: Vec<(usize, usize)> = rules.keys().copied().collect();
        for cycle in cycles(&edges, &pairs) {
            let hops = cycle.iter().zip(cycle.iter().cycle().skip(1));
            let mut used: Vec<usize> = hops.filter_map(|hop| rules.get(&(*hop.0, *hop.1)).copied()).collect();
            used.sort_unstable();
            let path: Vec<&str> = cycle.iter().chain(&cycle[..1]).take(12).map(|at| names[*at].as_str()).collect();
            let lines: Vec<String> =
                used.iter().take(10).map(|at| self.config.colocations[*at].place.line.to_string()).collect();
            let Some(first) = used.first() else { continue };
            let message = format!("each follows the other: {}", path.join(" -> "));
            let hint = format!("a colocation holds in both directions; remove one of lines {}", lines.join(", "));
            self.report.error(self.spots.colocations[*first].rule.clone(), message, Some(hint));
        }
    }

    /// Everything may run somewhere, and what must be together may run on one node.
    pub(super) fn placement(&mut self) {
        // of a file that is partly unreadable this would be a guess
        if self.report.has_broken_lines() {
            return;
        }
        let together = Together::of(self.config);
        let allowed = self.allowed();
        let all = allowed_everywhere(self.config.nodes.len());
        for name in &together.names {
            if allowed.get(*name) == Some(&0) {
                let spot = self.spots.find(&Spot::Resource((*name).clone()));
                let span = spot.unwrap_or_else(|| self.spots.of(&Spot::Group((*name).clone())));
                let message = format!("`{name}` may run on no node");
                let hint = Some("allow it a node by `prefer`, or remove an `avoid`".to_owned());
                self.report.warning(span, message, hint);
            }
        }
        for set in together.sets() {
            let each: Vec<NodeSet> = set.iter().map(|name| allowed.get(*name).copied().unwrap_or(all)).collect();
            if each.iter().all(|nodes| *nodes != 0) && each.iter().fold(all, |left, nodes| left & nodes) == 0 {
                self.no_common_node(&set, &each, all);
            }
        }
    }

    /// The nodes each name may run on by its own locations; absent when it has no say.
    fn allowed(&self) -> BTreeMap<&'c ResourceId, NodeSet> {
        let config = self.config;
        let bit: BTreeMap<&NodeId, NodeSet> =
            config.nodes.keys().enumerate().map(|(at, node)| (node, 1 << at)).collect();
        let members: BTreeSet<&ResourceId> = config.groups.values().flat_map(|group| &group.members).collect();
        let mut sums: BTreeMap<&ResourceId, BTreeMap<&NodeId, Score>> = BTreeMap::new();
        let mut unknown: BTreeSet<&ResourceId> = BTreeSet::new();
        for rule in &config.locations {
            if bit.contains_key(&rule.node) {
                *sums.entry(&rule.resource).or_default().entry(&rule.node).or_default() += rule.score;
            } else {
                unknown.insert(&rule.resource);
            }
        }
        // members may be allowed by their group, and a group by its members
        let elsewhere = |name: &ResourceId| match config.groups.get(name) {
            Some(group) => group.members.iter().any(|member| sums.contains_key(member)),
            None => members.contains(name),
        };
        let mut allowed = BTreeMap::new();
        for name in config.resources.keys().chain(config.groups.keys()).filter(|name| !unknown.contains(name)) {
            let nodes = match sums.get(name) {
                Some(sums) if config.properties.symmetric_cluster => {
                    let never = sums.iter().filter(|(_, score)| score.is_never()).map(|(node, _)| bit[*node]);
                    allowed_everywhere(config.nodes.len()) & !never.fold(0, |set, node| set | node)
                }
                Some(sums) => {
                    let wanted = sums.iter().filter(|(_, score)| **score >= Score::ZERO).map(|(node, _)| bit[*node]);
                    wanted.fold(0, |set, node| set | node)
                }
                None if config.properties.symmetric_cluster || elsewhere(name) => continue,
                None => 0,
            };
            allowed.insert(name, nodes);
        }
        allowed
    }

    fn no_common_node(&mut self, set: &[&ResourceId], each: &[NodeSet], all: NodeSet) {
        let nodes: Vec<&NodeId> = self.config.nodes.keys().collect();
        let shown = set.iter().zip(each).filter(|(_, allowed)| **allowed != all).take(6).map(|(name, allowed)| {
            let names: Vec<&str> = nodes
                .iter()
                .enumerate()
                .filter(|(at, _)| allowed >> at & 1 == 1)
                .map(|(_, node)| node.as_str())
                .collect();
            format!("`{name}` only on {}", names.join(", "))
        });
        let message = format!("what must run on one node has none in common: {}", shown.collect::<Vec<_>>().join("; "));
        let rules = self.config.colocations.iter().zip(&self.spots.colocations);
        let names: BTreeSet<&ResourceId> = set.iter().copied().collect();
        let in_set = |rule: &Colocation| rule.score.is_mandatory() && names.contains(&rule.dependent);
        let rule = rules.filter(|(rule, _)| in_set(rule)).map(|(_, spots)| spots.rule.clone()).next();
        let group = set.iter().find_map(|name| self.spots.find(&Spot::Group((*name).clone())));
        let hint = "remove the colocation, or let them share a node".to_owned();
        self.report.error(rule.or(group).unwrap_or(0..0), message, Some(hint));
    }
}

fn unit_pair_differs(rule: &Colocation, group_of: &BTreeMap<&ResourceId, &ResourceId>) -> bool {
    let unit = |name| group_of.get(name).copied().unwrap_or(name);
    unit(&rule.dependent) != unit(&rule.primary)
}

fn allowed_everywhere(nodes: usize) -> NodeSet {
    if nodes >= 64 { NodeSet::MAX } else { (1 << nodes) - 1 }
}
