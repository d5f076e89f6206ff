//! The machine of one node: what its clients ask, and what all nodes said, in; what to say, and what to tell clients,
//! out.
//!
//! ```text
//!            a view                 every member's roster
//!   Apart ----------> Syncing ----------------------------> Standing
//!                       ^  ^                                    |
//!                       +--+-------------- a view --------------+
//! ```
//!
//! What is said before a roster was heard from every member counts nowhere; what this node said and has not heard
//! itself say in the view it was meant for, it says again when it stands. So everybody in a view delivers the same
//! messages to the same members, and those who go on together have delivered the same before (extended virtual
//! synchrony, on the ring's).
//!
//! A client's request waits in its place until it can be carried out: until the view stands, until the group's window
//! is open ([`flow`](super::flow)), until there is room in this node's share of the ring ([`SHARE`]).

mod serve;

use super::client::{Client, Stage};
use super::flow::cost;
use super::speech::{Body, Brought, Speech};
use super::table::{Leavers, Table};
use super::{Answer, Change, GroupName, JoinReason, LeaveReason, MAX_IN_RING};
use super::{Member, Refusal, Request};
use crate::message::{Channel, Guarantee, Message};
use crate::ring::Delivery;
use crate::view::{Incarnation, View};
use bytes::Bytes;
use config::NodeId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::sync::Arc;

/// Bytes and messages of all clients of a node that may be in the ring at once.
const SHARE: (u64, usize) = (4 * 1024 * 1024, MAX_IN_RING);
/// A message shorter than this is copied out of the packet it came in: one that waits for its reader would keep the
/// whole packet.
const COPIED: usize = 32 * 1024;

/// An event for the machine.
#[derive(Clone, Debug)]
pub enum Input {
    /// From the ring: a new view.
    View(View),
    /// From the ring: a message of [`Channel::Groups`].
    Delivered(Delivery),
    /// A program connected. Numbers are not used again.
    Connected(u32),
    /// It asks.
    Request {
        /// Who.
        client: u32,
        /// What.
        request: Request,
    },
    /// It said something that nobody understands.
    Malformed(u32),
    /// What was to be written to it is written.
    Written(u32),
    /// Its connection ended.
    Gone(u32),
}

/// What the machine wants done, in this order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Give this to the ring.
    Multicast(Message),
    /// Write this to a client, then say [`Input::Written`]. Nothing more comes for it until then.
    Write {
        /// Who.
        client: u32,
        /// What, in this order.
        answers: Vec<Answer>,
    },
    /// The client's oldest request that was waiting is dealt with: there is room for another one.
    Taken(u32),
    /// End the connection; everything meant for it is written. [`Input::Gone`] is not needed any more.
    HangUp(u32),
    /// A node said something that no node of this version says.
    Strange {
        /// Who.
        from: NodeId,
        /// What is wrong with it.
        reason: String,
    },
}

/// The last thing a node says of its groups: all its clients go. To be multicast before it leaves the ring.
#[must_use]
pub fn goodbye() -> Message {
    let speech = Speech { view: 0, serial: 0, body: Body::Goodbye };
    Message { payload: speech.encode(&[]), channel: Channel::Groups, guarantee: Guarantee::Agreed }
}

/// Something said that has not come back yet.
#[derive(Clone, Debug)]
struct Flying {
    serial: u64,
    body: Body,
    payload: Bytes,
    guarantee: Guarantee,
    /// Of the request that it was.
    asked: u32,
}

#[derive(Clone, Debug)]
enum Phase {
    /// There was no view yet.
    Apart,
    /// Not everybody has told which members it brings.
    Syncing {
        heard: BTreeMap<NodeId, Vec<Brought>>,
    },
    Standing,
}

/// The process groups of one node.
#[derive(Clone, Debug)]
pub struct Groups {
    me: NodeId,
    incarnation: Incarnation,
    view: Option<View>,
    phase: Phase,
    table: Table,
    /// Lives of nodes that have said goodbye.
    departed: BTreeSet<(NodeId, Incarnation)>,
    clients: BTreeMap<u32, Client>,
    /// What was said and has not come back, oldest first.
    flying: VecDeque<Flying>,
    /// How many of them, from the oldest on, are in the ring.
    said: usize,
    flying_cost: u64,
    serial: u64,
    /// Groups in which the others should hear how far this node's members have read.
    to_tell: BTreeSet<GroupName>,
    /// Word of that is on its way.
    telling: bool,
    /// Clients with requests that wait, and who is asked first.
    waiting: BTreeSet<u32>,
    first: u32,
    /// Clients that may have something to be written.
    touched: BTreeSet<u32>,
    outputs: Vec<Output>,
}

