//! Sets of resources in orders, colocations, locations and tickets.

use super::feature::{element, part, several};
use super::{Cluster, Top, chance, pick};
use crate::element::Element;
use fastrand::Rng;

/// Adds one or two constraints about sets.
pub(super) fn add(rng: &mut Rng, cluster: &Cluster, cib: &mut Element) {
    for number in 0..rng.usize(1..=2) {
        let id = format!("sets-{number}");
        let constraint = match rng.u32(0..100) {
            0..40 => order(rng, cluster, &id),
            40..75 => colocation(rng, cluster, &id),
            _ => location(rng, cluster, &id),
        };
        part(cib, "constraints").children.push(element(&constraint));
    }
}

/// The ids of a set, as elements.
fn members(tops: &[&Top]) -> String {
    tops.iter().map(|top| format!("<resource_ref id=\"{}\"/>", top.id)).collect()
}

/// What comes first is written first; what is written first comes before what is written later anyway.
fn order(rng: &mut Rng, cluster: &Cluster, id: &str) -> String {
    let tops = several(rng, cluster, 4);
    let cut = rng.usize(1..=tops.len());
    let kind = pick(rng, &["Mandatory", "Mandatory", "Optional", "Serialize"]);
    let mut sets = String::new();
    for (number, tops) in [&tops[..cut], &tops[cut..]].into_iter().filter(|it| !it.is_empty()).enumerate() {
        let sequential = chance(rng, 50);
        let all = if !sequential && kind == "Mandatory" && chance(rng, 40) { " require-all=\"false\"" } else { "" };
        let promote = tops.iter().all(|top| top.is_promotable()) && chance(rng, 50);
        let action = if promote { " action=\"promote\"" } else { "" };
        sets.push_str(&format!(
            "<resource_set id=\"{id}-{number}\" sequential=\"{sequential}\"{all}{action}>{}</resource_set>",
            members(tops)
        ));
    }
    format!("<rsc_order id=\"{id}\" kind=\"{kind}\">{sets}</rsc_order>")
}

/// In a set each follows those before it; of sets, the one written first follows the one after it. So what comes later
/// in the alphabet follows, as everywhere.
fn colocation(rng: &mut Rng, cluster: &Cluster, id: &str) -> String {
    let tops = several(rng, cluster, 4);
    let cut = rng.usize(1..=tops.len());
    let score = pick(rng, &["INFINITY", "INFINITY", "100", "-INFINITY", "-100"]);
    let mut sets = String::new();
    for (number, tops) in [&tops[cut..], &tops[..cut]].into_iter().filter(|it| !it.is_empty()).enumerate() {
        let role =
            if tops.iter().all(|top| top.is_promotable()) && chance(rng, 50) { " role=\"Promoted\"" } else { "" };
        sets.push_str(&format!(
            "<resource_set id=\"{id}-{number}\" sequential=\"{}\"{role}>{}</resource_set>",
            chance(rng, 60),
            members(tops)
        ));
    }
    format!("<rsc_colocation id=\"{id}\" score=\"{score}\">{sets}</rsc_colocation>")
}

fn location(rng: &mut Rng, cluster: &Cluster, id: &str) -> String {
    let tops = several(rng, cluster, 3);
    let node = &cluster.nodes[rng.usize(0..cluster.nodes.len())].name;
    let score = pick(rng, &["INFINITY", "-INFINITY", "100", "-50"]);
    let discovery = if chance(rng, 20) {
        format!(" resource-discovery=\"{}\"", pick(rng, &["always", "never", "exclusive"]))
    } else {
        String::new()
    };
    format!(
        "<rsc_location id=\"{id}\" node=\"{node}\" score=\"{score}\"{discovery}><resource_set id=\"{id}-0\">{}\
         </resource_set></rsc_location>",
        members(&tops)
    )
}
