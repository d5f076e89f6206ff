//! A simulation from the text of a CIB to its end: injections, the transition, what stands afterwards.
#![allow(clippy::disallowed_methods, clippy::print_stderr)]

use scheduler::injection::Injection;
use scheduler::schedule::ActionKind;
use scheduler::simulate::{Simulation, simulate};
use scheduler::situation::Situation;
use scheduler::{execute, facts, report};

/// Two nodes, a fence device, and these resources and constraints; `web` runs on n1 where it is asked for.
fn cib(resources: &str, constraints: &str, web_runs: bool) -> Situation {
    let node = |name: &str, history: &str| {
        format!(
            "<node_state id=\"{name}\" uname=\"{name}\" in_ccm=\"true\" crmd=\"online\" join=\"member\" \
             expected=\"member\"><lrm id=\"{name}\"><lrm_resources>{history}</lrm_resources></lrm></node_state>"
        )
    };
    let operation = |resource: &str, operation: &str, call: u32, interval: u32| {
        format!(
            "<lrm_rsc_op id=\"{resource}_{operation}_{interval}\" operation_key=\"{resource}_{operation}_{interval}\" \
             operation=\"{operation}\" transition-key=\"1:1:0:x\" transition-magic=\"0:0;1:1:0:x\" call-id=\"{call}\" \
             rc-code=\"0\" op-status=\"0\" interval=\"{interval}\"/>"
        )
    };
    let web = format!(
        "<lrm_resource id=\"web\" class=\"ocf\" provider=\"x\" type=\"web\">{}{}</lrm_resource>",
        operation("web", "start", 1, 0),
        operation("web", "monitor", 2, 10_000)
    );
    let text = format!(
        "<cib have-quorum=\"1\" dc-uuid=\"n1\" crm_feature_set=\"3.20.0\"><configuration><crm_config/><nodes>\
         <node id=\"n1\" uname=\"n1\"/><node id=\"n2\" uname=\"n2\"/></nodes><resources>\
         <primitive id=\"fence\" class=\"stonith\" type=\"fence_x\"/>{resources}</resources>\
         <constraints>{constraints}</constraints><rsc_defaults><meta_attributes id=\"d\">\
         <nvpair id=\"s\" name=\"resource-stickiness\" value=\"100\"/></meta_attributes></rsc_defaults></configuration><status>{}{}</status></cib>",
        node("n1", if web_runs { &web } else { "" }),
        node("n2", "")
    );
    let mut situation = import::read(&text).expect("well-formed");
    situation.now_ms = 1_782_907_200_000;
    situation
}

const WEB: &str = "<primitive id=\"web\" class=\"ocf\" provider=\"x\" type=\"web\"><operations><op id=\"web-m\" \
                   name=\"monitor\" interval=\"10s\"/></operations></primitive>";

fn inject(situation: &mut Situation, option: &str, value: &str) {
    Injection::parse(option, value).expect("understood").apply(situation).expect("there is such a thing");
}

fn changes(simulation: &Simulation) -> Vec<String> {
    let of = |change: &scheduler::schedule::Change| {
        let what = change.resource.as_ref().or(change.node.as_ref());
        let to = change.to.as_ref().or(change.from.as_ref());
        format!("{} {} {}", change.action, what.map_or("", String::as_str), to.map_or("", String::as_str))
    };
    simulation.schedule.summary.iter().map(of).map(|line| line.trim_end().to_string()).collect()
}

fn placed(simulation: &Simulation, resource: &str) -> Vec<String> {
    let of = simulation.after.resources.iter().filter(|it| it.resource == resource);
    of.map(|it| format!("{} {}", it.role, it.node)).collect()
}

/// What is left to do when the transition of a situation was carried out.
fn left(situation: &Situation) -> Vec<String> {
    let facts = facts::read(situation);
    let later = execute::execute(&facts, &scheduler::plan(&facts));
    let again = simulate(&later).schedule.actions;
    again.iter().filter(|it| it.kind != ActionKind::Pseudo).map(report::key).collect()
}

#[test]
fn what_was_started_stands_and_nothing_is_left_to_do() {
    let situation = cib(WEB, "", false);
    let simulation = simulate(&situation);
    assert!(changes(&simulation).contains(&"start web n2".to_string()), "{:?}", changes(&simulation));
    assert_eq!(placed(&simulation, "web"), ["Started n2"]);
    assert_eq!(left(&situation), Vec::<String>::new());
}

