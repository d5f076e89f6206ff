//! Walks a graph as if everything went as expected, in any order that the graph permits.

use crate::facts::Scene;
use config::OperationName;
use crm::cib::{Definition, NodeState, OperationKey};
use crm::schedule::{ActionKind, Graph};
use resource_agents::{OrderId, Outcome, Report};
use std::time::Duration;

/// Carries out all of `graph`; `pick` chooses among the actions that may begin. Panics when none may.
pub(crate) fn walk(scene: &Scene, graph: &Graph, pick: &mut dyn FnMut(usize) -> usize) -> Scene {
    let mut scene = scene.clone();
    let mut done = vec![false; graph.actions.len()];
    for _ in 0..graph.actions.len() {
        let may_begin =
            |at: &usize| !done[*at] && graph.actions[*at].after.iter().all(|earlier| done[earlier.0 as usize]);
        let ready: Vec<usize> = (0..graph.actions.len()).filter(may_begin).collect();
        assert!(!ready.is_empty(), "the graph has a circle");
        let at = ready[pick(ready.len())];
        perform(&mut scene, &graph.actions[at].kind, None);
        done[at] = true;
    }
    scene.gathered()
}

/// One action with its expected result, or another one.
pub(crate) fn perform(scene: &mut Scene, kind: &ActionKind, outcome: Option<Outcome>) {
    match kind {
        ActionKind::Perform { node, operation, fingerprint } => {
            if operation.name == OperationName::Start {
                scene.history(node, &operation.resource).started = Some(Definition::of(operation));
            }
            let report = Report {
                order: Some(OrderId(2)),
                resource: operation.resource.clone(),
                name: operation.name,
                interval: operation.interval,
                outcome: outcome.unwrap_or(operation.expect),
                expect: operation.expect,
                reason: None,
                elapsed: Duration::from_millis(10),
            };
            let wall = scene.wall_ms;
            scene.record(node, report, wall, Some(fingerprint.clone()));
        }
        ActionKind::CancelMonitor { node, resource, interval } => {
            let key = OperationKey { name: OperationName::Monitor, interval: Some(*interval) };
            scene.history(node, resource).end(key);
        }
        ActionKind::ClearFailures { node, resource } => {
            let history = scene.history(node, resource);
            history.failures.clear();
            history.last_failure = None;
        }
        ActionKind::Forget { node, resource } => {
            let status = scene.cib.status.nodes.entry(node.clone()).or_default();
            status.resources.remove(resource);
        }
        ActionKind::Mark { .. } => {}
        ActionKind::Fence { node, .. } => {
            let status = scene.cib.status.nodes.entry(node.clone()).or_default();
            status.state = NodeState::Offline;
            status.leaving = false;
            status.resources.clear();
            scene.cib.status.fencing.open.retain(|_, request| request.target != *node);
        }
    }
}
