//! The machine of one node with a ring of its own: what it refuses, and what it does not let grow. What several nodes
//! make of each other is played on whole rings (`tests/ring/programs.rs`).

use super::flow::WINDOW;
use super::machine::{Groups, Input, Output};
use super::*;
use crate::message::Message;
use crate::ring::{Configuration, Delivery};
use crate::view::{RingId, View};
use std::collections::{BTreeMap, VecDeque};

struct Alone {
    groups: Groups,
    ring: VecDeque<Message>,
    view: u64,
    seq: u64,
    heard: BTreeMap<u32, Vec<Answer>>,
    /// These do not read.
    asleep: Vec<u32>,
    hung_up: Vec<u32>,
}

fn node() -> NodeId {
    NodeId::new("alone").unwrap()
}

fn group(number: usize) -> GroupName {
    GroupName::new(&format!("g{number}")).unwrap()
}

impl Alone {
    fn new() -> Alone {
        let groups = Groups::new(node(), Incarnation(7));
        let (ring, heard) = (VecDeque::new(), BTreeMap::new());
        let mut alone = Alone { groups, ring, view: 0, seq: 0, heard, asleep: Vec::new(), hung_up: Vec::new() };
        alone.next_view();
        alone
    }

    fn next_view(&mut self) {
        self.view += 1;
        let ring = RingId { number: self.view, representative: node() };
        let view = View { ring, members: [(node(), Incarnation(7))].into(), came_along: [node()].into() };
        // What is on its way comes in the new view, and counts there no more.
        self.step(Input::View(view));
        self.deliver();
    }

    fn step(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for output in self.groups.step(input) {
                match output {
                    Output::Multicast(message) => self.ring.push_back(message),
                    Output::Write { client, answers } => {
                        self.heard.entry(client).or_default().extend(answers);
                        if !self.asleep.contains(&client) {
                            inputs.push_back(Input::Written(client));
                        }
                    }
                    Output::HangUp(client) => self.hung_up.push(client),
                    Output::Taken(_) => {}
                    Output::Strange { reason, .. } => panic!("{reason}"),
                }
            }
        }
    }

    fn deliver(&mut self) {
        while let Some(Message { payload, channel, guarantee }) = self.ring.pop_front() {
            self.seq += 1;
            let (ring, from) = (RingId { number: self.view, representative: node() }, node());
            let (seq, incarnation, configuration) = (self.seq, Incarnation(7), Configuration::Regular);
            self.step(Input::Delivered(Delivery {
                ring,
                seq,
                from,
                incarnation,
                configuration,
                channel,
                guarantee,
                payload,
            }));
        }
    }

    fn ask(&mut self, client: u32, request: Request) {
        self.step(Input::Request { client, request });
    }

    fn connect(&mut self, client: u32) {
        self.step(Input::Connected(client));
        self.ask(client, Request::Hello { lowest: 1, highest: 3 });
    }

    fn join(&mut self, client: u32, number: usize) {
        self.ask(client, Request::Join { serial: 1, group: group(number) });
    }

    fn send(&mut self, client: u32, len: usize) {
        let (group, guarantee, payload) = (group(0), Guarantee::Agreed, vec![0; len].into());
        self.ask(client, Request::Send { serial: 9, group, guarantee, payload });
    }

    fn refusals(&self, client: u32) -> Vec<Refusal> {
        let refusal = |answer: &Answer| match answer {
            Answer::Refused { refusal, .. } => Some(*refusal),
            _ => None,
        };
        self.heard[&client].iter().filter_map(refusal).collect()
    }
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let mut alone = Alone::new();
    alone.connect(1);
    alone.send(1, 1);
    alone.join(1, 0);
    alone.join(1, 0);
    alone.deliver();
    alone.send(1, MAX_PAYLOAD + 1);
    (1..=MAX_MEMBERSHIPS).for_each(|number| alone.join(1, number));
    alone.deliver();
    alone.ask(1, Request::Leave { serial: 2, group: group(MAX_MEMBERSHIPS) });
    let expected =
        [Refusal::NotMember, Refusal::AlreadyMember, Refusal::TooLong, Refusal::TooManyMemberships, Refusal::NotMember];
    assert_eq!(alone.refusals(1), expected);
    assert!(alone.hung_up.is_empty());

    alone.step(Input::Connected(2));
    alone.join(2, 0);
    alone.step(Input::Connected(3));
    alone.ask(3, Request::Hello { lowest: 2, highest: 3 });
    alone.step(Input::Connected(4));
    alone.step(Input::Malformed(4));
    assert_eq!(
        [2, 3, 4].map(|client| alone.refusals(client)),
        [Refusal::Hello, Refusal::Version, Refusal::Malformed].map(|one| vec![one])
    );
    assert_eq!(alone.hung_up, [2, 3, 4]);
}

