//! What is done on a remote or guest node goes through its connection, which must be up before and may go after.

use crate::assign::Assignment;
use crate::facts::Facts;
use crate::graph::{Graph, Key, Point, Task, Terms};
use crate::index::{ActionIx, NodeIx, ResourceIx};
use crate::role::Role;

/// How a connection stands, for what is to be done through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    /// Up, and stays.
    Up,
    /// Not up, and will be started.
    Starting,
    /// Goes down, or is down, and stays so.
    Stopping,
    /// Not known: it failed or its host did, and it is started again.
    Unknown,
    /// It failed, and its node is fenced.
    Failed,
}

/// Relates everything that is done on remote and guest nodes with their connections.
pub fn relate(facts: &Facts<'_>, assignment: &Assignment, graph: &mut Graph) {
    if !facts.nodes.iter().any(|node| node.is_remote()) {
        return;
    }
    for at in (0..graph.actions.len()).map(ActionIx::new) {
        let key = graph[at].key;
        let (Some(resource), Some(node)) = (key.resource, key.node) else { continue };
        if key.task == Task::ClearFailures && facts[resource].connects.is_some() {
            // A new connection begins without failures.
            graph.relate(Point::Action(at), Point::Task(resource, Task::Start), Terms::ORDERED);
        }
        let Some(connection) = facts[node].connection else { continue };
        if resource == connection || !facts[resource].is_primitive() {
            continue;
        }
        graph[at].via = via(facts, assignment, connection, key.task);
        let state = state(facts, assignment, graph, node, connection);
        let taken_down = matches!(key.task, Task::Stop | Task::Demote);
        let stays_down = facts[node].is_guest() || assignment.node(connection).is_none();
        if !(taken_down && state == Connection::Failed && stays_down) {
            one(graph, at, connection, state);
        }
        if key.task == Task::Start {
            not_before_it_can_be_reached(graph, connection, resource, node);
        }
        if let Some(host) = facts[node].container()
            && matches!(key.task, Task::Start | Task::Promote)
        {
            graph.relate(Point::Task(host, Task::Start), Point::Action(at), Terms::mandatory());
        }
    }
}

/// What moves to the node is not stopped elsewhere before the node can be reached.
fn not_before_it_can_be_reached(graph: &mut Graph, connection: ResourceIx, resource: ResourceIx, node: NodeIx) {
    let stops: Vec<ActionIx> = graph.tasks(resource, Task::Stop).collect();
    for stop in stops {
        if graph[stop].key.node != Some(node) {
            graph.relate(Point::Task(connection, Task::Start), Point::Action(stop), Terms::ORDERED);
        }
    }
}

/// The member through which an order reaches the node: where the connection is for what is taken down, where it will be
/// for the rest.
fn via(facts: &Facts<'_>, assignment: &Assignment, connection: ResourceIx, task: Task) -> Option<NodeIx> {
    let now = facts[connection].on.first().copied();
    let then = assignment.node(connection);
    let takes_down = matches!(task, Task::Stop | Task::Demote | Task::MigrateTo | Task::Cancel);
    if takes_down { now.or(then) } else { then.or(now) }
}

/// How the connection of a node stands.
fn state(
    facts: &Facts<'_>,
    assignment: &Assignment,
    graph: &Graph,
    node: NodeIx,
    connection: ResourceIx,
) -> Connection {
    let here = &facts[connection];
    let on = here.on.first().copied();
    let stays = assignment.node(connection).is_some() && assignment.role(connection) != Role::Stopped;
    let fenced = graph.find(Key::node(Task::Fence, node)).is_some();
    let lost =
        here.failed || here.partial_migration.is_some() || on.is_some_and(|on| facts[on].unclean || !facts[on].online);
    match (on, stays) {
        _ if fenced && (lost || facts[node].is_guest()) => Connection::Failed,
        (Some(_), true) if lost => Connection::Unknown,
        (Some(_), true) => Connection::Up,
        (None, true) => Connection::Starting,
        (_, false) if lost => Connection::Failed,
        (_, false) => Connection::Stopping,
    }
}

/// Relates one action with the connection that it goes through.
fn one(graph: &mut Graph, at: ActionIx, connection: ResourceIx, state: Connection) {
    let key = graph[at].key;
    let migrates = graph.tasks(connection, Task::Start).any(|start| graph[start].preserved);
    let again = if migrates { Terms::NONE } else { Terms::FIRST_NEEDS_THEN };
    let after = Terms::ORDERED | Terms::THEN_WANTS_POSSIBLE;
    let up = Point::Task(connection, Task::Start);
    let this = Point::Action(at);
    match key.task {
        Task::Start | Task::Promote if state == Connection::Failed => graph.relate(up, this, after | again),
        Task::Start | Task::Promote => graph.relate(up, this, after),
        Task::Stop | Task::Demote | Task::MigrateTo => match state {
            Connection::Up | Connection::Starting | Connection::Stopping | Connection::Failed => {
                let downs: Vec<ActionIx> = graph.tasks(connection, Task::Stop).collect();
                for down in downs {
                    graph.before(at, down, Terms::ORDERED | Terms::THEN_NEEDS_FIRST);
                }
            }
            Connection::Unknown => graph.relate(up, this, after),
        },
        Task::Monitor if key.interval_ms > 0 => graph.relate(up, this, after | again),
        // As long as the connection lasts; with its end watching ends anyway.
        Task::Cancel if state == Connection::Up => {}
        Task::Cancel | Task::Monitor if state == Connection::Stopping => {
            graph.relate(this, Point::Task(connection, Task::Stop), Terms::ORDERED);
        }
        _ => graph.relate(up, this, after),
    }
}
