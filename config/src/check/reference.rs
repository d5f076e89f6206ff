//! Names that must exist: of nodes, resources, groups and fence devices.

use super::Check;
use crate::id::{DeviceId, NodeId, ResourceId};
use crate::nearest::nearest;
use crate::spot::Spot;
use std::collections::BTreeSet;
use std::ops::Range;

impl Check<'_, '_, '_> {
    /// Every reference resolves.
    pub(super) fn references(&mut self) {
        let config = self.config;
        for (rule, spots) in config.locations.iter().zip(&self.spots.locations) {
            self.resource_exists(&rule.resource, &spots.from);
            self.node_exists(&rule.node, &spots.to);
        }
        for (rule, spots) in config.colocations.iter().zip(&self.spots.colocations) {
            self.resource_exists(&rule.dependent, &spots.from);
            self.resource_exists(&rule.primary, &spots.to);
        }
        for (rule, spots) in config.orders.iter().zip(&self.spots.orders) {
            self.resource_exists(&rule.first, &spots.from);
            self.resource_exists(&rule.then, &spots.to);
        }
        for group in config.groups.values() {
            for (at, member) in group.members.iter().enumerate() {
                let span = self.spots.of(&Spot::Member(group.name.clone(), at));
                self.member_exists(&group.name, member, &span);
            }
        }
        for device in config.devices.values() {
            for node in device.plugs.keys() {
                let span = self.spots.of(&Spot::Covered(device.name.clone(), node.clone()));
                self.node_exists(node, &span);
            }
        }
        self.level_devices();
    }

    fn level_devices(&mut self) {
        for (node, levels) in &self.config.levels {
            for (at, level) in levels.iter().enumerate() {
                for (place, device) in level.devices.iter().enumerate() {
                    // levels that follow from the devices have no place of their own, and cannot dangle
                    if let Some(span) = self.spots.find(&Spot::LevelDevice(node.clone(), at, place)) {
                        self.level_device(node, device, &span);
                    }
                }
            }
        }
    }

    fn level_device(&mut self, node: &NodeId, device: &DeviceId, span: &Range<usize>) {
        match self.config.devices.get(device) {
            None => {
                let names = self.config.devices.keys().map(DeviceId::as_str);
                let hint = self.meant(device.as_str(), names, "[fencing.NAME]");
                self.report.error(span.clone(), format!("there is no fence device `{device}`"), hint);
            }
            Some(found) if !found.plugs.contains_key(node) => {
                let message = format!("the fence device `{device}` does not list the node `{node}`");
                let hint = format!("add `{node}` to `nodes` of [fencing.{device}]");
                self.report.error(span.clone(), message, Some(hint));
            }
            Some(_) => {}
        }
    }

    fn node_exists(&mut self, node: &NodeId, span: &Range<usize>) {
        if !self.config.nodes.contains_key(node) && !self.nodes.contains(node.as_str()) {
            let hint = self.meant(node.as_str(), self.config.nodes.keys().map(NodeId::as_str), "[nodes.NAME]");
            self.report.error(span.clone(), format!("there is no node `{node}`"), hint);
        }
    }

    fn resource_exists(&mut self, id: &ResourceId, span: &Range<usize>) {
        if self.names.contains(id.as_str()) || self.config.groups.contains_key(id) {
            return;
        }
        let names = self.config.resource_order.iter().map(ResourceId::as_str);
        let names: Vec<&str> =
            if self.report.full() { Vec::new() } else { names.chain(self.names.iter().copied()).collect() };
        let hint = self.meant(id.as_str(), names.into_iter(), "[resources.NAME]");
        self.report.error(span.clone(), format!("there is no resource or group `{id}`"), hint);
    }

    fn member_exists(&mut self, group: &ResourceId, member: &ResourceId, span: &Range<usize>) {
        if self.config.resources.contains_key(member) {
            return;
        }
        if member == group {
            return self.report.error(span.clone(), format!("the group `{group}` is a member of itself"), None);
        }
        if self.config.groups.contains_key(member) {
            let message = format!("`{member}` is a group, and groups have resources as members");
            let hint = format!("list its members instead, or write with and after in [groups.{group}]");
            return self.report.error(span.clone(), message, Some(hint));
        }
        let hint =
            self.meant(member.as_str(), self.config.resources.keys().map(ResourceId::as_str), "[resources.NAME]");
        self.report.error(span.clone(), format!("there is no resource `{member}`"), hint);
    }

    /// The nearest name, or all of them when they are few, or where such names are defined.
    fn meant<'n>(&self, text: &str, names: impl Iterator<Item = &'n str>, header: &str) -> Option<String> {
        const FEW: usize = 8;
        if self.report.full() {
            return None;
        }
        let mut seen = BTreeSet::new();
        let names: Vec<&str> = names.filter(|name| seen.insert(*name)).take(1000).collect();
        Some(match nearest(text, names.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None if (1..=FEW).contains(&names.len()) => format!("there is {}", names.join(", ")),
            None => format!("names are defined by {header}"),
        })
    }
}
