//! The status that a random cluster left behind: every resource is somewhere or nowhere, and the histories say so, now
//! and then with a failure.

use super::configuration::{put, set};
use super::{Cluster, Kind, NOW, Presence, Primitive, Top, chance, pick};
use fastrand::Rng;

/// What one primitive did on one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nobody asked.
    Unknown,
    /// A probe found nothing.
    Absent,
    /// It ran once.
    Stopped,
    /// It runs.
    Started,
    /// It runs in the upper role.
    Promoted,
    /// It ran, and a monitor found that it does not any more, or not as it should.
    Failed(i32),
    /// It could not be started.
    StartFailed(i32),
    /// It could not be stopped.
    StopFailed,
}

/// The histories and failure counts of one node.
#[derive(Debug, Default)]
struct Record {
    histories: String,
    counts: Vec<(String, String)>,
    calls: i64,
}

/// Appends the status.
pub(super) fn write(rng: &mut Rng, cluster: &Cluster, text: &mut String) {
    let mut records: Vec<Record> = cluster.nodes.iter().map(|_| Record::default()).collect();
    for top in &cluster.tops {
        place(rng, cluster, top, &mut records);
    }
    if cluster.fencing {
        let at = usable(cluster);
        let device = Primitive { id: "shooter".into(), monitor: 0, on_fail: None };
        if let Some(&at) = at.first() {
            record(rng, &device, "shooter", "class=\"stonith\" type=\"fence_xvm\"", State::Started, &mut records[at]);
        }
    }
    text.push_str("<status>\n");
    for (at, (node, record)) in cluster.nodes.iter().zip(&records).enumerate() {
        let id = at + 1;
        let (ring, manager, join, expected) = match node.presence {
            Presence::Online | Presence::Leaving => ("true", "online", "member", "member"),
            Presence::Offline => ("false", "offline", "down", "down"),
            Presence::Lost => ("false", "offline", "member", "member"),
            Presence::Pending => ("true", "online", "pending", "member"),
            Presence::Mute => ("true", "offline", "member", "member"),
            Presence::Unseen => continue,
        };
        put(
            text,
            format_args!(
                "<node_state id=\"{id}\" uname=\"{}\" in_ccm=\"{ring}\" crmd=\"{manager}\" join=\"{join}\" \
                 expected=\"{expected}\"><lrm id=\"{id}\"><lrm_resources>\n{}</lrm_resources></lrm>",
                node.name, record.histories
            ),
        );
        let mut attributes = record.counts.clone();
        if node.presence == Presence::Leaving {
            attributes.push(("shutdown".to_string(), (NOW - 30).to_string()));
        }
        if node.presence != Presence::Offline && !attributes.is_empty() {
            put(text, format_args!("<transient_attributes id=\"{id}\">"));
            set(text, "instance_attributes", &format!("status-{id}"), &attributes);
            text.push_str("</transient_attributes>");
        }
        text.push_str("</node_state>\n");
    }
    text.push_str("</status>\n");
}

/// Nodes on which something can be active.
fn usable(cluster: &Cluster) -> Vec<usize> {
    let places = cluster.nodes.iter().enumerate();
    let active = |presence| matches!(presence, Presence::Online | Presence::Leaving | Presence::Lost | Presence::Mute);
    places.filter(|(_, node)| active(node.presence)).map(|(at, _)| at).collect()
}

/// Decides where a resource is, and records it.
fn place(rng: &mut Rng, cluster: &Cluster, top: &Top, records: &mut [Record]) {
    let mut nodes = usable(cluster);
    rng.shuffle(&mut nodes);
    let (instances, promotable, unique) = match top.kind {
        Kind::Clone { max, promotable, unique, .. } => (max.min(nodes.len()), promotable, unique),
        _ => (usize::from(chance(rng, 70)), false, false),
    };
    let doubled = !matches!(top.kind, Kind::Clone { .. }) && chance(rng, 3);
    let active: Vec<usize> = nodes.into_iter().take(if doubled { 2 } else { instances }).collect();
    let agent = if promotable { "Stateful" } else { "Dummy" };
    let agent = format!("class=\"ocf\" provider=\"pacemaker\" type=\"{agent}\"");
    let mut number = 0;
    let mut promoted = false;
    for (at, into) in records.iter_mut().enumerate() {
        if matches!(cluster.nodes[at].presence, Presence::Unseen | Presence::Offline | Presence::Pending) {
            continue;
        }
        let here = active.contains(&at) && !chance(rng, 10);
        let upper = here && promotable && !promoted && chance(rng, 60);
        promoted |= upper;
        let mut so_far = here;
        for primitive in &top.primitives {
            let state = match (so_far, upper) {
                (false, _) if chance(rng, 10) => State::Unknown,
                (false, _) if chance(rng, 15) => State::Stopped,
                (false, _) => State::Absent,
                (true, true) => State::Promoted,
                (true, false) => State::Started,
            };
            let state = match rng.u32(0..100) {
                0..4 if so_far && primitive.monitor > 0 => State::Failed(pick(rng, &[1, 7])),
                4..6 if so_far => State::StopFailed,
                6..8 => State::StartFailed(pick(rng, &[1, 5, 6])),
                _ => state,
            };
            so_far &= matches!(state, State::Started | State::Promoted) && !chance(rng, 8);
            if here && promotable && chance(rng, 80) {
                let score = pick(rng, &["1", "5", "10", "100"]);
                into.counts.push((format!("master-{}", primitive.id), score.to_string()));
            }
            let name = if unique { format!("{}:{number}", primitive.id) } else { primitive.id.clone() };
            if state != State::Unknown {
                record(rng, primitive, &name, &agent, state, into);
            }
        }
        number += usize::from(here);
    }
}

