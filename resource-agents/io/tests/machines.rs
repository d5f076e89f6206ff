//! The pure machines driven by the real runner: services that live and die, fences that fail and work.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail, and say what it left out")]

#[path = "scratch/directory.rs"]
mod scratch;

use config::{AgentRef, Commands, FencingAction, NodeId, OperationName, ResourceId};
use fencing::{Attempt, Fencer, FencerOptions, Request, RequestId};
use resource_agents::{Executor, ExecutorOptions, Input, JobId, Operation, OrderId, Outcome, Output, Report};
use resource_agents_io::{Runner, RunnerOptions};
use scratch::Scratch;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const OPEN_END: Duration = Duration::from_secs(3600);

/// An executor and its shell, as the daemon puts them together.
struct Node {
    executor: Executor,
    runner: Runner<JobId>,
    answers: mpsc::UnboundedReceiver<(JobId, resource_agents::Finished)>,
    reports: Vec<Report>,
}

impl Node {
    fn new() -> Node {
        Node::with(RunnerOptions::default())
    }

    fn with(runner: RunnerOptions) -> Node {
        let (sender, answers) = mpsc::unbounded_channel();
        let options = ExecutorOptions { ocf_root: "/usr/lib/ocf".into(), parallel_jobs: 4 };
        let (executor, runner) = (Executor::new(options), Runner::new(runner, sender));
        Node { executor, runner, answers, reports: Vec::new() }
    }

    fn step(&mut self, input: Input) {
        for output in self.executor.step(Instant::now(), input) {
            match output {
                Output::Start { id, job } => self.runner.start(id, job),
                Output::Kill(id) => self.runner.kill(&id),
                Output::Report(report) => self.reports.push(report),
            }
        }
    }

    fn perform(&mut self, order: u64, operation: &Operation) {
        self.step(Input::Perform { order: OrderId(order), operation: operation.clone() });
    }

    /// Runs until the next report.
    async fn report(&mut self) -> Report {
        while self.reports.is_empty() {
            let wake = self.executor.deadline().unwrap_or_else(|| Instant::now() + OPEN_END);
            tokio::select! {
                answer = self.answers.recv() => {
                    let (job, finished) = answer.unwrap();
                    self.step(Input::JobDone { job, finished });
                }
                () = tokio::time::sleep_until(wake.into()) => self.step(Input::Wake),
            }
        }
        self.reports.remove(0)
    }
}

fn service(name: OperationName, check: &str, pid: &Path) -> Operation {
    let pid = pid.display();
    Operation {
        resource: ResourceId::new("service").unwrap(),
        agent: AgentRef::Command,
        name,
        interval: None,
        timeout: Duration::from_secs(30),
        params: [("PIDFILE".to_owned(), pid.to_string())].into(),
        commands: Some(Commands {
            // The service is left in the background with the output it was given.
            start: "sleep 1000 & echo $! > \"$PIDFILE\"".to_owned(),
            stop: "kill $(cat \"$PIDFILE\") && rm \"$PIDFILE\" || true".to_owned(),
            check: check.to_owned(),
        }),
        node: NodeId::new("alpha").unwrap(),
        expect: Outcome::Ok,
        meta: [].into(),
    }
}

