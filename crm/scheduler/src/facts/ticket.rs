//! Tickets.

use crate::situation::Situation;
use std::collections::BTreeMap;

/// How a ticket stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TicketFacts {
    /// This site has it.
    pub granted: bool,
    /// It is set aside: what it protects may keep running but not be promoted.
    pub standby: bool,
}

/// The tickets that anything is known of.
pub(crate) fn read(situation: &Situation) -> BTreeMap<String, TicketFacts> {
    let facts =
        situation.tickets.iter().map(|it| (it.id.clone(), TicketFacts { granted: it.granted, standby: it.standby }));
    facts.collect()
}
