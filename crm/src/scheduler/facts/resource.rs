//! How each resource stands: what is wanted of it, whether the cluster may touch it, and what it is on every node.

use super::history::{self, Ban, State, Terms};
use super::node::NodeFacts;
use crate::cib::{Definition, History, OperationKey};
use crate::scheduler::Situation;
use config::{Group, OnFail, OperationName, Resource, ResourceId, TargetRole};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One primitive.
pub(in crate::scheduler) struct ResourceFacts<'a> {
    pub(in crate::scheduler) config: &'a Resource,
    pub(in crate::scheduler) group: Option<&'a Group>,
    /// Where it stands in [`config::Meta::priority`], the group's for a member.
    pub(in crate::scheduler) priority: i32,
    /// Whether the cluster may start and stop it.
    pub(in crate::scheduler) care: Care,
    /// Not even monitored.
    pub(in crate::scheduler) maintenance: bool,
    /// Why it should not run; `None` when it should.
    pub(in crate::scheduler) unwanted: Option<String>,
    /// Fingerprint of its present definition.
    pub(in crate::scheduler) digest: u64,
    /// By node.
    pub(in crate::scheduler) on: Vec<Presence<'a>>,
}

/// Whether the cluster may act on a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scheduler) enum Care {
    /// Yes.
    Managed,
    /// An operator said no.
    Unmanaged(String),
    /// A failure said no.
    Blocked(String),
}

/// One resource on one node.
pub(in crate::scheduler) struct Presence<'a> {
    pub(in crate::scheduler) state: State,
    pub(in crate::scheduler) bans: Vec<Ban>,
    pub(in crate::scheduler) monitors: Vec<Duration>,
    /// The order in flight that matters most.
    pub(in crate::scheduler) flight: Option<OperationKey>,
    /// What it was started with.
    pub(in crate::scheduler) started: Option<&'a Definition>,
}

impl Presence<'_> {
    /// It runs, may run, or is being started.
    pub(in crate::scheduler) fn occupied(&self) -> bool {
        let starting = self.flight.is_some_and(|key| key.name == OperationName::Start);
        matches!(self.state, State::Active { .. } | State::Failed(_)) || starting
    }

    /// Whether it was asked if it runs, and has not answered.
    pub(in crate::scheduler) fn asking(&self) -> bool {
        self.flight == Some(OperationKey { name: OperationName::Monitor, interval: None })
    }

    pub(in crate::scheduler) fn active(&self) -> bool {
        matches!(self.state, State::Active { .. })
    }

    fn not_here(state: State) -> Self {
        Presence { state, bans: Vec::new(), monitors: Vec::new(), flight: None, started: None }
    }
}

impl ResourceFacts<'_> {
    pub(in crate::scheduler) fn managed(&self) -> bool {
        self.care == Care::Managed
    }
}

/// Something that runs and is not configured any more.
pub(in crate::scheduler) struct Orphan<'a> {
    pub(in crate::scheduler) id: &'a ResourceId,
    pub(in crate::scheduler) node: usize,
    /// What it was started with: without it nobody knows how to stop it.
    pub(in crate::scheduler) definition: Option<&'a Definition>,
    pub(in crate::scheduler) in_flight: bool,
    /// Why it is left alone although it runs.
    pub(in crate::scheduler) left: Option<String>,
    /// Why its node must be cut off.
    pub(in crate::scheduler) fence: Option<String>,
}

/// Every configured primitive, and when the next failure is forgotten.
pub(super) fn read<'a>(situation: Situation<'a>, nodes: &[NodeFacts<'a>]) -> (Vec<ResourceFacts<'a>>, Option<u64>) {
    let mut next_expiry: Option<u64> = None;
    let resources = in_order(situation)
        .into_iter()
        .map(|(resource, group)| {
            let (facts, expiry) = one(situation, nodes, resource, group);
            next_expiry = [next_expiry, expiry].into_iter().flatten().min();
            facts
        })
        .collect();
    (resources, next_expiry)
}

