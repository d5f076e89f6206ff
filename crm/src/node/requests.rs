//! What clients ask. Questions are answered from this node's own CIB at once; wishes become changes, which any member
//! may send, and are answered when they are done.

use super::duty::left_out;
use super::plan::{refusal, unsynced};
use super::{ClientId, Effect, Moment, Node, words};
use crate::cib::{Attribute, Change, Context, Forced, Generation, NodeState, OverrideEdit, Refused, Revocation};
use crate::control::{QuorumSetting, Refusal, Request, Response};
use crate::summary::{Sight, Summary};
use config::{NodeId, ResourceId};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Clients that may wait for the cluster to become idle.
const WAITERS: usize = 256;

/// Longest wait accepted.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Clients that wait for something other than a change.
#[derive(Debug, Default)]
pub(super) struct Clients {
    idle: Vec<(ClientId, Instant)>,
}

impl Clients {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.idle.iter().map(|(_, deadline)| *deadline).min()
    }

    pub(super) fn gone(&mut self, client: ClientId) {
        self.idle.retain(|(waiting, _)| *waiting != client);
    }
}

impl Node {
    pub(super) fn request(&mut self, now: Moment, client: ClientId, request: Request) {
        let answer = match request {
            Request::Status => Ok(Some(Response::Summary(Box::new(self.summary(now))))),
            Request::Quorum => self.votes().map(Some),
            Request::Ring | Request::RecordRing | Request::Renew => Err(Refused::new(
                Refusal::Unavailable,
                "the ring is beside this node, not in it".to_owned(),
                Some("ask the daemon that carries both"),
            )),
            Request::ForceQuorum { given_up, fence } => self.force_quorum(now, client, given_up, fence),
            Request::Fencing => Ok(Some(self.fencing())),
            Request::Config => {
                let durable = &self.cib().durable;
                Ok(Some(Response::Config { text: durable.text.clone(), generation: durable.generation }))
            }
            Request::Situation => self.told(now).map(Some),
            Request::Plan { text } => Ok(Some(self.plan_for(now, &text))),
            Request::Apply { text, base } => self.apply(now, client, text, base),
            Request::Override { edit } => self.override_with(now, client, edit),
            Request::Note { attribute } => self.note(now, client, attribute),
            Request::Revoke(revocation) => self.revoke(now, client, revocation),
            Request::Attributes => Ok(Some(self.attributes())),
            Request::Cleanup { resource, node } => self.cleanup(now, client, resource, node),
            Request::Restart { resource } => self.restart(now, client, resource),
            Request::ConfirmFenced { node } => self.confirm_fenced(now, client, node),
            Request::WaitIdle { timeout_ms } => self.wait_idle(now, client, timeout_ms),
            Request::Events { history } => self.follow(client, history),
            Request::Shutdown => {
                self.begin_leaving(now);
                self.leave.notify(client);
                Ok(None)
            }
        };
        match answer {
            Ok(Some(response)) => self.reply(client, response),
            Ok(None) => {}
            Err(refused) => self.reply(client, refusal(refused)),
        }
    }

    fn reply(&mut self, client: ClientId, response: Response) {
        self.effects.push(Effect::Reply { client, response });
    }

    /// The whole situation for a person.
    pub(super) fn summary(&mut self, now: Moment) -> Summary {
        let schedule = self.explained_now(now);
        let mut warnings = Vec::new();
        if let (Err(refused), Some(_)) = (&schedule, self.controller.synced()) {
            warnings.push(refused.message.clone());
        }
        if let Ok(schedule) = &schedule
            && !schedule.refused.is_empty()
        {
            warnings.push(left_out(&schedule.refused));
        }
        if let Some((_, reason)) = &self.store_failed {
            warnings.push(format!("{} cannot write its state: {reason}", self.me));
        }
        if let Some(reason) = &self.ring_warning {
            warnings.push(format!("{}: {reason}", self.me));
        }
        let sight = Sight {
            me: &self.me,
            view: self.view(),
            dc: self.dc(),
            quorum: self.quorum(),
            schedule: schedule.as_deref().ok(),
            waiting: self.waiting_until(now).is_some(),
            awaited: self.controller.awaited(),
            warnings,
        };
        Summary::of(self.cib(), sight)
    }

    /// What the scheduler looks at.
    fn told(&self, now: Moment) -> Result<Response, Refused> {
        let told = self.situation(now, self.cib(), |situation| situation.told())?;
        match serde_json::to_value(&told) {
            Ok(situation) => Ok(Response::Situation { situation }),
            Err(error) => {
                let message = format!("the situation of this cluster cannot be written down: {error}");
                Err(Refused::new(Refusal::Unavailable, message, Some("please report it, with the cluster file")))
            }
        }
    }

