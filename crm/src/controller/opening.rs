//! The opening of a view: from the moment at which the ring has it to the place in the order at which it begins to
//! count. What is agreed on in it is in `hello`; here it is carried out.

use super::hello::{self, Agreement, Parts, Syncing};
use super::{Controller, Output, Phase, Synced};
use crate::cib::Generation;
use crate::event::EventKind;
use crate::message::{Hello, Message};
use config::NodeId;
use membership::View;
use std::collections::BTreeSet;
use std::time::Instant;

impl Controller {
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
            roll: self.cib.roll(),
            votes: self.cib.config.nodes.get(&self.me).map_or(0, |node| node.votes),
        };
        self.phase = Phase::Syncing(Syncing::new(view, now));
        self.bad = 0;
        self.outputs.push(Output::Broken);
        self.say(&Message::Hello(Box::new(hello)));
    }

    pub(super) fn on_snapshot(&mut self, from: &NodeId, durable: Option<String>, status: Option<String>) {
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

    pub(super) fn on_excluded(&mut self, out: &BTreeSet<NodeId>) {
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
    pub(super) fn proceed(&mut self) {
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
        if self.cib.status.life == 0 {
            self.cib.status.life = view.ring.number;
        }
        let quorum = self.cib.quorum(&view, &blank);
        self.cib.status.all_seen |= quorum.quorate;
        self.forgot = !quorum.quorate && (self.forgot || blank.contains(&self.me));
        self.cib.status.blank = blank;
        if quorum.quorate {
            self.cib.stamp(&view.ring);
        }
        self.since.get_or_insert(view.ring.number);
        let contained = self.contained();
        let roll_since = self.cib.durable.generation;
        self.phase = Phase::Synced(Synced { view, dc, quorum, roll_since, applied: 0 });
        self.follow();
        let answers = self.acknowledge.resume(before, won, contained, &self.cib);
        self.answer(answers);
        self.store();
        self.outputs.push(Output::Synced(turns));
        self.outbox.resume(contained);
        self.send_waiting();
    }

    /// Whoever is late when the bound has passed is to be excluded, if the others can go on without.
    pub(super) fn exclude_late(&mut self, now: Instant) {
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

    /// The number of the last change of this node that the CIB contains.
    fn contained(&self) -> u64 {
        let counter = self.cib.status.counters.get(&self.me);
        counter.filter(|counter| counter.incarnation == self.incarnation).map_or(0, |counter| counter.value)
    }
}
