//! Text to [`Config`]: every mistake in a cluster file at once, each with its place and a way out.
//!
//! Three passes over one text. TOML itself goes on after syntax errors; the tables are read by the option table
//! ([`fields`]), noun by noun; what was read is then checked as a whole ([`crate::check`]). A line that is not TOML is
//! reported once and not searched for further mistakes.

mod constraint;
mod device;
mod fields;
mod group;
mod node;
mod resource;
mod setting;
mod syntax;
#[cfg(test)]
mod tests;
mod value;
mod written;

use crate::check;
use crate::cluster::Config;
use crate::id::NameError;
use crate::option::FILE;
use crate::problem::Problem;
use crate::report::Report;
use crate::spot::Spots;
use constraint::Rules;
use fields::Fields;
use std::collections::BTreeMap;
use toml::de::DeTable;
use value::At;

pub(crate) use value::listed;

/// Largest cluster file accepted, in bytes.
pub const MAX_FILE: usize = 1 << 20;

/// What became of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The configuration; present exactly when no problem is an error.
    pub config: Option<Config>,
    /// Errors and warnings in the order of the text, at most a hundred and a last one that counts the rest.
    pub problems: Vec<Problem>,
}

/// Reads and checks a cluster file.
#[must_use]
pub fn parse(text: &str) -> Parsed {
    let mut report = Report::new(text);
    if text.len() > MAX_FILE {
        let message = format!("the file has {} bytes; at most {MAX_FILE} are read", text.len());
        report.error(0..0, message, None);
        return Parsed { config: None, problems: report.finish() };
    }
    let mended = syntax::mend(text, &mut report);
    let (root, _) = DeTable::parse_recoverable(&mended);
    let mut draft = Draft::read(root.get_ref(), &mut report);
    check::check(&draft.config, &draft.spots, &mut report);
    draft.config.beyond = report.finish_beyond();
    let config = (!report.has_errors()).then_some(draft.config);
    Parsed { config, problems: report.finish() }
}

/// What was read, with the places; references in it may still dangle.
struct Draft {
    config: Config,
    spots: Spots,
}

impl Draft {
    fn read<'a>(root: &'a DeTable<'a>, report: &mut Report<'_>) -> Draft {
        let file = Fields::read(&FILE, "", 0..0, root, report);
        let mut spots = Spots::default();
        let mut rules = Rules::default();
        let cluster = setting::cluster(&file, &mut spots, report);
        let quorum = setting::quorum(&file, &mut spots, report);
        let properties = setting::properties(&file, &mut spots, report);
        let defaults = resource::Defaults::read(&file, report);
        let (nodes, levels) = node::read(&file, &mut spots, report);
        let (devices, device_order) = device::read(&file, &mut spots, report);
        let levels = device::levels(levels, &devices, &device_order);
        let (resources, mut order) = resource::read(&file, &defaults, &mut rules, &mut spots, report);
        let (groups, group_order) = group::read(&file, &mut rules, &mut spots, report);
        order.extend(group_order);
        order.sort_by_key(|name| name.span.start);
        let mut resource_order: Vec<_> = Vec::with_capacity(order.len());
        for name in order {
            // a name used twice is refused by the checks
            resource_order.push(name.value);
        }
        constraint::read(&file, &mut rules, report);
        let (locations, colocations, orders) = rules.finish(&mut spots);
        let config = Config {
            cluster,
            quorum,
            nodes,
            resources,
            groups,
            locations,
            colocations,
            orders,
            devices,
            levels,
            properties,
            resource_order,
            written: written::read(&file, report),
            beyond: Vec::new(),
        };
        Draft { config, spots }
    }
}

/// A name, or a report of why it is none. `what` says what is named.
fn name<T>(
    text: &At<&str>,
    what: &str,
    new: impl Fn(&str) -> Result<T, NameError>,
    report: &mut Report<'_>,
) -> Option<At<T>> {
    match new(text.value) {
        Ok(id) => Some(At::new(id, text.span.clone())),
        Err(error) => {
            report.error(text.span.clone(), format!("{:?} cannot name a {what}: {error}", text.value), None);
            None
        }
    }
}

/// Pairs as the map of an agent's parameters.
fn values(pairs: &[(At<&str>, At<String>)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| (name.value.to_owned(), value.value.clone())).collect()
}
