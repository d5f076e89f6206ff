//! `paceline quorum status`: may this part act, whose votes make it so, and what each option does about it now.

use crate::output::{Paint, Style};
use crate::render::status;
use crate::render::text::{cell, widest, wrapped};
use crate::render::time::Clock;
use config::{NodeId, TieBreaker, format_duration};
use crm::control::QuorumSetting;
use membership::Quorum;

/// What is shown.
pub(crate) struct Sight<'a> {
    /// The decision.
    pub(crate) quorum: &'a Quorum,
    /// The view, as text.
    pub(crate) view: &'a str,
    /// Its members.
    pub(crate) members: &'a [NodeId],
    /// Options, votes in the file, what was forced.
    pub(crate) setting: &'a QuorumSetting,
}

fn names<'a>(nodes: impl IntoIterator<Item = &'a NodeId>) -> String {
    nodes.into_iter().map(NodeId::as_str).collect::<Vec<_>>().join(", ")
}

/// The whole answer.
pub(crate) fn quorum(sight: &Sight<'_>, clock: &Clock, paint: Paint) -> String {
    let style = if sight.quorum.quorate { Style::Good } else { Style::Bad };
    let head = wrapped("", &status::quorum(sight.quorum));
    let mut out = format!("{}\n", paint.text(style, head.trim_end()));
    out.push_str(&wrapped("", &format!("View {}: {}", sight.view, names(sight.members))));
    if let Some(forced) = &sight.setting.forced {
        let when = clock.moment(forced.wall_ms);
        let text = format!(
            "QUORUM IS FORCED: {} went on without {} by the decision of an operator on {}, {when}",
            names(&forced.nodes),
            names(&forced.given_up),
            forced.by
        );
        let text = wrapped("!! ", &text);
        out.push_str(&format!("\n{}\n", paint.text(Style::Warn, text.trim_end())));
        if !forced.vouched.is_empty() {
            out.push_str(&wrapped("   ", &format!("{} sworn to be off then", names(&forced.vouched))));
        }
        out.push_str(&wrapped("   ", "This ends by itself when a majority of all nodes is back."));
    }
    out.push_str(&format!("\n{}\n", paint.text(Style::Head, "Votes")));
    let width = widest(sight.setting.nodes.keys().map(NodeId::as_str), 8, 28);
    for (node, votes) in &sight.setting.nodes {
        let head = format!("  {} {votes:>3}  ", cell(node.as_str(), width));
        out.push_str(&wrapped(&head, &stands(sight, node, *votes)));
    }
    if let Some(external) = sight.quorum.external {
        let said = match external.granted {
            Some(true) => "votes for this part",
            Some(false) => "does not vote for this part",
            None if external.decides => "has not said yet; nothing is stopped or started before",
            None => "is not needed now",
        };
        out.push_str(&format!("  {} {:>3}  {said}\n", cell("arbiter", width), external.votes));
    }
    let rules = rules(sight);
    if !rules.is_empty() {
        out.push_str(&format!("\n{}\n", paint.text(Style::Head, "Options")));
        rules.iter().for_each(|rule| out.push_str(&wrapped("  ", rule)));
    }
    out
}

/// How it stands with the vote of one node.
fn stands(sight: &Sight<'_>, node: &NodeId, votes: u32) -> String {
    let here = if sight.members.contains(node) { "here" } else { "away" };
    let counts = sight.quorum.voters.contains_key(node);
    let next = sight.quorum.next.as_ref().map(|next| next.voters.contains_key(node));
    let more = match (counts, next) {
        _ if votes == 0 => "an observer",
        _ if sight.quorum.blank.contains(node) => "its state is lost; counts once a quorum took it in",
        (true, Some(false)) => "will not count any more once enough nodes have stored it",
        (false, Some(true)) => "will count once enough nodes have stored it",
        (false, _) => "does not count until it is back",
        (true, _) => return here.to_owned(),
    };
    format!("{here}; {more}")
}

/// Each option in force, and what it does now.
fn rules(sight: &Sight<'_>) -> Vec<String> {
    let (options, quorum) = (&sight.setting.options, sight.quorum);
    let mut rules = Vec::new();
    if options.two_node {
        rules
            .push("two-node: one of the two is enough; when they lose sight of each other, fencing decides".to_owned());
    }
    if options.waits_for_all() {
        rules.push(match quorum.awaited.as_slice() {
            [] if sight.setting.all_seen => "wait-for-all: satisfied".to_owned(),
            [] => "wait-for-all: nobody is awaited".to_owned(),
            nodes => format!("wait-for-all: waits for {} to be seen once", names(nodes)),
        });
    }
    if options.last_man_standing {
        let window = format_duration(options.last_man_standing_window);
        let gone = sight.setting.nodes.iter().filter(|(node, votes)| **votes > 0 && !quorum.voters.contains_key(*node));
        let gone = names(gone.map(|(node, _)| node));
        rules.push(if gone.is_empty() {
            format!("last-man-standing: all nodes count; those lost for {window} will not")
        } else {
            format!("last-man-standing: lost for {window}, and not counted until back: {gone}")
        });
    }
    if let Some(tie) = &options.auto_tie_breaker {
        let voters = &quorum.voters;
        let breaker = match tie {
            TieBreaker::Lowest => voters.keys().next(),
            TieBreaker::Highest => voters.keys().next_back(),
            TieBreaker::Node(name) => voters.keys().find(|node| *node == name),
        };
        rules.push(match breaker {
            Some(node) if quorum.expected % 2 == 0 => {
                format!("auto-tie-breaker: of two halves the one with {node} goes on")
            }
            Some(_) => "auto-tie-breaker: an odd number of votes does not tie".to_owned(),
            None => format!("auto-tie-breaker: {tie} does not count now, so neither half goes on"),
        });
    }
    rules
}
