//! What differs between two configurations, in sentences for a person: "resource web: params.port 80 -> 8080".
//!
//! Both sides are laid out as facts (subject, field, value) and the facts are compared, so an added field of the model
//! only needs its line here. Where a rule is written in the file does not count.

use crate::arbiter::Arbiter;
use crate::cluster::{Cluster, Config};
use crate::constraint::OrderKind;
use crate::device::Device;
use crate::duration::format_duration;
use crate::id::{DeviceId, ResourceId};
use crate::node::Node;
use crate::property::{FencingAction, NoQuorumPolicy, Properties};
use crate::quorum::QuorumOptions;
use crate::resource::{Group, GroupMeta, Meta, OnFail, Operation, Resource, TargetRole};
use crate::written::{LossPolicy, TicketConstraint};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::time::Duration;

/// Longest value shown in a sentence, in characters.
const MAX_VALUE: usize = 60;

/// Subjects in the order of the sentences, with their fields.
type Facts = BTreeMap<(u8, String), BTreeMap<String, String>>;

/// One sentence for each difference, in a stable order; empty when the configurations mean the same.
#[must_use]
pub fn diff(old: &Config, new: &Config) -> Vec<String> {
    let (before, after) = (facts(old), facts(new));
    let subjects: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let mut sentences = Vec::new();
    for key in subjects {
        let subject = &key.1;
        match (before.get(key), after.get(key)) {
            (None, _) => sentences.push(format!("{subject}: added")),
            (_, None) => sentences.push(format!("{subject}: removed")),
            (Some(before), Some(after)) => fields(subject, before, after, &mut sentences),
        }
    }
    let known = |config: &Config, other: &Config| -> Vec<ResourceId> {
        let others: BTreeSet<&ResourceId> = other.resource_order.iter().collect();
        config.resource_order.iter().filter(|name| others.contains(name)).cloned().collect()
    };
    if known(old, new) != known(new, old) {
        sentences.push("resources: their order in the file".to_owned());
    }
    sentences
}

fn fields(
    subject: &str,
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
    sentences: &mut Vec<String>,
) {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for name in names {
        let what = match (before.get(name), after.get(name)) {
            (Some(old), Some(new)) if old == new => continue,
            _ if is_secret(name) => "changed".to_owned(),
            (Some(old), Some(new)) => format!("{} -> {}", shown(old), shown(new)),
            (None, Some(new)) => format!("{} added", shown(new)),
            (Some(old), None) => format!("{} removed", shown(old)),
            (None, None) => continue,
        };
        sentences.push(format!("{subject}: {name} {what}"));
    }
}

/// Whether the value of this parameter must not appear on a terminal.
fn is_secret(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    ["passw", "secret", "private"].iter().any(|word| field.starts_with("params.") && field.contains(word))
}

fn shown(value: &str) -> String {
    let clean: String = value.chars().take(MAX_VALUE).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let more = if value.chars().count() > MAX_VALUE { "..." } else { "" };
    if clean.is_empty() { "\"\"".to_owned() } else { format!("{clean}{more}") }
}

/// Collects the fields of one subject.
#[derive(Default)]
struct Subject(BTreeMap<String, String>);

impl Subject {
    fn set(&mut self, field: &str, value: impl Display) {
        self.0.insert(field.to_owned(), value.to_string());
    }

    fn maybe(&mut self, field: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.set(field, value);
        }
    }

    fn map(&mut self, field: &str, values: &BTreeMap<String, String>) {
        for (name, value) in values {
            self.set(&format!("{field}.{name}"), value);
        }
    }
}

fn facts(config: &Config) -> Facts {
    let Config {
        cluster: the_cluster,
        quorum: the_quorum,
        nodes,
        resources,
        groups,
        locations: _,
        colocations: _,
        orders: _,
        devices,
        levels: _,
        properties: the_properties,
        resource_order: _,
        // says the same in other words; of what it says beyond, a running cluster carries out tickets
        written,
        beyond: _,
    } = config;
    let mut facts = Facts::new();
    let mut put = |section: u8, subject: String, fields: Subject| facts.insert((section, subject), fields.0);
    put(0, "cluster".to_owned(), cluster(the_cluster));
    put(1, "quorum".to_owned(), quorum(the_quorum));
    for (name, of) in nodes {
        put(2, format!("node {name}"), node(config, of));
    }
    for (name, of) in resources {
        put(3, format!("resource {name}"), resource(of));
    }
    for (name, of) in groups {
        put(4, format!("group {name}"), group(of));
    }
    for (name, of) in devices {
        put(5, format!("fence device {name}"), device(of));
    }
    put(9, "properties".to_owned(), properties(the_properties));
    rules(config, &mut facts);
    tickets(&written.constraints.tickets, &mut facts);
    facts
}

