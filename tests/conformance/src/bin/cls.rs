#![allow(clippy::all, clippy::disallowed_methods)]
use conformance::{random, rest};
use scheduler::{execute::execute, facts, schedule::*};
use std::collections::BTreeMap;
fn main() {
    let a: Vec<u64> = std::env::args().skip(1).map(|x| x.parse().unwrap()).collect();
    let mut h: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for seed in a[0]..a[0] + a[1] {
        let Ok(mut s) = import::read(&random::cib(seed)) else { continue };
        s.now_ms = random::NOW * 1000;
        let f = facts::read(&s);
        let one = scheduler::plan(&f);
        let later = execute(&f, &one);
        let f2 = facts::read(&later);
        let two = scheduler::plan(&f2);
        let left = rest::left(&two);
        if left.is_empty() { continue }
        let map = |x: &Schedule| x.placements.iter().map(|p| (p.resource.clone(), (p.node.clone(), p.role))).collect::<BTreeMap<_, _>>();
        let (m1, m2) = (map(&one), map(&two));
        let changed: Vec<_> = m2.iter().filter(|(r, p)| m1.get(*r) != Some(p)).map(|(r, p)| format!("{r}: {:?} -> {:?}", m1.get(r), p)).collect();
        let mut k = String::new();
        k += if changed.is_empty() { "same wish" } else { "wish changed" };
        if one.actions.iter().any(|x| x.kind == ActionKind::Fence) { k += " fence" }
        if f.situation.configuration.properties.iter().any(|p| format!("{p:?}").contains("placement-strategy")) { k += " capacity" }
        if !f.options.quorate { k += " noquorum" }
        let blocked = one.summary.iter().filter(|c| c.blocked).count();
        if blocked > 0 { k += " blocked" }
        if a.len() > 2 { println!("{seed} {k}\n   wish {}\n   left {}", changed.join("; "), left.join(", ")); }
        h.entry(k).or_default().push(seed);
    }
    for (k, v) in h { println!("{} {k} {:?}", v.len(), &v[..v.len().min(8)]); }
}
