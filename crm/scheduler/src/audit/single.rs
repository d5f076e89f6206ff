//! What must run once is never planned to run twice: before a start, whatever may run of it elsewhere is stopped, or
//! its node is cut off.

use super::case::{Case, Step, Verb};
use super::graph::Before;
use super::history::Activity;
use super::violation::{Rule, Violation};
use crate::schedule::ActionKind;

pub(super) fn check(case: &Case<'_>, before: &mut Before<'_>, found: &mut Vec<Violation>) {
    for (subject, it) in case.subjects.all.iter().enumerate() {
        // A mark stands for what a live migration, or an instance that is where it should be already, has done.
        let starts: Vec<&Step> = case.planned(subject, Verb::Start).filter(|it| it.kind == ActionKind::Rsc).collect();
        if it.once
            && let Some(other) = starts.iter().find(|other| other.node != starts[0].node)
        {
            found.push(case.broken(Rule::Single, other, "is not its only start: it is started on another node too"));
        }
        for start in starts {
            for here in case.active(subject) {
                if let Some(why) = doubt(case, before, start, here, it.once) {
                    found.push(case.broken(Rule::Single, start, why));
                }
            }
        }
    }
}

/// What may run twice when this start is made while the resource is active `here`.
fn doubt(case: &Case<'_>, before: &mut Before<'_>, start: &Step, here: &Activity<'_>, once: bool) -> Option<String> {
    let same = here.node == start.node;
    if !once && !same {
        return None;
    }
    if case.fenced_before(here.node, start.at) || ends_before(case, before, start.subject, here.node, start.at) {
        return None;
    }
    // What a failure that has expired left behind is asked again: where the answer is that it runs, this start is off.
    let mut probes = case.planned(start.subject, Verb::Probe).filter(|probe| probe.node == here.node);
    if here.failed && probes.any(|probe| before.precedes(probe.at, start.at)) {
        return None;
    }
    let node = case.nodes[here.node].name;
    if !same {
        return Some(format!(
            "comes although it may run on {node}: no stop there and no fencing of {node} comes before"
        ));
    }
    // A start that was never answered is repeated: agents must put up with that.
    (!here.pending).then(|| "comes although it may run there already: no stop comes before".to_owned())
}

/// Whether what runs of `subject` on `node` is over before the action at `at`: it is stopped, or the resource that the
/// node lives in is.
pub(super) fn ends_before(case: &Case<'_>, before: &mut Before<'_>, subject: usize, node: usize, at: usize) -> bool {
    let stops = |subject: usize, on: Option<usize>, before: &mut Before<'_>| {
        let mut stops = case.planned(subject, Verb::Stop).filter(|stop| on.is_none_or(|on| stop.node == on));
        stops.any(|stop| before.precedes(stop.at, at))
    };
    stops(subject, Some(node), before) || case.container[node].is_some_and(|host| stops(host, None, before))
}
