//! Golden texts: what an operator sees, at most 80 columns wide. `UPDATE=1` writes them anew.

use crate::output::Paint;
use crate::render::time::Clock;
use crate::render::{WIDTH, events, fencing, plan, problems, quorum, status};
use ::fencing::{HistoryEntry, RequestId};
use config::{DeviceId, FencingAction, NodeId, Problem, QuorumOptions, ResourceId, Severity};
use crm::cib::{Forced, Generation};
use crm::control::{PlannedAction, QuorumSetting};
use crm::event::{Event, EventKind};
use crm::summary::*;
use membership::{Quorum, Tally};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

const NOW: u64 = 1_700_000_000_000;

/// Compares with the file of this name, and checks the width.
fn golden(name: &str, text: &str) {
    for line in text.lines() {
        assert!(line.width() <= WIDTH, "{name}: {} columns: {line}", line.width());
        assert_eq!(line, line.trim_end(), "{name}: spaces at the end");
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/render/golden").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{name} differs; run with UPDATE=1 to accept\n{text}");
}

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

fn resource(name: &str, group: Option<&str>, state: &str, nodes: &[&str]) -> ResourceSummary {
    ResourceSummary {
        name: ResourceId::new(name).unwrap(),
        group: group.map(|group| ResourceId::new(group).unwrap()),
        clone: None,
        agent: "ocf:heartbeat:IPaddr2".to_owned(),
        state: state.to_owned(),
        nodes: nodes.iter().map(|name| node(name)).collect(),
        promoted: Vec::new(),
        note: None,
    }
}

fn healthy() -> Summary {
    let online = |name: &str| NodeSummary { name: node(name), state: "online".to_owned() };
    Summary {
        cluster: "web".to_owned(),
        node: node("alpha"),
        view: "12/alpha".to_owned(),
        dc: Some(node("beta")),
        quorum: Quorum { quorate: true, votes: 3, expected: 3, needed: 2, ..Quorum::default() },
        generation: Generation { view: 12, index: 3 },
        activity: "idle".to_owned(),
        nodes: vec![online("alpha"), online("beta"), online("gamma")],
        resources: vec![
            resource("data", Some("web"), "started", &["alpha"]),
            resource("address", Some("web"), "started", &["alpha"]),
            resource("site", Some("web"), "started", &["alpha"]),
            resource("backup", None, "started", &["gamma"]),
        ],
        fencing: Vec::new(),
        overrides: Vec::new(),
        failures: Vec::new(),
        warnings: Vec::new(),
    }
}

fn shown(summary: &Summary) -> String {
    status::status(summary, &Clock::fixed(NOW), Paint(false))
}

#[test]
fn a_healthy_cluster() {
    golden("healthy.txt", &shown(&healthy()));
}

#[test]
fn a_cluster_in_trouble_says_so_first_and_what_to_do() {
    let mut summary = healthy();
    summary.activity = "waiting for the fencing of gamma, 4 actions to go".to_owned();
    summary.nodes[1].state = "standby".to_owned();
    summary.nodes[2].state = "unclean".to_owned();
    summary.fencing = vec![FencingSummary {
        node: node("gamma"),
        reason: "it dropped out of the cluster without leaving".to_owned(),
        failed_attempts: 3,
        last_failure: Some(
            "fence_ipmilan: Connection timed out\n\x1b[31mUnable to connect/login to fencing device at 10.9.0.3"
                .to_owned(),
        ),
    }];
    summary.warnings =
        vec!["alpha has no fence device: if it is lost, its resources cannot be started elsewhere".to_owned()];
    summary.resources[1].state = "failed".to_owned();
    summary.resources[1].note =
        Some("monitor failed 3 times on alpha (migration-threshold 3), and no other node may run it".to_owned());
    summary.resources[2] = resource("site", Some("web"), "stopped", &[]);
    summary.resources[3] = resource("backup", None, "blocked", &["alpha", "gamma"]);
    summary.failures = vec![FailureSummary {
        resource: ResourceId::new("address").unwrap(),
        node: node("alpha"),
        count: 3,
        last: "monitor timed out: no answer from the network interface eth0 after 20 s".to_owned(),
        wall_ms: NOW - 63_000,
    }];
    summary.overrides = vec![OverrideSummary {
        what: "node beta is in standby".to_owned(),
        undo: "paceline node online beta".to_owned(),
    }];
    golden("trouble.txt", &shown(&summary));
}

