//! What a random cluster can have besides primitives, groups, clones and plain constraints. Each feature has a coin and
//! a sequence of random numbers of its own, so that a cluster without it looks as if the feature did not exist, and a
//! new feature changes nothing about the others.

use super::{Cluster, Top, chance, pick};
use super::{
    attribute, bundle, fingerprint, guest, health, lock, maintenance, migration, remote, rule, set, template, ticket,
    topology, utilization,
};
use crate::element::Element;
use fastrand::Rng;

/// Adds a feature to a cluster.
type Add = fn(&mut Rng, &Cluster, &mut Element);

/// A feature: its word, in how many of a hundred clusters it is, and how it is added.
struct Feature {
    word: &'static str,
    percent: u32,
    add: Add,
}

/// Remote nodes, guests and bundles are in no cluster that a seed chooses: of some hundred, one has a plan that the
/// audit refuses (`peer-differences.md`). Asked for by their words they are there.
const FEATURES: [Feature; 14] = [
    Feature { word: "ticket", percent: 6, add: ticket::add },
    Feature { word: "set", percent: 6, add: set::add },
    Feature { word: "template", percent: 5, add: template::add },
    Feature { word: "rule", percent: 6, add: rule::add },
    Feature { word: "health", percent: 5, add: health::add },
    Feature { word: "maintenance", percent: 5, add: maintenance::add },
    Feature { word: "attribute", percent: 5, add: attribute::add },
    Feature { word: "topology", percent: 6, add: topology::add },
    Feature { word: "utilization", percent: 5, add: utilization::add },
    Feature { word: "migration", percent: 4, add: migration::add },
    Feature { word: "lock", percent: 3, add: lock::add },
    Feature { word: "remote", percent: 0, add: remote::add },
    Feature { word: "guest", percent: 0, add: guest::add },
    Feature { word: "bundle", percent: 0, add: bundle::add },
];

/// The words of all features.
#[must_use]
pub fn words() -> Vec<&'static str> {
    FEATURES.iter().map(|it| it.word).collect()
}

/// Adds to a cluster what the coins of its seed say, or with `only` the feature of this word and no other.
pub(super) fn add(seed: u64, only: Option<&str>, cluster: &Cluster, text: String) -> String {
    let mut cib = None;
    for (at, feature) in (1_u64..).zip(&FEATURES) {
        let mut rng = Rng::with_seed(seed.wrapping_add(at.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let coin = chance(&mut rng, feature.percent);
        if only.map_or(coin, |word| word == feature.word) {
            let cib = cib.get_or_insert_with(|| Element::read(&text).expect("the generator writes well-formed text"));
            (feature.add)(&mut rng, cluster, cib);
        }
    }
    cib.map_or(text, |mut cib| {
        fingerprint::add(&mut cib);
        cib.write()
    })
}

/// An element, from text that is known to be well-formed.
pub(super) fn element(text: &str) -> Element {
    Element::read(text).expect("the generator writes well-formed text")
}

/// A part of the configuration: `resources`, `constraints`, ...
pub(super) fn part<'c>(cib: &'c mut Element, name: &str) -> &'c mut Element {
    cib.child("configuration").child(name)
}

/// The resource of this name as configured.
pub(super) fn resource<'c>(cib: &'c mut Element, id: &str) -> Option<&'c mut Element> {
    let resources = part(cib, "resources");
    let path = resources.paths(|it| it.get("id") == id && it.name != "resources").into_iter().next()?;
    Some(resources.at_mut(&path))
}

/// Gives a cluster option a value.
pub(super) fn option(cib: &mut Element, name: &str, value: &str) {
    let set = part(cib, "crm_config").child("cluster_property_set");
    set.children.retain(|it| it.get("name") != name);
    set.children.push(element(&format!("<nvpair id=\"option-{name}\" name=\"{name}\" value=\"{value}\"/>")));
}

/// Notes about a node as long as it is there.
pub(super) fn transient<'c>(cib: &'c mut Element, node: &str) -> Option<&'c mut Element> {
    let status = cib.child("status");
    let state = status.children.iter_mut().find(|it| it.get("uname") == node)?;
    let id = state.get("id").to_string();
    let notes = state.child("transient_attributes");
    notes.set("id", &id);
    Some(notes)
}

/// One of the resources at the top.
pub(super) fn any<'c>(rng: &mut Rng, cluster: &'c Cluster) -> &'c Top {
    pick(rng, &cluster.tops.iter().collect::<Vec<_>>())
}

/// So many of the resources at the top at most, in the order written.
pub(super) fn several<'c>(rng: &mut Rng, cluster: &'c Cluster, most: usize) -> Vec<&'c Top> {
    let mut chosen: Vec<usize> = (0..cluster.tops.len()).collect();
    rng.shuffle(&mut chosen);
    chosen.truncate(most);
    chosen.sort_unstable();
    chosen.into_iter().map(|at| &cluster.tops[at]).collect()
}