impl Groups {
    /// Groups of a node that has no clients and no view.
    #[must_use]
    pub fn new(me: NodeId, incarnation: Incarnation) -> Groups {
        Groups {
            me,
            incarnation,
            view: None,
            phase: Phase::Apart,
            table: Table::default(),
            departed: BTreeSet::new(),
            clients: BTreeMap::new(),
            flying: VecDeque::new(),
            said: 0,
            flying_cost: 0,
            serial: 0,
            to_tell: BTreeSet::new(),
            telling: false,
            waiting: BTreeSet::new(),
            first: 0,
            touched: BTreeSet::new(),
            outputs: Vec::new(),
        }
    }

    /// The only way in, the only way out.
    pub fn step(&mut self, input: Input) -> Vec<Output> {
        match input {
            Input::View(view) => self.begin(view),
            Input::Delivered(delivery) => self.delivered(delivery),
            Input::Connected(client) => drop(self.clients.insert(client, Client::default())),
            Input::Request { client, request } => self.asked(client, request),
            Input::Malformed(client) => self.malformed(client),
            Input::Written(client) => self.written(client),
            Input::Gone(client) => self.gone(client),
        }
        self.tell();
        self.serve();
        self.write();
        mem::take(&mut self.outputs)
    }

    /// Whether this node has said goodbye, and heard itself say so: the ring may be left.
    #[must_use]
    pub fn departed(&self) -> bool {
        self.departed.contains(&(self.me.clone(), self.incarnation))
    }

    #[cfg(test)]
    pub(crate) fn queued(&self, client: u32) -> (usize, usize) {
        self.clients[&client].queued()
    }

    fn member(&self, client: u32) -> Member {
        Member { node: self.me.clone(), incarnation: self.incarnation, client }
    }

    fn stands(&self) -> bool {
        matches!(self.phase, Phase::Standing)
    }

    // ---- the view ----

    fn begin(&mut self, view: View) {
        for (group, leavers) in self.table.left_behind(&view) {
            self.change(&group, view.ring.number, leavers, Vec::new());
        }
        self.table.tidy();
        self.departed.retain(|(node, life)| view.members.get(node) == Some(life));
        self.telling = false;
        let roster = self.table.groups.iter().filter_map(|(name, group)| {
            let clients: Vec<u32> = group.of(&self.me, self.incarnation).map(|member| member.client).collect();
            let behind = clients.iter().any(|client| self.clients.get(client).is_some_and(|c| c.behind(name)));
            (!clients.is_empty()).then(|| Brought { group: name.clone(), clients, behind })
        });
        let body = Body::Roster(roster.collect());
        self.view = Some(view);
        self.phase = Phase::Syncing { heard: BTreeMap::new() };
        self.say(&body, &[], Guarantee::Agreed);
    }

    fn roster(&mut self, from: NodeId, brought: Vec<Brought>) {
        let Some(view) = &self.view else { return };
        let Phase::Syncing { heard } = &mut self.phase else { return };
        heard.insert(from, brought);
        if heard.len() < view.members.len() {
            return;
        }
        let (heard, view) = (mem::take(heard), view.clone());
        self.stand(heard, &view);
    }

    /// All have told whom they bring.
    fn stand(&mut self, heard: BTreeMap<NodeId, Vec<Brought>>, view: &View) {
        self.phase = Phase::Standing;
        let mut nodes: BTreeMap<GroupName, Vec<(NodeId, bool)>> = BTreeMap::new();
        let mut news: BTreeMap<GroupName, Vec<(Member, JoinReason)>> = BTreeMap::new();
        for (node, brought) in heard {
            let incarnation = view.members[&node];
            if self.departed.contains(&(node.clone(), incarnation)) {
                continue;
            }
            for Brought { group, clients, behind } in brought.into_iter().filter(|b| !b.clients.is_empty()) {
                let members = &mut self.table.groups.entry(group.clone()).or_default().members;
                for client in clients {
                    let member = Member { node: node.clone(), incarnation, client };
                    if members.insert(member.clone()) {
                        news.entry(group.clone()).or_default().push((member, JoinReason::NodeJoined));
                    }
                }
                nodes.entry(group).or_default().push((node.clone(), behind));
            }
        }
        for (name, group) in &mut self.table.groups {
            group.flow.begin(nodes.remove(name).unwrap_or_default().into_iter(), &self.me);
        }
        self.clients.values_mut().for_each(Client::begin);
        for (group, joined) in news {
            self.change(&group, view.ring.number, Vec::new(), joined);
        }
        self.to_tell = self.table.groups.keys().cloned().collect();
        self.said = 0;
        self.say_on();
    }

    // ---- what is said ----

