//! The machine: one cluster's nodes speak, and one of its parts at most has the vote.
//!
//! ```text
//!            nothing to decide ----a part may have the vote----> contest(since)
//!                  ^                                                |  sure winner; all have spoken;
//!                  |                                                |  those who have not are silent, or late
//!                  +----------------Persist, Granted----------------+
//! ```
//!
//! In a contest the others are asked whether they are there. Who does not answer within a few round trips is taken for
//! gone, so that the survivor of a crash waits for milliseconds; who answers, but with a view that is over, is given
//! [`SETTLE`] to find its new one. All this only prefers the better part: safety never depends on a time (see the
//! crate's first page).

use crate::message::Answer;
use crate::part::Part;
use crate::report::{Fingerprint, MAX_REVOKED, Report};
use config::NodeId;
use membership::RingId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long the parts of a broken cluster have to report before the best of those that did is chosen.
pub(crate) const SETTLE: Duration = Duration::from_secs(2);

/// How long a node may take to answer, besides four round trips.
const ANSWER: Duration = Duration::from_millis(50);

/// And at most, with them.
const ANSWER_MOST: Duration = Duration::from_millis(500);

/// How far a ring number may be beyond all that others told of, and that of the ring with the vote. A view takes one
/// number, a restarted node a thousand: no cluster gets so far while the arbiter is away.
const LEAP: u64 = 1 << 20;

/// Nodes remembered: those of a full cluster, and as many that were in it before.
const MOST_NODES: usize = 128;

/// One connection of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seat(pub u64);

/// Whose the vote is: what an arbiter must not forget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The ring.
    pub ring: RingId,
    /// Who was in it.
    pub members: BTreeSet<NodeId>,
    /// Of them, those known to have its content on disk: the vote goes on with one of them only.
    pub holders: BTreeSet<NodeId>,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Input {
    /// A node has connected; an earlier connection of it counts no more.
    Connected(Seat, NodeId),
    /// It reports, over a connection with this round-trip time.
    Said(Seat, Box<Report>, Duration),
    /// A connection ended.
    Lost(Seat),
    /// A deadline passed.
    Wake,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Put this on disk, in place of what was there, before anything that follows is done. If that fails, nothing that
    /// follows may be done, and this arbiter must forget what it knows of the cluster and begin again from the disk.
    Persist(Grant),
    /// Tell a node what becomes of its view.
    Tell(Seat, RingId, Answer),
    /// Ask a node for its view.
    Ask(Seat),
    /// What a node says makes no sense: hang up, and let people know.
    Refuse(Seat, String),
    /// These certificates, and no others, are revoked from now on: hang up on whoever showed one, and keep that in mind
    /// beyond this life ([`Court::revoking`]).
    Revoke(BTreeSet<Fingerprint>),
}

/// What the arbiter knows of one node, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Whether it is connected.
    pub connected: bool,
    /// The ring that it reported last.
    pub ring: Option<String>,
    /// What it was told.
    pub answer: Option<String>,
}

/// One node.
#[derive(Clone, Debug, Default)]
struct Known {
    seat: Option<Seat>,
    report: Option<Report>,
    round_trip: Duration,
    /// It has spoken since the contest began.
    heard: bool,
    told: Option<(RingId, Answer)>,
}

/// One cluster before its arbiter.
#[derive(Clone, Debug)]
pub struct Court {
    grant: Option<Grant>,
    nodes: BTreeMap<NodeId, Known>,
    contest: Option<Instant>,
    started: Instant,
    deadline: Option<Instant>,
    revoked: BTreeSet<Fingerprint>,
}

impl Court {
    /// `grant` is what an earlier life has put on disk last; without one the vote goes only to a ring of all configured
    /// nodes.
    #[must_use]
    pub fn new(grant: Option<Grant>, now: Instant) -> Court {
        let (nodes, revoked) = (BTreeMap::new(), BTreeSet::new());
        Court { grant, nodes, contest: None, started: now, deadline: None, revoked }
    }

