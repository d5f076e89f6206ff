//! Primitives as written, each with what it is part of and what was asked for it.

use super::options::{Options, Policy};
use super::setting;
use crate::role::Role;
use crate::rule::RuleContext;
use crate::situation::{Agent, AttributeSet, Resource, ResourceKind, Situation};
use std::collections::BTreeMap;

/// How many of it there are, and how they are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// One.
    Alone,
    /// An instance of a clone, of which each has a number.
    Unique,
    /// An instance of a clone, of which none differs from another: told apart by their nodes.
    Anonymous,
    /// One inside each container of a bundle: told apart by the container, which is their node.
    Replica,
}

/// What must be certain before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Needs {
    /// Nothing.
    Nothing,
    /// A quorum.
    Quorum,
    /// A quorum, and that unclean nodes are fenced.
    Fencing,
}

/// A primitive as written.
#[derive(Debug)]
pub(super) struct Primitive<'a> {
    /// Its name.
    pub(super) id: &'a str,
    /// `None` when it is not configured, or comes with a bundle or a guest.
    pub(super) written: Option<&'a Resource>,
    /// The group it is a member of, and its place there.
    pub(super) group: Option<(&'a Resource, usize)>,
    /// The clone around it.
    pub(super) clone: Option<&'a Resource>,
    /// The bundle that it belongs to.
    pub(super) bundle: Option<&'a Resource>,
    /// How many there are.
    pub(super) sort: Sort,
    /// Its agent.
    pub(super) agent: Option<&'a Agent>,
    /// What was asked for it.
    pub(super) wish: Wish<'a>,
}

/// Meta attributes that the audit needs, of a primitive: its own, then those of what it is part of, then defaults.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wish<'a> {
    target: Option<&'a str>,
    managed: Option<&'a str>,
    maintenance: Option<&'a str>,
    requires: Option<&'a str>,
    max: Option<&'a str>,
    node_max: Option<&'a str>,
    unique: Option<&'a str>,
    promotable: Option<&'a str>,
    promoted_max: Option<&'a str>,
    promoted_node_max: Option<&'a str>,
    interleave: Option<&'a str>,
    clone_min: Option<&'a str>,
    ordered: Option<&'a str>,
    collocated: Option<&'a str>,
    remote_node: Option<&'a str>,
}

impl<'a> Wish<'a> {
    /// Takes values of names that have none yet.
    fn take(&mut self, values: impl Iterator<Item = (&'a str, &'a str)>) {
        for (name, value) in values {
            let place = match name {
                "target-role" => &mut self.target,
                "is-managed" => &mut self.managed,
                "maintenance" => &mut self.maintenance,
                "requires" => &mut self.requires,
                "clone-max" => &mut self.max,
                "clone-node-max" => &mut self.node_max,
                "globally-unique" => &mut self.unique,
                "promotable" => &mut self.promotable,
                "promoted-max" | "master-max" => &mut self.promoted_max,
                "promoted-node-max" | "master-node-max" => &mut self.promoted_node_max,
                "interleave" => &mut self.interleave,
                "clone-min" => &mut self.clone_min,
                "ordered" => &mut self.ordered,
                "collocated" => &mut self.collocated,
                "remote-node" => &mut self.remote_node,
                _ => continue,
            };
            place.get_or_insert(value);
        }
    }

    /// The role it is limited to.
    pub(super) fn target(&self) -> Option<Role> {
        self.target.and_then(Role::parse)
    }

    /// Whether the cluster may touch it.
    pub(super) fn managed(&self, options: &Options) -> bool {
        !options.maintenance
            && setting::yes(self.maintenance) != Some(true)
            && setting::yes(self.managed).unwrap_or(options.managed)
    }

    /// What must be certain before it starts.
    pub(super) fn needs(&self, agent: Option<&Agent>, options: &Options) -> Needs {
        match self.requires.unwrap_or_default() {
            "nothing" => Needs::Nothing,
            "quorum" => Needs::Quorum,
            "fencing" => Needs::Fencing,
            "unfencing" if options.fencing && !agent.is_some_and(Agent::is_fencing) => Needs::Fencing,
            "unfencing" => Needs::Quorum,
            _ if agent.is_some_and(|agent| agent.is_fencing() || is_connection(agent)) => Needs::Quorum,
            _ if options.fencing => Needs::Fencing,
            _ if options.policy == Policy::Ignore => Needs::Nothing,
            _ => Needs::Quorum,
        }
    }

