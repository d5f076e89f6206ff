//! Actions, news and notices in words for people.

use crate::cib::{Cib, Forced, News, Subject};
use crate::event::EventKind;
use crate::schedule::ActionKind;
use config::{NodeId, OperationName, ResourceId, format_duration};
use membership::{Notice, Quorum};
use resource_agents::Operation;
use std::fmt::Display;
use std::time::Duration;

/// "alpha, beta, gamma".
pub(super) fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

/// "1 action", "7 actions".
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// "start web on beta".
pub(super) fn operation(operation: &Operation) -> String {
    let Operation { resource, node, .. } = operation;
    match (operation.name, operation.interval) {
        (OperationName::Start, _) => format!("start {resource} on {node}"),
        (OperationName::Stop, _) => format!("stop {resource} on {node}"),
        (OperationName::Promote, _) => format!("promote {resource} on {node}"),
        (OperationName::Demote, _) => format!("demote {resource} on {node}"),
        (OperationName::Notify, _) => format!("notify {resource} on {node}"),
        (OperationName::MigrateTo, _) => format!("migrate {resource} away from {node}"),
        (OperationName::MigrateFrom, _) => format!("migrate {resource} to {node}"),
        (OperationName::Reload, _) => format!("reload {resource} on {node}"),
        (OperationName::Monitor, None) => format!("probe {resource} on {node}"),
        (OperationName::Monitor, Some(every)) => {
            format!("monitor {resource} on {node} every {}", format_duration(every))
        }
    }
}

/// "stop monitoring web on beta".
pub(super) fn cancel(node: &NodeId, resource: &ResourceId, every: Duration) -> String {
    format!("end the monitor of {resource} on {node} every {}", format_duration(every))
}

/// An action of a plan.
pub(super) fn action(kind: &ActionKind) -> String {
    match kind {
        ActionKind::Perform { operation: what, .. } => operation(what),
        ActionKind::CancelMonitor { node, resource, interval } => cancel(node, resource, *interval),
        ActionKind::Fence { node, .. } => format!("fence {node}"),
        ActionKind::ClearFailures { node, resource } => format!("clear the failures of {resource} on {node}"),
        ActionKind::Forget { node, resource } => format!("forget {resource} on {node}"),
        ActionKind::Mark { what } => what.clone(),
    }
}

/// "quorate: 2 of 3 votes, 2 needed".
pub(super) fn quorum(quorum: &Quorum) -> String {
    let numbers = format!("{} of {} votes, {} needed", quorum.votes, quorum.expected, quorum.needed);
    match (quorum.quorate, quorum.awaited.is_empty()) {
        (true, _) => format!("quorate: {numbers}"),
        (false, _) if quorum.undecided() => format!("not quorate: {numbers}; waiting for the arbiter"),
        (false, true) => format!("not quorate: {numbers}"),
        (false, false) => format!("not quorate: waiting for {} to be seen once", list(&quorum.awaited)),
    }
}

/// What it means that quorum was forced.
pub(crate) fn forced(forced: &Forced) -> String {
    let mut text = format!("quorum was forced on {}: {} went on", forced.by, list(&forced.nodes));
    if !forced.given_up.is_empty() {
        text.push_str(&format!(" without {}", list(&forced.given_up)));
    }
    if !forced.vouched.is_empty() {
        text.push_str(&format!("; {} sworn to be off", list(&forced.vouched)));
    }
    text
}

