//! Every node: written members and remote nodes, nodes that connection resources bring along, what is reported of each.
//!
//! Nodes stand in the order of their names, numbers in names compared as numbers; ties between nodes are decided in
//! this order.

use super::membership;
use super::node::{Node, NodeKind};
use super::options::{ClusterOptions, HealthStrategy};
use super::sets;
use crate::index::NodeIx;
use crate::rule::RuleContext;
use crate::situation::{self, NodeStatus, Situation};
use crate::word;
use config::Score;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Nodes, and their places by name and by id.
#[derive(Debug, Default)]
pub(crate) struct NodeTable {
    /// In their order.
    pub(crate) nodes: Vec<Node>,
    /// Their places by name.
    pub(crate) by_name: BTreeMap<String, NodeIx>,
    /// How many there are without those that only bundles bring along.
    pub(crate) outside_bundles: usize,
}

/// Reads the nodes. `connected` names the nodes behind connection resources, `inside` those inside bundles.
pub(crate) fn read(
    situation: &Situation,
    options: &ClusterOptions,
    connected: &[String],
    inside: &[String],
    warnings: &mut Vec<String>,
) -> NodeTable {
    let context = RuleContext { now_ms: situation.now_ms, ..RuleContext::default() };
    let mut nodes: Vec<Node> = Vec::new();
    let mut known: BTreeMap<&str, ()> = BTreeMap::new();
    for written in &situation.configuration.nodes {
        if known.insert(&written.name, ()).is_none() {
            nodes.push(from_written(written, options, &context));
        }
    }
    let mut outside_bundles = 0;
    for (at, name) in connected.iter().chain(inside).enumerate() {
        if at == connected.len() {
            outside_bundles = nodes.len();
        }
        if known.insert(name, ()).is_none() {
            let implied = situation::Node {
                id: name.clone(),
                name: name.clone(),
                kind: situation::NodeKind::Remote,
                ..situation::Node::default()
            };
            nodes.push(from_written(&implied, options, &context));
        }
    }
    if inside.is_empty() {
        outside_bundles = nodes.len();
    }
    nodes.sort_by(|left, right| compare_names(&left.name, &right.name));
    let places = |name: fn(&Node) -> &String| -> BTreeMap<String, NodeIx> {
        nodes.iter().enumerate().map(|(at, node)| (name(node).clone(), NodeIx::new(at))).collect()
    };
    let (by_name, by_id) = (places(|node| &node.name), places(|node| &node.id));
    for status in &situation.status {
        let Some(&at) = by_id.get(&status.id).or_else(|| by_name.get(&status.name)) else {
            warnings.push(format!("the status of {} is left out: no such node is configured", status.name));
            continue;
        };
        report(&mut nodes[at.at()], status, options, &context);
    }
    for node in &mut nodes {
        finish(node, situation, options);
    }
    NodeTable { nodes, by_name, outside_bundles }
}

fn from_written(written: &situation::Node, options: &ClusterOptions, context: &RuleContext<'_>) -> Node {
    let permanent = sets::values(&written.attributes, context);
    let member = written.kind != situation::NodeKind::Remote;
    Node {
        id: written.id.clone(),
        name: written.name.clone(),
        kind: if member { NodeKind::Member } else { NodeKind::Remote },
        connection: None,
        bundle: false,
        online: false,
        pending: false,
        unclean: member && options.fencing_enabled && options.startup_fencing,
        unseen: true,
        expected_up: false,
        standby: false,
        standby_on_fail: false,
        maintenance: false,
        shutdown: false,
        discovery: true,
        votes_only: written.kind == situation::NodeKind::Ping,
        remote_needs_reset: false,
        remote_fenced: false,
        unfenced_at: 0,
        attributes: permanent.clone(),
        permanent,
        utilization: sets::numbers(sets::values(&written.utilization, context)),
        health: Score::ZERO,
        fence: Vec::new(),
        running: Vec::new(),
        priority: 0,
    }
}

