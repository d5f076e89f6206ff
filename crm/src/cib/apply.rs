//! How one delivered change alters the CIB. Every member of a view runs this with equal arguments at the same place of
//! the agreed order, so it may depend on nothing but them.

use super::{Attribute, Change, Cib, Counter, Forced, Generation, NodeState, OverrideEdit, Revocation, TicketEdit};
use crate::control::Refusal;
use config::{Config, NodeId, ResourceId, Ticket};
use fencing::{Attempt, HISTORY_LIMIT, HistoryEntry, Request, RequestId};
use membership::Incarnation;
use resource_agents::Report;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Who sent a change, and the how-many-eth of its life it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The sender.
    pub node: NodeId,
    /// Its life.
    pub incarnation: Incarnation,
    /// Counts the changes of this life from 1.
    pub counter: u64,
}

/// The view in which a change was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Its ring number.
    pub view: u64,
    /// Whether it may change durable things.
    pub quorate: bool,
}

/// What a change did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Something is different now; what, as news for logs and for the transition engine.
    Changed(News),
    /// It was already so, or the change is about something that is over.
    Unchanged,
    /// It had been applied before.
    Repeated,
    /// It may not be.
    Refused(Refused),
}

/// Why a change was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What kind.
    pub kind: Refusal,
    /// What was tried, and why not.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Refused {
    pub(crate) fn new(kind: Refusal, message: impl Into<String>, hint: Option<&str>) -> Refused {
        Refused { kind, message: message.into(), hint: hint.map(str::to_owned) }
    }
}

/// Something that is different now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Another cluster file is in force.
    Configured,
    /// An operator's override changed.
    Overridden(OverrideEdit),
    /// An attribute is another one.
    Noted(Attribute),
    /// An operation ended.
    Recorded {
        /// Where.
        node: NodeId,
        /// What came of it.
        report: Report,
    },
    /// Failures were forgotten.
    Cleaned {
        /// Of which resource; all when absent.
        resource: Option<ResourceId>,
        /// Where; everywhere when absent.
        node: Option<NodeId>,
    },
    /// A resource is to be restarted.
    Restart(ResourceId),
    /// A node must be cut off.
    FencingRequested(Request),
    /// An attempt failed; another one follows.
    FencingFailed {
        /// Who was to be cut off.
        target: NodeId,
        /// How it went.
        attempt: Attempt,
    },
    /// A node is confirmed off.
    Fenced {
        /// How.
        entry: HistoryEntry,
        /// Which life of it was meant.
        incarnation: Option<Incarnation>,
    },
    /// A node leaves in order.
    Leaving(NodeId),
    /// Failures of a resource on a node do not count any more.
    FailuresCleared {
        /// Of which resource.
        resource: ResourceId,
        /// Where.
        node: NodeId,
    },
    /// The arbiter spoke.
    Granted(bool),
    /// The votes of these nodes are to count, as soon as enough have stored it.
    Counting(BTreeSet<NodeId>),
    /// An operator forced quorum.
    Forced(Forced),
    /// A certificate is not accepted any more.
    Revoked(Revocation),
    /// What was known of a resource on a node is forgotten.
    Forgotten {
        /// Of which resource.
        resource: ResourceId,
        /// Where.
        node: NodeId,
    },
}

impl Cib {
    /// Applies one change. The only way in which a delivered change alters a CIB.
    pub fn apply(&mut self, origin: &Origin, change: &Change, context: Context) -> Applied {
        if let Some(seen) = self.status.counters.get(&origin.node)
            && seen.incarnation == origin.incarnation
            && seen.value >= origin.counter
        {
            return Applied::Repeated;
        }
        let counter = Counter { incarnation: origin.incarnation, value: origin.counter };
        self.status.counters.insert(origin.node.clone(), counter);
        match self.change(change, context) {
            Ok(Some(news)) => Applied::Changed(news),
            Ok(None) => Applied::Unchanged,
            Err(refused) => Applied::Refused(refused),
        }
    }

