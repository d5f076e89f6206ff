//! One resource or instance: what it is, how it is to be treated, and what it does where.

use super::bundle::Replica;
use super::meta::Meta;
use super::operation::OperationFacts;
use crate::index::{NodeIx, ResourceIx};
use crate::reason::Reason;
use crate::role::Role;
use crate::situation;
use std::collections::BTreeMap;

/// What kind of thing it is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A primitive, or an instance of one.
    Primitive,
    /// A group, or an instance of one.
    Group,
    /// A clone; its children are the instances.
    Clone,
    /// A bundle; its children are the implicit resources of all replicas.
    Bundle(Vec<Replica>),
}

/// One resource.
#[derive(Clone, Debug)]
pub struct Resource<'a> {
    /// Its name; instances have a number: `web:1`.
    pub id: String,
    /// Its name in histories and constraints: without the number for instances of anonymous clones.
    pub base: String,
    /// The number of the instance of a clone, also for members of a cloned group.
    pub instance: Option<u32>,
    /// What it is a child of.
    pub parent: Option<ResourceIx>,
    /// Members of a group, instances of a clone, implicit resources of a bundle (replica by replica: address,
    /// container, connection; then the clone of the primitive inside, if any).
    pub children: Vec<ResourceIx>,
    /// What kind of thing it is.
    pub kind: Kind,
    /// What was written; `None` for implicit and removed resources.
    pub written: Option<&'a situation::Resource>,
    /// The agent of a primitive.
    pub agent: Option<situation::Agent>,
    /// Meta attributes, effective.
    pub meta: Meta,
    /// Meta attributes as text, effective (notifications, digests).
    pub meta_text: BTreeMap<String, String>,
    /// Parameters, effective, with rules evaluated without a node. See [`super::operation::parameters`] for a node's.
    pub params: BTreeMap<String, String>,
    /// What it needs of capacities.
    pub utilization: BTreeMap<String, i64>,
    /// Operations as configured, with their options resolved.
    pub operations: Vec<OperationFacts<'a>>,
    /// An instance of a globally unique clone, or inside one.
    pub unique: bool,
    /// Not configured any more.
    pub removed: bool,
    /// Made up by the cluster: part of a bundle, or the connection to a guest node.
    pub implicit: bool,
    /// A fence device.
    pub fence_device: bool,
    /// The device can unfence (its agent is asked to turn nodes on before they may run resources).
    pub unfences: bool,
    /// The remote or guest node whose connection this is.
    pub connects: Option<NodeIx>,
    /// The resource in which it lives: a connection's virtual machine or container.
    pub container: Option<ResourceIx>,
    /// Resources that live in this one.
    pub contents: Vec<ResourceIx>,
    /// Its instance's node list is limited to these (bundle children: their own replica's node).
    pub only_on: Option<Vec<NodeIx>>,

    // What it does, from histories (facts/history).
    /// What it does now, at the most; of groups and clones the highest of their members.
    pub role: Role,
    /// Where it runs, or may run. More than one when it is active several times or migrating.
    pub on: Vec<NodeIx>,
    /// Where it was asked whether it runs (its state there is known), with an answer.
    pub known_on: Vec<NodeIx>,
    /// What was recorded, by node.
    pub history: Vec<(NodeIx, &'a situation::ResourceHistory)>,
    /// Whether the cluster may act on it.
    pub managed: bool,
    /// A failure, or too many instances, says that it may not be touched.
    pub blocked: Option<Reason>,
    /// Its last result was a failure: it needs to be stopped before anything else.
    pub failed: bool,
    /// Its failure (see `failed`) makes a stop necessary before it may run again; why. None with `failed`: it failed
    /// and is nevertheless left as it is (`on-fail = "block"`), or demoted only (`on-fail = "demote"`).
    pub recover: Option<Reason>,
    /// Its failure is ignored.
    pub failure_ignored: bool,
    /// Must be stopped there now, wherever it should be later: a part of it failed, a migration was torn apart.
    pub must_stop_on: Vec<(NodeIx, Reason)>,
    /// Where its recorded history is to be forgotten, and why.
    pub forget: Vec<(NodeIx, Reason)>,
    /// Since when its lock lasts, seconds since 1970 (see `lock`).
    pub lock_since: Option<i64>,
    /// Recurring monitors whose recorded failure is forgotten: interval in milliseconds, node, and the number of the
    /// call. Where nothing but that failure is on record since the start, they are ordered anew.
    pub expired_monitors: Vec<(u64, NodeIx, i64)>,
    /// A failure says that it must stop (`on-fail = "stop"`), and why.
    pub stop_reason: Option<Reason>,
    /// A failure says that it must be demoted first (`on-fail = "demote"`).
    pub demote_for_failure: bool,
    /// A start is under way.
    pub start_pending: bool,
    /// Another order is under way: its word (`promote`, `monitor`, ...) and node.
    pub pending: Option<(String, NodeIx)>,
    /// A migration was begun and not finished: from, to.
    pub partial_migration: Option<(NodeIx, NodeIx)>,
    /// Leftovers of interrupted migrations: must be stopped there although it runs elsewhere.
    pub dangling_migrations: Vec<NodeIx>,
    /// What failed on a node in a way that it may not run there any more (hard errors, on-fail = ban). Of a clone:
    /// holds for all of its instances.
    pub bans: Vec<(NodeIx, Reason)>,
    /// Where it is locked to while its node is down in order (`shutdown-lock`).
    pub lock: Option<NodeIx>,
    /// Roles per node where they differ from `role` (several instances active).
    pub roles_on: Vec<(NodeIx, Role)>,
    /// Its role after the transition as far as facts say: a failure demotes, `target-role` stops, ... `None`: open.
    pub next_role: Option<(Role, Reason)>,
}