    /// Of a clone: as many instances as this; `nodes` when it does not say.
    pub(super) fn max(&self, nodes: usize) -> i64 {
        setting::number(self.max).unwrap_or_else(|| i64::try_from(nodes.max(1)).unwrap_or(i64::MAX)).max(0)
    }

    /// Of a clone: as many on one node.
    pub(super) fn node_max(&self) -> i64 {
        setting::number(self.node_max).unwrap_or(1).max(0)
    }

    /// Of a promotable clone: as many promoted.
    pub(super) fn promoted_max(&self) -> i64 {
        setting::number(self.promoted_max).unwrap_or(1)
    }

    /// Of a promotable clone: as many promoted on one node.
    pub(super) fn promoted_node_max(&self) -> i64 {
        setting::number(self.promoted_node_max).unwrap_or(1)
    }

    /// Of a clone: instances can be promoted.
    pub(super) fn promotable(&self) -> bool {
        setting::yes(self.promotable) == Some(true)
    }

    /// Of a clone: what depends on it depends on the instance beside it.
    pub(super) fn interleave(&self) -> bool {
        setting::yes(self.interleave) == Some(true)
    }

    /// Of a clone: so many are enough for what depends on it.
    pub(super) fn clone_min(&self) -> i64 {
        setting::number(self.clone_min).unwrap_or(0)
    }

    /// Of a group: its members start one after the other.
    pub(super) fn ordered(&self) -> bool {
        setting::yes(self.ordered) != Some(false)
    }

    /// Of a group: its members are on one node.
    pub(super) fn collocated(&self) -> bool {
        setting::yes(self.collocated) != Some(false)
    }

    /// The guest node that lives in it.
    pub(super) fn remote_node(&self) -> Option<&'a str> {
        self.remote_node
    }
}

/// The agent that connects to remote nodes.
pub(super) fn is_connection(agent: &Agent) -> bool {
    agent.class == "ocf" && agent.provider.as_deref() == Some("pacemaker") && agent.name == "remote"
}

