//! What people and other programs write: cluster files, rules, single words, CIBs, descriptions of agents.

use super::{TEXT, Target, same};
use config::written::Rule;
use config::{Address, DeviceId, NodeId, ResourceId};
use resource_agents::Metadata;
use scheduler::injection::Injection;
use std::borrow::Cow;

/// Of cluster files.
const TOML: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "=",
    "\"",
    "\"\"\"",
    "'",
    "#",
    "\n",
    "{",
    "}",
    ".",
    "[cluster]\n",
    "[node.a]\n",
    "[resource.r]\n",
    "[group.g]\n",
    "[device.d]\n",
    "[properties]\n",
    "agent = \"ocf:heartbeat:Dummy\"\n",
    "name = \"x\"\n",
    "[[location]]\n",
    "[[colocation]]\n",
    "[[order]]\n",
    "resource = \"r\"\n",
    "score = \"INFINITY\"\n",
    "\\u0000",
    "1979-05-27T07:32:00Z",
    "nan",
    "inf",
    "0x",
    "a.b.c.d.e",
    "true",
];

/// Of rules.
const RULE: &[&str] = &[
    " and ",
    " or ",
    "(",
    ")",
    "#uname",
    " eq ",
    " ne ",
    " lt ",
    " gt ",
    "defined ",
    "not_defined ",
    "date ",
    "in_range ",
    "date-spec ",
    "hours=",
    "weekdays=",
    "years=",
    "'",
    "\"",
    "number:",
    "version:",
    "string:",
    "2026-07-01T12:00:00Z",
    " to ",
    "duration ",
    "#kind",
];

/// Of single words.
const WORDS: &[&str] = &[
    "INFINITY",
    "-INFINITY",
    "+",
    "-",
    "1000000",
    "PT",
    "P1Y2M3DT4H5M6S",
    "ms",
    "s",
    "min",
    "h",
    "us",
    "10.0.0.1",
    "[::1]",
    ":",
    "%eth0",
    "fe80::",
    ".",
    "example.org",
    "@",
    "=",
    "node-up",
    "op-fail",
    "rsc_monitor_10000@a=1",
    "t=granted",
];

/// Of CIBs.
const CIB: &[&str] = &[
    "<cib>",
    "</cib>",
    "<cib validate-with=\"pacemaker-3.10\" execution-date=\"1\">",
    "<configuration>",
    "<crm_config>",
    "<nodes>",
    "<node id=\"1\" uname=\"a\"/>",
    "<resources>",
    "<primitive id=\"r\" class=\"ocf\" provider=\"p\" type=\"t\">",
    "<group id=\"g\">",
    "<clone id=\"c\">",
    "<master id=\"m\">",
    "<bundle id=\"b\">",
    "<docker image=\"i\" replicas=\"9\"/>",
    "<meta_attributes id=\"x\">",
    "<nvpair id=\"n\" name=\"target-role\" value=\"Started\"/>",
    "<operations>",
    "<constraints>",
    "<rsc_location id=\"l\" rsc=\"r\" node=\"a\" score=\"INFINITY\"/>",
    "<rsc_order id=\"o\" first=\"a\" then=\"b\"/>",
    "<resource_set id=\"s\">",
    "<resource_ref id=\"r\"/>",
    "<rule id=\"u\" score=\"1\">",
    "<expression id=\"e\" attribute=\"a\"",
    "<date_expression id=\"d\" operation=\"in_range\"",
    "<status>",
    "<node_state id=\"1\" uname=\"a\" crmd=\"online\" join=\"member\"",
    "<lrm id=\"1\">",
    "<lrm_resources>",
    "<lrm_rsc_op id=\"op\" operation=\"monitor\" rc-code=\"0\" call-id=\"3\" ",
    "id-ref=\"x\"",
    "/>",
    "</",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
    "&b;",
    "&lt;",
    "&#0;",
    "&#x110000;",
];

