//! Which groups there are and who is in them: the same on all nodes of a view at the same place of the order.

use super::flow::Flow;
use super::{GroupName, LeaveReason, MAX_GROUPS, MAX_MEMBERS, Member, Refusal};
use crate::view::{Incarnation, View};
use config::NodeId;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) members: BTreeSet<Member>,
    pub(crate) flow: Flow,
}

impl Group {
    /// The members of one life of a node, lowest first.
    pub(crate) fn of(&self, node: &NodeId, incarnation: Incarnation) -> impl Iterator<Item = &Member> {
        let first = |client| Member { node: node.clone(), incarnation, client };
        self.members.range(first(0)..=first(u32::MAX))
    }
}

/// Members that went from one group at once.
pub(crate) type Leavers = Vec<(Member, LeaveReason)>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) groups: BTreeMap<GroupName, Group>,
}

impl Table {
    /// Takes a member in, if that breaks no limit. Every node comes to the same answer.
    pub(crate) fn join(&mut self, name: &GroupName, member: &Member, me: &NodeId) -> Result<(), Refusal> {
        match self.groups.get(name) {
            None if self.groups.len() >= MAX_GROUPS => return Err(Refusal::TooManyGroups),
            Some(group) if group.members.contains(member) => return Err(Refusal::AlreadyMember),
            Some(group) if group.members.len() >= MAX_MEMBERS => return Err(Refusal::GroupFull),
            _ => {}
        }
        let group = self.groups.entry(name.clone()).or_default();
        group.flow.came(&member.node, member.node == *me);
        group.members.insert(member.clone());
        Ok(())
    }

    /// Whether it was in the group.
    pub(crate) fn leave(&mut self, name: &GroupName, member: &Member) -> bool {
        let Some(group) = self.groups.get_mut(name) else { return false };
        let was = group.members.remove(member);
        if group.of(&member.node, member.incarnation).next().is_none() {
            group.flow.went(&member.node);
        }
        was
    }

    /// Groups without members are none.
    pub(crate) fn tidy(&mut self) {
        self.groups.retain(|_, group| !group.members.is_empty());
    }

    /// Takes out everybody for whom there is a reason. Answers with who went from which group.
    pub(crate) fn sweep(&mut self, reason: impl Fn(&Member) -> Option<LeaveReason>) -> Vec<(GroupName, Leavers)> {
        let mut all = Vec::new();
        for (name, group) in &self.groups {
            let leavers: Leavers = group.members.iter().filter_map(|m| Some((m.clone(), reason(m)?))).collect();
            if !leavers.is_empty() {
                all.push((name.clone(), leavers));
            }
        }
        for (name, leavers) in &all {
            for (member, _) in leavers {
                self.leave(name, member);
            }
        }
        all
    }

    /// Takes out those who do not come along into `view`.
    pub(crate) fn left_behind(&mut self, view: &View) -> Vec<(GroupName, Leavers)> {
        self.sweep(|member| match view.members.get(&member.node) {
            Some(life) if *life != member.incarnation => Some(LeaveReason::Restarted),
            Some(_) if view.came_along.contains(&member.node) => None,
            _ => Some(LeaveReason::NodeLost),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::RingId;

    /// Whatever was said in its group there was not said here: it has left, and comes back with its node's roster.
    #[test]
    fn who_was_in_another_view_meanwhile_has_left() {
        let node = |name| NodeId::new(name).unwrap();
        let member = |name, life| Member { node: node(name), incarnation: Incarnation(life), client: 1 };
        let (name, mut table) = (GroupName::new("g").unwrap(), Table::default());
        for (at, life) in [("a", 1), ("along", 1), ("away", 1), ("gone", 1), ("new", 1)] {
            table.join(&name, &member(at, life), &node("a")).unwrap();
        }
        let view = View {
            ring: RingId { number: 9, representative: node("a") },
            members: [("a", 1), ("along", 1), ("away", 1), ("new", 2)]
                .map(|(at, life)| (node(at), Incarnation(life)))
                .into(),
            came_along: [node("a"), node("along")].into(),
        };
        let expected = [
            (member("away", 1), LeaveReason::NodeLost),
            (member("gone", 1), LeaveReason::NodeLost),
            (member("new", 1), LeaveReason::Restarted),
        ];
        assert_eq!(table.left_behind(&view), [(name.clone(), expected.to_vec())]);
        assert_eq!(table.groups[&name].members, [member("a", 1), member("along", 1)].into());
    }
}
