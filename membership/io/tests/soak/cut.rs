//! Cables and cuts: what one link loses, another carries; what only one direction loses ends in one view that lasts.

use crate::herd::{Herd, Line};
use crate::member::nanos;
use crate::story::{Setting, ms};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long the network may need to be of one mind after a one-way cut.
fn bound(token: Duration) -> Duration {
    5 * token + Duration::from_millis(500)
}

/// The newest view of each member.
fn newest(said: &[Line]) -> BTreeMap<&str, (u64, Vec<&str>)> {
    let mut sorted: Vec<&Line> = said.iter().collect();
    sorted.sort_by_key(|line| line.at);
    sorted.into_iter().filter_map(|line| Some((line.node.as_str(), line.view()?))).collect()
}

/// One node no longer hears another one: one of the two is left out, and the rest is of one mind for good. When both
/// hear each other again, so are all.
pub fn one_way(setting: &Setting) -> Result<String, String> {
    let mut herd = Herd::formed(setting.label, setting.nodes, 1, setting.token)?;
    let names = herd.names.clone();
    let mut report = String::new();
    let pairs = [(names[0], names[1]), (names[names.len() - 1], names[0])];
    for (from, to) in pairs {
        let cut = nanos();
        herd.network.block(from, to, 0)?;
        herd.listen(Instant::now() + bound(setting.token));
        let settled = nanos();
        // Long enough for any attempt to merge again.
        herd.listen(Instant::now() + 6 * setting.token);
        let restless = herd.views_since(settled).len();
        let views = herd.views_since(cut);
        let last = views.iter().map(|line| line.at).max().unwrap_or(cut);
        if restless > 0 {
            return Err(format!(
                "{restless} views later than the bound after {from} -> {to} was cut:\n{}",
                herd.tail(60)
            ));
        }
        let (large, count) = (names.len() - 1, views.len());
        let together = newest(&herd.said).values().filter(|(_, members)| members.len() == large).count();
        if together != large {
            return Err(format!("{from} -> {to} was cut, and no view of {large} came of it:\n{}", herd.tail(60)));
        }
        report += &format!(
            "  {from} -> {to} cut: one view of {large} after {:.0} ms, {count} views in all\n",
            ms(last - cut)
        );
        let healed = nanos();
        herd.network.unblock(from, to, 0)?;
        let whole = herd.view_of(&names, healed)?;
        report += &format!("  healed: one view of all after {:.0} ms\n", ms(whole - healed));
    }
    Ok(format!("{} nodes, token {:?}:\n{report}", setting.nodes, setting.token))
}
