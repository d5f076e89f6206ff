//! Votes, two-node mode and the token: settings that only make sense for some clusters.

use super::Check;
use crate::duration::format_duration;
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
        if quorum.two_node {
            if let Some(node) = nodes.values().find(|node| node.votes != 1) {
                let message = format!("with two-node both nodes have one vote; `{}` has {}", node.name, node.votes);
                self.report.error(two_node, message, Some("remove `votes`".to_owned()));
            }
            if quorum.wait_for_all == Some(false) {
                let message = "without wait-for-all a node that boots alone fences the other one".to_owned();
                let hint = Some("remove wait-for-all, which two-node turns on".to_owned());
                self.report.warning(self.spots.of(&Spot::Setting("quorum", "wait-for-all")), message, hint);
            }
        } else if nodes.len() == 2 && nodes.values().all(|node| node.votes == 1) {
            let span = self.spots.of(&Spot::Node(nodes.last_key_value().map_or(first, |(name, _)| name).clone()));
            let message =
                "a cluster of two nodes loses quorum as soon as one is lost, and then stops everything".to_owned();
            let hint = "write [quorum] with two-node = true (and have fencing), or add a third node".to_owned();
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
