//! From the graph of all actions that were thought of to the transition: what is needed and possible, by number.

use crate::assign::Assignment;
use crate::facts::Facts;
use crate::graph::{Action, Carrier, Graph, NotifyAbout, NotifyKind, Task, Terms};
use crate::index::{ActionIx, NodeIx};
use crate::order::Ordered;
use crate::order::edge::Edge;
use crate::schedule::{ActionKind, Schedule, ScheduledAction};
use crate::summary::summarize;

/// The answer.
#[must_use]
pub fn write(facts: &Facts<'_>, assignment: &Assignment, ordered: &Ordered) -> Schedule {
    Schedule {
        actions: actions(facts, ordered),
        summary: summarize(facts, assignment, &ordered.graph),
        placements: assignment.placements(facts),
        scores: assignment.score_lines(facts),
        recheck_ms: facts.recheck_ms,
        warnings: facts.warnings.clone(),
    }
}

/// Whether an action goes into the transition.
#[must_use]
pub fn shown(action: &Action) -> bool {
    (action.needed || action.always_shown) && action.possible && !action.hidden
}

/// Whether an order between two actions goes into the transition, where both of them do.
#[must_use]
pub fn carried(graph: &Graph, edge: &Edge) -> bool {
    edge.terms.has(Terms::ORDERED) && !(edge.terms.has(Terms::UNLESS_MIGRATING) && migrates(&graph[edge.first]))
}

/// Whether a stop is the last step of a live migration.
fn migrates(action: &Action) -> bool {
    action.key.task == Task::Stop && action.migratable && !action.rigid
}

/// What is done, numbered, with direct edges.
fn actions(facts: &Facts<'_>, ordered: &Ordered) -> Vec<ScheduledAction> {
    let graph = &ordered.graph;
    let mut numbers: Vec<Option<u32>> = vec![None; graph.actions.len()];
    let mut count = 0;
    for (at, action) in graph.actions.iter().enumerate() {
        if shown(action) {
            numbers[at] = Some(count);
            count += 1;
        }
    }
    let mut after: Vec<Vec<u32>> = vec![Vec::new(); count as usize];
    for edge in &ordered.edges.list {
        if carried(graph, edge)
            && let (Some(first), Some(then)) = (numbers[edge.first.at()], numbers[edge.then.at()])
        {
            after[then as usize].push(first);
        }
    }
    let written = (0..graph.actions.len()).map(ActionIx::new).filter(|at| numbers[at.at()].is_some());
    written
        .zip(after)
        .enumerate()
        .map(|(id, (at, mut after))| {
            after.sort_unstable();
            after.dedup();
            action(facts, graph, at, u32::try_from(id).unwrap_or(u32::MAX), after)
        })
        .collect()
}

/// One action in words.
fn action(facts: &Facts<'_>, graph: &Graph, at: ActionIx, id: u32, after: Vec<u32>) -> ScheduledAction {
    let action = &graph[at];
    let name = |node: NodeIx| facts[node].name.clone();
    let kind = match action.carrier {
        Carrier::Agent => ActionKind::Rsc,
        Carrier::Fencing => ActionKind::Fence,
        Carrier::Cluster => ActionKind::Crm,
        Carrier::Nobody => ActionKind::Pseudo,
    };
    let migration = match (action.key.task, action.key.node, action.other_node) {
        (Task::MigrateTo, Some(from), Some(to)) | (Task::MigrateFrom, Some(to), Some(from)) => {
            Some((name(from), name(to)))
        }
        _ => None,
    };
    let notify = action.key.notify.map(|(kind, about)| (kind_word(kind).to_owned(), about_word(about).to_owned()));
    ScheduledAction {
        id,
        kind,
        operation: operation(action),
        resource: action.key.resource.map(|resource| facts[resource].id.clone()),
        node: action.key.node.map(name),
        interval_ms: action.key.interval_ms,
        timeout_ms: action.options.as_ref().map_or(0, |options| options.timeout_ms),
        target_rc: action.target_rc,
        notify,
        migration,
        after,
        cause: cause(facts, graph, action),
    }
}

/// Why it is done.
fn cause(facts: &Facts<'_>, graph: &Graph, action: &Action) -> String {
    match (action.because.first(), action.needed_by) {
        (Some(reason), _) => reason.to_string(),
        (None, Some(by)) => {
            let by = &graph[by];
            let who = by.key.resource.map(|resource| facts[resource].id.as_str()).unwrap_or_default();
            format!("required {who} {}", operation(by)).trim_end().to_owned()
        }
        (None, None) => String::new(),
    }
}

/// The word of an action in the graph.
#[must_use]
pub fn operation(action: &Action) -> String {
    if let Some((kind, about)) = action.key.notify
        && action.key.task == Task::Notified
    {
        return format!("{}_notify_{}", kind_word(kind), step_word(kind, about));
    }
    let word = match action.key.task {
        Task::Monitor => "monitor",
        Task::Start => "start",
        Task::Started => "running",
        Task::Stop => "stop",
        Task::Stopped => "stopped",
        Task::Promote => "promote",
        Task::Promoted => "promoted",
        Task::Demote => "demote",
        Task::Demoted => "demoted",
        Task::MigrateTo => "migrate_to",
        Task::MigrateFrom => "migrate_from",
        Task::Notify => "notify",
        Task::Notified => "notified",
        Task::Reload => "reload-agent",
        Task::Cancel => "cancel",
        Task::Forget if action.carrier == Carrier::Agent => "delete",
        Task::Forget => "lrm_delete",
        Task::ClearFailures => "clear_failcount",
        Task::Shutdown => "do_shutdown",
        Task::Fence => action.fencing.unwrap_or("reboot"),
        Task::Unfence => "on",
        Task::LoadStopped => return action.label.clone().unwrap_or_default(),
        Task::Mark(_) => return action.label.clone().unwrap_or_default(),
    };
    word.to_owned()
}

/// When a notification comes.
fn kind_word(kind: NotifyKind) -> &'static str {
    match kind {
        NotifyKind::Before => "pre",
        NotifyKind::After => "post",
        NotifyKind::BeforeDone => "confirmed-pre",
        NotifyKind::AfterDone => "confirmed-post",
    }
}

/// What a notification is about.
fn about_word(about: NotifyAbout) -> &'static str {
    match about {
        NotifyAbout::Start => "start",
        NotifyAbout::Stop => "stop",
        NotifyAbout::Promote => "promote",
        NotifyAbout::Demote => "demote",
    }
}

/// What the pseudo actions of a notification are named after: what is to come, or what was done.
fn step_word(kind: NotifyKind, about: NotifyAbout) -> &'static str {
    match (kind, about) {
        (NotifyKind::Before | NotifyKind::BeforeDone, about) => about_word(about),
        (_, NotifyAbout::Start) => "running",
        (_, NotifyAbout::Stop) => "stopped",
        (_, NotifyAbout::Promote) => "promoted",
        (_, NotifyAbout::Demote) => "demoted",
    }
}
