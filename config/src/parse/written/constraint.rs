//! Constraints as written, long forms and short ones, in the order of the file.

use super::super::fields::Fields;
use super::super::value::At;
use super::values::{place, rule};
use crate::nearest::nearest;
use crate::option::{BUNDLE, CLONE, COLOCATION, GROUP, LOCATION, LOCATION_RULE, ORDER, RESOURCE, RESOURCE_SET, TICKET};
use crate::report::Report;
use crate::score::Score;
use crate::written::{
    Colocation, Configuration, Constraints, Discovery, Location, LocationRule, LocationScore, LossPolicy, Order,
    OrderKind, Preference, ResourceSet, Rule, RuleScore, Subject, TicketConstraint,
};
use std::collections::BTreeSet;
use toml::de::DeTable;

/// A table in the file.
type Table<'a> = At<&'a DeTable<'a>>;

/// Constraints with the places where they stand.
#[derive(Default)]
struct Drafts {
    locations: Vec<(usize, Location)>,
    colocations: Vec<(usize, Colocation)>,
    orders: Vec<(usize, Order)>,
}

/// All constraints.
pub(super) fn read(file: &Fields<'_>, report: &mut Report<'_>) -> Constraints {
    let mut drafts = Drafts::default();
    for (table, section) in [("resources", &RESOURCE), ("groups", &GROUP), ("clones", &CLONE), ("bundles", &BUNDLE)] {
        for (name, table) in file.named(table) {
            let fields = Fields::read(section, name.value, name.span.clone(), table, report);
            drafts.short_forms(name.value, &fields, report);
        }
    }
    for table in file.tables("location") {
        if let Some(location) = location(table, report) {
            drafts.locations.push((table.span.start, location));
        }
    }
    for table in file.tables("colocation") {
        if let Some(colocation) = colocation(table, report) {
            drafts.colocations.push((table.span.start, colocation));
        }
    }
    for table in file.tables("order") {
        if let Some(order) = order(table, report) {
            drafts.orders.push((table.span.start, order));
        }
    }
    drafts.locations.sort_by_key(|(place, _)| *place);
    drafts.colocations.sort_by_key(|(place, _)| *place);
    drafts.orders.sort_by_key(|(place, _)| *place);
    Constraints {
        locations: drafts.locations.into_iter().map(|(_, rule)| rule).collect(),
        colocations: drafts.colocations.into_iter().map(|(_, rule)| rule).collect(),
        orders: drafts.orders.into_iter().map(|(_, rule)| rule).collect(),
        tickets: file.tables("ticket").iter().map(|table| ticket(table, report)).collect(),
    }
}

impl Drafts {
    fn short_forms(&mut self, of: &str, fields: &Fields<'_>, report: &Report<'_>) {
        let scores = fields.scores("prefer").iter().map(|(node, score)| ("prefer", node, score.value));
        let never = fields.texts("avoid").iter().map(|node| ("avoid", node, Score::NEVER));
        for (word, node, score) in scores.chain(never) {
            let location = Location {
                id: place(word, node, report),
                subject: Subject::Resource(of.to_owned()),
                role: None,
                discovery: Discovery::Always,
                preference: Preference::Node(LocationScore { node: node.value.to_owned(), score }),
                lifetime: None,
            };
            self.locations.push((node.span.start, location));
        }
        for other in fields.texts("with") {
            let colocation = Colocation {
                id: place("with", other, report),
                score: Score::MANDATORY,
                dependent: of.to_owned(),
                primary: other.value.to_owned(),
                ..Colocation::default()
            };
            self.colocations.push((other.span.start, colocation));
        }
        for other in fields.texts("after") {
            let order = Order {
                id: place("after", other, report),
                first: other.value.to_owned(),
                then: of.to_owned(),
                ..Order::default()
            };
            self.orders.push((other.span.start, order));
        }
    }
}

fn text(fields: &Fields<'_>, name: &str) -> Option<String> {
    fields.text(name).map(|text| text.value.to_owned())
}

fn choice(fields: &Fields<'_>, name: &str) -> Option<String> {
    fields.given_choice(name).map(str::to_owned)
}