/// Records what one primitive did on one node.
fn record(rng: &mut Rng, primitive: &Primitive, name: &str, agent: &str, state: State, into: &mut Record) {
    let mut text = String::new();
    let ago = pick(rng, &[10, 100, 1000]);
    let mut call = |id: &str, operation: &str, seconds: u64, (wanted, exit): (i32, i32), ago: i64| {
        into.calls += 1;
        let interval = seconds * 1000;
        let slot = if id == "last_failure" { 0 } else { interval };
        let digest = match (interval, wanted) {
            (0, _) => DIGEST,
            (_, 8) => DIGEST_PROMOTED_MONITOR,
            _ => DIGEST_MONITOR,
        };
        put(
            &mut text,
            format_args!(
                "<lrm_rsc_op id=\"{name}_{id}_{slot}\" operation_key=\"{name}_{operation}_{interval}\" \
                 operation=\"{operation}\" crm_feature_set=\"3.17.0\" transition-key=\"1:1:{wanted}:{UUID}\" \
                 transition-magic=\"0:{exit};1:1:{wanted}:{UUID}\" call-id=\"{}\" rc-code=\"{exit}\" op-status=\"0\" \
                 interval=\"{interval}\" last-rc-change=\"{}\" exec-time=\"20\" queue-time=\"0\" op-digest=\"{digest}\"/>\n",
                into.calls,
                NOW - ago
            ),
        );
    };
    match state {
        State::Unknown => return,
        State::Absent => call("last", "monitor", 0, (7, 7), ago + 1000),
        State::Stopped => call("last", "stop", 0, (0, 0), ago + 1000),
        State::Started => call("last", "start", 0, (0, 0), ago + 1000),
        State::Promoted => call("last", "promote", 0, (0, 0), ago + 1000),
        State::Failed(_) => call("last", "start", 0, (0, 0), ago + 1000),
        State::StartFailed(exit) => {
            call("last", "start", 0, (0, exit), ago);
            call("last_failure", "start", 0, (0, exit), ago);
        }
        State::StopFailed => {
            call("last", "stop", 0, (0, 1), ago);
            call("last_failure", "stop", 0, (0, 1), ago);
        }
    }
    let monitored = primitive.monitor > 0 && chance(rng, 95);
    match state {
        State::Started if monitored => call("monitor", "monitor", primitive.monitor, (0, 0), ago + 900),
        State::Promoted if monitored => call("monitor", "monitor", primitive.monitor + 1, (8, 8), ago + 900),
        State::Failed(exit) if primitive.monitor > 0 => {
            call("last_failure", "monitor", primitive.monitor, (0, exit), ago);
            call("monitor", "monitor", primitive.monitor, (0, exit), ago);
        }
        _ => {}
    }
    let (operation, seconds) = match state {
        State::Failed(_) => ("monitor", primitive.monitor),
        State::StartFailed(_) => ("start", 0),
        State::StopFailed => ("stop", 0),
        _ => ("", 0),
    };
    if !operation.is_empty() {
        let key = format!("{}#{operation}_{}", primitive.id, seconds * 1000);
        let count = if operation == "monitor" { pick(rng, &["1", "2"]) } else { "INFINITY" };
        into.counts.push((format!("fail-count-{key}"), count.to_string()));
        into.counts.push((format!("last-failure-{key}"), (NOW - ago).to_string()));
    }
    put(&mut into.histories, format_args!("<lrm_resource id=\"{name}\" {agent}>\n{text}</lrm_resource>\n"));
}

const UUID: &str = "00000000-0000-4000-8000-000000000000";

/// Fingerprints of no parameters, and of monitors with their timeouts (20 s; 30 s in the upper role).
const DIGEST: &str = "f2317cad3d54cec5d7d7aa7d0bf35cf8";
const DIGEST_MONITOR: &str = "4811cef7f7f94e3a35a70be7916cb2fd";
const DIGEST_PROMOTED_MONITOR: &str = "02a5bcf940fc8d3239701acb11438d6a";
