//! Operations as the DC orders them, from the configuration, and results in words.

use crate::cib::Definition;
use crate::scheduler::facts::{Facts, ResourceFacts};
use config::{NodeId, OperationName, Resource, ResourceId};
use resource_agents::{Operation, Outcome, Report};
use std::time::Duration;

/// The timeout of the stop of something that the cluster file does not mention any more.
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(20);

/// "monitor: timed out (no answer from port 80)".
pub(super) fn words(report: &Report) -> String {
    let name = match (report.name, report.interval) {
        (OperationName::Monitor, None) => "probe",
        (name, _) => name.as_str(),
    };
    let outcome = report.outcome;
    match (&report.reason, report.name) {
        (Some(reason), _) => format!("{name}: {outcome} ({reason})"),
        (None, OperationName::Monitor) if outcome == Outcome::NotRunning => format!("{name}: no longer running"),
        (None, _) => format!("{name}: {outcome}"),
    }
}

fn timeout(resource: &Resource, name: OperationName, interval: Option<Duration>) -> Duration {
    let of_name = || resource.operations.iter().filter(move |operation| operation.name == name);
    let exact = of_name().find(|operation| operation.interval == interval || name != OperationName::Monitor);
    // A probe asks what the most frequent monitor asks.
    let like = || of_name().min_by_key(|operation| operation.interval);
    exact.or_else(like).map_or(resource.timeout, |operation| operation.timeout)
}

/// What `resource` does on a node: start it, probe it, watch it.
pub(super) fn of(resource: &Resource, name: OperationName, interval: Option<Duration>, node: &NodeId) -> Operation {
    Operation {
        resource: resource.name.clone(),
        agent: resource.agent.clone(),
        name,
        interval,
        timeout: timeout(resource, name, interval),
        params: resource.params.clone(),
        commands: resource.commands.clone(),
        node: node.clone(),
        expect: Outcome::Ok,
        meta: std::collections::BTreeMap::new(),
    }
}

/// Its stop on node `n`, with what it was started with: an agent that gets another address than the one it brought up
/// cannot take it down.
pub(super) fn stop(facts: &Facts<'_>, resource: &ResourceFacts<'_>, n: usize) -> Operation {
    let operation = of(resource.config, OperationName::Stop, None, facts.nodes[n].id);
    match resource.on[n].started {
        Some(definition) => with(operation, definition),
        None => operation,
    }
}

/// The stop of something that is no longer configured.
pub(super) fn stop_orphan(id: &ResourceId, definition: &Definition, node: &NodeId) -> Operation {
    let operation = Operation {
        resource: id.clone(),
        agent: definition.agent.clone(),
        name: OperationName::Stop,
        interval: None,
        timeout: ORPHAN_TIMEOUT,
        params: std::collections::BTreeMap::new(),
        commands: None,
        node: node.clone(),
        expect: Outcome::Ok,
        meta: std::collections::BTreeMap::new(),
    };
    with(operation, definition)
}

fn with(operation: Operation, definition: &Definition) -> Operation {
    Operation {
        agent: definition.agent.clone(),
        params: definition.params.clone(),
        commands: definition.commands.clone(),
        ..operation
    }
}
