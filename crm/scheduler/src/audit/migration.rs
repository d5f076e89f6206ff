//! A live migration goes from where the resource is, step by step.

use super::case::{Case, Step, Verb};
use super::graph::Before;
use super::history::Doing;
use super::violation::{Rule, Violation};

pub(super) fn check(case: &Case<'_>, before: &mut Before<'_>, found: &mut Vec<Violation>) {
    for subject in 0..case.steps.len() {
        for from in case.planned(subject, Verb::MigrateFrom) {
            arrival(case, before, from, found);
        }
        for to in case.planned(subject, Verb::MigrateTo) {
            departure(case, to, found);
        }
    }
}

/// The resource was sent, arrives, and ends where it came from.
fn arrival(case: &Case<'_>, before: &mut Before<'_>, from: &Step, found: &mut Vec<Violation>) {
    let Some((source, target)) = &case.action(from).migration else {
        found.push(case.broken(Rule::Migration, from, "does not say between which nodes"));
        return;
    };
    if target != case.nodes[from.node].name || source == target {
        found.push(case.broken(Rule::Migration, from, format!("names {source} and {target} as its ends")));
    }
    let begun = case.active(from.subject).any(|it| it.sent_to == Some(target.as_str()));
    let sent = case.planned(from.subject, Verb::MigrateTo).find(|to| case.nodes[to.node].name == source);
    match sent {
        Some(to) if before.precedes(to.at, from.at) => {}
        None if begun => {}
        _ => found.push(case.broken(Rule::Migration, from, format!("does not wait until {source} has sent it"))),
    }
    let stop = case.planned(from.subject, Verb::Stop).find(|stop| case.nodes[stop.node].name == source);
    match stop {
        Some(stop) if before.precedes(from.at, stop.at) => {}
        Some(_) => {
            found.push(case.broken(Rule::Migration, from, format!("is not over before it is stopped on {source}")))
        }
        None => found.push(case.broken(Rule::Migration, from, format!("leaves what it was on {source}"))),
    }
}

/// It is where it is sent from.
fn departure(case: &Case<'_>, to: &Step, found: &mut Vec<Violation>) {
    // That a monitor did not find it is no news any more when the failure has expired.
    if !case.known[to.subject].iter().any(|it| it.node == to.node && (it.doing == Doing::Runs || it.failed)) {
        found.push(case.broken(Rule::Migration, to, "is to send what does not run there"));
    }
    let target = case.action(to).migration.as_ref().map(|(_, target)| target.as_str());
    let arrives = |from: &Step| Some(case.nodes[from.node].name) == target;
    if !case.planned(to.subject, Verb::MigrateFrom).any(arrives) {
        found.push(case.broken(Rule::Migration, to, "sends it where it is not received"));
    }
}