/// Of descriptions of agents.
const METADATA: &[&str] = &[
    "<?xml version=\"1.0\"?>",
    "<!DOCTYPE resource-agent SYSTEM \"ra-api-1.dtd\">",
    "<resource-agent name=\"a\">",
    "</resource-agent>",
    "<parameters>",
    "<parameter name=\"p\" required=\"1\" unique-group=\"g\">",
    "<content type=\"select\"/>",
    "<option value=\"v\"/>",
    "<shortdesc lang=\"en\">",
    "<longdesc>",
    "<actions>",
    "<action name=\"monitor\" interval=\"10s\" ",
    "depth=\"0\" role=\"Promoted\"",
    "timeout=\"20\"/>",
    "<!ENTITY a \"&b;&b;\">",
    "<!DOCTYPE x [",
    "]>",
    "&a;",
    "&#0;",
    "</",
    "<!--",
];

pub(super) fn targets() -> Vec<Target> {
    vec![
        // Every mistake is kept with its place, its sentence and a hint.
        Target {
            name: "cluster-file",
            run: cluster_file,
            examples: || vec![config::EXAMPLE.into()],
            words: TOML,
            memory: (1 << 20, 512),
            ..TEXT
        },
        Target { name: "rule", run: rule, words: RULE, ..TEXT },
        Target { name: "words", run: words, words: WORDS, longest: 256, ..TEXT },
        Target { name: "cib", run: cib, words: CIB, ..TEXT },
        Target { name: "metadata", run: metadata, words: METADATA, ..TEXT },
    ]
}

fn text(input: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(input)
}

fn cluster_file(input: &[u8]) -> Result<(), String> {
    let text = text(input);
    let parsed = config::parse(&text);
    let Some(config) = parsed.config else {
        let errors = parsed.problems.len();
        return if errors > 0 { Ok(()) } else { Err("a file is refused and nothing is said about it".to_owned()) };
    };
    let within = |problem: &&config::Problem| text.get(problem.span.clone()).is_none();
    if let Some(problem) = parsed.problems.iter().find(within) {
        return Err(format!("a problem is told at {:?}, outside the file: {}", problem.span, problem.message));
    }
    let again = config::parse(&text).config;
    same("the same file", &config, again.as_ref().ok_or("refused the second time".to_owned()))
}

fn rule(input: &[u8]) -> Result<(), String> {
    let Ok(rule) = Rule::parse(&text(input)) else { return Ok(()) };
    let Some(written) = rule.text() else { return Ok(()) };
    let again = Rule::parse(&written).map_err(|error| format!("{error}: {written}"));
    same("a rule", &rule.text(), again.map(|again| again.text()).as_ref().map_err(Clone::clone))
}

fn words(input: &[u8]) -> Result<(), String> {
    let text = text(input);
    if let Ok(duration) = config::parse_duration(&text) {
        let again = config::parse_duration(&config::format_duration(duration));
        same("a duration", &duration, again.as_ref().map_err(ToString::to_string))?;
    }
    if let Ok(address) = Address::parse(&text) {
        let host = if address.host.contains(':') { format!("[{}]", address.host) } else { address.host.clone() };
        let written = address.port.map_or(host.clone(), |port| format!("{host}:{port}"));
        let again = Address::parse(&written);
        same("an address", &address, again.as_ref().map_err(ToString::to_string))?;
    }
    // What they take or refuse is theirs to say; they must say it.
    let (node, resource) = (NodeId::new(&text), ResourceId::new(&text));
    if node.is_err() != DeviceId::new(&text).is_err() || resource.is_err() != node.is_err() {
        return Err("names of different things follow different rules".to_owned());
    }
    if let Some((option, value)) = text.split_once(' ') {
        drop(Injection::parse(option, value));
    }
    Ok(())
}

fn cib(input: &[u8]) -> Result<(), String> {
    let text = text(input);
    let Ok(situation) = import::read(&text) else { return Ok(()) };
    let again = import::read(&text).map_err(|error| error.to_string());
    same("the same CIB", &situation, again.as_ref().map_err(Clone::clone))
}

fn metadata(input: &[u8]) -> Result<(), String> {
    // What an agent prints is all there is to compare it with.
    drop(Metadata::parse(&text(input)));
    Ok(())
}
