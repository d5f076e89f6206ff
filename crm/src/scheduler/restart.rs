//! What must be stopped and started once although its parameters are those of today: an operator asked for it, or its
//! command lines are others now.

use super::Situation;
use crate::cib::{Activity, History};
use ::scheduler::situation::Restart;
use config::{NodeId, ResourceId};

/// Why; `None` when it may go on.
pub(super) fn because(situation: &Situation<'_>, node: &NodeId, id: &ResourceId, history: &History) -> Option<Restart> {
    if history.activity() != Activity::Active || situation.cib.online(node).is_none() {
        return None;
    }
    let status = &situation.cib.status;
    if status.restarts.get(id.base()).is_some_and(|since| history.runs_since < *since) {
        return Some(Restart::Asked);
    }
    let today = situation.cib.config.resources.get(id.base())?;
    let started = history.started.as_ref()?;
    (started.commands != today.commands).then_some(Restart::Changed)
}
