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

/// Two links between all nodes: cables of one are pulled and plugged in again and again, one direction of it is cut,
/// and the view stands. Only when both are cut is a node lost.
pub fn spare(setting: &Setting) -> Result<String, String> {
    let mut herd = Herd::formed(setting.label, setting.nodes, 2, setting.token)?;
    let names = herd.names.clone();
    let (first, last) = (names[0], names[names.len() - 1]);
    // Until the second links are up, too.
    herd.listen(Instant::now() + setting.token);
    let since = nanos();
    let mut disturbances = 0;
    for name in &names {
        for link in [0, 1] {
            herd.network.cable(name, link, false)?;
            herd.listen(Instant::now() + 2 * setting.token);
            herd.network.cable(name, link, true)?;
            herd.network.forwards()?;
            herd.listen(Instant::now() + 3 * setting.token);
            disturbances += 1;
        }
    }
    for (from, to) in [(first, last), (last, first)] {
        herd.network.block(from, to, 0)?;
        herd.listen(Instant::now() + 3 * setting.token);
        herd.network.unblock(from, to, 0)?;
        herd.listen(Instant::now() + 3 * setting.token);
        disturbances += 1;
    }
    let views = herd.views_since(since).len();
    if views > 0 {
        return Err(format!("{views} views although one of two links always worked:\n{}", herd.tail(80)));
    }
    let told = |what: &str| herd.said.iter().filter(|l| l.at >= since && l.text.starts_with(what)).count();
    let (downs, ups) = (told("said Down"), told("said Up"));
    if downs == 0 || ups == 0 {
        return Err(format!("cables were pulled, and nobody said so:\n{}", herd.tail(40)));
    }
    let cut = nanos();
    herd.network.cable(last, 0, false)?;
    herd.network.cable(last, 1, false)?;
    let rest = &names[..names.len() - 1];
    let lost = herd.view_of(rest, cut)?;
    Ok(format!(
        "{} nodes with two links, token {:?}: no view change in {disturbances} disturbances ({downs} links down, {ups} up \
         again); a view without {last} {:.0} ms after its last cable\n",
        setting.nodes,
        setting.token,
        ms(lost - cut)
    ))
}

/// A hop that takes smaller packets than the cards at both ends: where no size is configured the links find out,
/// whether it was there from the beginning or comes later, and long messages pass.
pub fn hop(setting: &Setting) -> Result<String, String> {
    let mut herd = Herd::new(setting.label, setting.nodes, 1, setting.token)?;
    herd.mtu = 0;
    herd.network.one_by_one()?;
    let names = herd.names.clone();
    let (first, last) = (names[0], names[names.len() - 1]);
    herd.network.narrow(last, 0, 1400)?;
    let begin = nanos();
    for name in &names {
        herd.start(name)?;
    }
    let formed = herd.view_of(&names, begin)?;
    let mut report = format!("  a hop of 1400 bytes before {last}: one view after {:.0} ms\n", ms(formed - begin));
    // Towards the others the cards' own size stays: 1500 bytes less what IPv6 and UDP take.
    herd.carries(&[(first, last, 1200), (last, first, 1200)])?;
    if let [_, second, _, ..] = names[..] {
        herd.carries(&[(first, second, 1452)])?;
        let since = nanos();
        herd.network.narrow(second, 0, 1400)?;
        herd.carries(&[(first, second, 1200), (second, first, 1200)])?;
        let found = ms(nanos() - since);
        herd.view_of(&names, begin)?;
        report += &format!("  later one before {second}, too: smaller packets after {found:.0} ms\n");
    }
    let since = nanos();
    herd.tell(first, "long")?;
    herd.until("long message everywhere", |said| {
        let heard =
            |name: &&&str| said.iter().any(|l| l.node == **name && l.at >= since && l.text.starts_with("long "));
        (names.iter().filter(heard).count() == names.len()).then_some(())
    })?;
    Ok(format!(
        "{} nodes, token {:?}:\n{report}  a message of 100 kB is delivered everywhere\n",
        setting.nodes, setting.token
    ))
}