/// Primitives in the order of the file, members at the place of their group.
fn in_order(situation: Situation<'_>) -> Vec<(&Resource, Option<&Group>)> {
    let config = &situation.cib.config;
    let members: BTreeSet<&ResourceId> = config.groups.values().flat_map(|group| &group.members).collect();
    let mut seen = BTreeSet::new();
    let mut list = Vec::new();
    let names = config.resource_order.iter().chain(config.groups.keys()).chain(config.resources.keys());
    for name in names {
        if !seen.insert(name) {
            continue;
        }
        if let Some(group) = config.groups.get(name) {
            let resources = group.members.iter().filter_map(|member| config.resources.get(member));
            list.extend(resources.map(|resource| (resource, Some(group))));
        } else if let Some(resource) = config.resources.get(name).filter(|_| !members.contains(name)) {
            list.push((resource, None));
        }
    }
    list
}

fn one<'a>(
    situation: Situation<'a>,
    nodes: &[NodeFacts<'a>],
    resource: &'a Resource,
    group: Option<&'a Group>,
) -> (ResourceFacts<'a>, Option<u64>) {
    let properties = &situation.cib.config.properties;
    let terms =
        Terms { resource: Some(resource), properties, quorate: situation.quorum.quorate, wall_ms: situation.wall_ms };
    let mut on = Vec::with_capacity(nodes.len());
    let (mut halts, mut started, mut expiry) = (Vec::new(), 0, None);
    for node in nodes {
        let history = node.histories.and_then(|histories| histories.get(&resource.name));
        if !node.here() {
            on.push(Presence::not_here(unseen(node, history, terms)));
            continue;
        }
        let Some(history) = history else {
            on.push(Presence::not_here(State::Unknown));
            continue;
        };
        let reading = history::read(history, terms);
        halts.extend(reading.halts);
        started = started.max(reading.started);
        expiry = [expiry, reading.expires].into_iter().flatten().min();
        on.push(Presence {
            state: reading.state,
            bans: reading.bans,
            monitors: reading.monitors,
            flight: flight(history),
            started: history.started.as_ref(),
        });
    }
    let halt = halts.into_iter().filter(|(call, _)| *call > started).map(|(_, text)| text).next_back();
    let (care, maintenance) = care(situation, nodes, resource, group, &on);
    let facts = ResourceFacts {
        config: resource,
        group,
        priority: group.map_or(resource.meta.priority, |group| group.meta.priority),
        care,
        maintenance,
        unwanted: unwanted(situation, resource, group, halt),
        digest: resource_agents::definition_digest(&resource.agent, &resource.params, resource.commands.as_ref()),
        on,
    };
    (facts, expiry)
}

/// What a node that cannot be asked may run.
fn unseen(node: &NodeFacts<'_>, history: Option<&History>, terms: Terms<'_>) -> State {
    if !node.doubtful() {
        return State::Absent;
    }
    match history {
        Some(history) if history.pending.is_empty() => match history::read(history, terms).state {
            State::Stopped => State::Stopped,
            _ => State::Doubtful,
        },
        _ => State::Doubtful,
    }
}

fn flight(history: &History) -> Option<OperationKey> {
    // A start or stop says more about the near future than a monitor.
    history.pending.values().map(|pending| pending.key).min_by_key(|key| key.name)
}

