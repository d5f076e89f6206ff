//! What if: changes to a situation, in the words of `paceline simulate`.

use crate::situation::{
    AttributeSet, NodeStatus, OperationHistory, OperationStatus, Resource, ResourceHistory, ResourceKind, Situation,
    Ticket, Value,
};
use crate::word;
use config::Score;
use std::sync::Arc;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Injection {
    /// A node left in order.
    NodeDown(String),
    /// A node was lost.
    NodeFail(String),
    /// A node is there.
    NodeUp(String),
    /// A node is asked to run nothing.
    NodeStandby(String),
    /// An operation failed.
    OperationFails {
        /// The resource, by its name in histories.
        resource: String,
        /// The operation.
        operation: String,
        /// Its interval, milliseconds; `None`: what the history of the node has, or 0.
        interval_ms: Option<u64>,
        /// The agent's exit code.
        exit_code: i32,
        /// The node.
        node: String,
    },
    /// A ticket is granted.
    TicketGrant(String),
    /// A ticket is taken away.
    TicketRevoke(String),
    /// A ticket is set aside.
    TicketStandby(String),
    /// A ticket is not set aside any more.
    TicketActivate(String),
    /// Whether this partition may act.
    Quorum(bool),
    /// A cluster option has this value.
    Property(String, String),
    /// A node has, or a resource needs, this much of a capacity.
    Utilization {
        /// The node or resource.
        owner: String,
        /// The capacity.
        name: String,
        /// How much.
        value: String,
    },
}

/// Cluster options that are set here go into the set that wins over others.
const FIRST_SET: &str = "cib-bootstrap-options";

impl Injection {
    /// The injection that an option of the command line means: its name without dashes and its value.
    ///
    /// # Errors
    ///
    /// A sentence, when there is no such injection or the value has another form.
    pub fn parse(option: &str, value: &str) -> Result<Injection, String> {
        let name = || value.to_string();
        let pair = |text: &str| {
            let parts = text.split_once('=').map(|(name, value)| (name.to_string(), value.to_string()));
            parts.ok_or_else(|| format!("--{option} {value}: write NAME=VALUE"))
        };
        Ok(match option {
            "node-down" => Injection::NodeDown(name()),
            "node-fail" => Injection::NodeFail(name()),
            "node-up" => Injection::NodeUp(name()),
            "node-standby" => Injection::NodeStandby(name()),
            "ticket-grant" => Injection::TicketGrant(name()),
            "ticket-revoke" => Injection::TicketRevoke(name()),
            "ticket-standby" => Injection::TicketStandby(name()),
            "ticket-activate" => Injection::TicketActivate(name()),
            "quorum" => match word::boolean(value) {
                Some(quorate) => Injection::Quorum(quorate),
                None => return Err(format!("--quorum {value}: write yes or no")),
            },
            "property" => {
                let (name, value) = pair(value)?;
                Injection::Property(name, value)
            }
            "utilization" => {
                let form = || format!("--utilization {value}: write NODE:NAME=VALUE or RESOURCE:NAME=VALUE");
                let (owner, rest) = value.split_once(':').ok_or_else(form)?;
                let (name, value) = pair(rest).map_err(|_| form())?;
                Injection::Utilization { owner: owner.to_string(), name, value }
            }
            "op-fail" => operation_fails(value)
                .ok_or_else(|| format!("--op-fail {value}: write RESOURCE:OPERATION[=INTERVAL]:EXIT-CODE@NODE"))?,
            _ => return Err(format!("--{option} is no injection")),
        })
    }