    fn votes(&self) -> Result<Response, Refused> {
        let (Some(view), Some(quorum)) = (self.view(), self.quorum()) else {
            return Err(unsynced(&self.controller.awaited()));
        };
        let members = view.members.keys().cloned().collect();
        let cib = self.cib();
        let setting = QuorumSetting {
            options: cib.config.quorum.clone(),
            nodes: cib.config.nodes.iter().map(|(name, node)| (name.clone(), node.votes)).collect(),
            all_seen: cib.status.all_seen,
            forced: cib.durable.forced.clone(),
            in_doubt: cib.in_doubt(),
        };
        Ok(Response::Quorum {
            quorum: quorum.clone(),
            view: view.ring.to_string(),
            members,
            setting: Box::new(setting),
        })
    }

    fn force_quorum(
        &mut self,
        now: Moment,
        client: ClientId,
        given_up: BTreeSet<NodeId>,
        fence: bool,
    ) -> Result<Option<Response>, Refused> {
        self.may_change()?;
        let Some(synced) = self.controller.synced() else { return Err(unsynced(&self.controller.awaited())) };
        let context = Context { view: synced.view.ring.number, quorate: synced.quorum.quorate };
        let forced = Forced {
            view: context.view,
            nodes: synced.view.members.keys().cloned().collect(),
            vouched: if fence { BTreeSet::new() } else { given_up.clone() },
            given_up,
            by: self.me.clone(),
            wall_ms: now.wall_ms,
        };
        self.cib().may_force(&forced, context)?;
        self.submit(now, client, Change::ForceQuorum(forced))
    }

    fn fencing(&self) -> Response {
        let fencing = &self.cib().status.fencing;
        Response::Fencing { open: fencing.open.values().cloned().collect(), history: fencing.history.clone() }
    }

    /// What every change needs: a synchronised view, and room.
    fn may_change(&self) -> Result<(), Refused> {
        if self.leave.is_under_way() {
            return Err(Refused::new(
                Refusal::Unavailable,
                format!("{} is leaving", self.me),
                Some("ask another node"),
            ));
        }
        if self.controller.is_crowded() {
            let message = format!("{} has too many changes on their way", self.me);
            return Err(Refused::new(Refusal::Unavailable, message, Some("try again in a moment")));
        }
        if self.synced() { Ok(()) } else { Err(unsynced(&self.controller.awaited())) }
    }

    /// What changes for the whole cluster need on top.
    fn may_decide(&self, what: &str) -> Result<(), Refused> {
        self.may_change()?;
        match self.quorum() {
            Some(quorum) if !quorum.quorate => {
                let message = format!("{what}: this partition is {}", words::quorum(quorum));
                Err(Refused::new(Refusal::NotQuorate, message, Some("see: paceline quorum status")))
            }
            _ => Ok(()),
        }
    }

    fn submit(&mut self, now: Moment, client: ClientId, change: Change) -> Result<Option<Response>, Refused> {
        self.controller.submit_for(client, change, now.at);
        Ok(None)
    }

    fn apply(
        &mut self,
        now: Moment,
        client: ClientId,
        text: String,
        base: Option<Generation>,
    ) -> Result<Option<Response>, Refused> {
        self.may_decide("the cluster file was not changed")?;
        let parsed = config::parse(&text);
        let Some(config) = parsed.config else { return Ok(Some(Response::Invalid { problems: parsed.problems })) };
        self.cib().may_become(&config)?;
        self.submit(now, client, Change::Configure { base, text })
    }

    fn override_with(
        &mut self,
        now: Moment,
        client: ClientId,
        mut edit: OverrideEdit,
    ) -> Result<Option<Response>, Refused> {
        self.may_decide("nothing was changed")?;
        if let OverrideEdit::Ticket { life, .. } = &mut edit {
            *life = self.cib().status.life;
        }
        self.cib().known(&edit)?;
        let changes = edit.edit(&mut self.cib().durable.overrides.clone());
        if changes {
            self.check_move(now, &edit)?;
        }
        self.submit(now, client, Change::Override(edit))
    }

    fn revoke(&mut self, now: Moment, client: ClientId, revocation: Revocation) -> Result<Option<Response>, Refused> {
        self.may_decide("the certificate was not revoked")?;
        self.cib().may_revoke(&revocation)?;
        self.submit(now, client, Change::Revoke(revocation))
    }

