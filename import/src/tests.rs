//! Small CIBs and what they become.

use super::read;
use config::Score;
use scheduler::situation::{LocationScore, OperationStatus, Preference, ResourceKind, Subject};

fn cib(configuration: &str, status: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<!-- a comment -->\n<cib have-quorum=\"1\" execution-date=\"100\">\
         <configuration>{configuration}</configuration><status>{status}</status></cib>"
    )
}

#[test]
fn what_is_not_a_cib_is_refused_with_its_line() {
    let cases = [
        ("", 1, "no element"),
        ("hello", 1, "no element"),
        ("<html/>", 1, "not a CIB"),
        ("<cib/>", 1, "no <configuration>"),
        ("<cib>\n<configuration>\n</cib>", 3, ""),
        ("<cib>\n<configuration/>\n", 1, "never closed"),
        ("<cib>\n<configuration/></cib>\n<cib/>", 3, "second root"),
        ("<cib>\n<configuration id=\"a\" id=\"b\"/></cib>", 2, ""),
        ("<cib>\n<configuration id=\"&what;\"/></cib>", 2, ""),
        ("<!DOCTYPE cib [<!ENTITY a \"b\">]><cib/>", 1, "document type"),
        (
            "<cib><configuration><resources>\n<primitive id=\"a\"><operations id-ref=\"b\"/></primitive></resources></configuration></cib>",
            2,
            "no element has this id",
        ),
    ];
    for (text, line, what) in cases {
        let error = read(text).expect_err(text);
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.what.contains(what), "{text}: {error}");
    }
}

#[test]
fn a_time_too_far_to_be_counted_is_the_last_or_first_there_is() {
    let now = |date: &str| {
        let text = cib("", "").replace("execution-date=\"100\"", &format!("execution-date=\"{date}\""));
        read(&text).expect("well-formed").now_ms
    };
    assert_eq!(now("100"), 100_000);
    assert_eq!(now("170000004294967295"), i64::MAX);
    assert_eq!(now("-170000004294967295"), i64::MIN);
    assert_eq!(now("170000004294967295170000004294967295"), 0, "no number at all");
}

#[test]
fn a_reference_in_a_circle_ends() {
    let text = cib(
        "<constraints><rsc_location id=\"l\" rsc=\"a\"><rule id=\"r\"><rule id-ref=\"r\"/><rule id-ref=\"r\"/></rule>\
         </rsc_location></constraints>",
        "",
    );
    let error = read(&text).expect_err("a circle");
    assert!(error.what.contains("too"), "{error}");
}

#[test]
fn an_element_may_stand_elsewhere() {
    let text = cib(
        "<resources><primitive id=\"a\" class=\"ocf\" provider=\"x\" type=\"y\"><operations id=\"ops\"><op id=\"m\" \
         name=\"monitor\" interval=\"10s\" role=\"Master\"/></operations></primitive><primitive id=\"b\" class=\"stonith\" \
         type=\"y\"><operations id-ref=\"ops\"/></primitive></resources>",
        "",
    );
    let situation = read(&text).expect("well-formed");
    let resources = &situation.configuration.resources;
    assert_eq!(resources[0].operations, resources[1].operations);
    assert_eq!(resources[1].operations[0].options[0].value.as_deref(), Some("Promoted"));
    let ResourceKind::Primitive(Some(agent)) = &resources[1].kind else { panic!("a primitive") };
    assert!(agent.is_fencing());
}

#[test]
fn current_names_win_over_old_ones_wherever_they_stand() {
    let text = cib(
        "<crm_config><cluster_property_set id=\"cib-bootstrap-options\"><nvpair id=\"1\" name=\"stonith-enabled\" \
         value=\"false\"/></cluster_property_set><cluster_property_set id=\"x\" score=\"-5\"><nvpair id=\"2\" \
         name=\"fencing-enabled\" value=\"true\"/></cluster_property_set></crm_config>",
        "",
    );
    let properties = read(&text).expect("well-formed").configuration.properties;
    let found: Vec<_> = properties.iter().flat_map(|set| set.values.iter().map(|value| (set.score, value))).collect();
    assert!(found.iter().all(|(_, value)| value.name == "fencing-enabled"));
    let first = found.iter().max_by_key(|(score, _)| *score).expect("two values");
    assert_eq!(first.1.value.as_deref(), Some("true"));
}

#[test]
fn the_old_element_for_promotable_clones_is_a_clone() {
    let text = cib(
        "<resources><master id=\"m\"><meta_attributes id=\"x\"><nvpair id=\"1\" name=\"master-max\" value=\"2\"/>\
         </meta_attributes><primitive id=\"p\" class=\"ocf\" type=\"y\"/></master></resources>",
        "",
    );
    let situation = read(&text).expect("well-formed");
    let names: Vec<_> = situation.configuration.resources[0]
        .meta
        .iter()
        .flat_map(|set| set.values.iter())
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["promotable", "promoted-max"]);
}