fn care(
    situation: Situation<'_>,
    nodes: &[NodeFacts<'_>],
    resource: &Resource,
    group: Option<&Group>,
    on: &[Presence<'_>],
) -> (Care, bool) {
    let properties = &situation.cib.config.properties;
    let maintenance = group.and_then(|group| group.meta.maintenance).unwrap_or(resource.meta.maintenance);
    let managed = group.and_then(|group| group.meta.managed).unwrap_or(resource.meta.managed);
    if properties.maintenance_mode {
        return (Care::Unmanaged("the cluster is in maintenance".to_owned()), true);
    }
    if maintenance {
        return (Care::Unmanaged(format!("{} is in maintenance", resource.name)), true);
    }
    let mut here = on.iter().zip(nodes).filter(|(presence, _)| presence.occupied());
    if let Some((_, node)) = here.find(|(_, node)| node.maintenance) {
        return (Care::Unmanaged(format!("it runs on {}, which is in maintenance", node.id)), false);
    }
    if !managed {
        return (Care::Unmanaged(format!("{} is not managed", resource.name)), false);
    }
    for (presence, node) in on.iter().zip(nodes) {
        if let State::Failed(failure) = &presence.state
            && failure.on_fail == OnFail::Block
        {
            let text = format!("blocked on {} until its failure is cleared: {}", node.id, failure.text);
            return (Care::Blocked(text), false);
        }
    }
    (Care::Managed, false)
}

fn unwanted(
    situation: Situation<'_>,
    resource: &Resource,
    group: Option<&Group>,
    halt: Option<String>,
) -> Option<String> {
    let config = &situation.cib.config;
    let roles = &situation.cib.durable.overrides.target_roles;
    if !situation.quorum.quorate && config.properties.no_quorum_policy == config::NoQuorumPolicy::Stop {
        return Some("there is no quorum".to_owned());
    }
    if config.properties.stop_all_resources {
        return Some("stop-all-resources is set".to_owned());
    }
    if let Some(role) = roles.get(&resource.name) {
        return (*role == TargetRole::Stopped).then(|| format!("{} was disabled", resource.name)).or(halt_words(halt));
    }
    if let Some((group, role)) = group.and_then(|group| Some((group, roles.get(&group.name)?))) {
        return (*role == TargetRole::Stopped).then(|| format!("{} was disabled", group.name)).or(halt_words(halt));
    }
    let written = group.and_then(|group| group.meta.target_role).unwrap_or(resource.meta.target_role);
    (written == TargetRole::Stopped).then(|| "its target-role is stopped".to_owned()).or(halt_words(halt))
}

fn halt_words(halt: Option<String>) -> Option<String> {
    halt.map(|text| format!("it stays stopped until its failure is cleared: {text}"))
}

/// What runs and is not in the cluster file.
pub(super) fn orphans<'a>(
    situation: Situation<'a>,
    nodes: &[NodeFacts<'a>],
    index: &BTreeMap<&'a ResourceId, usize>,
) -> Vec<Orphan<'a>> {
    let cib = situation.cib;
    let properties = &cib.config.properties;
    let terms = Terms { resource: None, properties, quorate: situation.quorum.quorate, wall_ms: situation.wall_ms };
    let mut orphans = Vec::new();
    for (n, node) in nodes.iter().enumerate().filter(|(_, node)| node.here()) {
        for (id, history) in node.histories.into_iter().flatten().filter(|(id, _)| !index.contains_key(id)) {
            let state = history::read(history, terms).state;
            let in_flight = !history.pending.is_empty();
            if !in_flight && !matches!(state, State::Active { .. } | State::Failed(_)) {
                continue;
            }
            let left = left_alone(situation, node, history, &state);
            let fence = match state {
                State::Failed(failure) if left.is_none() && failure.on_fail == OnFail::Fence => {
                    Some(format!("{id} failed on {}: {}", node.id, failure.text))
                }
                _ => None,
            };
            orphans.push(Orphan { id, node: n, definition: history.started.as_ref(), in_flight, left, fence });
        }
    }
    orphans
}

/// Why something that runs and is not configured is not stopped.
fn left_alone(situation: Situation<'_>, node: &NodeFacts<'_>, history: &History, state: &State) -> Option<String> {
    let properties = &situation.cib.config.properties;
    let blocked = matches!(state, State::Failed(failure) if failure.on_fail == OnFail::Block);
    if properties.maintenance_mode {
        Some("the cluster is in maintenance".to_owned())
    } else if node.maintenance {
        Some(format!("{} is in maintenance", node.id))
    } else if !situation.quorum.quorate && properties.no_quorum_policy == config::NoQuorumPolicy::Freeze {
        Some("there is no quorum".to_owned())
    } else if blocked {
        Some("its stop failed".to_owned())
    } else {
        history.started.is_none().then(|| "nobody knows how it was started".to_owned())
    }
}