#[test]
fn an_injected_failure_is_recovered_from() {
    let mut situation = cib(WEB, "", true);
    inject(&mut situation, "op-fail", "web:monitor:7@n1");
    let simulation = simulate(&situation);
    assert!(changes(&simulation).contains(&"recover web n1".to_string()), "{:?}", changes(&simulation));
    let counts = situation.status[0].attributes.iter().flat_map(|set| &set.values);
    let count = counts.into_iter().find(|value| value.name == "fail-count-web#monitor_10000");
    assert_eq!(count.and_then(|value| value.value.as_deref()), Some("1"));
    assert_eq!(left(&situation), Vec::<String>::new());
}

#[test]
fn a_lost_node_is_fenced_and_empty_afterwards() {
    let mut situation = cib(WEB, "", true);
    inject(&mut situation, "node-fail", "n1");
    let simulation = simulate(&situation);
    assert!(changes(&simulation).contains(&"fence n1".to_string()), "{:?}", changes(&simulation));
    assert_eq!(placed(&simulation, "web"), ["Started n2"]);
    assert!(!simulation.after.nodes[0].online && !simulation.after.nodes[0].unclean);
}

#[test]
fn a_node_in_standby_is_left() {
    let mut situation = cib(WEB, "", true);
    inject(&mut situation, "node-standby", "n1");
    assert_eq!(placed(&simulate(&situation), "web"), ["Started n2"]);
    assert_eq!(left(&situation), Vec::<String>::new());
}

#[test]
fn a_ticket_that_is_taken_away_stops_what_needs_it() {
    let mut situation = cib(WEB, "<rsc_ticket id=\"t\" rsc=\"web\" ticket=\"T\" loss-policy=\"stop\"/>", true);
    inject(&mut situation, "ticket-grant", "T");
    assert_eq!(placed(&simulate(&situation), "web"), ["Started n1"]);
    inject(&mut situation, "ticket-revoke", "T");
    assert_eq!(placed(&simulate(&situation), "web"), Vec::<String>::new());
}

#[test]
fn without_quorum_everything_stops_unless_an_option_says_otherwise() {
    let mut situation = cib(WEB, "", true);
    inject(&mut situation, "quorum", "no");
    assert_eq!(placed(&simulate(&situation), "web"), Vec::<String>::new());
    inject(&mut situation, "property", "no-quorum-policy=ignore");
    assert_eq!(placed(&simulate(&situation), "web"), ["Started n1"]);
}

#[test]
fn a_constraint_is_over_with_its_lifetime() {
    let ban = |until: &str| {
        format!(
            "<rsc_location id=\"l\" rsc=\"web\" node=\"n1\" score=\"-INFINITY\"><lifetime><rule id=\"r\">\
             <date_expression id=\"d\" operation=\"lt\" end=\"{until}\"/></rule></lifetime></rsc_location>"
        )
    };
    let banned = simulate(&cib(WEB, &ban("2026-07-02"), true));
    assert_eq!(placed(&banned, "web"), ["Started n2"]);
    assert_eq!(banned.schedule.recheck_ms, Some(1_782_950_400_000));
    let over = simulate(&cib(WEB, &ban("2026-06-30"), true));
    assert_eq!(placed(&over, "web"), ["Started n1"]);
}

#[test]
fn injections_say_what_they_do_not_understand() {
    let wrong = [
        ("node-down", "n9"),
        ("op-fail", "nothing:monitor:7@n1"),
        ("op-fail", "web:monitor:7@n9"),
        ("utilization", "n9:cpu=3"),
    ];
    for (option, value) in wrong {
        let mut situation = cib(WEB, "", true);
        let injection = Injection::parse(option, value).expect("understood");
        assert!(injection.apply(&mut situation).is_err(), "{option} {value}");
    }
    for (option, value) in [("op-fail", "web"), ("quorum", "perhaps"), ("property", "x"), ("nothing", "x")] {
        assert!(Injection::parse(option, value).is_err(), "{option} {value}");
    }
}

#[test]
fn the_report_is_the_same_every_time_and_hostile_names_are_quoted() {
    let situation = cib(WEB, "", false);
    let text = report::json::write(&simulate(&situation), situation.now_ms);
    assert_eq!(text, report::json::write(&simulate(&situation), situation.now_ms));
    assert!(text.contains("\"now\":\"2026-07-01T12:00:00Z\""));
    let hostile = WEB.replace("web", "w&quot;\\&#10;");
    let situation = cib(&hostile, "", false);
    let text = report::json::write(&simulate(&situation), situation.now_ms);
    assert!(text.contains(r#""resource":"w\"\\\n""#), "{text}");
}