    fn change(&mut self, change: &Change, context: Context) -> Result<Option<News>, Refused> {
        match change {
            Change::Configure { base, text } => self.configure(*base, text, context),
            Change::Override(edit) => self.edit_overrides(edit, context),
            Change::Note { attribute, life } => self.note(attribute, *life, context),
            Change::Record { node, incarnation, report, wall_ms } => {
                Ok(self.record(node, *incarnation, report, *wall_ms))
            }
            Change::Cleanup { resource, node } => self.cleanup(resource.as_ref(), node.as_ref()),
            Change::Restart(resource) => self.restart(resource, context),
            // Of a view that is over: the node may be heard again, and the plan of this view asks anew.
            Change::RequestFencing { view, .. } if *view != context.view => Ok(None),
            Change::RequestFencing { target, incarnation, reason, wall_ms, .. } => {
                Ok(self.request_fencing(target, *incarnation, reason, *wall_ms, context))
            }
            Change::FencingAttempted { attempt, wall_ms } => Ok(self.fencing_attempted(attempt, *wall_ms)),
            Change::ConfirmFenced { target, wall_ms } => self.confirm_fenced(target, *wall_ms, context),
            Change::Leaving { node } => Ok(self.leaving(node)),
            Change::ClearFailures { node, resource, known } => Ok(self.clear_failures(node, resource, *known)),
            Change::Forget { node, resource, known } => Ok(self.forget(node, resource, *known)),
            Change::Revoke(revocation) => self.revoke(revocation, context),
            Change::Granted(grant) => Ok(self.granted(*grant, context)),
            Change::Count { view, nodes } => self.count(*view, nodes, context),
            Change::ForceQuorum(forced) => self.force_quorum(forced, context),
        }
    }

    pub(super) fn next_generation(&self, context: Context) -> Generation {
        let index = if self.durable.generation.view == context.view { self.durable.generation.index + 1 } else { 1 };
        Generation { view: context.view, index }
    }

    fn configure(&mut self, base: Option<Generation>, text: &str, context: Context) -> Result<Option<News>, Refused> {
        quorate(context, "the cluster file was not changed")?;
        if let Some(base) = base.filter(|base| *base != self.durable.generation) {
            let message = format!(
                "the cluster file was not changed: version {base} was expected, but {} is in force",
                self.durable.generation
            );
            return Err(Refused::new(Refusal::Conflict, message, Some("look at the plan again, then apply again")));
        }
        if text == self.durable.text {
            return Ok(None);
        }
        let Some(config) = config::parse(text).config else {
            return Err(Refused::new(
                Refusal::Invalid,
                "the cluster file is not valid",
                Some("run: paceline validate"),
            ));
        };
        self.may_become(&config)?;
        let roll = self.roll_for(&config)?;
        self.durable.text = text.to_owned();
        self.durable.generation = self.next_generation(context);
        let before = std::mem::replace(&mut self.config, Arc::new(config));
        self.set_roll(roll);
        self.match_nodes();
        self.expect_added(&before);
        if !self.config.properties.fencing_enabled {
            // An operator who switches fencing off does not want to wait for a verdict any more.
            self.status.fencing.open.clear();
        }
        Ok(Some(News::Configured))
    }

    /// Nodes that were not in the file before may come from now on.
    fn expect_added(&mut self, before: &Config) {
        let needed = self.durable.generation;
        let added: Vec<NodeId> =
            self.config.nodes.keys().filter(|node| !before.nodes.contains_key(*node)).cloned().collect();
        for node in &added {
            // It was never a member, so it runs nothing that anybody would have to fence it for.
            self.status.nodes.entry(node.clone()).or_default().state = NodeState::Offline;
        }
        if !added.is_empty() {
            let stayed = self.config.nodes.keys().filter(|node| !added.contains(node));
            self.status.unaware = stayed.map(|node| (node.clone(), needed)).collect();
        }
    }