/// Reads primitives and what is around them.
pub(super) struct Reader<'a> {
    situation: &'a Situation,
    templates: BTreeMap<&'a str, &'a Resource>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(situation: &'a Situation) -> Reader<'a> {
        let templates = situation.configuration.templates.iter().map(|it| (it.id.as_str(), it)).collect();
        Reader { situation, templates }
    }

    /// Every primitive that is written somewhere.
    pub(super) fn all(&self) -> Vec<Primitive<'a>> {
        let mut found = Vec::new();
        for top in &self.situation.configuration.resources {
            match &top.kind {
                ResourceKind::Primitive(_) => found.push(self.one(top, None, None, None)),
                ResourceKind::Group(members) => self.members(top, members, None, &mut found),
                ResourceKind::Clone(body) => match &body.kind {
                    ResourceKind::Group(members) => self.members(body, members, Some(top), &mut found),
                    _ => found.push(self.one(body, None, Some(top), None)),
                },
                ResourceKind::Bundle(bundle) => {
                    found.extend(bundle.primitive.iter().map(|inside| self.one(inside, None, None, Some(top))));
                }
            }
        }
        found
    }

    fn members(
        &self,
        group: &'a Resource,
        members: &'a [Resource],
        clone: Option<&'a Resource>,
        found: &mut Vec<Primitive<'a>>,
    ) {
        let members = members.iter().filter(|member| matches!(member.kind, ResourceKind::Primitive(_)));
        found.extend(members.enumerate().map(|(at, member)| self.one(member, Some((group, at)), clone, None)));
    }

    fn one(
        &self,
        written: &'a Resource,
        group: Option<(&'a Resource, usize)>,
        clone: Option<&'a Resource>,
        bundle: Option<&'a Resource>,
    ) -> Primitive<'a> {
        let agent = self.agent(written);
        let parents = [group.map(|(group, _)| group), clone, bundle];
        let mut wish = Wish::default();
        for owner in std::iter::once(written).chain(parents.into_iter().flatten()) {
            self.wishes(owner, agent, &mut wish);
        }
        self.defaults(agent, &mut wish);
        let mut primitive =
            Primitive { id: &written.id, written: Some(written), group, clone, bundle, sort: Sort::Alone, agent, wish };
        primitive.sort = match (clone, bundle) {
            (None, None) => Sort::Alone,
            (_, Some(_)) => Sort::Replica,
            (Some(clone), None) if self.unique(clone) => Sort::Unique,
            (Some(_), None) => Sort::Anonymous,
        };
        primitive
    }

    /// Whether a failure of this operation is to be taken for a success.
    pub(super) fn ignores(&self, of: &'a Resource, operation: &str) -> bool {
        let on_fail = |it: &'a Resource| {
            let mut own = it.operations.iter().filter(|op| op.name == operation);
            own.find_map(|op| {
                let sets = setting::value(&op.meta, "on-fail", self.situation.now_ms);
                let written = op.options.iter().find(|value| value.name == "on-fail");
                written.and_then(|value| value.value.as_deref()).or(sets)
            })
        };
        on_fail(of).or_else(|| on_fail(self.template(of)?)) == Some("ignore")
    }

    /// What is not written: a resource that was removed, or one that comes with `bundle`, with what holds for all.
    pub(super) fn unwritten(
        &self,
        id: &'a str,
        agent: Option<&'a Agent>,
        bundle: Option<&'a Resource>,
    ) -> Primitive<'a> {
        let mut wish = Wish::default();
        if let Some(bundle) = bundle {
            self.wishes(bundle, None, &mut wish);
        }
        self.defaults(agent, &mut wish);
        Primitive { id, written: None, group: None, clone: None, bundle, sort: Sort::Alone, agent, wish }
    }

    /// What a group or clone itself asks for.
    pub(super) fn whole(&self, written: &'a Resource) -> Wish<'a> {
        let mut wish = Wish::default();
        self.wishes(written, None, &mut wish);
        self.defaults(None, &mut wish);
        wish
    }

    fn wishes(&self, owner: &'a Resource, agent: Option<&Agent>, into: &mut Wish<'a>) {
        let mut take = |sets: &'a [AttributeSet]| {
            if !sets.is_empty() {
                into.take(setting::values(sets, &self.context(agent)));
            }
        };
        take(&owner.meta);
        if let Some(template) = self.template(owner) {
            take(&template.meta);
        }
    }

    fn defaults(&self, agent: Option<&Agent>, into: &mut Wish<'a>) {
        into.take(setting::values(&self.situation.configuration.resource_defaults, &self.context(agent)));
    }

    fn context<'c>(&self, agent: Option<&'c Agent>) -> RuleContext<'c> {
        RuleContext { now_ms: self.situation.now_ms, agent, ..RuleContext::default() }
    }

    /// The template that completes a resource.
    pub(super) fn template(&self, of: &Resource) -> Option<&'a Resource> {
        self.templates.get(of.template.as_deref()?).copied()
    }

    fn agent(&self, of: &'a Resource) -> Option<&'a Agent> {
        let own = |of: &'a Resource| match &of.kind {
            ResourceKind::Primitive(agent) => agent.as_ref(),
            _ => None,
        };
        own(of).or_else(|| own(self.template(of)?))
    }

    /// Whether instances of a clone are told apart: it says so, or has room for several on a node, and its agents can.
    fn unique(&self, clone: &'a Resource) -> bool {
        let wish = self.whole(clone);
        let can = |it: &&'a Resource| {
            let primitive = matches!(it.kind, ResourceKind::Primitive(_));
            !primitive || self.agent(it).is_none_or(|agent| agent.class == "ocf" || agent.is_fencing())
        };
        setting::yes(wish.unique).unwrap_or(wish.node_max() > 1) && clone.with_contents().iter().all(can)
    }
}
