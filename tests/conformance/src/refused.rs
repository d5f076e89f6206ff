//! No answer may be one that the audit refuses: a cluster with such an answer stands still, whatever else it should do.

use crate::element::Element;
use crate::recorded::Made;
use crate::shrink;
use scheduler::audit::{Rule, Violation, audit};
use scheduler::cut::cut;
use scheduler::rule::date;
use scheduler::situation::Situation;

/// An answer that the audit refuses.
pub struct Refused {
    /// What the audit has against it.
    pub violations: Vec<Violation>,
    /// How many of its actions a cluster carries out, and how many there are.
    pub left: (usize, usize),
}

/// What the audit has against the answer about a recorded case with a change; nothing when it has nothing.
///
/// # Errors
/// When the CIB or the moment cannot be read, or when the audit refuses what is left of the answer too.
pub fn refused(made: &Made) -> Result<Option<Refused>, String> {
    let situation = situation(&made.xml, &made.now)?;
    let facts = scheduler::facts::read(&situation);
    let schedule = scheduler::plan(&facts);
    let all = schedule.actions.len();
    let cut = cut(&situation, &facts, schedule);
    if !audit(&situation, &cut.schedule).is_empty() {
        return Err(format!("{}: the audit refuses what is left too", made.name));
    }
    let left = (cut.schedule.actions.len(), all);
    Ok((!cut.refused.is_empty()).then_some(Refused { violations: cut.refused, left }))
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
