//! What makes a member of a view out of a node: follows the agreed order, hands over at the beginning of each view,
//! folds changes into the CIB, and sends its own until they are applied.
//!
//! ```text
//!   Apart --View--> Syncing --all hellos and snapshots delivered--> Synced
//!                      ^                                              |
//!                      +---------------------View---------------------+
//! ```
//!
//! Only messages delivered in the regular configuration of a synchronised view count. What a breaking view delivers in
//! its transitional configuration was not seen by all who were in it; its sender says it again in the next view.

mod acknowledge;
mod fork;
mod hello;
mod opening;
mod outbox;
mod recount;

use crate::cib::{Applied, Change, Cib, Context, Durable, Generation, News, Origin};
use crate::control::Response;
use crate::event::EventKind;
use crate::message::{Message, MessageError, Standing};
use crate::node::ClientId;
use acknowledge::Acknowledge;
use config::{NodeId, ResourceId};
use hello::Syncing;
use membership::{Configuration, Delivery, Incarnation, Quorum, RingId, VERSIONS, Versions, View};
use outbox::Outbox;
use resource_agents::{Operation, OrderId};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

pub(crate) use crate::cib::Turn;

/// Bad messages of one view that are reported one by one; the rest is only counted.
const BAD_REPORTED: u64 = 10;

/// What the controller wants done, in this order.
#[derive(Debug)]
pub(crate) enum Output {
    /// Say this to the members.
    Multicast(bytes::Bytes),
    /// Put this on stable storage.
    Store(Durable),
    /// An order for this node was delivered.
    Perform(OrderId, Operation),
    /// The end of a monitor of this node was ordered.
    Cancel(ResourceId, Duration),
    /// An order was delivered and is in flight now, or why it is not carried out.
    Ordered(OrderId, Operation, Result<(), String>),
    /// The end of a monitor was delivered.
    Cancelled(NodeId, ResourceId, Duration),
    /// A change of this origin was applied, or not.
    Applied(Origin, Change, Applied),
    /// A view begins; nothing is synchronised yet.
    Broken,
    /// A view was synchronised.
    Synced(Vec<Turn>),
    /// The answer to whether this view may act, or the numbers behind it, changed inside the view.
    Quorum,
    /// A client can be answered.
    Answer(ClientId, Response),
    /// Somebody should know.
    Event(EventKind, Option<String>, String),
    /// This node must not go on.
    Stop(String),
}

/// The state of a member.
#[derive(Debug)]
enum Phase {
    /// No view yet.
    Apart,
    /// The members of a new view agree on a CIB.
    Syncing(Syncing),
    /// All members hold the same CIB.
    Synced(Synced),
}

/// A synchronised view.
#[derive(Debug)]
pub(crate) struct Synced {
    /// The view, without excluded members.
    pub(crate) view: View,
    /// Its DC.
    pub(crate) dc: NodeId,
    /// Whether it may act.
    pub(crate) quorum: Quorum,
    /// From this version on every version of this view holds the roll that is in force.
    roll_since: Generation,
    /// Messages applied in it so far.
    applied: u64,
}

/// The controller.
#[derive(Debug)]
pub(crate) struct Controller {
    me: NodeId,
    incarnation: Incarnation,
    /// What this program speaks.
    versions: Versions,
    cib: Cib,
    phase: Phase,
    outbox: Outbox,
    acknowledge: Acknowledge,
    standing: Standing,
    since: Option<u64>,
    bad: u64,
    /// This node lost what it had stored, and no quorum has taken it in since: what it holds is borrowed.
    forgot: bool,
    outputs: Vec<Output>,
}

impl Controller {
    /// A controller that has not met anybody.
    pub(crate) fn new(me: NodeId, incarnation: Incarnation, cib: Cib) -> Controller {
        Controller {
            me,
            incarnation,
            versions: VERSIONS,
            cib,
            phase: Phase::Apart,
            outbox: Outbox::default(),
            acknowledge: Acknowledge::default(),
            standing: Standing::default(),
            since: None,
            bad: 0,
            forgot: false,
            outputs: Vec::new(),
        }
    }

