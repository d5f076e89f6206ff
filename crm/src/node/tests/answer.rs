//! What the scheduler said is kept for people who ask, no longer than it holds.

use super::THREE;
use super::cluster::{Cluster, node, resource, service};
use crate::cib::OverrideEdit;
use crate::control::Request;
use crate::schedule::Schedule;
use config::TargetRole;
use std::sync::Arc;

fn asked(cluster: &mut Cluster) -> Arc<Schedule> {
    let now = cluster.now;
    cluster.nodes.get_mut(&node("alpha")).unwrap().explained_now(now).unwrap()
}

#[test]
fn an_answer_is_given_again_until_something_is_different() {
    let mut cluster = Cluster::started(THREE, &service("web"));
    cluster.run();
    let first = asked(&mut cluster);
    cluster.now.wall_ms += 1;
    assert!(Arc::ptr_eq(&first, &asked(&mut cluster)), "nothing is different");
    cluster.now.wall_ms -= 2;
    let set_back = asked(&mut cluster);
    assert!(!Arc::ptr_eq(&first, &set_back), "the clock was set back");
    let edit = OverrideEdit::TargetRole { resource: resource("web"), role: Some(TargetRole::Stopped) };
    cluster.ask("beta", Request::Override { edit });
    cluster.run();
    let disabled = asked(&mut cluster);
    assert!(disabled.placement[&resource("web")].is_empty());
    assert!(disabled.reasons[&resource("web")][0].contains("disabled"), "{:?}", disabled.reasons);
    cluster.join(&[&["alpha", "gamma"], &["beta"]]);
    cluster.run();
    assert!(!Arc::ptr_eq(&disabled, &asked(&mut cluster)), "others are there");
}

#[test]
fn an_answer_is_not_given_again_after_the_time_at_which_it_may_be_another() {
    let ban = "[[location]]\nresource = \"web\"\nrule = \"date gt 1970-01-01T00:20:00Z\"\nscore = \"never\"\n";
    let mut cluster = Cluster::started(THREE, &(service("web") + ban));
    cluster.run();
    let first = asked(&mut cluster);
    let recheck = first.recheck_wall_ms.expect("the rule begins to hold at a time");
    assert!(!first.placement[&resource("web")].is_empty());
    cluster.now.wall_ms = recheck - 1;
    assert!(Arc::ptr_eq(&first, &asked(&mut cluster)));
    cluster.now.wall_ms = recheck + 1000;
    assert!(asked(&mut cluster).placement[&resource("web")].is_empty());
}
