//! One connected program: what waits to be written to it, and what it wants that cannot be done yet.

use super::{Answer, Change, GroupName, Member, Request};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Bytes handed over to be written at once, unless it is one long message.
const BATCH: usize = 64 * 1024;
/// From so many answers in the queue on, changes of a group that nothing was said between become one.
const MANY: usize = 64;
/// Answers to its own questions that may wait to be read before the next question is looked at.
const QUESTIONS: usize = 64;

/// Where a client is with a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It has asked to join.
    Joining,
    /// It is a member.
    In,
    /// It is a member and has asked to leave.
    Leaving,
}

#[derive(Clone, Debug)]
pub(crate) struct Membership {
    pub(crate) stage: Stage,
    /// Tells this membership from an earlier one in the same group.
    stay: u64,
    /// Messages that are not written yet.
    unread: usize,
    /// Those of them that came before the present view: the oldest.
    old: usize,
    /// Position of the last message written.
    read: u64,
}

#[derive(Clone, Debug)]
struct Queued {
    answer: Answer,
    /// For a message: its membership and position.
    place: Option<Place>,
}

#[derive(Clone, Debug)]
struct Place {
    group: GroupName,
    stay: u64,
    at: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Client {
    /// The hello was said.
    pub(crate) greeted: bool,
    /// Nothing more is said to it than what is in the queue, and nothing more is heard of it.
    pub(crate) closing: bool,
    pub(crate) memberships: BTreeMap<GroupName, Membership>,
    /// What it asked for, oldest first.
    pub(crate) waiting: VecDeque<Request>,
    queue: VecDeque<Queued>,
    /// Answers to its own questions in the queue.
    questions: usize,
    /// Messages that are being written; `None` when nothing is.
    writing: Option<Vec<Place>>,
    stays: u64,
}

impl Client {
    /// It asks to become a member.
    pub(crate) fn joining(&mut self, group: &GroupName) {
        self.stays += 1;
        let membership = Membership { stage: Stage::Joining, stay: self.stays, unread: 0, old: 0, read: 0 };
        self.memberships.insert(group.clone(), membership);
    }

    /// It has become one, with the group at `position`.
    pub(crate) fn joined(&mut self, group: &GroupName, position: u64) {
        if let Some(membership) = self.memberships.get_mut(group) {
            membership.read = position;
            if membership.stage == Stage::Joining {
                membership.stage = Stage::In;
            }
        }
    }

    // ---- what is said to it ----

    /// Something that is no message of a group.
    pub(crate) fn tell(&mut self, answer: Answer) {
        self.questions += usize::from(answers_a_question(&answer));
        self.queue.push_back(Queued { answer, place: None });
    }

    /// A change of a group, told to the client that is `me` there. Its own joining and leaving are told as they are: by
    /// them it knows what belongs to which membership.
    pub(crate) fn change(&mut self, change: &Arc<Change>, me: &Member) {
        let mut change = Arc::clone(change);
        if self.queue.len() >= MANY && !concerns(&change, me) {
            let last = self.queue.iter().rposition(|queued| match &queued.answer {
                Answer::Change(earlier) => earlier.group == change.group,
                Answer::Message { group, .. } => *group == change.group,
                _ => false,
            });
            if let Some(at) = last
                && let Answer::Change(earlier) = &self.queue[at].answer
                && !concerns(earlier, me)
            {
                change = Arc::new(merged(earlier, &change));
                self.queue.remove(at);
            }
        }
        self.tell(Answer::Change(change));
    }

    /// A message of a group that it is in, at its position.
    pub(crate) fn message(&mut self, group: &GroupName, at: u64, answer: Answer) {
        let Some(membership) = self.memberships.get_mut(group) else { return };
        membership.unread += 1;
        let place = Place { group: group.clone(), stay: membership.stay, at };
        self.queue.push_back(Queued { answer, place: Some(place) });
    }

    /// Whether its next question may be looked at: it reads the answers.
    pub(crate) fn listens(&self) -> bool {
        self.questions < QUESTIONS
    }

    /// Whether every answer to a question is on its way to it.
    pub(crate) fn has_answers(&self) -> bool {
        self.questions == 0
    }

