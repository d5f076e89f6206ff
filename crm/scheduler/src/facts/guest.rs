//! Guest nodes and remote nodes: which resources lead to which nodes.

use super::meta;
use super::resource::Kind;
use super::tree::{self, Place};
use super::{Facts, bundle, operation};
use crate::index::ResourceIx;
use crate::situation::{Agent, AttributeSet, ResourceKind, Situation, Value};
use config::Score;

/// The names of all nodes that are reached through connections, in the order written: remote nodes, the nodes that
/// resources are hosts of, then those inside bundles.
pub(crate) fn connected_nodes(situation: &Situation) -> (Vec<String>, Vec<String>) {
    let mut names = Vec::new();
    let mut inside = Vec::new();
    for resource in &situation.configuration.resources {
        match &resource.kind {
            ResourceKind::Primitive(_) => of_primitive(resource, &mut names),
            ResourceKind::Group(members) => members.iter().for_each(|member| of_primitive(member, &mut names)),
            ResourceKind::Bundle(parts) => inside.extend(bundle::nodes(&resource.id, parts)),
            ResourceKind::Clone(_) => {}
        }
    }
    // Connections that were removed may still be up.
    let histories = situation.status.iter().flat_map(|status| &status.resources);
    for history in histories.filter(|history| meta::is_connection(&history.agent) && !history.operations.is_empty()) {
        if !names.contains(&history.id) && !inside.contains(&history.id) {
            names.push(history.id.clone());
        }
    }
    (names, inside)
}

fn of_primitive(resource: &crate::situation::Resource, names: &mut Vec<String>) {
    if let ResourceKind::Primitive(Some(agent)) = &resource.kind
        && meta::is_connection(agent)
    {
        names.push(resource.id.clone());
    } else if let Some(guest) = guest_of(&resource.meta) {
        names.push(guest.to_string());
    }
}

fn guest_of(meta: &[AttributeSet]) -> Option<&str> {
    let mut values = meta.iter().flat_map(|set| &set.values);
    values.find(|value| value.name == "remote-node")?.value.as_deref()
}

/// Adds the connections to guest nodes, each for the primitive that names the node.
pub(crate) fn add_connections(facts: &mut Facts<'_>) {
    let hosts: Vec<(ResourceIx, String)> = facts
        .all_resources()
        .filter(|&at| facts[at].is_primitive() && facts[at].instance.is_none() && !facts[at].implicit)
        .filter_map(|at| Some((at, guest_of(&facts[at].written?.meta)?.to_string())))
        .collect();
    for (host, node) in hosts {
        if facts.names.contains_key(&node) {
            facts
                .warnings
                .push(format!("{node} cannot be a guest node of {}: a resource has this name", facts[host].id));
            continue;
        }
        let connection = add_connection(facts, host, node);
        facts.tops.push(connection);
    }
}

/// Links primitives with the container that their meta attribute names.
pub(crate) fn link_containers(facts: &mut Facts<'_>) {
    for resource in facts.all_resources() {
        let it = &facts[resource];
        let named = it.meta_text.get("container").filter(|_| it.is_primitive() && it.container.is_none());
        let container = named.and_then(|name| facts.resource_named(name)).filter(|&container| container != resource);
        if let Some(container) = container.filter(|&container| facts[container].is_primitive()) {
            facts.resources[resource.at()].container = Some(container);
            facts.resources[container.at()].contents.push(resource);
        }
    }
}

/// Adds the connection to the guest node `node` inside `host`, with what the host's meta attributes say of it.
fn add_connection(facts: &mut Facts<'_>, host: ResourceIx, node: String) -> ResourceIx {
    let text = |name: &str| facts[host].meta_text.get(name).cloned();
    let value = |name: &str, value: Option<String>| value.map(|value| Value { name: name.into(), value: Some(value) });
    let meta = [
        value("container", Some(facts[host].id.clone())),
        value("allow-migrate", text("remote-allow-migrate")),
        value("is-managed", text("is-managed")),
        value("internal", Some("true".into())),
    ];
    let params = [value("addr", text("remote-addr")), value("port", text("remote-port"))];
    let timeout = text("remote-connect-timeout").unwrap_or_else(|| "60s".into());
    let connection = Connection {
        host,
        node,
        meta: meta.into_iter().flatten().collect(),
        params: params.into_iter().flatten().collect(),
        start_timeout: Some(&timeout),
    };
    add_implicit_connection(facts, connection, Place::default())
}

/// An implicit connection.
#[derive(Debug)]
pub(crate) struct Connection<'c> {
    /// The resource that it lives in.
    pub(crate) host: ResourceIx,
    /// The node that it leads to, whose name it has.
    pub(crate) node: String,
    /// Meta attributes of its own.
    pub(crate) meta: Vec<Value>,
    /// Parameters.
    pub(crate) params: Vec<Value>,
    /// How long a start may take, where that is said.
    pub(crate) start_timeout: Option<&'c str>,
}

/// Adds an implicit connection.
pub(crate) fn add_implicit_connection(facts: &mut Facts<'_>, it: Connection<'_>, place: Place) -> ResourceIx {
    let agent = Agent { class: "ocf".into(), provider: Some("pacemaker".into()), name: "remote".into() };
    let own = AttributeSet { id: String::new(), score: Score::ZERO, rule: None, values: it.meta };
    let mut connection = tree::prepare(facts, it.node, Kind::Primitive, Some(agent), place, [&own]);
    connection.implicit = true;
    connection.container = Some(it.host);
    connection.params = it.params.into_iter().filter_map(|value| Some((value.name, value.value?))).collect();
    connection.operations.push(operation::implicit("monitor", 30_000, Some("30s")));
    if let Some(timeout) = it.start_timeout {
        connection.operations.push(operation::implicit("start", 0, Some(timeout)));
    }
    let at = tree::push(facts, connection);
    facts.resources[it.host.at()].contents.push(at);
    at
}
