//! What a transition changes, one line for each node that is fenced and each primitive that does not stay as it is.

use crate::assign::Assignment;
use crate::facts::Facts;
use crate::graph::{Action, Graph, Key, Task};
use crate::index::{NodeIx, ResourceIx};
use crate::role::Role;
use crate::schedule::Change;

/// The changes: fencing first, then resources in the order of the facts.
#[must_use]
pub fn summarize(facts: &Facts<'_>, assignment: &Assignment, graph: &Graph) -> Vec<Change> {
    let mut changes: Vec<Change> = graph.actions.iter().filter_map(|action| fencing(facts, action)).collect();
    for at in facts.all_resources().filter(|at| facts[*at].is_primitive()) {
        Subject::of(facts, assignment, graph, at).describe(&mut changes);
    }
    changes
}

fn fencing(facts: &Facts<'_>, action: &Action) -> Option<Change> {
    if !action.needed || !action.possible || action.hidden {
        return None;
    }
    let op = match action.key.task {
        Task::Fence => action.fencing.unwrap_or("reboot"),
        Task::Unfence => "on",
        _ => return None,
    };
    Some(Change {
        action: "fence".to_string(),
        resource: None,
        op: Some(op.to_string()),
        node: Some(facts[action.key.node?].name.clone()),
        from: None,
        to: None,
        blocked: false,
        because: because(&[Some(action)]),
    })
}

/// The first reason that was recorded with one of these actions.
fn because(actions: &[Option<&Action>]) -> String {
    let first = actions.iter().flatten().find_map(|action| action.because.first());
    first.map(ToString::to_string).unwrap_or_default()
}

/// One primitive, where it is and where it goes.
struct Subject<'s, 'a> {
    facts: &'s Facts<'a>,
    assignment: &'s Assignment,
    graph: &'s Graph,
    at: ResourceIx,
    from: Option<NodeIx>,
    to: Option<NodeIx>,
    role: Role,
    next: Role,
    start: Option<&'s Action>,
    stop: Option<&'s Action>,
    demote: Option<&'s Action>,
    promote: Option<&'s Action>,
}

impl<'s, 'a> Subject<'s, 'a> {
    fn of(facts: &'s Facts<'a>, assignment: &'s Assignment, graph: &'s Graph, at: ResourceIx) -> Subject<'s, 'a> {
        let resource = &facts[at];
        let to = assignment.node(at);
        // A move under way is told from where it began.
        let from = resource.partial_migration.map(|(from, _)| from).or_else(|| resource.on.first().copied());
        let on = |node: Option<NodeIx>, task| {
            node.and_then(|node| graph.find(Key::on(at, task, node))).map(|action| &graph[action])
        };
        Subject {
            facts,
            assignment,
            graph,
            at,
            from,
            to,
            role: plain(resource.role),
            next: plain(if to.is_some() { assignment.role(at) } else { Role::Stopped }),
            start: on(to, Task::Start),
            stop: on(from, Task::Stop),
            demote: on(from, Task::Demote),
            promote: on(to, Task::Promote),
        }
    }

    fn describe(&self, changes: &mut Vec<Change>) {
        let resource = &self.facts[self.at];
        let untouched = !resource.managed || resource.blocked.is_some();
        if untouched || (self.from.is_none() && self.to.is_none()) {
            return;
        }
        if self.role == self.next {
            changes.extend(self.same_role());
        } else {
            self.other_role(changes);
        }
    }

    /// It is to do what it does, here or elsewhere.
    fn same_role(&self) -> Option<Change> {
        let failed = self.failed();
        let migrates =
            [Task::MigrateTo, Task::MigrateFrom].into_iter().flat_map(|task| self.graph.tasks(self.at, task));
        if migrates.map(|at| &self.graph[at]).any(needed) {
            return Some(self.change("migrate", self.start, &[self.start, self.stop]));
        }
        if let Some(reload) = self.reload() {
            return Some(self.change("reload", Some(reload), &[Some(reload)]));
        }
        let Some(start) = self.start.filter(|start| needed(start)) else {
            let again = self.demote.is_some_and(needed) && self.promote.is_some_and(needed);
            return again.then(|| self.change("re-promote", self.promote, &[self.demote, self.promote]));
        };
        if self.cannot_start() {
            let stop = self.change("stop", self.stop, &[Some(start), self.stop]);
            return Some(Change { to: None, ..stop });
        }
        let moves = self.from != self.to;
        let (action, carried) = match (failed, moves) {
            (true, _) => ("recover", self.stop),
            (false, true) => ("move", self.stop),
            (false, false) => ("restart", self.start),
        };
        Some(self.change(action, carried, &[self.stop, self.start]))
    }

