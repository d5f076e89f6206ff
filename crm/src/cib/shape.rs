//! What a resource is part of: the group and the clone around a primitive, as the cluster file says.

use super::Cib;
use ::scheduler::facts::doubt::{is_about, may_be};
use ::scheduler::word::{boolean, leading_integer};
use config::written::{Discovery, Location, Preference, Resource, ResourceKind};
use config::{NodeId, ResourceId};

/// The chain from the outermost resource down to the one called `name`.
fn chain<'r>(resources: impl IntoIterator<Item = &'r Resource>, name: &str) -> Option<Vec<&'r Resource>> {
    resources.into_iter().find_map(|resource| {
        if resource.id == name {
            return Some(vec![resource]);
        }
        let mut below = chain(parts(resource), name)?;
        below.insert(0, resource);
        Some(below)
    })
}

fn number(text: &str) -> Option<i64> {
    leading_integer(text).map(|(number, _)| number)
}

fn parts(resource: &Resource) -> Vec<&Resource> {
    match &resource.kind {
        ResourceKind::Primitive(_) => Vec::new(),
        ResourceKind::Group(members) => members.iter().collect(),
        ResourceKind::Clone(child) => vec![child],
        ResourceKind::Bundle(bundle) => bundle.primitive.iter().collect(),
    }
}

impl Cib {
    /// What a meta attribute of the last of `around` may be, read as the scheduler reads it; what depends on a rule may
    /// be this or that. `None`: not said, or nothing that can be understood.
    fn may_be<'c, T>(
        &'c self,
        around: &[&'c Resource],
        name: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> impl Iterator<Item = Option<T>> {
        may_be(&self.config.written, around, name).into_iter().map(move |text| text.and_then(&read))
    }

    /// The chain from the outermost resource down to the clone that a primitive is an instance of, or inside of.
    fn down_to_clone(&self, resource: &ResourceId) -> Vec<&Resource> {
        let mut around = self.around(resource.base());
        let clone = around.iter().position(|part| matches!(part.kind, ResourceKind::Clone(_)));
        around.truncate(clone.map_or(0, |at| at + 1));
        around
    }

    fn around(&self, name: &str) -> Vec<&Resource> {
        chain(&self.config.written.resources, name).unwrap_or_default()
    }

    /// The clone that a primitive is an instance of, or inside of.
    #[must_use]
    pub fn clone_of(&self, resource: &ResourceId) -> Option<&Resource> {
        self.down_to_clone(resource).pop()
    }

    /// Whether it is a clone's, and all instances are alike for certain: then each node may run one.
    #[must_use]
    pub fn may_run_everywhere(&self, resource: &ResourceId) -> bool {
        let clone = self.down_to_clone(resource);
        let several = || self.may_be(&clone, "clone-node-max", number).any(|most| most.is_some_and(|most| most > 1));
        let mut unique = self.may_be(&clone, "globally-unique", boolean);
        !clone.is_empty() && !unique.any(|unique| unique.unwrap_or_else(several))
    }

    /// How many of its instances may be promoted at once, at the most.
    #[must_use]
    pub fn promoted_max(&self, resource: &ResourceId) -> usize {
        let clone = self.down_to_clone(resource);
        let older = || self.may_be(&clone, "master-max", number).map(|most| most.unwrap_or(1)).max().unwrap_or(1);
        let most = self.may_be(&clone, "promoted-max", number).map(|most| most.unwrap_or_else(older)).max();
        usize::try_from(most.unwrap_or(1)).unwrap_or(0)
    }

    /// Whether its start may have to wait until a lost node is off. Not where the file says for certain that it
    /// requires less than fencing: then it may run twice, and that was chosen.
    #[must_use]
    pub fn may_require_fencing(&self, resource: &ResourceId) -> bool {
        let less = |text: &str| Some(matches!(text, "quorum" | "nothing"));
        self.may_be(&self.around(resource.base()), "requires", less).any(|less| less != Some(true))
    }

    /// Whether `node` is asked if it runs there. It is not where the file says so for certain: by a constraint about
    /// this node that forbids to look, or by one that opens other nodes only. In doubt (rules, tags, templates) it is:
    /// a node that was not asked may run it.
    #[must_use]
    pub fn is_looked_for(&self, resource: &ResourceId, node: &NodeId) -> bool {
        if self.only_votes(node) {
            return false;
        }
        let around = self.around(resource.base());
        let clone = self.down_to_clone(resource);
        let mut most = self.may_be(&clone, "clone-max", number);
        if !clone.is_empty() && most.all(|most| most.is_some_and(|most| most <= 0)) {
            return false;
        }
        let about = |location: &Location| is_about(&location.subject, &around);
        let names = |location: &Location| match &location.preference {
            Preference::Node(score) => Some(score.node == node.as_str()),
            Preference::Rules(_) => None,
        };
        let locations = &self.config.written.constraints.locations;
        let closed = |location: &Location| location.discovery == Discovery::Never && names(location) == Some(true);
        if locations.iter().any(|location| about(location) && closed(location)) {
            return false;
        }
        let mut opened = locations.iter().filter(|it| it.discovery == Discovery::Exclusive && about(it)).peekable();
        opened.peek().is_none() || opened.any(|location| names(location) != Some(false))
    }

    /// Whether anything is called so in the cluster file: a primitive, a group, a clone.
    #[must_use]
    pub fn is_resource(&self, name: &ResourceId) -> bool {
        !self.around(name.as_str()).is_empty()
    }

    /// The primitives that a name stands for: itself, or what is inside a group or clone.
    #[must_use]
    pub fn primitives(&self, name: &ResourceId) -> Vec<ResourceId> {
        let around = self.around(name.as_str());
        let Some(resource) = around.last() else { return vec![name.clone()] };
        let primitives = resource.with_contents().into_iter().filter(|part| parts(part).is_empty());
        primitives.filter_map(|part| ResourceId::new(&part.id).ok()).collect()
    }

    /// Whether the cluster may start and stop this resource on this node: neither file nor operator took it out of
    /// management, for certain. A resource that is not configured is not managed.
    #[must_use]
    pub fn is_managed(&self, node: &NodeId, resource: &ResourceId) -> bool {
        let around = self.around(resource.base());
        if around.is_empty() {
            return false;
        }
        let node_maintenance = match self.durable.overrides.nodes.get(node) {
            Some(mode) => *mode == config::NodeMode::Maintenance,
            None => self.config.nodes.get(node).is_some_and(|node| node.maintenance),
        };
        self.may_be(&around, "is-managed", boolean).any(|managed| managed.unwrap_or(true))
            && self.may_be(&around, "maintenance", boolean).any(|maintenance| !maintenance.unwrap_or(false))
            && !node_maintenance
            && !self.config.properties.maintenance_mode
    }
}

#[cfg(test)]
mod tests;
