//! The command lines that agents of Debian's resource-agents and pacemaker-resource-agents write.

use super::*;

fn asked(line: &str) -> Result<Ask, Reply> {
    let mut words = line.split(' ').map(str::to_owned);
    let program = words.next().unwrap();
    parse(&program, words.collect(), Some("db".to_owned()))
}

fn ask_of(about: About, node: Option<&str>, name: &str, act: Act, shown: Shown) -> Ask {
    Ask { about, node: node.map(str::to_owned), name: name.to_owned(), act, shown }
}

#[test]
fn what_agents_write_is_understood() {
    use About::{Cluster, Life, Node};
    let update = |value: &str| Act::Update(value.to_owned());
    let query = Act::Query(None);
    for (line, wanted) in [
        ("crm_attribute --promotion -v 10", ask_of(Life, None, "master-db", update("10"), Shown::Scope)),
        ("crm_attribute -p -v -INFINITY", ask_of(Life, None, "master-db", update("-INFINITY"), Shown::Scope)),
        ("crm_attribute --promotion -D", ask_of(Life, None, "master-db", Act::Delete, Shown::Scope)),
        ("crm_attribute -p -D -N beta", ask_of(Life, Some("beta"), "master-db", Act::Delete, Shown::Scope)),
        ("crm_attribute -p web -G", ask_of(Life, None, "master-web", query.clone(), Shown::Scope)),
        (
            "crm_master -N beta -l reboot -G --quiet",
            ask_of(Life, Some("beta"), "master-db", query.clone(), Shown::Value),
        ),
        ("crm_master -Q -v 100 -l reboot", ask_of(Life, None, "master-db", update("100"), Shown::Value)),
        (
            "crm_attribute -l reboot -N beta -n pgsql-status -v HS:alone",
            ask_of(Life, Some("beta"), "pgsql-status", update("HS:alone"), Shown::Scope),
        ),
        (
            "crm_attribute -l forever -N beta -n pgsql-data-status -G -q",
            ask_of(Node, Some("beta"), "pgsql-data-status", query.clone(), Shown::Value),
        ),
        (
            "crm_attribute -N beta -l reboot --name g-no-grastate --quiet",
            ask_of(Life, Some("beta"), "g-no-grastate", query.clone(), Shown::Value),
        ),
        (
            "crm_attribute --type crm_config --name r_REPL_INFO -s redis_replication -v beta -q",
            ask_of(Cluster, None, "r_REPL_INFO", update("beta"), Shown::Value),
        ),
        (
            "crm_attribute --type=crm_config --name=stonith-enabled --query --quiet --default=true",
            ask_of(Cluster, None, "stonith-enabled", Act::Query(Some("true".into())), Shown::Value),
        ),
        (
            "attrd_updater -n pingd -B 1000 -d 5s",
            ask_of(Life, None, "pingd", update("1000"), Shown::Host { all: false }),
        ),
        (
            "attrd_updater -n pingd -v -1 -d 5s -q",
            ask_of(Life, None, "pingd", update("-1"), Shown::Host { all: false }),
        ),
        ("attrd_updater -D -n pingd -d 5s", ask_of(Life, None, "pingd", Act::Delete, Shown::Host { all: false })),
        (
            "attrd_updater -n #health-cpu -U red -d 30s",
            ask_of(Life, None, "#health-cpu", update("red"), Shown::Host { all: false }),
        ),
        ("attrd_updater -S status -n cpu -v 4", ask_of(Life, None, "cpu", update("4"), Shown::Host { all: false })),
        (
            "attrd_updater --query -n openstack_id -N beta",
            ask_of(Life, Some("beta"), "openstack_id", query, Shown::Host { all: false }),
        ),
    ] {
        assert_eq!(asked(line), Ok(wanted), "{line}");
    }
}

#[test]
fn what_is_not_understood_says_so_with_the_status_of_the_peer() {
    for line in ["crm_attribute -v 1", "crm_attribute -n a -v 1 -D", "crm_attribute -n a -z", "attrd_updater -n a"] {
        assert_eq!(asked(line).unwrap_err().status, Status::Usage, "{line}");
    }
    assert_eq!(parse("crm_master", vec!["-v".into(), "1".into()], None).unwrap_err().status, Status::Usage);
}

#[test]
fn answers_look_as_agents_expect_them() {
    let node = |name: &str| NodeId::new(name).unwrap();
    let notes = |value: &str| BTreeMap::from([("a".to_owned(), value.to_owned())]);
    let lives = BTreeMap::from([(node("alpha"), notes("1")), (node("beta"), notes("2")), (node("gamma"), [].into())]);
    let lasting = Attributes { nodes: [(node("alpha"), notes("3"))].into(), cluster: notes("4") };
    let answer = |line: &str, place: &str| {
        let wanted = asked(line).unwrap();
        let Act::Query(default) = &wanted.act else { panic!("{line} asks nothing") };
        match found(&wanted, default.as_deref(), &node(place), &lives, &lasting) {
            Ok(reply) => reply.out,
            Err(reply) => format!("{:?}", reply.status),
        }
    };
    assert_eq!(answer("crm_attribute -l reboot -n a -G", "beta"), "scope=status  name=a value=2\n");
    assert_eq!(answer("crm_attribute -l forever -n a -G -q", "alpha"), "3\n");
    assert_eq!(answer("crm_attribute -l forever -n a -G -q", "beta"), "NoSuchObject");
    assert_eq!(answer("crm_attribute -l forever -n a -G -q -d none", "beta"), "none\n");
    assert_eq!(answer("crm_attribute -n a -G", "beta"), "scope=crm_config  name=a value=4\n");
    assert_eq!(answer("attrd_updater -n a -Q", "beta"), "name=\"a\" host=\"beta\" value=\"2\"\n");
    assert_eq!(answer("attrd_updater -n a -Q -A", "gamma").lines().count(), 2);
    assert_eq!(answer("attrd_updater -n a -Q", "gamma"), "NoSuchObject");
}
