//! Tickets.

/// How a ticket stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TicketFacts {
    /// This site has it.
    pub granted: bool,
    /// It is set aside: what it protects may keep running but not be promoted.
    pub standby: bool,
}
