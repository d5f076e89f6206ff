//! What agents of clones are told beside their parameters: their instance, the clone's options, and, where the clone
//! wants notifications, who runs where and what is about to happen to whom.
//!
//! Names are those of OCF without the prefix `CRM_meta_`: `clone`, `clone_max`, `notify_type`,
//! `notify_start_uname`, ...

use ::scheduler::facts::Facts;
use ::scheduler::index::ResourceIx;
use ::scheduler::role::Role;
use ::scheduler::schedule::{ActionKind, Schedule, ScheduledAction};
use std::collections::BTreeMap;

/// Instances and the nodes they are on, in the same order.
#[derive(Clone, Debug, Default)]
struct List {
    resources: Vec<String>,
    nodes: Vec<String>,
}

impl List {
    fn add(&mut self, resource: &str, node: &str) {
        self.resources.push(resource.to_owned());
        self.nodes.push(node.to_owned());
    }
}

/// The lists of every clone that wants notifications, by the clone.
#[derive(Debug)]
pub(super) struct Notices {
    of: BTreeMap<ResourceIx, BTreeMap<&'static str, List>>,
    available: String,
}

impl Notices {
    /// Who runs where, and what the answer does to whom.
    pub(super) fn of(facts: &Facts<'_>, by_id: &BTreeMap<&str, ResourceIx>, schedule: &Schedule) -> Notices {
        let clones = facts.all_resources().filter(|clone| facts[*clone].is_clone() && facts[*clone].meta.notify);
        let mut of: BTreeMap<ResourceIx, BTreeMap<&'static str, List>> =
            clones.map(|clone| (clone, present(facts, clone))).collect();
        if !of.is_empty() {
            let doing = schedule.actions.iter().filter(|action| action.kind == ActionKind::Rsc);
            for action in doing.filter(|action| action.notify.is_none()) {
                let resource = action.resource.as_deref().and_then(|id| by_id.get(id));
                let clone = resource.and_then(|resource| facts.clone_of(*resource));
                let word = ["start", "stop", "promote", "demote"].into_iter().find(|word| action.operation == *word);
                if let (Some(lists), Some(word), Some(node)) =
                    (clone.and_then(|clone| of.get_mut(&clone)), word, &action.node)
                {
                    lists.entry(word).or_default().add(action.resource.as_deref().unwrap_or_default(), node);
                }
            }
        }
        let nodes = facts.nodes.iter().filter(|node| node.online && !node.unclean);
        let available = nodes.map(|node| node.name.as_str()).collect::<Vec<_>>().join(" ");
        Notices { of, available }
    }

    /// What the agent of this action is told.
    pub(super) fn meta(
        &self,
        facts: &Facts<'_>,
        resource: ResourceIx,
        action: &ScheduledAction,
    ) -> BTreeMap<String, String> {
        let mut meta = BTreeMap::new();
        if let Some((from, to)) = &action.migration {
            meta.insert("migrate_source".to_owned(), from.clone());
            meta.insert("migrate_target".to_owned(), to.clone());
        }
        let Some(clone) = facts.clone_of(resource) else { return meta };
        let here = &facts[resource];
        meta.extend(here.meta_text.iter().map(|(name, value)| (name.replace('-', "_"), value.clone())));
        meta.insert("clone_max".to_owned(), facts[clone].meta.clone_max.to_string());
        if here.promotable() && action.operation == "monitor" && action.interval_ms > 0 {
            let role = if action.target_rc == 8 { Role::Promoted } else { Role::Unpromoted };
            meta.insert("role".to_owned(), role.to_string());
        }
        if let Some((kind, about)) = &action.notify {
            meta.insert("notify_type".to_owned(), kind.clone());
            meta.insert("notify_operation".to_owned(), about.clone());
        }
        let Some(lists) = self.of.get(&clone) else { return meta };
        for (word, list) in lists {
            meta.insert(format!("notify_{word}_resource"), list.resources.join(" "));
            meta.insert(format!("notify_{word}_uname"), list.nodes.join(" "));
        }
        meta.insert("notify_available_uname".to_owned(), self.available.clone());
        meta
    }
}

/// What the instances of a clone do now. Every list is there, also an empty one: agents ask for them all.
fn present(facts: &Facts<'_>, clone: ResourceIx) -> BTreeMap<&'static str, List> {
    let words = ["active", "inactive", "promoted", "unpromoted", "start", "stop", "promote", "demote"];
    let mut lists: BTreeMap<&'static str, List> = words.into_iter().map(|word| (word, List::default())).collect();
    let mut add = |word, resource: &str, node: &str| lists.entry(word).or_default().add(resource, node);
    for instance in facts.primitives(clone) {
        let here = &facts[instance];
        if here.on.is_empty() {
            add("inactive", &here.id, "");
        }
        for &node in &here.on {
            let role = here.roles_on.iter().find(|(on, _)| *on == node).map_or(here.role, |(_, role)| *role);
            let node = facts[node].name.as_str();
            add("active", &here.id, node);
            match role {
                Role::Promoted => add("promoted", &here.id, node),
                Role::Unpromoted => add("unpromoted", &here.id, node),
                Role::Unknown | Role::Stopped | Role::Started => {}
            }
        }
    }
    // The words before those, which agents still read.
    for (old, new) in [("master", "promoted"), ("slave", "unpromoted")] {
        let list = lists.get(new).cloned().unwrap_or_default();
        lists.insert(old, list);
    }
    lists
}