impl Resource<'_> {
    /// Whether it is a primitive or an instance of one.
    #[must_use]
    pub fn is_primitive(&self) -> bool {
        matches!(self.kind, Kind::Primitive)
    }

    /// Whether it is a group or an instance of one.
    #[must_use]
    pub fn is_group(&self) -> bool {
        matches!(self.kind, Kind::Group)
    }

    /// Whether it is a clone.
    #[must_use]
    pub fn is_clone(&self) -> bool {
        matches!(self.kind, Kind::Clone)
    }

    /// Whether it is a bundle.
    #[must_use]
    pub fn is_bundle(&self) -> bool {
        matches!(self.kind, Kind::Bundle(_))
    }

    /// Whether it has instances: a clone or a bundle.
    #[must_use]
    pub fn is_collective(&self) -> bool {
        matches!(self.kind, Kind::Clone | Kind::Bundle(_))
    }

    /// Whether it may be promoted: a promotable clone, or an instance of one.
    #[must_use]
    pub fn promotable(&self) -> bool {
        self.meta.promotable
    }
}

impl<'a> Resource<'a> {
    /// A resource of this name and kind about which nothing is known yet.
    pub(crate) fn blank(id: String, kind: Kind, meta: Meta) -> Resource<'a> {
        Resource {
            base: id.clone(),
            id,
            instance: None,
            parent: None,
            children: Vec::new(),
            kind,
            written: None,
            agent: None,
            meta,
            meta_text: BTreeMap::new(),
            params: BTreeMap::new(),
            utilization: BTreeMap::new(),
            operations: Vec::new(),
            unique: false,
            removed: false,
            implicit: false,
            fence_device: false,
            unfences: false,
            connects: None,
            container: None,
            contents: Vec::new(),
            only_on: None,
            role: Role::Stopped,
            on: Vec::new(),
            known_on: Vec::new(),
            history: Vec::new(),
            managed: true,
            blocked: None,
            failed: false,
            recover: None,
            failure_ignored: false,
            must_stop_on: Vec::new(),
            forget: Vec::new(),
            lock_since: None,
            expired_monitors: Vec::new(),
            stop_reason: None,
            demote_for_failure: false,
            start_pending: false,
            pending: None,
            partial_migration: None,
            dangling_migrations: Vec::new(),
            bans: Vec::new(),
            lock: None,
            roles_on: Vec::new(),
            next_role: None,
        }
    }
}
