//! Sets of resources that must share a node: by mandatory colocation, and by being in one group.

use crate::cluster::Config;
use crate::id::ResourceId;
use std::collections::{BTreeMap, VecDeque};

/// Why two names share a node.
#[derive(Clone, Copy, Debug)]
enum Why {
    /// This colocation.
    Rule(usize),
    /// One is the group, the other its member.
    Member,
}

/// Who must be with whom.
pub(super) struct Together<'c> {
    pub(super) names: Vec<&'c ResourceId>,
    number: BTreeMap<&'c ResourceId, usize>,
    neighbours: Vec<Vec<(usize, Why)>>,
    /// The set of each name; sets are numbered by their first name.
    set: Vec<usize>,
}

impl<'c> Together<'c> {
    pub(super) fn of(config: &'c Config) -> Self {
        let names: Vec<&ResourceId> = config.resources.keys().chain(config.groups.keys()).collect();
        let number: BTreeMap<&ResourceId, usize> = names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
        let mut neighbours = vec![Vec::new(); names.len()];
        let mut join = |a: &ResourceId, b: &ResourceId, why: Why| {
            if let (Some(&a), Some(&b)) = (number.get(a), number.get(b)) {
                neighbours[a].push((b, why));
                neighbours[b].push((a, why));
            }
        };
        for (at, rule) in config.colocations.iter().enumerate().filter(|(_, rule)| rule.score.is_mandatory()) {
            join(&rule.dependent, &rule.primary, Why::Rule(at));
        }
        for group in config.groups.values() {
            group.members.iter().for_each(|member| join(&group.name, member, Why::Member));
        }
        let set = sets(&neighbours);
        Together { names, number, neighbours, set }
    }

    /// The names of each set with more than one.
    pub(super) fn sets(&self) -> Vec<Vec<&'c ResourceId>> {
        let mut sets: BTreeMap<usize, Vec<&ResourceId>> = BTreeMap::new();
        for (at, name) in self.names.iter().enumerate() {
            sets.entry(self.set[at]).or_default().push(name);
        }
        sets.into_values().filter(|names| names.len() > 1).collect()
    }

    /// Why `a` and `b` must share a node, hop by hop; `None` when they need not.
    pub(super) fn reason(&self, config: &Config, a: &ResourceId, b: &ResourceId) -> Option<String> {
        let (&a, &b) = (self.number.get(a)?, self.number.get(b)?);
        if self.set[a] != self.set[b] || a == b {
            return None;
        }
        let mut came: BTreeMap<usize, (usize, Why)> = BTreeMap::new();
        let mut queue = VecDeque::from([a]);
        while let Some(at) = queue.pop_front() {
            for (to, why) in &self.neighbours[at] {
                if *to != a && !came.contains_key(to) {
                    came.insert(*to, (at, *why));
                    queue.push_back(*to);
                }
            }
        }
        let mut hops = Vec::new();
        let mut at = b;
        while let Some((from, why)) = came.get(&at) {
            hops.push(self.hop(config, *from, at, *why));
            at = *from;
        }
        hops.reverse();
        let more = hops.len().saturating_sub(8);
        hops.truncate(8);
        Some(format!("{}{}", hops.join(", "), if more > 0 { format!(" and {more} more") } else { String::new() }))
    }

    fn hop(&self, config: &Config, from: usize, to: usize, why: Why) -> String {
        match why {
            Why::Rule(at) => {
                let rule = &config.colocations[at];
                format!("`{}` with `{}` (line {})", rule.dependent, rule.primary, rule.place.line)
            }
            Why::Member => {
                let (from, to) = (self.names[from], self.names[to]);
                let (member, group) = if config.groups.contains_key(to) { (from, to) } else { (to, from) };
                format!("`{member}` in the group `{group}`")
            }
        }
    }
}

fn sets(neighbours: &[Vec<(usize, Why)>]) -> Vec<usize> {
    let mut set = vec![usize::MAX; neighbours.len()];
    for start in 0..neighbours.len() {
        if set[start] != usize::MAX {
            continue;
        }
        set[start] = start;
        let mut work = vec![start];
        while let Some(at) = work.pop() {
            for (to, _) in &neighbours[at] {
                if set[*to] == usize::MAX {
                    set[*to] = start;
                    work.push(*to);
                }
            }
        }
    }
    set
}
