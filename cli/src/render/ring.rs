//! `paceline ring status` and `paceline link status`.

use crate::render::text::{cell, clean, count, widest, wrapped};
use crm::control::{LinkReport, RingReport};
use membership::{PeerInsight, ViewChange};

/// Widest name shown whole, in columns.
const NAME: usize = 28;

/// Microseconds, as a person reads them.
fn time(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..100_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        100_000..10_000_000 => format!("{} ms", micros / 1_000),
        10_000_000..600_000_000 => format!("{} s", micros / 1_000_000),
        _ => format!("{} min", micros / 60_000_000),
    }
}

fn number(of: u64, what: &str) -> String {
    count(usize::try_from(of).unwrap_or(usize::MAX), what)
}

/// The ring.
pub(crate) fn ring(report: &RingReport) -> String {
    let members: Vec<&str> = report.members.iter().map(|node| node.as_str()).collect();
    let view = report.view.as_deref().unwrap_or("none yet");
    let mut out = wrapped("", &format!("View {view} ({}): {}", clean(&report.phase), members.join(", ")));
    let (token, own) = (&report.insight.token, &report.insight.own);
    out += &wrapped(
        "",
        &format!(
            "Token: {} a round, 99 of 100 within {}, {} at worst; lost after {} ms, warned of after {} ms",
            time(token.mean_us),
            time(token.most_us),
            time(token.worst_us),
            report.token_timeout_ms,
            report.warning_ms
        ),
    );
    let latency = &report.insight.latency;
    let measured = match latency.count {
        0 => "none measured yet".to_owned(),
        count => format!(
            "half delivered within {}, 99 of 100 within {}, {} at worst ({count} measured)",
            time(latency.half_us),
            time(latency.most_us),
            time(latency.worst_us)
        ),
    };
    out += &wrapped("", &format!("Messages of this node: {measured}; {} waiting", report.queued));
    out += &wrapped(
        "",
        &format!(
            "This host: {}; the ring's thread was {} late at worst, {} (longest {})",
            clean(&report.scheduling),
            time(own.worst_late_us),
            number(own.pauses, "pause"),
            time(own.longest_pause_us)
        ),
    );
    out += &wrapped(
        "",
        &format!(
            "Since the start: {}, {}, {} missed and asked for, {} repeated for others, {} dropped, {} refused, {}",
            number(report.views, "view"),
            number(report.tokens, "token"),
            number(report.gaps, "packet"),
            report.retransmits,
            number(report.frames_dropped, "frame"),
            number(report.refused, "connection"),
            number(report.bad_frames, "bad frame")
        ),
    );
    out += &peers(report);
    out += &changes(&report.insight.changes);
    out
}

fn peers(report: &RingReport) -> String {
    let noticed = &report.insight.peers;
    if noticed.is_empty() {
        return String::new();
    }
    let names = widest(noticed.keys().map(|node| node.as_str()), 8, NAME);
    let mut out = "\nNoticed of peers\n".to_owned();
    for (name, peer) in noticed {
        let PeerInsight { warnings, longest_silence_us, losses, departures, bad_frames } = peer;
        let silence = time(*longest_silence_us);
        let text = format!(
            "lost {losses}, left {departures}, warned of {warnings} (silent for {silence}), bad frames {bad_frames}"
        );
        out += &wrapped(&format!("  {}  ", cell(name.as_str(), names)), &text);
    }
    out
}

fn changes(changes: &[ViewChange]) -> String {
    let mut out = "\nChanges of the view, newest first\n".to_owned();
    for change in changes.iter().rev() {
        let part =
            |sign: char, names: &[config::NodeId]| names.iter().map(|n| format!(" {sign}{n}")).collect::<String>();
        let who = part('+', &change.joined) + &part('-', &change.lost);
        let why = if change.reasons.is_empty() { "first view".to_owned() } else { clean(&change.reasons.join("; ")) };
        let text = format!("{}:{who}, {} ago, took {}: {why}", change.ring, time(change.ago_us), time(change.took_us));
        out += &wrapped("  ", &text);
    }
    out
}

/// The links.
pub(crate) fn links(report: &RingReport) -> String {
    let names = widest(report.peers.keys().map(|node| node.as_str()), 8, NAME);
    let mut out = String::new();
    for (name, peer) in &report.peers {
        for (number, link) in peer.links.iter().enumerate() {
            out += &wrapped(&format!("{} link {}  ", cell(name.as_str(), names), number + 1), &state(link));
        }
    }
    if out.is_empty() { "This node has no peers.\n".to_owned() } else { out }
}

