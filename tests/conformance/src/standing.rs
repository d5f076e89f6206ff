//! What stands where, before and after a transition and at rest: nowhere more than is allowed, nothing where nothing
//! may run.

use scheduler::constraint::{self, TicketRule};
use scheduler::facts::{self, Facts};
use scheduler::index::{NodeIx, ResourceIx};
use scheduler::role::Role;
use scheduler::schedule::Schedule;
use scheduler::situation::{LossPolicy, Preference, Situation, Subject};
use std::collections::BTreeMap;

/// How often something runs: on all nodes, on the node with the most, and the same of the upper role.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    all: usize,
    on_one_node: usize,
    promoted: usize,
    promoted_on_one_node: usize,
}

/// How often a primitive may run.
#[derive(Clone, Copy, Debug)]
struct Limit {
    all: i64,
    on_one_node: i64,
    promoted: i64,
    promoted_on_one_node: i64,
}

/// After a transition nothing runs more often than it may, or, where the cluster cannot change it, than before.
#[must_use]
pub fn compare(before: &Situation, after: &Situation) -> Vec<String> {
    let (before, after) = (facts::read(before), facts::read(after));
    let (was, is) = (counts(&before), counts(&after));
    let mut wrong = Vec::new();
    // Then operators said that what is too many stays.
    if !before.options.stop_removed_resources {
        return wrong;
    }
    for (name, (limit, now)) in &is {
        let then = was.get(name).map(|(_, count)| *count).unwrap_or_default();
        let rules = [
            ("in all", now.all, then.all, limit.all),
            ("on one node", now.on_one_node, then.on_one_node, limit.on_one_node),
            ("promoted", now.promoted, then.promoted, limit.promoted),
            ("promoted on one node", now.promoted_on_one_node, then.promoted_on_one_node, limit.promoted_on_one_node),
        ];
        for (what, now, then, limit) in rules {
            let allowed = usize::try_from(limit.max(0)).unwrap_or(usize::MAX);
            if now > then.max(allowed) {
                wrong.push(format!("{name} runs {now} times {what} afterwards, {then} before, and {allowed} may"));
            }
        }
    }
    wrong
}

/// Counts and limits by the name of a primitive as written.
fn counts(facts: &Facts<'_>) -> BTreeMap<String, (Limit, Count)> {
    let mut counts: BTreeMap<String, (Limit, Count)> = BTreeMap::new();
    let mut places: BTreeMap<(String, NodeIx), (usize, usize)> = BTreeMap::new();
    for at in facts.all_resources().filter(|&at| facts[at].is_primitive() && !facts[at].implicit) {
        let name = facts[at].id.split(':').next().unwrap_or_default().to_string();
        let (_, count) = counts.entry(name.clone()).or_insert_with(|| (limit(facts, at), Count::default()));
        for &node in facts[at].on.iter().filter(|&&node| answers(facts, node)) {
            let role = role_on(facts, at, node);
            let place = places.entry((name.clone(), node)).or_default();
            if role.runs() {
                count.all += 1;
                place.0 += 1;
                count.on_one_node = count.on_one_node.max(place.0);
            }
            if role == Role::Promoted {
                count.promoted += 1;
                place.1 += 1;
                count.promoted_on_one_node = count.promoted_on_one_node.max(place.1);
            }
        }
    }
    counts
}

/// Whether what is said of a node can be judged. Where nothing is fenced, nobody knows what goes on on a node that is
/// gone; histories that it left are read for the locks in them.
fn answers(facts: &Facts<'_>, node: NodeIx) -> bool {
    facts[node].online || facts.options.fencing_enabled
}

fn role_on(facts: &Facts<'_>, at: ResourceIx, node: NodeIx) -> Role {
    let own = facts[at].roles_on.iter().find(|(on, _)| *on == node);
    own.map_or(facts[at].role, |(_, role)| *role)
}

fn limit(facts: &Facts<'_>, at: ResourceIx) -> Limit {
    match facts.clone_of(at) {
        Some(clone) if facts[clone].is_clone() => {
            let meta = &facts[clone].meta;
            Limit {
                all: meta.clone_max,
                on_one_node: meta.clone_node_max,
                promoted: if facts[clone].promotable() { meta.promoted_max } else { 0 },
                promoted_on_one_node: meta.promoted_node_max,
            }
        }
        // The bundle says how often.
        Some(_) => Limit { all: i64::MAX, on_one_node: i64::MAX, promoted: i64::MAX, promoted_on_one_node: i64::MAX },
        None => Limit { all: 1, on_one_node: 1, promoted: 1, promoted_on_one_node: 1 },
    }
}

/// At rest nothing runs where nothing may run, unless the cluster may not touch it, or says that it cannot be
/// changed.
#[must_use]
pub fn at_rest(situation: &Situation, schedule: &Schedule) -> Vec<String> {
    let facts = facts::read(situation);
    let constraints = constraint::resolve(&facts);
    let mut wrong = Vec::new();
    for at in facts.all_resources() {
        let it = &facts[at];
        let named = |name: &Option<String>| name.as_deref() == Some(it.id.as_str());
        let announced = schedule.summary.iter().any(|change| named(&change.resource));
        if !it.is_primitive() || it.implicit || it.removed || !it.managed || it.blocked.is_some() || announced {
            continue;
        }
        if frozen(&facts, &constraints.tickets, at) {
            continue;
        }
        for &node in it.on.iter().filter(|&&node| role_on(&facts, at, node).runs()) {
            let on = &facts[node];
            if on.maintenance || facts.options.maintenance || !answers(&facts, node) {
                continue;
            }
            let state = if on.unclean {
                "unclean"
            } else if !on.online {
                "offline"
            } else if on.standby || on.standby_on_fail {
                "in standby"
            } else if banned(&facts, at, node) {
                "where a constraint bans it from"
            } else {
                continue;
            };
            wrong.push(format!("at rest {} runs on {}, which is {state}", it.id, on.name));
        }
    }
    wrong
}

/// Whether something has lost a ticket, and is left as it is until the ticket comes back.
fn frozen(facts: &Facts<'_>, tickets: &[TicketRule], at: ResourceIx) -> bool {
    let part = |of: ResourceIx| facts.primitives(of).contains(&at);
    tickets.iter().any(|rule| {
        let granted = facts.tickets.get(&rule.ticket).is_some_and(|it| it.granted);
        rule.loss_policy == LossPolicy::Freeze && !granted && part(rule.resource)
    })
}

/// Whether a constraint without rules and roles bans something, or what it is a part of, from a node.
fn banned(facts: &Facts<'_>, at: ResourceIx, node: NodeIx) -> bool {
    let mut names = vec![facts[at].base.as_str()];
    let mut above = facts[at].parent;
    while let Some(here) = above {
        names.push(facts[here].base.as_str());
        above = facts[here].parent;
    }
    facts.situation.configuration.constraints.locations.iter().any(|constraint| {
        let about = matches!(&constraint.subject, Subject::Resource(name) if names.contains(&name.as_str()));
        let bans = matches!(&constraint.preference, Preference::Node(to)
            if to.node == facts[node].name && to.score.is_never());
        about && constraint.role.is_none() && bans
    })
}
