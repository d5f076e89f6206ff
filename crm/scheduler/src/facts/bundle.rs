//! Bundles: what one replica is made of, and the options of its container, which digests depend on.
//!
//! A bundle becomes, for each replica, an address (where addresses are given), a container and (where something runs
//! inside) a connection to the node inside; and one clone of the primitive, an instance for each replica.

mod container;
#[cfg(test)]
mod tests;

use super::guest::{self, Connection};
use super::resource::Kind;
use super::tree::{self, Place};
use super::{Facts, operation};
use crate::index::{NodeIx, ResourceIx};
use crate::situation::{self, Agent, AttributeSet, Value};
use crate::word;
use config::Score;
use std::net::Ipv4Addr;

/// One replica of a bundle.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Its number, from 0.
    pub index: u32,
    /// The address resource.
    pub address: Option<ResourceIx>,
    /// The container resource.
    pub container: ResourceIx,
    /// The connection to the node inside; `None` where nothing runs inside.
    pub connection: Option<ResourceIx>,
    /// The node inside.
    pub node: Option<NodeIx>,
    /// The instance of the primitive inside.
    pub child: Option<ResourceIx>,
}

/// More replicas than this are not made.
const MOST_REPLICAS: i64 = 10_000;

/// How many replicas of what kind are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size {
    replicas: i64,
    per_host: i64,
    promoted: i64,
}

impl Size {
    fn of(container: &situation::Container) -> Size {
        let number = |text: &Option<String>| text.as_deref().and_then(word::leading_integer).map(|(number, _)| number);
        let promoted = number(&container.promoted_max).unwrap_or(0).max(0);
        let replicas = number(&container.replicas).filter(|replicas| *replicas >= 1);
        Size {
            replicas: replicas.unwrap_or(promoted.max(1)).min(MOST_REPLICAS),
            per_host: number(&container.replicas_per_host).unwrap_or(1).max(1),
            promoted,
        }
    }
}

/// How replicas are reached.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    /// Each replica has an address of its own.
    pub(crate) addressed: bool,
    /// The addresses, by replica, as far as the range goes.
    pub(crate) addresses: Vec<Option<Ipv4Addr>>,
    /// The port of the connection.
    pub(crate) control_port: String,
    /// Replicas know each other's names.
    pub(crate) add_host: bool,
}

impl Network {
    fn of(parts: &situation::Bundle, replicas: i64) -> Network {
        let written = parts.network.as_ref();
        let first = written.and_then(|it| it.ip_range_start.as_deref());
        let mut next = first.and_then(|text| text.trim().parse::<Ipv4Addr>().ok());
        let addresses = (0..replicas).map(|_| {
            let address = next;
            next = address.and_then(following);
            address
        });
        Network {
            addressed: first.is_some(),
            addresses: addresses.collect(),
            control_port: written.and_then(|it| it.control_port.clone()).unwrap_or_else(|| "3121".into()),
            add_host: written.and_then(|it| it.add_host.as_deref()).and_then(word::boolean).unwrap_or(true),
        }
    }

    /// The address of a replica.
    pub(crate) fn address(&self, index: u32) -> Option<Ipv4Addr> {
        *self.addresses.get(index as usize)?
    }
}

/// The next address of a range; a range ends with the last octet 254.
fn following(address: Ipv4Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d] = address.octets();
    (d < 254).then(|| Ipv4Addr::new(a, b, c, d + 1))
}

/// Whether something can run inside: there must be a way to reach it.
fn reachable(parts: &situation::Bundle) -> bool {
    parts.network.as_ref().is_some_and(|it| it.ip_range_start.is_some() || it.control_port.is_some())
}

/// The names of the nodes inside a bundle's containers.
pub(crate) fn nodes(id: &str, parts: &situation::Bundle) -> Vec<String> {
    if parts.primitive.is_none() || !reachable(parts) {
        return Vec::new();
    }
    (0..Size::of(&parts.container).replicas).map(|index| format!("{id}-{index}")).collect()
}

/// Adds a bundle.
pub(crate) fn add<'a>(
    facts: &mut Facts<'a>,
    written: &'a situation::Resource,
    parts: &'a situation::Bundle,
    place: Place,
) -> ResourceIx {
    let size = Size::of(&parts.container);
    let network = Network::of(parts, size.replicas);
    let bundle = tree::add_one(facts, written, Kind::Bundle(Vec::new()), place);
    facts.resources[bundle.at()].unique = size.per_host > 1;
    facts.resources[bundle.at()].meta.clone_max = size.replicas;
    facts.resources[bundle.at()].meta.clone_node_max = size.per_host;
    if parts.primitive.is_some() && !reachable(parts) {
        let id = &written.id;
        facts.warnings.push(format!(
            "bundle {id} is left out: nothing can be run inside without a control port or a range of addresses"
        ));
        return bundle;
    }
    facts.nodes_counted += nodes(&written.id, parts).iter().filter(|name| !is_written(facts, name)).count();
    let mut replicas = Vec::new();
    for index in 0..u32::try_from(size.replicas).unwrap_or(0) {
        replicas.push(add_replica(facts, bundle, parts, &network, index));
    }
    if let Some(primitive) = &parts.primitive {
        let clone = add_clone(facts, bundle, primitive, size);
        facts.resources[bundle.at()].children.push(clone);
        for (replica, child) in replicas.iter_mut().zip(facts[clone].children.clone()) {
            replica.child = Some(child);
            facts.resources[child.at()].only_on = Some(replica.node.into_iter().collect());
        }
    }
    facts.resources[bundle.at()].kind = Kind::Bundle(replicas);
    bundle
}