fn sets(fields: &Fields<'_>, report: &mut Report<'_>) -> Vec<ResourceSet> {
    let mut sets = Vec::new();
    for table in fields.tables("sets") {
        let subject = format!("a set of {}", fields.subject);
        let of = Fields::read_as(&RESOURCE_SET, subject, table.span.clone(), table.value, report);
        sets.push(ResourceSet {
            id: place("sets", table, report),
            members: of.texts("members").iter().map(|member| member.value.to_owned()).collect(),
            sequential: of.given_bool("sequential"),
            require_all: of.given_bool("require-all"),
            role: choice(&of, "role"),
            action: choice(&of, "action"),
            kind: of.given_choice("kind").map(order_kind),
            score: of.given_score("score"),
            listed: of.bool("listed"),
        });
    }
    sets
}

/// Two resources, or sets: one of the two must be written.
fn ends(fields: &Fields<'_>, names: [&str; 2], table: &Table<'_>, report: &mut Report<'_>) -> bool {
    let both = names.iter().all(|name| fields.has(name));
    let some = names.iter().any(|name| fields.has(name));
    if both != fields.has("sets") && both == some {
        return true;
    }
    let message = format!("{} needs both `{}` and `{}`, or `sets` instead", fields.subject, names[0], names[1]);
    report.missing(table.span.clone(), message, None);
    false
}

fn location(table: &Table<'_>, report: &mut Report<'_>) -> Option<Location> {
    let fields = Fields::read(&LOCATION, "", table.span.clone(), table.value, report);
    let subject = match (text(&fields, "resource"), text(&fields, "pattern"), fields.has("sets")) {
        (Some(resource), None, false) => Subject::Resource(resource),
        (None, Some(pattern), false) => match pattern.strip_prefix('!') {
            Some(rest) => Subject::Pattern { expression: rest.to_owned(), negated: true },
            None => Subject::Pattern { expression: pattern, negated: false },
        },
        (None, None, true) => Subject::Sets(sets(&fields, report)),
        _ => {
            let message = "a [[location]] needs one of `resource`, `pattern` and `sets`".to_owned();
            report.missing(table.span.clone(), message, None);
            return None;
        }
    };
    let preference = preference(&fields, table, report)?;
    let discovery = match fields.choice("discovery") {
        "never" => Discovery::Never,
        "exclusive" => Discovery::Exclusive,
        _ => Discovery::Always,
    };
    let id = place("[[location]]", table, report);
    let role = choice(&fields, "role");
    Some(Location { id, subject, role, discovery, preference, lifetime: lifetime(&fields, report) })
}

fn preference(fields: &Fields<'_>, table: &Table<'_>, report: &mut Report<'_>) -> Option<Preference> {
    let message = match (fields.has("node"), fields.has("rule"), fields.has("rules")) {
        (true, false, false) => match fields.given_score("score") {
            Some(score) => {
                return Some(Preference::Node(LocationScore { node: text(fields, "node")?, score }));
            }
            None if fields.has("score") => return None,
            None => "a [[location]] with a `node` needs a `score`",
        },
        (false, true, false) => {
            return location_rule(fields, table, report).map(|rule| Preference::Rules(vec![rule]));
        }
        (false, false, true) => {
            let mut rules = Vec::new();
            for table in fields.tables("rules") {
                let subject = format!("a rule of {}", fields.subject);
                let of = Fields::read_as(&LOCATION_RULE, subject, table.span.clone(), table.value, report);
                let role = choice(&of, "role");
                rules.extend(location_rule(&of, table, report).map(|rule| LocationRule { role, ..rule }));
            }
            return Some(Preference::Rules(rules));
        }
        _ => "a [[location]] needs one of `node`, `rule` and `rules`",
    };
    report.missing(table.span.clone(), message.to_owned(), None);
    None
}

fn location_rule(fields: &Fields<'_>, table: &Table<'_>, report: &mut Report<'_>) -> Option<LocationRule> {
    let rule = rule(&fields.text("rule")?, report)?;
    let score = match (fields.given_score("score"), text(fields, "score-attribute")) {
        (Some(score), None) => {
            let words = if score.is_mandatory() {
                "INFINITY".to_owned()
            } else if score.is_never() {
                "-INFINITY".to_owned()
            } else {
                score.value().to_string()
            };
            RuleScore::Score(words)
        }
        (None, Some(attribute)) => RuleScore::Attribute(attribute),
        _ => {
            let message = "a rule needs one of `score` and `score-attribute`".to_owned();
            report.missing(table.span.clone(), message, None);
            return None;
        }
    };
    Some(LocationRule { rule, score, role: None })
}

