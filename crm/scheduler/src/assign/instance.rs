//! Instances of one collective: as many as allowed, first where they run, then where it is best.

use super::draft::Draft;
use super::ledger::Cause;
use super::score::{ABSENT, NEVER, add};
use crate::index::{NodeIx, ResourceIx};

impl Draft<'_, '_> {
    /// Chooses nodes for up to `most` instances, up to `per_node` on each node.
    pub fn assign_instances(&mut self, collective: ResourceIx, instances: &[ResourceIx], most: i64, per_node: i64) {
        let usable = (0..self.width)
            .map(NodeIx::new)
            .filter(|&node| self.cell(collective, node) != ABSENT && self.usable(node))
            .count();
        self.counts.insert(collective, vec![0; self.width]);
        let fair = u32::try_from(most / i64::try_from(usable).unwrap_or(i64::MAX).max(1)).unwrap_or(0).max(1);
        let per_node = u32::try_from(per_node).unwrap_or(0);
        let held = self.held_places(collective, instances);
        let mut assigned = 0;
        for (&instance, &held) in instances.iter().zip(&held) {
            if assigned >= most {
                break;
            }
            self.uncount(collective, held);
            if let Some(current) = self.stays_early(collective, instance, fair)
                && self.keep_instance(collective, instance, current, per_node, most - assigned)
            {
                assigned += 1;
            } else {
                self.recount(collective, held);
            }
        }
        for (&instance, &held) in instances.iter().zip(&held) {
            if !self.open[instance.at()] {
                continue;
            }
            if assigned >= most {
                self.ban_everywhere(instance);
                self.note(|| Cause::EnoughInstances);
                continue;
            }
            self.uncount(collective, held);
            let chosen = self.assign_instance(collective, instance, None, per_node);
            assigned += i64::from(chosen.is_some());
            if chosen != held {
                self.recount(collective, held);
            }
        }
    }

    /// The places of instances that cannot leave, which nobody else may have: by instance, and counted. Where no
    /// instance can be sent anywhere that does not matter.
    fn held_places(&mut self, collective: ResourceIx, instances: &[ResourceIx]) -> Vec<Option<NodeIx>> {
        let free = |&it: &ResourceIx| self.facts.primitives(it).iter().all(|part| self.managed[part.at()]);
        if !instances.iter().any(free) {
            return vec![None; instances.len()];
        }
        let listed = |&node: &NodeIx| self.cell(collective, node) != ABSENT;
        let place = |&it: &ResourceIx| self.held_on(it).filter(listed).filter(|_| self.open[it.at()]);
        let held: Vec<Option<NodeIx>> = instances.iter().map(place).collect();
        held.iter().for_each(|&held| self.recount(collective, held));
        held
    }

    fn recount(&mut self, collective: ResourceIx, held: Option<NodeIx>) {
        if let (Some(held), Some(counts)) = (held, self.counts.get_mut(&collective)) {
            counts[held.at()] += 1;
        }
    }

    fn uncount(&mut self, collective: ResourceIx, held: Option<NodeIx>) {
        if let (Some(held), Some(counts)) = (held, self.counts.get_mut(&collective)) {
            counts[held.at()] = counts[held.at()].saturating_sub(1);
        }
    }

    /// Where a resource, or a part of it, stays whatever is wished: it runs there and may not be touched.
    pub fn held_on(&self, resource: ResourceIx) -> Option<NodeIx> {
        let here = &self.facts[resource];
        if here.is_primitive() {
            return if self.managed[resource.at()] { None } else { self.current(resource) };
        }
        here.children.iter().find_map(|&child| self.held_on(child))
    }

    /// Where an instance runs, when it can stay there for all that the others need.
    fn stays_early(&self, collective: ResourceIx, instance: ResourceIx, fair: u32) -> Option<NodeIx> {
        if !self.open[instance.at()] || self.failed(instance) {
            return None;
        }
        let current = self.current(instance)?;
        let listed = self.cell(collective, current) != ABSENT;
        let full = listed && self.count(collective, current) >= fair;
        (self.usable(current) && !full).then_some(current)
    }

