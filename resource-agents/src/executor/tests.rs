//! Stories on virtual time: what goes in, what must come out.

use super::*;
use crate::job::StartError;
use config::{AgentRef, Commands, NodeId};

const SECOND: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(20);

struct Story {
    executor: Executor,
    now: Instant,
    log: Vec<String>,
}

impl Story {
    fn new(parallel_jobs: usize) -> Story {
        let options = ExecutorOptions { ocf_root: "/usr/lib/ocf".into(), parallel_jobs };
        #[expect(clippy::disallowed_methods, reason = "a story needs some first moment; which one does not matter")]
        let now = Instant::now();
        Story { executor: Executor::new(options), now, log: Vec::new() }
    }

    /// One line per output since the last call.
    fn step(&mut self, input: Input) -> Vec<String> {
        for output in self.executor.step(self.now, input) {
            self.log.push(match output {
                Output::Start { id, job } => {
                    let words = &job.env["OCF_RESOURCE_INSTANCE"];
                    format!("start {} {words} {}", id.0, job.args[0])
                }
                Output::Kill(id) => format!("kill {}", id.0),
                Output::Report(report) => {
                    let order = report.order.map_or("-".to_owned(), |order| order.0.to_string());
                    format!("report {order} {} {} {}", report.resource, report.name.as_str(), report.outcome)
                }
            });
        }
        std::mem::take(&mut self.log)
    }

    fn perform(&mut self, order: u64, operation: Operation) -> Vec<String> {
        self.step(Input::Perform { order: OrderId(order), operation })
    }

    fn exits(&mut self, job: u64, code: i32) -> Vec<String> {
        self.done(job, Exit::Code(code))
    }

    fn done(&mut self, job: u64, exit: Exit) -> Vec<String> {
        self.step(Input::JobDone { job: JobId(job), finished: ended(exit) })
    }

    /// Lets time go on to the deadline, which must be `after` from now.
    fn sleep(&mut self, after: Duration) -> Vec<String> {
        let deadline = self.executor.deadline().expect("something is due");
        assert_eq!(deadline.saturating_duration_since(self.now), after);
        self.now = deadline;
        self.step(Input::Wake)
    }
}

fn ended(exit: Exit) -> Finished {
    Finished { exit, stdout: String::new(), stderr: String::new(), elapsed: SECOND }
}

fn operation(resource: &str, name: OperationName, interval: Option<Duration>) -> Operation {
    Operation {
        resource: ResourceId::new(resource).unwrap(),
        agent: AgentRef::Ocf { provider: "heartbeat".to_owned(), kind: "Dummy".to_owned() },
        name,
        interval,
        timeout: TIMEOUT,
        params: BTreeMap::new(),
        commands: None,
        node: NodeId::new("alpha").unwrap(),
        expect: Outcome::Ok,
        meta: BTreeMap::new(),
    }
}

fn start(resource: &str) -> Operation {
    operation(resource, OperationName::Start, None)
}

fn stop(resource: &str) -> Operation {
    operation(resource, OperationName::Stop, None)
}

fn probe(resource: &str) -> Operation {
    operation(resource, OperationName::Monitor, None)
}

fn monitor(resource: &str) -> Operation {
    operation(resource, OperationName::Monitor, Some(INTERVAL))
}

#[test]
fn a_start_is_carried_out_and_answered() {
    let mut story = Story::new(4);
    assert_eq!(story.perform(7, start("web")), ["start 1 web start"]);
    assert_eq!(story.executor.in_flight(), [OrderId(7)]);
    assert_eq!(story.exits(1, 0), ["report 7 web start ok"]);
    assert_eq!(story.executor.in_flight(), []);
    assert_eq!(story.executor.deadline(), None);
    assert!(story.executor.queues.is_empty() && story.executor.running.is_empty(), "nothing is kept");
}

#[test]
fn one_resource_does_one_thing_at_a_time_in_order() {
    let mut story = Story::new(4);
    assert_eq!(story.perform(1, start("web")), ["start 1 web start"]);
    assert_eq!(story.perform(2, stop("web")), [""; 0]);
    assert_eq!(story.perform(3, probe("web")), [""; 0]);
    assert_eq!(story.perform(4, start("db")), ["start 2 db start"], "another resource does not wait");
    assert_eq!(story.exits(1, 0), ["report 1 web start ok", "start 3 web stop"]);
    assert_eq!(story.exits(3, 0), ["report 2 web stop ok", "start 4 web monitor"]);
    assert_eq!(story.exits(4, 7), ["report 3 web monitor not running"]);
}