    /// Whether a running cluster may take over this file. What is refused would break an argument that the cluster
    /// stands on: overlapping quorums (nodes, votes, `[quorum]`), one ring (name), stops with the agent that started.
    pub(crate) fn may_become(&self, config: &Config) -> Result<(), Refused> {
        let refuse = |what: String, hint: &str| Err(Refused::new(Refusal::Invalid, what, Some(hint)));
        let stopped = "stop the daemon on every node, replace the file there, and start them again";
        let now = &self.config;
        if let Some(first) = config.beyond.first() {
            let more = config.beyond.len() - 1;
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let what = format!("this version does not carry out everything that the file asks for: {first}{more}");
            return refuse(what, "run: paceline validate FILE; `paceline simulate` shows what it would mean");
        }
        if config.cluster.name != now.cluster.name {
            return refuse("this version cannot rename a running cluster".to_owned(), stopped);
        }
        self.may_remove_nodes(config)?;
        self.may_change_roles(config)?;
        self.roll_for(config)?;
        self.may_add_nodes(config)?;
        for resource in now.resources.keys().filter(|name| !config.resources.contains_key(*name)) {
            if let Some(node) = self.active_on(resource).first() {
                let what = format!("{resource} cannot be removed from the file while it runs on {node}");
                return refuse(what, &format!("first run: paceline resource disable {resource}"));
            }
        }
        Ok(())
    }

    /// Whether nodes can be added. Who is away comes back with a file that does not name the new one, refuses it, and
    /// could not be taken into a ring in which not all hear each other, where it would get the new file.
    fn may_add_nodes(&self, config: &Config) -> Result<(), Refused> {
        let Some(added) = config.nodes.keys().find(|name| !self.config.nodes.contains_key(*name)) else {
            return Ok(());
        };
        let stay = self.config.nodes.keys().filter(|name| config.nodes.contains_key(*name));
        let Some(away) = stay.into_iter().find(|name| self.online(name).is_none()) else { return Ok(()) };
        let what =
            format!("the node {added} cannot be added while {away} is away: it would come back without knowing it");
        let hint = format!("start {away} first, or take it out of the file");
        Err(Refused::new(Refusal::Invalid, what, Some(&hint)))
    }

    /// Nodes on which a resource runs or may run, or is being started, as far as the records of this life tell.
    #[must_use]
    pub fn active_on(&self, resource: &ResourceId) -> Vec<NodeId> {
        let busy = |history: &super::History| {
            matches!(history.activity(), super::Activity::Active | super::Activity::Doubtful) || history.starting()
        };
        let here = |node: &super::NodeStatus| {
            node.resources.iter().any(|(id, history)| id.base() == resource.base() && busy(history))
        };
        self.status.nodes.iter().filter(|(_, node)| here(node)).map(|(name, _)| name.clone()).collect()
    }

    fn edit_overrides(&mut self, edit: &OverrideEdit, context: Context) -> Result<Option<News>, Refused> {
        quorate(context, "nothing was changed")?;
        self.known(edit)?;
        if !edit.edit(&mut self.durable.overrides) {
            return Ok(None);
        }
        self.durable.generation = self.next_generation(context);
        Ok(Some(News::Overridden(edit.clone())))
    }

    pub(crate) fn known(&self, edit: &OverrideEdit) -> Result<(), Refused> {
        let (node, resource) = match edit {
            OverrideEdit::Node { node, .. } => (Some(node), None),
            // Going back to the file must work for what is no longer in it.
            OverrideEdit::TargetRole { role: None, .. } | OverrideEdit::Move { to: None, .. } => (None, None),
            OverrideEdit::TargetRole { resource, .. } => (None, Some(resource)),
            OverrideEdit::Move { resource, to } => (to.as_ref(), Some(resource)),
            OverrideEdit::Ticket { ticket, edit, life } => return self.known_ticket(ticket, *edit, *life),
        };
        if let Some(node) = node {
            self.known_node(node)?;
        }
        resource.map_or(Ok(()), |resource| self.known_resource(resource))
    }

    pub(crate) fn known_node(&self, node: &NodeId) -> Result<(), Refused> {
        if self.config.nodes.contains_key(node) {
            return Ok(());
        }
        let near = config::nearest(node.as_str(), self.config.nodes.keys().map(NodeId::as_str));
        let hint = near.map(|name| format!("did you mean {name}?"));
        Err(Refused { kind: Refusal::NotFound, message: format!("there is no node {node}"), hint })
    }