    /// Gives something to the ring, for this view. Answers with its serial number.
    fn say(&mut self, body: &Body, payload: &[u8], guarantee: Guarantee) -> u64 {
        let view = self.view.as_ref().map_or(0, |view| view.ring.number);
        self.serial += 1;
        let payload = Speech { view, serial: self.serial, body: body.clone() }.encode(payload);
        self.outputs.push(Output::Multicast(Message { payload, channel: Channel::Groups, guarantee }));
        self.serial
    }

    /// Says something now and in every view until it has come back. While the view does not stand it is only kept.
    fn insist(&mut self, body: Body, payload: Bytes, guarantee: Guarantee, asked: u32) {
        self.flying_cost += cost(payload.len());
        self.flying.push_back(Flying { serial: 0, body, payload, guarantee, asked });
        if self.stands() {
            self.say_on();
        }
    }

    /// Says what waits to be said, in its order, as far as there is room.
    fn say_on(&mut self) {
        while self.said < MAX_IN_RING
            && let Some(Flying { body, payload, guarantee, .. }) = self.flying.get(self.said).cloned()
        {
            self.flying[self.said].serial = self.say(&body, &payload, guarantee);
            self.said += 1;
        }
    }

    fn delivered(&mut self, delivery: Delivery) {
        let Delivery { from, incarnation, guarantee, payload, .. } = delivery;
        let (Speech { view, serial, body }, payload) = match Speech::decode(&payload) {
            Ok(speech) => speech,
            Err(error) => {
                let reason = error.to_string();
                self.outputs.push(Output::Strange { from, reason });
                return;
            }
        };
        let here = self.view.as_ref().is_some_and(|now| now.ring.number == view);
        if matches!(body, Body::Goodbye) {
            return self.departs(from, incarnation);
        }
        if !here || self.departed.contains(&(from.clone(), incarnation)) {
            return;
        }
        let own = (from == self.me && incarnation == self.incarnation).then(|| self.came_back(serial)).flatten();
        match body {
            Body::Roster(brought) => self.roster(from, brought),
            Body::Join { group, client } if self.stands() => {
                self.joins(&group, &Member { node: from, incarnation, client }, own);
            }
            Body::Leave { group, client, reason } if self.stands() => {
                let member = Member { node: from, incarnation, client };
                if self.table.leave(&group, &member) {
                    self.change(&group, view, vec![(member, reason)], Vec::new());
                    self.table.tidy();
                }
                self.to_tell.insert(group);
            }
            Body::Send { group, client } if self.stands() => {
                let from = Member { node: from, incarnation, client };
                self.message(&group, &from, guarantee, &payload, own.is_some());
            }
            Body::Read(all) => {
                self.telling &= from != self.me;
                for (group, position) in all {
                    if let Some(group) = self.table.groups.get_mut(&group) {
                        group.flow.read(&from, position);
                    }
                }
            }
            Body::Join { .. } | Body::Leave { .. } | Body::Send { .. } | Body::Goodbye => {
                let reason = "it speaks in a view before all have told whom they bring".to_owned();
                self.outputs.push(Output::Strange { from, reason });
            }
        }
    }

    /// Something of this node's own is here, meant for this view. What the request was that it came from.
    fn came_back(&mut self, serial: u64) -> Option<u32> {
        let flying = self.flying.pop_front_if(|first| first.serial == serial)?;
        self.flying_cost -= cost(flying.payload.len());
        self.said -= 1;
        if self.stands() {
            self.say_on();
        }
        Some(flying.asked)
    }

    fn joins(&mut self, group: &GroupName, member: &Member, own: Option<u32>) {
        let joined = self.table.join(group, member, &self.me);
        let view = self.view.as_ref().map_or(0, |view| view.ring.number);
        if *member == self.member(member.client) && self.clients.contains_key(&member.client) {
            let position = self.table.groups.get(group).map_or(0, |group| group.flow.total());
            let client = self.clients.get_mut(&member.client).expect("looked up above");
            match &joined {
                Ok(()) => client.joined(group, position),
                Err(refusal) => {
                    client.memberships.remove(group);
                    client.tell(Answer::Refused { serial: own.unwrap_or(0), refusal: *refusal });
                    self.touched.insert(member.client);
                }
            }
        }
        if joined.is_ok() {
            self.change(group, view, Vec::new(), vec![(member.clone(), JoinReason::Join)]);
        }
    }

    fn message(&mut self, group: &GroupName, from: &Member, guarantee: Guarantee, payload: &Bytes, own: bool) {
        let Some(entry) = self.table.groups.get_mut(group).filter(|group| group.members.contains(from)) else {
            let reason = format!("one of its clients speaks in the group {group} and is not in it");
            self.outputs.push(Output::Strange { from: from.node.clone(), reason });
            return;
        };
        let at = entry.flow.delivered(cost(payload.len()), own);
        let mut kept = None;
        for member in entry.of(&self.me, self.incarnation) {
            let Some(client) = self.clients.get_mut(&member.client) else { continue };
            let copy = || if payload.len() < COPIED { Bytes::copy_from_slice(payload) } else { payload.clone() };
            let payload = kept.get_or_insert_with(copy).clone();
            client.message(group, at, Answer::Message { group: group.clone(), from: from.clone(), guarantee, payload });
            self.touched.insert(member.client);
        }
    }

