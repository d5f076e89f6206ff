//! Tickets: what a resource may do whose ticket this site does not have.

use super::draft::Draft;
use super::ledger::Cause;
use crate::constraint::TicketRule;
use crate::facts::ticket::TicketFacts;
use crate::index::ResourceIx;
use crate::reason::Reason;
use crate::role::Role;
use crate::situation::LossPolicy;

impl Draft<'_, '_> {
    /// Applies every ticket constraint.
    pub fn heed_tickets(&mut self) {
        for (at, rule) in self.constraints.tickets.iter().enumerate() {
            let ticket = self.facts.tickets.get(&rule.ticket).cloned().unwrap_or_default();
            if !ticket.granted || ticket.standby {
                self.without_ticket(rule.resource, rule, &ticket);
                self.note(|| Cause::Ticket(at));
            }
        }
    }

    fn without_ticket(&mut self, resource: ResourceIx, rule: &TicketRule, ticket: &TicketFacts) {
        let children = self.facts[resource].children.clone();
        if !children.is_empty() {
            for child in children {
                self.without_ticket(child, rule, ticket);
            }
            return;
        }
        let reason =
            Reason::Ticket { ticket: rule.ticket.clone(), set_aside: ticket.granted, constraint: rule.id.clone() };
        let running = !self.facts[resource].on.is_empty();
        if ticket.granted || !running {
            if rule.role != Some(Role::Promoted) || rule.loss_policy == LossPolicy::Stop {
                self.ban_for(resource, reason);
            }
            return;
        }
        let role_loses = rule.role.is_none_or(|role| role == self.now[resource.at()]);
        match rule.loss_policy {
            LossPolicy::Stop => self.ban_for(resource, reason),
            LossPolicy::Demote if rule.role != Some(Role::Promoted) => self.ban_for(resource, reason),
            // Its promotion is forbidden when roles are chosen.
            LossPolicy::Demote => {}
            LossPolicy::Fence if role_loses => {
                self.ban_for(resource, reason.clone());
                // Also what an operator keeps running may not go on here.
                for &node in &self.facts[resource].on {
                    self.outlook[node.at()].unclean = true;
                    self.look_again(node);
                    self.fence.push((node, reason.clone()));
                }
            }
            LossPolicy::Freeze if role_loses => {
                self.managed[resource.at()] = false;
                self.frozen[resource.at()] = Some(reason);
            }
            LossPolicy::Fence | LossPolicy::Freeze => {}
        }
    }

    fn ban_for(&mut self, resource: ResourceIx, reason: Reason) {
        self.ban_everywhere(resource);
        self.say(resource, reason);
    }

    /// Forbids promotion where the upper role needs a ticket that is not there.
    pub fn need_tickets(&mut self, clone: ResourceIx) {
        let lost = self.constraints.tickets.iter().any(|rule| {
            let ticket = self.facts.tickets.get(&rule.ticket);
            rule.resource == clone
                && rule.role == Some(Role::Promoted)
                && ticket.is_none_or(|ticket| !ticket.granted || ticket.standby)
        });
        if lost {
            self.ban_everywhere(clone);
        }
    }
}