    pub(crate) fn known_resource(&self, name: &ResourceId) -> Result<(), Refused> {
        if self.is_resource(name) {
            return Ok(());
        }
        let names = self.config.written.resources.iter().flat_map(|resource| resource.with_contents());
        let names = names.map(|resource| resource.id.as_str());
        let hint = config::nearest(name.as_str(), names).map(|name| format!("did you mean {name}?"));
        Err(Refused { kind: Refusal::NotFound, message: format!("there is no resource {name}"), hint })
    }

    /// A ticket comes only by a name that the file uses, so that a slip of the pen is noticed; it goes by any name.
    /// What was said in another life of the cluster does not count: it stopped as a whole since, and another site may
    /// have the ticket.
    fn known_ticket(&self, ticket: &str, edit: TicketEdit, life: u64) -> Result<(), Refused> {
        let refuse = |message: String| Err(Refused::new(Refusal::Invalid, message, Some("see: paceline ticket list")));
        match edit {
            TicketEdit::Revoke => Ok(()),
            _ if life != self.status.life => refuse(format!("the cluster stopped as a whole before {ticket} was here")),
            TicketEdit::Standby | TicketEdit::Activate if self.has_ticket(ticket).is_some() => Ok(()),
            TicketEdit::Standby | TicketEdit::Activate => refuse(format!("this site does not have ticket {ticket}")),
            TicketEdit::Grant => {
                let named = &self.config.written.constraints.tickets;
                if named.iter().any(|rule| rule.ticket == ticket) {
                    return Ok(());
                }
                let near = config::nearest(ticket, named.iter().map(|rule| rule.ticket.as_str()));
                let hint = near.map(|name| format!("did you mean {name}?"));
                let message = format!("nothing in the cluster file needs a ticket {ticket}");
                Err(Refused { kind: Refusal::NotFound, message, hint })
            }
        }
    }

    /// A ticket that this site was given, and that it may use: in this life of the cluster.
    #[must_use]
    pub fn has_ticket(&self, ticket: &str) -> Option<Ticket> {
        self.durable.overrides.tickets.get(ticket).copied().filter(|ticket| ticket.life == self.status.life)
    }

    fn restart(&mut self, resource: &ResourceId, context: Context) -> Result<Option<News>, Refused> {
        quorate(context, &format!("{resource} was not restarted"))?;
        self.known_resource(resource)?;
        for primitive in self.primitives(resource) {
            self.status.restarts.insert(primitive, self.status.calls + 1);
        }
        Ok(Some(News::Restart(resource.clone())))
    }

    fn request_fencing(
        &mut self,
        target: &NodeId,
        incarnation: Option<Incarnation>,
        reason: &str,
        wall_ms: u64,
        context: Context,
    ) -> Option<News> {
        let state = self.status.nodes.get(target)?.state;
        let meant = match state {
            NodeState::Unseen => incarnation.is_none(),
            NodeState::Online { incarnation: life } | NodeState::Lost { incarnation: life } => {
                incarnation == Some(life)
            }
            NodeState::Offline => false,
        };
        let open = self.status.fencing.open.values().any(|request| request.target == *target);
        if !context.quorate || !meant || open || !self.config.properties.fencing_enabled {
            return None;
        }
        let request = Request {
            id: RequestId(self.status.fencing.next),
            target: target.clone(),
            incarnation,
            action: self.config.properties.fencing_action,
            reason: reason.to_owned(),
            wall_ms,
            failed_attempts: 0,
            last_failure: None,
        };
        self.status.fencing.next += 1;
        self.status.fencing.open.insert(request.id, request.clone());
        Some(News::FencingRequested(request))
    }

    fn fencing_attempted(&mut self, attempt: &Attempt, wall_ms: u64) -> Option<News> {
        let request = self.status.fencing.open.get_mut(&attempt.request)?;
        if attempt.number != request.failed_attempts {
            return None;
        }
        if attempt.result.is_err() {
            request.failed_attempts = request.failed_attempts.saturating_add(1);
            request.last_failure = Some(attempt.clone());
            let request = request.clone();
            self.remember_fencing(entry(&request, Some(attempt), wall_ms));
            return Some(News::FencingFailed { target: request.target, attempt: attempt.clone() });
        }
        self.fenced(attempt.request, Some(attempt), wall_ms)
    }

