//! Good schedules with a planted fault: the audit must see each of them, and nothing else. What it cannot see here, no
//! recorded case and no random cluster would show either.

use super::{Rule, audit};
use crate::injection::Injection;
use crate::loss::at_rest;
use crate::schedule::{ActionKind, Schedule, ScheduledAction};
use crate::situation::{AttributeSet, OperationStatus, Situation, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

const NODES: &str = r#"
[cluster]
name = "test"
[nodes.a]
addresses = ["10.0.0.1"]
[nodes.b]
addresses = ["10.0.0.2"]
[nodes.c]
addresses = ["10.0.0.3"]
attributes = { rack = "x" }
[fencing.pdu]
agent = "fence_test"
nodes = ["a", "b", "c"]
"#;

const WEB: &str = "[resources.web]\nagent = \"ocf:test:Dummy\"\nmonitor = \"10s\"\nprefer = { a = 50 }\n";
const IDLE: &str = "[resources.web]\nagent = \"ocf:test:Dummy\"\ntarget-role = \"stopped\"\n";
const TWO: &str = "[resources.db]\nagent = \"ocf:test:Dummy\"\nprefer = { a = 50 }\n\
                   [resources.web]\nagent = \"ocf:test:Dummy\"\nprefer = { a = 50 }\n";
const PAIR: &str = "[resources.db]\nagent = \"ocf:test:Dummy\"\n[resources.web]\nagent = \"ocf:test:Dummy\"\n\
                    [groups.pair]\nmembers = [\"db\", \"web\"]\n";
const CLONE: &str = "[resources.p]\nagent = \"ocf:test:Dummy\"\n[clones.ps]\nresource = \"p\"\nclone-max = 2\n";
const PROMOTABLE: &str =
    "[resources.p]\nagent = \"ocf:test:Stateful\"\n[clones.ps]\nresource = \"p\"\npromotable = true\n";
const LIVE: &str = "[resources.vm]\nagent = \"ocf:test:Dummy\"\nallow-migrate = true\nprefer = { a = 50 }\n";
const LIVE_TWO: &str = "[resources.web]\nagent = \"ocf:test:Dummy\"\nallow-migrate = true\nprefer = { a = 50 }\n\
                        [resources.db]\nagent = \"ocf:test:Dummy\"\nprefer = { b = 50 }\n";
const LIVE_CLONE: &str = "[resources.p]\nagent = \"ocf:test:Dummy\"\nallow-migrate = true\n\
                          [clones.ps]\nresource = \"p\"\nglobally-unique = true\nclone-max = 2\n";
const REMOTE: &str = "[resources.far]\nagent = \"ocf:pacemaker:remote\"\nparams = { server = \"10.0.0.7\" }\n\
                      [resources.web]\nagent = \"ocf:test:Dummy\"\nprefer = { far = 100 }\n";

/// A situation and a schedule for it.
struct World {
    situation: Situation,
    schedule: Schedule,
}

/// What is damaged, in which situation, and what the audit has to say.
struct Fault {
    rule: Rule,
    says: &'static str,
    cluster: (&'static str, &'static str),
    happens: &'static str,
    damage: fn(&mut World),
}

const FAULTS: &[Fault] = &[
    fault(Rule::Shape, "which does not exist", (WEB, ""), "fresh", |it| it.named("start web a").after.push(999)),
    fault(Rule::Shape, "have the id", (WEB, ""), "fresh", |it| it.named("start web a").id = 0),
    fault(
        Rule::Shape,
        "wait for each other: start web on a (3) -> monitor web on b (1) -> the first again",
        (WEB, ""),
        "fresh",
        |it| {
            let start = it.id("start web a");
            it.named("monitor web b").after.push(start);
        },
    ),
    fault(Rule::Double, "is ordered twice", (WEB, ""), "fresh", |it| it.copy("monitor 10000ms web a", |_| {})),
    fault(Rule::Double, "reboot of a is ordered twice", (IDLE, ""), "node-fail a", |it| it.copy("reboot a", |_| {})),
    fault(Rule::Single, "no stop there", (WEB, ""), "node-standby a", |it| it.remove("stop web a")),
    fault(Rule::Single, "no stop there", (WEB, ""), "node-standby a", |it| it.forget("stop web a")),
    fault(Rule::Single, "started on another node too", (WEB, ""), "fresh", |it| {
        it.copy("start web a", |start| start.node = Some("b".to_owned()));
    }),
    fault(Rule::Single, "may run there already", (WEB, ""), "op-fail web:monitor=10s:1@a", |it| {
        it.remove("stop web a");
    }),
    fault(Rule::Probe, "the probe on b", (WEB, ""), "fresh", |it| it.forget("monitor web b")),
    fault(Rule::Instances, "makes 3 instances, and 2 are allowed", (CLONE, ""), "fresh", |it| {
        it.copy("start p:0 a", |start| start.node = Some("c".to_owned()));
        it.remove("monitor p:0 c");
    }),
    fault(Rule::Instances, "makes 2 instances on this node", (CLONE, ""), "fresh", |it| {
        it.remove("start p:1 b");
        it.copy("start p:0 a", |start| start.resource = Some("p:1".to_owned()));
    }),
    fault(Rule::Instances, "makes 2 instances on this node", (LIVE_CLONE, ""), "node-standby a", |it| it.sends_to("b")),
    fault(Rule::Instances, "makes 2 promoted instances", (PROMOTABLE, ""), "attribute a:master-p=5\nrest", |it| {
        it.situation = unpromoted(&it.situation);
        it.schedule = crate::schedule(&it.situation);
        it.copy("promote p:0 a", |promote| {
            promote.node = Some("b".to_owned());
            promote.resource = Some("p:1".to_owned());
        });
    }),
    fault(Rule::Instances, "for a while", (PROMOTABLE, ""), PROMOTION_MOVES, |it| it.forget("demoted ps")),
    fault(Rule::Place, "is not there", (WEB, ""), "node-down c\nrest\nnode-standby a", |it| it.move_to("c")),
    fault(Rule::Place, "is in standby", (WEB, ""), "node-standby c\nrest\nnode-standby a", |it| it.move_to("c")),
    fault(Rule::Place, "no connection", (REMOTE, ""), "fresh", |it| it.forget("start far a")),
    fault(Rule::Place, "does not exist", (WEB, ""), "fresh", |it| it.move_from("a", "z")),
    fault(Rule::Unclean, "wait for the fencing of a", (WEB, ""), "node-fail a", |it| {
        let fence = it.id("reboot a");
        it.named("start web b").after.retain(|id| *id != fence);
        it.named("stop web a").after.retain(|id| *id != fence);
        it.remove("stop web a");
        it.situation.status.iter_mut().for_each(|node| node.resources.retain(|history| history.id != "web"));
    }),
    fault(Rule::Unclean, "that makes it true", (WEB, ""), "node-fail a", |it| {
        let fence = it.id("reboot a");
        it.named("stop web a").after.retain(|id| *id != fence);
    }),
    fault(Rule::Unclean, "unclean and not fenced", (WEB, ""), "node-fail c\nnode-standby a", |it| {
        it.remove("reboot c")
    }),
    fault(Rule::Fencing, "there and well", (IDLE, ""), "node-fail a", |it| {
        it.named("reboot a").node = Some("b".to_owned())
    }),
    fault(Rule::Fencing, "fencing is disabled", (IDLE, ""), "node-fail a", |it| {
        it.property("fencing-enabled", "false")
    }),
    fault(Rule::Fencing, "without quorum", (IDLE, ""), "node-fail a", |it| it.situation.quorate = false),
    fault(Rule::Quorum, "without quorum", (WEB, ""), "fresh", |it| it.situation.quorate = false),
    fault(Rule::Quorum, "without quorum", (WEB, ""), "fresh", |it| {
        it.situation.quorate = false;
        it.property("no-quorum-policy", "freeze");
    }),
    fault(Rule::Forbidden, "location constraint", (WEB, NOT_ON_C), "node-standby a", |it| it.move_to("c")),
    fault(Rule::Forbidden, "location constraint", (WEB, NOT_IN_RACK), "node-standby a", |it| it.move_to("c")),
    fault(Rule::Forbidden, "target role Stopped", (WEB, ""), "fresh", |it| it.meta("web", "target-role", "Stopped")),
    fault(Rule::Forbidden, "stop-all-resources", (WEB, ""), "fresh", |it| it.property("stop-all-resources", "true")),
    fault(Rule::Managed, "not managed", (WEB, ""), "node-standby a", |it| it.meta("web", "is-managed", "false")),
    fault(Rule::Managed, "not managed", (WEB, ""), "op-fail web:monitor=10s:7@a", |it| {
        it.property("maintenance-mode", "true");
    }),
    fault(Rule::Steps, "wait for its start", (WEB, ""), "fresh", |it| it.named("monitor 10000ms web a").after.clear()),
    fault(Rule::Steps, "wait for its demote", (PROMOTABLE, ""), "attribute a:master-p=5\nrest\nnode-standby a", |it| {
        it.named("stop p:0 a").after.clear();
    }),
    fault(Rule::Order, "wait for the start of db", (TWO, DB_THEN_WEB), "fresh", |it| {
        let first = it.id("start db a");
        it.named("start web a").after.retain(|id| *id != first);
    }),
    fault(Rule::Order, "wait for the stop of web", (TWO, DB_THEN_WEB), "node-standby a", |it| {
        it.named("stop db a").after.clear()
    }),
    fault(Rule::Order, "comes up without db", (TWO, DB_THEN_WEB), "fresh", |it| it.remove("start db a")),
    fault(Rule::Order, "at the same time", (TWO, IN_TURN), "fresh", |it| {
        let (db, web) = (it.id("start db a"), it.id("start web a"));
        it.named("start web a").after.retain(|id| *id != db);
        it.named("start db a").after.retain(|id| *id != web);
    }),
    fault(Rule::Order, "wait for the start of db", (PAIR, ""), "fresh", |it| {
        let first = it.id("start db a");
        it.named("start web a").after.retain(|id| *id != first);
    }),
    fault(Rule::Together, "without db beside it", (TWO, TOGETHER), "fresh", |it| {
        it.named("start web a").node = Some("b".to_owned())
    }),
    fault(Rule::Together, "comes up beside db", (TWO, APART), "fresh", |it| {
        it.named("start web b").node = Some("a".to_owned())
    }),
    fault(Rule::Together, "comes up beside db", (LIVE_TWO, APART), "node-standby a", |it| it.sends_to("b")),
    fault(Rule::Together, "before it in group pair", (PAIR, ""), "fresh", |it| {
        it.named("start web a").node = Some("b".to_owned());
    }),
    fault(Rule::Migration, "has sent it", (LIVE, ""), "node-standby a", |it| {
        it.named("migrate_from vm b").after.clear()
    }),
    fault(Rule::Migration, "leaves what it was on a", (LIVE, ""), "node-standby a", |it| it.remove("stop vm a")),
    fault(Rule::Migration, "before it is stopped on a", (LIVE, ""), "node-standby a", |it| {
        it.named("stop vm a").after.clear()
    }),
    fault(Rule::Migration, "does not run there", (LIVE, ""), "node-standby a", |it| {
        it.situation.status.iter_mut().for_each(|node| node.resources.retain(|history| history.id != "vm"));
    }),
    fault(Rule::Migration, "as its ends", (LIVE, ""), "node-standby a", |it| {
        it.named("migrate_from vm b").migration = Some(("a".to_owned(), "c".to_owned()));
    }),
];

const PROMOTION_MOVES: &str = "attribute a:master-p=5\nrest\nattribute a:master-p=1\nattribute b:master-p=50";
const NOT_ON_C: &str = "[[location]]\nresource = \"web\"\nnode = \"c\"\nscore = \"never\"\n";
const NOT_IN_RACK: &str = "[[location]]\nresource = \"web\"\nrule = \"rack eq x\"\nscore = \"never\"\n";
const DB_THEN_WEB: &str = "[[order]]\nfirst = \"db\"\nthen = \"web\"\n";
const IN_TURN: &str = "[[order]]\nfirst = \"db\"\nthen = \"web\"\nkind = \"serialize\"\n";
const TOGETHER: &str = "[[colocation]]\ndependent = \"web\"\nprimary = \"db\"\n";
const APART: &str = "[[colocation]]\ndependent = \"web\"\nprimary = \"db\"\nscore = \"never\"\n";

const fn fault(
    rule: Rule,
    says: &'static str,
    cluster: (&'static str, &'static str),
    happens: &'static str,
    damage: fn(&mut World),
) -> Fault {
    Fault { rule, says, cluster, happens, damage }
}

impl World {
    fn new(cluster: (&str, &str), happens: &str) -> World {
        let parsed = config::parse(&format!("{NODES}{}{}", cluster.0, cluster.1));
        let config = parsed.config.unwrap_or_else(|| panic!("{cluster:?}: {:?}", parsed.problems));
        let mut situation = Situation::just_started(config.written, 1_800_000_000_000);
        for (at, line) in happens.lines().enumerate() {
            if line == "fresh" {
                break;
            }
            if at == 0 || line == "rest" {
                situation = at_rest(&situation).expect("a small cluster comes to rest");
            }
            match line.split_once(' ') {
                Some(("attribute", what)) => {
                    let (node, (name, value)) = what
                        .split_once(':')
                        .and_then(|(node, rest)| Some((node, rest.split_once('=')?)))
                        .expect("NODE:NAME=VALUE");
                    attribute(&mut situation, node, name, value);
                }
                Some((word, value)) => {
                    Injection::parse(word, value).and_then(|it| it.apply(&mut situation)).expect("an injection");
                }
                None => {}
            }
        }
        let schedule = crate::schedule(&situation);
        World { situation, schedule }
    }

    fn place(&self, words: &str) -> usize {
        let all = &self.schedule.actions;
        let found = all.iter().position(|action| named(action) == words);
        found.unwrap_or_else(|| panic!("no {words} among {:?}", all.iter().map(named).collect::<Vec<_>>()))
    }

    fn id(&self, words: &str) -> u32 {
        self.schedule.actions[self.place(words)].id
    }

    fn named(&mut self, words: &str) -> &mut ScheduledAction {
        let at = self.place(words);
        &mut self.schedule.actions[at]
    }

    /// Nothing waits for an action any more.
    fn forget(&mut self, words: &str) {
        let id = self.id(words);
        self.schedule.actions.iter_mut().for_each(|action| action.after.retain(|after| *after != id));
    }

    fn remove(&mut self, words: &str) {
        self.forget(words);
        let at = self.place(words);
        self.schedule.actions.remove(at);
    }

    /// Adds an action like another one.
    fn copy(&mut self, words: &str, change: impl Fn(&mut ScheduledAction)) {
        let mut copy = self.named(words).clone();
        copy.id = self.schedule.actions.iter().map(|action| action.id + 1).max().unwrap_or(0);
        change(&mut copy);
        self.schedule.actions.push(copy);
    }

    /// What was to start on `b` is to start elsewhere.
    fn move_to(&mut self, node: &str) {
        self.move_from("b", node);
    }

    fn move_from(&mut self, from: &str, to: &str) {
        let start = self.id(&format!("start web {from}"));
        let moved = |action: &&mut ScheduledAction| action.id == start || action.after.contains(&start);
        for action in self.schedule.actions.iter_mut().filter(moved) {
            action.node = Some(to.to_owned());
        }
    }

    /// The only live migration, which goes to `c`, goes elsewhere.
    fn sends_to(&mut self, node: &str) {
        let elsewhere = |name: &mut String| *name = node.to_owned();
        for action in &mut self.schedule.actions {
            action.node.iter_mut().filter(|name| *name == "c").for_each(elsewhere);
            action.migration.iter_mut().for_each(|(_, to)| elsewhere(to));
        }
    }

    fn property(&mut self, name: &str, value: &str) {
        self.situation.configuration.properties.insert(0, strong(name, value));
    }

    fn meta(&mut self, resource: &str, name: &str, value: &str) {
        let all = &mut self.situation.configuration.resources;
        let resource = all.iter_mut().find(|it| it.id == resource).expect("a resource of this name");
        resource.meta.push(strong(name, value));
    }
}

fn attribute(situation: &mut Situation, node: &str, name: &str, value: &str) {
    let status = situation.status.iter_mut().find(|status| status.name == node).expect("a node of this name");
    status.attributes.push(strong(name, value));
}

/// A set that wins over all others.
fn strong(name: &str, value: &str) -> AttributeSet {
    let values = vec![Value { name: name.to_owned(), value: Some(value.to_owned()) }];
    AttributeSet { id: "cib-bootstrap-options".to_owned(), values, ..AttributeSet::default() }
}

/// As if promoted instances had never been promoted.
fn unpromoted(situation: &Situation) -> Situation {
    let mut situation = situation.clone();
    for operation in situation
        .status
        .iter_mut()
        .flat_map(|node| &mut node.resources)
        .flat_map(|it| &mut Arc::make_mut(it).operations)
    {
        if operation.name == "promote" {
            "demote".clone_into(&mut operation.name);
        }
    }
    situation
}

fn named(action: &ScheduledAction) -> String {
    let interval = if action.interval_ms > 0 { format!("{}ms", action.interval_ms) } else { String::new() };
    let words = [&*action.operation, &interval, text(&action.resource), text(&action.node)];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn text(name: &Option<String>) -> &str {
    name.as_deref().unwrap_or_default()
}

/// What is wrong with the answer about a planted fault; `None` when it is as it should be.
fn problem(it: &Fault) -> Option<String> {
    let mut world = World::new(it.cluster, it.happens);
    let good = audit(&world.situation, &world.schedule);
    if !good.is_empty() {
        return Some(format!("not good before it was damaged: {good:?}"));
    }
    (it.damage)(&mut world);
    let found = audit(&world.situation, &world.schedule);
    let rules: BTreeSet<Rule> = found.iter().map(|violation| violation.rule).collect();
    let told: Vec<String> = found.iter().map(ToString::to_string).collect();
    let seen = rules == BTreeSet::from([it.rule]) && told.iter().any(|line| line.contains(it.says));
    (!seen).then(|| format!("{told:#?}"))
}

#[test]
fn every_planted_fault_is_seen_and_nothing_else() {
    let about = |it: &Fault| format!("{:?} {:?} {:?}", it.rule, it.says, it.happens);
    let wrong = FAULTS.iter().filter_map(|it| Some(format!("{}: {}", about(it), problem(it)?)));
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new());
}

/// What is wrong with what remains of a schedule with a planted fault; `None` when it can be carried out.
fn remains(it: &Fault) -> Option<String> {
    let mut world = World::new(it.cluster, it.happens);
    (it.damage)(&mut world);
    let facts = crate::facts::read(&world.situation);
    let all = world.schedule.actions.len();
    let cut = crate::cut::cut(&world.situation, &facts, world.schedule);
    let found = audit(&world.situation, &cut.schedule);
    let less = cut.schedule.actions.len() < all && !cut.refused.is_empty();
    (!found.is_empty() || !less).then(|| format!("{found:?}, {} of {all} actions", cut.schedule.actions.len()))
}

#[test]
fn a_fault_is_cut_out() {
    let about = |it: &Fault| format!("{:?} {:?} {:?}", it.rule, it.says, it.happens);
    let wrong = FAULTS.iter().filter_map(|it| Some(format!("{}: {}", about(it), remains(it)?)));
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new());
}

