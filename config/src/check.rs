//! What only shows when the file is seen as a whole: references, duplicates, loops, contradictions, risks.
//!
//! Each file below answers one kind of question over a read [`Config`] and the places of its parts; nothing here changes
//! the configuration.

mod reference;

use crate::cluster::Config;
use crate::report::Report;
use crate::spot::Spots;

/// Everything a check needs; problems go to `report`.
struct Check<'c, 'r, 't> {
    config: &'c Config,
    spots: &'c Spots,
    report: &'r mut Report<'t>,
}

/// Runs all checks.
pub(crate) fn check(config: &Config, spots: &Spots, report: &mut Report<'_>) {
    let mut check = Check { config, spots, report };
    check.references();
}
