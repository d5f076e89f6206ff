//! The first thing that stands in the way of a resource.

use super::{Block, Remedy, View};
use crate::assign::ledger::{Cause, Entry};
use crate::assign::score::NEVER;
use crate::facts::meta::Requires;
use crate::facts::options::NoQuorumPolicy;
use crate::index::{NodeIx, ResourceIx};
use crate::reason::{Reason, Trouble};
use crate::role::Role;

/// How far the way from one resource to the one that it has to follow is gone.
const DEPTH: usize = 8;

/// Remedies told for one resource, at most.
const MOST: usize = 3;

impl View<'_, '_> {
    /// The first thing that stands in the way; `None` when nothing does.
    pub(super) fn block(&self, resource: ResourceIx) -> Option<Block> {
        self.left_alone(resource).or_else(|| self.nowhere(resource, DEPTH)).or_else(|| self.waiting(resource))
    }

    /// It may not be touched.
    fn left_alone(&self, resource: ResourceIx) -> Option<Block> {
        let here = &self.facts[resource];
        let base = &here.base;
        if let Some(reason) = &here.blocked {
            return Some(Block::of(format!("it may not be touched: {reason}")).with(Some(Remedy::cleanup(base))));
        }
        if let Some(reason) = &self.assignment.frozen[resource.at()] {
            return Some(Block::of(format!("it is left as it is: {reason}")));
        }
        if self.assignment.managed[resource.at()] {
            return None;
        }
        let maintained = here.on.iter().find(|&&node| self.facts[node].maintenance);
        let (why, remedy) = match (here.meta.unmanaged_reason, maintained) {
            (Some("maintenance-mode"), _) => (
                "the whole cluster is in maintenance (`maintenance-mode`)",
                Some(self.apply("`maintenance-mode` is false")),
            ),
            (_, Some(&node)) => ("its node is in maintenance", Some(self.online(node))),
            (Some("maintenance"), None) => {
                ("it is in maintenance (`maintenance`)", Some(self.apply(&format!("`maintenance` of {base} is false"))))
            }
            (Some("is-managed"), None) => {
                ("it is not managed (`managed`)", Some(self.apply(&format!("`managed` of {base} is true"))))
            }
            (Some(why), None) => (why, None),
            (None, None) if !self.facts.options.fencing_possible => {
                ("fencing is enabled, but there is no fence device", Some(self.apply("it has a `[fencing.NAME]`")))
            }
            (None, None) => ("it is not managed", None),
        };
        Some(Block::of(format!("it is left alone: {why}")).with(remedy))
    }

    /// A node that was set aside is used again.
    fn online(&self, node: NodeIx) -> Remedy {
        let name = self.name(node);
        Remedy::new(format!("paceline node online {name}"), format!("lets {name} be used again"))
    }

    /// It has no node.
    fn nowhere(&self, resource: ResourceIx, depth: usize) -> Option<Block> {
        if self.assignment.node(resource).is_some() || depth == 0 {
            return None;
        }
        let here = &self.facts[resource];
        if let Some((Role::Stopped, reason)) = &here.next_role {
            let (because, remedy) = match reason {
                Reason::TargetRole(_) => {
                    ("it is disabled (`target-role`)".to_string(), Some(Remedy::enable(&here.base)))
                }
                Reason::OperationFailed { .. } => {
                    (format!("it is kept stopped: {reason}"), Some(Remedy::cleanup(&here.base)))
                }
                _ => (format!("it is kept stopped: {reason}"), None),
            };
            return Some(Block::of(because).with(remedy));
        }
        if self.facts.options.stop_all {
            let remedy = self.apply("`stop-all-resources` is false");
            return Some(Block::of("everything is kept stopped (`stop-all-resources`)".to_string()).with(Some(remedy)));
        }
        let usable: Vec<NodeIx> = self.facts.all_nodes().filter(|&node| self.unusable(node).is_none()).collect();
        if usable.is_empty() {
            return Some(self.no_node());
        }
        let ends: Vec<(NodeIx, Option<&Entry>)> = usable.iter().map(|&node| (node, self.end(resource, node))).collect();
        if let Some(entry) = same_cause(&ends) {
            return Some(self.forbidden_everywhere(entry, depth));
        }
        let each = ends.iter().map(|(node, end)| format!("{}: {}", self.name(*node), self.end_words(*end))).collect();
        // Where capacity is missing, the node that lacks least is the one to help.
        let lacking = |entry: &&Entry| match entry.cause {
            Cause::Capacity(_, need, left) => need.saturating_sub(left),
            _ => 0,
        };
        let mut ways: Vec<&Entry> = ends.iter().filter_map(|(_, end)| *end).collect();
        ways.sort_by_key(lacking);
        let remedies = distinct(ways.into_iter().filter_map(|entry| self.remedy(entry)));
        Some(Block { because: "no node that can be used is left for it".to_string(), each, remedies })
    }