    /// Makes the change.
    ///
    /// # Errors
    ///
    /// A sentence, when the situation has nothing of that name.
    pub fn apply(&self, situation: &mut Situation) -> Result<(), String> {
        match self {
            Injection::NodeDown(name) => member(situation, name, false, "down"),
            Injection::NodeFail(name) => member(situation, name, false, "member"),
            Injection::NodeUp(name) => member(situation, name, true, "member"),
            Injection::NodeStandby(name) => {
                let nodes = &mut situation.configuration.nodes;
                let node = nodes.iter_mut().find(|node| node.name == *name).ok_or_else(|| no_node(name))?;
                put(&mut node.attributes, "nodes", "standby", "on");
                Ok(())
            }
            Injection::OperationFails { resource, operation, interval_ms, exit_code, node } => {
                fail(situation, resource, operation, *interval_ms, *exit_code, node)
            }
            Injection::TicketGrant(id) => {
                let now = situation.now_ms.div_euclid(1000);
                let ticket = ticket(situation, id);
                (ticket.granted, ticket.last_granted) = (true, Some(now));
                Ok(())
            }
            Injection::TicketRevoke(id) => {
                ticket(situation, id).granted = false;
                Ok(())
            }
            Injection::TicketStandby(id) => {
                ticket(situation, id).standby = true;
                Ok(())
            }
            Injection::TicketActivate(id) => {
                ticket(situation, id).standby = false;
                Ok(())
            }
            Injection::Quorum(quorate) => {
                // What is lost was there.
                situation.never_quorate &= !situation.quorate;
                situation.quorate = *quorate;
                Ok(())
            }
            Injection::Property(name, value) => {
                put(&mut situation.configuration.properties, FIRST_SET, name, value);
                Ok(())
            }
            Injection::Utilization { owner, name, value } => utilization(situation, owner, name, value),
        }
    }
}

fn operation_fails(value: &str) -> Option<Injection> {
    let (rest, node) = value.rsplit_once('@')?;
    let (rest, exit_code) = rest.rsplit_once(':')?;
    let (resource, operation) = rest.rsplit_once(':')?;
    let (operation, interval) = operation.split_once('=').map_or((operation, None), |(op, it)| (op, Some(it)));
    let interval_ms = match interval {
        Some(text) => Some(u64::try_from(word::interval_ms(text)?).ok()?),
        None => None,
    };
    Some(Injection::OperationFails {
        resource: resource.to_string(),
        operation: operation.to_string(),
        interval_ms,
        exit_code: exit_code.trim().parse().ok()?,
        node: node.to_string(),
    })
}

fn no_node(name: &str) -> String {
    format!("there is no node {name}")
}

fn status<'s>(situation: &'s mut Situation, name: &str) -> Result<&'s mut NodeStatus, String> {
    let node = situation.configuration.nodes.iter().find(|node| node.name == name);
    let id = node.map_or_else(|| name.to_string(), |node| node.id.clone());
    let at = situation.status.iter().position(|status| status.id == id || status.name == name);
    let at = match (at, node) {
        (Some(at), _) => at,
        (None, None) => return Err(no_node(name)),
        (None, Some(_)) => {
            situation.status.push(NodeStatus { id, name: name.to_string(), ..NodeStatus::default() });
            situation.status.len() - 1
        }
    };
    Ok(&mut situation.status[at])
}

fn member(situation: &mut Situation, name: &str, up: bool, expected: &str) -> Result<(), String> {
    let status = status(situation, name)?;
    (status.member, status.member_since) = (Some(up), None);
    (status.peer, status.peer_since) = (Some(up), None);
    status.join = Some(if up { "member" } else { "down" }.to_string());
    status.expected = Some(expected.to_string());
    Ok(())
}

fn ticket<'s>(situation: &'s mut Situation, id: &str) -> &'s mut Ticket {
    let at = situation.tickets.iter().position(|ticket| ticket.id == id).unwrap_or_else(|| {
        situation.tickets.push(Ticket { id: id.to_string(), ..Ticket::default() });
        situation.tickets.len() - 1
    });
    &mut situation.tickets[at]
}

/// Sets a value in the first of some sets, and takes it out of all others.
fn put(sets: &mut Vec<AttributeSet>, id: &str, name: &str, value: &str) {
    for set in &mut *sets {
        set.values.retain(|value| value.name != name);
    }
    if sets.first().is_none_or(|set| set.rule.is_some()) {
        sets.insert(0, AttributeSet { id: id.to_string(), score: Score::MANDATORY, ..AttributeSet::default() });
    }
    sets[0].values.push(Value { name: name.to_string(), value: Some(value.to_string()) });
}