    /// Whether something of an earlier membership in this group waits to be written.
    pub(crate) fn remembers(&self, group: &GroupName) -> bool {
        let of = |place: &Place| place.group == *group;
        let change = |answer: &Answer| matches!(answer, Answer::Change(change) if change.group == *group);
        let queued = |queued: &Queued| queued.place.as_ref().is_some_and(of) || change(&queued.answer);
        self.writing.iter().flatten().any(of) || self.queue.iter().any(queued)
    }

    // ---- writing ----

    /// What is to be written now; empty while something is being written, or when there is nothing.
    pub(crate) fn batch(&mut self) -> Vec<Answer> {
        let (mut answers, mut bytes) = (Vec::new(), 0);
        if self.writing.is_some() {
            return answers;
        }
        let mut places = Vec::new();
        while bytes < BATCH
            && let Some(queued) = self.queue.pop_front()
        {
            bytes += queued.answer.len();
            self.questions -= usize::from(answers_a_question(&queued.answer));
            places.extend(queued.place);
            answers.push(queued.answer);
        }
        self.writing = (!answers.is_empty()).then_some(places);
        answers
    }

    /// The batch is written. Answers with the groups that it has read something of.
    pub(crate) fn written(&mut self) -> Vec<GroupName> {
        let mut groups = Vec::new();
        for Place { group, stay, at } in self.writing.take().into_iter().flatten() {
            if let Some(membership) = self.memberships.get_mut(&group).filter(|m| m.stay == stay) {
                membership.unread -= 1;
                if membership.old > 0 {
                    membership.old -= 1;
                } else {
                    membership.read = at;
                }
            }
            if groups.last() != Some(&group) {
                groups.push(group);
            }
        }
        groups
    }

    #[cfg(test)]
    pub(crate) fn queued(&self) -> (usize, usize) {
        (self.queue.iter().map(|queued| queued.answer.len()).sum(), self.queue.len())
    }

    pub(crate) fn drained(&self) -> bool {
        self.queue.is_empty() && self.writing.is_none()
    }

    // ---- how far it is ----

    /// Up to where it has read, with everything read when the group is at `total`; `None` while it still reads what
    /// came before this view.
    pub(crate) fn position(&self, group: &GroupName, total: u64) -> Option<u64> {
        match self.memberships.get(group) {
            Some(membership) if membership.old > 0 => None,
            Some(membership) if membership.unread > 0 => Some(membership.read),
            _ => Some(total),
        }
    }

    /// Whether it has not read everything.
    pub(crate) fn behind(&self, group: &GroupName) -> bool {
        self.memberships.get(group).is_some_and(|membership| membership.unread > 0)
    }

    /// Positions begin again: what is unread is old.
    pub(crate) fn begin(&mut self) {
        for membership in self.memberships.values_mut() {
            (membership.old, membership.read) = (membership.unread, 0);
        }
    }
}

fn answers_a_question(answer: &Answer) -> bool {
    matches!(answer, Answer::Refused { .. } | Answer::Group(_) | Answer::End { .. })
}

/// Whether it tells that `me` has come or gone.
fn concerns(change: &Change, me: &Member) -> bool {
    change.joined.iter().any(|(member, _)| member == me) || change.left.iter().any(|(member, _)| member == me)
}

/// Two changes of a group as one.
fn merged(first: &Change, second: &Change) -> Change {
    let gone = |member| second.left.iter().any(|(left, _)| left == member);
    // Who came and went between the two was never there.
    let passing: Vec<_> = first.joined.iter().filter(|(member, _)| gone(member)).map(|(member, _)| member).collect();
    let mut left = first.left.clone();
    left.extend(second.left.iter().filter(|(member, _)| !passing.contains(&member)).cloned());
    let mut joined: Vec<_> = first.joined.iter().filter(|(member, _)| !gone(member)).cloned().collect();
    joined.extend(second.joined.iter().cloned());
    left.sort();
    left.dedup_by(|one, other| one.0 == other.0);
    joined.sort();
    Change { group: second.group.clone(), view: second.view, members: second.members.clone(), left, joined }
}
