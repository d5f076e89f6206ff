//! What must be stopped and started again only because something it was started after is.

use super::assign::Assignment;
use super::expand::Rules;
use super::facts::Facts;
use config::OperationName;

/// What happens to one resource.
#[derive(Clone, Default)]
pub(super) struct Plan {
    pub(super) stops: Vec<Stop>,
    /// Where, and why.
    pub(super) start: Option<(usize, String)>,
}

/// One stop.
#[derive(Clone)]
pub(super) struct Stop {
    pub(super) node: usize,
    pub(super) cause: String,
    /// See [`super::actions::Step::gentle`].
    pub(super) gentle: bool,
}

impl Plan {
    fn moves(&self) -> bool {
        self.start.is_some() || !self.stops.is_empty()
    }

    fn gentle(&self) -> bool {
        !self.stops.is_empty() && self.stops.iter().all(|stop| stop.gentle)
    }
}

/// Carries restarts along symmetrical mandatory orders.
pub(super) fn propagate(facts: &Facts<'_>, rules: &Rules, assignment: &Assignment, plans: &mut [Plan]) {
    if !facts.quorate() {
        return;
    }
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); plans.len()];
    for rule in rules.sequences.iter().filter(|rule| rule.requires() && rule.symmetrical) {
        after[rule.first].push(rule.then);
    }
    let mut news: Vec<usize> = (0..plans.len()).filter(|r| plans[*r].moves()).collect();
    while let Some(first) = news.pop() {
        let gentle = plans[first].gentle();
        for then in after[first].iter().copied() {
            if disturb(facts, assignment, first, then, gentle, plans) {
                news.push(then);
            }
        }
    }
}

/// Restarts `then`, or makes its restart less gentle. Whether anything changed.
fn disturb(
    facts: &Facts<'_>,
    assignment: &Assignment,
    first: usize,
    then: usize,
    gentle: bool,
    plans: &mut [Plan],
) -> bool {
    let resource = &facts.resources[then];
    let plan = &mut plans[then];
    if plan.moves() {
        let harden = !gentle && plan.gentle();
        for stop in plan.stops.iter_mut().filter(|_| harden) {
            stop.gentle = false;
        }
        return harden;
    }
    let Some(n) = assignment.node[then].filter(|n| resource.managed() && resource.on[*n].active()) else {
        return false;
    };
    // Its own stop is on the way already, or it is not started after all.
    if resource.on[n].flight.is_some_and(|key| key.name == OperationName::Stop) {
        return false;
    }
    let cause = format!("it was started after {}, which is started anew", facts.resources[first].config.name);
    plan.stops.push(Stop { node: n, cause: cause.clone(), gentle });
    plan.start = Some((n, cause));
    true
}
