//! Large clusters for measuring, as Pacemaker CIBs: every kind of resource, constraints between them, and a complete
//! history in which everything is where it should be. Equal arguments give equal text.

use fastrand::Rng;
use std::fmt::Write;

/// What such a cluster is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing is known of any resource, and nothing runs.
    ColdStart,
    /// Everything runs.
    Steady,
    /// Everything ran, and one node is lost.
    NodeFailure,
    /// One node is lost that had everything: resources in one long chain, each with and after the one before it.
    Chain,
}

impl Event {
    /// The event of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Event> {
        match name {
            "cold-start" => Some(Event::ColdStart),
            "steady" => Some(Event::Steady),
            "node-failure" => Some(Event::NodeFailure),
            "chain" => Some(Event::Chain),
            _ => None,
        }
    }
}

/// The agent of everything.
const AGENT: &str = "class=\"ocf\" provider=\"pacemaker\" type=\"Stateful\"";
/// Members of each group.
const GROUP: usize = 4;
/// Instances of each promotable clone.
const COPIES: usize = 3;

/// How something is made of primitives.
enum Kind {
    Primitive,
    Group,
    Clone,
    Promotable,
}

/// A resource at the top: what it is, its number, and where it lives.
struct Unit {
    kind: Kind,
    id: String,
    home: usize,
}

/// The CIB of a cluster with so many nodes, and so many primitives and instances.
#[must_use]
pub fn cib(event: Event, nodes: usize, resources: usize) -> String {
    let units = if event == Event::Chain { chain(resources) } else { units(nodes, resources) };
    let mut text = String::from(
        "<cib crm_feature_set=\"3.19.0\" validate-with=\"pacemaker-3.8\" epoch=\"1\" num_updates=\"0\" admin_epoch=\"0\" \
         have-quorum=\"1\" dc-uuid=\"1\">\n<configuration><crm_config/><nodes>\n",
    );
    for node in 1..=nodes {
        put(&mut text, format_args!("<node id=\"{node}\" uname=\"node{node}\"/>\n"));
    }
    text.push_str("</nodes><resources>\n<primitive id=\"shooter\" class=\"stonith\" type=\"fence_xvm\"/>\n");
    units.iter().for_each(|unit| resource(unit, &mut text));
    text.push_str("</resources><constraints>\n");
    if event == Event::Chain {
        links(&units, &mut text);
    } else {
        constraints(&units, nodes, &mut text);
    }
    text.push_str(
        "</constraints><rsc_defaults><meta_attributes id=\"defaults\"><nvpair id=\"sticky\" \
         name=\"resource-stickiness\" value=\"1\"/></meta_attributes></rsc_defaults></configuration>\n<status>\n",
    );
    for node in 0..nodes {
        status(event, &units, node, nodes, &mut text);
    }
    text.push_str("</status></cib>\n");
    text
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a String takes everything");
}

fn chain(resources: usize) -> Vec<Unit> {
    (0..resources).map(|at| Unit { kind: Kind::Primitive, id: format!("link{at}"), home: 0 }).collect()
}

/// A fifth of all instances are those of clones, three tenths members of groups, a twentieth those of promotable
/// clones.
fn units(nodes: usize, resources: usize) -> Vec<Unit> {
    let clones = (resources / 5 / nodes).max(1);
    let promotable = (resources / 20 / COPIES).max(1);
    let groups = resources * 3 / 10 / GROUP;
    let singles = resources.saturating_sub(clones * nodes + promotable * COPIES + groups * GROUP);
    let mut units = Vec::new();
    let mut add = |kind: fn() -> Kind, count: usize, name: &str| {
        for at in 0..count {
            units.push(Unit { kind: kind(), id: format!("{name}{at}"), home: units.len() % nodes });
        }
    };
    add(|| Kind::Primitive, singles, "single");
    add(|| Kind::Group, groups, "group");
    add(|| Kind::Clone, clones, "clone");
    add(|| Kind::Promotable, promotable, "pair");
    units
}

/// The primitives of a unit.
fn primitives(unit: &Unit) -> Vec<String> {
    match unit.kind {
        Kind::Primitive => vec![unit.id.clone()],
        Kind::Group => (0..GROUP).map(|at| format!("{}-m{at}", unit.id)).collect(),
        Kind::Clone | Kind::Promotable => vec![format!("{}-p", unit.id)],
    }
}

