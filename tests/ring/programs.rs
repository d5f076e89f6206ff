//! Programs on the nodes of a world that use its ring through process groups: they join, speak, leave, die, and now and
//! then one does not read. And what each of them must hear, one named function per rule:
//!
//! - [`Listener::changes_add_up`], [`Listener::members_speak`], [`Listener::nothing_missing`]: what one of them hears;
//! - [`one_order`], [`same_between_changes`]: what any two of them hear (virtual synchrony);
//! - [`Programs::settled`]: in the end all have everything, and agree on who is there.

use crate::checks::Violation;
use config::NodeId;
use fastrand::Rng;
use membership::group::{Answer, Change, GroupName, Groups, Input, JoinReason, Member, Output, Request};
use membership::{Configuration, Guarantee, Incarnation, Message, RingId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Programs on one node at most.
const MOST: usize = 4;
/// Groups there are.
const GROUPS: [&str; 3] = ["red", "green", "blue"];
/// Bytes of a message that say whose it is.
const STAMP: usize = 12;

type Verdict = Result<(), Violation>;

fn broken<T>(rule: &'static str, text: String) -> Result<T, Violation> {
    Err(Violation { rule, text })
}

/// Which message: group, speaker, the how many-th of it there.
type Said = (GroupName, Member, u64);

/// Something heard in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Change {
        text: String,
        /// The number in it.
        view: u64,
        /// It was certainly told in its view, not while that was being left.
        regular: bool,
    },
    Message(Said),
}

/// From which view to which.
type Way = (RingId, RingId);
/// The ways of lives out of views, by their numbers.
type Ways = BTreeMap<(NodeId, Incarnation, u64), Way>;

/// The groups of one life of a node, and where its ring is.
struct Machine {
    groups: Groups,
    node: NodeId,
    life: Incarnation,
    view: Option<RingId>,
    /// Something has been said to it while this view was being left.
    leaving: bool,
}

/// What a program has heard of one group.
#[derive(Debug, Default)]
struct Listener {
    members: BTreeSet<Member>,
    /// The last number of each speaker that came in row; `None` when it joined where this program did not see it.
    last: BTreeMap<Member, Option<u64>>,
    all: Vec<Heard>,
}

#[derive(Debug, Default)]
struct Program {
    alive: bool,
    reads: bool,
    /// Something was given to it that it has not read.
    unread: bool,
    /// Groups it has asked to join, and how much it said there.
    said: BTreeMap<GroupName, u64>,
    left: BTreeSet<GroupName>,
    groups: BTreeMap<GroupName, Listener>,
    row: Vec<Said>,
}

/// All programs of a world.
pub struct Programs {
    rng: Rng,
    machines: BTreeMap<usize, Machine>,
    /// Out of views in which something was said while they were being left.
    ways: Ways,
    programs: BTreeMap<Member, Program>,
    /// Messages heard.
    pub heard: u64,
    next: u32,
}

impl Programs {
    /// None yet.
    pub fn new(seed: u64) -> Programs {
        let rng = Rng::with_seed(seed ^ 0x9009);
        let (machines, ways, programs) = (BTreeMap::new(), Ways::new(), BTreeMap::new());
        Programs { rng, machines, ways, programs, heard: 0, next: 0 }
    }

    /// A daemon starts.
    pub fn begin(&mut self, at: usize, node: &NodeId, incarnation: Incarnation) {
        let groups = Groups::new(node.clone(), incarnation);
        let machine = Machine { groups, node: node.clone(), life: incarnation, view: None, leaving: false };
        self.machines.insert(at, machine);
    }

    /// It ends, and with it the connections to it.
    pub fn end(&mut self, at: usize) {
        if let Some(Machine { node, life, .. }) = self.machines.remove(&at) {
            let here = self.programs.iter_mut().filter(|(member, _)| member.node == node && member.incarnation == life);
            here.for_each(|(_, program)| program.alive = false);
        }
    }

