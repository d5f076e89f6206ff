//! Which steps of a plan have to end before which: the order that all edges of a plan together ask for, between steps
//! that do something. How a planner gets there (its marks, its edges that others imply) says nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does; nothing for what carries order alone.
    pub words: Option<String>,
    /// The places, in the plan, of the steps that come before.
    pub after: Vec<usize>,
}

/// What each step does, and what is done before it. Steps that do the same are one.
pub type Sequence = BTreeMap<String, BTreeSet<String>>;

/// What the edges of a plan ask for.
#[must_use]
pub fn sequence(steps: &[Step]) -> Sequence {
    let before = closure(steps);
    let mut found = Sequence::new();
    for (step, before) in steps.iter().zip(&before) {
        let Some(words) = &step.words else { continue };
        let set = (0..steps.len()).filter(|at| before[at / 64] >> (at % 64) & 1 == 1);
        found.entry(words.clone()).or_default().extend(set.filter_map(|at| steps[at].words.clone()));
    }
    found
}

/// For each step a bit for each that comes before it.
fn closure(steps: &[Step]) -> Vec<Vec<u64>> {
    let mut later: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (at, step) in steps.iter().enumerate() {
        step.after.iter().for_each(|&first| later[first].push(at));
    }
    let mut before = vec![vec![0; steps.len().div_ceil(64)]; steps.len()];
    // Again until nothing changes, since the peer's plans may go in a circle.
    let mut queue: VecDeque<usize> = (0..steps.len()).collect();
    let mut queued = vec![true; steps.len()];
    while let Some(first) = queue.pop_front() {
        queued[first] = false;
        let mut told = before[first].clone();
        told[first / 64] |= 1 << (first % 64);
        for &then in &later[first] {
            let mut new = false;
            for (known, told) in before[then].iter_mut().zip(&told) {
                new |= *told & !*known != 0;
                *known |= told;
            }
            if new && !queued[then] {
                queued[then] = true;
                queue.push_back(then);
            }
        }
    }
    before
}

/// What only the first asks for (`-`) and only the second (`+`), one line each: a step, or `start b on n1 after start a
/// on n1`. What others of the lines imply is left out.
#[must_use]
pub fn differences(peer: &Sequence, ours: &Sequence) -> Vec<String> {
    let only = |sign: &str, here: &Sequence, there: &Sequence| -> Vec<String> {
        here.keys().filter(|step| !there.contains_key(*step)).map(|step| format!("{sign} {step}")).collect()
    };
    let steps = [only("-", peer, ours), only("+", ours, peer)].concat();
    if !steps.is_empty() {
        return steps;
    }
    [pairs("-", peer, ours), pairs("+", ours, peer)].concat()
}

fn pairs(sign: &str, here: &Sequence, there: &Sequence) -> Vec<String> {
    let only: Sequence = here
        .iter()
        .map(|(step, before)| (step.clone(), before.difference(&there[step]).cloned().collect::<BTreeSet<_>>()))
        .filter(|(_, before)| !before.is_empty())
        .collect();
    let line = |step: &str, first: &str| format!("{sign} {step} after {first}");
    let implied = |step: &str, first: &str| {
        let between = |it: &&String| {
            it.as_str() != first
                && it.as_str() != step
                && here[it.as_str()].contains(first)
                && !here[it.as_str()].contains(step)
        };
        let new = |it: &String| only[step].contains(it) || only.get(it).is_some_and(|before| before.contains(first));
        here[step].iter().filter(between).any(new)
    };
    let all = only.iter().flat_map(|(step, before)| before.iter().map(move |first| (step.as_str(), first.as_str())));
    let mut shown: Vec<String> =
        all.clone().filter(|(step, first)| !implied(step, first)).map(|(step, first)| line(step, first)).collect();
    if shown.is_empty() {
        shown = all.map(|(step, first)| line(step, first)).collect();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(steps: &[(&str, &[usize])]) -> Sequence {
        let step = |(words, after): &(&str, &[usize])| Step {
            words: (!words.is_empty()).then(|| (*words).to_string()),
            after: after.to_vec(),
        };
        sequence(&steps.iter().map(step).collect::<Vec<_>>())
    }

    #[test]
    fn marks_carry_order_and_are_not_shown() {
        let found = plan(&[("stop a", &[]), ("", &[0]), ("start b", &[1])]);
        assert_eq!(found["start b"], BTreeSet::from(["stop a".to_string()]));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_circle_ends() {
        let found = plan(&[("a", &[1]), ("b", &[0])]);
        assert_eq!(found["a"], BTreeSet::from(["a".to_string(), "b".to_string()]));
    }

    #[test]
    fn the_first_of_the_missing_orders_is_told() {
        let peer = plan(&[("a", &[]), ("b", &[0]), ("c", &[1])]);
        let ours = plan(&[("a", &[]), ("b", &[]), ("c", &[1])]);
        assert_eq!(differences(&peer, &ours), ["- b after a"]);
        assert_eq!(differences(&ours, &peer), ["+ b after a"]);
        assert_eq!(differences(&peer, &peer), Vec::<String>::new());
    }

    #[test]
    fn other_steps_are_told_before_their_order() {
        assert_eq!(differences(&plan(&[("a", &[])]), &plan(&[("b", &[])])), ["- a", "+ b"]);
    }
}
