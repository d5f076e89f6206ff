//! No answer may be one that the audit refuses: a cluster with such an answer stands still, whatever else it should do.

use crate::element::Element;
use crate::recorded::Made;
use crate::shrink;
use scheduler::audit::{Rule, Violation, audit};
use scheduler::rule::date;
use scheduler::situation::Situation;

/// What the audit has against the answer about a recorded case with a change.
///
/// # Errors
/// When the CIB or the moment cannot be read.
pub fn refused(made: &Made) -> Result<Vec<Violation>, String> {
    let situation = situation(&made.xml, &made.now)?;
    Ok(audit(&situation, &scheduler::schedule(&situation)))
}

/// The CIB without all that is not needed for the same rule to be broken.
///
/// # Errors
/// When the CIB or the moment cannot be read, or when nothing is refused.
pub fn smaller(xml: &str, now: &str) -> Result<String, String> {
    let rules = |cib: &Element| -> Result<Vec<Rule>, String> {
        let situation = situation(&cib.write(), now)?;
        let found = audit(&situation, &scheduler::schedule(&situation));
        Ok(found.iter().map(|violation| violation.rule).collect())
    };
    let cib = Element::read(xml)?;
    let Some(&rule) = rules(&cib)?.first() else { return Err("the audit refuses nothing".to_string()) };
    let small = shrink::shrink(cib, |cib| rules(cib).is_ok_and(|rules| rules.contains(&rule)));
    Ok(small.write())
}

fn situation(xml: &str, now: &str) -> Result<Situation, String> {
    let moment = date::moment(now).ok_or_else(|| format!("{now}: not a moment"))?;
    let read = import::read(xml).map_err(|problem| problem.to_string())?;
    Ok(Situation { now_ms: moment.saturating_mul(1000), ..read })
}
