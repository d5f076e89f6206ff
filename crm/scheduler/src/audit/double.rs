//! Nothing is ordered twice.

use super::case::Case;
use super::violation::{Rule, Violation};
use crate::schedule::ActionKind;

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Violation>) {
    for steps in &case.steps {
        let real = steps.iter().filter(|step| step.kind != ActionKind::Pseudo);
        let mut keys: Vec<_> = real
            .map(|step| {
                let action = case.action(step);
                ((step.verb, step.name, step.node, action.interval_ms), (&action.operation, &action.notify), step)
            })
            .collect();
        keys.sort_unstable_by(|left, right| (left.0, left.1).cmp(&(right.0, right.1)));
        for pair in keys.windows(2).filter(|pair| (pair[0].0, pair[0].1) == (pair[1].0, pair[1].1)) {
            found.push(case.broken(Rule::Double, pair[1].2, "is ordered twice"));
        }
    }
    let mut fenced = vec![0_u32; case.nodes.len()];
    for fence in &case.fences {
        fenced[fence.node] += 1;
        if fenced[fence.node] == 2 {
            found.push(case.fence_broken(Rule::Double, fence, "is ordered twice"));
        }
    }
}