/// Reads what is reported of a node. Whether a remote or guest node is online, its connection decides later.
fn report(node: &mut Node, status: &NodeStatus, options: &ClusterOptions, context: &RuleContext<'_>) {
    let mut attributes = sets::values(&status.attributes, context);
    for (name, value) in &node.permanent {
        attributes.entry(name.clone()).or_insert_with(|| value.clone());
    }
    node.attributes = attributes;
    let transient = sets::numbers(sets::values(&status.utilization, context));
    node.utilization.extend(transient);
    read_flags(node, options);
    if node.is_remote() {
        node.unclean = false;
        node.unseen = false;
        node.shutdown = node.asks_for_shutdown();
        node.remote_fenced = status.fenced.as_deref().is_some_and(|fenced| fenced != "0");
    } else {
        membership::settle(node, status, options, context.now_ms);
    }
}

/// Reads what operators ask for with attributes.
fn read_flags(node: &mut Node, options: &ClusterOptions) {
    let says = |name: &str| node.attributes.get(name).and_then(|value| word::boolean(value));
    node.standby |= says("standby") == Some(true);
    node.maintenance |= says("maintenance") == Some(true);
    node.discovery = says("resource-discovery-enabled") != Some(false) || !node.is_remote() || !options.fencing_enabled;
}

/// Adds what holds for every node, reported or not.
fn finish(node: &mut Node, situation: &Situation, options: &ClusterOptions) {
    let dc = situation.dc.as_deref().is_some_and(|dc| dc == node.id || dc == node.name);
    let unfenced = node.attributes.get("#node-unfenced").and_then(|value| word::leading_integer(value));
    node.unfenced_at = unfenced.map_or(0, |(moment, _)| moment);
    node.health = health(node, options);
    let site = node.attributes.get("site-name").cloned().or_else(|| options.cluster_name.clone());
    let kind = if node.is_remote() { "remote" } else { "cluster" };
    let mut built_in = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            node.attributes.insert(name.to_string(), value);
        }
    };
    built_in("#cluster-name", options.cluster_name.clone());
    built_in("#site-name", site);
    built_in("#kind", Some(kind.to_string()));
    built_in("#is_dc", Some(dc.to_string()));
    let (id, name) = (node.id.clone(), node.name.clone());
    node.attributes.insert("#id".to_string(), id);
    node.attributes.insert("#uname".to_string(), name);
}

/// What the health attributes of a node (their names begin with `#health`) add up to.
fn health(node: &Node, options: &ClusterOptions) -> Score {
    if options.health_strategy == HealthStrategy::None {
        return Score::ZERO;
    }
    let mut sum = match options.health_strategy {
        HealthStrategy::Progressive => options.health_base,
        _ => Score::ZERO,
    };
    for (_, value) in node.attributes.range("#health".to_string()..).take_while(|(name, _)| name.starts_with("#health"))
    {
        sum += match value.to_ascii_lowercase().as_str() {
            "red" => options.health_red,
            "yellow" => options.health_yellow,
            "green" => options.health_green,
            _ => word::score(value).unwrap_or_default(),
        };
    }
    sum
}

/// The order of names: letters without regard to case, runs of digits as numbers.
#[must_use]
pub fn compare_names(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    loop {
        match (left.first(), right.first()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) if a.is_ascii_digit() && b.is_ascii_digit() => {
                let (left_number, left_rest) = digits(left);
                let (right_number, right_rest) = digits(right);
                let order = left_number.len().cmp(&right_number.len()).then_with(|| left_number.cmp(right_number));
                if order.is_ne() {
                    return order;
                }
                (left, right) = (left_rest, right_rest);
            }
            (Some(a), Some(b)) => {
                let order = a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase());
                if order.is_ne() {
                    return order;
                }
                (left, right) = (&left[1..], &right[1..]);
            }
        }
    }
}

/// The number at the beginning, without leading zeros, and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let zeros = text[..end].iter().take_while(|byte| **byte == b'0').count();
    (&text[zeros..end], &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_numbers() {
        let mut names = vec!["node10", "node2", "Node1", "a", "node02b"];
        names.sort_by(|left, right| compare_names(left, right));
        assert_eq!(names, ["a", "Node1", "node2", "node02b", "node10"]);
    }
}