    /// A machine is told something. Answers with what it wants said.
    pub fn step(&mut self, at: usize, input: Input) -> Result<Vec<Message>, Violation> {
        let mut messages = Vec::new();
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let Some(machine) = self.machines.get_mut(&at) else { break };
            machine.goes_on(&input, &mut self.ways);
            let outputs = machine.groups.step(input);
            let Machine { node, life, .. } = &*machine;
            for output in outputs {
                match output {
                    Output::Multicast(message) => messages.push(message),
                    Output::Write { client, answers } => {
                        let member = Member { node: node.clone(), incarnation: *life, client };
                        let Some(program) = self.programs.get_mut(&member) else { continue };
                        self.heard += answers.len() as u64;
                        let regular = |view| machine.told_before_leaving(view, &self.ways);
                        answers.into_iter().try_for_each(|answer| program.hear(&member, answer, regular))?;
                        program.unread = !program.reads;
                        if program.reads {
                            inputs.push_back(Input::Written(client));
                        }
                    }
                    Output::Taken(_) => {}
                    Output::HangUp(client) => return broken("nobody_is_put_out", format!("{node}/{client} was")),
                    Output::Strange { from, reason } => return broken("speaks_sense", format!("{from}: {reason}")),
                }
            }
        }
        Ok(messages)
    }

    /// Something happens to one of the programs of a node.
    pub fn act(&mut self, at: usize) -> Result<Vec<Message>, Violation> {
        let Some(Machine { node, life: incarnation, .. }) = self.machines.get(&at) else { return Ok(Vec::new()) };
        let (node, incarnation) = (node.clone(), *incarnation);
        let here = |(member, program): &(&Member, &Program)| {
            member.node == node && member.incarnation == incarnation && program.alive
        };
        let here: Vec<Member> = self.programs.iter().filter(here).map(|(member, _)| member.clone()).collect();
        let fresh = here.is_empty() || (here.len() < MOST && self.rng.u8(..8) == 0);
        if fresh {
            self.next += 1;
            let member = Member { node, incarnation, client: self.next };
            self.programs.insert(member.clone(), Program { alive: true, reads: true, ..Program::default() });
            let mut messages = self.step(at, Input::Connected(member.client))?;
            messages.extend(self.ask(at, &member, Request::Hello { lowest: 1, highest: 1 })?);
            messages.extend(self.join(at, &member)?);
            return Ok(messages);
        }
        let member = here[self.rng.usize(..here.len())].clone();
        match self.rng.u8(..16) {
            0 | 1 => self.join(at, &member),
            2 => self.leave(at, &member),
            3 => {
                self.programs.get_mut(&member).expect("chosen above").alive = false;
                self.step(at, Input::Gone(member.client))
            }
            4 | 5 => {
                let reads = self.rng.u8(..3) > 0;
                self.read(at, &member, reads)
            }
            _ => self.speak(at, &member),
        }
    }

    fn ask(&mut self, at: usize, member: &Member, request: Request) -> Result<Vec<Message>, Violation> {
        self.step(at, Input::Request { client: member.client, request })
    }

    /// In each group once: then every change is another one.
    fn join(&mut self, at: usize, member: &Member) -> Result<Vec<Message>, Violation> {
        let group = GroupName::new(GROUPS[self.rng.usize(..GROUPS.len())]).expect("a valid name");
        let program = self.programs.get_mut(member).expect("it was chosen");
        if program.said.contains_key(&group) {
            return Ok(Vec::new());
        }
        program.said.insert(group.clone(), 0);
        self.ask(at, member, Request::Join { serial: 1, group })
    }

    fn leave(&mut self, at: usize, member: &Member) -> Result<Vec<Message>, Violation> {
        let program = self.programs.get_mut(member).expect("it was chosen");
        let Some(group) = program.said.keys().find(|group| !program.left.contains(*group)).cloned() else {
            return Ok(Vec::new());
        };
        program.left.insert(group.clone());
        self.ask(at, member, Request::Leave { serial: 2, group })
    }

    fn read(&mut self, at: usize, member: &Member, reads: bool) -> Result<Vec<Message>, Violation> {
        let program = self.programs.get_mut(member).expect("it was chosen");
        program.reads = reads;
        match reads && std::mem::take(&mut program.unread) {
            true => self.step(at, Input::Written(member.client)),
            false => Ok(Vec::new()),
        }
    }

    fn speak(&mut self, at: usize, member: &Member) -> Result<Vec<Message>, Violation> {
        let mut messages = Vec::new();
        let program = &self.programs[member];
        let groups: Vec<_> = program.said.keys().filter(|group| !program.left.contains(*group)).cloned().collect();
        for group in groups {
            for _ in 0..self.rng.usize(..12) {
                let long = self.rng.u8(..20) == 0;
                let len = STAMP + if long { self.rng.usize(..60_000) } else { self.rng.usize(..300) };
                let guarantee = if self.rng.bool() { Guarantee::Agreed } else { Guarantee::Safe };
                let said = self.programs.get_mut(member).expect("it was chosen").said.get_mut(&group).expect("joined");
                *said += 1;
                let mut payload = vec![u8::try_from(*said % 256).expect("below"); len];
                payload[..4].copy_from_slice(&member.client.to_be_bytes());
                payload[4..STAMP].copy_from_slice(&said.to_be_bytes());
                let (group, payload) = (group.clone(), payload.into());
                messages.extend(self.ask(at, member, Request::Send { serial: 3, group, guarantee, payload })?);
            }
        }
        Ok(messages)
    }

    /// Everybody reads from now on.
    pub fn all_read(&mut self, at: usize) -> Result<Vec<Message>, Violation> {
        let Some(Machine { node, life, .. }) = self.machines.get(&at) else { return Ok(Vec::new()) };
        let here = |member: &&Member| member.node == *node && member.incarnation == *life;
        let here: Vec<Member> = self.programs.keys().filter(here).cloned().collect();
        let mut messages = Vec::new();
        for member in here.iter().filter(|member| self.programs[member].alive).cloned().collect::<Vec<_>>() {
            messages.extend(self.read(at, &member, true)?);
        }
        Ok(messages)
    }

    // ---- in the end ----

    /// Whether everybody who lives has heard all that it said, and knows of all who are in its groups and of nobody
    /// else. Otherwise what is missing.
    pub fn settled(&self) -> Result<(), String> {
        for (member, program) in self.programs.iter().filter(|(_, program)| program.alive) {
            for (group, said) in &program.said {
                let Some(listener) = program.groups.get(group) else {
                    return Err(format!("{member:?} never got into {group}"));
                };
                let own = |heard: &&Heard| matches!(heard, Heard::Message((_, from, _)) if from == member);
                let heard = listener.all.iter().filter(own).count();
                if heard as u64 != *said {
                    return Err(format!("{member:?} heard {heard} of its {said} messages in {group}"));
                }
                let is_in = |program: &Program| program.said.contains_key(group) && !program.left.contains(group);
                let all = self.programs.iter().filter(|(_, program)| program.alive && is_in(program));
                let all: BTreeSet<Member> = all.map(|(member, _)| member.clone()).collect();
                if is_in(program) && listener.members != all {
                    return Err(format!("{member:?} sees {:?} in {group}, there are {all:?}", listener.members));
                }
                if !is_in(program) && listener.members.contains(member) {
                    return Err(format!("{member:?} has not left {group}"));
                }
            }
        }
        Ok(())
    }

    /// The rules about any two programs.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn compare(&self) -> Verdict {
        one_order(self.programs.values())?;
        same_between_changes(self.programs.iter(), &self.ways)
    }
}

