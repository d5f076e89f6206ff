//! What differs between two files, sentence by sentence.

use super::diff;
use crate::{Config, EXAMPLE, parse};

fn config(text: &str) -> Config {
    let parsed = parse(text);
    parsed.config.unwrap_or_else(|| panic!("{:#?}", parsed.problems))
}

fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(EXAMPLE.contains(from), "{from}");
    diff(&config(EXAMPLE), &config(&EXAMPLE.replacen(from, to, 1)))
}

#[test]
fn the_same_says_nothing_wherever_it_stands() {
    assert!(diff(&config(EXAMPLE), &config(&format!("\n\n{EXAMPLE}"))).is_empty());
}

#[test]
fn values_are_shown_before_and_after() {
    assert_eq!(changed("cidr_netmask = 24", "cidr_netmask = 25"), ["resource address: params.cidr_netmask 24 -> 25"]);
    assert_eq!(
        changed("fstype = \"xfs\"", "options = \"ro\""),
        ["resource data: params.fstype xfs removed", "resource data: params.options ro added"]
    );
    assert_eq!(
        changed("attributes = { rack = \"b\" }", "standby = true"),
        ["node gamma: attributes.rack b removed", "node gamma: standby false -> true"]
    );
    assert_eq!(
        changed("prefer = { alpha = 50 }", "prefer = { alpha = 70 }"),
        ["location of web on alpha: score 50 -> 70"]
    );
    assert_eq!(changed("timeout = \"2m\"", "timeout = \"3m\""), ["resource db: start: timeout 2m -> 3m"]);
    assert_eq!(
        changed("monitor = \"5s\"", "monitor = \"6s\""),
        ["resource site: monitor every 5s: timeout 30s removed", "resource site: monitor every 6s: timeout 30s added"]
    );
    assert_eq!(
        changed("[[\"gamma-bmc\"], [\"pdu\"]]", "[[\"gamma-bmc\", \"pdu\"]]"),
        ["node gamma: fencing gamma-bmc, then pdu -> gamma-bmc and pdu"]
    );
}

#[test]
fn subjects_come_and_go() {
    let extra = "\n[resources.extra]\nstart = \"true\"\nstop = \"true\"\ncheck = \"true\"\nafter = \"db\"\n";
    let (old, new) = (config(EXAMPLE), config(&format!("{EXAMPLE}{extra}")));
    assert_eq!(diff(&old, &new), ["resource extra: added", "order of start db before start extra: added"]);
    assert_eq!(diff(&new, &old), ["resource extra: removed", "order of start db before start extra: removed"]);
}

#[test]
fn secrets_stay_out_of_sight() {
    let with = |secret: &str| EXAMPLE.replace("ip = \"10.9.0.9\"", &format!("password = \"{secret}\""));
    let sentences = diff(&config(&with("alt")), &config(&with("neu")));
    assert_eq!(sentences, ["fence device pdu: params.password changed"]);
}

#[test]
fn the_order_of_resources_counts() {
    let mut new = config(EXAMPLE);
    new.resource_order.reverse();
    assert_eq!(diff(&config(EXAMPLE), &new), ["resources: their order in the file"]);
}

#[test]
fn what_needs_a_ticket_is_told() {
    let with = |rest: &str| config(&format!("{EXAMPLE}\n[[ticket]]\nticket = \"here\"\nresource = \"web\"\n{rest}"));
    assert_eq!(diff(&config(EXAMPLE), &with("")), ["ticket here of web: added"]);
    assert_eq!(
        diff(&with(""), &with("loss-policy = \"fence\"")),
        ["ticket here of web: loss-policy by default -> fence"]
    );
}