    /// The same court, which knows from an earlier life that these certificates are revoked.
    #[must_use]
    pub fn revoking(self, revoked: BTreeSet<Fingerprint>) -> Court {
        Court { revoked, ..self }
    }

    /// The certificates that are revoked.
    #[must_use]
    pub fn revoked(&self) -> &BTreeSet<Fingerprint> {
        &self.revoked
    }

    /// Who has the vote.
    #[must_use]
    pub fn grant(&self) -> Option<&Grant> {
        self.grant.as_ref()
    }

    /// Every node that was seen.
    #[must_use]
    pub fn standings(&self) -> BTreeMap<NodeId, Standing> {
        let standing = |known: &Known| Standing {
            connected: known.seat.is_some(),
            ring: known.report.as_ref().map(|report| report.ring.to_string()),
            answer: known.told.as_ref().map(|(_, answer)| match answer {
                Answer::Granted => "granted".to_owned(),
                Answer::Waiting(why) => format!("waiting: {why}"),
                Answer::Denied(why) => format!("denied: {why}"),
            }),
        };
        self.nodes.iter().map(|(node, known)| (node.clone(), standing(known))).collect()
    }

    /// Step with [`Input::Wake`] no later than this.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The only way in, the only way out.
    pub fn step(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        match input {
            Input::Connected(seat, node) => {
                if !self.make_room(&node) {
                    return vec![Output::Refuse(
                        seat,
                        format!("{MOST_NODES} other nodes of this cluster are connected"),
                    )];
                }
                let known = self.nodes.entry(node).or_default();
                known.seat = Some(seat);
                known.told = None;
            }
            Input::Said(seat, report, round_trip) => {
                let Some(node) = self.whose(seat) else { return outputs };
                if let Err(reason) = self.said(&node, *report, round_trip) {
                    outputs.push(Output::Refuse(seat, reason));
                }
            }
            Input::Lost(seat) => {
                let Some(node) = self.whose(seat) else { return outputs };
                let known = self.nodes.entry(node).or_default();
                known.seat = None;
                known.told = None;
            }
            Input::Wake => {}
        }
        self.decide(now, &mut outputs);
        self.hear_of_revoked(&mut outputs);
        outputs
    }

    /// Takes up what members of the ring with the vote say of revoked certificates: nobody else's word counts, and what
    /// one says another need not know yet.
    fn hear_of_revoked(&mut self, outputs: &mut Vec<Output>) {
        let parts = self.parts();
        let members = parts.iter().filter(|part| self.has(part)).flat_map(|part| part.reporters.keys());
        let told = members.filter_map(|node| self.nodes.get(node)?.report.as_ref()).flat_map(|report| &report.revoked);
        let news: BTreeSet<Fingerprint> = told.filter(|told| !self.revoked.contains(*told)).copied().collect();
        let room = MAX_REVOKED.saturating_sub(self.revoked.len());
        if !news.is_empty() && room > 0 {
            self.revoked.extend(news.into_iter().take(room));
            outputs.push(Output::Revoke(self.revoked.clone()));
        }
    }

    fn whose(&self, seat: Seat) -> Option<NodeId> {
        self.nodes.iter().find(|(_, known)| known.seat == Some(seat)).map(|(node, _)| node.clone())
    }

    /// Forgets a node that is gone, should there be too many.
    fn make_room(&mut self, node: &NodeId) -> bool {
        if self.nodes.len() < MOST_NODES || self.nodes.contains_key(node) {
            return true;
        }
        let gone = self.nodes.iter().find(|(_, known)| known.seat.is_none()).map(|(node, _)| node.clone());
        gone.is_some_and(|gone| self.nodes.remove(&gone).is_some())
    }

