//! The tables that exist once: `[cluster]`, `[quorum]`, `[properties]`.

use super::fields::Fields;
use crate::cluster::Cluster;
use crate::id::NodeId;
use crate::link::LinkMode;
use crate::option::{CLUSTER, PROPERTIES, QUORUM, Section};
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
        mtu: fields.integer("mtu"),
        link_mode: match fields.choice("link-mode") {
            "active" => LinkMode::Active,
            "round-robin" => LinkMode::RoundRobin,
            _ => LinkMode::Passive,
        },
    }
}

pub(super) fn quorum(file: &Fields<'_>, spots: &mut Spots, report: &mut Report<'_>) -> QuorumOptions {
    let fields = single(file, "quorum", &QUORUM, spots, report);
    let auto_tie_breaker = fields.text("auto-tie-breaker").and_then(|text| match text.value {
        "lowest" => Some(TieBreaker::Lowest),
        "highest" => Some(TieBreaker::Highest),
        _ => super::name(&text, "node", NodeId::new, report).map(|name| TieBreaker::Node(name.value)),
    });
    let (two_node, wait_for_all) = (fields.bool("two-node"), fields.given_bool("wait-for-all"));
    QuorumOptions { two_node, wait_for_all, auto_tie_breaker }
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
