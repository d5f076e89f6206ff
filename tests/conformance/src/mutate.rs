//! One thing about a cluster changes, as it happens in the life of a cluster: a node goes, an operation fails, somebody
//! edits the configuration. The beginnings are recorded cases, so that kinds of clusters are met that no generator
//! makes. Equal seeds make equal changes.

mod configuration;
mod history;
mod node;

pub(crate) use history::entry;

use crate::element::{Element, Path};
use fastrand::Rng;

/// Changes something, and says what; nothing when the cluster has nothing of the kind.
type Change = fn(&mut Rng, &mut Element, i64) -> Option<String>;

/// Everything that can happen, and how often it is tried.
const CHANGES: [(Change, u32); 26] = [
    (node::leaves, 6),
    (node::is_lost, 8),
    (node::comes, 6),
    (node::joins, 2),
    (node::standby, 5),
    (node::maintenance, 3),
    (node::wants_to_leave, 3),
    (node::health, 1),
    (node::quorum, 2),
    (node::ticket, 6),
    (history::monitor_fails, 10),
    (history::start_fails, 5),
    (history::stop_fails, 5),
    (history::pending, 5),
    (history::forgotten, 6),
    (history::entry_forgotten, 4),
    (history::moved, 3),
    (history::doubled, 2),
    (history::stopped, 5),
    (history::other_parameters, 4),
    (configuration::option, 6),
    (configuration::meta, 14),
    (configuration::score, 6),
    (configuration::constraint_goes, 4),
    (configuration::constraint_changes, 5),
    (configuration::resource_goes, 3),
];

/// Changes a cluster at `now` (seconds since 1970), and says how.
pub fn mutate(cib: &mut Element, seed: u64, now: i64) -> Vec<String> {
    let mut rng = Rng::with_seed(seed ^ 0x6d75_7461_7465);
    let wanted = if rng.u32(0..4) == 0 { 2 } else { 1 };
    let mut said = Vec::new();
    for _ in 0..40 {
        let change = choose(&mut rng);
        said.extend(change(&mut rng, cib, now));
        if said.len() == wanted {
            break;
        }
    }
    said
}

/// Nodes are fenced at the same time where nothing else is said: so it is since 3.0.
pub fn fence_at_once(cib: &mut Element) {
    let said = !cib.paths(|it| it.name == "nvpair" && it.get("name") == "concurrent-fencing").is_empty();
    if let Some(path) = cib.paths(|it| it.name == "crm_config").first().filter(|_| !said) {
        configuration::set_option(cib.at_mut(path), "concurrent-fencing", "true");
    }
}

/// Newer reports say since when a node is a member, older releases only whether it is one.
pub fn members_without_moments(cib: &mut Element) {
    for path in cib.paths(|it| it.name == "node_state") {
        let state = cib.at_mut(&path);
        for (name, there, gone) in [("in_ccm", "true", "false"), ("crmd", "online", "offline")] {
            if let Ok(since) = state.get(name).parse::<i64>() {
                state.set(name, if since > 0 { there } else { gone });
            }
        }
    }
}

fn choose(rng: &mut Rng) -> Change {
    let mut ticket = rng.u32(0..CHANGES.iter().map(|(_, weight)| weight).sum());
    for (change, weight) in CHANGES {
        if ticket < weight {
            return change;
        }
        ticket -= weight;
    }
    CHANGES[0].0
}

/// One of the elements that `wanted` accepts.
fn any(rng: &mut Rng, cib: &Element, wanted: impl Fn(&Element) -> bool) -> Option<Path> {
    let found = cib.paths(wanted);
    (!found.is_empty()).then(|| found[rng.usize(0..found.len())].clone())
}

/// One of several.
fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(0..from.len())]
}

/// Gives a name a value in the set of values of an element, made when there is none.
pub(crate) fn note(owner: &mut Element, set: &str, name: &str, value: &str) {
    let of = owner.get("id").to_string();
    let own = |child: &Element| child.name == set && child.get("id-ref").is_empty();
    let at = owner.children.iter().position(own).unwrap_or_else(|| {
        owner.children.insert(0, Element::new(set, &[("id", &format!("added-{of}-{set}"))]));
        0
    });
    let values = &mut owner.children[at];
    if let Some(known) = values.children.iter_mut().find(|it| it.get("name") == name) {
        known.set("value", value);
        return;
    }
    let id = format!("added-{of}-{}", name.replace('#', "."));
    values.children.push(Element::new("nvpair", &[("id", &id), ("name", name), ("value", value)]));
}

#[cfg(test)]
mod tests {
    use super::*;

    const CIB: &str = "<cib have-quorum=\"1\"><configuration><crm_config/><nodes><node id=\"1\" uname=\"n1\"/></nodes><resources>\
        <primitive id=\"a\"/></resources><constraints/></configuration><status><node_state id=\"1\" uname=\"n1\" \
        in_ccm=\"true\" crmd=\"online\" join=\"member\" expected=\"member\"><lrm id=\"1\"><lrm_resources><lrm_resource \
        id=\"a\"><lrm_rsc_op id=\"a_last_0\" operation=\"start\" rc-code=\"0\" op-status=\"0\" interval=\"0\" call-id=\"3\" \
        transition-key=\"1:1:0:x\"/></lrm_resource></lrm_resources></lrm></node_state></status></cib>";

    #[test]
    fn what_newer_releases_write_is_put_in_older_words() {
        let text = "<cib><configuration><crm_config/></configuration><status><node_state in_ccm=\"1781000000\" \
                    crmd=\"0\"/><node_state in_ccm=\"true\" crmd=\"online\"/></status></cib>";
        let mut cib = Element::read(text).expect("well-formed");
        members_without_moments(&mut cib);
        fence_at_once(&mut cib);
        fence_at_once(&mut cib);
        let states: Vec<_> = cib.paths(|it| it.name == "node_state").iter().map(|path| cib.at(path).clone()).collect();
        assert_eq!((states[0].get("in_ccm"), states[0].get("crmd")), ("true", "offline"));
        assert_eq!((states[1].get("in_ccm"), states[1].get("crmd")), ("true", "online"));
        assert_eq!(cib.paths(|it| it.get("name") == "concurrent-fencing").len(), 1);
    }

    #[test]
    fn every_change_happens_and_equal_seeds_change_the_same() {
        let begin = Element::read(CIB).expect("well-formed");
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..400 {
            let (mut one, mut other) = (begin.clone(), begin.clone());
            let said = mutate(&mut one, seed, 1000);
            assert_eq!(said, mutate(&mut other, seed, 1000));
            assert_eq!(one, other);
            kinds.extend(said.iter().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")));
        }
        assert!(kinds.len() > 15, "{kinds:?}");
    }
}