fn is_written(facts: &Facts<'_>, node: &str) -> bool {
    facts.situation.configuration.nodes.iter().any(|written| written.name == node)
}

fn add_replica(
    facts: &mut Facts<'_>,
    bundle: ResourceIx,
    parts: &situation::Bundle,
    network: &Network,
    index: u32,
) -> Replica {
    let address = network.address(index).map(|address| add_address(facts, bundle, parts, address));
    let container = add_container(facts, bundle, parts, network, index);
    let connection = parts.primitive.is_some().then(|| add_connection(facts, bundle, container, network, index));
    let node = connection.and_then(|connection| facts[connection].connects);
    if let Some(node) = node {
        facts.nodes[node.at()].bundle = true;
    }
    facts.resources[bundle.at()].children.extend([address, Some(container), connection].into_iter().flatten());
    Replica { index, address, container, connection, node, child: None }
}

/// Adds an implicit primitive with a monitor every minute.
fn add_implicit(
    facts: &mut Facts<'_>,
    bundle: ResourceIx,
    id: String,
    agent: &str,
    params: impl IntoIterator<Item = (String, String)>,
) -> ResourceIx {
    let agent = Agent { class: "ocf".into(), provider: Some("heartbeat".into()), name: agent.into() };
    let place = Place { parent: Some(bundle), instance: None };
    let mut resource = tree::prepare(facts, id, Kind::Primitive, Some(agent), place, []);
    resource.implicit = true;
    resource.params = params.into_iter().collect();
    resource.operations.push(operation::implicit("monitor", 60_000, None));
    tree::push(facts, resource)
}

fn add_address(facts: &mut Facts<'_>, bundle: ResourceIx, parts: &situation::Bundle, address: Ipv4Addr) -> ResourceIx {
    let network = parts.network.as_ref();
    let netmask = network.and_then(|it| it.host_netmask.clone()).unwrap_or_else(|| "32".into());
    let mut params = vec![("ip".to_string(), address.to_string()), ("cidr_netmask".to_string(), netmask)];
    if let Some(interface) = network.and_then(|it| it.host_interface.clone()) {
        params.push(("nic".to_string(), interface));
    }
    let id = format!("{}-ip-{address}", facts[bundle].id);
    add_implicit(facts, bundle, id, "IPaddr2", params)
}

fn add_container(
    facts: &mut Facts<'_>,
    bundle: ResourceIx,
    parts: &situation::Bundle,
    network: &Network,
    index: u32,
) -> ResourceIx {
    let name = facts[bundle].id.clone();
    let technology = &parts.container.technology;
    let params = container::params(&name, parts, network, index);
    add_implicit(facts, bundle, format!("{name}-{technology}-{index}"), technology, params)
}

fn add_connection(
    facts: &mut Facts<'_>,
    bundle: ResourceIx,
    container: ResourceIx,
    network: &Network,
    index: u32,
) -> ResourceIx {
    let value = |name: &str, value: String| Value { name: name.into(), value: Some(value) };
    // Without an address of its own a replica is reached at whatever node its container runs on.
    let address = network.address(index).map_or_else(|| "#uname".to_string(), |address| address.to_string());
    let connection = Connection {
        host: container,
        node: format!("{}-{index}", facts[bundle].id),
        meta: vec![value("container", facts[container].id.clone()), value("internal", "true".into())],
        params: vec![value("addr", address), value("port", network.control_port.clone())],
        start_timeout: None,
    };
    guest::add_implicit_connection(facts, connection, Place { parent: Some(bundle), instance: None })
}

/// Adds the clone of the primitive inside.
fn add_clone<'a>(
    facts: &mut Facts<'a>,
    bundle: ResourceIx,
    primitive: &'a situation::Resource,
    size: Size,
) -> ResourceIx {
    let name = &facts[bundle].id;
    let promotable = size.promoted > 0;
    let id = format!("{name}-{}", if promotable { "master" } else { "clone" });
    let mut values = vec![
        ("ordered", "true".to_string()),
        ("clone-max", size.replicas.to_string()),
        ("clone-node-max", size.per_host.to_string()),
        ("globally-unique", (size.per_host > 1).to_string()),
    ];
    if promotable {
        values.push(("promotable", "true".to_string()));
        values.push(("promoted-max", size.promoted.to_string()));
    }
    let values = values.into_iter().map(|(name, value)| Value { name: name.into(), value: Some(value) });
    let own = AttributeSet { id: String::new(), score: Score::ZERO, rule: None, values: values.collect() };
    let place = Place { parent: Some(bundle), instance: None };
    let mut clone = tree::prepare(facts, id, Kind::Clone, None, place, [&own]);
    clone.implicit = true;
    let clone = tree::push(facts, clone);
    tree::add_instances(facts, clone, primitive);
    clone
}