fn utilization(situation: &mut Situation, owner: &str, name: &str, value: &str) -> Result<(), String> {
    let configuration = &mut situation.configuration;
    if let Some(node) = configuration.nodes.iter_mut().find(|node| node.name == owner) {
        put(&mut node.utilization, "nodes-utilization", name, value);
        return Ok(());
    }
    match find_mut(&mut configuration.resources, owner) {
        Some(resource) => {
            put(&mut resource.utilization, "utilization", name, value);
            Ok(())
        }
        None => Err(format!("there is no node and no resource {owner}")),
    }
}

/// The resource of this name, at any depth.
fn find_mut<'r>(resources: &'r mut [Resource], id: &str) -> Option<&'r mut Resource> {
    resources.iter_mut().find_map(|resource| {
        if resource.id == id {
            return Some(resource);
        }
        match &mut resource.kind {
            ResourceKind::Primitive(_) => None,
            ResourceKind::Group(members) => find_mut(members, id),
            ResourceKind::Clone(member) => find_mut(std::slice::from_mut(member), id),
            ResourceKind::Bundle(bundle) => find_mut(bundle.primitive.as_mut_slice(), id),
        }
    })
}

fn start_failure_is_fatal(situation: &Situation) -> bool {
    let mut values = situation.configuration.properties.iter().flat_map(|set| &set.values);
    let said = values.find(|value| value.name == "start-failure-is-fatal");
    said.and_then(|value| word::boolean(value.value.as_deref()?)).unwrap_or(true)
}

fn fail(
    situation: &mut Situation,
    resource: &str,
    operation: &str,
    interval_ms: Option<u64>,
    exit_code: i32,
    node: &str,
) -> Result<(), String> {
    let now = situation.now_ms.div_euclid(1000);
    // as the cluster itself counts: one failed start is enough unless told otherwise
    let fatal = operation == "start" && start_failure_is_fatal(situation);
    let others = situation.status.iter().flat_map(|status| &status.resources);
    let agent = others.clone().find(|history| history.id == resource).map(|history| history.agent.clone());
    let call = others.flat_map(|history| &history.operations).map(|operation| operation.call).max().unwrap_or(0);
    let base = resource.split(':').next().unwrap_or(resource);
    let agent = agent.or_else(|| match &mut find_mut(&mut situation.configuration.resources, base)?.kind {
        ResourceKind::Primitive(agent) => agent.clone(),
        ResourceKind::Group(_) | ResourceKind::Clone(_) | ResourceKind::Bundle(_) => None,
    });
    let agent = agent.ok_or_else(|| format!("there is no resource {resource} with an agent of its own"))?;
    let status = status(situation, node)?;
    let at = status.resources.iter().position(|history| history.id == resource).unwrap_or_else(|| {
        let history = ResourceHistory { id: resource.to_string(), agent, ..ResourceHistory::default() };
        status.resources.push(Arc::new(history));
        status.resources.len() - 1
    });
    let operations = &mut Arc::make_mut(&mut status.resources[at]).operations;
    let recorded = operations.iter().filter(|it| it.name == operation).map(|it| it.interval_ms).max();
    let interval_ms = interval_ms.or(recorded).unwrap_or(0);
    let id = format!("{resource}_last_failure_0");
    operations.retain(|it| it.id != id);
    operations.push(OperationHistory {
        id,
        key: format!("{resource}_{operation}_{interval_ms}"),
        name: operation.to_string(),
        interval_ms,
        call: call.max(0) + 1,
        exit_code,
        status: OperationStatus::Done,
        transition_key: "0:0:0:injected".to_string(),
        last_run: Some(now),
        last_change: Some(now),
        exec_ms: Some(0),
        on_node: Some(node.to_string()),
        exit_reason: Some("injected".to_string()),
        ..OperationHistory::default()
    });
    let count = format!("fail-count-{resource}#{operation}_{interval_ms}");
    let values = status.attributes.iter().flat_map(|set| &set.values);
    let before = values.filter(|value| value.name == count).find_map(|value| word::score(value.value.as_deref()?));
    let more = if fatal { Score::MANDATORY } else { before.unwrap_or_default() + Score::new(1) };
    let more = if more.is_mandatory() { "INFINITY".to_string() } else { more.value().to_string() };
    put(&mut status.attributes, "status", &count, &more);
    put(
        &mut status.attributes,
        "status",
        &format!("last-failure-{resource}#{operation}_{interval_ms}"),
        &now.to_string(),
    );
    Ok(())
}