    /// Notes what a node reports. What it said before it went on to a newer ring is passed over.
    fn said(&mut self, node: &NodeId, report: Report, round_trip: Duration) -> Result<(), String> {
        report.check(node)?;
        for (other, known) in &self.nodes {
            let same = known.report.as_ref().filter(|known| known.ring == report.ring);
            if same.is_some_and(|same| same.members != report.members) {
                return Err(format!("{node} and {other} name different members of the ring {}", report.ring));
            }
        }
        let reach = self.reach(node);
        if reach.is_some_and(|reach| report.ring.number > reach.saturating_add(LEAP)) {
            return Err(format!(
                "{node} reports the ring {}, whose number is more than {LEAP} above all that is known here; should that \
                 be right, `paceline-arbiter remove` and `add` the cluster",
                report.ring
            ));
        }
        let known = self.nodes.entry(node.clone()).or_default();
        known.heard = true;
        known.round_trip = round_trip;
        match &known.report {
            Some(before) if before.ring.number > report.ring.number => Err(format!(
                "{node} was in the ring {} before and now reports an older one, {}: has it lost its state directory?",
                before.ring, report.ring
            )),
            _ => {
                known.report = Some(report);
                Ok(())
            }
        }
    }

    /// The highest ring number that others than `node` told of, or the vote is with; nothing before anybody had it.
    fn reach(&self, node: &NodeId) -> Option<u64> {
        let others = self.nodes.iter().filter(|(other, _)| *other != node);
        let told = others.filter_map(|(_, known)| known.report.as_ref()).map(|report| report.ring.number);
        self.grant.as_ref().map(|grant| told.fold(grant.ring.number, u64::max))
    }

    /// Whether no member of this ring is known to have gone on to a newer one, by its own word or that of another.
    fn stands(&self, report: &Report) -> bool {
        let reports = self.nodes.values().filter_map(|known| known.report.as_ref());
        let mut newer = reports.filter(|other| other.ring.number > report.ring.number);
        !newer.any(|other| !other.members.is_disjoint(&report.members))
    }

