//! Nodes, as their reports put them. In doubt a node is not to be trusted.

use super::options::Options;
use super::setting;
use crate::rule::RuleContext;
use crate::situation::{self, NodeKind, NodeStatus, Situation};
use std::collections::BTreeMap;

/// How an order reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// It is a member.
    Member,
    /// Through a connection, which is the resource that has its name.
    Connection,
}

/// One node.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// How an order reaches it.
    pub(super) reach: Reach,
    /// What was written of it.
    pub(super) written: Option<&'a situation::Node>,
    /// What it reported.
    pub(super) status: Option<&'a NodeStatus>,
    /// In the ring, its resource manager speaks with the others, and has joined them.
    pub(super) present: bool,
    /// It left in order, or (where startup fencing is off) never came: nothing runs there.
    pub(super) gone: bool,
    /// It is in the ring or its manager is, and it has not joined.
    pub(super) joining: bool,
    /// Runs nothing, by request.
    pub(super) standby: bool,
    /// Its resources are left alone.
    pub(super) maintenance: bool,
    /// It wants to leave in order.
    pub(super) leaving: bool,
    /// Somebody asked for its fencing.
    pub(super) terminate: bool,
}

impl<'a> Node<'a> {
    /// A node about which nothing is known but its name.
    pub(super) fn named(name: &'a str, reach: Reach) -> Node<'a> {
        Node {
            name,
            reach,
            written: None,
            status: None,
            present: false,
            gone: false,
            joining: false,
            standby: false,
            maintenance: false,
            leaving: false,
            terminate: false,
        }
    }

    /// Whether it is a member that can be asked to stop something.
    pub(super) fn listens(&self) -> bool {
        let manager = self.status.is_some_and(|status| status.peer == Some(true));
        self.present || (self.leaving && manager)
    }

    /// Why nothing may be started on it, as far as it is itself concerned. In maintenance it is not touched at all.
    pub(super) fn closed(&self) -> Option<&'static str> {
        if self.reach == Reach::Member && !self.present {
            Some("is not there")
        } else if self.leaving {
            Some("wants to leave")
        } else if self.standby {
            Some("is in standby")
        } else {
            None
        }
    }

    /// Its attributes, as rules see them.
    pub(super) fn attributes(&self, situation: &Situation) -> BTreeMap<String, String> {
        let context = RuleContext { now_ms: situation.now_ms, ..RuleContext::default() };
        let reported = self.status.into_iter().flat_map(|status| setting::values(&status.attributes, &context));
        let written = self.written.into_iter().flat_map(|node| setting::values(&node.attributes, &context));
        let mut all = BTreeMap::new();
        for (name, value) in reported.chain(written) {
            all.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
        let id = self.written.map_or(self.name, |node| &node.id);
        let kind = if self.reach == Reach::Member { "cluster" } else { "remote" };
        let dc = situation.dc.as_deref().is_some_and(|dc| dc == id || dc == self.name);
        for (name, value) in
            [("#uname", self.name), ("#id", id), ("#kind", kind), ("#is_dc", if dc { "true" } else { "false" })]
        {
            all.insert(name.to_owned(), value.to_owned());
        }
        all
    }

    /// Reads what was reported.
    pub(super) fn report(&mut self, status: &'a NodeStatus, options: &Options, now_ms: i64) {
        self.status = Some(status);
        let (mut standby, mut maintenance, mut shutdown, mut terminate) = (None, None, None, None);
        let context = RuleContext { now_ms, ..RuleContext::default() };
        let reported = setting::values(&status.attributes, &context);
        let written = self.written.into_iter().flat_map(|node| setting::values(&node.attributes, &context));
        for (name, value) in reported.chain(written) {
            let place = match name {
                "standby" => &mut standby,
                "maintenance" => &mut maintenance,
                "shutdown" => &mut shutdown,
                "terminate" => &mut terminate,
                _ => continue,
            };
            place.get_or_insert(value);
        }
        self.standby = setting::yes(standby) == Some(true);
        self.maintenance = setting::yes(maintenance) == Some(true);
        self.leaving = shutdown.is_some_and(|since| !since.is_empty() && since != "0");
        self.terminate = terminate.is_some_and(|it| setting::yes(Some(it)) != Some(false));
        let is = |text: &Option<String>, word: &str| text.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(word));
        let (member, manager) = (status.member == Some(true), status.peer == Some(true));
        let down = status.expected.is_none() || is(&status.expected, "down");
        self.present = member && manager && is(&status.join, "member") && !(self.terminate && options.fencing);
        self.joining = (member || manager) && !self.present;
        self.gone = !member
            && !manager
            && (down || self.leaving || !options.fencing || is(&status.join, "down") && self.terminate);
    }
}

/// Every node, and their places by name and by id.
#[derive(Debug, Default)]
pub(super) struct Nodes<'a> {
    pub(super) all: Vec<Node<'a>>,
    by_name: BTreeMap<&'a str, usize>,
    by_id: BTreeMap<&'a str, usize>,
    last: usize,
}

impl<'a> Nodes<'a> {
    /// Nodes that are written or reported something.
    pub(super) fn of(situation: &'a Situation, options: &Options) -> Nodes<'a> {
        let mut nodes = Nodes::default();
        for written in &situation.configuration.nodes {
            let reach = if written.kind == NodeKind::Remote { Reach::Connection } else { Reach::Member };
            let at = nodes.add(&written.name, reach);
            nodes.by_id.insert(&written.id, at);
            let node = &mut nodes.all[at];
            node.written = Some(written);
            node.gone = !options.fencing || !options.startup_fencing;
            let says = |name| setting::yes(setting::value(&written.attributes, name, situation.now_ms)) == Some(true);
            (node.standby, node.maintenance) = (says("standby"), says("maintenance"));
        }
        for status in &situation.status {
            let reach = if status.remote { Reach::Connection } else { Reach::Member };
            let known = nodes.by_id.get(status.id.as_str()).copied().filter(|_| !status.remote);
            let at = known.unwrap_or_else(|| nodes.add(&status.name, reach));
            nodes.all[at].report(status, options, situation.now_ms);
        }
        nodes
    }

    /// The place of a node; it is added where it is new.
    pub(super) fn add(&mut self, name: &'a str, reach: Reach) -> usize {
        let next = self.all.len();
        let at = *self.by_name.entry(name).or_insert(next);
        if at == next {
            self.all.push(Node::named(name, reach));
        } else if reach == Reach::Connection {
            // Not every report of a remote node says that it is of one.
            self.all[at].reach = reach;
        }
        at
    }

    /// The place of the node of this name. Names in lists repeat.
    pub(super) fn find(&mut self, name: &str) -> Option<usize> {
        if self.all.get(self.last).is_some_and(|node| node.name == name) {
            return Some(self.last);
        }
        let at = self.by_name.get(name).copied()?;
        self.last = at;
        Some(at)
    }

    /// The place of the node that a report is of.
    pub(super) fn of_status(&mut self, status: &NodeStatus) -> Option<usize> {
        let known = self.by_id.get(status.id.as_str()).copied().filter(|_| !status.remote);
        known.or_else(|| self.find(&status.name))
    }
}