fn cluster(of: &Cluster) -> Subject {
    let Cluster { name, token, port, mtu, link_mode } = of;
    let mut subject = Subject::default();
    subject.set("name", name);
    subject.set("token", format_duration(*token));
    subject.set("port", port);
    subject.maybe("mtu", mtu.as_ref());
    subject.set("link-mode", link_mode.as_str());
    subject
}

fn quorum(of: &QuorumOptions) -> Subject {
    let QuorumOptions {
        two_node,
        wait_for_all: _,
        auto_tie_breaker,
        last_man_standing,
        last_man_standing_window,
        arbiter,
    } = of;
    let mut subject = Subject::default();
    subject.set("two-node", two_node);
    subject.set("wait-for-all", of.waits_for_all());
    subject.set("last-man-standing", last_man_standing);
    subject.set("last-man-standing-window", format_duration(*last_man_standing_window));
    if let Some(tie_breaker) = auto_tie_breaker {
        subject.set("auto-tie-breaker", tie_breaker);
    }
    if let Some(arbiter) = arbiter {
        let Arbiter { address, fingerprint: _, algorithm, tie_breaker, heuristics, heuristics_timeout } = arbiter;
        subject.set("arbiter", address);
        subject.set("arbiter fingerprint", arbiter.fingerprint_text());
        subject.set("arbiter algorithm", algorithm.as_str());
        subject.set("arbiter tie-breaker", tie_breaker);
        subject.set("arbiter heuristics", heuristics.join("; "));
        subject.set("arbiter heuristics-timeout", format_duration(*heuristics_timeout));
    }
    subject
}

fn node(config: &Config, of: &Node) -> Subject {
    let Node { name, addresses, votes, role, attributes, standby, maintenance } = of;
    let mut subject = Subject::default();
    subject.set("addresses", addresses.join(", "));
    subject.set("votes", votes);
    subject.set("role", role.as_str());
    subject.map("attributes", attributes);
    subject.set("standby", standby);
    subject.set("maintenance", maintenance);
    let levels = config.levels.get(name).map(|levels| {
        let level = |devices: &[DeviceId]| joined(devices.iter(), " and ");
        joined(levels.iter().map(|of| level(&of.devices)), ", then ")
    });
    subject.maybe("fencing", levels);
    subject
}

fn joined<T: Display>(items: impl Iterator<Item = T>, between: &str) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(between)
}

fn resource(of: &Resource) -> Subject {
    let Resource { name: _, agent, params, commands, meta, operations, timeout: _ } = of;
    let Meta { target_role, stickiness, priority, managed, maintenance, migration_threshold, failure_timeout } = meta;
    let mut subject = Subject::default();
    subject.set("agent", agent);
    subject.map("params", params);
    if let Some(commands) = commands {
        subject.set("start", &commands.start);
        subject.set("stop", &commands.stop);
        subject.set("check", &commands.check);
    }
    subject.set("target-role", role(*target_role));
    subject.set("stickiness", stickiness);
    subject.set("priority", priority);
    subject.set("managed", managed);
    subject.set("maintenance", maintenance);
    subject.maybe("migration-threshold", *migration_threshold);
    subject.maybe("failure-timeout", failure_timeout.map(format_duration));
    for operation in operations {
        operation_facts(operation, &mut subject);
    }
    subject
}

fn operation_facts(of: &Operation, subject: &mut Subject) {
    let Operation { name, interval, timeout, on_fail } = of;
    let every = |interval: Duration| format!(" every {}", format_duration(interval));
    let title = format!("{}{}", name.as_str(), interval.map_or_else(String::new, every));
    subject.set(&format!("{title}: timeout"), format_duration(*timeout));
    subject.maybe(&format!("{title}: on-fail"), on_fail.map(reaction));
}

