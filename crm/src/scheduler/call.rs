//! One call to an agent, made from an action: which agent, its parameters as they are on that node, the deadline, and
//! what agents of clones are told about their siblings.

use super::{Situation, notify};
use crate::cib::Definition;
use ::scheduler::facts::{Facts, digest};
use ::scheduler::index::ResourceIx;
use ::scheduler::schedule::{Schedule, ScheduledAction};
use ::scheduler::situation::Agent;
use config::{AgentRef, Commands, NodeId, OperationName, ResourceId};
use notify::Notices;
use resource_agents::{Operation, Outcome};
use std::collections::BTreeMap;
use std::time::Duration;

/// Makes calls.
pub(super) struct Calls<'c, 'a> {
    situation: &'c Situation<'c>,
    facts: &'c Facts<'a>,
    by_id: BTreeMap<&'c str, ResourceIx>,
    /// The name in histories of each resource, by its place among the facts.
    recorded: Vec<Option<ResourceId>>,
    notices: Notices,
}

impl<'c, 'a> Calls<'c, 'a> {
    pub(super) fn new(situation: &'c Situation<'c>, facts: &'c Facts<'a>, schedule: &Schedule) -> Calls<'c, 'a> {
        let by_id: BTreeMap<&str, ResourceIx> =
            facts.all_resources().map(|resource| (facts[resource].id.as_str(), resource)).collect();
        let notices = Notices::of(facts, &by_id, schedule);
        let name = |it: ResourceIx| ResourceId::try_from(facts[it].base.clone()).ok();
        let recorded = facts.all_resources().map(name).collect();
        Calls { situation, facts, by_id, recorded, notices }
    }

    /// The name under which results are recorded: that of the primitive for an instance of an anonymous clone, with the
    /// number for one of a unique one.
    pub(super) fn recorded(&self, action: &ScheduledAction) -> Option<ResourceId> {
        let name = action.resource.as_deref()?;
        match self.by_id.get(name) {
            Some(resource) => self.recorded[resource.at()].clone(),
            None => ResourceId::try_from(name.to_owned()).ok(),
        }
    }

    /// The call, and its fingerprint.
    ///
    /// # Errors
    /// Why the daemon cannot make it, in a sentence.
    pub(super) fn operation(
        &self,
        action: &ScheduledAction,
        node: &NodeId,
        recorded: &ResourceId,
    ) -> Result<(Operation, String), String> {
        let word = action.operation.as_str();
        let name = name(word).ok_or_else(|| format!("{word} is nothing that an agent does"))?;
        let at = action.resource.as_deref().and_then(|id| self.by_id.get(id)).copied();
        let at = at.ok_or_else(|| format!("{recorded} is not known"))?;
        let place = self.facts.node_named(node.as_str()).ok_or_else(|| format!("{node} is not known"))?;
        let resource = &self.facts[at];
        let mut params = digest::parameters(self.facts, at, place, word, action.interval_ms);
        let fingerprint = digest::of(&params);
        let definition = if resource.removed && resource.parent.is_none() {
            self.as_started(node, recorded)?
        } else {
            let agent = resource.agent.as_ref().ok_or_else(|| format!("{recorded} has no agent"))?;
            params.retain(|name, _| !name.starts_with("CRM_meta_"));
            let (agent, commands) = self.agent(agent, recorded)?;
            Definition { agent, params, commands }
        };
        let interval = (action.interval_ms > 0).then(|| Duration::from_millis(action.interval_ms));
        let operation = Operation {
            resource: recorded.clone(),
            agent: definition.agent,
            name,
            interval,
            timeout: Duration::from_millis(action.timeout_ms),
            params: definition.params,
            commands: definition.commands,
            node: node.clone(),
            expect: Outcome::from_code(action.target_rc),
            meta: self.notices.meta(self.facts, at, action),
        };
        Ok((operation, fingerprint))
    }

    /// What was started and is not configured any more is stopped with what it was started with.
    fn as_started(&self, node: &NodeId, recorded: &ResourceId) -> Result<Definition, String> {
        let history = self.situation.cib.history(node, recorded);
        let started = history.and_then(|history| history.started.clone());
        started.ok_or_else(|| format!("{recorded} runs on {node}, and nobody knows how it was started"))
    }

    fn agent(&self, agent: &Agent, recorded: &ResourceId) -> Result<(AgentRef, Option<Commands>), String> {
        match (agent.class.as_str(), &agent.provider) {
            ("ocf", Some(provider)) => {
                Ok((AgentRef::Ocf { provider: provider.clone(), kind: agent.name.clone() }, None))
            }
            ("command", _) => {
                let written = self.situation.cib.config.resources.get(recorded.base());
                Ok((AgentRef::Command, written.and_then(|written| written.commands.clone())))
            }
            (class, _) => Err(format!("{recorded} has an agent of the class {class}, which this version cannot call")),
        }
    }
}

fn name(word: &str) -> Option<OperationName> {
    Some(match word {
        "start" => OperationName::Start,
        "stop" => OperationName::Stop,
        "monitor" => OperationName::Monitor,
        "promote" => OperationName::Promote,
        "demote" => OperationName::Demote,
        "notify" => OperationName::Notify,
        "migrate_to" => OperationName::MigrateTo,
        "migrate_from" => OperationName::MigrateFrom,
        "reload-agent" | "reload" => OperationName::Reload,
        _ => return None,
    })
}
