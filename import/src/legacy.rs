//! Words that were renamed over the years: the old one is read, the current one is kept.

use scheduler::situation::AttributeSet;

/// Cluster options and meta attributes: old name, current name.
const NAMES: &[(&str, &str)] = &[
    ("stonith-enabled", "fencing-enabled"),
    ("stonith-action", "fencing-action"),
    ("stonith-timeout", "fencing-timeout"),
    ("stonith-max-attempts", "fencing-max-attempts"),
    ("stonith-watchdog-timeout", "fencing-watchdog-timeout"),
    ("stonith-reaction", "fencing-reaction"),
    ("fence-reaction", "fencing-reaction"),
    ("stop-orphan-resources", "stop-removed-resources"),
    ("stop-orphan-actions", "cancel-removed-actions"),
    ("master-max", "promoted-max"),
    ("master-node-max", "promoted-node-max"),
];

/// The role by its current name.
pub(crate) fn role(word: &str) -> String {
    if word.eq_ignore_ascii_case("master") {
        "Promoted".to_string()
    } else if word.eq_ignore_ascii_case("slave") {
        "Unpromoted".to_string()
    } else {
        word.to_string()
    }
}

/// The class of agents by the name that situations use.
pub(crate) fn class(word: &str) -> String {
    if word == "stonith" { scheduler::situation::Agent::FENCING.to_string() } else { word.to_string() }
}

/// The value of an option by its current name.
pub(crate) fn value(name: &str, value: &str) -> String {
    match name {
        "target-role" | "role" => role(value),
        "no-quorum-policy" if value.eq_ignore_ascii_case("suicide") => "fence".to_string(),
        _ => value.to_string(),
    }
}

/// Renames old option names in the sets of one owner. Values under an old name are read after everything under current
/// names: they go into sets of their own, behind all others.
pub(crate) fn rename(sets: &mut Vec<AttributeSet>) {
    let mut behind = Vec::new();
    for set in &mut *sets {
        let mut old = Vec::new();
        for value in std::mem::take(&mut set.values) {
            match NAMES.iter().find(|(old, _)| *old == value.name) {
                None => set.values.push(value),
                Some((_, current)) => {
                    old.push(scheduler::situation::Value { name: (*current).to_string(), value: value.value })
                }
            }
        }
        if !old.is_empty() {
            behind.push((
                set.score,
                AttributeSet { score: config::Score::NEVER, values: old, id: set.id.clone(), rule: set.rule.clone() },
            ));
        }
    }
    behind.sort_by_key(|(score, _)| std::cmp::Reverse(score.value()));
    sets.extend(behind.into_iter().map(|(_, set)| set));
}
