//! The configuration of a random cluster: options, nodes, resources, and constraints between them.

use super::{Cluster, Kind, Primitive, Top, chance, pick};
use fastrand::Rng;
use std::fmt::Write;

/// Appends the configuration.
pub(super) fn write(rng: &mut Rng, cluster: &Cluster, text: &mut String) {
    text.push_str("<configuration><crm_config>");
    set(text, "cluster_property_set", "cib-bootstrap-options", &cluster.options);
    text.push_str("</crm_config>\n<nodes>\n");
    let balanced = cluster.options.iter().any(|(name, _)| *name == "placement-strategy");
    for (at, node) in cluster.nodes.iter().enumerate() {
        let id = at + 1;
        put(text, format_args!("<node id=\"{id}\" uname=\"{}\">", node.name));
        set(text, "instance_attributes", &format!("nodes-{id}"), &node.attributes);
        if balanced {
            set(text, "utilization", &format!("capacity-{id}"), &[("memory", rng.u32(1..8).to_string())]);
        }
        text.push_str("</node>\n");
    }
    text.push_str("</nodes>\n<resources>\n");
    if cluster.fencing {
        text.push_str("<primitive id=\"shooter\" class=\"stonith\" type=\"fence_xvm\"/>\n");
    }
    for top in &cluster.tops {
        resource(rng, top, balanced, text);
    }
    text.push_str("</resources>\n<constraints>\n");
    constraints(rng, cluster, text);
    text.push_str("</constraints>");
    if chance(rng, 25) {
        text.push_str("<rsc_defaults>");
        let stickiness = pick(rng, &["1", "50", "100"]).to_string();
        set(text, "meta_attributes", "rsc-defaults", &[("resource-stickiness", stickiness)]);
        text.push_str("</rsc_defaults>");
    }
    text.push_str("</configuration>\n");
}

fn resource(rng: &mut Rng, top: &Top, balanced: bool, text: &mut String) {
    match &top.kind {
        Kind::Primitive => primitive(rng, &top.primitives[0], Some(top), false, balanced, text),
        Kind::Group => {
            put(text, format_args!("<group id=\"{}\">", top.id));
            set(text, "meta_attributes", &format!("{}-meta", top.id), &top.meta);
            top.primitives.iter().for_each(|it| primitive(rng, it, None, false, balanced, text));
            text.push_str("</group>\n");
        }
        Kind::Clone { promotable, group, .. } => {
            put(text, format_args!("<clone id=\"{}\">", top.id));
            set(text, "meta_attributes", &format!("{}-meta", top.id), &top.meta);
            if *group {
                put(text, format_args!("<group id=\"{}-body\">", top.id));
            }
            top.primitives.iter().for_each(|it| primitive(rng, it, None, *promotable, false, text));
            text.push_str(if *group { "</group></clone>\n" } else { "</clone>\n" });
        }
    }
}

fn primitive(rng: &mut Rng, it: &Primitive, own_meta: Option<&Top>, promotable: bool, needs: bool, text: &mut String) {
    let id = &it.id;
    let agent = if promotable { "Stateful" } else { "Dummy" };
    put(text, format_args!("<primitive id=\"{id}\" class=\"ocf\" provider=\"pacemaker\" type=\"{agent}\">"));
    if let Some(top) = own_meta {
        set(text, "meta_attributes", &format!("{id}-meta"), &top.meta);
    }
    if needs && chance(rng, 70) {
        set(text, "utilization", &format!("{id}-needs"), &[("memory", rng.u32(1..4).to_string())]);
    }
    text.push_str("<operations>");
    let on_fail = it.on_fail.map(|word| format!(" on-fail=\"{word}\"")).unwrap_or_default();
    if it.monitor > 0 {
        let (seconds, upper) = (it.monitor, it.monitor + 1);
        put(text, format_args!("<op id=\"{id}-monitor\" name=\"monitor\" interval=\"{seconds}s\"{on_fail}/>"));
        if promotable {
            put(
                text,
                format_args!(
                    "<op id=\"{id}-monitor-up\" name=\"monitor\" interval=\"{upper}s\" role=\"Promoted\" timeout=\"30s\"/>"
                ),
            );
        }
    }
    if chance(rng, 30) {
        put(text, format_args!("<op id=\"{id}-start\" name=\"start\" interval=\"0\" timeout=\"60s\"/>"));
    }
    if chance(rng, 10) {
        put(text, format_args!("<op id=\"{id}-stop\" name=\"stop\" interval=\"0\" on-fail=\"block\"/>"));
    }
    text.push_str("</operations></primitive>\n");
}