/// What has nothing to do with a fault is done, and what is well is not taken down for something that is left out.
#[test]
fn what_has_nothing_to_do_with_a_fault_is_done() {
    let remaining = |happens: &str, damage: fn(&mut World)| {
        let mut world = World::new((TWO, ""), happens);
        damage(&mut world);
        let facts = crate::facts::read(&world.situation);
        let cut = crate::cut::cut(&world.situation, &facts, world.schedule);
        assert!(!cut.refused.is_empty());
        let ids = |(at, action): (usize, &ScheduledAction)| (usize::try_from(action.id) != Ok(at)).then_some(action.id);
        assert_eq!(cut.schedule.actions.iter().enumerate().filter_map(ids).next(), None);
        let blocked = cut.schedule.summary.iter().filter(|change| change.blocked).filter_map(|it| it.resource.clone());
        (cut.schedule.actions.iter().map(named).collect::<Vec<_>>(), blocked.collect::<Vec<_>>())
    };
    let (done, blocked) = remaining("fresh", |it| {
        let start = it.id("start web a");
        it.named("monitor web b").after.push(start);
    });
    assert!(done.contains(&"start db a".to_owned()) && done.contains(&"monitor web a".to_owned()), "{done:?}");
    assert!(!done.contains(&"start web a".to_owned()) && !done.contains(&"monitor web b".to_owned()), "{done:?}");
    assert_eq!(blocked, ["web"]);
    let (done, blocked) = remaining("node-down a\nrest\nnode-up a", |it| it.move_from("a", "z"));
    assert!(done.contains(&"stop db b".to_owned()) && done.contains(&"start db a".to_owned()), "{done:?}");
    assert!(!done.iter().any(|it| it.starts_with("stop web")), "{done:?}");
    assert_eq!(blocked, ["web"]);
}

#[test]
fn every_rule_has_a_planted_fault() {
    let planted: BTreeSet<Rule> = FAULTS.iter().map(|fault| fault.rule).collect();
    assert_eq!(planted, BTreeSet::from(Rule::ALL));
}

#[test]
fn a_good_schedule_is_found_good() {
    let world = World::new((WEB, ""), "fresh");
    assert_eq!(audit(&world.situation, &crate::schedule(&world.situation)), []);
}

#[test]
fn a_start_that_was_never_answered_may_be_repeated() {
    let mut world = World::new((WEB, ""), "op-fail web:monitor=10s:7@a");
    let history = world.situation.status.iter_mut().flat_map(|node| &mut node.resources).find(|it| it.id == "web");
    let history = history.expect("web was started");
    Arc::make_mut(history).operations.iter_mut().for_each(|it| {
        "start".clone_into(&mut it.name);
        it.status = OperationStatus::Pending;
    });
    world.schedule.actions.retain(|action| action.kind == ActionKind::Rsc && action.operation == "start");
    world.schedule.actions.iter_mut().for_each(|action| action.after.clear());
    assert_eq!(audit(&world.situation, &world.schedule), []);
}
