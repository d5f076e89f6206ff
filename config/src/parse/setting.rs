//! The tables that exist once: `[cluster]`, `[quorum]`, `[properties]`.

use super::fields::Fields;
use super::value::At;
use crate::address::Address;
use crate::arbiter::{Algorithm, Arbiter, read_fingerprint};
use crate::cluster::Cluster;
use crate::id::NodeId;
use crate::link::LinkMode;
use crate::option::{ARBITER, CLUSTER, PROPERTIES, QUORUM, Section};
use crate::property::{FencingAction, NoQuorumPolicy, Properties};
use crate::quorum::{QuorumOptions, TieBreaker};
use crate::report::Report;
use crate::spot::{Spot, Spots};

/// Reads the table `name`, or takes its defaults, and remembers where its options stand.
fn single<'a>(
    file: &Fields<'a>,
    name: &'static str,
    section: &'static Section,
    spots: &mut Spots,
    report: &mut Report<'_>,
) -> Fields<'a> {
    let Some(table) = file.tables(name).first() else {
        return Fields::absent(section);
    };
    let fields = Fields::read(section, "", table.span.clone(), table.value, report);
    for option in section.all().filter(|option| fields.has(option.name)) {
        spots.set(Spot::Setting(name, option.name), fields.span_of(option.name));
    }
    fields
}

pub(super) fn cluster(file: &Fields<'_>, spots: &mut Spots, report: &mut Report<'_>) -> Cluster {
    let fields = single(file, "cluster", &CLUSTER, spots, report);
    if !file.has("cluster") {
        let hint = "start the file with [cluster] and name = \"...\"".to_owned();
        report.missing(0..0, "the file has no [cluster]".to_owned(), Some(hint));
    }
    let name = fields.text("name");
    if let Some(name) = &name {
        super::name(name, "cluster", NodeId::new, report);
    }
    Cluster {
        name: name.map_or_else(String::new, |name| name.value.to_owned()),
        token: fields.duration("token"),
        port: fields.integer("port"),
        mtu: fields.given_integer("mtu").and_then(|mtu| u16::try_from(mtu).ok()),
        link_mode: match fields.choice("link-mode") {
            "active" => LinkMode::Active,
            "round-robin" => LinkMode::RoundRobin,
            _ => LinkMode::Passive,
        },
    }
}

pub(super) fn quorum(file: &Fields<'_>, spots: &mut Spots, report: &mut Report<'_>) -> QuorumOptions {
    let fields = single(file, "quorum", &QUORUM, spots, report);
    let auto_tie_breaker = fields.text("auto-tie-breaker").and_then(|text| tie_breaker(&text, report));
    let (two_node, wait_for_all) = (fields.bool("two-node"), fields.given_bool("wait-for-all"));
    let arbiter = arbiter(&fields, spots, report);
    QuorumOptions {
        two_node,
        wait_for_all,
        auto_tie_breaker,
        last_man_standing: fields.bool("last-man-standing"),
        last_man_standing_window: fields.duration("last-man-standing-window"),
        arbiter,
    }
}

fn tie_breaker(text: &At<&str>, report: &mut Report<'_>) -> Option<TieBreaker> {
    match text.value {
        "lowest" => Some(TieBreaker::Lowest),
        "highest" => Some(TieBreaker::Highest),
        _ => super::name(text, "node", NodeId::new, report).map(|name| TieBreaker::Node(name.value)),
    }
}

/// `[quorum.arbiter]`; `None` when it is not there, or not usable, which is reported.
fn arbiter(quorum: &Fields<'_>, spots: &mut Spots, report: &mut Report<'_>) -> Option<Arbiter> {
    quorum.tables("arbiter").first()?;
    let fields = single(quorum, "arbiter", &ARBITER, spots, report);
    let address = fields.text("address")?;
    if let Err(error) = Address::parse(address.value) {
        let hint = "write HOST or HOST:PORT, and brackets around IPv6: \"[fd00::9]:5403\"".to_owned();
        report.error(address.span, format!("{:?} is not an address: {error}", address.value), Some(hint));
        return None;
    }
    let written = fields.text("fingerprint")?;
    let Some(fingerprint) = read_fingerprint(written.value) else {
        let hint = "copy the line that `paceline-arbiter init` prints: sha256: and 64 hexadecimal digits".to_owned();
        report.error(written.span, format!("{:?} is not a fingerprint", written.value), Some(hint));
        return None;
    };
    Some(Arbiter {
        address: address.value.to_owned(),
        fingerprint,
        algorithm: match fields.choice("algorithm") {
            "last-man-standing" => Algorithm::LastManStanding,
            _ => Algorithm::Split,
        },
        tie_breaker: match fields.text("tie-breaker") {
            Some(text) => tie_breaker(&text, report)?,
            None => TieBreaker::Lowest,
        },
        heuristics: fields.texts("heuristics").iter().map(|text| text.value.to_owned()).collect(),
        heuristics_timeout: fields.duration("heuristics-timeout"),
    })
}

pub(super) fn properties(file: &Fields<'_>, spots: &mut Spots, report: &mut Report<'_>) -> Properties {
    let fields = single(file, "properties", &PROPERTIES, spots, report);
    Properties {
        fencing_enabled: fields.bool("fencing-enabled"),
        fencing_action: match fields.choice("fencing-action") {
            "off" => FencingAction::Off,
            _ => FencingAction::Reboot,
        },
        startup_fencing: fields.bool("startup-fencing"),
        dc_deadtime: fields.duration("dc-deadtime"),
        no_quorum_policy: match fields.choice("no-quorum-policy") {
            "freeze" => NoQuorumPolicy::Freeze,
            _ => NoQuorumPolicy::Stop,
        },
        symmetric_cluster: fields.bool("symmetric-cluster"),
        maintenance_mode: fields.bool("maintenance-mode"),
        stop_all_resources: fields.bool("stop-all-resources"),
        start_failure_is_fatal: fields.bool("start-failure-is-fatal"),
        batch_limit: fields.integer("batch-limit"),
    }
}