fn resource(unit: &Unit, text: &mut String) {
    let id = &unit.id;
    let end = match unit.kind {
        Kind::Primitive => "",
        Kind::Group => {
            put(text, format_args!("<group id=\"{id}\">"));
            "</group>"
        }
        Kind::Clone => {
            put(text, format_args!("<clone id=\"{id}\">"));
            meta(id, &[("interleave", "true")], text);
            "</clone>"
        }
        Kind::Promotable => {
            put(text, format_args!("<clone id=\"{id}\">"));
            meta(id, &[("promotable", "true"), ("clone-max", &COPIES.to_string()), ("notify", "true")], text);
            "</clone>"
        }
    };
    for primitive in primitives(unit) {
        put(text, format_args!("<primitive id=\"{primitive}\" {AGENT}>"));
        text.push_str("<operations>");
        let operations: &[(&str, &str, &str)] = match unit.kind {
            Kind::Promotable => &[("monitor", "10s", "Promoted"), ("monitor", "11s", "Unpromoted")],
            _ => &[("monitor", "10s", "Started"), ("start", "0s", "Started"), ("stop", "0s", "Started")],
        };
        for (name, interval, role) in operations {
            let id = format!("{primitive}-{name}-{interval}");
            put(text, format_args!("<op id=\"{id}\" name=\"{name}\" interval=\"{interval}\" timeout=\"20s\""));
            if *name == "monitor" {
                put(text, format_args!(" role=\"{role}\""));
            }
            text.push_str("/>");
        }
        text.push_str("</operations></primitive>");
    }
    text.push_str(end);
    text.push('\n');
}

fn meta(id: &str, values: &[(&str, &str)], text: &mut String) {
    put(text, format_args!("<meta_attributes id=\"{id}-meta\">"));
    for (name, value) in values {
        put(text, format_args!("<nvpair id=\"{id}-{name}\" name=\"{name}\" value=\"{value}\"/>"));
    }
    text.push_str("</meta_attributes>");
}

/// Each link of a chain runs with the one before it, and after it.
fn links(units: &[Unit], text: &mut String) {
    for pair in units.windows(2) {
        let (before, after) = (&pair[0].id, &pair[1].id);
        put(text, format_args!("<rsc_order id=\"order-{after}\" first=\"{before}\" then=\"{after}\"/>\n"));
        put(
            text,
            format_args!(
                "<rsc_colocation id=\"with-{after}\" rsc=\"{after}\" with-rsc=\"{before}\" score=\"INFINITY\"/>\n"
            ),
        );
    }
}

/// A third of the units prefer their home, a sixth follow another that lives there too, and a fifth start after some
/// other, which may be far away; each clone starts after the one before it.
fn constraints(units: &[Unit], nodes: usize, text: &mut String) {
    let mut rng = Rng::with_seed(1);
    let movable = units.iter().take_while(|unit| matches!(unit.kind, Kind::Primitive | Kind::Group)).count();
    for (at, unit) in units[..movable].iter().enumerate() {
        let id = &unit.id;
        if at % 3 == 0 {
            let home = unit.home + 1;
            put(
                text,
                format_args!("<rsc_location id=\"home-{id}\" rsc=\"{id}\" node=\"node{home}\" score=\"100\"/>\n"),
            );
        }
        if at % 6 == 1 && at >= nodes {
            let (other, score) = (&units[at - nodes].id, if at % 4 == 1 { "INFINITY" } else { "500" });
            put(
                text,
                format_args!(
                    "<rsc_colocation id=\"with-{id}\" rsc=\"{id}\" with-rsc=\"{other}\" score=\"{score}\"/>\n"
                ),
            );
        }
        if at % 5 == 2 {
            let (first, kind) = (&units[rng.usize(0..at)].id, if at % 3 == 0 { "Optional" } else { "Mandatory" });
            put(text, format_args!("<rsc_order id=\"order-{id}\" first=\"{first}\" then=\"{id}\" kind=\"{kind}\"/>\n"));
        }
    }
    let clones: Vec<&Unit> = units.iter().filter(|unit| matches!(unit.kind, Kind::Clone)).collect();
    for pair in clones.windows(2) {
        let (first, then) = (&pair[0].id, &pair[1].id);
        put(text, format_args!("<rsc_order id=\"order-{then}\" first=\"{first}\" then=\"{then}\"/>\n"));
    }
}

/// Where a unit runs, and whether it is promoted there.
fn runs(unit: &Unit, node: usize, nodes: usize) -> Option<bool> {
    match unit.kind {
        Kind::Primitive | Kind::Group => (unit.home == node).then_some(false),
        Kind::Clone => Some(false),
        Kind::Promotable => {
            let place = (node + nodes - unit.home) % nodes;
            (place < COPIES).then_some(place == 0)
        }
    }
}