/// Milliseconds below a second, else seconds.
fn elapsed(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

/// What happened to the CIB.
pub(super) fn news(news: &News, origin: &NodeId, cib: &Cib) -> (EventKind, Option<String>, String) {
    match news {
        News::Configured => {
            let text = format!("cluster file changed, now version {} (from {origin})", cib.durable.generation);
            (EventKind::Configuration, None, text)
        }
        News::Overridden(edit) => (EventKind::Configuration, None, format!("{edit} (from {origin})")),
        News::Noted(attribute) => {
            let about = match &attribute.subject {
                Subject::Life { node } | Subject::Node { node } => Some(node.to_string()),
                Subject::Cluster => None,
            };
            (EventKind::Attribute, about, format!("{attribute} (from {origin})"))
        }
        News::Recorded { node, report } => {
            let what = match (report.name, report.interval) {
                (OperationName::Monitor, None) => "probe",
                (name, _) => name.as_str(),
            };
            let mut text = format!("{what} {} on {node}: {}", report.resource, report.outcome);
            if let Some(reason) = &report.reason {
                text.push_str(&format!(" ({reason})"));
            }
            text.push_str(&format!(", {}", elapsed(report.elapsed)));
            (EventKind::Result, Some(report.resource.to_string()), text)
        }
        News::Cleaned { resource, node } => {
            let what = resource.as_ref().map_or_else(|| "all resources".to_owned(), ResourceId::to_string);
            let place = node.as_ref().map_or_else(|| "all nodes".to_owned(), NodeId::to_string);
            let text = format!("failures of {what} on {place} are forgotten");
            (EventKind::Configuration, resource.as_ref().map(ResourceId::to_string), text)
        }
        News::Restart(resource) => {
            (EventKind::Configuration, Some(resource.to_string()), format!("{resource} is to be restarted"))
        }
        News::FencingRequested(request) => {
            let text = format!("fencing of {} asked for: {}", request.target, request.reason);
            (EventKind::FencingRequested, Some(request.target.to_string()), text)
        }
        News::FencingFailed { target, attempt } => {
            let why = attempt.result.as_ref().err().map_or("", String::as_str);
            let text = format!(
                "fencing of {target} by {} with {} failed: {why} (attempt {})",
                attempt.by,
                list(&attempt.devices),
                attempt.number + 1
            );
            (EventKind::FencingFailed, Some(target.to_string()), text)
        }
        News::Fenced { entry, .. } => {
            let text = match &entry.by {
                Some(by) => {
                    let devices = list(&entry.devices);
                    format!("{} is confirmed off (by {by} with {devices}, {})", entry.target, elapsed(entry.elapsed))
                }
                None => format!("{} is off, says an operator", entry.target),
            };
            (EventKind::Fenced, Some(entry.target.to_string()), text)
        }
        News::FailuresCleared { resource, node } => {
            let text = format!("failures of {resource} on {node} do not count any more");
            (EventKind::Configuration, Some(resource.to_string()), text)
        }
        News::Forgotten { resource, node } => {
            (EventKind::Configuration, Some(resource.to_string()), format!("{resource} on {node} is forgotten"))
        }
        News::Granted(granted) => {
            let text = if *granted {
                "the arbiter votes for this partition"
            } else {
                "the arbiter does not vote for this partition"
            };
            (EventKind::Quorum, None, text.to_owned())
        }
        News::Counting(nodes) => {
            (EventKind::Quorum, None, format!("the votes that count are to be those of {}", list(nodes)))
        }
        News::Revoked(revocation) => {
            let text =
                format!("the certificate {} of {} is revoked (from {origin})", revocation.certificate, revocation.node);
            (EventKind::Alert, Some(revocation.node.to_string()), text)
        }
        News::Forced(forced) => (EventKind::Alert, None, self::forced(forced)),
        News::Leaving(node) => (EventKind::View, Some(node.to_string()), format!("{node} wants to leave")),
    }
}

/// What the ring noticed.
pub(super) fn notice(notice: &Notice) -> (EventKind, Option<String>, String) {
    match notice {
        Notice::Quiet { peer, silence } => {
            (EventKind::Silence, Some(peer.to_string()), format!("nothing heard from {peer} for {}", elapsed(*silence)))
        }
        Notice::TokenLost { silent, since } => {
            let text = match silent.as_slice() {
                [] => format!("no token for {}, although everybody is heard", elapsed(*since)),
                silent => format!("no token for {}; silent: {}", elapsed(*since), list(silent)),
            };
            (EventKind::Silence, silent.first().map(NodeId::to_string), text)
        }
        Notice::Gathering { reason } => (EventKind::View, None, format!("members are agreed on again: {reason}")),
        Notice::Paused { gap } => {
            (EventKind::Alert, None, format!("this node did not run for {}; nobody else is blamed", elapsed(*gap)))
        }
        Notice::BadFrame { from, reason } => {
            (EventKind::Link, Some(from.to_string()), format!("{from} sent a bad frame: {reason}"))
        }
        Notice::Refused { len, reason, .. } => {
            (EventKind::Alert, None, format!("the ring did not take a message of {len} bytes: {reason}"))
        }
        Notice::PeerLeft { peer } => (EventKind::View, Some(peer.to_string()), format!("{peer} said goodbye")),
    }
}
