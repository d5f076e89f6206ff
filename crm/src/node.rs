//! One whole node above its ring: controller, CIB, transition engine, executor and fencer, composed.
//!
//! The ring is not inside. It runs on a thread of its own in the daemon, so the seam between the two is a queue in both
//! directions, in production as in the simulator.
//!
//! A step hands its input to one part. What that part wants from another goes into a queue of turns, which is emptied
//! in order; then the node looks at what follows from the new state as a whole (a new plan, another situation for the
//! fencer, a client that can be answered), and so on until nothing moves.

mod answer;
mod counting;
mod duty;
mod interface;
mod journal;
mod leave;
mod plan;
mod requests;
mod words;

pub use interface::{ClientId, Effect, Input, JobKey, Moment, NodeOptions};
pub(crate) use plan::why;
pub(crate) use words::{count, forced};

use crate::cib::{Applied, Change, Cib, Generation, Grant, Origin, Turn};
use crate::controller::{Controller, Output};
use crate::event::EventKind;
use crate::transition::Progress;
use answer::Answer;
use config::{Config, NodeId};
use duty::Duty;
use fencing::{Fencer, Request as FencingRequest};
use journal::Journal;
use leave::Leave;
use membership::{Channel, Notice, Quorum, RingId, View};
use requests::Clients;
use resource_agents::Executor;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

/// Turns of one step. A node that needs more goes in circles.
const MOST_TURNS: u32 = 100_000;

/// The node machine.
#[derive(Debug)]
pub struct Node {
    me: NodeId,
    controller: Controller,
    executor: Executor,
    fencer: Fencer,
    /// What only the DC does; present while this node is DC of a synchronised view.
    duty: Option<Duty>,
    clients: Clients,
    journal: Journal,
    leave: Leave,
    /// When this node was first in a synchronised quorate view: from then on it waits for nodes never seen.
    first_quorate: Option<Instant>,
    /// What cannot be written to the disk, and why.
    store_failed: Option<(Generation, String)>,
    /// What the ring complained about since its last view: perhaps why there is no other.
    ring_warning: Option<String>,
    /// What the ring was told last: a cluster file, and which certificates are revoked.
    told_ring: (Arc<Config>, BTreeMap<String, NodeId>),
    /// What the fencer was told last.
    told: Told,
    /// What the scheduler said last, for people who ask.
    answer: Option<Answer>,
    /// What was announced last.
    announced: Announced,
    /// The state moved, so that what follows from it must be looked at again.
    moved: bool,
    stopped: bool,
    effects: Vec<Effect>,
    turns: VecDeque<Turning>,
}

/// What the fencer knows.
#[derive(Debug, Default)]
struct Told {
    config: Option<Arc<Config>>,
    situation: Option<(Vec<FencingRequest>, Vec<NodeId>)>,
}

/// What events have told people.
#[derive(Debug, Default)]
struct Announced {
    quorate: Option<bool>,
    dc: Option<NodeId>,
    doubled: Vec<config::ResourceId>,
}

/// Something one part wants from another.
#[derive(Debug)]
enum Turning {
    Controller(Output),
    Executor(resource_agents::Output),
    Fencer(fencing::Output),
}

impl Node {
    /// A node that has not met anybody yet.
    ///
    /// # Errors
    /// The problems of the stored cluster file, if it is not valid.
    pub fn new(options: NodeOptions) -> Result<Node, Vec<config::Problem>> {
        let cib = Cib::new(options.durable)?;
        let told_ring = (Arc::clone(&cib.config), cib.durable.revoked.clone());
        Ok(Node {
            controller: Controller::new(options.me.clone(), options.incarnation, cib),
            executor: Executor::new(options.executor),
            fencer: Fencer::new(options.fencer),
            me: options.me,
            duty: None,
            clients: Clients::default(),
            journal: Journal::default(),
            leave: Leave::default(),
            first_quorate: None,
            store_failed: None,
            ring_warning: None,
            told_ring,
            told: Told::default(),
            answer: None,
            announced: Announced::default(),
            moved: true,
            stopped: false,
            effects: Vec::new(),
            turns: VecDeque::new(),
        })
    }

    /// The only way in, the only way out.
    pub fn step(&mut self, now: Moment, input: Input) -> Vec<Effect> {
        if self.stopped {
            return Vec::new();
        }
        self.take_in(now, input);
        self.wake(now);
        let mut budget = MOST_TURNS;
        loop {
            self.collect();
            if let Some(turning) = self.turns.pop_front() {
                budget = budget.checked_sub(1).expect("the parts of a node do not answer each other for ever");
                self.turn(now, turning);
            } else if self.moved && !self.stopped {
                self.moved = false;
                self.look(now);
            } else {
                break;
            }
        }
        std::mem::take(&mut self.effects)
    }

