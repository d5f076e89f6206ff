//! Operations as configured, and their options after defaults and rules.

use super::meta::{self, Requires};
use super::resource::Resource;
use super::{Facts, sets};
use crate::index::{NodeIx, ResourceIx};
use crate::role::Role;
use crate::rule::{self, RuleContext};
use crate::situation::{self, Value};
use crate::word;
use std::collections::BTreeMap;

/// What happens when an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFail {
    /// Nothing.
    Ignore,
    /// Demote, then as told by the rest of the cluster.
    Demote,
    /// Stop and start, here or elsewhere.
    Restart,
    /// Stop and start elsewhere (peer: ban, formerly migrate).
    Ban,
    /// Touch nothing.
    Block,
    /// Stop and stay stopped.
    Stop,
    /// Move everything off the node.
    Standby,
    /// Fence the node.
    Fence,
    /// Restart the container that it lives in.
    RestartContainer,
    /// Reset a remote node's connection.
    ResetRemote,
}

/// One configured operation.
#[derive(Clone, Debug)]
pub struct OperationFacts<'a> {
    /// What was written; `None` for implicit ones.
    pub written: Option<&'a situation::Operation>,
    /// What is called.
    pub name: String,
    /// How often, milliseconds; 0 for once.
    pub interval_ms: u64,
    /// Only in this role (`role` of a monitor; default Started, for promotable ones: unpromoted too).
    pub role: Option<Role>,
    /// `enabled`.
    pub enabled: bool,
    /// Options of implicit ones.
    pub implicit: Vec<Value>,
}

/// The options of one call, for a resource, a name and an interval, configured or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationOptions {
    /// Milliseconds.
    pub timeout_ms: u64,
    /// Milliseconds; from `start-delay`, or computed from `interval-origin`.
    pub start_delay_ms: u64,
    /// What a failure leads to.
    pub on_fail: OnFail,
    /// Role after a failure.
    pub fail_role: Role,
    /// What must be the case before.
    pub requires: Requires,
}

/// An operation that the cluster made up.
pub(crate) fn implicit<'a>(name: &str, interval_ms: u64, timeout: Option<&str>) -> OperationFacts<'a> {
    let timeout = timeout.map(|timeout| Value { name: "timeout".into(), value: Some(timeout.into()) });
    OperationFacts {
        written: None,
        name: name.into(),
        interval_ms,
        role: None,
        enabled: true,
        implicit: timeout.into_iter().collect(),
    }
}

/// The operations of a resource and of its template. Of those with one name, for one role, the resource's replace the
/// template's, whatever their intervals.
pub(crate) fn configured<'a>(
    written: &'a situation::Resource,
    template: Option<&'a situation::Resource>,
) -> Vec<OperationFacts<'a>> {
    let mut operations: Vec<OperationFacts<'a>> = written.operations.iter().map(OperationFacts::of).collect();
    let own = operations.len();
    for inherited in template.into_iter().flat_map(|template| &template.operations).map(OperationFacts::of) {
        let replaced = |it: &OperationFacts<'_>| it.name == inherited.name && plain(it.role) == plain(inherited.role);
        if !operations[..own].iter().any(replaced) {
            operations.push(inherited);
        }
    }
    operations
}

/// The role that an operation is for, as far as inheritance tells roles apart.
fn plain(role: Option<Role>) -> Role {
    match role {
        None | Some(Role::Unpromoted) => Role::Started,
        Some(role) => role,
    }
}

