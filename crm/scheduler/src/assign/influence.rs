//! Wishes of others: what the nodes are worth for the resources that follow one, and for those that follow these.

use super::colocation::End;
use super::draft::Draft;
use super::score::{ABSENT, MANDATORY, NEVER, SPOILED, add, scale};
use crate::constraint::Colocation;
use crate::index::{NodeIx, ResourceIx};

/// Wishes are heard over so many others and not from farther away.
const FAR: u32 = 300;

/// Who is not bound to a resource directly has so many voices where its node is chosen; where colocations branch and
/// join again, one resource has several.
const VOICES: u32 = 10_000;

/// So many of these voices there are for a whole schedule, and so small a part of those that are left for each
/// decision: where everything is bound to everything, the number of ways doubles with every resource.
pub const ALL_VOICES: u32 = 1_000_000;
const PART: u32 = 50;

/// How wishes are merged.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Whose wishes follow: those of the resources that are followed, or of those that follow.
    pub end: End,
    /// Wishes against a node do not count, except that a node that was wanted is not wanted any more.
    pub only_for: bool,
    /// Wishes that would leave no node are dropped.
    pub keep_some: bool,
}

impl Draft<'_, '_> {
    /// How many voices of those farther away are heard for a decision that begins now.
    pub fn voices_for_one(&self) -> u32 {
        VOICES.min(self.voices_left / PART)
    }

    /// Weighs in the wishes of a dependent where its primary's node is chosen, as far as it has influence. What the
    /// dependent does not want is no reason to keep all instances of a clone off a node.
    pub fn weigh_dependent(&mut self, of: &Colocation, target: ResourceIx) {
        if !self.has_influence(of) {
            return;
        }
        let factor = of.score.value() as f32 / MANDATORY as f32;
        let only_for = self.facts[target].is_clone();
        let manner = Manner { end: End::Primary, only_for, keep_some: true };
        let mut row = self.spare_row();
        row.copy_from_slice(self.row(target));
        self.merge_wishes(&mut row, of.dependent, target, Some(of), factor, manner);
        self.row_mut(target).copy_from_slice(&row);
        self.spare.push(row);
    }

    /// A row to work in; to be given back. Wishes come from far, and each of those on the way needs one.
    fn spare_row(&mut self) -> Vec<i32> {
        self.spare.pop().unwrap_or_else(|| vec![0; self.width])
    }

    /// Adds `factor` times what the nodes are worth for `source` to `row`, and then the wishes of the resources that
    /// `source` is bound to, weaker by the scores that bind them. Without a colocation only the latter.
    pub fn merge_wishes(
        &mut self,
        row: &mut [i32],
        source: ResourceIx,
        target: ResourceIx,
        of: Option<&Colocation>,
        factor: f32,
        manner: Manner,
    ) {
        if self.merging[source.at()] || self.merge_depth >= FAR {
            return;
        }
        self.merging[source.at()] = true;
        self.merge_depth += 1;
        if self.facts[source].is_group() {
            if let Some(gate) = self.gate(source) {
                self.merge_wishes(row, gate, target, of, factor, manner);
            }
        } else {
            let mut work = self.spare_row();
            work.copy_from_slice(row);
            if self.merge_into(&mut work, source, target, of, factor, manner) {
                row.copy_from_slice(&work);
            }
            self.spare.push(work);
        }
        self.merge_depth -= 1;
        self.merging[source.at()] = false;
    }

    /// Whether what came out counts.
    fn merge_into(
        &mut self,
        work: &mut [i32],
        source: ResourceIx,
        target: ResourceIx,
        of: Option<&Colocation>,
        factor: f32,
        manner: Manner,
    ) -> bool {
        if let Some(of) = of {
            self.add_wishes(work, source, target, of, factor, manner.only_for);
        }
        if work.iter().all(|&score| score == ABSENT) {
            return false;
        }
        if self.any_usable(work) {
            let farther = if self.voices > 0 { self.colocations(source, manner.end) } else { Vec::new() };
            for at in farther {
                let next = self.colocation(at);
                let other = match manner.end {
                    End::Dependent => next.primary,
                    End::Primary if self.has_influence(next) => next.dependent,
                    End::Primary => continue,
                };
                if self.voices == 0 {
                    break;
                }
                self.voices -= 1;
                self.voices_left = self.voices_left.saturating_sub(1);
                let weaker = factor * next.score.value() as f32 / MANDATORY as f32;
                self.merge_wishes(work, other, target, Some(next), weaker, manner);
            }
        } else if manner.keep_some {
            return false;
        }
        if manner.only_for {
            for score in work.iter_mut().filter(|score| **score == SPOILED) {
                *score = 1;
            }
        }
        true
    }

    /// Adds `factor` times what each node, or the best one together with it, is worth for `source`.
    fn add_wishes(
        &self,
        work: &mut [i32],
        source: ResourceIx,
        target: ResourceIx,
        of: &Colocation,
        factor: f32,
        only_for: bool,
    ) {
        let wishes = self.row(source);
        let plain = of.node_attribute.is_none() && self.nothing_inside && self.plain(source);
        let sticky = self.facts[target].meta.stickiness.map_or(0, |score| score.value());
        let only_one = wishes.iter().filter(|&&score| score >= 0).count() == 1 && scale(NEVER, factor) > sticky;
        let weigh = |cell: &mut i32, score: i32| {
            // That something is kept apart from what is kept off a node says nothing for the node; unless that other
            // has only one node left, and would have to stop, and this one does not insist on its own.
            if factor < 0.0 && score < 0 && !only_one {
                return;
            }
            let sum = add(scale(score, factor), *cell);
            if only_for && sum < 0 && *cell >= 0 {
                if *cell > 0 {
                    *cell = SPOILED;
                }
                return;
            }
            *cell = sum;
        };
        let counts = |cell: i32| cell != ABSENT && cell != SPOILED;
        if plain {
            // With nothing but nodes to compare, only the node itself is together with it.
            let row = work.iter_mut().zip(wishes).zip(&self.ready);
            for ((cell, &own), &ready) in row.filter(|((cell, _), _)| counts(**cell)) {
                weigh(cell, if own > NEVER && ready { own } else { NEVER });
            }
            return;
        }
        for node in (0..self.width).map(NodeIx::new) {
            if !counts(work[node.at()]) {
                continue;
            }
            let score = self.best_wish(wishes, source, of, node, target);
            weigh(&mut work[node.at()], score);
        }
    }

    fn best_wish(&self, wishes: &[i32], source: ResourceIx, of: &Colocation, node: NodeIx, target: ResourceIx) -> i32 {
        let mut best = NEVER;
        for (at, &score) in wishes.iter().enumerate() {
            let other = NodeIx::new(at);
            if score > best && self.usable(other) && self.same_spot(of, (node, target), (other, source)) {
                best = score;
            }
        }
        best
    }

    /// Whether no node inside a bundle can stand for another node on behalf of `resource`.
    fn plain(&self, resource: ResourceIx) -> bool {
        !self.facts[resource].meta.attribute_target_host && !self.facts[self.facts.top(resource)].is_bundle()
    }
}
