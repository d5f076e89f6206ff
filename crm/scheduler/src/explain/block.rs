//! The first thing that stands in the way of a resource.

use super::{Block, View};
use crate::assign::ledger::{Cause, Entry};
use crate::assign::score::NEVER;
use crate::facts::meta::Requires;
use crate::facts::options::NoQuorumPolicy;
use crate::index::{NodeIx, ResourceIx};
use crate::reason::{Reason, Trouble};
use crate::role::Role;

/// How far the way from one resource to the one that it has to follow is gone.
const DEPTH: usize = 8;

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
            let command = Some(format!("paceline resource cleanup {base}"));
            return Some(Block { because: format!("it may not be touched: {reason}"), each: Vec::new(), command });
        }
        if let Some(reason) = &self.assignment.frozen[resource.at()] {
            return Some(Block { because: format!("it is left as it is: {reason}"), each: Vec::new(), command: None });
        }
        if self.assignment.managed[resource.at()] {
            return None;
        }
        let maintained = here.on.iter().find(|&&node| self.facts[node].maintenance);
        let command = maintained.map(|&node| format!("paceline node online {}", self.name(node)));
        let why = match here.meta.unmanaged_reason {
            Some(why) => why,
            None if !self.facts.options.fencing_possible => "fencing is enabled, but there is no fence device",
            None => "it is not managed",
        };
        Some(Block { because: format!("it is left alone: {why}"), each: Vec::new(), command })
    }

    /// It has no node.
    fn nowhere(&self, resource: ResourceIx, depth: usize) -> Option<Block> {
        if self.assignment.node(resource).is_some() || depth == 0 {
            return None;
        }
        let here = &self.facts[resource];
        if let Some((Role::Stopped, reason)) = &here.next_role {
            let command = Some(format!("paceline resource enable {}", here.base));
            return Some(Block { because: format!("it is to be stopped: {reason}"), each: Vec::new(), command });
        }
        if self.facts.options.stop_all {
            return Some(Block {
                because: "everything is to be stopped (stop-all-resources)".to_string(),
                each: Vec::new(),
                command: None,
            });
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
        let command = ways.into_iter().find_map(|entry| self.command(entry));
        Some(Block { because: "no node that can be used is left for it".to_string(), each, command })
    }

    fn no_node(&self) -> Block {
        let all: Vec<Block> = self.facts.all_nodes().filter_map(|node| self.unusable(node)).collect();
        let command = all.iter().find_map(|block| block.command.clone());
        let each = all.into_iter().map(|block| block.because).collect();
        Block { because: "no node can be used".to_string(), each, command }
    }

    /// What took a node from a resource: the first change that forbade it, of its own or of its clone.
    fn end(&self, resource: ResourceIx, node: NodeIx) -> Option<&Entry> {
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
                return Block { because, each, command: deeper.command };
            }
        }
        Block { because, each: Vec::new(), command: self.command(entry) }
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
            return Some(Block { because, each: Vec::new(), command: None });
        }
        let unclean: Vec<NodeIx> = self.facts.all_nodes().filter(|&node| self.facts[node].unclean).collect();
        if here.meta.requires < Requires::Fencing || unclean.is_empty() {
            return None;
        }
        let names: Vec<String> = unclean.iter().map(|&node| self.name(node)).collect();
        let because = format!("it waits until {} is fenced, since it may still run there", names.join(" and "));
        let command = names.first().map(|name| {
            format!(
                "nothing, the cluster fences by itself; only if that fails and you have seen that {name} has no power \
                 (else it may run twice): paceline fencing confirm {name}"
            )
        });
        Some(Block { because, each: Vec::new(), command })
    }

    /// Why nothing can run on a node.
    pub(super) fn unusable(&self, node: NodeIx) -> Option<Block> {
        let here = &self.facts[node];
        let trouble = self.assignment.outlook[node.at()].trouble(here)?;
        let command = match trouble {
            Trouble::Standby | Trouble::StandbyForFailure | Trouble::Maintenance => {
                Some(format!("paceline node online {}", here.name))
            }
            Trouble::Unclean | Trouble::NotConnected | Trouble::Offline | Trouble::Leaving | Trouble::Joining => None,
        };
        let because = Reason::Unusable { node: here.name.clone(), trouble }.to_string();
        Some(Block { because, each: Vec::new(), command })
    }
}

/// The cause that forbids every node, if it is the same for all.
fn same_cause<'e>(ends: &[(NodeIx, Option<&'e Entry>)]) -> Option<&'e Entry> {
    let first = ends.first()?.1?;
    ends.iter().all(|(_, end)| end.is_some_and(|end| end.cause == first.cause)).then_some(first)
}