    fn note(&mut self, now: Moment, client: ClientId, attribute: Attribute) -> Result<Option<Response>, Refused> {
        if attribute.is_durable() {
            self.may_decide("nothing was noted")?;
        } else if !self.synced() || self.controller.is_crowded() {
            // Also on a node that leaves: its agents have something to note while they stop.
            return Err(unsynced(&self.controller.awaited()));
        }
        self.cib().may_note(&attribute)?;
        let life = self.cib().life_of(&attribute.subject);
        self.submit(now, client, Change::Note { attribute, life })
    }

    fn attributes(&self) -> Response {
        let cib = self.cib();
        let lives = cib.status.nodes.iter().map(|(name, node)| (name.clone(), node.attributes.clone()));
        Response::Attributes { node: self.me.clone(), lives: lives.collect(), lasting: cib.durable.attributes.clone() }
    }

    fn cleanup(
        &mut self,
        now: Moment,
        client: ClientId,
        resource: Option<ResourceId>,
        node: Option<NodeId>,
    ) -> Result<Option<Response>, Refused> {
        self.may_change()?;
        if let Some(resource) = &resource {
            self.cib().known_resource(resource)?;
        }
        if let Some(node) = &node {
            self.cib().known_node(node)?;
        }
        self.submit(now, client, Change::Cleanup { resource, node })
    }

    fn restart(&mut self, now: Moment, client: ClientId, resource: ResourceId) -> Result<Option<Response>, Refused> {
        self.may_decide(&format!("{resource} was not restarted"))?;
        self.cib().known_resource(&resource)?;
        let running = self.cib().primitives(&resource).iter().any(|name| !self.cib().active_on(name).is_empty());
        if !running {
            let message = format!("{resource} was not restarted: it does not run");
            return Err(Refused::new(Refusal::Invalid, message, Some("see: paceline status")));
        }
        self.submit(now, client, Change::Restart(resource))
    }

    fn confirm_fenced(&mut self, now: Moment, client: ClientId, node: NodeId) -> Result<Option<Response>, Refused> {
        self.may_decide("nothing was confirmed")?;
        self.cib().known_node(&node)?;
        if matches!(self.cib().status.nodes.get(&node).map(|node| node.state), Some(NodeState::Online { .. })) {
            let message = format!("{node} is online, so it cannot be confirmed as off");
            return Err(Refused::new(Refusal::Invalid, message, Some("to cut it off, power it off first")));
        }
        self.submit(now, client, Change::ConfirmFenced { target: node, wall_ms: now.wall_ms })
    }

    fn follow(&mut self, client: ClientId, history: bool) -> Result<Option<Response>, Refused> {
        if !self.journal.follow(client) {
            let message = "too many clients follow the events of this node".to_owned();
            return Err(Refused::new(Refusal::Unavailable, message, Some("end one of them, or ask another node")));
        }
        if history {
            let events: Vec<Response> = self.journal.events().cloned().map(Response::Event).collect();
            for response in events {
                self.reply(client, response);
            }
        }
        Ok(None)
    }

    fn wait_idle(&mut self, now: Moment, client: ClientId, timeout_ms: u64) -> Result<Option<Response>, Refused> {
        if self.clients.idle.len() >= WAITERS {
            return Err(Refused::new(Refusal::Unavailable, "too many clients wait for this node", None));
        }
        let patience = Duration::from_millis(timeout_ms).min(LONGEST_WAIT);
        self.clients.idle.push((client, now.at + patience));
        self.moved = true;
        Ok(None)
    }

    /// Answers those who wait for the cluster to become idle, when it is, or when they have waited long enough.
    pub(super) fn answer_waiting(&mut self, now: Moment) {
        if self.clients.idle.is_empty() {
            return;
        }
        let blocked = self.blocked(now);
        let generation = self.generation();
        let waiting = std::mem::take(&mut self.clients.idle);
        for (client, deadline) in waiting {
            match &blocked {
                None => self.reply(client, Response::Done { generation, changed: false }),
                Some(why) if deadline <= now.at => {
                    let message = format!("the cluster did not become idle in time: {why}");
                    let hint = Some("see: paceline status".to_owned());
                    self.reply(client, Response::Refused { kind: Refusal::Unavailable, message, hint });
                }
                Some(_) => self.clients.idle.push((client, deadline)),
            }
        }
    }

    /// What keeps the cluster from being idle. The same on every member, not only the DC: it follows from the CIB.
    fn blocked(&mut self, now: Moment) -> Option<String> {
        if !self.synced() {
            return Some(unsynced(&self.controller.awaited()).message);
        }
        let summary = self.summary(now);
        if summary.activity == crate::summary::IDLE && self.controller.is_settled() {
            None
        } else {
            Some(summary.activity)
        }
    }
}