#[test]
fn a_pattern_may_be_negated() {
    let text = cib(
        "<constraints><rsc_location id=\"l\" rsc-pattern=\"!^a&lt;\" node=\"n\" score=\"-INFINITY\"/></constraints>",
        "",
    );
    let location = read(&text).expect("well-formed").configuration.constraints.locations.remove(0);
    assert_eq!(location.subject, Subject::Pattern { expression: "^a<".to_string(), negated: true });
    assert_eq!(location.preference, Preference::Node(LocationScore { node: "n".to_string(), score: Score::NEVER }));
}

#[test]
fn a_history_says_the_same_in_old_and_new_words() {
    let text = cib(
        "",
        "<node_state id=\"1\" uname=\"a\" in_ccm=\"1676981697\" crmd=\"0\"><lrm id=\"1\"><lrm_resources><lrm_resource \
         id=\"r\" class=\"ocf\" type=\"t\"><lrm_rsc_op id=\"r_monitor_0\" operation=\"monitor\" \
         transition-magic=\"-1:193;4:2:7:abc\" call-id=\"5\"/></lrm_resource></lrm_resources></lrm></node_state>\
         <node_state id=\"2\" uname=\"b\" in_ccm=\"true\" crmd=\"online\"/><tickets><instance_attributes id=\"i\">\
         <nvpair id=\"n\" name=\"granted-ticket-T\" value=\"true\"/></instance_attributes></tickets>",
    );
    let situation = read(&text).expect("well-formed");
    let node = &situation.status[0];
    assert_eq!((node.member, node.member_since, node.peer), (Some(true), Some(1_676_981_697), Some(false)));
    assert_eq!((situation.status[1].member, situation.status[1].peer), (Some(true), Some(true)));
    let operation = &node.resources[0].operations[0];
    assert_eq!((operation.status, operation.exit_code), (OperationStatus::Pending, 193));
    assert_eq!((operation.expected_exit_code, operation.key.as_str()), (7, "r_monitor_0"));
    assert!(situation.tickets[0].granted);
    assert_eq!(situation.now_ms, 100_000);
}

#[test]
fn values_are_read_whole_and_an_attribute_is_written_once() {
    let resource = |attributes: &str| read(&cib(&format!("<resources><primitive {attributes}/></resources>"), ""));
    let situation = resource("id=\"größe &amp; ☃\" class='ocf' type = \"Dummy\"").expect("well-formed");
    assert_eq!(situation.configuration.resources[0].id, "größe & ☃");
    let error = resource("id=\"a\" class=\"ocf\" id=\"b\"").expect_err("twice").to_string();
    assert!(error.contains("attribute id is written twice"), "{error}");
}

#[test]
fn a_rule_about_the_ids_of_nodes_is_about_their_names_in_a_file() {
    let nodes = "<nodes><node id=\"1\" uname=\"a\"/><node id=\"2\" uname=\"b\"/><node id=\"10\" uname=\"c\"/></nodes>\
                 <resources><primitive id=\"r\" class=\"ocf\" provider=\"x\" type=\"y\"/></resources>";
    let cases = [
        ("operation=\"eq\" value=\"2\"", "#uname eq b"),
        ("operation=\"ne\" value=\"2\"", "#uname ne b"),
        ("operation=\"gte\" type=\"integer\" value=\"2\"", "(#uname eq b or #uname eq c)"),
        ("operation=\"lt\" type=\"string\" value=\"2\"", "(#uname eq a or #uname eq c)"),
        ("operation=\"eq\" value=\"7\"", "not_defined #uname"),
        ("operation=\"ne\" value=\"7\"", "defined #uname"),
        ("operation=\"defined\"", "defined #id"),
    ];
    for (condition, expected) in cases {
        let text = cib(
            &format!(
                "{nodes}<constraints><rsc_location id=\"l\" rsc=\"r\"><rule id=\"q\" score=\"5\"><expression id=\"e\" \
                 attribute=\"#id\" {condition}/></rule></rsc_location></constraints>"
            ),
            "",
        );
        let written = super::cluster_file(&read(&text).expect("well-formed"), "t").text;
        assert!(written.contains(&format!("rule = \"{expected}\"")), "{condition}: {written}");
    }
    let text = cib(
        &format!(
            "{nodes}<constraints><rsc_location id=\"l\" rsc=\"r\"><rule id=\"q\" score=\"5\"><expression id=\"e\" \
             attribute=\"#id\" operation=\"eq\" value=\"p\" value-source=\"param\"/></rule></rsc_location>\
             </constraints>"
        ),
        "",
    );
    let left_out = super::cluster_file(&read(&text).expect("well-formed"), "t").left_out;
    assert!(left_out.iter().any(|it| it.starts_with("the rule q: it compares the ids of nodes")), "{left_out:?}");
}
