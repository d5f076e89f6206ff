//! Losses of small clusters, from the cluster file on.

use super::{EffectKind, at_rest, losses};
use crate::situation::Situation;

const NODES: &str = r#"
[cluster]
name = "test"
[nodes.a]
addresses = ["10.0.0.1"]
[nodes.b]
addresses = ["10.0.0.2"]
[nodes.c]
addresses = ["10.0.0.3"]
[fencing.pdu]
agent = "fence_apc_snmp"
nodes = ["a", "b", "c"]
"#;

/// The effects of losing each node, one line each: `a: web moves to b`.
fn told(resources: &str, size: usize) -> Vec<String> {
    let parsed = config::parse(&format!("{NODES}{resources}"));
    let config = parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.problems));
    let started = Situation::just_started(config.written, 1_800_000_000_000);
    let rest = at_rest(&started).expect("a small cluster comes to rest");
    let mut lines = Vec::new();
    for loss in losses(&rest, size, &|_| 1) {
        let of = loss.nodes.join("+");
        if !loss.quorate {
            lines.push(format!("{of}: no quorum"));
        }
        for effect in loss.effects {
            let what = match &effect.kind {
                EffectKind::Stops { from } => format!("stops on {}", from.join(",")),
                EffectKind::NotPromoted { from } => format!("not promoted on {}", from.join(",")),
                EffectKind::Disturbed { on, to } => format!("disturbed on {on}, to {to}"),
                EffectKind::Moves { to, .. } => format!("moves to {to}"),
                EffectKind::Promotes { on } => format!("promotes on {on}"),
                EffectKind::Fewer { before, after } => format!("{before} to {after}"),
            };
            lines.push(format!("{of}: {} {what}", effect.resource));
        }
    }
    lines
}

#[test]
fn a_resource_moves_and_the_rest_is_left_alone() {
    let web = "[resources.web]\nagent = \"ocf:heartbeat:nginx\"\nprefer = { a = 50 }\n";
    assert_eq!(told(web, 1), ["a: web moves to b"]);
}

#[test]
fn what_may_run_nowhere_else_stops() {
    let web = "[resources.web]\nagent = \"ocf:heartbeat:nginx\"\navoid = [\"b\", \"c\"]\n";
    assert_eq!(told(web, 1), ["a: web stops on a"]);
}

#[test]
fn what_starts_after_a_neighbour_is_disturbed_by_its_loss() {
    let two = "[resources.db]\nagent = \"ocf:heartbeat:pgsql\"\nprefer = { a = 50 }\n\
               [resources.web]\nagent = \"ocf:heartbeat:nginx\"\nprefer = { b = 50 }\nafter = \"db\"\n";
    assert_eq!(told(two, 1), ["a: web disturbed on b, to b", "a: db moves to b", "b: web moves to c"]);
}

#[test]
fn what_does_not_fit_stops() {
    let nodes = "[properties]\nplacement-strategy = \"utilization\"\n";
    let big = |name: &str, node: &str| {
        format!(
            "[resources.{name}]\nagent = \"ocf:heartbeat:Dummy\"\nprefer = {{ {node} = 50 }}\nutilization = {{ memory = 3 }}\n"
        )
    };
    let resources = format!("{nodes}{}{}{}", big("x", "a"), big("y", "b"), big("z", "c"));
    let capacity = |text: &str, node: &str| {
        text.replace(&format!("[nodes.{node}]\n"), &format!("[nodes.{node}]\nutilization = {{ memory = 4 }}\n"))
    };
    let file = ["a", "b", "c"].iter().fold(format!("{NODES}{resources}"), |text, node| capacity(&text, node));
    let config = config::parse(&file).config.expect("a valid file");
    let started = Situation::just_started(config.written, 1_800_000_000_000);
    let rest = at_rest(&started).expect("at rest");
    for loss in losses(&rest, 1, &|_| 1) {
        assert_eq!(loss.effects.len(), 1, "{loss:?}");
        assert!(loss.effects[0].kind.is_grave(), "{loss:?}");
    }
}

#[test]
fn two_of_three_nodes_are_the_quorum() {
    let web = "[resources.web]\nagent = \"ocf:heartbeat:nginx\"\nprefer = { c = 50 }\n";
    let told = told(web, 2);
    assert_eq!(told.iter().filter(|line| line.ends_with("no quorum")).count(), 3, "{told:?}");
    let stops = ["a+b: web stops on c", "a+c: web stops on c", "b+c: web stops on c"];
    assert!(stops.iter().all(|line| told.contains(&(*line).to_owned())), "{told:?}");
}
