//! The notation of facts in golden cases: one line each, empty lines and `#` comments ignored.
//!
//! ```text
//! quorum no                          the partition is not quorate (default yes)
//! waiting                            nodes never seen may still appear
//! now 300s                           wall clock (default 1000s)
//! unprobed                           nothing is known but what the lines say (default: probed, not running)
//! node beta lost                     online (default), lost, unseen, offline; `online leaving`
//! override node beta standby         standby, maintenance, online
//! override role web stopped          stopped, started
//! override move web beta
//! restart web                        everything started so far is to be restarted
//! fencing beta                       a request for the present life of beta is open
//! on alpha: web start ok, monitor 10s ok, stop error old, monitor ok @ 990s, forget
//! on alpha: web pending start        in flight
//! on alpha: web failures 3 @ 900s    counted; `start-failed` counts a fatal one
//! ```
//!
//! `old` marks an operation of an earlier definition; `forget` drops what is known so far.

use config::{Config, NodeId, NodeMode, OperationName, ResourceId, TargetRole, parse_duration};
use crm::cib::{
    Cib, Definition, FailureCount, History, NodeState, NodeStatus, OperationKey, OperationRecord, Pending, Status,
};
use fencing::{Request, RequestId};
use membership::{Incarnation, Quorum};
use resource_agents::{OrderId, Outcome, Report};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A whole situation, owned.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) cib: Cib,
    pub(crate) members: BTreeSet<NodeId>,
    pub(crate) quorum: Quorum,
    pub(crate) wall_ms: u64,
    pub(crate) waiting: bool,
}

impl Scene {
    /// Everything online, nothing known.
    pub(crate) fn new(text: &str, config: Config) -> Scene {
        let state = |at: usize| NodeState::Online { incarnation: Incarnation(at as u64 + 1) };
        let node =
            |(at, name): (usize, &NodeId)| (name.clone(), NodeStatus { state: state(at), ..NodeStatus::default() });
        let status = Status { nodes: config.nodes.keys().enumerate().map(node).collect(), ..Status::default() };
        let durable = crm::node::NodeOptions::first_durable(text.to_owned());
        Scene {
            cib: Cib { durable, config: Arc::new(config), status },
            members: BTreeSet::new(),
            quorum: Quorum { quorate: true, votes: 1, expected: 1, needed: 1, ..Quorum::default() },
            wall_ms: 1_000_000,
            waiting: false,
        }
        .gathered()
    }

    /// With the online nodes as members.
    pub(crate) fn gathered(mut self) -> Scene {
        let online = |(_, status): &(&NodeId, &NodeStatus)| matches!(status.state, NodeState::Online { .. });
        self.members = self.cib.status.nodes.iter().filter(online).map(|(name, _)| name.clone()).collect();
        self
    }

    pub(crate) fn situation(&self) -> crm::scheduler::Situation<'_> {
        crm::scheduler::Situation {
            cib: &self.cib,
            members: &self.members,
            dc: self.members.first(),
            quorum: &self.quorum,
            wall_ms: self.wall_ms,
            waiting_for_nodes: self.waiting,
        }
    }

    pub(crate) fn history(&mut self, node: &NodeId, resource: &ResourceId) -> &mut History {
        let status = self.cib.status.nodes.entry(node.clone()).or_default();
        status.resources.entry(resource.clone()).or_default()
    }

    /// Adds a result; it replaces the earlier one of the same operation.
    pub(crate) fn record(&mut self, node: &NodeId, report: Report, wall_ms: u64, fingerprint: Option<String>) {
        self.cib.status.calls += 1;
        let call = self.cib.status.calls;
        let history = self.history(node, &report.resource.clone());
        history.keep(OperationRecord { call, report, wall_ms, fingerprint, migration: None });
    }

    /// Fills in "probed, not running" wherever nothing is known.
    pub(crate) fn probed(mut self) -> Scene {
        let told = |state| matches!(state, NodeState::Online { .. } | NodeState::Lost { .. });
        let nodes = self.cib.status.nodes.iter().filter(|(_, status)| told(status.state));
        let nodes: Vec<NodeId> = nodes.map(|(name, _)| name.clone()).collect();
        let resources: Vec<ResourceId> = self.cib.config.resources.keys().cloned().collect();
        let probe = OperationKey { name: OperationName::Monitor, interval: None };
        for (node, resource) in nodes.iter().flat_map(|node| resources.iter().map(move |resource| (node, resource))) {
            if !self.cib.status.nodes[node].resources.contains_key(resource) {
                result(&mut self, node, resource, probe, Outcome::NotRunning, false, 0);
            }
        }
        self
    }
}

