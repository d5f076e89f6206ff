//! The last events, who follows them, and how the beginning of a view is told.

use super::{ClientId, Effect, Moment, Node, words};
use crate::cib::{News, Origin, Turn};
use crate::control::Response;
use crate::event::{Event, EventKind};
use config::{NodeId, ResourceId};
use membership::View;
use std::collections::{BTreeSet, VecDeque};

/// Events remembered for those who come later.
const REMEMBERED: usize = 1000;

/// Clients that may follow at once.
const FOLLOWERS: usize = 64;

/// Events and their followers.
#[derive(Debug, Default)]
pub(super) struct Journal {
    events: VecDeque<Event>,
    followers: BTreeSet<ClientId>,
}

impl Journal {
    /// Adds a follower; false when there are too many.
    pub(super) fn follow(&mut self, client: ClientId) -> bool {
        let room = self.followers.len() < FOLLOWERS || self.followers.contains(&client);
        if room {
            self.followers.insert(client);
        }
        room
    }

    /// A client hung up.
    pub(super) fn gone(&mut self, client: ClientId) {
        self.followers.remove(&client);
    }

    /// What is remembered, oldest first.
    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.iter()
    }
}

impl Node {
    /// Tells the log and the followers, and remembers.
    pub(super) fn event(&mut self, now: Moment, kind: EventKind, subject: Option<String>, text: String) {
        let event = Event { wall_ms: now.wall_ms, kind, subject, text };
        for client in &self.journal.followers {
            self.effects.push(Effect::Reply { client: *client, response: Response::Event(event.clone()) });
        }
        self.journal.events.push_back(event.clone());
        if self.journal.events.len() > REMEMBERED {
            self.journal.events.pop_front();
        }
        self.effects.push(Effect::Event(event));
    }

    pub(super) fn announce_view(&mut self, now: Moment, view: &View) {
        let before: BTreeSet<NodeId> =
            self.view().map(|view| view.members.keys().cloned().collect()).unwrap_or_default();
        let gone: Vec<&NodeId> = before.iter().filter(|node| !view.contains(node)).collect();
        let new: Vec<&NodeId> = view.members.keys().filter(|node| !before.contains(*node)).collect();
        let mut text = format!("view {}: {}", view.ring, words::list(view.members.keys()));
        if !gone.is_empty() {
            text.push_str(&format!("; without {}", words::list(gone)));
        }
        if !new.is_empty() && !before.is_empty() {
            text.push_str(&format!("; new {}", words::list(new)));
        }
        self.event(now, EventKind::View, None, text);
    }

    pub(super) fn announce_synced(&mut self, now: Moment, turns: &[Turn]) {
        for turn in turns {
            let (kind, node, text) = match turn {
                Turn::Joined(node) => (EventKind::View, node, format!("{node} is online")),
                Turn::Lost(node) => {
                    let text = format!("{node} is lost: what it ran starts elsewhere only once it is confirmed off");
                    (EventKind::View, node, text)
                }
                Turn::Left(node) => (EventKind::View, node, format!("{node} left in order")),
                Turn::Away(node) => {
                    (EventKind::View, node, format!("{node} is away; it only votes, so nobody has to be fenced"))
                }
                Turn::NoLongerFenced(node) => {
                    (EventKind::Fenced, node, format!("{node} came back; the request to fence it is closed"))
                }
            };
            self.event(now, kind, Some(node.to_string()), text);
        }
        let Some(synced) = self.controller.synced() else { return };
        let dc = synced.dc.clone();
        let text = format!("{} hold version {}", words::count(synced.view.members.len(), "member"), self.generation());
        self.event(now, EventKind::Synced, None, text);
        self.announce_quorum(now);
        if self.announced.dc.as_ref() != Some(&dc) {
            self.announced.dc = Some(dc.clone());
            self.event(now, EventKind::Dc, Some(dc.to_string()), format!("{dc} is DC"));
        }
    }

    /// Says it when this partition may act from now on, or may not any more. Returns whether it was so.
    pub(super) fn announce_quorum(&mut self, now: Moment) -> bool {
        let Some(quorum) = self.quorum().cloned() else { return false };
        let turned = self.announced.quorate != Some(quorum.quorate);
        if turned {
            self.announced.quorate = Some(quorum.quorate);
            self.event(now, EventKind::Quorum, None, words::quorum(&quorum));
        }
        turned
    }

    pub(super) fn announce_news(&mut self, now: Moment, origin: &Origin, news: &News) {
        let (kind, subject, text) = words::news(news, &origin.node, self.cib());
        self.event(now, kind, subject, text);
    }

    /// Says loudly, once, that a resource runs on more than one node.
    pub(super) fn announce_doubled(&mut self, now: Moment) {
        let doubled = crate::summary::doubled(self.cib());
        let fresh: Vec<ResourceId> =
            doubled.keys().filter(|name| !self.announced.doubled.contains(*name)).cloned().collect();
        for name in fresh {
            let text = format!("{name} runs on {}, but may only run once", words::list(&doubled[&name]));
            self.event(now, EventKind::Alert, Some(name.to_string()), text);
        }
        self.announced.doubled = doubled.into_keys().collect();
    }
}