#[test]
fn without_quorum_and_with_long_names_it_still_fits() {
    let mut summary = healthy();
    let long = "n".repeat(config::MAX_NAME);
    summary.quorum = Quorum { quorate: false, votes: 1, expected: 3, needed: 2, ..Quorum::default() };
    summary.dc = None;
    summary.nodes[0].name = node(&long);
    summary.nodes[1].state = "not seen".to_owned();
    summary.resources =
        vec![resource(&long, Some(&long), "started", &[&long]), resource("b", None, "stopping", &[&long, "beta"])];
    golden("long-names.txt", &shown(&summary));
    summary.quorum.awaited = vec![node("beta"), node("gamma")];
    summary.resources.clear();
    golden("waiting.txt", &shown(&summary));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let summary = healthy();
    let painted = status::status(&summary, &Clock::fixed(NOW), Paint(true));
    let mut plain = String::new();
    let mut rest = painted.as_str();
    while let Some(start) = rest.find('\x1b') {
        plain.push_str(&rest[..start]);
        rest = &rest[start + rest[start..].find('m').unwrap() + 1..];
    }
    plain.push_str(rest);
    let trimmed = |text: &str| text.lines().map(|line| format!("{}\n", line.trim_end())).collect::<String>();
    assert_eq!(trimmed(&plain), trimmed(&shown(&summary)));
    assert_ne!(painted, plain);
}

#[test]
fn plans() {
    let action = |what: &str, why: &str| PlannedAction { what: what.to_owned(), why: why.to_owned() };
    golden("plan-nothing.txt", &plan::plan(&[], &[], &[], Paint(false)));
    let differences =
        ["resource site: params.port 80 -> 8080".to_owned(), "node gamma: standby false -> true".to_owned()];
    let actions = [
        action("stop site on alpha", "its parameters change: port"),
        action(
            "start site on alpha",
            "alpha is where the rest of group web runs, and that group has stickiness 100 for it",
        ),
    ];
    let stopped = [action("backup", "it may run on gamma only, and gamma is in standby")];
    golden("plan.txt", &plan::plan(&differences, &actions, &stopped, Paint(false)));
}

#[test]
fn fencing_history() {
    let entry = |result, by: Option<&str>| HistoryEntry {
        request: RequestId(1),
        target: node("gamma"),
        action: FencingAction::Reboot,
        by: by.map(node),
        devices: vec![DeviceId::new("gamma-bmc").unwrap()],
        result,
        wall_ms: NOW - 5000,
        elapsed: Duration::from_millis(1400),
        reason: "it dropped out of the cluster without leaving".to_owned(),
    };
    let entries =
        [entry(Err("Unable to connect".to_owned()), Some("alpha")), entry(Ok(()), Some("beta")), entry(Ok(()), None)];
    golden("fencing.txt", &fencing::history(&[], &entries, &Clock::fixed(NOW), Paint(false)));
    golden("fencing-none.txt", &fencing::history(&[], &[], &Clock::fixed(NOW), Paint(false)));
}

#[test]
fn an_event_is_a_line() {
    let event = Event {
        wall_ms: NOW + 42,
        kind: EventKind::FencingRequested,
        subject: Some("gamma".to_owned()),
        text: "gamma must be cut off:\nit was lost".to_owned(),
    };
    let text = events::event(&event, &Clock::fixed(NOW), Paint(false));
    assert_eq!(text, "22:13:20.042  fencing-requested  gamma must be cut off: it was lost");
}

