//! Process groups.

use membership::group::{Change, JoinReason, LeaveReason, Member, Report};
use serde_json::{Value, json};
use std::fmt::Write;

/// A member in one word: its node and its number there.
fn member(member: &Member) -> String {
    format!("{}/{}", member.node, member.client)
}

fn members(all: &[Member]) -> String {
    all.iter().map(member).collect::<Vec<_>>().join(" ")
}

fn joined(reason: JoinReason) -> &'static str {
    match reason {
        JoinReason::Join => "join",
        JoinReason::NodeJoined => "node joined",
    }
}

fn left(reason: LeaveReason) -> &'static str {
    match reason {
        LeaveReason::Leave => "leave",
        LeaveReason::ClientDied => "client died",
        LeaveReason::NodeLeft => "node left",
        LeaveReason::NodeLost => "node lost",
        LeaveReason::Restarted => "daemon restarted",
    }
}

/// All groups.
pub(crate) fn list(reports: &[Report]) -> String {
    if reports.is_empty() {
        return "no groups\n".to_owned();
    }
    let mut text = String::new();
    for report in reports {
        let _ = writeln!(text, "{}: {}", report.group, members(&report.members));
        for (node, unread) in report.unread.iter().filter(|(_, unread)| *unread != Some(0)) {
            let much = unread.map_or("what came before the last view".to_owned(), |bytes| format!("{bytes} bytes"));
            let _ = writeln!(text, "  members on {node} have not read {much}");
        }
        if report.held > 0 {
            let _ = writeln!(text, "  {} of this node wait until that is read", programs(report.held));
        }
    }
    text
}

fn programs(count: u32) -> String {
    if count == 1 { "1 program".to_owned() } else { format!("{count} programs") }
}

fn as_json(member: &Member) -> Value {
    json!({ "node": member.node.as_str(), "incarnation": member.incarnation.to_string(), "client": member.client })
}

fn all_as_json(all: &[Member]) -> Vec<Value> {
    all.iter().map(as_json).collect()
}

/// The same for programs.
pub(crate) fn json(reports: &[Report]) -> Value {
    let one = |report: &Report| {
        let unread: Vec<Value> =
            report.unread.iter().map(|(node, n)| json!({ "node": node.as_str(), "bytes": n })).collect();
        json!({
            "group": report.group.as_str(),
            "members": all_as_json(&report.members),
            "unread": unread,
            "held": report.held,
        })
    };
    json!({ "groups": reports.iter().map(one).collect::<Vec<_>>() })
}

/// What has changed in a group, in lines.
pub(crate) fn change(change: &Change, as_object: bool) -> Vec<String> {
    if as_object {
        let gone: Vec<Value> = change
            .left
            .iter()
            .map(|(member, why)| json!({ "member": as_json(member), "reason": left(*why) }))
            .collect();
        let come: Vec<Value> = change
            .joined
            .iter()
            .map(|(member, why)| json!({ "member": as_json(member), "reason": joined(*why) }))
            .collect();
        let members = all_as_json(&change.members);
        return vec![json!({ "change": { "members": members, "left": gone, "joined": come } }).to_string()];
    }
    let gone = change.left.iter().map(|(who, why)| format!("- {} left ({})", member(who), left(*why)));
    let come = change.joined.iter().map(|(who, why)| format!("+ {} joined ({})", member(who), joined(*why)));
    let now = format!("= {}", members(&change.members));
    gone.chain(come).chain([now]).collect()
}

/// What somebody said.
pub(crate) fn message(from: &Member, payload: &[u8], as_object: bool) -> String {
    let text = String::from_utf8_lossy(payload);
    if as_object {
        return json!({ "message": { "from": as_json(from), "text": text } }).to_string();
    }
    format!("{}: {}", member(from), text)
}
