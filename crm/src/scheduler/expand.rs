//! Groups and rules between groups, resolved to primitives: after this stage nobody asks what a group is.
//!
//! A group is a chain: each member is with the one before it and after it. A rule that is *about* a group holds for its
//! first member (the others follow it); a rule that *refers to* a group as something to be with means its last member,
//! because only then the whole group is there; a rule of order means all its members.

use super::facts::Facts;
use config::{OperationName, OrderKind, ResourceId, Score};

/// `dependent` with (or not with) `primary`.
#[derive(Clone, Debug)]
pub(super) struct Together {
    pub(super) dependent: usize,
    pub(super) primary: usize,
    pub(super) score: Score,
    /// "colocation in line 30", "group web".
    pub(super) because: String,
}

/// `first` before `then`.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    pub(super) first: usize,
    pub(super) first_action: OperationName,
    pub(super) then: usize,
    pub(super) then_action: OperationName,
    pub(super) mandatory: bool,
    pub(super) symmetrical: bool,
    pub(super) because: String,
}

impl Sequence {
    /// `then` cannot run without `first`.
    pub(super) fn requires(&self) -> bool {
        self.mandatory && self.first_action == OperationName::Start && self.then_action == OperationName::Start
    }
}

/// All rules between primitives.
pub(super) struct Rules {
    pub(super) together: Vec<Together>,
    pub(super) sequences: Vec<Sequence>,
    /// Places in `together`, by dependent.
    pub(super) follows: Vec<Vec<usize>>,
    /// Places in `together`, by primary.
    pub(super) followed_by: Vec<Vec<usize>>,
}

impl Rules {
    pub(super) fn expand(facts: &Facts<'_>) -> Rules {
        let mut rules = Rules {
            together: Vec::new(),
            sequences: Vec::new(),
            follows: vec![Vec::new(); facts.resources.len()],
            followed_by: vec![Vec::new(); facts.resources.len()],
        };
        rules.groups(facts);
        rules.colocations(facts);
        rules.orders(facts);
        for (at, rule) in rules.together.iter().enumerate() {
            rules.follows[rule.dependent].push(at);
            rules.followed_by[rule.primary].push(at);
        }
        rules
    }

    fn groups(&mut self, facts: &Facts<'_>) {
        for group in facts.situation.cib.config.groups.values() {
            let list = members(facts, &group.name);
            for pair in list.windows(2) {
                let because = format!("group {}", group.name);
                self.together.push(Together {
                    dependent: pair[1],
                    primary: pair[0],
                    score: Score::MANDATORY,
                    because: because.clone(),
                });
                self.sequences.push(Sequence {
                    first: pair[0],
                    first_action: OperationName::Start,
                    then: pair[1],
                    then_action: OperationName::Start,
                    mandatory: true,
                    symmetrical: true,
                    because,
                });
            }
        }
    }

    fn colocations(&mut self, facts: &Facts<'_>) {
        for rule in &facts.situation.cib.config.colocations {
            let dependent = members(facts, &rule.dependent).first().copied();
            let primary = members(facts, &rule.primary).last().copied();
            let (Some(dependent), Some(primary)) = (dependent, primary) else { continue };
            if dependent != primary && rule.score != Score::ZERO {
                let because = format!("colocation in line {}", rule.place.line);
                self.together.push(Together { dependent, primary, score: rule.score, because });
            }
        }
    }

    fn orders(&mut self, facts: &Facts<'_>) {
        for rule in &facts.situation.cib.config.orders {
            let then = members(facts, &rule.then);
            for first in members(facts, &rule.first) {
                for then in then.iter().copied().filter(|then| *then != first) {
                    self.sequences.push(Sequence {
                        first,
                        first_action: rule.first_action,
                        then,
                        then_action: rule.then_action,
                        mandatory: rule.kind == OrderKind::Mandatory,
                        symmetrical: rule.symmetrical,
                        because: format!("order in line {}", rule.place.line),
                    });
                }
            }
        }
    }
}

/// The primitives that a name stands for, in start order.
pub(super) fn members(facts: &Facts<'_>, name: &ResourceId) -> Vec<usize> {
    match facts.situation.cib.config.groups.get(name) {
        Some(group) => group.members.iter().filter_map(|member| facts.index.get(member).copied()).collect(),
        None => facts.index.get(name).copied().into_iter().collect(),
    }
}
