//! What only shows when the file is seen as a whole: references, duplicates, loops, contradictions, risks.
//!
//! Each file below answers one kind of question over a read [`Config`] and the places of its parts; nothing here
//! changes the configuration.

mod address;
mod colocation;
mod cycle;
mod duplicate;
mod fencing;
mod operation;
mod order_loop;
mod quorum;
mod reference;
mod together;

use crate::cluster::Config;
use crate::report::Report;
use crate::spot::Spots;
use std::collections::BTreeSet;

/// Everything a check needs; problems go to `report`.
struct Check<'c, 'r, 't> {
    config: &'c Config,
    spots: &'c Spots,
    report: &'r mut Report<'t>,
    /// Every name that a constraint may use.
    names: BTreeSet<&'c str>,
    /// Every node that a location may name, remote and guest nodes too.
    nodes: BTreeSet<String>,
}

/// Runs all checks.
pub(crate) fn check(config: &Config, spots: &Spots, report: &mut Report<'_>) {
    let names = config.written.names().collect();
    let mut check = Check { config, spots, report, names, nodes: config.written.node_names() };
    check.references();
    check.names_once();
    check.groups();
    check.levels();
    check.rules_once();
    check.addresses();
    check.operations();
    check.quorum();
    check.fencing();
    check.order_loops();
    check.colocations();
    check.placement();
}