fn group(of: &Group) -> Subject {
    let Group { name: _, members, meta } = of;
    let GroupMeta { target_role, managed, maintenance, priority } = meta;
    let mut subject = Subject::default();
    subject.set("members", joined(members.iter(), ", "));
    subject.maybe("target-role", target_role.map(role));
    subject.maybe("managed", *managed);
    subject.maybe("maintenance", *maintenance);
    subject.set("priority", priority);
    subject
}

fn device(of: &Device) -> Subject {
    let Device { name: _, agent, params, plugs, timeout, delay } = of;
    let mut subject = Subject::default();
    subject.set("agent", agent);
    subject.map("params", params);
    for (node, plug) in plugs {
        subject.set(&format!("nodes.{node}"), plug);
    }
    subject.set("timeout", format_duration(*timeout));
    subject.set("delay", format_duration(*delay));
    subject
}

fn properties(of: &Properties) -> Subject {
    let Properties {
        fencing_enabled,
        fencing_action,
        startup_fencing,
        dc_deadtime,
        no_quorum_policy,
        symmetric_cluster,
        maintenance_mode,
        stop_all_resources,
        start_failure_is_fatal,
        batch_limit,
    } = of;
    let mut subject = Subject::default();
    subject.set("fencing-enabled", fencing_enabled);
    let action = match fencing_action {
        FencingAction::Reboot => "reboot",
        FencingAction::Off => "off",
    };
    subject.set("fencing-action", action);
    subject.set("startup-fencing", startup_fencing);
    subject.set("dc-deadtime", format_duration(*dc_deadtime));
    let policy = match no_quorum_policy {
        NoQuorumPolicy::Stop => "stop",
        NoQuorumPolicy::Freeze => "freeze",
    };
    subject.set("no-quorum-policy", policy);
    subject.set("symmetric-cluster", symmetric_cluster);
    subject.set("maintenance-mode", maintenance_mode);
    subject.set("stop-all-resources", stop_all_resources);
    subject.set("start-failure-is-fatal", start_failure_is_fatal);
    subject.set("batch-limit", batch_limit);
    subject
}

/// Rules are their own subjects; several rules over the same pair add up and are shown together.
fn rules(config: &Config, facts: &mut Facts) {
    let mut put = |section: u8, subject: String, field: &str, value: String| {
        let values = facts.entry((section, subject)).or_default().entry(field.to_owned()).or_default();
        *values = if values.is_empty() { value } else { format!("{values} and {value}") };
    };
    for of in &config.locations {
        put(6, format!("location of {} on {}", of.resource, of.node), "score", of.score.to_string());
    }
    for of in &config.colocations {
        put(7, format!("colocation of {} with {}", of.dependent, of.primary), "score", of.score.to_string());
    }
    for of in &config.orders {
        let (first, then) = (of.first_action.as_str(), of.then_action.as_str());
        let subject = format!("order of {first} {} before {then} {}", of.first, of.then);
        let kind = match of.kind {
            OrderKind::Mandatory => "mandatory",
            OrderKind::Optional => "optional",
        };
        put(8, subject.clone(), "kind", kind.to_owned());
        put(8, subject, "symmetrical", of.symmetrical.to_string());
    }
}

fn tickets(rules: &[TicketConstraint], facts: &mut Facts) {
    for of in rules {
        let members = of.sets.iter().flat_map(|set| &set.members).map(String::as_str);
        let single = Some(of.resource.as_str()).filter(|name| !name.is_empty());
        let names: Vec<&str> = single.into_iter().chain(members).collect();
        let subject = format!("ticket {} of {}", shown(&of.ticket), names.join(" and "));
        let values = facts.entry((10, subject)).or_default();
        values.insert("loss-policy".to_owned(), of.loss_policy.map_or("by default", LossPolicy::as_str).to_owned());
        values.insert("role".to_owned(), of.role.clone().unwrap_or_else(|| "any".to_owned()));
    }
}

fn role(role: TargetRole) -> &'static str {
    match role {
        TargetRole::Started => "started",
        TargetRole::Stopped => "stopped",
    }
}

fn reaction(reaction: OnFail) -> &'static str {
    match reaction {
        OnFail::Restart => "restart",
        OnFail::Stop => "stop",
        OnFail::Block => "block",
        OnFail::Fence => "fence",
        OnFail::Ignore => "ignore",
    }
}

#[cfg(test)]
mod tests;