fn colocation(table: &Table<'_>, report: &mut Report<'_>) -> Option<Colocation> {
    let fields = Fields::read(&COLOCATION, "", table.span.clone(), table.value, report);
    ends(&fields, ["dependent", "primary"], table, report).then(|| Colocation {
        id: place("[[colocation]]", table, report),
        score: fields.score("score"),
        dependent: text(&fields, "dependent").unwrap_or_default(),
        dependent_role: choice(&fields, "dependent-role"),
        primary: text(&fields, "primary").unwrap_or_default(),
        primary_role: choice(&fields, "primary-role"),
        node_attribute: text(&fields, "node-attribute"),
        influence: fields.given_bool("influence").map(|yes| yes.to_string()),
        sets: sets(&fields, report),
        lifetime: lifetime(&fields, report),
    })
}

/// The rule under which a constraint counts.
fn lifetime(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<Rule> {
    let text = fields.text("lifetime")?;
    rule(&text, report)
}

fn order_kind(word: &str) -> OrderKind {
    match word {
        "optional" => OrderKind::Optional,
        "serialize" => OrderKind::Serialize,
        _ => OrderKind::Mandatory,
    }
}

fn order(table: &Table<'_>, report: &mut Report<'_>) -> Option<Order> {
    let fields = Fields::read(&ORDER, "", table.span.clone(), table.value, report);
    ends(&fields, ["first", "then"], table, report).then(|| Order {
        id: place("[[order]]", table, report),
        kind: order_kind(fields.choice("kind")),
        symmetrical: fields.given_bool("symmetrical"),
        require_all: fields.given_bool("require-all"),
        first: text(&fields, "first").unwrap_or_default(),
        first_action: choice(&fields, "first-action"),
        then: text(&fields, "then").unwrap_or_default(),
        then_action: choice(&fields, "then-action"),
        sets: sets(&fields, report),
        lifetime: lifetime(&fields, report),
    })
}

fn ticket(table: &Table<'_>, report: &mut Report<'_>) -> TicketConstraint {
    let fields = Fields::read(&TICKET, "", table.span.clone(), table.value, report);
    if fields.has("resource") == fields.has("sets") {
        let message = "a [[ticket]] needs either `resource` or `sets`".to_owned();
        report.missing(table.span.clone(), message, None);
    }
    TicketConstraint {
        id: place("[[ticket]]", table, report),
        ticket: text(&fields, "ticket").unwrap_or_default(),
        loss_policy: fields.given_choice("loss-policy").map(|word| match word {
            "demote" => LossPolicy::Demote,
            "fence" => LossPolicy::Fence,
            "freeze" => LossPolicy::Freeze,
            _ => LossPolicy::Stop,
        }),
        resource: text(&fields, "resource").unwrap_or_default(),
        role: choice(&fields, "role"),
        sets: sets(&fields, report),
        lifetime: lifetime(&fields, report),
    }
}

/// What needs a ticket must exist: else a slip of the pen would let it run without.
pub(super) fn tickets_name_resources(file: &Fields<'_>, configuration: &Configuration, report: &mut Report<'_>) {
    let names: BTreeSet<&str> = configuration.names().collect();
    for table in file.tables("ticket") {
        // mistakes that were seen already are reported once
        let fields = Fields::read(&TICKET, "", table.span.clone(), table.value, report);
        let mut named: Vec<At<&str>> = fields.text("resource").into_iter().collect();
        for table in fields.tables("sets") {
            let set = Fields::read_as(&RESOURCE_SET, "a set".to_owned(), table.span.clone(), table.value, report);
            named.extend(set.texts("members").iter().cloned());
        }
        for resource in named.iter().filter(|resource| !names.contains(resource.value)) {
            let near = nearest(resource.value, names.iter().copied());
            let hint = near.map(|name| format!("did you mean `{name}`?"));
            report.error(resource.span.clone(), format!("there is no resource or group `{}`", resource.value), hint);
        }
    }
}
