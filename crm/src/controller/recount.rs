//! Quorum inside a view: counted anew wherever the order brings something that it depends on.
//!
//! Every member does this after the same message with equal arguments, so all members of a view always agree on whether
//! they may act, without a new view.

use super::{Context, Controller, Output, Phase};
use crate::cib::Generation;
use crate::event::EventKind;
use config::NodeId;

impl Controller {
    /// The version now in force brought another roll.
    pub(super) fn note_roll(&mut self) {
        let generation = self.cib.durable.generation;
        if let Phase::Synced(synced) = &mut self.phase {
            synced.roll_since = generation;
        }
    }

    /// Counts again. When this view may act from now on, what its members hold is stamped and stored, as at the
    /// beginning of a quorate view; returns whether it was.
    pub(super) fn recount(&mut self) -> bool {
        let Phase::Synced(synced) = &mut self.phase else { return false };
        let quorum = self.cib.quorum(&synced.view, &self.cib.status.blank);
        if quorum == synced.quorum {
            return false;
        }
        let begins = quorum.quorate && !synced.quorum.quorate;
        synced.quorum = quorum;
        self.outputs.push(Output::Quorum);
        if !begins {
            return false;
        }
        self.forgot = false;
        self.cib.status.all_seen = true;
        let ring = synced.view.ring.clone();
        if self.cib.durable.generation.view != ring.number {
            self.cib.stamp(&ring);
            self.note_roll();
        }
        self.follow();
        self.store();
        true
    }

    /// A member has stored a version of this view. If it came without what it had stored before, it is told all of it
    /// now, and counts like any other; and it knows the nodes that were added up to there.
    pub(super) fn take_in(&mut self, node: &NodeId, generation: Generation) {
        let Phase::Synced(synced) = &self.phase else { return };
        let unaware = &mut self.cib.status.unaware;
        unaware.retain(|name, needed| name != node || *needed > generation);
        let told = synced.quorum.quorate && self.acknowledge.has_stored(node, synced.roll_since);
        if told && self.cib.status.blank.remove(node) {
            self.recount();
        }
    }

    /// A member has stored something: a change of who counts may be settled by it.
    pub(super) fn seal(&mut self) {
        let Phase::Synced(synced) = &self.phase else { return };
        let context = Context { view: synced.view.ring.number, quorate: synced.quorum.quorate };
        if context.view != self.cib.durable.generation.view {
            return;
        }
        let (since, forced) = (synced.roll_since, self.cib.durable.forced.is_some());
        let Some(nodes) = self.cib.seal(|node| self.acknowledge.has_stored(node, since), context) else { return };
        let names: Vec<&str> = nodes.iter().map(NodeId::as_str).collect();
        self.event(EventKind::Quorum, None, format!("the votes that count are those of {}", names.join(", ")));
        if forced && self.cib.durable.forced.is_none() {
            self.event(
                EventKind::Quorum,
                None,
                "a majority of all nodes is back: quorum is not forced any more".to_owned(),
            );
        }
        self.note_roll();
        self.store();
        self.recount();
    }
}