#[test]
fn a_group_takes_so_many_members_and_no_more() {
    let mut alone = Alone::new();
    for client in 1..=u32::try_from(MAX_MEMBERS).unwrap() + 1 {
        alone.connect(client);
        alone.join(client, 0);
    }
    alone.deliver();
    assert_eq!(alone.refusals(u32::try_from(MAX_MEMBERS).unwrap() + 1), [Refusal::GroupFull]);
    assert_eq!(alone.refusals(u32::try_from(MAX_MEMBERS).unwrap()), []);
}

/// Also not when the view changes again and again, and not by coming and going.
#[test]
fn a_member_that_never_reads_gathers_no_more_than_a_window() {
    let mut alone = Alone::new();
    (1..=4).for_each(|client| alone.connect(client));
    alone.join(1, 0);
    alone.join(2, 0);
    alone.deliver();
    alone.asleep.extend([2, 4]);
    for round in 0..400 {
        alone.send(1, 10_000);
        [3, 4].iter().for_each(|client| alone.join(*client, 0));
        alone.deliver();
        [3, 4].iter().for_each(|client| alone.ask(*client, Request::Leave { serial: 3, group: group(0) }));
        alone.deliver();
        if round % 3 == 0 {
            alone.next_view();
        }
    }
    let (bytes, answers) = alone.groups.queued(2);
    assert!(bytes as u64 <= 2 * WINDOW && answers < 200, "{bytes} bytes in {answers} answers");
    let (_, answers) = alone.groups.queued(4);
    assert!(answers < 200, "{answers} answers for who comes and goes");
    assert!(alone.heard[&1].len() < 1000, "its speaker waits");
    // When it wakes up, everything goes on.
    alone.asleep.clear();
    [2, 4].iter().for_each(|client| alone.step(Input::Written(*client)));
    alone.deliver();
    let messages = |client: u32| alone.heard[&client].iter().filter(|a| matches!(a, Answer::Message { .. })).count();
    assert_eq!((messages(1), messages(2)), (400, 400));
}

#[test]
fn programs_that_die_all_at_once_do_not_fill_the_ring() {
    let mut alone = Alone::new();
    for client in 1..=30 {
        alone.connect(client);
        (0..MAX_MEMBERSHIPS).for_each(|number| alone.join(client, number));
        alone.deliver();
    }
    (1..=30).for_each(|client| alone.step(Input::Gone(client)));
    assert_eq!(alone.ring.len(), MAX_IN_RING);
    alone.deliver();
    alone.connect(99);
    alone.ask(99, Request::List { serial: 5 });
    assert!(matches!(alone.heard[&99][..], [Answer::Welcome { .. }, Answer::End { serial: 5 }]));
}

#[test]
fn a_goodbye_ends_every_connection() {
    let mut alone = Alone::new();
    alone.connect(1);
    alone.join(1, 0);
    alone.deliver();
    alone.ring.push_back(goodbye());
    alone.deliver();
    assert!(alone.groups.departed());
    let last: Vec<_> = alone.heard[&1].iter().rev().take(2).collect();
    let left = |change: &Change| change.left[0].1 == LeaveReason::NodeLeft && change.members.is_empty();
    assert!(matches!(last[..], [Answer::Bye, Answer::Change(change)] if left(change)));
    assert_eq!(alone.hung_up, [1]);
}
