//! Which primitives a name in a constraint stands for: a resource with all that it contains, a template with all that
//! it completes, a tag with all that it lists.

use super::case::Case;
use crate::situation::Resource;
use std::collections::BTreeMap;

/// Names and the places of primitives.
pub(super) struct Scope<'a> {
    by_name: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Scope<'a> {
    pub(super) fn of(case: &Case<'a>) -> Scope<'a> {
        let mut by_name: BTreeMap<&'a str, Vec<usize>> = BTreeMap::new();
        for (at, it) in case.subjects.primitives.iter().enumerate() {
            let template = it.written.and_then(|written| written.template.as_deref());
            let around = [it.group.map(|(group, _)| group), it.clone, it.bundle];
            let around = around.into_iter().flatten().map(|resource: &Resource| resource.id.as_str());
            for name in std::iter::once(it.id).chain(template).chain(around) {
                by_name.entry(name).or_default().push(at);
            }
        }
        for tag in &case.situation.configuration.tags {
            let members = tag.members.iter().filter_map(|member| by_name.get(member.as_str())).flatten().copied();
            let members: Vec<usize> = members.collect();
            by_name.entry(&tag.id).or_insert(members);
        }
        Scope { by_name }
    }

    /// The primitives that a name stands for.
    pub(super) fn primitives(&self, name: &str) -> &[usize] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }
}
