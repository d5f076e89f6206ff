//! One CIB, shown to us and to the peer.

use crate::{classes, peer, sequence};
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
    /// One action that only one of the two wants in each line, or an order of two where all actions are the same, or
    /// why there is no answer.
    pub lines: Vec<String>,
    /// The actions of agents and of fencing are the same.
    pub same_actions: bool,
}

/// Compares the answers about a CIB at a moment (ISO 8601). The peer reads `file`, which is written for it.
#[must_use]
pub fn compare(xml: &str, now: &str, file: &Path) -> Difference {
    let read = import::read(xml).map_err(|problem| problem.to_string());
    let read = read.and_then(|it| Ok((it, date::moment(now).ok_or_else(|| format!("{now}: not a moment"))?)));
    let situation = match read {
        Ok((situation, now)) => Situation { now_ms: now.saturating_mul(1000), ..situation },
        Err(problem) => return Difference { class: Some(UNKNOWN), lines: vec![problem], same_actions: false },
    };
    let answer = std::fs::write(file, peer::older(xml))
        .map_err(|error| format!("writing {}: {error}", file.display()))
        .and_then(|()| peer::plan(file, now));
    match answer {
        Ok(theirs) => {
            let facts = scheduler::facts::read(&situation);
            let schedule = scheduler::plan(&facts);
            let ours = peer::steps(&schedule);
            let mut lines = peer::differences(&peer::actions(&theirs), &peer::actions(&ours));
            let same_actions = lines.is_empty();
            if same_actions {
                lines = sequence::differences(&sequence::sequence(&theirs), &sequence::sequence(&ours));
            }
            let refused = refused(&situation, &schedule);
            if !refused.is_empty() {
                let lines = [refused, lines].concat();
                return Difference { class: Some(UNKNOWN), lines, same_actions: false };
            }
            let class = classes::class(&facts, &schedule, &lines).unwrap_or(UNKNOWN);
            Difference { class: (!lines.is_empty()).then_some(class), lines, same_actions }
        }
        Err(problem) => {
            let class = classes::without_answer(&problem).unwrap_or(UNKNOWN);
            Difference { class: Some(class), lines: vec![problem], same_actions: false }
        }
    }
}

/// Why the audit would not let our answer be carried out.
fn refused(situation: &Situation, schedule: &Schedule) -> Vec<String> {
    let violations = audit(situation, schedule);
    let certain = violations.iter().filter(|it| !matches!(it.rule, Rule::Together | Rule::Order));
    certain.map(|it| format!("the audit refuses: {it}")).collect()
}
