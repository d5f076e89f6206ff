//! What a lost node ran is stopped by its fencing alone, and nothing is started before that is confirmed.

use super::case::{Case, Fence, Step, Verb};
use super::history::Doing;
use super::node::Reach;
use super::options::Policy;
use super::tree::Needs;
use super::violation::{Rule, Violation};
use crate::schedule::ActionKind;

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Violation>) {
    let left = unfenced(case);
    for subject in 0..case.steps.len() {
        let mut needs = None;
        for step in &case.steps[subject] {
            match (step.verb, step.kind) {
                (Verb::Start | Verb::Promote, ActionKind::Rsc) => {
                    let needs = *needs.get_or_insert_with(|| case.subjects.needs(subject, &case.options));
                    start(case, step, needs, &left, found);
                }
                (Verb::Stop | Verb::Demote, ActionKind::Pseudo) => implied(case, step, found),
                _ => {}
            }
        }
    }
}

/// Members that are unclean and that nobody fences, although somebody could.
fn unfenced(case: &Case<'_>) -> Vec<usize> {
    let device = |it: &super::tree::Primitive<'_>| it.agent.is_some_and(crate::situation::Agent::is_fencing);
    let devices = !case.situation.configuration.fence_devices.is_empty() || case.subjects.primitives.iter().any(device);
    // Without quorum nobody may be fenced; what may come up then is another rule's question.
    let may = case.situation.quorate || case.options.policy == Policy::Ignore;
    if !case.options.fencing || !devices || !may {
        return Vec::new();
    }
    let unclean = |at: &usize| {
        let node = &case.nodes[*at];
        node.reach == Reach::Member && !node.present && !node.gone && !node.joining && case.fence_of[*at].is_none()
    };
    (0..case.nodes.len()).filter(unclean).collect()
}

/// A start waits for every fencing, as far as what it needs says so.
fn start(case: &Case<'_>, step: &Step, needs: Needs, left: &[usize], found: &mut Vec<Violation>) {
    if needs == Needs::Fencing {
        for &node in left {
            let node = case.nodes[node].name;
            found.push(case.broken(Rule::Unclean, step, format!("comes while {node} is unclean and not fenced")));
        }
    }
    let waits = |fence: &&Fence| match needs {
        Needs::Nothing => false,
        Needs::Quorum if foreign(case, step.subject, fence.node) => false,
        // It is enough to know what it did there: whoever asks for no more than a quorum has answered for the rest.
        Needs::Quorum => unknown(case, step.subject, fence.node),
        Needs::Fencing => true,
    };
    for fence in case.fences.iter().filter(waits) {
        if !case.fenced_before(fence.node, step.at) {
            let node = case.nodes[fence.node].name;
            found.push(case.broken(Rule::Unclean, step, format!("does not wait for the fencing of {node}")));
        }
    }
}

/// Whether a subject never runs on a node: it is inside a bundle that the subject is no part of, or nothing that is
/// configured leads there.
fn foreign(case: &Case<'_>, subject: usize, node: usize) -> bool {
    let name = case.nodes[node].name;
    if case.subjects.in_bundle(name) {
        let bundle = case.primitive(subject).bundle.map(|bundle| bundle.id.as_str());
        return bundle != name.rsplit_once('-').map(|(bundle, _)| bundle);
    }
    let written = |connection: usize| case.primitive(connection).written.is_some();
    let leads = case.container[node].is_some() || case.subjects.find(name).is_some_and(written);
    case.nodes[node].reach == Reach::Connection && !leads
}

/// Whether nothing is recorded of a subject on a node.
fn unknown(case: &Case<'_>, subject: usize, node: usize) -> bool {
    !case.known[subject].iter().any(|it| it.node == node && it.doing != Doing::Unknown)
}

/// A stop that nobody carries out is true when its node was cut off.
fn implied(case: &Case<'_>, step: &Step, found: &mut Vec<Violation>) {
    let runs = case.known[step.subject].iter().any(|it| it.node == step.node && it.doing == Doing::Runs);
    let waits = case.subjects.needs(step.subject, &case.options) == Needs::Fencing;
    // What runs in a container ends with it, and its replica is fenced in words alone.
    let in_bundle = case.primitive(step.subject).bundle.is_some();
    match case.fence_of[step.node].map(|number| &case.fences[number]) {
        Some(_) if case.fenced_before(step.node, step.at) => {}
        Some(fence) if !waits || in_bundle && !fence.real => {}
        Some(_) => found.push(case.broken(Rule::Unclean, step, "does not wait for the fencing that makes it true")),
        None if !runs => {}
        None => found.push(case.broken(Rule::Unclean, step, "is believed without a fencing that makes it true")),
    }
}
