//! What an operator can do about what stands in the way, and when it goes away by itself.

use super::words::moment;
use super::{Remedy, View};
use crate::assign::ledger::{Cause, Entry};
use crate::reason::MOVED;
use crate::situation::Origin;

/// The cluster file, where its name is not known.
const FILE: &str = "FILE";

impl Remedy {
    pub(super) fn new(command: String, effect: impl Into<String>) -> Remedy {
        Remedy { command, effect: effect.into() }
    }

    /// Failures are forgotten.
    pub(super) fn cleanup(resource: &str) -> Remedy {
        let command = format!("paceline resource cleanup {resource}");
        Remedy::new(command, "forgets its failures, once what caused them is mended, and looks again how it is")
    }

    pub(super) fn enable(resource: &str) -> Remedy {
        Remedy::new(format!("paceline resource enable {resource}"), "lets it run again")
    }
}

impl View<'_, '_> {
    /// A change of the cluster file.
    pub(super) fn apply(&self, what: &str) -> Remedy {
        let constraints = self.constraints;
        let locations = constraints.locations.iter().map(|location| &location.id);
        let names = locations.chain(constraints.colocations.iter().map(|colocation| &colocation.id));
        let file = names.filter_map(|name| Origin::of(name)?.file).next().unwrap_or(FILE);
        Remedy::new(format!("paceline apply {file}"), format!("once {what}"))
    }

    /// A change of something that stands at a known place in a cluster file; a name in a CIB has none.
    fn edit(&self, name: &str) -> Option<Remedy> {
        Origin::of(name).map(|origin| self.apply(&format!("{origin} is changed or removed")))
    }

    /// What would take a change back.
    pub(super) fn remedy(&self, entry: &Entry) -> Option<Remedy> {
        let resource = &self.facts[entry.resource].base;
        let node = &self.facts[entry.node].name;
        match &entry.cause {
            Cause::Failures(..) | Cause::Ban(_) => {
                let effect = format!("forgets its failures on {node}, so that it may run there again");
                Some(Remedy::new(format!("paceline resource cleanup {resource} --on {node}"), effect))
            }
            Cause::TargetRole => Some(Remedy::enable(resource)),
            Cause::Location(at) if self.constraints.locations[*at].id == MOVED => {
                let moved = &self.facts[self.constraints.locations[*at].resource].base;
                Some(Remedy::new(format!("paceline resource clear {moved}"), "lets the cluster place it again"))
            }
            Cause::Location(at) => self.edit(&self.constraints.locations[*at].id),
            Cause::Follows(at, _) => self.edit(&self.constraints.colocations[*at as usize].id),
            Cause::Capacity(name, need, left) => {
                let missing = need.saturating_sub(*left);
                let room = if *left > 0 {
                    format!("{resource} needs no more than {left} of {name}, or ")
                } else {
                    String::new()
                };
                Some(self.apply(&format!("{room}{node} has {missing} more of {name} (`utilization`)")))
            }
            Cause::Ticket(at) => {
                let ticket = &self.constraints.tickets[*at].ticket;
                let held = self.facts.tickets.get(ticket).is_some_and(|ticket| ticket.granted);
                let (verb, effect) = match held {
                    true => ("activate", "uses the ticket again that was set aside"),
                    false => ("grant", "ONLY if no other site has it: else both write to the same data"),
                };
                Some(Remedy::new(format!("paceline ticket {verb} {ticket}"), effect))
            }
            Cause::NoRoom | Cause::EnoughInstances => Some(self.apply("`clone-max` or `clone-node-max` is higher")),
            _ => None,
        }
    }

    /// What has to change before a node is allowed that this entry forbids; `None` when that is not known.
    pub(super) fn until(&self, entry: &Entry) -> Option<String> {
        match &entry.cause {
            Cause::Failures(..) => Some(match self.expiry(entry.resource, entry.node) {
                Some(seconds) => format!("until {}", moment(seconds)),
                None => "until its failures are cleaned up".to_string(),
            }),
            Cause::Ban(_) => Some("until its failures are cleaned up".to_string()),
            Cause::Lock(node) => Some(format!("until {} is back", self.name(*node))),
            Cause::Ticket(at) => {
                let rule = &self.constraints.tickets[*at];
                let held = self.facts.tickets.get(&rule.ticket).is_some_and(|ticket| ticket.granted);
                let missing = if held { "is active again" } else { "is granted" };
                Some(format!("until ticket {} {missing}", rule.ticket))
            }
            Cause::TargetRole => Some("until it is enabled".to_string()),
            Cause::Follows(at, place) => {
                let of = &self.constraints.colocations[*at as usize];
                let primary = &self.facts[of.primary];
                match place {
                    _ if primary.is_collective() => None,
                    Some(place) if *place == entry.node => Some(format!("while {} is placed here", primary.id)),
                    Some(_) | None => Some(format!("until {} is placed here", primary.id)),
                }
            }
            Cause::Capacity(name, need, left) => {
                Some(format!("until {} more of {name} is free", need.saturating_sub(*left)))
            }
            _ => None,
        }
    }
}
