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
mod outbox;
mod recount;

use crate::cib::{Applied, Change, Cib, Context, Durable, Generation, News, Origin};
use crate::control::Response;
use crate::event::EventKind;
use crate::message::{Hello, Message, MessageError, Standing};
use crate::node::ClientId;
use acknowledge::Acknowledge;
use config::{NodeId, ResourceId};
use hello::{Agreement, Parts, Syncing};
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
    /// Members that came without what they had stored, while others have it.
    pub(crate) blank: BTreeSet<NodeId>,
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

    /// A new view: everything of the old one that is not applied is void.
    pub(crate) fn on_view(&mut self, view: View, now: Instant) {
        if self.forgot {
            self.cib.durable.generation = Generation::default();
        }
        let hello = Hello {
            ring: view.ring.clone(),
            versions: self.versions,
            generation: self.cib.durable.generation,
            durable: self.cib.durable.digest(),
            status: self.cib.status.digest(),
            standing: self.standing,
            since: self.since,
            own: self.cib.status.nodes.get(&self.me).cloned().unwrap_or_default(),
            forks: self.cib.durable.forks.clone(),
        };
        self.phase = Phase::Syncing(Syncing::new(view, now));
        self.bad = 0;
        self.outputs.push(Output::Broken);
        self.say(&Message::Hello(Box::new(hello)));
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

    fn on_snapshot(&mut self, from: &NodeId, durable: Option<String>, status: Option<String>) {
        fn read<T: serde::de::DeserializeOwned>(text: Option<String>) -> Result<Option<T>, serde_json::Error> {
            text.map(|text| serde_json::from_str(&text)).transpose()
        }
        let parts = read(durable).and_then(|durable| Ok(Parts { durable, status: read(status)? }));
        let accepted = match (parts, &mut self.phase) {
            (Ok(parts), Phase::Syncing(syncing)) => syncing.snapshot(from, parts),
            _ => false,
        };
        if accepted {
            self.proceed();
        } else {
            self.event(
                EventKind::Alert,
                Some(from.as_str()),
                format!("{from} sent a snapshot that does not fit its hello"),
            );
        }
    }

    fn on_excluded(&mut self, out: &BTreeSet<NodeId>) {
        if out.contains(&self.me) {
            let reason = "this node did not do its part of the hand-over in time and was excluded by the others";
            self.outputs.push(Output::Stop(reason.to_owned()));
            return;
        }
        for node in out {
            let text = format!("{node} did not do its part of the hand-over in time and is excluded");
            self.event(EventKind::Alert, Some(node.as_str()), text);
        }
        self.proceed();
    }

    /// These members went on beside the others after quorum was forced. False when this node is one of them.
    fn on_parted(&mut self, out: &BTreeSet<NodeId>) -> bool {
        let names: Vec<&str> = out.iter().map(NodeId::as_str).collect();
        let names = names.join(", ");
        if out.contains(&self.me) {
            let reason = format!(
                "quorum was forced, and the cluster went on both with {names} and without: what was changed on both sides \
                 cannot be merged. Find out what is worth keeping; to let this node join, move its state file \
                 (cib.json) away and start it again"
            );
            self.outputs.push(Output::Stop(reason));
            return false;
        }
        let text = format!(
            "{names} went on beside this part of the cluster after quorum was forced, and cannot join before its state \
             is moved away there"
        );
        self.event(EventKind::Alert, out.first().map(NodeId::as_str), text);
        true
    }

    /// Sends what this node has to send, and ends the hand-over when nobody is late.
    fn proceed(&mut self) {
        let Phase::Syncing(syncing) = &mut self.phase else { return };
        let parted = syncing.part();
        if !parted.is_empty() && !self.on_parted(&parted) {
            return;
        }
        let Phase::Syncing(syncing) = &mut self.phase else { return };
        if let Some(offer) = syncing.offer(&self.me) {
            let ring = syncing.view.ring.clone();
            let durable = offer.durable.then(|| self.cib.durable.to_json());
            let status = offer.status.then(|| self.cib.status.to_json());
            self.say(&Message::Snapshot { ring, durable, status });
        }
        let Phase::Syncing(syncing) = &mut self.phase else { return };
        if let Some(agreement) = syncing.agreement() {
            self.begin(agreement);
        }
    }

    /// The place in the order at which the view begins to count.
    fn begin(&mut self, agreement: Agreement) {
        let Agreement { view, durable: (winner, durable), status, hellos, ambiguous } = agreement;
        let before = self.cib.durable.generation;
        let won = hellos[&winner].generation;
        if ambiguous {
            let text = format!("members hold different cluster files under version {won}; the one of {winner} is used");
            self.event(EventKind::Alert, Some(winner.as_str()), text);
        }
        match durable {
            Some(durable) => {
                if let Err(problems) = self.cib.adopt_durable(durable) {
                    let what = problems.first().map(|problem| problem.message.clone()).unwrap_or_default();
                    self.outputs
                        .push(Output::Stop(format!("this version cannot read the cluster file of {winner}: {what}")));
                    return;
                }
            }
            None => self.cib.durable.generation = won,
        }
        if let Some(status) = status {
            self.cib.adopt_status(status);
        }
        let dc = hello::dc(&hellos, |node| self.cib.only_votes(node));
        let forgot = |hello: &&Hello| hello.generation == Generation::default() && won != Generation::default();
        let blank: BTreeSet<NodeId> =
            hellos.iter().filter(|(_, hello)| forgot(hello)).map(|(name, _)| name.clone()).collect();
        if let Some(common) = hello::spoken(&hellos, self.versions).filter(|common| *common < self.versions.newest) {
            let text = format!("this view speaks version {common}: a member knows no newer one");
            self.event(EventKind::View, None, text);
        }
        let own = hellos.into_iter().map(|(name, hello)| (name, hello.own)).collect();
        let turns = self.cib.begin_view(&view.members, &own);
        let quorum = self.cib.quorum(&view, &blank);
        self.cib.status.all_seen |= quorum.quorate;
        self.forgot = !quorum.quorate && (self.forgot || blank.contains(&self.me));
        if quorum.quorate {
            self.cib.stamp(&view.ring);
        }
        self.since.get_or_insert(view.ring.number);
        let contained = self.contained();
        let roll_since = self.cib.durable.generation;
        self.phase = Phase::Synced(Synced { view, dc, quorum, blank, roll_since, applied: 0 });
        self.follow();
        let answers = self.acknowledge.resume(before, won, contained, &self.cib);
        self.answer(answers);
        self.store();
        self.outputs.push(Output::Synced(turns));
        self.outbox.resume(contained);
        self.send_waiting();
    }

    /// The number of the last change of this node that the CIB contains.
    fn contained(&self) -> u64 {
        let counter = self.cib.status.counters.get(&self.me);
        counter.filter(|counter| counter.incarnation == self.incarnation).map_or(0, |counter| counter.value)
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
        self.acknowledge();
        self.seal();
    }

    fn acknowledge(&mut self) {
        let Phase::Synced(synced) = &self.phase else { return };
        let members = synced.view.members.keys().cloned().collect();
        let answers = self.acknowledge.acknowledge(&self.cib.roll(), &members);
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
        let answers = self.acknowledge.expire(now);
        self.answer(answers);
        let Phase::Syncing(syncing) = &mut self.phase else { return };
        if now < syncing.deadline {
            return;
        }
        syncing.deadline = now + hello::BOUND;
        let (ring, nodes) = (syncing.view.ring.clone(), syncing.late());
        // Without those who are late, the others would have no quorum: then there is nothing better than to wait on.
        let mut rest = syncing.view.clone();
        rest.members.retain(|name, _| !nodes.contains(name));
        let quorate = |view: &View| {
            let found = self.cib.quorum(view, &BTreeSet::new());
            let arbiter = found.external.map_or(0, |external| external.votes);
            found.quorate || found.votes + arbiter >= found.needed
        };
        let costly = quorate(&syncing.view) && !quorate(&rest);
        if !nodes.is_empty() && !costly {
            self.say(&Message::Exclude { ring, nodes });
        }
    }

    /// Who should count from now on; see [`Cib::wanted_electorate`].
    pub(crate) fn wanted_electorate(&self) -> Option<(BTreeSet<NodeId>, bool)> {
        let synced = self.synced().filter(|synced| synced.quorum.quorate)?;
        let told = |node: &NodeId| self.acknowledge.has_stored(node, synced.roll_since);
        let blank = synced.blank.iter().filter(|node| !told(node)).cloned().collect();
        self.cib.wanted_electorate(synced.view.ring.number, &blank)
    }

    /// The client hung up.
    pub(crate) fn gone(&mut self, client: ClientId) {
        self.acknowledge.gone(client);
    }
}