#[test]
fn a_recurring_monitor_tells_its_first_result_and_then_changes_only() {
    let mut story = Story::new(4);
    assert_eq!(story.perform(1, monitor("web")), ["start 1 web monitor"]);
    assert_eq!(story.executor.running_monitors(), [(ResourceId::new("web").unwrap(), INTERVAL)]);
    assert_eq!(story.exits(1, 0), ["report 1 web monitor ok"]);
    assert_eq!(story.sleep(INTERVAL), ["start 2 web monitor"]);
    story.now += 5 * SECOND;
    assert_eq!(story.exits(2, 0), [""; 0]);
    assert_eq!(story.sleep(INTERVAL), ["start 3 web monitor"], "the interval counts from the end");
    assert_eq!(story.exits(3, 7), ["report - web monitor not running"]);
    assert_eq!(story.sleep(INTERVAL), ["start 4 web monitor"]);
    assert_eq!(story.exits(4, 7), [""; 0]);
    assert_eq!(story.sleep(INTERVAL), ["start 5 web monitor"]);
    assert_eq!(story.exits(5, 0), ["report - web monitor ok"]);
}

#[test]
fn a_stop_ends_monitors_and_does_not_wait_for_one_under_way() {
    let mut story = Story::new(4);
    story.perform(1, monitor("web"));
    story.exits(1, 0);
    assert_eq!(story.sleep(INTERVAL), ["start 2 web monitor"]);
    assert_eq!(story.perform(2, stop("web")), ["kill 2"]);
    assert_eq!(story.executor.running_monitors(), []);
    assert_eq!(story.done(2, Exit::Cancelled), ["start 3 web stop"]);
    assert_eq!(story.exits(3, 0), ["report 2 web stop ok"]);
    assert_eq!(story.executor.deadline(), None, "the monitor is gone");
}

#[test]
fn what_changes_the_state_ends_monitors_and_what_tells_or_asks_does_not() {
    use OperationName::{Demote, MigrateFrom, MigrateTo, Monitor, Notify, Promote, Reload, Start, Stop};
    for name in [Start, Stop, Promote, Demote, MigrateTo, MigrateFrom, Notify, Reload, Monitor] {
        let mut story = Story::new(4);
        story.perform(1, monitor("web"));
        story.exits(1, 0);
        story.perform(2, operation("web", name, None));
        let kept = matches!(name, Notify | Reload | Monitor);
        assert_eq!(story.executor.running_monitors().len(), usize::from(kept), "{name:?}");
        assert_eq!(story.exits(2, 0), [format!("report 2 web {} ok", name.as_str())]);
    }
}

#[test]
fn a_promoted_instance_is_well_while_its_monitor_says_promoted() {
    let mut story = Story::new(4);
    let mut watch = monitor("db");
    watch.expect = Outcome::Promoted;
    story.perform(1, watch);
    assert_eq!(story.exits(1, 8), ["report 1 db monitor promoted"]);
    story.sleep(INTERVAL);
    assert_eq!(story.exits(2, 8), [""; 0]);
    story.sleep(INTERVAL);
    let out = story.executor.step(story.now, Input::JobDone { job: JobId(3), finished: ended(Exit::Code(0)) });
    let [Output::Report(report)] = out.as_slice() else { panic!("{out:?}") };
    assert_eq!((report.outcome, report.expect), (Outcome::Ok, Outcome::Promoted));
    assert!(!report.outcome.meets(report.expect), "it was demoted behind the cluster's back");
    assert!(Outcome::DegradedPromoted.meets(report.expect) && !Outcome::Promoted.meets(Outcome::Ok));
}

#[test]
fn a_notification_that_nobody_understands_does_no_harm() {
    let mut story = Story::new(4);
    story.perform(1, operation("web", OperationName::Notify, None));
    assert_eq!(story.exits(1, 3), ["report 1 web notify ok"]);
    let mut line = operation("web", OperationName::Notify, None);
    line.agent = AgentRef::Command;
    line.commands = Some(Commands { start: "true".into(), stop: "true".into(), check: "true".into() });
    assert_eq!(story.perform(2, line.clone()), ["report 2 web notify ok"]);
    line.name = OperationName::Promote;
    assert_eq!(story.perform(3, line), ["report 3 web promote unimplemented"]);
}

#[test]
fn a_killed_monitor_that_does_not_answer_is_not_waited_for_long() {
    let mut story = Story::new(1);
    story.perform(1, monitor("web"));
    assert_eq!(story.perform(2, stop("web")), ["kill 1"]);
    assert_eq!(story.sleep(KILL_GRACE), ["kill 1", "start 2 web stop"]);
    assert_eq!(story.done(1, Exit::Cancelled), [""; 0], "its answer comes too late to matter");
    assert_eq!(story.exits(2, 0), ["report 2 web stop ok"]);
}

