//! One CIB, shown to us and to the peer.

use crate::{classes, peer};
use scheduler::audit::{Rule, audit};
use scheduler::rule::date;
use scheduler::schedule::Schedule;
use scheduler::situation::Situation;
use std::path::Path;

/// Differences that belong to no class.
pub const UNKNOWN: &str = "not known";

/// What differs, and the class it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// The name of a class, or [`UNKNOWN`]; nothing when nothing differs.
    pub class: Option<&'static str>,
    /// One action that only one of the two wants in each line, or why there is no answer.
    pub lines: Vec<String>,
}

/// Compares the answers about a CIB at a moment (ISO 8601). The peer reads `file`, which is written for it.
#[must_use]
pub fn compare(xml: &str, now: &str, file: &Path) -> Difference {
    let read = import::read(xml).map_err(|problem| problem.to_string());
    let read = read.and_then(|it| Ok((it, date::moment(now).ok_or_else(|| format!("{now}: not a moment"))?)));
    let situation = match read {
        Ok((situation, now)) => Situation { now_ms: now.saturating_mul(1000), ..situation },
        Err(problem) => return Difference { class: Some(UNKNOWN), lines: vec![problem] },
    };
    let answer = std::fs::write(file, peer::older(xml))
        .map_err(|error| format!("writing {}: {error}", file.display()))
        .and_then(|()| peer::actions(file, now));
    match answer {
        Ok(theirs) => {
            let facts = scheduler::facts::read(&situation);
            let schedule = scheduler::plan(&facts);
            let lines = peer::differences(&theirs, &peer::ours(&schedule));
            let refused = refused(&situation, &schedule);
            if !refused.is_empty() {
                return Difference { class: Some(UNKNOWN), lines: [refused, lines].concat() };
            }
            let class = classes::class(&facts, &schedule, &lines).unwrap_or(UNKNOWN);
            Difference { class: (!lines.is_empty()).then_some(class), lines }
        }
        Err(problem) => {
            Difference { class: Some(classes::without_answer(&problem).unwrap_or(UNKNOWN)), lines: vec![problem] }
        }
    }
}

/// Why the audit would not let our answer be carried out.
fn refused(situation: &Situation, schedule: &Schedule) -> Vec<String> {
    let violations = audit(situation, schedule);
    let certain = violations.iter().filter(|it| !matches!(it.rule, Rule::Together | Rule::Order));
    certain.map(|it| format!("the audit refuses: {it}")).collect()
}