    pub(crate) fn cib(&self) -> &Cib {
        &self.cib
    }

    /// This life of the node.
    pub(crate) fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// The view as the ring gave it, synchronised or not.
    pub(crate) fn view(&self) -> Option<&View> {
        match &self.phase {
            Phase::Apart => None,
            Phase::Syncing(syncing) => Some(&syncing.view),
            Phase::Synced(synced) => Some(&synced.view),
        }
    }

    pub(crate) fn synced(&self) -> Option<&Synced> {
        match &self.phase {
            Phase::Synced(synced) => Some(synced),
            Phase::Apart | Phase::Syncing(_) => None,
        }
    }

    /// Members the hand-over waits for.
    pub(crate) fn awaited(&self) -> Vec<NodeId> {
        match &self.phase {
            Phase::Syncing(syncing) => syncing.late().into_iter().collect(),
            Phase::Apart | Phase::Synced(_) => Vec::new(),
        }
    }

    /// Whether changes of this node are still on their way.
    pub(crate) fn is_settled(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Whether a request should be turned away because too many wait.
    pub(crate) fn is_crowded(&self) -> bool {
        self.outbox.is_crowded() || self.acknowledge.len() >= 256
    }

    /// Call [`Controller::wake`] no later than this.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let sync = match &self.phase {
            Phase::Syncing(syncing) => Some(syncing.deadline),
            Phase::Apart | Phase::Synced(_) => None,
        };
        sync.into_iter().chain(self.acknowledge.deadline()).min()
    }

    /// What is to be done; empties it.
    pub(crate) fn take(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    fn event(&mut self, kind: EventKind, subject: Option<&str>, text: String) {
        self.outputs.push(Output::Event(kind, subject.map(str::to_owned), text));
    }

    fn answer(&mut self, answers: impl IntoIterator<Item = acknowledge::Answer>) {
        self.outputs.extend(answers.into_iter().map(|(client, response)| Output::Answer(client, response)));
    }

    fn say(&mut self, message: &Message) {
        match message.encode() {
            Ok(bytes) => self.outputs.push(Output::Multicast(bytes)),
            Err(error) => self.event(EventKind::Alert, None, format!("a message could not be sent: {error}")),
        }
    }

    /// A message of the agreed order.
    pub(crate) fn on_delivery(&mut self, delivery: &Delivery) {
        let Some(view) = self.view() else { return };
        if delivery.configuration != Configuration::Regular || delivery.ring != view.ring {
            return;
        }
        if view.members.get(&delivery.from) != Some(&delivery.incarnation) {
            // Excluded, or a life that is over.
            return;
        }
        match Message::decode(&delivery.payload) {
            Ok(message) if *message.ring() == delivery.ring => {
                self.on_message(&delivery.from, delivery.incarnation, message)
            }
            Ok(_) => {}
            Err(error) => self.on_bad(&delivery.from, &error),
        }
    }

    fn on_bad(&mut self, from: &NodeId, error: &MessageError) {
        self.bad += 1;
        if self.bad <= BAD_REPORTED {
            self.event(EventKind::Alert, Some(from.as_str()), format!("{from} sent what is not a message: {error}"));
        }
        // Of two versions that cannot talk to each other, the one that was here first stays.
        if matches!(error, MessageError::Form(_)) && self.since.is_none() && *from != self.me {
            let reason =
                format!("{from} speaks another protocol ({error}); this node needs the version of its cluster");
            self.outputs.push(Output::Stop(reason));
        }
    }

    fn on_message(&mut self, from: &NodeId, incarnation: Incarnation, message: Message) {
        match (&mut self.phase, message) {
            (Phase::Syncing(syncing), Message::Hello(hello)) => {
                if hello.versions.meet(self.versions).is_none() {
                    let text = format!("{from} speaks {} and {} {}", hello.versions, self.me, self.versions);
                    self.event(EventKind::Alert, Some(from.as_str()), text);
                    return;
                }
                syncing.hello(from, *hello);
                self.proceed();
            }
            (Phase::Syncing(_), Message::Snapshot { durable, status, .. }) => self.on_snapshot(from, durable, status),
            (Phase::Syncing(syncing), Message::Exclude { nodes, .. }) => {
                let out = syncing.exclude(&nodes);
                self.on_excluded(&out);
            }
            (Phase::Synced(_), Message::Change { counter, change, .. }) => {
                let origin = Origin { node: from.clone(), incarnation, counter };
                self.on_change(origin, change);
            }
            (Phase::Synced(synced), Message::Order { id, operation, fingerprint, .. }) if synced.dc == *from => {
                self.on_order(id, operation, fingerprint);
            }
            (Phase::Synced(synced), Message::CancelMonitor { node, resource, interval, .. }) if synced.dc == *from => {
                synced.applied += 1;
                self.follow();
                self.cib.cancel_monitor(&node, &resource, interval);
                if node == self.me {
                    self.outputs.push(Output::Cancel(resource.clone(), interval));
                }
                self.outputs.push(Output::Cancelled(node, resource, interval));
            }
            (Phase::Synced(_), Message::Persisted { generation, digest, .. }) => {
                self.on_persisted(from, generation, digest);
            }
            // The second of two who named the same late member, or a snapshot that an exclusion made superfluous.
            (Phase::Synced(_), Message::Exclude { .. } | Message::Snapshot { .. }) => {}
            (Phase::Apart | Phase::Syncing(_) | Phase::Synced(_), _) => self.on_bad(from, &MessageError::OutOfTurn),
        }
    }

    fn ring(&self) -> Option<RingId> {
        self.synced().map(|synced| synced.view.ring.clone())
    }

    fn send_waiting(&mut self) {
        let Some(ring) = self.ring() else { return };
        let message = |entry: &outbox::Entry| Message::Change {
            ring: ring.clone(),
            counter: entry.counter,
            change: entry.change.clone(),
        };
        let messages: Vec<Message> = self.outbox.send_all().map(message).collect();
        for message in &messages {
            self.say(message);
        }
    }

    /// Notes how far this node has come in the order.
    fn follow(&mut self) {
        let Phase::Synced(synced) = &self.phase else { return };
        let place = Some((synced.view.ring.number, synced.applied));
        self.standing.any = place;
        if synced.quorum.quorate {
            self.standing.quorate = place;
        }
    }

    fn store(&mut self) {
        if self.forgot {
            // Its disk must go on to say that something is missing on it.
            return;
        }
        let durable = self.cib.durable.clone();
        self.acknowledge.version(durable.generation, durable.digest());
        self.outputs.push(Output::Store(durable));
    }

    /// Sends a change, now and again until it is applied. Returns its number.
    pub(crate) fn submit(&mut self, change: Change) -> u64 {
        let counter = self.outbox.push(change);
        if let Some(ring) = self.ring()
            && let Some(entry) = self.outbox.send_newest()
        {
            let message = Message::Change { ring, counter, change: entry.change.clone() };
            self.say(&message);
        }
        counter
    }

    /// Sends a change for a client, who is answered when it is done.
    pub(crate) fn submit_for(&mut self, client: ClientId, change: Change, now: Instant) {
        let counter = self.submit(change.clone());
        self.acknowledge.wait(client, counter, change, now);
    }

    /// Says an order of the DC. Never said again: in another view it would mean nothing.
    pub(crate) fn order(&mut self, id: OrderId, operation: Operation, fingerprint: String) {
        if let Some(ring) = self.ring() {
            self.say(&Message::Order { ring, id, operation, fingerprint });
        }
    }

    /// Says that a monitor is to end.
    pub(crate) fn cancel_monitor(&mut self, node: NodeId, resource: ResourceId, interval: Duration) {
        if let Some(ring) = self.ring() {
            self.say(&Message::CancelMonitor { ring, node, resource, interval });
        }
    }

    fn on_change(&mut self, origin: Origin, change: Change) {
        let Phase::Synced(synced) = &mut self.phase else { return };
        synced.applied += 1;
        let context = Context { view: synced.view.ring.number, quorate: synced.quorum.quorate };
        self.follow();
        let (before, roll) = (self.cib.durable.generation, self.cib.durable.roll.clone());
        let applied = self.cib.apply(&origin, &change, context);
        let stored = self.cib.durable.generation != before;
        if stored && self.cib.durable.roll != roll {
            self.note_roll();
        }
        if !self.recount() && stored {
            self.store();
        }
        if origin.node == self.me
            && let Some(entry) = self.outbox.applied(origin.counter)
        {
            let answer = self.acknowledge.settled(origin.counter, &applied, entry.sent, &self.cib);
            self.answer(answer);
            self.acknowledge();
        }
        if let Applied::Changed(News::Fenced { entry, incarnation }) = &applied
            && entry.target == self.me
            && *incarnation == Some(self.incarnation)
        {
            let reason = "the cluster was told that this node is off, yet it runs: its fence device cannot be trusted";
            self.outputs.push(Output::Stop(reason.to_owned()));
        }
        self.outputs.push(Output::Applied(origin, change, applied));
    }

    fn on_order(&mut self, id: OrderId, operation: Operation, fingerprint: String) {
        let Phase::Synced(synced) = &mut self.phase else { return };
        synced.applied += 1;
        let quorate = synced.quorum.quorate;
        self.follow();
        let taken = self.cib.order(id, &operation, Some(fingerprint), quorate);
        if taken.is_ok() && operation.node == self.me {
            self.outputs.push(Output::Perform(id, operation.clone()));
        }
        self.outputs.push(Output::Ordered(id, operation, taken));
    }

    fn on_persisted(&mut self, from: &NodeId, generation: Generation, digest: u64) {
        let Phase::Synced(synced) = &self.phase else { return };
        if generation.view != synced.view.ring.number {
            return;
        }
        if !self.acknowledge.persisted(from, generation, digest) {
            let text = format!("{from} stored another version {generation} than this node: their cluster files differ");
            self.event(EventKind::Alert, Some(from.as_str()), text);
        }
        self.take_in(from, generation);
        self.acknowledge();
        self.seal();
    }

    fn acknowledge(&mut self) {
        let Phase::Synced(synced) = &self.phase else { return };
        let members = synced.view.members.keys().cloned().collect();
        let answers = self.acknowledge.acknowledge(&self.cib, &members);
        self.answer(answers);
    }

    /// A version is on stable storage.
    pub(crate) fn on_stored(&mut self, generation: Generation) {
        let Phase::Synced(synced) = &self.phase else { return };
        let ring = synced.view.ring.clone();
        if generation.view != ring.number {
            return;
        }
        // Of versions so old that they are forgotten nobody waits for a word.
        if let Some(digest) = self.acknowledge.digest(generation) {
            self.say(&Message::Persisted { ring, generation, digest });
        }
    }

    /// A deadline may have passed.
    pub(crate) fn wake(&mut self, now: Instant) {
        let answers = self.acknowledge.expire(now, &self.cib);
        self.answer(answers);
        self.exclude_late(now);
    }

    /// Who should count from now on; see [`Cib::wanted_electorate`].
    pub(crate) fn wanted_electorate(&self) -> Option<(BTreeSet<NodeId>, bool)> {
        let synced = self.synced().filter(|synced| synced.quorum.quorate)?;
        self.cib.wanted_electorate(synced.view.ring.number)
    }

    /// The client hung up.
    pub(crate) fn gone(&mut self, client: ClientId) {
        self.acknowledge.gone(client);
    }
}