#[test]
fn a_failure_seen_just_before_the_stop_is_not_reported_after_it() {
    let mut story = Story::new(4);
    story.perform(1, monitor("web"));
    story.exits(1, 0);
    story.sleep(INTERVAL);
    story.perform(2, stop("web"));
    assert_eq!(story.exits(2, 7), ["start 3 web stop"]);
}

#[test]
fn cancelling_a_monitor_drops_its_result() {
    let mut story = Story::new(4);
    story.perform(1, monitor("web"));
    let cancel = Input::CancelMonitor { resource: ResourceId::new("web").unwrap(), interval: INTERVAL };
    assert_eq!(story.step(cancel.clone()), ["kill 1"]);
    assert_eq!(story.exits(1, 0), [""; 0]);
    assert_eq!(story.executor.deadline(), None);
    assert_eq!(story.step(cancel), [""; 0], "cancelling what is not there does nothing");
    assert_eq!(story.perform(1, monitor("web")), [""; 0], "the order that was cancelled stays so");
}

#[test]
fn a_repeated_order_is_answered_again_and_not_carried_out_again() {
    let mut story = Story::new(4);
    assert_eq!(story.perform(1, start("web")).len(), 1);
    assert_eq!(story.perform(1, start("web")), [""; 0], "it is under way");
    story.exits(1, 0);
    assert_eq!(story.perform(1, start("web")), ["report 1 web start ok"]);
    assert_eq!(story.executor.deadline(), None);
}

#[test]
fn a_monitor_ordered_again_answers_the_new_order() {
    let mut story = Story::new(4);
    story.perform(1, monitor("web"));
    assert_eq!(story.perform(2, monitor("web")), [""; 0], "the one under way asks the same question");
    assert_eq!(story.exits(1, 0), ["report 2 web monitor ok"]);
    assert_eq!(story.perform(3, monitor("web")), ["start 2 web monitor"], "due at once");
    let mut other = monitor("web");
    other.params.insert("port".to_owned(), "81".to_owned());
    assert_eq!(story.perform(4, other), ["kill 2"], "the one under way asks another question");
    assert_eq!(story.done(2, Exit::Cancelled), ["start 3 web monitor"]);
    assert_eq!(story.exits(3, 0), ["report 4 web monitor ok"]);
    assert_eq!(story.executor.running_monitors().len(), 1);
}

#[test]
fn a_job_that_never_answers_is_timed_out() {
    let mut story = Story::new(1);
    story.perform(1, start("web"));
    story.perform(2, stop("web"));
    assert_eq!(story.sleep(TIMEOUT + GRACE), ["kill 1", "report 1 web start timed out", "start 2 web stop"]);
    assert_eq!(story.exits(1, 0), [""; 0]);
    assert_eq!(story.exits(2, 0), ["report 2 web stop ok"]);
}

#[test]
fn monitors_wait_for_a_slot_and_orders_do_not() {
    let mut story = Story::new(2);
    for (order, name) in [(1, "a"), (2, "b"), (3, "c")] {
        story.perform(order, monitor(name));
        story.exits(order, 0);
    }
    assert_eq!(story.sleep(INTERVAL), ["start 4 a monitor", "start 5 b monitor"]);
    story.now += SECOND;
    assert_eq!(story.perform(4, stop("d")), ["start 6 d stop"], "hanging monitors hold no order up");
    assert_eq!(story.perform(5, stop("e")), ["start 7 e stop"], "nor do other orders");
    assert_eq!(story.perform(6, monitor("f")), ["start 8 f monitor"], "the first run of a monitor is an order");
    assert_eq!(story.executor.deadline(), Some(story.now + TIMEOUT + GRACE - SECOND), "no slot: only overdue jobs");
    assert_eq!(story.exits(4, 0), [""; 0]);
    assert_eq!(story.exits(5, 0), [""; 0]);
    assert_eq!(story.exits(6, 0), ["report 4 d stop ok"]);
    assert_eq!(story.exits(8, 0), ["report 6 f monitor ok", "start 9 c monitor"]);
}

