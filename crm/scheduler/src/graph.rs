//! The actions of a transition while it is being made, and what they have to do with each other.
//!
//! An action is *needed* when something must change for it, and *possible* when nothing stands in its way. Stages ask
//! for actions ([`Graph::ensure`]) and relate them ([`Graph::relate`]); [`crate::order`] then lets need and
//! impossibility travel along the relations until nothing changes. What is needed and possible becomes the transition.

pub mod relation;

pub use relation::{Point, Relation, Terms};

use crate::facts::meta::Requires;
use crate::facts::operation::OperationOptions;
use crate::index::{ActionIx, NodeIx, ResourceIx};
use crate::reason::Reason;
use std::collections::BTreeMap;

/// What an action does. The words after `=>` are the peer's, as in recorded graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Task {
    /// Ask whether it runs => monitor.
    Monitor,
    /// => start. Of a clone or group: the moment before the first start.
    Start,
    /// => running: all are started.
    Started,
    /// => stop.
    Stop,
    /// => stopped: all are stopped.
    Stopped,
    /// => promote.
    Promote,
    /// => promoted.
    Promoted,
    /// => demote.
    Demote,
    /// => demoted.
    Demoted,
    /// => migrate_to.
    MigrateTo,
    /// => migrate_from.
    MigrateFrom,
    /// => notify, of an instance.
    Notify,
    /// => notified: notifications of a kind are done (or `pre`/`post` pseudo actions of a clone).
    Notified,
    /// => reload-agent.
    Reload,
    /// => cancel: end a recurring monitor.
    Cancel,
    /// => `lrm_delete`: forget a history.
    Forget,
    /// => `clear_failcount`.
    ClearFailures,
    /// => `do_shutdown` of a node.
    Shutdown,
    /// => fencing: reboot or off.
    Fence,
    /// => fencing: on (unfencing).
    Unfence,
    /// Pseudo: the load of a node is known to be down => `load_stopped`.
    LoadStopped,
    /// Any other pseudo action; the number makes them different.
    Mark(u32),
}

/// How an action is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// By a resource agent.
    Agent,
    /// By fence devices.
    Fencing,
    /// By the cluster itself.
    Cluster,
    /// By nobody: it carries order only, or its effect is implied (what ran on a fenced node is stopped).
    Nobody,
}

/// What a notification tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotifyKind {
    /// Before the actions (`pre`).
    Before,
    /// After them (`post`).
    After,
    /// The clone's acknowledgement of `pre` (`confirmed-pre`).
    BeforeDone,
    /// The clone's acknowledgement of `post` (`confirmed-post`).
    AfterDone,
}

/// What makes an action different from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The resource or instance; `None` for actions on nodes and marks.
    pub resource: Option<ResourceIx>,
    /// What it does.
    pub task: Task,
    /// Interval of monitors and cancels, milliseconds.
    pub interval_ms: u64,
    /// Where; `None` for what happens nowhere in particular.
    pub node: Option<NodeIx>,
    /// Notifications: when, about what.
    pub notify: Option<(NotifyKind, NotifyAbout)>,
}

/// What a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotifyAbout {
    /// Starts.
    Start,
    /// Stops.
    Stop,
    /// Promotions.
    Promote,
    /// Demotions.
    Demote,
}

/// One action.
#[derive(Clone, Debug)]
pub struct Action {
    /// What makes it different.
    pub key: Key,
    /// Who does it.
    pub carrier: Carrier,
    /// Something must change for it. What is not needed is not done.
    pub needed: bool,
    /// Nothing stands in its way.
    pub possible: bool,
    /// Goes into the graph although not needed (peer: print always), when something needed stands after it.
    pub always_shown: bool,
    /// Never goes into the graph: it only passes need and impossibility on (see [`crate::order`]).
    pub hidden: bool,
    /// May be carried out as part of a live migration.
    pub migratable: bool,
    /// Was to be part of a live migration, which must be given up for a stop and a start.
    pub rigid: bool,
    /// The action that it became needed with.
    pub needed_by: Option<ActionIx>,
    /// The action that it became impossible with.
    pub blocked_by: Option<ActionIx>,
    /// A start after which everything depending on it need not restart, though it is done (a live migration's start).
    pub preserved: bool,
    /// A stop of what an interrupted migration left behind: what runs elsewhere need not start again because of it.
    pub aside: bool,
    /// At least this many of the actions before it (related with [`Terms::ENOUGH`]) must be possible; 0: all rules as
    /// usual.
    pub enough: u32,
    /// Timeout and the like; `None` for what no agent does.
    pub options: Option<OperationOptions>,
    /// What must be the case before it may be carried out.
    pub requires: Requires,
    /// The exit code that is planned with.
    pub target_rc: i32,
    /// Reboot, off, on; for fencing.
    pub fencing: Option<&'static str>,
    /// Where a migration goes to or comes from.
    pub other_node: Option<NodeIx>,
    /// The node whose order actions on a guest or remote travel through.
    pub via: Option<NodeIx>,
    /// The key of an action to cancel or the name a mark has in the graph.
    pub label: Option<String>,
    /// It re-does an operation whose definition changed (a recurring monitor, or a reload).
    pub reschedule: bool,
    /// Why it is needed, or why it is not possible: the first reason decides.
    pub because: Vec<Reason>,
}

/// All actions and relations.
#[derive(Debug, Default)]
pub struct Graph {
    /// The actions.
    pub actions: Vec<Action>,
    /// Relations in the order they were made.
    pub relations: Vec<Relation>,
    /// Actions of no resource.
    of_nobody: BTreeMap<Deed, ActionIx>,
    /// By resource, as far as there are actions: its actions.
    of_resources: Vec<Deeds>,
    marks: u32,
}