#[test]
fn problems_show_line_and_caret_also_when_the_span_does_not_fit() {
    let text = "[cluster]\nnaem = \"ü\"\n";
    let problem = |span, message: &str| Problem {
        severity: Severity::Error,
        message: message.to_owned(),
        span,
        line: 2,
        column: 1,
        hint: Some("did you mean `name`?".to_owned()),
    };
    let found =
        [problem(10..14, "there is no option `naem`"), problem(19..900, "too far"), problem(500..501, "beyond")];
    golden("problems.txt", &problems::problems("web.toml", text, &found, Paint(false)));
}

fn votes(names: &str) -> BTreeMap<NodeId, u32> {
    names.split_whitespace().map(|name| (node(name), 1)).collect()
}

fn quorum_shown(quorum: &Quorum, members: &str, setting: &QuorumSetting) -> String {
    let members: Vec<NodeId> = members.split_whitespace().map(node).collect();
    let sight = quorum::Sight { quorum, view: "12/alpha", members: &members, setting };
    quorum::quorum(&sight, &Clock::fixed(NOW), Paint(false))
}

#[test]
fn quorum_tells_whose_votes_count_and_what_the_options_do() {
    let options = QuorumOptions {
        wait_for_all: Some(true),
        last_man_standing: true,
        last_man_standing_window: Duration::from_secs(10),
        auto_tie_breaker: Some(config::TieBreaker::Lowest),
        ..QuorumOptions::default()
    };
    let mut setting =
        QuorumSetting { options, nodes: votes("alpha beta gamma delta epsilon"), all_seen: true, ..Default::default() };
    setting.nodes.insert(node("zeta"), 0);
    let tally = Tally { votes: 2, expected: 2, needed: 1 };
    let next = Some(membership::Next { voters: votes("alpha beta"), tally });
    let voters = votes("alpha beta gamma delta");
    let shrinking = Quorum { quorate: true, votes: 2, expected: 4, needed: 2, voters, next, ..Quorum::default() };
    golden("quorum.txt", &quorum_shown(&shrinking, "alpha beta zeta", &setting));
}

#[test]
fn forced_quorum_is_not_overlooked() {
    let forced = Forced {
        view: 12,
        nodes: [node("alpha")].into(),
        given_up: [node("beta"), node("gamma")].into(),
        vouched: [node("beta")].into(),
        by: node("alpha"),
        wall_ms: NOW - 63_000,
    };
    let setting = QuorumSetting { nodes: votes("alpha beta gamma"), forced: Some(forced), ..Default::default() };
    let alone = Quorum { quorate: true, votes: 1, expected: 1, needed: 1, voters: votes("alpha"), ..Quorum::default() };
    golden("quorum-forced.txt", &quorum_shown(&alone, "alpha", &setting));
}

#[test]
fn quorum_tells_who_waits_for_what() {
    let two = QuorumOptions { two_node: true, ..QuorumOptions::default() };
    let setting = QuorumSetting { options: two, nodes: votes("alpha beta"), ..Default::default() };
    let voters = votes("alpha beta");
    let waiting = Quorum {
        votes: 1,
        expected: 2,
        needed: 1,
        awaited: vec![node("beta")],
        voters: voters.clone(),
        ..Quorum::default()
    };
    let external = Some(membership::External { votes: 1, granted: None, decides: true });
    let asked = Quorum { votes: 1, expected: 3, needed: 2, external, voters, ..Quorum::default() };
    let plain = QuorumSetting { options: QuorumOptions::default(), ..setting.clone() };
    let three = QuorumSetting { nodes: votes("alpha beta gamma"), ..Default::default() };
    let voters = votes("alpha beta gamma");
    let blank = Quorum { votes: 1, expected: 3, needed: 2, voters, blank: vec![node("beta")], ..Quorum::default() };
    let text = [
        quorum_shown(&waiting, "alpha", &setting),
        quorum_shown(&asked, "alpha", &plain),
        quorum_shown(&blank, "alpha beta", &three),
    ];
    golden("quorum-waiting.txt", &text.join("\n"));
}