#[test]
fn no_order_waits_for_a_monitor_under_way_that_nobody_waits_for() {
    for name in [OperationName::Notify, OperationName::Reload, OperationName::Monitor] {
        let (mut story, word) = (Story::new(4), name.as_str());
        story.perform(1, monitor("web"));
        story.exits(1, 0);
        assert_eq!(story.sleep(INTERVAL), ["start 2 web monitor"]);
        assert_eq!(story.perform(2, operation("web", name, None)), ["kill 2"]);
        assert_eq!(story.perform(3, probe("web")), [""; 0], "once");
        assert_eq!(story.done(2, Exit::Cancelled), [format!("start 3 web {word}")]);
        assert_eq!(story.exits(3, 0), [format!("report 2 web {word} ok"), "start 4 web monitor".to_owned()]);
        assert_eq!(story.exits(4, 0), ["report 3 web monitor ok", "start 5 web monitor"], "it is due again");
        assert_eq!(story.exits(5, 0), [""; 0]);
        assert_eq!(story.perform(4, monitor("web")), ["start 6 web monitor"]);
        assert_eq!(story.perform(5, probe("web")), [""; 0], "it has an order of its own to answer");
        assert_eq!(story.exits(6, 0), ["report 4 web monitor ok", "start 7 web monitor"]);
        assert_eq!(story.exits(7, 0), ["report 5 web monitor ok"]);
    }
}

#[test]
fn the_jobs_of_orders_are_bounded_too() {
    let mut story = Story::new(1);
    let most = 1 + ORDERS_BESIDE as u64;
    for order in 1..=most {
        assert_eq!(story.perform(order, stop(&format!("r{order}"))), [format!("start {order} r{order} stop")]);
    }
    assert_eq!(story.perform(most + 1, stop("last")), [""; 0]);
    assert_eq!(story.executor.deadline(), Some(story.now + TIMEOUT + GRACE), "only overdue jobs");
    assert_eq!(story.exits(1, 0), ["report 1 r1 stop ok".to_owned(), format!("start {} last stop", most + 1)]);
}

#[test]
fn outcomes_that_are_no_exit_codes_are_reported_with_a_reason() {
    let mut story = Story::new(4);
    story.perform(1, start("web"));
    let missing = StartError::Missing("/usr/lib/ocf/resource.d/heartbeat/Dummy is not installed".into());
    let finished = ended(Exit::NotStarted(missing));
    let out = story.executor.step(story.now, Input::JobDone { job: JobId(1), finished });
    let [Output::Report(report)] = out.as_slice() else { panic!("{out:?}") };
    assert_eq!(report.outcome, Outcome::NotInstalled);
    assert!(report.reason.as_ref().unwrap().contains("is not installed"));
}

#[test]
fn what_cannot_be_run_is_answered_at_once() {
    let mut story = Story::new(4);
    let mut broken = start("web");
    broken.agent = AgentRef::Command;
    assert_eq!(story.perform(1, broken.clone()), ["report 1 web start not configured"]);
    broken.name = OperationName::Monitor;
    broken.interval = Some(INTERVAL);
    assert_eq!(story.perform(2, broken.clone()), ["report 2 web monitor not configured"]);
    assert_eq!(story.sleep(INTERVAL), [""; 0], "still so, and still once per interval");
    broken.commands = Some(Commands { start: "true".into(), stop: "true".into(), check: "true".into() });
    broken.params.insert("a=b".to_owned(), String::new());
    assert_eq!(story.perform(3, broken), ["report 3 web monitor not configured"]);
}

#[test]
fn a_flood_of_orders_is_refused_not_stored() {
    let mut story = Story::new(4);
    let mut refused = 0;
    for order in 0..2000 {
        let out = story.perform(order, start("web"));
        refused += out.iter().filter(|line| line.ends_with("error")).count();
    }
    assert_eq!(refused, 2000 - 17);
    for interval in 1..200 {
        let many = operation("db", OperationName::Monitor, Some(Duration::from_secs(interval)));
        story.perform(10_000 + interval, many);
    }
    assert_eq!(story.executor.running_monitors().len(), 16);
}

#[test]
fn an_interval_of_zero_is_a_single_call() {
    let mut story = Story::new(4);
    let once = operation("web", OperationName::Monitor, Some(Duration::ZERO));
    assert_eq!(story.perform(1, once), ["start 1 web monitor"]);
    assert_eq!(story.exits(1, 0), ["report 1 web monitor ok"]);
    assert_eq!(story.executor.deadline(), None);
}

/// A small generator, so that a failing storm can be had again from its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What the world around an executor saw during a storm.
#[derive(Default)]
struct World {
    running: BTreeMap<JobId, ResourceId>,
    asked: BTreeMap<OrderId, u32>,
    answered: BTreeMap<OrderId, u32>,
    /// Orders for recurring monitors.
    watches: BTreeMap<OrderId, ResourceId>,
}

