//! When a client may hear "done": a durable change once nodes with a quorum of all votes have it on stable storage, any
//! other change once it is applied.

use crate::cib::{Applied, Change, Cib, Generation};
use crate::control::{Refusal, Response};
use crate::node::ClientId;
use config::NodeId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A client that has no answer after this long hears that the outcome is unknown.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Fingerprints of versions remembered, to compare with what others stored.
const VERSIONS: usize = 64;

/// Clients that wait for a change, and what every member has stored in this view.
#[derive(Debug, Default)]
pub(crate) struct Acknowledge {
    waiting: Vec<Waiting>,
    persisted: BTreeMap<NodeId, Generation>,
    versions: BTreeMap<Generation, u64>,
}

#[derive(Debug)]
struct Waiting {
    client: ClientId,
    counter: u64,
    change: Change,
    /// The version that holds it, once it was applied.
    applied: Option<Generation>,
    /// Whether it made a difference.
    changed: bool,
    deadline: Instant,
}

/// An answer that became due.
pub(crate) type Answer = (ClientId, Response);

fn is_durable(change: &Change) -> bool {
    match change {
        Change::Configure { .. } | Change::Override(_) | Change::ForceQuorum(_) | Change::Revoke(_) => true,
        Change::Note { attribute, .. } => attribute.is_durable(),
        _ => false,
    }
}

/// Whether the durable part is as this change wants it.
fn holds(cib: &Cib, change: &Change) -> bool {
    match change {
        Change::Configure { text, .. } => cib.durable.text == *text,
        Change::Override(edit) => !edit.edit(&mut cib.durable.overrides.clone()),
        Change::ForceQuorum(forced) => cib.durable.forced.as_ref() == Some(forced),
        Change::Revoke(revocation) => cib.durable.revoked.contains_key(&revocation.certificate),
        Change::Note { attribute: note, .. } => cib.attribute(&note.subject, &note.name) == note.value.as_deref(),
        _ => false,
    }
}

fn unknown(why: &str) -> Response {
    Response::Refused {
        kind: Refusal::Unknown,
        message: format!("{why}; the change may or may not be in force"),
        hint: Some("look at paceline status and paceline config show, then try again".to_owned()),
    }
}

/// Nodes that have to store this change before it is done, because they would not find the way back otherwise.
fn awaits_all(change: &Change, cib: &Cib) -> Vec<NodeId> {
    let adds = matches!(change, Change::Configure { .. });
    cib.status.unaware.keys().filter(|_| adds).cloned().collect()
}

fn too_late(change: &Change, cib: &Cib) -> Response {
    let unaware: Vec<String> = awaits_all(change, cib).iter().map(ToString::to_string).collect();
    if unaware.is_empty() {
        return unknown("not enough nodes confirmed within 10 s that they stored it");
    }
    let names = unaware.join(" and ");
    let message = format!(
        "{names} did not store within 10 s the file that adds a node; the file is probably in force, but a node that is \
         added must not be started before all know it"
    );
    let hint = format!("start {names} (or take it out of the file), then apply the same file again");
    Response::Refused { kind: Refusal::Unknown, message, hint: Some(hint) }
}

impl Acknowledge {
    /// A client waits for the change that was given this number.
    pub(crate) fn wait(&mut self, client: ClientId, counter: u64, change: Change, now: Instant) {
        self.waiting.push(Waiting { client, counter, change, applied: None, changed: true, deadline: now + PATIENCE });
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The client hung up.
    pub(crate) fn gone(&mut self, client: ClientId) {
        self.waiting.retain(|waiting| waiting.client != client);
    }

    /// The first moment at which somebody loses patience.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.waiting.iter().map(|waiting| waiting.deadline).min()
    }

    /// Answers those who waited long enough.
    pub(crate) fn expire(&mut self, now: Instant, cib: &Cib) -> Vec<Answer> {
        let (late, rest) = std::mem::take(&mut self.waiting).into_iter().partition(|waiting| waiting.deadline <= now);
        self.waiting = rest;
        let late: Vec<Waiting> = late;
        late.into_iter().map(|waiting| (waiting.client, too_late(&waiting.change, cib))).collect()
    }