    /// A node leaves in order.
    fn departs(&mut self, node: NodeId, incarnation: Incarnation) {
        let view = self.view.as_ref().map_or(0, |view| view.ring.number);
        let left = |member: &Member| {
            (member.node == node && member.incarnation == incarnation).then_some(LeaveReason::NodeLeft)
        };
        for (group, leavers) in self.table.sweep(left) {
            self.change(&group, view, leavers, Vec::new());
        }
        self.table.tidy();
        if node == self.me && incarnation == self.incarnation {
            for (number, client) in &mut self.clients {
                client.tell(Answer::Bye);
                client.closing = true;
                client.waiting.clear();
                self.touched.insert(*number);
            }
            self.flying.clear();
            self.said = 0;
            self.flying_cost = 0;
        }
        self.departed.insert((node, incarnation));
    }

    /// Tells this node's members of a group, and those of its clients that leave it, what has changed.
    fn change(&mut self, group: &GroupName, view: u64, left: Leavers, joined: Vec<(Member, JoinReason)>) {
        let members: Vec<Member> =
            self.table.groups.get(group).map(|group| group.members.iter().cloned().collect()).unwrap_or_default();
        let mine = |member: &&Member| member.node == self.me && member.incarnation == self.incarnation;
        let leavers: Vec<u32> = left.iter().map(|(m, _)| m).filter(mine).map(|m| m.client).collect();
        let mut told: Vec<u32> = members.iter().filter(mine).map(|member| member.client).collect();
        told.extend(&leavers);
        let change = Arc::new(Change { group: group.clone(), view, members, left, joined });
        for number in told {
            let me = self.member(number);
            if let Some(client) = self.clients.get_mut(&number) {
                client.change(&change, &me);
                if leavers.contains(&number) {
                    client.memberships.remove(group);
                }
                self.touched.insert(number);
            }
        }
    }

    // ---- clients ----

    fn asked(&mut self, number: u32, request: Request) {
        if let Some(client) = self.clients.get_mut(&number).filter(|client| !client.closing) {
            client.waiting.push_back(request);
            self.waiting.insert(number);
        }
    }

    fn malformed(&mut self, number: u32) {
        if let Some(client) = self.clients.get_mut(&number) {
            client.tell(Answer::Refused { serial: 0, refusal: Refusal::Malformed });
            client.closing = true;
            client.waiting.clear();
            self.touched.insert(number);
        }
    }

    fn written(&mut self, number: u32) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        self.to_tell.extend(client.written());
        self.touched.insert(number);
    }

    fn gone(&mut self, number: u32) {
        let Some(client) = self.clients.remove(&number) else { return };
        self.waiting.remove(&number);
        self.touched.remove(&number);
        for (group, membership) in client.memberships {
            self.to_tell.insert(group.clone());
            if membership.stage != Stage::Leaving {
                let body = Body::Leave { group, client: number, reason: LeaveReason::ClientDied };
                self.insist(body, Bytes::new(), Guarantee::Agreed, 0);
            }
        }
    }

    /// Says how far the members of this node have read, where that is worth a message.
    fn tell(&mut self) {
        if self.telling || !self.stands() || self.to_tell.is_empty() {
            return;
        }
        let mut all = Vec::new();
        for name in mem::take(&mut self.to_tell) {
            let Some(group) = self.table.groups.get_mut(&name) else { continue };
            let total = group.flow.total();
            let clients = &self.clients;
            let positions = group.of(&self.me, self.incarnation).map(|member| match clients.get(&member.client) {
                Some(client) => client.position(&name, total),
                None => Some(total),
            });
            // Without members here there is nothing to tell; one that reads what is old keeps all from telling.
            let Some(Some(position)) = positions.min() else { continue };
            if group.flow.worth_telling(position) {
                group.flow.tell(position);
                all.push((name, position));
            }
        }
        if !all.is_empty() {
            self.telling = true;
            self.say(&Body::Read(all), &[], Guarantee::Agreed);
        }
    }

    /// Hands over what can be written.
    fn write(&mut self) {
        for number in mem::take(&mut self.touched) {
            let Some(client) = self.clients.get_mut(&number) else { continue };
            let answers = client.batch();
            if !answers.is_empty() {
                self.outputs.push(Output::Write { client: number, answers });
            } else if client.closing && client.drained() {
                self.outputs.push(Output::HangUp(number));
                self.gone(number);
            }
        }
    }
}
