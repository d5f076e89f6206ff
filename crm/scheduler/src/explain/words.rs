//! Words for what spoke for or against a node.

use super::View;
use crate::assign::ledger::{Cause, Entry};
use crate::assign::score::NEVER;
use crate::constraint::Colocation;
use crate::index::{NodeIx, ResourceIx};
use crate::reason::named;
use crate::role::Role;
use crate::rule::date;
use crate::situation::Subject;

/// Seconds of a day.
const DAY: i64 = 86_400;

impl View<'_, '_> {
    /// What changed a score.
    pub(super) fn words(&self, entry: &Entry) -> String {
        self.words_about(entry, "this node")
    }

    /// The same, where it holds for `whom`.
    pub(super) fn words_about(&self, entry: &Entry, whom: &str) -> String {
        let node = &self.facts[entry.node].name;
        match &entry.cause {
            Cause::Listed => "what the node is worth for everything".to_string(),
            Cause::Home => "it lives in this container and nowhere else".to_string(),
            Cause::MembersOnly => {
                "connections, fence devices and hosts of guests run on cluster members only".to_string()
            }
            Cause::LivesElsewhere => "it lives in another resource, on that one's own node".to_string(),
            Cause::Location(at) => self.location(*at, entry, whom),
            Cause::Health => format!("the health of {node}"),
            Cause::Stickiness if self.assignment.outlook[entry.node.at()].unclean => {
                "it ran here when last heard of, and likes to stay (stickiness)".to_string()
            }
            Cause::Stickiness => "it runs here and likes to stay (stickiness)".to_string(),
            Cause::Unmanaged => "it runs here and is not managed".to_string(),
            Cause::Failures(count, threshold) => self.failures(entry.resource, entry.node, *count, *threshold),
            Cause::Ban(reason) => reason.to_string(),
            Cause::Lock(lock) => format!("it waits for {}, which went down in order", self.name(*lock)),
            Cause::Ticket(at) => self.ticket(*at),
            Cause::NotOpened => "its constraints open other nodes only (`discovery = \"exclusive\"`)".to_string(),
            Cause::TargetRole => "it is disabled (`target-role`)".to_string(),
            Cause::Removed => "it is not configured any more".to_string(),
            Cause::Follows(at, place) => self.follows(*at, *place, entry),
            Cause::Influence(at) => self.influence(*at, entry),
            Cause::PromotionScore => format!("the promotion score that its agent set on {node}"),
            Cause::Capacity(name, need, left) => {
                format!("{left} of {name} left, {need} needed: short by {}", need.saturating_sub(*left))
            }
            Cause::NoRoom => format!("{node} has enough instances of it"),
            Cause::EnoughInstances => "there are enough instances of it already".to_string(),
            Cause::Container => "its container is somewhere else".to_string(),
        }
    }

    /// The tag that a location constraint names instead of a resource.
    fn tag_of(&self, id: &str) -> Option<&str> {
        let configuration = &self.facts.situation.configuration;
        let written = configuration.constraints.locations.iter().find(|location| location.id == id)?;
        let Subject::Resource(named) = &written.subject else { return None };
        configuration.tags.iter().find(|tag| tag.id == *named).map(|tag| tag.id.as_str())
    }

    fn location(&self, at: usize, entry: &Entry, whom: &str) -> String {
        let location = &self.constraints.locations[at];
        let verb = match entry {
            entry if entry.after <= NEVER => "forbids",
            entry if entry.after < entry.before => "speaks against",
            _ => "speaks for",
        };
        let whole = if location.resource == entry.resource {
            String::new()
        } else {
            format!(", for the whole of {}", self.facts[location.resource].id)
        };
        let role = location.role.map(|role| format!(", as {role}")).unwrap_or_default();
        let tag = self.tag_of(&location.id).map(|tag| format!(", which names the tag {tag},")).unwrap_or_default();
        format!("{}{tag} {verb} {whom}{whole}{role}", named("location constraint", &location.id))
    }

    fn failures(&self, resource: ResourceIx, node: NodeIx, count: i64, threshold: i64) -> String {
        let endless = |number: i64| number >= i64::from(crate::assign::score::MANDATORY);
        let times = match count {
            count if endless(count) => "in a way that no retry mends".to_string(),
            1 => "once".to_string(),
            count => format!("{count} times"),
        };
        let limit = if endless(threshold) { String::new() } else { format!(" (`migration-threshold` {threshold})") };
        let until = match self.expiry(resource, node) {
            Some(seconds) => format!("expires at {}", moment(seconds)),
            None => "kept until it is cleaned up".to_string(),
        };
        format!("it failed here {times}{limit}; {until}")
    }

    /// When failures are forgotten, in seconds since 1970; `None`: never by themselves.
    pub(super) fn expiry(&self, resource: ResourceIx, node: NodeIx) -> Option<i64> {
        let timeout = self.facts[resource].meta.failure_timeout_ms;
        let last = self.facts.failures.of(resource, node)?.last?;
        (timeout > 0).then(|| last.saturating_add(timeout / 1000))
    }

    fn ticket(&self, at: usize) -> String {
        let rule = &self.constraints.tickets[at];
        let state = match self.facts.tickets.get(&rule.ticket) {
            Some(ticket) if ticket.granted && ticket.standby => "set aside",
            _ => "not granted",
        };
        format!("it needs ticket {}, which is {state} ({})", rule.ticket, named("constraint", &rule.id))
    }

    fn follows(&self, at: u32, place: Option<NodeIx>, entry: &Entry) -> String {
        let of = &self.constraints.colocations[at as usize];
        let primary = &self.facts[of.primary].id;
        let role = of.primary_role.filter(|&role| role == Role::Promoted).map_or("", |_| " promoted");
        let apart = of.score.value() < 0;
        let verb = match (of.score.is_mandatory() || of.score.is_never(), apart) {
            (true, false) => "has to be with",
            (true, true) => "must not be with",
            (false, false) => "likes to be with",
            (false, true) => "avoids",
        };
        let name = if of.implied { format!("of {}", of.id) } else { named("colocation", &of.id) };
        let place = match place {
            _ if self.facts[of.primary].is_collective() => String::new(),
            Some(place) if place == entry.node => ", which is placed here".to_string(),
            Some(place) => format!(", which is placed on {}", self.name(place)),
            None => ", which is placed nowhere".to_string(),
        };
        format!("it {verb}{role} {primary}{}{place} ({name})", self.spot(of))
    }

    fn influence(&self, at: u32, entry: &Entry) -> String {
        let of = &self.constraints.colocations[at as usize];
        let dependent = &self.facts[of.dependent].id;
        let verb = if entry.after > entry.before { "speaks for" } else { "speaks against" };
        let bond = if of.score.value() < 0 { "keeps apart from it" } else { "goes with it" };
        let name = if of.implied { format!("of {}", of.id) } else { named("colocation", &of.id) };
        format!("{dependent}, which {bond}, {verb} this node ({name})")
    }

    fn spot(&self, of: &Colocation) -> String {
        of.node_attribute.as_ref().map(|name| format!(" on a node with the same {name}")).unwrap_or_default()
    }
}

/// A moment in UTC, from seconds since 1970.
pub(super) fn moment(seconds: i64) -> String {
    let (year, month, day) = date::civil(seconds.div_euclid(DAY));
    let rest = seconds.rem_euclid(DAY);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", rest / 3600, rest / 60 % 60, rest % 60)
}
