//! Tickets: resources that need one, and what this cluster was granted.

use super::feature::{any, element, part};
use super::{Cluster, NOW, chance, pick};
use fastrand::Rng;

/// Adds one or two tickets.
pub(super) fn add(rng: &mut Rng, cluster: &Cluster, cib: &mut crate::element::Element) {
    for ticket in ["north", "south"].iter().take(rng.usize(1..=2)) {
        for number in 0..rng.usize(1..=2) {
            let top = any(rng, cluster);
            let policy = pick(rng, &["stop", "stop", "demote", "fence", "freeze"]);
            let role = if top.is_promotable() && chance(rng, 50) { " rsc-role=\"Promoted\"" } else { "" };
            part(cib, "constraints").children.push(element(&format!(
                "<rsc_ticket id=\"{ticket}-{number}\" rsc=\"{}\" ticket=\"{ticket}\" loss-policy=\"{policy}\"{role}/>",
                top.id
            )));
        }
        let granted = match rng.u32(0..100) {
            0..50 => "granted=\"true\"",
            50..85 => "granted=\"false\"",
            85..95 => "granted=\"true\" standby=\"true\"",
            _ => continue,
        };
        let last = NOW - 3000;
        let state = format!("<ticket_state id=\"{ticket}\" {granted} last-granted=\"{last}\"/>");
        cib.child("status").child("tickets").children.push(element(&state));
    }
}