/// Reads the notation.
pub(crate) fn read(text: &str, config: Config, facts: &str) -> Result<Scene, String> {
    let mut scene = Scene::new(text, config);
    let mut probed = true;
    for line in facts.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line == "unprobed" {
            probed = false;
        } else {
            line_of(&mut scene, line).ok_or_else(|| format!("cannot read the fact {line:?}"))?;
        }
    }
    let scene = scene.gathered();
    Ok(if probed { scene.probed() } else { scene })
}

/// One line of it.
pub(crate) fn line_of(scene: &mut Scene, line: &str) -> Option<()> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["quorum", word] => scene.quorum.quorate = *word == "yes",
        ["waiting"] => scene.waiting = true,
        ["now", time] => scene.wall_ms = millis(time)?,
        ["node", name, state @ ..] => node(scene, name, state)?,
        ["override", "node", name, mode] => {
            let mode = match *mode {
                "standby" => NodeMode::Standby,
                "maintenance" => NodeMode::Maintenance,
                "online" => NodeMode::Online,
                _ => return None,
            };
            scene.cib.durable.overrides.nodes.insert(name.parse().ok()?, mode);
        }
        ["override", "role", name, role] => {
            let role = if *role == "stopped" { TargetRole::Stopped } else { TargetRole::Started };
            scene.cib.durable.overrides.target_roles.insert(name.parse().ok()?, role);
        }
        ["override", "move", name, to] => {
            scene.cib.durable.overrides.moves.insert(name.parse().ok()?, to.parse().ok()?);
        }
        ["restart", name] => {
            let call = scene.cib.status.calls + 1;
            scene.cib.status.restarts.insert(name.parse().ok()?, call);
        }
        ["fencing", name] => fencing(scene, &name.parse().ok()?),
        ["on", ..] => {
            let (node, rest) = line.strip_prefix("on ")?.split_once(": ")?;
            let (resource, rest) = rest.split_once(' ')?;
            for part in rest.split(", ") {
                operation(scene, &node.parse().ok()?, &resource.parse().ok()?, part)?;
            }
        }
        _ => return None,
    }
    Some(())
}

fn millis(text: &str) -> Option<u64> {
    u64::try_from(parse_duration(text).ok()?.as_millis()).ok()
}

fn node(scene: &mut Scene, name: &str, words: &[&str]) -> Option<()> {
    let status = scene.cib.status.nodes.entry(name.parse().ok()?).or_default();
    let incarnation = match status.state {
        NodeState::Online { incarnation } | NodeState::Lost { incarnation } => incarnation,
        NodeState::Unseen | NodeState::Offline => Incarnation(99),
    };
    status.leaving = words.contains(&"leaving");
    status.state = match *words.first()? {
        "online" => NodeState::Online { incarnation },
        "lost" => NodeState::Lost { incarnation },
        "unseen" => NodeState::Unseen,
        "offline" => NodeState::Offline,
        _ => return None,
    };
    Some(())
}

fn fencing(scene: &mut Scene, target: &NodeId) {
    let incarnation = match scene.cib.status.nodes[target].state {
        NodeState::Online { incarnation } | NodeState::Lost { incarnation } => Some(incarnation),
        NodeState::Unseen | NodeState::Offline => None,
    };
    let id = RequestId(scene.cib.status.fencing.next);
    let request = Request {
        id,
        target: target.clone(),
        incarnation,
        action: config::FencingAction::Reboot,
        reason: "asked for before".to_owned(),
        wall_ms: 0,
        failed_attempts: 0,
        last_failure: None,
    };
    scene.cib.status.fencing.open.insert(id, request);
    scene.cib.status.fencing.next += 1;
}

