//! Nodes that nothing can cut off.

use super::Check;
use crate::id::NodeId;
use crate::spot::Spot;

impl Check<'_, '_, '_> {
    /// Warns of nodes without a fence device, or of fencing that is off.
    pub(super) fn fencing(&mut self) {
        if !self.config.properties.fencing_enabled {
            let message = "fencing is disabled: a lost node may still run what is started elsewhere".to_owned();
            let hint = "only safe when no resource can do harm by running twice".to_owned();
            let span = self.spots.of(&Spot::Setting("properties", "fencing-enabled"));
            return self.report.warning(span, message, Some(hint));
        }
        let covered = |node: &NodeId| self.config.levels.contains_key(node);
        let runs = self.config.nodes.iter().filter(|(_, node)| !node.only_votes()).map(|(name, _)| name);
        for node in runs.filter(|node| !covered(node)) {
            let message =
                format!("no fence device covers the node `{node}`: a node that cannot be fenced blocks recovery");
            let hint = "list it in `nodes` of a [fencing.NAME]".to_owned();
            self.report.warning(self.spots.of(&Spot::Node(node.clone())), message, Some(hint));
        }
    }
}
