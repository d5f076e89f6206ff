//! What stands where: nodes and active resources of a situation, by name.

use crate::facts::Facts;
use crate::facts::bundle::Replica;
use crate::facts::node::NodeKind;
use crate::facts::resource::{Kind, Resource};
use crate::index::{NodeIx, ResourceIx};
use crate::role::Role;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Nodes, and what is active on them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Every node, in the order of the facts.
    pub nodes: Vec<NodeOutcome>,
    /// Active primitives and bundle replicas, one entry for each node they are active on.
    pub resources: Vec<ResourceOutcome>,
}

/// How a node stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeOutcome {
    /// Its name.
    pub name: String,
    /// `member`, `remote` or `guest`.
    pub kind: String,
    /// It can be reached.
    pub online: bool,
    /// What it runs is not known.
    pub unclean: bool,
    /// It is joining.
    pub pending: bool,
    /// It runs nothing, by request or after a failure.
    pub standby: bool,
    /// What it runs is left alone.
    pub maintenance: bool,
}

/// One active resource on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceOutcome {
    /// The primitive or instance; of a bundle its replica (`web-0`).
    pub resource: String,
    /// What it is there.
    pub role: Role,
    /// Where.
    pub node: String,
}

impl Outcome {
    /// The outcome that facts describe.
    #[must_use]
    pub fn of(facts: &Facts<'_>) -> Outcome {
        let nodes = facts.nodes.iter().map(|node| NodeOutcome {
            name: node.name.clone(),
            kind: match node.kind {
                NodeKind::Member => "member",
                NodeKind::Remote => "remote",
                NodeKind::Guest { .. } => "guest",
            }
            .to_string(),
            online: node.online,
            unclean: node.unclean,
            pending: node.pending,
            standby: node.standby || node.standby_on_fail,
            maintenance: node.maintenance,
        });
        let mut outcome = Outcome { nodes: nodes.collect(), resources: Vec::new() };
        let bundled = inside_bundles(facts);
        for at in facts.all_resources() {
            let resource = &facts[at];
            match &resource.kind {
                Kind::Bundle(replicas) => {
                    for replica in replicas {
                        outcome.replica(facts, resource, replica);
                    }
                }
                Kind::Primitive if !resource.implicit && !bundled.contains(&at) => {
                    for &node in &resource.on {
                        outcome.active(&resource.id, role_on(resource, node), &facts[node].name);
                    }
                }
                Kind::Primitive | Kind::Group | Kind::Clone => {}
            }
        }
        outcome
    }

    fn replica(&mut self, facts: &Facts<'_>, bundle: &Resource<'_>, replica: &Replica) {
        let container = &facts[replica.container];
        let inside = replica.child.map(|child| &facts[child]);
        for &node in &container.on {
            let role = match inside {
                Some(child) => child.on.first().map_or(child.role, |&inside| role_on(child, inside)),
                None => role_on(container, node),
            };
            self.active(&format!("{}-{}", bundle.id, replica.index), role, &facts[node].name);
        }
    }

    fn active(&mut self, resource: &str, role: Role, node: &str) {
        if role.runs() {
            self.resources.push(ResourceOutcome { resource: resource.to_string(), role, node: node.to_string() });
        }
    }
}

fn role_on(resource: &Resource<'_>, node: NodeIx) -> Role {
    let own = resource.roles_on.iter().find(|(on, _)| *on == node);
    own.map_or(resource.role, |(_, role)| *role)
}

/// Everything below a bundle: its replicas stand for it.
fn inside_bundles(facts: &Facts<'_>) -> BTreeSet<ResourceIx> {
    let mut inside = BTreeSet::new();
    for at in facts.all_resources() {
        // A parent stands before its children.
        if facts[at].parent.is_some_and(|parent| facts[parent].is_bundle() || inside.contains(&parent)) {
            inside.insert(at);
        }
    }
    inside
}