    /// A change of this node was applied (or not). `sent` says in how many views it was sent: a refusal is only certain
    /// when no other partition can have applied it.
    pub(crate) fn settled(&mut self, counter: u64, applied: &Applied, sent: u32, cib: &Cib) -> Option<Answer> {
        let place = self.waiting.iter().position(|waiting| waiting.counter == counter)?;
        let durable = is_durable(&self.waiting[place].change);
        let generation = cib.durable.generation;
        match applied {
            // What is already so may still be on its way to the disks.
            Applied::Changed(_) | Applied::Unchanged | Applied::Repeated if durable => {
                self.waiting[place].applied = Some(generation);
                self.waiting[place].changed = matches!(applied, Applied::Changed(_));
                None
            }
            Applied::Changed(_) => {
                Some((self.waiting.swap_remove(place).client, Response::Done { generation, changed: true }))
            }
            Applied::Unchanged | Applied::Repeated => {
                Some((self.waiting.swap_remove(place).client, Response::Done { generation, changed: false }))
            }
            Applied::Refused(_) if sent > 1 => Some((
                self.waiting.swap_remove(place).client,
                unknown("the members changed while it was being agreed on"),
            )),
            Applied::Refused(refused) => {
                let refused = refused.clone();
                let response = Response::Refused { kind: refused.kind, message: refused.message, hint: refused.hint };
                Some((self.waiting.swap_remove(place).client, response))
            }
        }
    }

    /// A view was synchronised. `before` is the version this node had; `contained` are the numbers up to which changes
    /// of this node are contained in the CIB now in force.
    pub(crate) fn resume(&mut self, before: Generation, winner: Generation, contained: u64, cib: &Cib) -> Vec<Answer> {
        self.persisted.clear();
        self.versions.clear();
        let carried = winner == before || (winner.view == before.view && winner.index >= before.index);
        let mut answers = Vec::new();
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.retain_mut(|entry| {
            let (client, generation) = (entry.client, cib.durable.generation);
            if entry.applied.is_none() && entry.counter > contained {
                return true;
            }
            if !is_durable(&entry.change) {
                answers.push((client, Response::Done { generation, changed: true }));
                return false;
            }
            // Applied here and carried on, or at least in force now: then a quorum of this view will store it.
            if (entry.applied.is_some() && carried) || holds(cib, &entry.change) {
                entry.applied = Some(generation);
                return true;
            }
            answers.push((client, unknown("the members changed while it was being stored")));
            false
        });
        self.waiting = waiting;
        answers
    }

    /// Remembers the fingerprint of a version of this view.
    pub(crate) fn version(&mut self, generation: Generation, digest: u64) {
        self.versions.insert(generation, digest);
        while self.versions.len() > VERSIONS {
            self.versions.pop_first();
        }
    }

    /// The fingerprint of a version of this view.
    pub(crate) fn digest(&self, generation: Generation) -> Option<u64> {
        self.versions.get(&generation).copied()
    }

    /// A member has stored a version of this view. False when its content is not what this node has under that version.
    pub(crate) fn persisted(&mut self, node: &NodeId, generation: Generation, digest: u64) -> bool {
        let same = self.versions.get(&generation).is_none_or(|known| *known == digest);
        if same {
            let seen = self.persisted.entry(node.clone()).or_default();
            *seen = generation.max(*seen);
        }
        same
    }

    /// Which members have stored this version of the view, or a later one.
    pub(crate) fn has_stored(&self, node: &NodeId, generation: Generation) -> bool {
        self.persisted.get(node).is_some_and(|have| *have >= generation)
    }

    /// Answers those whose change is on enough disks: every later part that may act has a member that holds it. A node
    /// that was added is started when its file is done, so that waits for every node that has to know it.
    pub(crate) fn acknowledge(&mut self, cib: &Cib, members: &BTreeSet<NodeId>) -> Vec<Answer> {
        let waiting = std::mem::take(&mut self.waiting);
        let roll = cib.roll();
        let enough = |generation: Generation| roll.secured(|node| self.has_stored(node, generation), members);
        let safe =
            |waiting: &Waiting| waiting.applied.is_some_and(&enough) && awaits_all(&waiting.change, cib).is_empty();
        let mut answers = Vec::new();
        let mut rest = Vec::new();
        for waiting in waiting {
            if safe(&waiting) {
                let generation = waiting.applied.expect("safe() looked at it");
                answers.push((waiting.client, Response::Done { generation, changed: waiting.changed }));
            } else {
                rest.push(waiting);
            }
        }
        self.waiting = rest;
        answers
    }
}
