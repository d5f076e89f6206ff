//! `[groups.NAME]`.

use super::constraint::Rules;
use super::fields::Fields;
use super::resource::target_role;
use super::value::At;
use crate::id::ResourceId;
use crate::option::GROUP;
use crate::report::Report;
use crate::resource::{Group, GroupMeta};
use crate::spot::{Spot, Spots};
use std::collections::BTreeMap;

/// All groups, and their names with the places.
pub(super) fn read(
    file: &Fields<'_>,
    rules: &mut Rules,
    spots: &mut Spots,
    report: &mut Report<'_>,
) -> (BTreeMap<ResourceId, Group>, Vec<At<ResourceId>>) {
    let mut groups = BTreeMap::new();
    let mut order = Vec::new();
    for (name, table) in file.named("groups") {
        let id = super::name(name, "group", ResourceId::new, report);
        let fields = Fields::read(&GROUP, name.value, name.span.clone(), table, report);
        let Some(id) = id else { continue };
        spots.set(Spot::Group(id.value.clone()), id.span.clone());
        let mut members = Vec::new();
        for text in fields.texts("members") {
            if let Some(member) = super::name(text, "resource", ResourceId::new, report) {
                spots.set(Spot::Member(id.value.clone(), members.len()), member.span);
                members.push(member.value);
            }
        }
        if fields.has("members") && members.is_empty() {
            let message = format!("{} has no members", fields.subject);
            report.error(fields.span_of("members"), message, None);
        }
        let meta = GroupMeta {
            target_role: fields.given_choice("target-role").map(target_role),
            managed: fields.given_bool("managed"),
            maintenance: fields.given_bool("maintenance"),
            priority: fields.integer("priority"),
        };
        rules.short_forms(&id, &fields, report);
        groups.insert(id.value.clone(), Group { name: id.value.clone(), members, meta });
        order.push(id);
    }
    (groups, order)
}
