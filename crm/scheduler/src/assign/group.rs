//! Groups: the members one after the other, each where the one before it is.

use super::draft::Draft;
use crate::constraint::Colocation;
use crate::index::{NodeIx, ResourceIx};

impl Draft<'_, '_> {
    /// Chooses a node for each member, in order. The first one weighs in what the others wish; they follow it.
    pub fn assign_group(&mut self, group: ResourceIx, prefer: Option<NodeIx>, settle: bool) -> Option<NodeIx> {
        if !self.open[group.at()] {
            return self.place(group);
        }
        if self.choosing[group.at()] {
            return None;
        }
        let members = self.facts[group].children.clone();
        self.choosing[group.at()] = true;
        let mut chosen = None;
        for &member in &members {
            let node = self.assign(member, prefer, settle);
            chosen = chosen.or(node);
        }
        if let Some(&first) = members.first() {
            self.next[group.at()] = self.next[first.at()];
        }
        self.choosing[group.at()] = false;
        self.open[group.at()] = false;
        chosen.filter(|_| self.together(group))
    }

    /// A must waits for the whole group, and so looks at its last member; a wish looks at the first.
    pub fn follow_group(&mut self, dependent: ResourceIx, group: ResourceIx, of: &Colocation) {
        if self.open[group.at()] {
            return;
        }
        let members = self.facts[group].children.clone();
        if self.together(group) {
            let member = if of.score.is_mandatory() { members.last() } else { members.first() };
            if let Some(&member) = member {
                self.follow(dependent, member, of);
            }
        } else if !of.score.is_mandatory() {
            for member in members {
                self.follow(dependent, member, of);
            }
        }
    }

    /// The member through which wishes enter a group: its first.
    pub fn gate(&self, group: ResourceIx) -> Option<ResourceIx> {
        self.facts[group].children.first().copied()
    }
}