    /// Step with [`Input::Wake`] no later than this.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.stopped {
            return None;
        }
        let parts = [
            self.controller.deadline(),
            self.executor.deadline(),
            self.fencer.deadline(),
            self.duty.as_ref().and_then(Duty::deadline),
            self.clients.deadline(),
            self.leave.deadline(),
        ];
        parts.into_iter().flatten().min()
    }

    /// What this node believes; for tests and checks.
    #[must_use]
    pub fn cib(&self) -> &Cib {
        self.controller.cib()
    }

    /// The view as the ring gave it, or once it is synchronised without members excluded from it.
    #[must_use]
    pub fn view(&self) -> Option<&View> {
        self.controller.view()
    }

    /// Members of the synchronised view that came without what they once had stored, and no quorum has taken in since.
    #[must_use]
    pub fn blank(&self) -> BTreeSet<NodeId> {
        self.controller.synced().map(|_| self.cib().status.blank.clone()).unwrap_or_default()
    }

    /// Whether the members of the view hold the same CIB and changes count.
    #[must_use]
    pub fn synced(&self) -> bool {
        self.controller.synced().is_some()
    }

    /// The DC of the synchronised view.
    #[must_use]
    pub fn dc(&self) -> Option<&NodeId> {
        self.controller.synced().map(|synced| &synced.dc)
    }

    /// Whether this node is the DC.
    #[must_use]
    pub fn is_dc(&self) -> bool {
        self.dc() == Some(&self.me)
    }

    /// Votes, in a synchronised view.
    #[must_use]
    pub fn quorum(&self) -> Option<&Quorum> {
        self.controller.synced().map(|synced| &synced.quorum)
    }

    /// Whether this node is in a synchronised view that may act.
    #[must_use]
    pub fn quorate(&self) -> bool {
        self.quorum().is_some_and(|quorum| quorum.quorate)
    }

    /// Version of the durable part.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.cib().durable.generation
    }

    /// Whether this node has ended; it ignores every further input.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.stopped
    }

    fn take_in(&mut self, now: Moment, input: Input) {
        match input {
            Input::View(view) => {
                self.ring_warning = None;
                self.announce_view(now, &view);
                self.controller.on_view(view, now.at);
            }
            Input::Delivered(delivery) => self.controller.on_delivery(&delivery),
            Input::Notice(notice) => self.notice(now, &notice),
            Input::Link(text) => self.event(now, EventKind::Link, None, text),
            Input::Warning(text) => {
                self.ring_warning = Some(text.clone());
                self.event(now, EventKind::Alert, Some(self.me.to_string()), text);
            }
            Input::Arbiter { ring, granted } => self.on_arbiter(&ring, granted),
            Input::Left => self.on_left(),
            Input::Request { client, request } => self.request(now, client, request),
            Input::ClientGone(client) => {
                self.clients.gone(client);
                self.journal.gone(client);
                self.controller.gone(client);
            }
            Input::JobDone { key: JobKey::Executor(job), finished } => {
                self.step_executor(now, resource_agents::Input::JobDone { job, finished });
            }
            Input::JobDone { key: JobKey::Fencer(job), finished } => {
                self.step_fencer(now, fencing::Input::JobDone { job, finished });
            }
            Input::Stored(generation) => {
                if self.store_failed.take_if(|(failed, _)| *failed <= generation).is_some() {
                    self.event(now, EventKind::Alert, None, format!("{} can write its state again", self.me));
                }
                self.controller.on_stored(generation);
            }
            Input::StoreFailed { generation, reason } => {
                if self.store_failed.is_none() {
                    let text = format!("{} cannot write its state: {reason}", self.me);
                    self.event(now, EventKind::Alert, Some(self.me.to_string()), text);
                }
                self.store_failed = Some((generation, reason));
            }
            Input::Shutdown => self.begin_leaving(now),
            Input::Wake => {}
        }
    }

    /// Gives every part whose deadline has passed its turn; steps for other reasons are as good as a wake-up call.
    fn wake(&mut self, now: Moment) {
        self.controller.wake(now.at);
        if self.executor.deadline().is_some_and(|deadline| deadline <= now.at) {
            self.step_executor(now, resource_agents::Input::Wake);
        }
        if self.fencer.deadline().is_some_and(|deadline| deadline <= now.at) {
            self.step_fencer(now, fencing::Input::Wake);
        }
        let own = [self.duty.as_ref().and_then(Duty::deadline), self.clients.deadline(), self.leave.deadline()];
        self.moved |= own.into_iter().flatten().any(|deadline| deadline <= now.at);
    }

    fn collect(&mut self) {
        let outputs = self.controller.take();
        self.turns.extend(outputs.into_iter().map(Turning::Controller));
    }

    fn turn(&mut self, now: Moment, turning: Turning) {
        match turning {
            Turning::Controller(output) => self.on_controller(now, output),
            Turning::Executor(output) => match output {
                resource_agents::Output::Start { id, job } => {
                    self.effects.push(Effect::Start { key: JobKey::Executor(id), job });
                }
                resource_agents::Output::Kill(id) => self.effects.push(Effect::Kill(JobKey::Executor(id))),
                resource_agents::Output::Report(report) => {
                    let (node, incarnation) = (self.me.clone(), self.controller.incarnation());
                    self.controller.submit(Change::Record { node, incarnation, report, wall_ms: now.wall_ms });
                }
            },
            Turning::Fencer(output) => match output {
                fencing::Output::Start { id, job } => self.effects.push(Effect::Start { key: JobKey::Fencer(id), job }),
                fencing::Output::Kill(id) => self.effects.push(Effect::Kill(JobKey::Fencer(id))),
                fencing::Output::Attempted(attempt) => {
                    self.controller.submit(Change::FencingAttempted { attempt, wall_ms: now.wall_ms });
                }
            },
        }
    }

    fn on_controller(&mut self, now: Moment, output: Output) {
        match output {
            Output::Multicast(bytes) => self.effects.push(Effect::Multicast(bytes)),
            Output::Store(durable) => self.effects.push(Effect::Store(durable)),
            Output::Perform(order, operation) => {
                self.step_executor(now, resource_agents::Input::Perform { order, operation });
            }
            Output::Cancel(resource, interval) => {
                self.step_executor(now, resource_agents::Input::CancelMonitor { resource, interval });
            }
            Output::Ordered(id, operation, taken) => {
                self.moved = true;
                let what = words::operation(&operation);
                let text = match &taken {
                    Ok(()) => what,
                    Err(why) => format!("{what}: not taken, {why}"),
                };
                self.event(now, EventKind::Ordered, Some(operation.resource.to_string()), text);
                if let Some(duty) = &mut self.duty {
                    let progress = duty.engine.ordered(id, &taken);
                    self.progress(now, progress, true);
                }
            }
            Output::Cancelled(node, resource, interval) => {
                self.moved = true;
                let text = words::cancel(&node, &resource, interval);
                self.event(now, EventKind::Ordered, Some(resource.to_string()), text);
                if let Some(duty) = &mut self.duty {
                    duty.engine.cancelled(&node, &resource, interval);
                }
            }
            Output::Applied(origin, change, applied) => self.on_applied(now, &origin, &change, applied),
            Output::Broken => {
                self.moved = true;
                self.duty = None;
            }
            Output::Synced(turns) => self.on_synced(now, &turns),
            Output::Quorum => self.on_quorum(now),
            Output::Answer(client, response) => self.effects.push(Effect::Reply { client, response }),
            Output::Event(kind, subject, text) => self.event(now, kind, subject, text),
            Output::Stop(reason) => self.stop(now, reason),
        }
    }

    fn on_applied(&mut self, now: Moment, origin: &Origin, change: &Change, applied: Applied) {
        self.moved = true;
        match applied {
            Applied::Changed(news) => {
                self.announce_news(now, origin, &news);
                if let Some(duty) = &mut self.duty {
                    let progress = duty.engine.news(&news);
                    self.progress(now, progress, false);
                }
            }
            Applied::Refused(refused) => {
                let text = format!("a change from {} was refused: {}", origin.node, refused.message);
                self.event(now, EventKind::Configuration, Some(origin.node.to_string()), text);
            }
            Applied::Unchanged | Applied::Repeated => {
                let Some(duty) = &mut self.duty else { return };
                if let Change::RequestFencing { view, target, .. } = change {
                    // One of an earlier view is not what the plan of this one waits for.
                    if *view != duty.view {
                        return;
                    }
                    let progress = duty.engine.fencing_refused(target, self.controller.cib());
                    self.progress(now, progress, true);
                } else {
                    duty.engine.unchanged(change);
                }
            }
        }
    }

    /// Drops the transition when something unforeseen happened. `refused`: what happened is that the transition itself
    /// was not accepted, so that the same plan again would lead nowhere.
    fn progress(&mut self, now: Moment, progress: Progress, refused: bool) {
        let (Progress::Unforeseen(why), Some(duty)) = (progress, &mut self.duty) else { return };
        if let Some(text) = duty.drop_graph(&why, refused) {
            self.event(now, EventKind::Aborted, None, text);
        }
    }

    fn on_synced(&mut self, now: Moment, turns: &[Turn]) {
        self.moved = true;
        if self.quorate() {
            self.first_quorate.get_or_insert(now.at);
        }
        self.announce_synced(now, turns);
        self.duty = self.view().filter(|_| self.is_dc()).map(|view| Duty::new(view.ring.number, now.at));
    }

    /// The arbiter has spoken to this node: all members of the view are to know it, unless they do.
    fn on_arbiter(&mut self, ring: &RingId, granted: bool) {
        let known = self.quorum().and_then(|quorum| quorum.external?.granted);
        let news = known != Some(true) && known != Some(granted);
        if news && self.controller.view().is_some_and(|view| view.ring == *ring) {
            self.controller.submit(Change::Granted(Grant { view: ring.number, granted }));
        }
    }

    /// Quorum was counted anew inside the view.
    fn on_quorum(&mut self, now: Moment) {
        self.moved = true;
        self.duty.iter_mut().for_each(|duty| duty.counting.anew());
        if self.quorate() {
            self.first_quorate.get_or_insert(now.at);
        }
        if self.announce_quorum(now) {
            let why = if self.quorate() { "quorum was gained" } else { "quorum was lost" };
            self.progress(now, Progress::Unforeseen(why.to_owned()), false);
        }
    }

    /// Looks at what follows from the state as a whole.
    fn look(&mut self, now: Moment) {
        self.tell_ring();
        self.tell_fencer(now);
        self.direct(now);
        self.go_on_leaving(now);
        self.answer_waiting(now);
        self.announce_doubled(now);
    }

    /// The ring was started with the cluster file that this node had then.
    fn tell_ring(&mut self) {
        let Cib { config, durable, .. } = self.controller.cib();
        if !Arc::ptr_eq(&self.told_ring.0, config) || self.told_ring.1 != durable.revoked {
            self.told_ring = (Arc::clone(config), durable.revoked.clone());
            let revoked = durable.revoked.keys().cloned().collect();
            self.effects.push(Effect::Reconfigure { config: Arc::clone(config), revoked });
        }
    }

    fn tell_fencer(&mut self, now: Moment) {
        let cib = self.controller.cib();
        let mut inputs = Vec::new();
        if self.told.config.as_ref().is_none_or(|told| !Arc::ptr_eq(told, &cib.config)) {
            self.told.config = Some(Arc::clone(&cib.config));
            inputs.push(fencing::Input::Configured(Arc::clone(&cib.config)));
        }
        let synced = self.controller.synced().filter(|synced| synced.quorum.quorate);
        let candidates = synced.map_or_else(Vec::new, |synced| {
            let online = |node: &&NodeId| cib.online(node).is_some();
            let others = synced.view.members.keys().filter(|node| **node != synced.dc);
            std::iter::once(&synced.dc).chain(others).filter(online).cloned().collect()
        });
        // Requests stay open when quorum is lost: were they told to be over, devices that are off already would be
        // switched on again while another part goes on with them.
        let situation = (cib.status.fencing.open.values().cloned().collect(), candidates);
        if self.told.situation.as_ref() != Some(&situation) {
            let (open, candidates) = situation.clone();
            self.told.situation = Some(situation);
            inputs.push(fencing::Input::Situation { open, candidates });
        }
        for input in inputs {
            self.step_fencer(now, input);
        }
    }

    fn step_fencer(&mut self, now: Moment, input: fencing::Input) {
        let outputs = self.fencer.step(now.at, input);
        self.turns.extend(outputs.into_iter().map(Turning::Fencer));
        for notice in self.fencer.take_notices() {
            self.event(now, EventKind::Alert, None, notice);
        }
    }

    fn step_executor(&mut self, now: Moment, input: resource_agents::Input) {
        let outputs = self.executor.step(now.at, input);
        self.turns.extend(outputs.into_iter().map(Turning::Executor));
    }

    fn notice(&mut self, now: Moment, notice: &Notice) {
        let (kind, subject, text) = words::notice(notice);
        if matches!(notice, Notice::Refused { channel: Channel::Cluster, .. }) {
            // A message that is missing in the order leaves this node unable to say what came after it.
            self.stop(now, text);
        } else {
            self.event(now, kind, subject, text);
        }
    }

    fn stop(&mut self, now: Moment, reason: String) {
        self.event(now, EventKind::Alert, Some(self.me.to_string()), reason.clone());
        self.effects.push(Effect::Leave);
        self.effects.push(Effect::Stop { reason, orderly: false });
        self.stopped = true;
        self.turns.clear();
    }
}

#[cfg(test)]
mod tests;
