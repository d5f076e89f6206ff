//! From what is to what should be done: the seam between the cluster's own CIB and the [scheduler](::scheduler), which
//! knows nothing of rings, orders and agents.
//!
//! ```text
//! Cib, view -> configuration (with overrides), status -> ::scheduler -> audit, cut -> orders (hold, call, notify) ->
//! Graph
//! ```
//!
//! Nothing is decided here. Every answer is audited before it is used, and what the audit refuses of it is left out.

mod call;
mod configuration;
mod hold;
mod notify;
mod orders;
mod restart;
mod status;

use crate::cib::Cib;
use crate::schedule::{Place, Schedule};
use ::scheduler::cut::{Cut, cut};
use ::scheduler::role::Role;
use ::scheduler::schedule as answer;
use ::scheduler::situation::{self as told, ResourceKind};
use config::{NodeId, ResourceId, Ticket};
use membership::Quorum;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Resources whose place is explained at once, at most.
const EXPLAINED: usize = 16;

/// Broken rules that are told at once, at most.
const TOLD: usize = 16;

/// Everything a scheduler may look at.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Configuration and status.
    pub cib: &'a Cib,
    /// Members of the view.
    pub members: &'a BTreeSet<NodeId>,
    /// The DC of the view.
    pub dc: Option<&'a NodeId>,
    /// Whether this partition may act.
    pub quorum: &'a Quorum,
    /// Wall clock, milliseconds since 1970 (failure timeouts).
    pub wall_ms: u64,
    /// The cluster has just started and may still wait for nodes not yet seen (`dc-deadtime`): they are neither fenced
    /// nor is anything started that might run on them.
    pub waiting_for_nodes: bool,
}

impl Situation<'_> {
    /// The same as the scheduler reads it: complete, so that it can be saved and looked at elsewhere.
    #[must_use]
    pub fn told(&self) -> told::Situation {
        let configuration = configuration::in_force(self);
        let mut agents = BTreeMap::new();
        for resource in configuration.resources.iter().flat_map(told::Resource::with_contents) {
            if let ResourceKind::Primitive(Some(agent)) = &resource.kind {
                agents.insert(resource.id.as_str(), agent);
            }
        }
        let status = status::of_nodes(self, &agents);
        told::Situation {
            now_ms: i64::try_from(self.wall_ms).unwrap_or(i64::MAX),
            quorate: self.quorum.quorate,
            never_quorate: false,
            dc: self.dc.map(ToString::to_string),
            configuration,
            status,
            tickets: tickets(self.cib),
        }
    }
}

/// Decides what should run where, and the way there. Reads its argument and nothing else; equal arguments give equal
/// answers, byte for byte.
///
/// # Errors
/// [`Unsafe`] when the audit finds fault with the answer, which is a defect of this program, and nothing is left to do
/// without what it refuses: a cluster that stands still is better than one that does a wrong thing.
pub fn schedule(situation: &Situation<'_>) -> Result<Schedule, Unsafe> {
    let told = situation.told();
    let facts = ::scheduler::facts::read(&told);
    let Cut { schedule: answer, refused } = cut(&told, &facts, ::scheduler::plan(&facts));
    let refused: Vec<String> = refused.iter().take(TOLD).map(ToString::to_string).collect();
    if !refused.is_empty() && answer.is_idle() {
        return Err(Unsafe { violations: refused });
    }
    let (graph, held) = orders::graph(situation, &facts, &answer);
    Ok(Schedule {
        placement: placement(&answer),
        graph,
        changes: Vec::new(),
        reasons: reasons(&answer),
        held,
        refused,
        recheck_wall_ms: answer.recheck_ms.and_then(|at| u64::try_from(at).ok()),
    })
}

/// The tickets that this site has.
fn tickets(cib: &Cib) -> Vec<told::Ticket> {
    let given = cib.durable.overrides.tickets.keys();
    let here = given.filter_map(|name| Some((name, cib.has_ticket(name)?)));
    let told = |(name, ticket): (&String, Ticket)| told::Ticket {
        id: name.clone(),
        granted: true,
        standby: ticket.standby,
        ..told::Ticket::default()
    };
    here.map(told).collect()
}

/// What the [audit](::scheduler::audit) has against an answer of the scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsafe {
    /// Each rule that the answer would break.
    pub violations: Vec<String>,
}

impl fmt::Display for Unsafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the plan is unsafe and was not used (a bug in paceline): {}", self.violations.join("; "))
    }
}

/// Where each primitive should run, instances of a clone together.
fn placement(answer: &answer::Schedule) -> BTreeMap<ResourceId, Vec<Place>> {
    let mut placement: BTreeMap<ResourceId, Vec<Place>> = BTreeMap::new();
    for placed in &answer.placements {
        let Some(name) = orders::written(&placed.resource) else { continue };
        let places = placement.entry(name).or_default();
        let node = placed.node.as_deref().and_then(|node| NodeId::new(node).ok());
        places.extend(node.map(|node| Place { node, promoted: placed.role == Role::Promoted }));
    }
    for places in placement.values_mut() {
        places.sort();
    }
    placement
}

/// What decided, in the scheduler's words.
fn reasons(answer: &answer::Schedule) -> BTreeMap<ResourceId, Vec<String>> {
    let mut reasons: BTreeMap<ResourceId, Vec<String>> = BTreeMap::new();
    for placed in &answer.placements {
        let Some(name) = orders::written(&placed.resource) else { continue };
        let lines = reasons.entry(name).or_default();
        for line in &placed.because {
            if !lines.contains(line) {
                lines.push(line.clone());
            }
        }
    }
    reasons.retain(|_, lines| !lines.is_empty());
    reasons
}

/// Why these resources are not where they could be, in sentences: the first thing that stands in the way of each.
#[must_use]
pub fn explain(situation: &Situation<'_>, resources: &[ResourceId]) -> BTreeMap<ResourceId, String> {
    if resources.is_empty() {
        return BTreeMap::new();
    }
    let told = situation.told();
    let names: Vec<&str> = resources.iter().take(EXPLAINED).map(ResourceId::as_str).collect();
    let blocks = ::scheduler::explain::blocks(&told, &names);
    let told = resources.iter().zip(blocks).filter_map(|(resource, block)| Some((resource.clone(), block?.line())));
    told.collect()
}