    fn remember_fencing(&mut self, entry: HistoryEntry) {
        let history = &mut self.status.fencing.history;
        history.push(entry);
        let excess = history.len().saturating_sub(HISTORY_LIMIT);
        history.drain(..excess);
    }

    /// Closes a request with a verdict. The node counts as safely down if it is still the life that was meant.
    fn fenced(&mut self, id: RequestId, attempt: Option<&Attempt>, wall_ms: u64) -> Option<News> {
        let request = self.status.fencing.open.remove(&id)?;
        if let Some(node) = self.status.nodes.get_mut(&request.target) {
            let same = match node.state {
                NodeState::Unseen => request.incarnation.is_none(),
                NodeState::Online { incarnation } | NodeState::Lost { incarnation } => {
                    request.incarnation == Some(incarnation)
                }
                NodeState::Offline => true,
            };
            if same {
                node.go_offline();
            }
        }
        let entry = entry(&request, attempt, wall_ms);
        self.remember_fencing(entry.clone());
        Some(News::Fenced { entry, incarnation: request.incarnation })
    }

    fn confirm_fenced(&mut self, target: &NodeId, wall_ms: u64, context: Context) -> Result<Option<News>, Refused> {
        quorate(context, "nothing was confirmed")?;
        self.known_node(target)?;
        if self.online(target).is_some() {
            let message = format!("{target} is online, so it cannot be confirmed as off");
            return Err(Refused::new(Refusal::Invalid, message, None));
        }
        Ok(self.vouch(target, wall_ms))
    }

    /// An operator swears that a node is off. It is not online.
    pub(super) fn vouch(&mut self, target: &NodeId, wall_ms: u64) -> Option<News> {
        let incarnation = match self.status.nodes.get(target).map_or(NodeState::Unseen, |node| node.state) {
            NodeState::Online { .. } | NodeState::Offline => return None,
            NodeState::Unseen => None,
            NodeState::Lost { incarnation } => Some(incarnation),
        };
        let open =
            self.status.fencing.open.values().find(|request| request.target == *target).map(|request| request.id);
        let id = open.unwrap_or_else(|| {
            let id = RequestId(self.status.fencing.next);
            self.status.fencing.next += 1;
            let request = Request {
                id,
                target: target.clone(),
                incarnation,
                action: self.config.properties.fencing_action,
                reason: "confirmed by an operator".to_owned(),
                wall_ms,
                failed_attempts: 0,
                last_failure: None,
            };
            self.status.fencing.open.insert(id, request);
            id
        });
        self.fenced(id, None, wall_ms)
    }

    fn leaving(&mut self, node: &NodeId) -> Option<News> {
        self.online(node)?;
        let status = self.status.nodes.get_mut(node)?;
        if std::mem::replace(&mut status.leaving, true) {
            return None;
        }
        Some(News::Leaving(node.clone()))
    }
}

pub(super) fn quorate(context: Context, consequence: &str) -> Result<(), Refused> {
    if context.quorate {
        return Ok(());
    }
    let message = format!("this partition has no quorum, so {consequence}");
    Err(Refused::new(Refusal::NotQuorate, message, Some("see: paceline quorum status")))
}

/// What the history keeps of an attempt, or of an operator's word.
fn entry(request: &Request, attempt: Option<&Attempt>, wall_ms: u64) -> HistoryEntry {
    HistoryEntry {
        request: request.id,
        target: request.target.clone(),
        action: request.action,
        by: attempt.map(|attempt| attempt.by.clone()),
        devices: attempt.map(|attempt| attempt.devices.clone()).unwrap_or_default(),
        result: attempt.map_or(Ok(()), |attempt| attempt.result.clone()),
        wall_ms,
        elapsed: attempt.map_or(Duration::ZERO, |attempt| attempt.elapsed),
        reason: request.reason.clone(),
    }
}