    fn no_node(&self) -> Block {
        let all: Vec<Block> = self.facts.all_nodes().filter_map(|node| self.unusable(node)).collect();
        let remedies = distinct(all.iter().flat_map(|block| block.remedies.iter().cloned()));
        let each = all.into_iter().map(|block| block.because).collect();
        Block { because: "no node can be used".to_string(), each, remedies }
    }

    /// What took a node from a resource: the first change that forbade it, of its own or of its clone.
    pub(super) fn end(&self, resource: ResourceIx, node: NodeIx) -> Option<&Entry> {
        let end = self.entries(resource, node).find(|entry| entry.after <= NEVER)?;
        if end.cause == Cause::NoRoom
            && let Some(parent) = self.facts[resource].parent
            && let Some(above) = self.entries(parent, node).find(|entry| entry.after <= NEVER)
        {
            return Some(above);
        }
        Some(end)
    }

    fn end_words(&self, end: Option<&Entry>) -> String {
        end.map_or_else(|| "nothing allows it there".to_string(), |entry| self.words(entry))
    }

    /// The same thing forbids every node. If that is a resource to follow, why that one has no node.
    fn forbidden_everywhere(&self, entry: &Entry, depth: usize) -> Block {
        let because = self.words_about(entry, "every node");
        if let Cause::Follows(at, None) = entry.cause {
            let primary = self.constraints.colocations[at as usize].primary;
            let first = self.facts.primitives(primary).into_iter().next();
            if let Some(deeper) = first.and_then(|first| self.nowhere(first, depth - 1)) {
                let mut each = vec![format!("{}: {}", self.facts[primary].id, deeper.because)];
                each.extend(deeper.each.into_iter().map(|line| format!("  {line}")));
                return Block { because, each, remedies: deeper.remedies };
            }
        }
        Block::of(because).with(self.remedy(entry))
    }

    /// It has a node, but does not get there now.
    fn waiting(&self, resource: ResourceIx) -> Option<Block> {
        let here = &self.facts[resource];
        let node = self.assignment.node(resource)?;
        if here.on.contains(&node) && here.role >= self.assignment.role(resource) {
            return None;
        }
        let options = &self.facts.options;
        let stops =
            matches!(options.no_quorum_policy, NoQuorumPolicy::Stop | NoQuorumPolicy::Freeze | NoQuorumPolicy::Demote);
        if !options.quorate && stops && here.meta.requires >= Requires::Quorum {
            let because = "this part of the cluster has no quorum, so nothing is started".to_string();
            let votes = Remedy::new("paceline quorum status".to_string(), "shows whose votes are missing");
            return Some(Block::of(because).with(Some(votes)));
        }
        let unclean: Vec<NodeIx> = self.facts.all_nodes().filter(|&node| self.facts[node].unclean).collect();
        if here.meta.requires < Requires::Fencing || unclean.is_empty() {
            return None;
        }
        let names: Vec<String> = unclean.iter().map(|&node| self.name(node)).collect();
        let all = names.join(" and ");
        let because = format!("it waits until {all} is fenced, since it may still run there");
        let each = vec![format!("the cluster fences {all} by itself: there is nothing to do but wait")];
        let vouch = |name: &String| {
            let command = format!("paceline fencing confirm {name}");
            let effect = format!(
                "ONLY if fencing fails, and you have seen that {name} has no power: else {} may run twice",
                here.base
            );
            Remedy::new(command, effect)
        };
        Some(Block { because, each, remedies: distinct(names.iter().map(vouch)) })
    }

    /// Why nothing can run on a node.
    pub(super) fn unusable(&self, node: NodeIx) -> Option<Block> {
        let here = &self.facts[node];
        let trouble = self.assignment.outlook[node.at()].trouble(here)?;
        let remedy = match trouble {
            Trouble::Standby | Trouble::StandbyForFailure | Trouble::Maintenance => Some(self.online(node)),
            Trouble::Unclean | Trouble::NotConnected | Trouble::Offline | Trouble::Leaving | Trouble::Joining => None,
        };
        let because = Reason::Unusable { node: here.name.clone(), trouble }.to_string();
        Some(Block::of(because).with(remedy))
    }
}

/// The first few, each once.
fn distinct(remedies: impl Iterator<Item = Remedy>) -> Vec<Remedy> {
    let mut found: Vec<Remedy> = Vec::new();
    for remedy in remedies {
        if found.len() < MOST && !found.contains(&remedy) {
            found.push(remedy);
        }
    }
    found
}

/// The cause that forbids every node, if it is the same for all.
fn same_cause<'e>(ends: &[(NodeIx, Option<&'e Entry>)]) -> Option<&'e Entry> {
    let first = ends.first()?.1?;
    ends.iter().all(|(_, end)| end.is_some_and(|end| end.cause == first.cause)).then_some(first)
}