    /// The parts that connected nodes report and that are not over.
    fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for (node, known) in self.nodes.iter().filter(|(_, known)| known.seat.is_some()) {
            let Some(report) = known.report.as_ref().filter(|report| self.stands(report)) else { continue };
            match parts.iter_mut().find(|part| part.report.ring == report.ring) {
                Some(part) => {
                    part.reporters.insert(node.clone(), report.heuristics);
                    part.report.blank.extend(report.blank.iter().cloned());
                    part.stored.extend(report.stored.then(|| node.clone()));
                }
                None => parts.push(Part {
                    report: report.clone(),
                    reporters: [(node.clone(), report.heuristics)].into(),
                    stored: report.stored.then(|| node.clone()).into_iter().collect(),
                }),
            }
        }
        parts
    }

    /// Whether the vote may go to this part: the one rule that safety stands on.
    fn may_have(&self, part: &Part) -> bool {
        match &self.grant {
            None => part.is_whole(),
            Some(grant) if grant.ring == part.report.ring => grant.members == *part.members(),
            Some(grant) => {
                let follows = part.is_whole() || part.remembers(&grant.holders);
                follows && part.report.ring.number > grant.ring.number
            }
        }
    }

    fn has(&self, part: &Part) -> bool {
        self.grant.as_ref().is_some_and(|grant| grant.ring == part.report.ring && grant.members == *part.members())
    }

    fn decide(&mut self, now: Instant, outputs: &mut Vec<Output>) {
        self.deadline = None;
        let parts = self.parts();
        let able = |part: &&Part| part.report.would_be_quorate() && !part.stored.is_empty();
        let mut eligible: Vec<&Part> = parts.iter().filter(|part| self.may_have(part)).filter(able).collect();
        let holders = self.grant.as_ref().map(|grant| &grant.members);
        eligible.sort_by(|a, b| b.rank(holders).cmp(&a.rank(holders)));
        let settled = parts.iter().find(|part| self.has(part));
        let winner = match (settled, eligible.first()) {
            (Some(part), _) => Some(part),
            (None, Some(best)) => match self.wait(now, best, &eligible, outputs) {
                Some(deadline) => {
                    self.deadline = Some(deadline);
                    None
                }
                None => Some(*best),
            },
            (None, None) => None,
        };
        if let Some(winner) = winner {
            self.contest = None;
            let before = self.grant.take().filter(|grant| grant.ring == winner.report.ring);
            let mut holders = before.as_ref().map(|grant| grant.holders.clone()).unwrap_or_default();
            holders.extend(winner.stored.iter().cloned());
            let (ring, members) = (winner.report.ring.clone(), winner.members().clone());
            let grant = Grant { ring, members, holders };
            if before.as_ref() != Some(&grant) {
                outputs.push(Output::Persist(grant.clone()));
            }
            self.grant = Some(grant);
        } else if eligible.is_empty() {
            self.contest = None;
        }
        for part in &parts {
            let answer = self.answer(part, eligible.iter().any(|other| other.report.ring == part.report.ring));
            self.tell(part, &answer, outputs);
        }
    }

    /// Until when a decision for `best` has to wait, if at all.
    fn wait(&mut self, now: Instant, best: &Part, eligible: &[&Part], outputs: &mut Vec<Output>) -> Option<Instant> {
        if best.is_certain() {
            return None;
        }
        if self.contest.is_none() {
            for known in self.nodes.values_mut() {
                known.heard = false;
            }
            let others = best.others().filter_map(|node| self.nodes.get(node)?.seat);
            outputs.extend(others.map(Output::Ask));
        }
        let since = *self.contest.get_or_insert(now);
        let close = eligible.iter().any(|part| {
            part.report.ring != best.report.ring
                && part.votes() == best.votes()
                && (part.is_examining() || best.is_examining())
        });
        let mut deadline = close.then_some(since + SETTLE);
        for node in best.others() {
            deadline = deadline.max(self.expected(node, since));
        }
        deadline.filter(|deadline| now < *deadline)
    }

    /// Until when a node may still be about to report a part of its own.
    fn expected(&self, node: &NodeId, since: Instant) -> Option<Instant> {
        let Some(known) = self.nodes.get(node).filter(|known| known.seat.is_some()) else {
            // After a restart of the arbiter the former members come back one by one.
            let former = self.grant.as_ref().is_some_and(|grant| grant.members.contains(node));
            let never = self.nodes.get(node).is_none_or(|known| known.report.is_none());
            return (former && never).then_some(self.started + SETTLE);
        };
        match &known.report {
            Some(report) if self.stands(report) => None,
            _ if known.heard => Some(since + SETTLE),
            _ => Some(since + (ANSWER + 4 * known.round_trip).min(ANSWER_MOST)),
        }
    }

    fn answer(&self, part: &Part, eligible: bool) -> Answer {
        if self.has(part) {
            return Answer::Granted;
        }
        if eligible && self.contest.is_some() {
            return Answer::Waiting("other nodes may still report a better part".to_owned());
        }
        if part.stored.is_empty() {
            return Answer::Waiting("nobody in this part has stored its content yet".to_owned());
        }
        if !part.report.would_be_quorate() {
            return Answer::Denied("this part has too few votes even with the arbiter's".to_owned());
        }
        Answer::Denied(match &self.grant {
            None => "the arbiter does not know who had its vote before: all nodes must be together once".to_owned(),
            Some(grant)
                if part.report.ring.number < grant.ring.number && !grant.members.is_disjoint(part.members()) =>
            {
                format!("the newer ring {} has the vote", grant.ring)
            }
            Some(grant) => {
                let members: Vec<&str> = grant.members.iter().map(NodeId::as_str).collect();
                format!(
                    "the vote is with the ring {} of {}, and none of them is here with what it had then",
                    grant.ring,
                    members.join(", ")
                )
            }
        })
    }

    fn tell(&mut self, part: &Part, answer: &Answer, outputs: &mut Vec<Output>) {
        for node in part.reporters.keys() {
            let Some(known) = self.nodes.get_mut(node) else { continue };
            let told = (part.report.ring.clone(), answer.clone());
            if let Some(seat) = known.seat
                && known.told.as_ref() != Some(&told)
            {
                outputs.push(Output::Tell(seat, told.0.clone(), told.1.clone()));
                known.told = Some(told);
            }
        }
    }
}

#[cfg(test)]
mod tests;