fn constraints(rng: &mut Rng, cluster: &Cluster, text: &mut String) {
    for at in 0..rng.usize(0..=cluster.tops.len()) {
        let (id, node) = (name(rng, cluster), &cluster.nodes[rng.usize(0..cluster.nodes.len())].name);
        let score = pick(rng, &["INFINITY", "-INFINITY", "100", "50", "-50", "10"]);
        if chance(rng, 75) {
            put(
                text,
                format_args!("<rsc_location id=\"location-{at}\" rsc=\"{id}\" node=\"{node}\" score=\"{score}\"/>\n"),
            );
        } else {
            put(
                text,
                format_args!(
                    "<rsc_location id=\"location-{at}\" rsc=\"{id}\"><rule id=\"rule-{at}\" score=\"{score}\"><expression \
                     id=\"expression-{at}\" attribute=\"rack\" operation=\"eq\" value=\"a\"/></rule></rsc_location>\n"
                ),
            );
        }
    }
    for at in 0..rng.usize(0..=3) {
        colocation(rng, cluster, at, text);
    }
    for at in 0..rng.usize(0..=3) {
        order(rng, cluster, at, text);
    }
}

fn colocation(rng: &mut Rng, cluster: &Cluster, at: usize, text: &mut String) {
    let (dependent, primary) = (top(rng, cluster), top(rng, cluster));
    // Circles of colocations and orders have no right answer; what is written first is followed by what comes later.
    if dependent.id <= primary.id {
        return;
    }
    let score = pick(rng, &["INFINITY", "INFINITY", "-INFINITY", "100", "-100", "1000"]);
    let mut roles = String::new();
    for (top, word) in [(dependent, "rsc-role"), (primary, "with-rsc-role")] {
        if matches!(top.kind, Kind::Clone { promotable: true, .. }) && chance(rng, 40) {
            put(&mut roles, format_args!(" {word}=\"Promoted\""));
        }
    }
    put(
        text,
        format_args!(
            "<rsc_colocation id=\"colocation-{at}\" rsc=\"{}\" with-rsc=\"{}\" score=\"{score}\"{roles}/>\n",
            dependent.id, primary.id
        ),
    );
}

fn order(rng: &mut Rng, cluster: &Cluster, at: usize, text: &mut String) {
    let (first, then) = (top(rng, cluster), top(rng, cluster));
    if first.id >= then.id {
        return;
    }
    let kind = pick(rng, &["Mandatory", "Mandatory", "Mandatory", "Optional", "Serialize"]);
    let promote = matches!(first.kind, Kind::Clone { promotable: true, .. }) && chance(rng, 40);
    let actions = if promote { " first-action=\"promote\" then-action=\"start\"" } else { "" };
    let symmetry = if chance(rng, 10) { " symmetrical=\"false\"" } else { "" };
    put(
        text,
        format_args!(
            "<rsc_order id=\"order-{at}\" first=\"{}\" then=\"{}\" kind=\"{kind}\"{actions}{symmetry}/>\n",
            first.id, then.id
        ),
    );
}

fn top<'c>(rng: &mut Rng, cluster: &'c Cluster) -> &'c Top {
    &cluster.tops[rng.usize(0..cluster.tops.len())]
}

/// A name that a location can be about.
fn name(rng: &mut Rng, cluster: &Cluster) -> String {
    top(rng, cluster).id.clone()
}

/// Appends a set of names and values, when there are any.
pub(super) fn set<N: AsRef<str>>(text: &mut String, element: &str, id: &str, values: &[(N, String)]) {
    if values.is_empty() {
        return;
    }
    put(text, format_args!("<{element} id=\"{id}\">"));
    for (name, value) in values {
        let name = name.as_ref();
        put(text, format_args!("<nvpair id=\"{id}-{name}\" name=\"{name}\" value=\"{value}\"/>"));
    }
    put(text, format_args!("</{element}>"));
}

/// Appends formatted text.
pub(super) fn put(text: &mut String, words: std::fmt::Arguments<'_>) {
    text.write_fmt(words).expect("a string takes everything");
}