impl<'a> OperationFacts<'a> {
    fn of(written: &'a situation::Operation) -> OperationFacts<'a> {
        let option = |name: &str| {
            let found = written.options.iter().find(|option| option.name == name);
            found.and_then(|option| option.value.as_deref())
        };
        OperationFacts {
            written: Some(written),
            name: written.name.clone(),
            interval_ms: written.interval.as_deref().and_then(milliseconds).unwrap_or(0),
            role: option("role").and_then(Role::parse),
            enabled: option("enabled").and_then(word::boolean).unwrap_or(true),
            implicit: Vec::new(),
        }
    }

    /// Its options as written directly, without sets.
    fn direct(&self) -> &[Value] {
        self.written.map_or(&self.implicit, |written| &written.options)
    }

    /// What one of its own options says, wherever it is written.
    fn says(&self, name: &str, context: &RuleContext<'_>) -> Option<String> {
        if let Some(value) = self.direct().iter().find(|value| value.name == name) {
            return value.value.clone();
        }
        sets::values(&self.written?.meta, context).remove(name)
    }
}

fn milliseconds(text: &str) -> Option<u64> {
    word::interval_ms(text).and_then(|value| u64::try_from(value).ok())
}

/// The operation of a resource that is configured for this name and interval, when it is enabled. Both halves of a live
/// migration may be configured as `migrate`.
#[must_use]
pub fn find<'f, 'a>(resource: &'f Resource<'a>, name: &str, interval_ms: u64) -> Option<&'f OperationFacts<'a>> {
    let named = |name: &str| {
        resource.operations.iter().find(|it| it.enabled && it.interval_ms == interval_ms && it.name == name)
    };
    let half = matches!(name, "migrate_to" | "migrate_from");
    named(name).or_else(|| if half { named("migrate") } else { None })
}

/// The options of one call as text: what the operation says, then the defaults for operations. A probe that is not
/// configured takes its timeout from the monitor with the shortest interval.
#[must_use]
pub fn text(facts: &Facts<'_>, resource: ResourceIx, name: &str, interval_ms: u64) -> BTreeMap<String, String> {
    let resource = &facts[resource];
    let context = RuleContext {
        now_ms: facts.situation.now_ms,
        agent: resource.agent.as_ref(),
        operation: Some((name, interval_ms)),
        ..RuleContext::default()
    };
    let mut text = BTreeMap::new();
    match find(resource, name, interval_ms) {
        Some(configured) => {
            let direct = configured.direct().iter();
            text.extend(direct.filter_map(|it| Some((it.name.clone(), it.value.clone()?))));
            if let Some(written) = configured.written {
                sets::fill(&mut text, &written.meta, &context);
            }
        }
        None if name == "monitor" && interval_ms == 0 => {
            if let Some(timeout) = shortest_monitor(resource).and_then(|monitor| monitor.says("timeout", &context)) {
                text.insert("timeout".into(), timeout);
            }
        }
        None => {}
    }
    sets::fill(&mut text, &facts.situation.configuration.operation_defaults, &context);
    text
}

fn shortest_monitor<'f, 'a>(resource: &'f Resource<'a>) -> Option<&'f OperationFacts<'a>> {
    let monitors = resource.operations.iter().filter(|it| it.enabled && it.name == "monitor" && it.interval_ms > 0);
    monitors.min_by_key(|it| it.interval_ms)
}

/// The options of one call of a resource's agent, configured or not.
#[must_use]
pub fn options(facts: &Facts<'_>, resource: ResourceIx, name: &str, interval_ms: u64) -> OperationOptions {
    let text = text(facts, resource, name, interval_ms);
    let on_fail = on_fail(facts, resource, name, interval_ms, &text);
    OperationOptions {
        timeout_ms: timeout_ms(facts, resource, name, &text),
        start_delay_ms: start_delay_ms(facts, interval_ms, &text),
        fail_role: fail_role(facts, resource, name, on_fail, &text),
        on_fail,
        requires: match name {
            "start" | "promote" => facts[resource].meta.requires,
            _ => Requires::Nothing,
        },
    }
}

/// Fence devices have a parameter of their own for the time that a start or monitor may take.
fn timeout_ms(facts: &Facts<'_>, resource: ResourceIx, name: &str, text: &BTreeMap<String, String>) -> u64 {
    let resource = &facts[resource];
    let device = resource.fence_device && matches!(name, "start" | "monitor");
    let own = if device { resource.params.get("pcmk_monitor_timeout") } else { None };
    let timeout = own.or_else(|| text.get("timeout")).and_then(|timeout| milliseconds(timeout));
    timeout.unwrap_or(facts.options.action_timeout_ms)
}

fn start_delay_ms(facts: &Facts<'_>, interval_ms: u64, text: &BTreeMap<String, String>) -> u64 {
    if let Some(delay) = text.get("start-delay") {
        return milliseconds(delay).unwrap_or(0);
    }
    let origin = text.get("interval-origin").and_then(|origin| rule::date::moment(origin));
    let (Some(origin), Ok(interval_ms @ 1..)) = (origin, i64::try_from(interval_ms)) else { return 0 };
    let until = origin.saturating_mul(1000).saturating_sub(facts.situation.now_ms).rem_euclid(interval_ms);
    u64::try_from(until).unwrap_or(0)
}

/// What a failure leads to: as written where that is allowed for the operation, else the default.
fn on_fail(
    facts: &Facts<'_>,
    resource: ResourceIx,
    name: &str,
    interval_ms: u64,
    text: &BTreeMap<String, String>,
) -> OnFail {
    let it = &facts[resource];
    let probe_or_start = name == "start" || (name == "monitor" && interval_ms == 0);
    let connection = it.agent.as_ref().is_some_and(meta::is_connection) && it.container.is_none();
    let written = match text.get("on-fail") {
        Some(written) => allowed(facts, written, name, interval_ms, text),
        None if name == "demote" => on_fail_of_promoted_monitor(facts, it),
        None => None,
    };
    match written.as_deref() {
        _ if connection && !it.managed && !probe_or_start => OnFail::Stop,
        Some("block") => OnFail::Block,
        Some("fence") => OnFail::Fence,
        Some("standby") => OnFail::Standby,
        Some("ignore" | "nothing") => OnFail::Ignore,
        Some("ban" | "migrate") => OnFail::Ban,
        Some("stop") => OnFail::Stop,
        Some("restart") => OnFail::Restart,
        Some("demote") => OnFail::Demote,
        Some("restart-container") if it.container.is_some() => OnFail::RestartContainer,
        _ if it.container.is_some() => OnFail::RestartContainer,
        _ if connection && !probe_or_start => OnFail::ResetRemote,
        _ if name == "stop" && facts.options.fencing_enabled => OnFail::Fence,
        _ if name == "stop" => OnFail::Block,
        _ => OnFail::Restart,
    }
}

/// The written word, when it may be used with the operation.
fn allowed(
    facts: &Facts<'_>,
    written: &str,
    name: &str,
    interval_ms: u64,
    text: &BTreeMap<String, String>,
) -> Option<String> {
    let word = written.to_ascii_lowercase();
    let promoted_monitor = || {
        name == "monitor"
            && interval_ms > 0
            && text.get("role").is_some_and(|role| Role::parse(role) == Some(Role::Promoted))
    };
    if word == "fence" && !facts.options.fencing_enabled {
        return Some("stop".to_string());
    }
    let fits = match word.as_str() {
        "demote" => name == "promote" || promoted_monitor(),
        "stop" | "standby" => name != "stop",
        _ => true,
    };
    fits.then_some(word)
}

/// A demotion fails as the monitor of the promoted role does.
fn on_fail_of_promoted_monitor(facts: &Facts<'_>, resource: &Resource<'_>) -> Option<String> {
    let monitors = resource.operations.iter().filter(|it| it.enabled && it.name == "monitor" && it.interval_ms > 0);
    let promoted = monitors.filter(|it| it.role == Some(Role::Promoted));
    for monitor in promoted {
        let context = RuleContext {
            now_ms: facts.situation.now_ms,
            agent: resource.agent.as_ref(),
            operation: Some(("monitor", monitor.interval_ms)),
            ..RuleContext::default()
        };
        if let Some(word) = monitor.says("on-fail", &context).filter(|word| !word.eq_ignore_ascii_case("demote")) {
            return Some(word.to_ascii_lowercase());
        }
    }
    None
}

fn fail_role(
    facts: &Facts<'_>,
    resource: ResourceIx,
    name: &str,
    on_fail: OnFail,
    text: &BTreeMap<String, String>,
) -> Role {
    match on_fail {
        OnFail::Stop => return Role::Stopped,
        OnFail::ResetRemote if reconnects(&facts[resource]) => return Role::Stopped,
        _ => {}
    }
    let written = text.get("role_after_failure").and_then(|role| Role::parse(role));
    written.unwrap_or(if name == "promote" { Role::Unpromoted } else { Role::Started })
}

/// Whether a lost connection is tried again only after a while.
fn reconnects(resource: &Resource<'_>) -> bool {
    resource.params.get("reconnect_interval").and_then(|interval| milliseconds(interval)).is_some_and(|it| it > 0)
}

/// The parameters that an agent is called with on a node: rules may ask for its attributes.
#[must_use]
pub fn parameters(facts: &Facts<'_>, resource: ResourceIx, node: Option<NodeIx>) -> BTreeMap<String, String> {
    let node = node.map(|node| &facts[node].attributes);
    let context = RuleContext { now_ms: facts.situation.now_ms, node, ..RuleContext::default() };
    let mut params = BTreeMap::new();
    let mut at = Some(resource);
    while let Some(here) = at {
        let here = &facts[here];
        if let Some(written) = here.written.filter(|_| here.has_rules_in_params(facts)) {
            let template = super::tree::template_of(facts, written);
            sets::fill(&mut params, super::tree::both(template, written, |it| &it.params), &context);
        } else {
            for (name, value) in &here.params {
                params.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        at = here.parent;
    }
    params
}

impl Resource<'_> {
    /// Whether a parameter set of its own has a rule.
    fn has_rules_in_params(&self, facts: &Facts<'_>) -> bool {
        self.written.is_some_and(|written| {
            let template = super::tree::template_of(facts, written);
            super::tree::both(template, written, |it| &it.params).any(|set| set.rule.is_some())
        })
    }
}
