//! `[resources.NAME]` and what it inherits from `[defaults]`.

use super::constraint::Rules;
use super::fields::Fields;
use super::value::At;
use crate::agent::AgentRef;
use crate::id::ResourceId;
use crate::nearest::nearest;
use crate::option::{DEFAULTS, DEFAULTS_OPERATION, DEFAULTS_RESOURCE, OPERATION, RESOURCE};
use crate::report::Report;
use crate::resource::{Commands, Meta, OnFail, Operation, OperationName, Resource, TargetRole};
use crate::spot::{Spot, Spots};
use std::collections::BTreeMap;
use std::time::Duration;

/// `[defaults.resource]` and `[defaults.operation]`.
pub(super) struct Defaults {
    meta: Meta,
    timeout: Duration,
}

impl Defaults {
    pub(super) fn read(file: &Fields<'_>, report: &mut Report<'_>) -> Defaults {
        let defaults = match file.tables("defaults").first() {
            Some(table) => Fields::read(&DEFAULTS, "", table.span.clone(), table.value, report),
            None => Fields::absent(&DEFAULTS),
        };
        let resource = match defaults.tables("resource").first() {
            Some(table) => Fields::read(&DEFAULTS_RESOURCE, "", table.span.clone(), table.value, report),
            None => Fields::absent(&DEFAULTS_RESOURCE),
        };
        let operation = match defaults.tables("operation").first() {
            Some(table) => Fields::read(&DEFAULTS_OPERATION, "", table.span.clone(), table.value, report),
            None => Fields::absent(&DEFAULTS_OPERATION),
        };
        let meta = Meta {
            target_role: target_role(resource.choice("target-role")),
            stickiness: resource.score("stickiness"),
            priority: resource.integer("priority"),
            managed: resource.bool("managed"),
            maintenance: resource.bool("maintenance"),
            migration_threshold: threshold(&resource),
            failure_timeout: resource.given_duration("failure-timeout"),
        };
        Defaults { meta, timeout: operation.duration("timeout") }
    }

    fn meta(&self, fields: &Fields<'_>) -> Meta {
        let base = &self.meta;
        Meta {
            target_role: fields.given_choice("target-role").map_or(base.target_role, target_role),
            stickiness: fields.given_score("stickiness").unwrap_or(base.stickiness),
            priority: if fields.has("priority") { fields.integer("priority") } else { base.priority },
            managed: fields.given_bool("managed").unwrap_or(base.managed),
            maintenance: fields.given_bool("maintenance").unwrap_or(base.maintenance),
            migration_threshold: threshold(fields).or(base.migration_threshold),
            failure_timeout: fields.given_duration("failure-timeout").or(base.failure_timeout),
        }
    }
}

pub(super) fn target_role(word: &str) -> TargetRole {
    match word {
        "stopped" => TargetRole::Stopped,
        _ => TargetRole::Started,
    }
}

fn threshold(fields: &Fields<'_>) -> Option<u32> {
    fields.given_integer("migration-threshold").and_then(|number| u32::try_from(number).ok())
}

/// All resources, and their names with the places.
pub(super) fn read(
    file: &Fields<'_>,
    defaults: &Defaults,
    rules: &mut Rules,
    spots: &mut Spots,
    report: &mut Report<'_>,
) -> (BTreeMap<ResourceId, Resource>, Vec<At<ResourceId>>) {
    let mut resources = BTreeMap::new();
    let mut order = Vec::new();
    for (name, table) in file.named("resources") {
        let id = super::name(name, "resource", ResourceId::new, report);
        let fields = Fields::read(&RESOURCE, name.value, name.span.clone(), table, report);
        let (agent, commands) = agent(&fields, report);
        let Some(id) = id else { continue };
        spots.set(Spot::Resource(id.value.clone()), id.span.clone());
        let resource = Resource {
            name: id.value.clone(),
            agent,
            params: super::values(fields.pairs("params")),
            commands,
            meta: defaults.meta(&fields),
            operations: operations(&id, &fields, defaults, spots, report),
            timeout: defaults.timeout,
        };
        rules.short_forms(&id, &fields, report);
        resources.insert(id.value.clone(), resource);
        order.push(id);
    }
    (resources, order)
}

const LINES: [&str; 3] = ["start", "stop", "check"];

/// The agent and its command lines. A stand-in after an error, so that the checks can go on.
fn agent(fields: &Fields<'_>, report: &mut Report<'_>) -> (AgentRef, Option<Commands>) {
    let written: Vec<&str> = LINES.into_iter().filter(|line| fields.has(line)).collect();
    let agent = match fields.text("agent") {
        Some(text) if is_beyond(text.value) => return (AgentRef::Command, None),
        None if fields.has("template") => return (AgentRef::Command, None),
        Some(text) => agent_ref(&text, report),
        None => AgentRef::Command,
    };
    match &agent {
        AgentRef::Ocf { .. } => {
            if let Some(line) = written.first() {
                let message = format!("{} has both an OCF agent and a `{line}` line", fields.subject);
                let hint = "an OCF agent knows how to start, stop and check; remove one of the two".to_owned();
                report.error(fields.span_of(line), message, Some(hint));
            }
            (agent, None)
        }
        AgentRef::Command => {
            missing_lines(fields, &written, report);
            let line = |name: &str| fields.text(name).map_or_else(String::new, |text| text.value.to_owned());
            (agent, Some(Commands { start: line("start"), stop: line("stop"), check: line("check") }))
        }
    }
}

