//! After its transition was carried out a cluster is at rest; what would go round for ever stands still.
#![allow(clippy::disallowed_methods)]

use conformance::random;
use conformance::rest::{End, course};
use scheduler::situation::Situation;

/// Two members that are there, resources, constraints, and what the first member did.
fn cluster(resources: &str, constraints: &str, history: &str) -> Situation {
    let member = |name: &str, history: &str| {
        format!(
            "<node_state id=\"{name}\" uname=\"{name}\" in_ccm=\"true\" crmd=\"online\" join=\"member\" \
             expected=\"member\"><lrm id=\"{name}\"><lrm_resources>{history}</lrm_resources></lrm></node_state>"
        )
    };
    let (first, second) = (member("n1", history), member("n2", ""));
    let text = format!(
        "<cib have-quorum=\"1\" dc-uuid=\"n1\" crm_feature_set=\"3.17.0\"><configuration><crm_config><cluster_property_set \
         id=\"p\"><nvpair id=\"f\" name=\"stonith-enabled\" value=\"false\"/></cluster_property_set></crm_config><nodes><node \
         id=\"n1\" uname=\"n1\"/><node id=\"n2\" uname=\"n2\"/></nodes><resources>{resources}</resources>\
         <constraints>{constraints}</constraints></configuration><status>{first}{second}</status></cib>"
    );
    let mut situation = import::read(&text).expect("well-formed");
    situation.now_ms = random::NOW * 1000;
    situation
}

/// What each of two colocations wants undoes what the other has done: so it is alone, and among so many others that
/// positions are looked at first.
#[test]
fn what_would_move_for_ever_stays() {
    for others in [0, 120] {
        goes_round(others);
    }
}

fn goes_round(others: usize) {
    let other = |number| format!("<primitive id=\"other{number}\" class=\"ocf\" provider=\"x\" type=\"c\"/>");
    let others: String = (0..others).map(other).collect();
    let resources = "<clone id=\"a-clone\"><group id=\"a\"><primitive id=\"a1\" class=\"ocf\" provider=\"x\" type=\"a\"/></group>\
                     </clone><primitive id=\"b\" class=\"ocf\" provider=\"x\" type=\"b\"><meta_attributes id=\"m\"><nvpair id=\"s\" \
                     name=\"resource-stickiness\" value=\"1\"/></meta_attributes></primitive>";
    let constraints = "<rsc_colocation id=\"near\" rsc=\"b\" with-rsc=\"a-clone\" score=\"1000\"/>\
                       <rsc_colocation id=\"far\" rsc=\"b\" with-rsc=\"a-clone\" score=\"-100\"/>";
    let situation = cluster(&format!("{resources}{others}"), constraints, "");
    let mut warnings = Vec::new();
    let course = course(&situation, None, |_, schedule, _| warnings.clone_from(&schedule.warnings));
    assert_eq!(course.end, End::Rest, "{:#?}", course.transitions);
    assert_eq!(course.transitions.len(), 1, "{:#?}", course.transitions);
    assert!(warnings.iter().any(|line| line.starts_with("b") && line.contains(" would move for ever")), "{warnings:?}");
}

/// A changed parameter restarts an instance where it is: everything stands as before, and nothing went round. Older
/// histories have an entry for each kind of call; the restart makes all of them old.
#[test]
fn a_restart_in_place_is_no_circle() {
    let resources = "<primitive id=\"b\" class=\"ocf\" provider=\"x\" type=\"b\"><instance_attributes id=\"i\"><nvpair id=\"v\" \
                     name=\"size\" value=\"2\"/></instance_attributes></primitive>";
    let call = |id: &str, number: u32, exit: u32| {
        format!(
            "<lrm_rsc_op id=\"b_{id}_0\" operation_key=\"b_{id}_0\" operation=\"{id}\" transition-key=\"1:1:{exit}:x\" \
             transition-magic=\"0:{exit};1:1:{exit}:x\" call-id=\"{number}\" rc-code=\"{exit}\" op-status=\"0\" interval=\"0\" \
             crm_feature_set=\"3.17.0\" op-digest=\"00000000000000000000000000000000\"/>"
        )
    };
    let history = format!(
        "<lrm_resource id=\"b\" class=\"ocf\" provider=\"x\" type=\"b\">{}{}</lrm_resource>",
        call("monitor", 1, 7),
        call("start", 2, 0)
    );
    let course = course(&cluster(resources, "", &history), None, |_, _, _| {});
    assert_eq!(course.end, End::Rest, "{:#?}", course.transitions);
    assert_eq!(course.transitions.len(), 1, "{:#?}", course.transitions);
    assert!(course.transitions[0].done.contains(&"start b n1".to_string()), "{:#?}", course.transitions);
}
