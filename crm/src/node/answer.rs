//! What the scheduler last said of this node's own CIB, for people who ask: it is kept until something that it looked
//! at is different, or the time comes at which it would say something else. One answer, never more.

use super::{Moment, Node};
use crate::cib::{Cib, Refused};
use crate::schedule::Schedule;
use config::NodeId;
use membership::Quorum;
use std::collections::BTreeSet;
use std::sync::Arc;

/// An answer, and everything that it depends on.
#[derive(Debug)]
pub(super) struct Answer {
    cib: Cib,
    members: BTreeSet<NodeId>,
    dc: NodeId,
    quorum: Quorum,
    waiting_for_nodes: bool,
    /// When it was asked for, wall clock in milliseconds since 1970.
    wall_ms: u64,
    schedule: Arc<Schedule>,
}

impl Answer {
    /// Whether it still holds at this moment, as far as time goes. A clock that was set back makes no old answer new.
    fn is_fresh(&self, wall_ms: u64) -> bool {
        self.wall_ms <= wall_ms && self.schedule.recheck_wall_ms.is_none_or(|recheck| wall_ms < recheck)
    }
}

impl Node {
    /// What the scheduler would do now, with the reasons why resources are not where they could be. Refused as
    /// [`Node::explained`] is.
    pub(super) fn explained_now(&mut self, now: Moment) -> Result<Arc<Schedule>, Refused> {
        if let Some(answer) = self.answer.as_ref().filter(|answer| answer.is_fresh(now.wall_ms)) {
            let same = self.situation(now, self.cib(), |situation| {
                answer.members == *situation.members
                    && Some(&answer.dc) == situation.dc
                    && answer.quorum == *situation.quorum
                    && answer.waiting_for_nodes == situation.waiting_for_nodes
                    && answer.cib == *situation.cib
            })?;
            if same {
                return Ok(Arc::clone(&answer.schedule));
            }
        }
        self.answer = None;
        let schedule = Arc::new(self.explained(now, self.cib())?);
        let answer = self.situation(now, self.cib(), |situation| {
            Some(Answer {
                cib: situation.cib.clone(),
                members: situation.members.clone(),
                dc: situation.dc?.clone(),
                quorum: situation.quorum.clone(),
                waiting_for_nodes: situation.waiting_for_nodes,
                wall_ms: now.wall_ms,
                schedule: Arc::clone(&schedule),
            })
        })?;
        self.answer = answer;
        Ok(schedule)
    }
}