fn status(event: Event, units: &[Unit], node: usize, nodes: usize, text: &mut String) {
    let lost = match event {
        Event::NodeFailure => node + 1 == nodes,
        Event::Chain => node == 0,
        Event::ColdStart | Event::Steady => false,
    };
    let (id, name) = (node + 1, format!("node{}", node + 1));
    let (member, online, join) = if lost { ("false", "offline", "down") } else { ("true", "online", "member") };
    put(text, format_args!("<node_state id=\"{id}\" uname=\"{name}\" in_ccm=\"{member}\" crmd=\"{online}\" "));
    put(text, format_args!("join=\"{join}\" expected=\"member\"><lrm id=\"{id}\"><lrm_resources>\n"));
    if event != Event::ColdStart {
        let mut call = 0;
        let device: &[Call] = if node == 0 { &[("start", 0, 0)] } else { &[("monitor", 0, 7)] };
        history("shooter", "class=\"stonith\" type=\"fence_xvm\"", device, &mut call, text);
        for unit in units {
            let monitor = if matches!(unit.kind, Kind::Promotable) { 11_000 } else { 10_000 };
            let calls: &[Call] = match runs(unit, node, nodes) {
                None => &[("monitor", 0, 7)],
                Some(true) => &[("promote", 0, 0), ("monitor", 10_000, 8)],
                Some(false) => &[("start", 0, 0), ("monitor", monitor, 0)],
            };
            for primitive in primitives(unit) {
                history(&primitive, AGENT, calls, &mut call, text);
            }
        }
    }
    put(
        text,
        format_args!("</lrm_resources></lrm><transient_attributes id=\"{id}\"><instance_attributes id=\"t{id}\">"),
    );
    for unit in units.iter().filter(|unit| matches!(unit.kind, Kind::Promotable)) {
        if let Some(promoted) = runs(unit, node, nodes) {
            let (id, score) = (&unit.id, if promoted { 10 } else { 5 });
            put(text, format_args!("<nvpair id=\"{id}-{node}\" name=\"master-{id}-p\" value=\"{score}\"/>"));
        }
    }
    text.push_str("</instance_attributes></transient_attributes></node_state>\n");
}

/// A call on record: what was called, its interval in milliseconds, and its exit code.
type Call = (&'static str, u64, u32);

/// What a node remembers of one primitive.
fn history(primitive: &str, agent: &str, calls: &[Call], call: &mut usize, text: &mut String) {
    put(text, format_args!("<lrm_resource id=\"{primitive}\" {agent}>"));
    for (word, interval, exit) in calls {
        *call += 1;
        let kind = if *interval == 0 { "last".to_string() } else { format!("monitor_{interval}") };
        put(text, format_args!("<lrm_rsc_op id=\"{primitive}_{kind}_0\" operation=\"{word}\" "));
        put(text, format_args!("transition-key=\"{call}:0:{exit}:measuring\" call-id=\"{call}\" "));
        put(text, format_args!("transition-magic=\"0:{exit};{call}:0:{exit}:measuring\" "));
        put(text, format_args!("rc-code=\"{exit}\" op-status=\"0\" interval=\"{interval}\" "));
        text.push_str("last-rc-change=\"1750000000\"/>");
    }
    text.push_str("</lrm_resource>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(event: Event) -> scheduler::schedule::Schedule {
        let situation = import::read(&cib(event, 8, 120)).expect("the CIB can be read");
        scheduler::schedule(&situation)
    }

    #[test]
    fn what_runs_where_it_should_is_left_there() {
        let steady = schedule(Event::Steady);
        assert!(steady.is_idle(), "{:?}", steady.actions.first());
    }

    #[test]
    fn a_cold_start_looks_everywhere_and_starts_everything() {
        let cold = schedule(Event::ColdStart);
        let count = |word: &str, every: bool| {
            let meant = cold.actions.iter().filter(|it| it.operation == word && (it.interval_ms > 0) == every);
            meant.filter(|it| it.node.is_some()).count()
        };
        assert!(count("start", false) >= 120, "{} starts", count("start", false));
        assert!(count("monitor", false) > 120 * 6, "{} probes", count("monitor", false));
    }

    #[test]
    fn what_a_lost_node_had_starts_elsewhere() {
        for (event, least) in [(Event::NodeFailure, 8), (Event::Chain, 120)] {
            let starts = schedule(event).actions.iter().filter(|it| it.operation == "start").count();
            assert!(starts >= least, "{event:?}: {starts} starts");
        }
    }
}