impl Machine {
    /// Where its ring is when it is told this.
    fn goes_on(&mut self, input: &Input, ways: &mut Ways) {
        match input {
            Input::View(view) => {
                let old = self.view.replace(view.ring.clone());
                if let Some(old) = old.filter(|_| self.leaving) {
                    ways.insert((self.node.clone(), self.life, old.number), (old, view.ring.clone()));
                }
                self.leaving = false;
            }
            Input::Delivered(delivery) => self.leaving |= delivery.configuration == Configuration::Transitional,
            _ => {}
        }
    }

    /// Whether a change that a program hears now was told in its view, and not while that was being left. A program
    /// that does not read hears it later: then that is only known when nothing was said while the view was being left.
    fn told_before_leaving(&self, view: u64, ways: &Ways) -> bool {
        let here = self.view.as_ref().is_some_and(|ring| ring.number == view);
        let left = ways.contains_key(&(self.node.clone(), self.life, view));
        !(left || here && self.leaving)
    }
}

impl Program {
    fn hear(&mut self, me: &Member, answer: Answer, regular: impl Fn(u64) -> bool) -> Verdict {
        match answer {
            Answer::Change(change) => {
                let listener = self.groups.entry(change.group.clone()).or_default();
                listener.changes_add_up(me, &change)?;
                let (text, view) = (format!("{change:?}"), change.view);
                listener.all.push(Heard::Change { text, view, regular: regular(view) });
                Ok(())
            }
            Answer::Message { group, from, payload, .. } => {
                let client = payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
                let number = payload.get(4..STAMP).map(|bytes| u64::from_be_bytes(bytes.try_into().expect("8 bytes")));
                let (Some(client), Some(number)) = (client, number) else {
                    return broken("messages_arrive_whole", format!("{me:?} got {payload:?}"));
                };
                if client != from.client || payload[STAMP..].iter().any(|byte| u64::from(*byte) != number % 256) {
                    return broken("messages_arrive_whole", format!("{me:?} got {number} of {client} from {from:?}"));
                }
                let listener = self.groups.entry(group.clone()).or_default();
                listener.members_speak(me, &from)?;
                listener.nothing_missing(me, &from, number)?;
                let said = (group, from, number);
                listener.all.push(Heard::Message(said.clone()));
                self.row.push(said);
                Ok(())
            }
            Answer::Refused { refusal, .. } => broken("nobody_is_refused", format!("{me:?}: {refusal}")),
            _ => Ok(()),
        }
    }
}

