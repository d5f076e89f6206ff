//! "What if": a plan against a copy of the CIB. Changes nothing; any member answers.

use super::{Moment, Node, words};
use crate::cib::{OverrideEdit, Refused};
use crate::control::{PlannedAction, Refusal, Response};
use crate::schedule::{Action, ActionKind, Place, Schedule};
use config::{Problem, ResourceId};

impl Node {
    /// What would follow if `text` were the cluster file.
    pub(super) fn plan_for(&self, now: Moment, text: &str) -> Response {
        let parsed = config::parse(text);
        let Some(config) = parsed.config else { return Response::Invalid { problems: parsed.problems } };
        if let Err(refused) = self.cib().may_become(&config) {
            return refusal(refused);
        }
        let differences = config::diff(&self.cib().config, &config);
        let cib = self.cib().with_config(text.to_owned(), config);
        let schedule = match self.explained(now, &cib) {
            Ok(schedule) => schedule,
            Err(refused) => return refusal(refused),
        };
        let nowhere = |name: &&ResourceId| schedule.placement.get(*name).is_some_and(Vec::is_empty);
        let stopped = cib.config.resource_order.iter().filter(nowhere);
        let stopped =
            stopped.map(|name| PlannedAction { what: format!("{name} runs nowhere"), why: why(&schedule, name) });
        Response::Plan {
            base: self.generation(),
            differences,
            stopped: stopped.collect(),
            actions: in_order(&schedule),
            warnings: warnings(parsed.problems),
        }
    }

    /// Whether a move would lead anywhere: refused with the reason if the resource cannot run there.
    pub(super) fn check_move(&self, now: Moment, edit: &OverrideEdit) -> Result<(), Refused> {
        let OverrideEdit::Move { resource, to: Some(node) } = edit else { return Ok(()) };
        let cib = self.cib();
        if self.cib().online(node).is_none() {
            let message = format!("{resource} cannot be moved to {node}: {node} is not online");
            return Err(Refused::new(Refusal::Invalid, message, None));
        }
        let mut copy = cib.clone();
        edit.edit(&mut copy.durable.overrides);
        let schedule = self.explained(now, &copy)?;
        for primitive in cib.primitives(resource) {
            let there = |places: &Vec<Place>| places.iter().any(|place| place.node == *node);
            if schedule.placement.get(&primitive).is_some_and(|places| !there(places)) {
                let message = format!("{resource} cannot be moved to {node}: {}", why(&schedule, &primitive));
                return Err(Refused::new(Refusal::Invalid, message, Some("see: paceline status")));
            }
        }
        Ok(())
    }
}

/// The reasons for a placement, in one line.
pub(crate) fn why(schedule: &Schedule, resource: &ResourceId) -> String {
    let reasons = schedule.reasons.get(resource).map(|reasons| reasons.join("; ")).unwrap_or_default();
    if reasons.is_empty() { "no reason is known".to_owned() } else { reasons }
}

/// A refusal as an answer.
pub(super) fn refusal(refused: Refused) -> Response {
    Response::Refused { kind: refused.kind, message: refused.message, hint: refused.hint }
}

/// Why nothing can be said or done right now.
pub(super) fn unsynced(awaited: &[config::NodeId]) -> Refused {
    let message = if awaited.is_empty() {
        "this node has not met its cluster yet".to_owned()
    } else {
        format!("the members of a new view are being synchronised (waiting for {})", words::list(awaited))
    };
    Refused::new(Refusal::Unavailable, message, Some("try again in a moment"))
}

fn warnings(problems: Vec<Problem>) -> Vec<Problem> {
    problems.into_iter().filter(|problem| problem.severity == config::Severity::Warning).collect()
}

/// The actions so that each comes after those it waits for.
fn in_order(schedule: &Schedule) -> Vec<PlannedAction> {
    let actions = &schedule.graph.actions;
    let mut listed = vec![false; actions.len()];
    let mut order = Vec::new();
    // Each pass lists at least one action of a graph without circles; what is left of a circle is listed at the end.
    loop {
        let ready: Vec<usize> = (0..actions.len())
            .filter(|place| !listed[*place])
            .filter(|place| actions[*place].after.iter().all(|id| listed.get(id.0 as usize).is_none_or(|done| *done)))
            .collect();
        if ready.is_empty() {
            break;
        }
        for place in ready {
            listed[place] = true;
            order.push(place);
        }
    }
    order.extend((0..actions.len()).filter(|place| !listed[*place]));
    let does = |action: &&Action| !matches!(action.kind, ActionKind::Mark { .. });
    let planned = order.into_iter().map(|place| &actions[place]).filter(does);
    planned.map(|action| PlannedAction { what: words::action(&action.kind), why: action.cause.clone() }).collect()
}