/// The peer's example of a promotable agent, with a `crm_attribute` that notes what it is called with.
#[tokio::test]
async fn an_instance_is_promoted_watched_demoted_and_told() {
    use OperationName::{Demote, Monitor, Notify, Promote, Reload, Start, Stop};
    if !Path::new("/usr/lib/ocf/resource.d/pacemaker/Stateful").exists() {
        return println!("skipped: ocf:pacemaker:Stateful is not there (apt install pacemaker-resource-agents)");
    }
    let scratch = Scratch::new();
    let path = |name: &str| scratch.0.join(name).display().to_string();
    let tool = format!("#!/bin/sh\necho \"$OCF_RESOURCE_INSTANCE: $*\" >>{}\n", path("scores"));
    fs::write(path("crm_attribute"), tool).unwrap();
    fs::set_permissions(path("crm_attribute"), fs::Permissions::from_mode(0o755)).unwrap();
    let env = [("HA_SBIN_DIR", path("")), ("HA_RSCTMP", path(""))].map(|(name, value)| (name.to_owned(), value)).into();
    let mut node = Node::with(RunnerOptions { env, ..RunnerOptions::default() });
    let operation = |name| Operation {
        resource: ResourceId::new("db").unwrap(),
        agent: AgentRef::Ocf { provider: "pacemaker".to_owned(), kind: "Stateful".to_owned() },
        commands: None,
        params: [("state".to_owned(), path("state")), ("envfile".to_owned(), path("env"))].into(),
        meta: [("notify_type".to_owned(), "pre".to_owned()), ("clone-max".to_owned(), "2".to_owned())].into(),
        ..service(name, "", Path::new(""))
    };
    let watch = |expect| Operation { interval: Some(Duration::from_millis(40)), expect, ..operation(Monitor) };
    let mut order = 0;
    for (wanted, expected) in [
        (operation(Monitor), Outcome::NotRunning),
        (operation(Start), Outcome::Ok),
        (watch(Outcome::Ok), Outcome::Ok),
        (operation(Notify), Outcome::Ok),
        (operation(Promote), Outcome::Ok),
        (watch(Outcome::Promoted), Outcome::Promoted),
        (operation(Reload), Outcome::Ok),
        (operation(Demote), Outcome::Ok),
        (operation(Monitor), Outcome::Ok),
        (operation(Stop), Outcome::Ok),
    ] {
        order += 1;
        node.perform(order, &wanted);
        let report = node.report().await;
        assert_eq!((report.order, report.outcome), (Some(OrderId(order)), expected), "{wanted:?}: {report:?}");
    }
    assert_eq!(node.executor.running_monitors(), []);
    let scores = fs::read_to_string(path("scores")).unwrap();
    let wanted = ["-v 5", "-v 10", "-v 5", "-v 5", "-D"].map(|score| format!("db: --promotion {score}"));
    assert_eq!(scores.lines().collect::<Vec<_>>(), wanted);
    let env = fs::read_to_string(path("env")).unwrap();
    for line in ["OCF_RESKEY_CRM_meta_notify_type=pre", "OCF_RESKEY_CRM_meta_clone_max=2", "### notify @"] {
        assert!(env.contains(line), "{line} is not in {env}");
    }
}

#[tokio::test]
async fn a_service_is_started_watched_found_dead_and_stopped() {
    let scratch = Scratch::new();
    let pid = scratch.0.join("pid");
    let check = "test -e \"$PIDFILE\" && kill -0 $(cat \"$PIDFILE\")";
    let operation = |name| service(name, check, &pid);
    let monitor = Operation { interval: Some(Duration::from_millis(20)), ..operation(OperationName::Monitor) };
    let mut node = Node::new();
    node.perform(1, &operation(OperationName::Monitor));
    assert_eq!(node.report().await.outcome, Outcome::NotRunning);
    node.perform(2, &operation(OperationName::Start));
    assert_eq!(node.report().await.outcome, Outcome::Ok);
    node.perform(3, &monitor);
    let first = node.report().await;
    assert_eq!((first.order, first.outcome), (Some(OrderId(3)), Outcome::Ok));
    let victim: i32 = fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(victim), nix::sys::signal::Signal::SIGKILL).unwrap();
    let change = node.report().await;
    assert_eq!((change.order, change.outcome, change.interval), (None, Outcome::NotRunning, monitor.interval));
    node.perform(4, &operation(OperationName::Stop));
    assert_eq!(node.report().await.outcome, Outcome::Ok);
    assert!(node.executor.running_monitors().is_empty());
    assert_eq!(node.runner.running(), 0);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_check_that_hangs() {
    let scratch = Scratch::new();
    let (pid, hanging) = (scratch.0.join("pid"), scratch.0.join("hanging"));
    let check = format!("touch {}; trap '' TERM; while :; do sleep 100; done", hanging.display());
    let monitor = Operation {
        interval: Some(Duration::from_millis(20)),
        timeout: OPEN_END,
        ..service(OperationName::Monitor, &check, &pid)
    };
    let mut node = Node::new();
    node.perform(1, &monitor);
    while !hanging.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    node.perform(2, &service(OperationName::Stop, &check, &pid));
    let stopped = tokio::time::timeout(Duration::from_secs(60), node.report());
    let report = stopped.await.expect("the check hangs for an hour, and the stop does not wait for it");
    assert_eq!((report.order, report.outcome), (Some(OrderId(2)), Outcome::Ok));
}

#[tokio::test]
async fn an_agent_out_of_time_is_reported_with_its_last_words() {
    let scratch = Scratch::new();
    let (pid, spoken) = (scratch.0.join("pid"), scratch.0.join("spoken"));
    let mut start = service(OperationName::Start, "", &pid);
    let line = format!("echo waiting for the disk >&2; touch {}; sleep 100", spoken.display());
    start.commands.as_mut().unwrap().start = line;
    // A busy machine may not come to its last words within the first of these.
    for limit in [300, 3000, 30_000].map(Duration::from_millis) {
        start.timeout = limit;
        let mut node = Node::new();
        node.perform(1, &start);
        let report = node.report().await;
        assert_eq!(report.outcome, Outcome::TimedOut);
        if spoken.exists() {
            let words = format!("no answer within {limit:?}, killed; its last words: waiting for the disk");
            return assert_eq!(report.reason.unwrap(), words);
        }
    }
    panic!("it does not come to its last words");
}