    /// Its role changes.
    fn other_role(&self, changes: &mut Vec<Change>) {
        let stops = self.stop.is_some_and(needed);
        if self.stop.is_some() && (self.next == Role::Stopped || self.cannot_start()) {
            for &node in &self.facts[self.at].on {
                if let Some(stop) = self.graph.find(Key::on(self.at, Task::Stop, node)) {
                    let stop = Some(&self.graph[stop]);
                    let reasons = if self.next == Role::Stopped { [stop, None] } else { [self.start, stop] };
                    let change = self.change("stop", stop, &reasons);
                    changes.push(Change { from: Some(self.facts[node].name.clone()), to: None, ..change });
                }
            }
        } else if stops && self.failed() {
            changes.push(self.change("recover", self.stop, &[self.stop, self.start]));
        } else if self.from.is_some() && self.to.is_some() && self.from != self.to {
            changes.push(self.change("move", self.stop, &[self.stop, self.start]));
        } else if let Some(reload) = self.reload() {
            changes.push(self.change("reload", Some(reload), &[Some(reload)]));
        } else if stops {
            changes.push(self.change("restart", self.start, &[self.stop, self.start]));
        } else if self.start.is_some_and(|start| self.without_partner(start)) {
            // It is as if it had no node at all.
        } else if self.role == Role::Promoted {
            changes.push(self.change("demote", self.demote, &[self.demote]));
        } else if self.next == Role::Promoted {
            let action = self.promote.filter(|promote| needed(promote)).or(self.start);
            changes.push(self.change("promote", action, &[self.promote, self.start]));
        } else if self.next.runs() {
            // Something that was left there by a migration may be running.
            let action = if self.from.is_some() { "restart" } else { "start" };
            changes.push(self.change(action, self.start, &[self.start]));
        }
    }

    /// Whether what it needs to start is missing, or the node that it is to start on will not be there.
    fn cannot_start(&self) -> bool {
        let connection = self.to.and_then(|node| self.facts[node].connection);
        let host = connection.and_then(|connection| self.facts[connection].container);
        let nowhere = |needs: ResourceIx| self.assignment.node(needs).is_none();
        self.start.is_some_and(|start| !start.possible) || connection.into_iter().chain(host).any(nowhere)
    }

    /// Whether a start is impossible because an instance stands where the clone it interleaves with has none, or where
    /// the one it has stands so itself.
    fn without_partner(&self, start: &Action) -> bool {
        let mut action = start;
        // Nothing is blocked by itself through others; the bound only makes that plain.
        for _ in 0..self.graph.actions.len() {
            let Some(by) = action.blocked_by else { return action.hidden && !action.possible };
            action = &self.graph[by];
            let instance =
                |resource: ResourceIx| self.facts[resource].is_primitive() && self.facts.clone_of(resource).is_some();
            if !action.hidden && !action.key.resource.is_some_and(instance) {
                return false;
            }
        }
        false
    }

    /// Whether it failed, by itself or with the guest node that it is on.
    fn failed(&self) -> bool {
        self.facts[self.at].failed
    }

    fn reload(&self) -> Option<&'s Action> {
        self.graph.tasks(self.at, Task::Reload).map(|at| &self.graph[at]).find(|action| needed(action))
    }

    fn change(&self, action: &str, carried: Option<&Action>, reasons: &[Option<&Action>]) -> Change {
        let name = |node: Option<NodeIx>| node.map(|node| self.facts[node].name.clone());
        Change {
            action: action.to_string(),
            resource: Some(self.facts[self.at].id.clone()),
            op: None,
            node: None,
            from: name(self.from),
            to: name(self.to),
            blocked: carried.is_some_and(|action| !action.possible),
            because: because(reasons),
        }
    }
}

fn needed(action: &Action) -> bool {
    action.needed
}

/// A role without the differences that a summary does not make.
fn plain(role: Role) -> Role {
    match role {
        Role::Unknown => Role::Stopped,
        Role::Unpromoted => Role::Started,
        other => other,
    }
}
