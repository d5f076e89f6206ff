//! Votes, two-node mode and the token: settings that only make sense for some clusters.

use super::Check;
use crate::arbiter::Algorithm;
use crate::duration::format_duration;
use crate::node::Node;
use crate::quorum::TieBreaker;
use crate::spot::Spot;
use std::time::Duration;

/// Below this a busy machine or a brief pause of a virtual one looks like a loss.
const BRISK_TOKEN: Duration = Duration::from_millis(500);

impl Check<'_, '_, '_> {
    /// The quorum options fit the nodes.
    pub(super) fn quorum(&mut self) {
        self.token();
        let (nodes, quorum) = (&self.config.nodes, &self.config.quorum);
        let Some((first, _)) = nodes.first_key_value() else { return };
        let two_node = self.spots.of(&Spot::Setting("quorum", "two-node"));
        if nodes.values().all(|node| node.votes == 0) {
            let message = "no node has a vote, so the cluster is never quorate".to_owned();
            self.report.error(self.spots.of(&Spot::Node(first.clone())), message, None);
        }
        if quorum.two_node && nodes.len() != 2 {
            let message = format!("two-node is for exactly two nodes; this cluster has {}", nodes.len());
            self.report.error(two_node, message, Some("remove two-node".to_owned()));
            return;
        }
        self.tie_breaker();
        self.last_man_standing();
        self.votes_only();
        if quorum.two_node && quorum.arbiter.is_some() {
            let message = "two-node and [quorum.arbiter] contradict each other: with two-node both halves may go on and \
                           fencing decides, with an arbiter only one of them may";
            self.report.error(two_node, message.to_owned(), Some("remove two-node".to_owned()));
        } else if quorum.two_node {
            if let Some(node) = nodes.values().find(|node| node.votes != 1) {
                let message = format!("with two-node both nodes have one vote; `{}` has {}", node.name, node.votes);
                self.report.error(two_node, message, Some("remove `votes`".to_owned()));
            }
            if quorum.wait_for_all == Some(false) {
                let message = "without wait-for-all a node that boots alone fences the other one".to_owned();
                let hint = Some("remove wait-for-all, which two-node turns on".to_owned());
                self.report.warning(self.spots.of(&Spot::Setting("quorum", "wait-for-all")), message, hint);
            }
        } else if quorum.arbiter.is_some() {
            self.arbiter();
        } else if nodes.len() == 2 && quorum.auto_tie_breaker.is_none() && nodes.values().all(|node| node.votes == 1) {
            let span = self.spots.of(&Spot::Node(nodes.last_key_value().map_or(first, |(name, _)| name).clone()));
            let message =
                "a cluster of two nodes loses quorum as soon as one is lost, and then stops everything".to_owned();
            let hint =
                "write [quorum] with two-node = true (and have fencing), add a third node, or an arbiter".to_owned();
            self.report.warning(span, message, Some(hint));
        }
    }

    /// The node that breaks ties can do so, and there can be ties.
    fn tie_breaker(&mut self) {
        let (nodes, quorum) = (&self.config.nodes, &self.config.quorum);
        let Some(rule) = &quorum.auto_tie_breaker else { return };
        let span = self.spots.of(&Spot::Setting("quorum", "auto-tie-breaker"));
        if quorum.two_node {
            let message = "auto-tie-breaker and two-node contradict each other: with two-node fencing decides which of the \
                           two goes on, with auto-tie-breaker it is always the same one";
            return self.report.error(span, message.to_owned(), Some("remove one of them".to_owned()));
        }
        if let TieBreaker::Node(name) = rule {
            let message = match nodes.get(name) {
                None => format!("auto-tie-breaker names `{name}`, which is no node of this cluster"),
                Some(node) if node.votes == 0 => {
                    format!("auto-tie-breaker names `{name}`, which has no vote and so cannot break a tie")
                }
                Some(_) => String::new(),
            };
            if !message.is_empty() {
                let hint = "name a node that votes, or write \"lowest\"".to_owned();
                return self.report.error(span, message, Some(hint));
            }
        }
        let votes: u32 = nodes.values().map(|node| node.votes).sum();
        // With last-man-standing the number of votes that count changes.
        if votes % 2 == 1 && !quorum.last_man_standing {
            let message =
                format!("there are {votes} votes: an odd number never ties, so auto-tie-breaker does nothing");
            self.report.warning(span, message, Some("remove auto-tie-breaker".to_owned()));
        }
    }

    /// What last-man-standing needs is there, and nothing contradicts it.
    fn last_man_standing(&mut self) {
        let quorum = &self.config.quorum;
        if !quorum.last_man_standing {
            return;
        }
        let span = self.spots.of(&Spot::Setting("quorum", "last-man-standing"));
        let (why, hint) = if quorum.two_node {
            let why = "last-man-standing and two-node contradict each other: with two-node both nodes may go on and fencing \
                       decides, with last-man-standing the votes of those that are left do";
            (why, "remove two-node; with auto-tie-breaker last-man-standing gets by with one of two nodes")
        } else if quorum.arbiter.is_some() {
            let why = "last-man-standing and [quorum.arbiter] contradict each other: both say how few nodes may go on";
            (why, "remove last-man-standing; the arbiter has algorithm = \"last-man-standing\"")
        } else if !quorum.waits_for_all() {
            let why = "last-man-standing needs wait-for-all: nodes that start together after a full stop could otherwise take \
                       themselves for a majority, while the last man standing is still at work";
            (why, "add wait-for-all = true")
        } else {
            return;
        };
        self.report.error(span, why.to_owned(), Some(hint.to_owned()));
    }

    /// A node that only votes has a vote, and there is one that runs something.
    fn votes_only(&mut self) {
        let nodes = &self.config.nodes;
        let arbiters: Vec<&Node> = nodes.values().filter(|node| node.only_votes()).collect();
        let Some(first) = arbiters.first() else { return };
        if arbiters.len() == nodes.len() {
            let message = "every node has role = \"arbiter\", so nothing can run anywhere".to_owned();
            let hint = Some("leave `role` out where resources are to run".to_owned());
            self.report.error(self.spots.of(&Spot::Node(first.name.clone())), message, hint);
        }
        for node in arbiters {
            let span = self.spots.of(&Spot::Node(node.name.clone()));
            if node.votes == 0 {
                let message = format!("`{}` has role = \"arbiter\" and no vote, so it does nothing at all", node.name);
                let hint = Some("give it a vote, or leave `role` out".to_owned());
                self.report.error(span, message, hint);
            } else if self.config.quorum.two_node {
                let message = format!(
                    "two-node is for two nodes that both run resources; `{}` only votes, so nobody could go on for the other",
                    node.name
                );
                self.report.error(span, message, Some("remove two-node, and add a third node".to_owned()));
            }
        }
    }

    /// The arbiter's votes can make a difference, and its tie-breaker is a node.
    fn arbiter(&mut self) {
        let (nodes, quorum) = (&self.config.nodes, &self.config.quorum);
        let Some(arbiter) = &quorum.arbiter else { return };
        if quorum.auto_tie_breaker.is_some() {
            let span = self.spots.of(&Spot::Setting("quorum", "auto-tie-breaker"));
            let message =
                "auto-tie-breaker and [quorum.arbiter] contradict each other: both say which of two halves goes on";
            let hint = "remove auto-tie-breaker; the arbiter has a tie-breaker of its own".to_owned();
            self.report.error(span, message.to_owned(), Some(hint));
        }
        if let TieBreaker::Node(name) = &arbiter.tie_breaker
            && nodes.get(name).is_none_or(|node| node.votes == 0)
        {
            let span = self.spots.of(&Spot::Setting("arbiter", "tie-breaker"));
            let message = format!("the tie-breaker of the arbiter, `{name}`, is no node of this cluster with a vote");
            self.report.error(span, message, Some("name a node that votes, or write \"lowest\"".to_owned()));
        }
        let votes: u32 = nodes.values().map(|node| node.votes).sum();
        if arbiter.algorithm == Algorithm::Split && votes % 2 == 1 {
            let span = self.spots.of(&Spot::Setting("quorum", "arbiter"));
            let message = format!("the nodes have {votes} votes, an odd number: one vote more makes no part quorate");
            let hint = "use algorithm = \"last-man-standing\", or no arbiter".to_owned();
            self.report.warning(span, message, Some(hint));
        }
    }

    fn token(&mut self) {
        let token = self.config.cluster.token;
        if token < BRISK_TOKEN {
            let message = format!("a token of {} takes short pauses of a machine for its loss", format_duration(token));
            let hint = Some("use 500ms or more, unless your machines and network are known to keep up".to_owned());
            self.report.warning(self.spots.of(&Spot::Setting("cluster", "token")), message, hint);
        }
    }
}