fn state(link: &LinkReport) -> String {
    let address = clean(link.address.as_deref().unwrap_or("no address"));
    let what = match (link.up, link.used) {
        (true, true) => "up, used",
        (true, false) => "up",
        (false, true) => "DOWN, tried for want of a better one",
        (false, false) => "DOWN",
    };
    let mut facts = vec![what.to_owned(), address];
    facts.extend(link.round_trip_us.map(|micros| format!("round trip {}", time(micros))));
    facts.extend(link.packet_bytes.map(|bytes| format!("packets of {bytes} bytes")));
    // Millionths would be noise: tenths of a percent.
    if let Some(share) = (link.lost * 1000).checked_div(link.sent) {
        facts.push(format!("{}.{} % lost", share / 10, share % 10));
    }
    if !link.up {
        facts.extend(link.silence_ms.map(|ms| format!("silent for {ms} ms")));
        facts.extend(link.unconfirmed_ms.map(|ms| format!("nothing confirmed for {ms} ms")));
    }
    if link.losses > 0 {
        facts.push(format!(
            "was lost {}",
            if link.losses == 1 { "once".to_owned() } else { format!("{} times", link.losses) }
        ));
    }
    facts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::NodeId;
    use crm::control::PeerLinks;
    use membership::{Insight, OwnTime, Spread, TokenTime};
    use std::collections::BTreeMap;

    fn node(name: &str) -> NodeId {
        NodeId::new(name).expect("a name of this test")
    }

    fn report() -> RingReport {
        let change = ViewChange {
            ring: 7,
            members: vec![node("alpha"), node("beta")],
            joined: vec![node("beta")],
            lost: vec![node("gamma")],
            reasons: vec!["nothing was heard from gamma".to_owned()],
            unwanted: true,
            took_us: 4_300,
            ago_us: 61_000_000,
        };
        let gamma = PeerInsight { warnings: 2, longest_silence_us: 1_001_000, losses: 1, ..PeerInsight::default() };
        let insight = Insight {
            token: TokenTime { visits: 9, last_us: 400, mean_us: 380, most_us: 900, worst_us: 12_345 },
            latency: Spread { count: 4, half_us: 700, most_us: 1_900, worst_us: 2_000 },
            own: OwnTime { worst_late_us: 90, pauses: 1, longest_pause_us: 700_000 },
            peers: BTreeMap::from([(node("gamma"), gamma)]),
            changes: vec![change],
        };
        let up = LinkReport {
            address: Some("10.0.0.2:5405".to_owned()),
            up: true,
            used: true,
            packet_bytes: Some(1452),
            round_trip_us: Some(210),
            sent: 1000,
            lost: 15,
            ..LinkReport::default()
        };
        let down = LinkReport { address: None, silence_ms: Some(900), losses: 2, ..LinkReport::default() };
        let beta = PeerLinks { links: vec![up, down], ..PeerLinks::default() };
        RingReport {
            phase: "operate".to_owned(),
            view: Some("7/alpha".to_owned()),
            members: vec![node("alpha"), node("beta")],
            token_timeout_ms: 1000,
            warning_ms: 750,
            scheduling: "SCHED_RR 50".to_owned(),
            views: 1,
            tokens: 40,
            gaps: 2,
            retransmits: 3,
            insight,
            peers: BTreeMap::from([(node("beta"), beta)]),
            ..RingReport::default()
        }
    }

    #[test]
    fn the_ring_is_told_with_its_margin_and_its_past() {
        let text = ring(&report()).split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "View 7/alpha (operate): alpha, beta",
            "380 us a round, 99 of 100 within 900 us, 12.3 ms at worst; lost after 1000 ms",
            "half delivered within 700 us, 99 of 100 within 1.9 ms, 2.0 ms at worst (4 measured); 0 waiting",
            "90 us late at worst, 1 pause (longest 700 ms)",
            "1 view, 40 tokens, 2 packets missed and asked for, 3 repeated for others",
            "gamma lost 1, left 0, warned of 2 (silent for 1001 ms)",
            "7: +beta -gamma, 61 s ago, took 4.3 ms: nothing was heard from gamma",
        ] {
            assert!(text.contains(part), "{part:?} in\n{text}");
        }
    }

    #[test]
    fn links_say_whether_they_work_and_what_they_lose() {
        assert_eq!(
            links(&report()),
            "beta     link 1  up, used, 10.0.0.2:5405, round trip 210 us, packets of 1452\n\
             \x20                bytes, 1.5 % lost\n\
             beta     link 2  DOWN, no address, silent for 900 ms, was lost 2 times\n"
        );
    }
}