fn missing_lines(fields: &Fields<'_>, written: &[&str], report: &mut Report<'_>) {
    if !fields.has("agent") && written.is_empty() {
        let message = format!("{} has neither an `agent` nor command lines", fields.subject);
        let hint = "write agent = \"ocf:PROVIDER:TYPE\", or the three lines start, stop and check".to_owned();
        return report.missing(fields.span.clone(), message, Some(hint));
    }
    // the agent was written and refused: that is reported already
    let refused = fields.text("agent").is_some_and(|agent| agent.value != "command");
    if fields.has("agent") && (fields.text("agent").is_none() || refused) {
        return;
    }
    for line in LINES.into_iter().filter(|line| !written.contains(line)) {
        let message = format!("{} has no `{line}` line", fields.subject);
        let hint = "a command resource needs all of start, stop and check".to_owned();
        report.missing(fields.span.clone(), message, Some(hint));
    }
}

/// Agents that the scheduler understands and this version does not run; a file with them never reaches a daemon
/// ([`crate::Config::beyond`]), so a stand-in will do.
fn is_beyond(agent: &str) -> bool {
    let (class, name) = agent.split_once(':').unwrap_or((agent, ""));
    match class {
        "systemd" | "lsb" | "service" | "upstart" | "nagios" | "heartbeat" | "fence" => {
            name.split('/').all(|part| part.is_empty() || plain(&part))
        }
        "ocf" => name.split_once(':').is_some_and(|(provider, path)| {
            plain(&provider) && path.starts_with('/') && path[1..].split('/').all(|part| plain(&part))
        }),
        _ => false,
    }
}

fn plain(part: &&str) -> bool {
    part.starts_with(|c: char| c.is_ascii_alphanumeric())
        && part.len() <= 128
        && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '\\'))
}

fn agent_ref(text: &At<&str>, report: &mut Report<'_>) -> AgentRef {
    if text.value == "command" {
        return AgentRef::Command;
    }
    let parts: Vec<&str> = text.value.splitn(4, ':').collect();
    if let ["ocf", provider, kind] = parts.as_slice()
        && plain(provider)
        && plain(kind)
    {
        return AgentRef::Ocf { provider: (*provider).to_owned(), kind: (*kind).to_owned() };
    }
    let (message, hint) = not_an_agent(text.value, &parts);
    report.error(text.span.clone(), message, Some(hint));
    AgentRef::Command
}

fn not_an_agent(text: &str, parts: &[&str]) -> (String, String) {
    let class = parts[0];
    match class {
        "stonith" => fence(text),
        _ if class.starts_with("fence_") => fence(text),
        "ocf" if parts.len() == 2 => {
            let hint = format!("write \"ocf:heartbeat:{}\"", parts[1]);
            (format!("{text:?} names no provider"), hint)
        }
        "ocf" => (format!("{text:?} is not an agent"), "write \"ocf:PROVIDER:TYPE\"".to_owned()),
        _ => {
            let near = nearest(class, ["ocf", "command", "systemd", "service", "lsb"])
                .map(|word| format!("did you mean \"{word}\"? "));
            let hint = "write \"ocf:PROVIDER:TYPE\" or \"command\"";
            (format!("{text:?} is not an agent"), format!("{}{hint}", near.unwrap_or_default()))
        }
    }
}

fn fence(text: &str) -> (String, String) {
    let message = format!("{text:?} is a fence-agent, and those are not written like this");
    (message, "write it as a device: [fencing.NAME] with agent and nodes; a resource is \"fence:NAME\"".to_owned())
}

fn operations(
    id: &At<ResourceId>,
    fields: &Fields<'_>,
    defaults: &Defaults,
    spots: &mut Spots,
    report: &mut Report<'_>,
) -> Vec<Operation> {
    let mut operations = Vec::new();
    if let Some(interval) = fields.given_duration("monitor") {
        spots.set(Spot::Operation(id.value.clone(), 0), fields.span_of("monitor"));
        operations.push(Operation {
            name: OperationName::Monitor,
            interval: Some(interval),
            timeout: defaults.timeout,
            on_fail: None,
        });
    }
    for table in fields.tables("operations") {
        let subject = format!("operations of {}", fields.subject);
        let of = Fields::read_as(&OPERATION, subject, table.span.clone(), table.value, report);
        let Some(name @ ("start" | "stop" | "monitor")) = of.given_choice("name") else { continue };
        if of.has("role") {
            // monitors of roles may share an interval; a file with roles never reaches a daemon
            continue;
        }
        spots.set(Spot::Operation(id.value.clone(), operations.len()), table.span.clone());
        operations.push(Operation {
            name: match name {
                "start" => OperationName::Start,
                "stop" => OperationName::Stop,
                _ => OperationName::Monitor,
            },
            interval: of.given_duration("interval"),
            timeout: of.given_duration("timeout").unwrap_or(defaults.timeout),
            on_fail: of.given_choice("on-fail").map(on_fail),
        });
    }
    operations
}

fn on_fail(word: &str) -> OnFail {
    match word {
        "stop" => OnFail::Stop,
        "block" => OnFail::Block,
        "fence" => OnFail::Fence,
        "ignore" => OnFail::Ignore,
        _ => OnFail::Restart,
    }
}
