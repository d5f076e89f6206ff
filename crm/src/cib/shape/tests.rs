//! Options are read as the scheduler reads them: with templates, defaults and what is around, and with doubt where a
//! rule decides.

use super::Cib;
use crate::node::NodeOptions;
use config::{NodeId, ResourceId};

fn cib(rest: &str) -> Cib {
    let file = format!(
        "[cluster]\nname = \"t\"\n[nodes.alpha]\naddresses = [\"10.0.0.1\"]\n[fencing.pdu]\nagent = \"fence_x\"\n\
         nodes = [\"alpha\"]\n{rest}"
    );
    Cib::new(NodeOptions::first_durable(file.clone())).unwrap_or_else(|problems| panic!("{problems:#?}\n{file}"))
}

fn id(name: &str) -> ResourceId {
    ResourceId::new(name).unwrap()
}

const DUMMY: &str = "agent = \"ocf:heartbeat:Dummy\"\n";
const RULE: &str = "rule = \"date gt 2030-01-01\"";

#[test]
fn what_is_managed_is_told_by_the_resource_its_template_what_is_around_it_and_the_defaults() {
    let alpha = NodeId::new("alpha").unwrap();
    let managed = |rest: &str| cib(&format!("{rest}\n[resources.db]\n{DUMMY}")).is_managed(&alpha, &id("db"));
    let own = |rest: &str| cib(&format!("[resources.db]\n{DUMMY}{rest}")).is_managed(&alpha, &id("db"));
    assert!(managed(""));
    assert!(!managed("[defaults.resource]\nmanaged = false"));
    assert!(!managed("[defaults.resource]\nmaintenance = true"));
    assert!(!managed("[groups.g]\nmembers = [\"db\"]\nmanaged = false"));
    assert!(!own("managed = false"));
    assert!(!own(&format!("template = \"t\"\n[templates.t]\n{DUMMY}managed = false")));
    let set = |values: &str| format!("sets = [{{ of = \"meta\", values = {{ {values} }}, score = 5, {RULE} }}]\n");
    assert!(own(&set("is-managed = \"false\"")), "it may be managed");
    assert!(own(&(set("is-managed = \"true\"") + "managed = false")), "it may be managed");
}

#[test]
fn a_limit_of_instances_is_the_widest_that_may_hold() {
    let clone = |rest: &str| cib(&format!("[resources.db]\n{DUMMY}[clones.all]\nresource = \"db\"\n{rest}"));
    let promotable = "promotable = true\n";
    assert_eq!(clone(promotable).promoted_max(&id("db").instance(0)), 1);
    assert_eq!(clone(&format!("{promotable}promoted-max = 2")).promoted_max(&id("db")), 2);
    let sets = format!("sets = [{{ of = \"meta\", values = {{ promoted-max = \"3\" }}, {RULE} }}]");
    assert_eq!(clone(&format!("{promotable}promoted-max = 2\n{sets}")).promoted_max(&id("db")), 3);
    assert!(clone("").may_run_everywhere(&id("db")));
    assert!(!clone("globally-unique = true").may_run_everywhere(&id("db")));
    assert!(!clone("clone-node-max = 2").may_run_everywhere(&id("db")), "several on a node are not alike");
    let sets = format!("sets = [{{ of = \"meta\", values = {{ globally-unique = \"true\" }}, {RULE} }}]");
    assert!(!clone(&sets).may_run_everywhere(&id("db")), "they may be different");
    assert!(!cib(&format!("[resources.db]\n{DUMMY}")).may_run_everywhere(&id("db")));
}