impl Listener {
    /// Who is there is who was there, without those who left, with those who joined. The first change brings the
    /// program itself.
    fn changes_add_up(&mut self, me: &Member, change: &Change) -> Verdict {
        let mut expected = self.members.clone();
        if self.all.is_empty() {
            expected = change.members.iter().cloned().collect();
        }
        for (member, _) in &change.left {
            expected.remove(member);
        }
        expected.extend(change.joined.iter().map(|(member, _)| member.clone()));
        let now: BTreeSet<Member> = change.members.iter().cloned().collect();
        if now != expected || (self.all.is_empty() && !change.joined.iter().any(|(member, _)| member == me)) {
            return broken("changes_add_up", format!("{me:?} had {:?}, then {change:?}", self.members));
        }
        for (member, _) in &change.left {
            self.last.remove(member);
        }
        for (member, reason) in &change.joined {
            self.last.insert(member.clone(), (*reason == JoinReason::Join).then_some(0));
        }
        self.members = now;
        Ok(())
    }

    /// Nobody speaks who is not a member: nobody who has left, died, or belongs to a past life.
    fn members_speak(&self, me: &Member, from: &Member) -> Verdict {
        match self.members.contains(from) {
            true => Ok(()),
            false => broken("members_speak", format!("{me:?} hears {from:?}, and {:?} are there", self.members)),
        }
    }

    /// Of a member all messages come, once and in order.
    fn nothing_missing(&mut self, me: &Member, from: &Member, number: u64) -> Verdict {
        let last = self.last.entry(from.clone()).or_default();
        if last.is_some_and(|last| number != last + 1) {
            return broken("nothing_missing", format!("{me:?} hears {number} of {from:?} after {last:?}"));
        }
        *last = Some(number);
        Ok(())
    }
}

/// Any two programs hear what both of them hear in the same order, over all groups.
fn one_order<'a>(programs: impl Iterator<Item = &'a Program>) -> Verdict {
    let rows: Vec<&[Said]> = programs.map(|program| program.row.as_slice()).collect();
    for (at, row) in rows.iter().enumerate() {
        let places: BTreeMap<&Said, usize> = row.iter().enumerate().map(|(place, said)| (said, place)).collect();
        for other in &rows[at + 1..] {
            let common = || other.iter().filter_map(|said| Some((places.get(said)?, said)));
            if let Some(((_, one), (_, two))) = common().zip(common().skip(1)).find(|((one, _), (two, _))| one >= two) {
                return broken("one_order", format!("{one:?} and {two:?} come in another order elsewhere"));
            }
        }
    }
    Ok(())
}

/// Programs that hear the same two changes of a group one after the other, and go on together, hear the same between
/// them.
///
/// Everybody in a view is told the beginning of the same row, so what is told in the view itself is the same for all.
/// What is told while the view is being left is the same only for those who go on to the same view: behind the first
/// gap each part of a broken cluster delivers what its own members said and not what the others did (extended virtual
/// synchrony; `same_before_the_view` holds the rings to it). A change there bears the number of the view that is being
/// left, and both parts may hear it with other messages before it. So such a change is compared within each
/// [`Way`], and every other one with everybody's.
fn same_between_changes<'a>(programs: impl Iterator<Item = (&'a Member, &'a Program)>, ways: &Ways) -> Verdict {
    let mut known: BTreeMap<(&str, &str, Option<&Way>), Vec<&Said>> = BTreeMap::new();
    for (member, program) in programs {
        for listener in program.groups.values() {
            let (mut first, mut between): (Option<&str>, Vec<&Said>) = (None, Vec::new());
            for heard in &listener.all {
                let (change, view, regular) = match heard {
                    Heard::Message(said) => {
                        between.push(said);
                        continue;
                    }
                    Heard::Change { text, view, regular } => (text.as_str(), *view, *regular),
                };
                let heard = std::mem::take(&mut between);
                let Some(first) = first.replace(change) else { continue };
                let way = ways.get(&(member.node.clone(), member.incarnation, view));
                for with in regular.then_some(None).into_iter().chain(way.map(Some)) {
                    let others = known.entry((first, change, with)).or_insert_with(|| heard.clone());
                    if *others != heard {
                        let counts = (heard.len(), others.len());
                        return broken("same_between_changes", format!("{member:?}: {counts:?} before {change}"));
                    }
                }
            }
        }
    }
    Ok(())
}
