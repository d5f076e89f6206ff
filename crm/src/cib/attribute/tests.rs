//! What is noted, for how long, and what is not.

use super::super::tests::{MINORITY, QUORATE, begin, cib, from, node};
use super::*;
use crate::cib::{Applied, Change};

fn life(place: &str, name: &str, value: Option<&str>) -> Attribute {
    let subject = Subject::Life { node: node(place) };
    Attribute { subject, name: name.to_owned(), value: value.map(str::to_owned) }
}

fn cluster(name: &str, value: Option<&str>) -> Attribute {
    Attribute { subject: Subject::Cluster, name: name.to_owned(), value: value.map(str::to_owned) }
}

/// As said in the first life of the node.
fn note(attribute: &Attribute) -> Change {
    let life = matches!(attribute.subject, Subject::Life { .. }).then_some(Incarnation(1));
    Change::Note { attribute: attribute.clone(), life }
}

#[test]
fn a_note_about_a_former_life_does_not_count_for_the_new_one() {
    let mut cib = cib();
    let late = life("alpha", "master-db", Some("10"));
    begin(&mut cib, &[("alpha", 2), ("beta", 2)]);
    let applied = cib.apply(&from(1), &note(&late), QUORATE);
    assert!(matches!(&applied, Applied::Refused(Refused { kind: Refusal::Conflict, .. })), "{applied:?}");
    assert_eq!(cib.attribute(&late.subject, "master-db"), None);
    let now = Change::Note { life: cib.life_of(&late.subject), attribute: late.clone() };
    assert!(matches!(cib.apply(&from(2), &now, QUORATE), Applied::Changed(_)));
    assert_eq!(cib.attribute(&late.subject, "master-db"), Some("10"));
}

#[test]
fn a_note_for_a_life_needs_no_quorum_and_ends_with_the_life() {
    let mut cib = cib();
    let score = life("alpha", "master-db", Some("10"));
    let noted = cib.apply(&from(1), &note(&score), MINORITY);
    assert_eq!(noted, Applied::Changed(News::Noted(score.clone())));
    assert_eq!(cib.apply(&from(2), &note(&score), MINORITY), Applied::Unchanged, "no news");
    assert_eq!(cib.attribute(&score.subject, "master-db"), Some("10"));
    let own = cib.status.nodes.clone();
    begin(&mut cib, &[("beta", 2)]);
    assert_eq!(cib.attribute(&score.subject, "master-db"), None, "a lost node is not promoted");
    let refused = cib.apply(&from(3), &note(&score), QUORATE);
    assert!(matches!(refused, Applied::Refused(Refused { kind: Refusal::Unavailable, .. })));
    let members = [(node("alpha"), Incarnation(1)), (node("beta"), Incarnation(2))];
    cib.begin_view(&members.clone().into(), &own);
    assert_eq!(cib.attribute(&score.subject, "master-db"), Some("10"), "the same life brings its notes back");
    cib.begin_view(&members.into(), &BTreeMap::new());
    assert_eq!(cib.attribute(&score.subject, "master-db"), None);
}

#[test]
fn a_note_for_good_needs_quorum_and_makes_a_version() {
    let mut cib = cib();
    let before = (cib.durable.generation, cib.durable.digest());
    let status = life("alpha", "db-status", Some("LATEST"));
    let lasting = Attribute { subject: Subject::Node { node: node("alpha") }, ..status };
    let refused = cib.apply(&from(1), &note(&lasting), MINORITY);
    assert!(matches!(refused, Applied::Refused(Refused { kind: Refusal::NotQuorate, .. })));
    assert!(matches!(cib.apply(&from(2), &note(&lasting), QUORATE), Applied::Changed(_)));
    assert!(matches!(cib.apply(&from(3), &note(&cluster("info", Some("x"))), QUORATE), Applied::Changed(_)));
    assert_ne!((cib.durable.generation, cib.durable.digest()), before);
    begin(&mut cib, &[("beta", 2)]);
    assert_eq!(cib.attribute(&lasting.subject, "db-status"), Some("LATEST"), "it outlives the life");
    assert_eq!(cib.attribute(&Subject::Cluster, "info"), Some("x"));
    let removed = Attribute { value: None, ..lasting };
    assert!(matches!(cib.apply(&from(4), &note(&removed), QUORATE), Applied::Changed(_)));
    assert_eq!(cib.apply(&from(5), &note(&removed), QUORATE), Applied::Unchanged);
    assert!(cib.durable.attributes.nodes.is_empty(), "nothing is kept of it");
}

#[test]
fn what_could_not_be_shown_or_would_grow_for_ever_is_refused() {
    let mut cib = cib();
    let long = "x".repeat(MAX_ATTRIBUTE_VALUE + 1);
    for (name, value) in [("", "1"), ("a b", "1"), ("a=b", "1"), ("a\"", "1"), ("a", "two\nlines"), ("a", &long)] {
        let refused = cib.apply(&from(1), &note(&cluster(name, Some(value))), QUORATE);
        assert!(matches!(refused, Applied::Refused(_) | Applied::Repeated), "{name} {value}");
        assert!(cib.may_note(&cluster(name, Some(value))).is_err(), "{name} {value}");
    }
    assert!(cib.may_note(&life("nowhere", "a", Some("1"))).is_err());
    for (count, counter) in (2..).take(MOST_ATTRIBUTES + 1).enumerate() {
        let applied = cib.apply(&from(counter), &note(&life("alpha", &format!("a{count}"), Some("1"))), QUORATE);
        assert_eq!(matches!(applied, Applied::Changed(_)), count < MOST_ATTRIBUTES, "{count}");
    }
    let again = cib.apply(&from(9999), &note(&life("alpha", "a7", Some("2"))), QUORATE);
    assert!(matches!(again, Applied::Changed(_)), "one that is there may change");
}

#[test]
fn what_the_cluster_says_of_nodes_itself_cannot_be_noted() {
    let cib = cib();
    for name in
        ["shutdown", "terminate", "standby", "maintenance", "fail-count-web#start_0", "last-failure-web#start_0"]
    {
        assert!(cib.may_note(&life("alpha", name, Some("1"))).is_err(), "{name}");
        assert!(cib.may_note(&life("alpha", name, None)).is_ok(), "{name} may be taken away");
    }
}
