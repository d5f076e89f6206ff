//! What a resource is part of: the group and the clone around a primitive, as the cluster file says.

use super::Cib;
use config::written::{AttributeSet, Discovery, Location, Preference, Resource, ResourceKind, Subject};
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

fn parts(resource: &Resource) -> Vec<&Resource> {
    match &resource.kind {
        ResourceKind::Primitive(_) => Vec::new(),
        ResourceKind::Group(members) => members.iter().collect(),
        ResourceKind::Clone(child) => vec![child],
        ResourceKind::Bundle(bundle) => bundle.primitive.iter().collect(),
    }
}

/// What sets that always count say of `name`, the first that says anything.
fn says<'r>(sets: &'r [AttributeSet], name: &str) -> Option<&'r str> {
    let values = sets.iter().filter(|set| set.rule.is_none()).flat_map(|set| &set.values);
    values.filter(|value| value.name == name).find_map(|value| value.value.as_deref())
}

fn truth(text: &str) -> bool {
    ["true", "yes", "on", "1", "y"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

impl Cib {
    fn around(&self, name: &str) -> Vec<&Resource> {
        chain(&self.config.written.resources, name).unwrap_or_default()
    }

    /// The clone that a primitive is an instance of, or inside of.
    #[must_use]
    pub fn clone_of(&self, resource: &ResourceId) -> Option<&Resource> {
        let clone = |resource: &&Resource| matches!(resource.kind, ResourceKind::Clone(_));
        self.around(resource.base()).into_iter().find(clone)
    }

    /// Whether it is a clone's, and all instances are alike: then each node may run one.
    #[must_use]
    pub fn may_run_everywhere(&self, resource: &ResourceId) -> bool {
        self.clone_of(resource).is_some_and(|clone| !says(&clone.meta, "globally-unique").is_some_and(truth))
    }

    /// How many of its instances may be promoted at once.
    #[must_use]
    pub fn promoted_max(&self, resource: &ResourceId) -> usize {
        let written = self.clone_of(resource).and_then(|clone| says(&clone.meta, "promoted-max"));
        written.and_then(|text| text.parse().ok()).unwrap_or(1)
    }

    /// Whether `node` is asked if it runs there. It is not where the file says so for certain: by a constraint about
    /// this node that forbids to look, or by one that opens other nodes only. In doubt (patterns, sets, rules) it is: a
    /// node that was not asked may run it.
    #[must_use]
    pub fn is_looked_for(&self, resource: &ResourceId, node: &NodeId) -> bool {
        if self.only_votes(node) {
            return false;
        }
        let around = self.around(resource.base());
        let instances = around.iter().find_map(|part| says(&part.meta, "clone-max"));
        if instances.is_some_and(|most| most.parse() == Ok(0)) {
            return false;
        }
        let about = |location: &Location| match &location.subject {
            Subject::Resource(name) => around.iter().any(|part| part.id == *name),
            Subject::Pattern { .. } | Subject::Sets(_) => false,
        };
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
    /// management. A resource that is not configured is not managed.
    #[must_use]
    pub fn is_managed(&self, node: &NodeId, resource: &ResourceId) -> bool {
        let around = self.around(resource.base());
        if around.is_empty() {
            return false;
        }
        // The innermost that says anything decides, as everywhere.
        let of = |name: &str| around.iter().rev().find_map(|part| says(&part.meta, name));
        let node_maintenance = match self.durable.overrides.nodes.get(node) {
            Some(mode) => *mode == config::NodeMode::Maintenance,
            None => self.config.nodes.get(node).is_some_and(|node| node.maintenance),
        };
        of("is-managed").is_none_or(truth)
            && !of("maintenance").is_some_and(truth)
            && !node_maintenance
            && !self.config.properties.maintenance_mode
    }
}
