//! Members of a group start in order and stop in reverse; what starts again takes those after it along.

use super::constraint::Relating;
use crate::graph::{Task, Terms};
use crate::index::ResourceIx;

/// Relates the members of every group.
pub fn relate(relating: &mut Relating<'_, '_>) {
    let (facts, assignment, wholes) = (relating.facts, relating.assignment, relating.wholes);
    for group in facts.all_resources().filter(|&resource| facts[resource].is_group()) {
        if let Some(stop) = wholes.of(group, super::Verb::Stop)
            && let Some(start) = wholes.of(group, super::Verb::Start)
        {
            relating.edges.add(stop.done, start.begin, Terms::ORDERED);
        }
        if !facts[group].meta.ordered {
            continue;
        }
        let mut relate = |first: (ResourceIx, Task), then: (ResourceIx, Task), terms: Terms| {
            if terms.has(Terms::THEN_WANTS_POSSIBLE) {
                relating.make_missing(first);
            }
            relating.edges.connect(relating.graph, wholes, first, then, terms);
        };
        let mut active: Option<ResourceIx> = None;
        let members = &facts[group].children;
        for (at, &member) in members.iter().enumerate() {
            let runs = facts[member].role.runs() && !facts[member].on.is_empty();
            if let Some(before) = at.checked_sub(1).map(|at| members[at]) {
                relate((before, Task::Start), (member, Task::Start), Terms::mandatory());
                relate((before, Task::Promote), (member, Task::Promote), Terms::mandatory());
                relate((member, Task::Stop), (before, Task::Stop), Terms::undo());
                relate((member, Task::Demote), (before, Task::Demote), Terms::undo());
                if runs && let Some(last) = active.filter(|&last| last != before) {
                    relate((member, Task::Stop), (last, Task::Stop), Terms::undo());
                    relate((member, Task::Demote), (last, Task::Demote), Terms::undo());
                }
            }
            if runs {
                let next_of_active = active.map_or(0, |last| position(members, last) + 1);
                for &idle in &members[next_of_active..at] {
                    let left_alone = !assignment.managed[member.at()];
                    let before = if left_alone { Terms::undo().without(Terms::THEN_WANTS_DONE) } else { Terms::undo() };
                    relate((member, Task::Stop), (idle, Task::Start), before);
                }
                active = Some(member);
            }
        }
    }
}

/// Where `member` stands.
fn position(members: &[ResourceIx], member: ResourceIx) -> usize {
    members.iter().position(|&at| at == member).unwrap_or(0)
}