/// What makes an action different from others of its resource.
type Deed = (Task, u64, Option<NodeIx>, Option<(NotifyKind, NotifyAbout)>);

/// The actions of a resource.
#[derive(Debug, Default)]
struct Deeds {
    /// In the order they were made.
    made: Vec<ActionIx>,
    by_deed: BTreeMap<Deed, ActionIx>,
}

impl Graph {
    /// The action of this key; made when it is not there, as needed or not. An action that is asked for twice is needed
    /// when one of the two needs it.
    pub fn ensure(&mut self, key: Key, carrier: Carrier, needed: bool) -> ActionIx {
        if let Some(found) = self.find(key) {
            self[found].needed |= needed;
            return found;
        }
        let at = ActionIx::new(self.actions.len());
        self.actions.push(Action {
            key,
            carrier,
            needed,
            possible: true,
            always_shown: false,
            hidden: false,
            migratable: false,
            rigid: false,
            needed_by: None,
            blocked_by: None,
            preserved: false,
            aside: false,
            enough: 0,
            options: None,
            requires: Requires::Nothing,
            target_rc: 0,
            fencing: None,
            other_node: None,
            via: None,
            label: None,
            reschedule: false,
            because: Vec::new(),
        });
        if let Some(resource) = key.resource {
            if self.of_resources.len() <= resource.at() {
                self.of_resources.resize_with(resource.at() + 1, Deeds::default);
            }
            let deeds = &mut self.of_resources[resource.at()];
            deeds.made.push(at);
            deeds.by_deed.insert(key.deed(), at);
        } else {
            self.of_nobody.insert(key.deed(), at);
        }
        at
    }

    /// A pseudo action of its own, with the name it has in the graph.
    pub fn mark(&mut self, label: String) -> ActionIx {
        self.marks += 1;
        let key = Key { resource: None, task: Task::Mark(self.marks), interval_ms: 0, node: None, notify: None };
        let mark = self.ensure(key, Carrier::Nobody, false);
        self[mark].label = Some(label);
        mark
    }

    /// An action that is never done: it passes need and impossibility on.
    pub fn hidden(&mut self) -> ActionIx {
        let hidden = self.mark(String::new());
        self[hidden].hidden = true;
        hidden
    }

    /// The action of this key, when there is one.
    #[must_use]
    pub fn find(&self, key: Key) -> Option<ActionIx> {
        let deeds = match key.resource {
            Some(resource) => &self.of_resources.get(resource.at())?.by_deed,
            None => &self.of_nobody,
        };
        deeds.get(&key.deed()).copied()
    }

    /// The actions of a resource, in the order they were made.
    #[must_use]
    pub fn of(&self, resource: ResourceIx) -> &[ActionIx] {
        self.of_resources.get(resource.at()).map_or(&[], |deeds| &deeds.made)
    }

    /// The actions of a resource that do `task` (once, not recurring), on any node.
    pub fn tasks(&self, resource: ResourceIx, task: Task) -> impl Iterator<Item = ActionIx> + '_ {
        self.of(resource).iter().copied().filter(move |&at| self[at].key.task == task && self[at].key.interval_ms == 0)
    }

    /// Relates two points. Points that name a resource and a task stand for the actions there are when relations are
    /// resolved (at the start of [`crate::order`]'s propagation), so they may be related before they are made.
    pub fn relate(&mut self, first: Point, then: Point, terms: Terms) {
        self.relations.push(Relation { first, then, terms, node: None });
    }

    /// Relates two actions.
    pub fn before(&mut self, first: ActionIx, then: ActionIx, terms: Terms) {
        self.relate(Point::Action(first), Point::Action(then), terms);
    }

    /// Says that an action cannot be carried out, and why.
    pub fn block(&mut self, action: ActionIx, because: Reason) {
        let action = &mut self[action];
        if action.possible {
            action.possible = false;
            action.because.insert(0, because);
        }
    }

    /// Says that an action is needed, and why.
    pub fn need(&mut self, action: ActionIx, because: Reason) {
        let action = &mut self[action];
        if !action.needed {
            action.needed = true;
            action.because.insert(0, because);
        }
    }
}

impl std::ops::Index<ActionIx> for Graph {
    type Output = Action;
    fn index(&self, action: ActionIx) -> &Action {
        &self.actions[action.at()]
    }
}

impl std::ops::IndexMut<ActionIx> for Graph {
    fn index_mut(&mut self, action: ActionIx) -> &mut Action {
        &mut self.actions[action.at()]
    }
}

impl Key {
    fn deed(self) -> Deed {
        (self.task, self.interval_ms, self.node, self.notify)
    }

    /// A task of a resource on a node, once.
    #[must_use]
    pub fn on(resource: ResourceIx, task: Task, node: NodeIx) -> Key {
        Key { resource: Some(resource), task, interval_ms: 0, node: Some(node), notify: None }
    }

    /// A task of a whole clone, group or bundle (nowhere in particular).
    #[must_use]
    pub fn whole(resource: ResourceIx, task: Task) -> Key {
        Key { resource: Some(resource), task, interval_ms: 0, node: None, notify: None }
    }

    /// A task on a node that is of no resource: fencing, shutdown.
    #[must_use]
    pub fn node(task: Task, node: NodeIx) -> Key {
        Key { resource: None, task, interval_ms: 0, node: Some(node), notify: None }
    }
}