impl World {
    fn see(&mut self, outputs: Vec<Output>, operations: &mut BTreeMap<JobId, String>) {
        for output in outputs {
            match output {
                Output::Start { id, job } => {
                    let resource = ResourceId::new(&job.env["OCF_RESOURCE_INSTANCE"]).unwrap();
                    assert!(!self.running.values().any(|other| *other == resource), "two jobs of {resource} at once");
                    let mut watches = self.watches.iter();
                    let ordered = watches.any(|(order, of)| *of == resource && !self.answered.contains_key(order));
                    self.running.insert(id, resource);
                    let recurring = job.env["OCF_RESKEY_CRM_meta_interval"] != "0" && !ordered;
                    assert!(!recurring || self.running.len() <= 3, "a monitor began without a free slot");
                    assert!(operations.insert(id, job.args[0].clone()).is_none(), "a job's name was used twice");
                }
                Output::Kill(id) => assert!(self.running.contains_key(&id), "kill of what does not run"),
                Output::Report(report) => {
                    if let Some(order) = report.order {
                        *self.answered.entry(order).or_default() += 1;
                    }
                }
            }
        }
    }
}

#[test]
fn a_storm_of_orders_keeps_the_rules() {
    for seed in 1..=300_u64 {
        let (mut dice, mut story, mut world) =
            (Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed)), Story::new(3), World::default());
        let mut names = BTreeMap::new();
        for order in 0..150 {
            let resource = ["a", "b", "c", "d", "e"][usize::try_from(dice.roll(5)).unwrap()];
            let outputs = match dice.roll(8) {
                0..4 => {
                    let operation = match dice.roll(4) {
                        0 => start(resource),
                        1 => stop(resource),
                        2 => probe(resource),
                        _ => monitor(resource),
                    };
                    *world.asked.entry(OrderId(order)).or_default() += 1;
                    if operation.interval.is_some() {
                        world.watches.insert(OrderId(order), operation.resource.clone());
                    }
                    story.executor.step(story.now, Input::Perform { order: OrderId(order), operation })
                }
                4 => {
                    let resource = ResourceId::new(resource).unwrap();
                    story.executor.step(story.now, Input::CancelMonitor { resource, interval: INTERVAL })
                }
                5 => {
                    story.now += Duration::from_millis(dice.roll(3000));
                    story.executor.step(story.now, Input::Wake)
                }
                _ => {
                    let Some((&job, _)) = world.running.iter().nth(usize::try_from(dice.roll(3)).unwrap()) else {
                        continue;
                    };
                    world.running.remove(&job);
                    let code = [0, 0, 1, 7][usize::try_from(dice.roll(4)).unwrap()];
                    let finished = Finished {
                        exit: Exit::Code(code),
                        stdout: String::new(),
                        stderr: String::new(),
                        elapsed: SECOND,
                    };
                    story.executor.step(story.now, Input::JobDone { job, finished })
                }
            };
            world.see(outputs, &mut names);
            if let Some(deadline) = story.executor.deadline() {
                // A job that is given up is over for the executor; here every job is answered before that.
                assert!(deadline > story.now, "seed {seed}: it would be woken without end");
                if deadline < story.now + Duration::from_secs(3) && !world.running.is_empty() {
                    settle(&mut story, &mut world, &mut names);
                }
            }
        }
        for resource in ["a", "b", "c", "d", "e"] {
            let order = OrderId(1000 + u64::from(resource.as_bytes()[0]));
            *world.asked.entry(order).or_default() += 1;
            let outputs = story.executor.step(story.now, Input::Perform { order, operation: stop(resource) });
            world.see(outputs, &mut names);
        }
        settle(&mut story, &mut world, &mut names);
        assert_eq!(story.executor.in_flight(), [], "seed {seed}");
        assert_eq!(story.executor.deadline(), None, "seed {seed}");
        assert!(world.answered.values().all(|times| *times == 1), "seed {seed}: an order was answered twice");
        assert!(world.answered.keys().all(|order| world.asked.contains_key(order)), "seed {seed}");
    }
}

/// Ends every job that runs, until none does.
fn settle(story: &mut Story, world: &mut World, names: &mut BTreeMap<JobId, String>) {
    while let Some((job, _)) = world.running.pop_first() {
        let finished = Finished { exit: Exit::Code(0), stdout: String::new(), stderr: String::new(), elapsed: SECOND };
        let outputs = story.executor.step(story.now, Input::JobDone { job, finished });
        world.see(outputs, names);
    }
}
