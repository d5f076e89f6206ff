//! Addresses: every node has the same number of links, and no two links share an address.

use super::Check;
use crate::address::Address;
use crate::spot::Spot;
use std::collections::BTreeMap;

impl Check<'_, '_, '_> {
    /// Links are complete and addresses unique.
    pub(super) fn addresses(&mut self) {
        let mut nodes: Vec<_> = self.config.nodes.values().collect();
        nodes.sort_by_key(|node| self.spots.of(&Spot::Node(node.name.clone())).start);
        let Some(first) = nodes.first().copied() else { return };
        let mut seen = BTreeMap::new();
        for node in nodes {
            let (have, want) = (node.addresses.len(), first.addresses.len());
            if have != want && have > 0 && want > 0 {
                let message =
                    format!("the node `{}` has {}, `{}` has {}", node.name, links(have), first.name, links(want));
                let hint = "give every node one address per link, in the same order".to_owned();
                self.report.error(self.spots.of(&Spot::Node(node.name.clone())), message, Some(hint));
            }
            for (link, text) in node.addresses.iter().enumerate() {
                let Ok(address) = Address::parse(text) else { continue };
                let port = address.port.unwrap_or(self.config.cluster.port);
                let Some(other) = seen.insert((address.host.clone(), port), &node.name) else { continue };
                let of = &node.name;
                let message = if other == of {
                    format!("the node `{of}` has {} port {port} twice", address.host)
                } else {
                    format!("{} port {port} of the node `{of}` is also an address of `{other}`", address.host)
                };
                let hint = "every link of every node needs an address and port of its own".to_owned();
                self.report.error(self.spots.of(&Spot::Address(node.name.clone(), link)), message, Some(hint));
            }
        }
    }
}

fn links(count: usize) -> String {
    if count == 1 { "1 link".to_owned() } else { format!("{count} links") }
}