/// Runs a fencer until it tells an attempt.
async fn attempt(fencer: &mut Fencer, first: fencing::Input, limit: Duration) -> Attempt {
    let (sender, mut answers) = mpsc::unbounded_channel();
    let runner = Runner::new(RunnerOptions::default(), sender);
    let mut input = first;
    let end = Instant::now() + limit;
    loop {
        for output in fencer.step(Instant::now(), input) {
            match output {
                fencing::Output::Start { id, job } => runner.start(id, job),
                fencing::Output::Kill(id) => runner.kill(&id),
                fencing::Output::Attempted(attempt) => return attempt,
            }
        }
        let wake = fencer.deadline().expect("the attempt goes on").min(end);
        input = tokio::select! {
            answer = answers.recv() => {
                let (job, finished) = answer.unwrap();
                fencing::Input::JobDone { job, finished }
            }
            () = tokio::time::sleep_until(wake.into()) => fencing::Input::Wake,
        };
        assert!(Instant::now() < end, "no attempt was told");
    }
}

#[tokio::test]
async fn a_node_is_cut_off_by_the_second_level_after_the_first_failed() {
    if !Path::new("/usr/sbin/fence_dummy").exists() {
        println!("skipped: /usr/sbin/fence_dummy is not there (apt install fence-agents)");
        return;
    }
    let scratch = Scratch::new();
    let power = scratch.0.join("power");
    fs::write(&power, "on").unwrap();
    let file = format!(
        "[cluster]\nname = \"t\"\n[nodes.a]\naddresses = [\"10.0.0.1\"]\n[nodes.b]\naddresses = [\"10.0.0.2\"]\n\
         fencing = [[\"absent\"], [\"toy\"]]\n\
         [fencing.absent]\nagent = \"fence_that_nobody_has\"\nnodes = [\"b\"]\n\
         [fencing.toy]\nagent = \"fence_dummy\"\nnodes = [\"b\"]\n[fencing.toy.params]\nstatus_file = {:?}\n",
        power.display().to_string()
    );
    let parsed = config::parse(&file);
    let config = parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.problems));
    let a = NodeId::new("a").unwrap();
    let options = FencerOptions { me: a.clone(), agent_directories: vec!["/usr/sbin".into()] };
    let mut fencer = Fencer::new(options);
    fencer.step(Instant::now(), fencing::Input::Configured(Arc::new(config)));
    let request = |failed_attempts| Request {
        id: RequestId(1),
        target: NodeId::new("b").unwrap(),
        incarnation: None,
        action: FencingAction::Off,
        reason: "lost".to_owned(),
        wall_ms: 0,
        failed_attempts,
        last_failure: None,
    };
    let situation = |failed| fencing::Input::Situation { open: vec![request(failed)], candidates: vec![a.clone()] };
    let first = attempt(&mut fencer, situation(0), Duration::from_secs(30)).await;
    let why = first.result.unwrap_err();
    assert_eq!(why, "absent off: fence-agent fence_that_nobody_has is not installed on this node; looked in /usr/sbin");
    assert_eq!(fs::read_to_string(&power).unwrap(), "on");
    let second = attempt(&mut fencer, situation(1), Duration::from_secs(60)).await;
    assert_eq!((second.number, second.result), (1, Ok(())));
    assert_eq!(fs::read_to_string(&power).unwrap(), "off");
}

#[tokio::test]
async fn jobs_of_two_machines_share_one_runner() {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    enum Key {
        Executor(JobId),
        Fencer(JobId),
    }
    let (sender, mut answers) = mpsc::unbounded_channel();
    let runner = Runner::new(RunnerOptions::default(), sender);
    let job = |line: &str| resource_agents::Job {
        program: "/bin/sh".into(),
        search: Vec::new(),
        args: vec!["-c".to_owned(), line.to_owned()],
        env: BTreeMap::new(),
        stdin: None,
        timeout: Duration::from_secs(60),
    };
    runner.start(Key::Executor(JobId(1)), job("sleep 100"));
    runner.start(Key::Fencer(JobId(1)), job("exit 4"));
    let (key, finished) = answers.recv().await.unwrap();
    assert_eq!((key, finished.exit), (Key::Fencer(JobId(1)), resource_agents::Exit::Code(4)));
    runner.kill(&Key::Executor(JobId(1)));
    assert_eq!(answers.recv().await.unwrap().0, Key::Executor(JobId(1)));
}