    /// Whether a resource or a part of it failed.
    pub fn failed(&self, resource: ResourceIx) -> bool {
        let here = &self.facts[resource];
        here.failed || here.children.iter().any(|&child| self.failed(child))
    }

    /// Tries to keep an instance where it runs. Each time another node turns out to be better for it, one instance is
    /// set aside for that node and the rest is tried again: so nodes get their share, and instances do not change
    /// places without need.
    fn keep_instance(
        &mut self,
        collective: ResourceIx,
        instance: ResourceIx,
        current: NodeIx,
        per_node: u32,
        free: i64,
    ) -> bool {
        let score = self.cell(instance, current);
        if score == ABSENT || score < 0 || !self.usable(current) {
            return false;
        }
        let rows = self.rows_below(instance);
        let mark = self.mark();
        let counts = self.counts.get(&collective).cloned();
        let mut reserved = 0;
        let mut kept = false;
        while reserved < free {
            let chosen = self.assign_instance(collective, instance, Some(current), per_node);
            if chosen == Some(current) {
                kept = true;
                break;
            }
            self.restore_rows(&rows);
            self.take_back(mark);
            self.unsettle(instance);
            if chosen.is_none() {
                break;
            }
            reserved += 1;
        }
        if let Some(counts) = counts {
            self.counts.insert(collective, counts);
        }
        if kept {
            self.add_count(collective, current);
        }
        kept
    }

    fn rows_below(&self, resource: ResourceIx) -> Vec<(ResourceIx, Vec<i32>)> {
        let mut rows = vec![(resource, self.row(resource).to_vec())];
        for &child in &self.facts[resource].children {
            rows.extend(self.rows_below(child));
        }
        rows
    }

    fn restore_rows(&mut self, rows: &[(ResourceIx, Vec<i32>)]) {
        for (resource, row) in rows {
            self.row_mut(*resource).copy_from_slice(row);
        }
    }

    fn assign_instance(
        &mut self,
        collective: ResourceIx,
        instance: ResourceIx,
        prefer: Option<NodeIx>,
        per_node: u32,
    ) -> Option<NodeIx> {
        if self.choosing[instance.at()] {
            return None;
        }
        self.ban_full_nodes(collective, instance, per_node);
        self.note(|| Cause::NoRoom);
        let chosen = self.assign(instance, prefer, prefer.is_none());
        if let Some(chosen) = chosen {
            self.add_count(collective, chosen);
        }
        chosen
    }

    /// Forbids nodes that cannot be used, that the collective may not have, or that have enough instances.
    fn ban_full_nodes(&mut self, collective: ResourceIx, instance: ResourceIx, per_node: u32) {
        for node in (0..self.width).map(NodeIx::new) {
            if self.cell(instance, node) == ABSENT {
                continue;
            }
            let worth = self.cell(collective, node);
            // An absent node is a very small number, too.
            if !self.usable(node) || worth < 0 || self.count(collective, node) >= per_node {
                self.ban_listed(instance, node);
            }
        }
    }

    fn ban_listed(&mut self, resource: ResourceIx, node: NodeIx) {
        let cell = self.cell(resource, node);
        if cell != ABSENT {
            self.row_mut(resource)[node.at()] = add(cell, NEVER);
        }
        for child in self.facts[resource].children.clone() {
            self.ban_listed(child, node);
        }
    }

    fn count(&self, collective: ResourceIx, node: NodeIx) -> u32 {
        self.counts.get(&collective).map_or(0, |counts| counts[node.at()])
    }

    fn add_count(&mut self, collective: ResourceIx, node: NodeIx) {
        if self.cell(collective, node) != ABSENT
            && let Some(counts) = self.counts.get_mut(&collective)
        {
            counts[node.at()] += 1;
        }
    }
}
