//! Which resource a recorded history belongs to.
//!
//! Names in histories may be older than the configuration: a primitive became a clone, a clone lost instances, a
//! resource was removed. Instances of an anonymous clone are interchangeable, and the number in a history means
//! nothing: the histories of one node belong to one instance, the one that is already known to run there, else one that
//! runs nowhere.

use super::removed;
use crate::facts::meta::Requires;
use crate::facts::resource::Kind;
use crate::facts::{Facts, failure};
use crate::index::{NodeIx, ResourceIx};
use crate::situation::ResourceHistory;
use std::collections::BTreeMap;

/// Primitives by the names that histories and attributes use.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// By full name, with the number of an instance.
    exact: BTreeMap<String, ResourceIx>,
    /// Instances of anonymous clones by name without number.
    anonymous: BTreeMap<String, Vec<ResourceIx>>,
}

/// The anonymous clone that `resource` is inside of.
pub(super) fn anonymous_clone(facts: &Facts<'_>, resource: ResourceIx) -> Option<ResourceIx> {
    let mut at = resource;
    while let Some(parent) = facts[at].parent {
        at = parent;
        if facts[at].is_clone() {
            return (!facts[resource].unique).then_some(at);
        }
    }
    None
}

/// A name without the number of an instance.
pub(super) fn without_number(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((base, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => base,
        _ => name,
    }
}

impl Owners {
    /// Of all primitives.
    pub(super) fn of(facts: &Facts<'_>) -> Owners {
        let mut owners = Owners::default();
        for resource in facts.all_resources() {
            owners.note(facts, resource);
        }
        owners
    }

    /// Notes `resource`, when it is a primitive.
    pub(super) fn note(&mut self, facts: &Facts<'_>, resource: ResourceIx) {
        let it = &facts[resource];
        if !it.is_primitive() {
            return;
        }
        self.exact.insert(it.id.clone(), resource);
        if anonymous_clone(facts, resource).is_some() {
            self.anonymous.entry(without_number(&it.base).to_string()).or_default().push(resource);
        }
    }

    /// All primitives that share failure counts under `name`.
    pub(super) fn named(&self, name: &str) -> Vec<ResourceIx> {
        if let Some(instances) = self.anonymous.get(without_number(name)) {
            return instances.clone();
        }
        self.exact.get(name).copied().into_iter().collect()
    }

    /// Whose `history` on `node` is. A removed resource is made when nobody's; `None` when it is nobody's and says
    /// nothing.
    pub(super) fn find<'a>(
        &mut self,
        facts: &mut Facts<'a>,
        node: NodeIx,
        history: &'a ResourceHistory,
    ) -> Option<ResourceIx> {
        if let Some(instances) = self.anonymous.get(without_number(&history.id)) {
            let found = instances.first().and_then(|&first| match &facts[facts.top(first)].kind {
                Kind::Bundle(replicas) => {
                    let replica = replicas.iter().find(|replica| replica.node == Some(node));
                    replica.and_then(|replica| replica.child).filter(|child| instances.contains(child))
                }
                _ => free_instance(facts, instances, node),
            });
            let clone = instances.first().and_then(|&first| anonymous_clone(facts, first));
            let found = found.filter(|&found| !left_behind(facts, clone, found, node));
            let in_bundle = clone.is_some_and(|clone| facts[clone].parent.is_some());
            return match (found, clone) {
                (Some(found), _) => Some(found),
                (None, Some(clone)) if !in_bundle && !history.operations.is_empty() => {
                    removed::instance(facts, self, clone, without_number(&history.id))
                        .or_else(|| Some(self.removed(facts, history)))
                }
                _ if history.operations.is_empty() => None,
                _ => Some(self.removed(facts, history)),
            };
        }
        match self.exact.get(&history.id) {
            Some(&found) => Some(found),
            None if history.operations.is_empty() => None,
            None => Some(self.removed(facts, history)),
        }
    }

    fn removed(&mut self, facts: &mut Facts<'_>, history: &ResourceHistory) -> ResourceIx {
        let made = removed::primitive(facts, history);
        self.exact.insert(history.id.clone(), made);
        failure::read(facts, |name| if name == history.id { vec![made] } else { Vec::new() });
        made
    }
}

/// The one of `instances` that belongs to `node`, else the first that is not known to be anywhere.
fn free_instance(facts: &Facts<'_>, instances: &[ResourceIx], node: NodeIx) -> Option<ResourceIx> {
    let (mut free, mut may_take_free) = (None, true);
    for &member in instances {
        let whole = instance_of(facts, member);
        let at = active_on(facts, whole).or_else(|| pending_on(facts, whole));
        match at {
            Some(at) if at == node => {
                if facts[member].on.is_empty() {
                    return Some(member);
                }
                // A second history of the same thing here: another instance number of former times.
                may_take_free = false;
            }
            Some(_) => {}
            None if free.is_none() && facts[member].blocked.is_none() && !facts[member].removed => free = Some(member),
            None => {}
        }
    }
    free.filter(|_| may_take_free)
}

/// The instance of the clone that `member` is, or is a member of.
fn instance_of(facts: &Facts<'_>, member: ResourceIx) -> ResourceIx {
    let mut at = member;
    while let Some(parent) = facts[at].parent {
        if facts[parent].is_clone() {
            break;
        }
        at = parent;
    }
    at
}

/// Where the instance is, by its members: what is not managed may be missing from the whole.
fn active_on(facts: &Facts<'_>, instance: ResourceIx) -> Option<NodeIx> {
    let it = &facts[instance];
    if it.is_primitive() {
        return it.on.first().copied();
    }
    it.children.iter().find_map(|&child| active_on(facts, child))
}

fn pending_on(facts: &Facts<'_>, instance: ResourceIx) -> Option<NodeIx> {
    facts.primitives(instance).into_iter().find_map(|member| facts[member].pending.as_ref().map(|(_, node)| *node))
}

/// Whether the instance on `node` is out of reach, and others may start without waiting for its end: then it must not
/// take one of their places. With a place for every node that makes no difference.
fn left_behind(facts: &Facts<'_>, clone: Option<ResourceIx>, instance: ResourceIx, node: NodeIx) -> bool {
    let down = !facts[node].online || facts[node].unclean;
    let everywhere = clone.is_some_and(|clone| facts[clone].meta.clone_max >= facts.nodes.len() as i64);
    facts[instance].meta.requires < Requires::Fencing && down && !facts[node].is_guest() && !everywhere
}
