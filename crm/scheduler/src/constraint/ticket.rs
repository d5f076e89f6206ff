//! Tickets that resources need.

use super::{Constraints, TicketRule, name};
use crate::facts::Facts;
use crate::index::ResourceIx;
use crate::role::Role;
use crate::situation::{LossPolicy, TicketConstraint};

/// Resolves every ticket constraint of the configuration.
pub fn resolve(facts: &Facts<'_>, constraints: &mut Constraints) {
    let all = facts.situation.configuration.constraints.tickets.iter();
    for written in all.filter(|written| super::in_force(facts, written.lifetime.as_ref())) {
        if written.sets.is_empty() {
            for resource in name::resources(facts, &written.resource) {
                push(facts, written, resource, written.role.as_deref(), constraints);
            }
        }
        for set in &written.sets {
            for resource in set.members.iter().flat_map(|member| name::resources(facts, member)) {
                push(facts, written, resource, set.role.as_deref().or(written.role.as_deref()), constraints);
            }
        }
    }
}

/// Without a policy, what must be promoted is demoted and the rest is stopped; so it is where nothing can be fenced.
fn push(
    facts: &Facts<'_>,
    written: &TicketConstraint,
    resource: ResourceIx,
    role: Option<&str>,
    constraints: &mut Constraints,
) {
    let Ok(role) = role.map(|word| Role::parse(word).ok_or(())).transpose() else { return };
    let role = role.filter(|&role| role != Role::Started && role != Role::Unknown);
    let usual = if role == Some(Role::Promoted) { LossPolicy::Demote } else { LossPolicy::Stop };
    constraints.tickets.push(TicketRule {
        id: written.id.clone(),
        ticket: written.ticket.clone(),
        resource,
        role,
        loss_policy: match written.loss_policy.unwrap_or(usual) {
            LossPolicy::Fence if !facts.options.fencing_enabled => LossPolicy::Stop,
            policy => policy,
        },
    });
}