fn operation(scene: &mut Scene, node: &NodeId, resource: &ResourceId, part: &str) -> Option<()> {
    let (part, wall) = match part.split_once(" @ ") {
        Some((part, time)) => (part, millis(time)?),
        None => (part, 990_000),
    };
    let mut words: Vec<&str> = part.split_whitespace().collect();
    let old = words.last() == Some(&"old");
    if old {
        words.pop();
    }
    match words.as_slice() {
        ["forget"] => *scene.history(node, resource) = History::default(),
        ["failures", count] => {
            let key = OperationKey { name: OperationName::Monitor, interval: Some(Duration::from_secs(10)) };
            let failures = FailureCount { key, count: count.parse().ok()?, fatal: false, last_wall_ms: wall };
            scene.history(node, resource).failures = vec![failures];
        }
        ["start-failed"] => {
            let key = OperationKey { name: OperationName::Start, interval: None };
            scene.history(node, resource).failures =
                vec![FailureCount { key, count: 1, fatal: true, last_wall_ms: wall }];
        }
        ["pending", rest @ ..] => {
            let key = key(rest)?.0;
            let pending = Pending {
                key,
                timeout: Duration::from_secs(20),
                expect: Outcome::Ok,
                fingerprint: None,
                migration: None,
            };
            scene.history(node, resource).pending.insert(OrderId(7), pending);
        }
        rest => {
            let (key, rest) = key(rest)?;
            result(scene, node, resource, key, outcome(rest.first()?)?, old, wall);
        }
    }
    Some(())
}

fn key<'a>(words: &'a [&'a str]) -> Option<(OperationKey, &'a [&'a str])> {
    let name = match *words.first()? {
        "start" => OperationName::Start,
        "stop" => OperationName::Stop,
        "monitor" => OperationName::Monitor,
        _ => return None,
    };
    let interval = words.get(1).and_then(|word| parse_duration(word).ok());
    Some((OperationKey { name, interval }, &words[1 + usize::from(interval.is_some())..]))
}

fn outcome(word: &str) -> Option<Outcome> {
    Some(match word {
        "ok" => Outcome::Ok,
        "error" => Outcome::Error,
        "not-running" => Outcome::NotRunning,
        "timed-out" => Outcome::TimedOut,
        "not-installed" => Outcome::NotInstalled,
        "not-configured" => Outcome::NotConfigured,
        "invalid-parameter" => Outcome::InvalidParameter,
        "insufficient-privilege" => Outcome::InsufficientPrivilege,
        "degraded" => Outcome::Degraded,
        _ => return None,
    })
}

/// Records a result of a resource.
pub(crate) fn result(
    scene: &mut Scene,
    node: &NodeId,
    resource: &ResourceId,
    key: OperationKey,
    outcome: Outcome,
    old: bool,
    wall: u64,
) {
    let report = Report {
        order: Some(OrderId(1)),
        resource: resource.clone(),
        name: key.name,
        interval: key.interval,
        outcome,
        expect: if key.name == OperationName::Monitor && key.interval.is_none() {
            Outcome::NotRunning
        } else {
            Outcome::Ok
        },
        reason: None,
        elapsed: Duration::from_millis(10),
    };
    if key.name == OperationName::Start {
        let found = scene.cib.config.resources.get(resource).filter(|_| !old).cloned();
        let definition = match found {
            Some(found) => Definition { agent: found.agent, params: found.params, commands: found.commands },
            None => Definition {
                agent: config::AgentRef::Ocf { provider: "test".to_owned(), kind: "Old".to_owned() },
                params: BTreeMap::new(),
                commands: None,
            },
        };
        scene.history(node, resource).started = Some(definition);
    }
    scene.record(node, report, wall, old.then(|| "another".to_owned()));
}
