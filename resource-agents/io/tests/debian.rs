//! Agents as Debian ships them, through the real runner. Where a package is not installed its test says so and passes.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may fail, and say what it left out")]

#[path = "scratch/directory.rs"]
mod scratch;

use config::{AgentRef, Device, DeviceId, NodeId, OperationName, ResourceId};
use fencing::agent::{self, Command};
use resource_agents::{Operation, Outcome, call, ocf};
use resource_agents_io::{RunnerOptions, run, scan};
use scratch::Scratch;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

const OCF_ROOT: &str = "/usr/lib/ocf";
const FENCE_AGENTS: &str = "/usr/sbin";

fn installed(path: &str, package: &str) -> bool {
    let there = Path::new(path).exists();
    if !there {
        println!("skipped: {path} is not there (apt install {package})");
    }
    there
}

fn dummy(name: OperationName, params: &[(&str, &str)]) -> Operation {
    Operation {
        resource: ResourceId::new("toy").unwrap(),
        agent: AgentRef::Ocf { provider: "heartbeat".to_owned(), kind: "Dummy".to_owned() },
        name,
        interval: None,
        timeout: Duration::from_secs(60),
        params: params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        commands: None,
        node: NodeId::new("alpha").unwrap(),
        expect: Outcome::Ok,
        meta: [].into(),
    }
}

async fn outcome(operation: &Operation, options: &RunnerOptions) -> (Outcome, Option<String>) {
    let job = call::job(Path::new(OCF_ROOT), operation).unwrap();
    call::verdict(operation, &run(job, options).await)
}

#[tokio::test]
async fn a_resource_lives_through_start_monitor_and_stop() {
    use OperationName::{Monitor, Start, Stop};
    if !installed("/usr/lib/ocf/resource.d/heartbeat/Dummy", "resource-agents") {
        return;
    }
    let scratch = Scratch::new();
    let env = [("HA_RSCTMP".to_owned(), scratch.0.display().to_string())].into();
    let options = RunnerOptions { env, ..RunnerOptions::default() };
    let params = [("fake", "a 'quoted' \"text\"\nof two lines with $(false) and ünïcödé")];
    for (name, expected) in [
        (Monitor, Outcome::NotRunning),
        (Start, Outcome::Ok),
        (Monitor, Outcome::Ok),
        (Start, Outcome::Ok),
        (Stop, Outcome::Ok),
        (Stop, Outcome::Ok),
        (Monitor, Outcome::NotRunning),
    ] {
        let (found, reason) = outcome(&dummy(name, &params), &options).await;
        assert_eq!(found, expected, "{name:?}: {reason:?}");
        assert_eq!(
            scratch.0.join("Dummy-toy.state").exists(),
            name == Start || found == Outcome::Ok && name == Monitor
        );
    }
    let recurring = Operation { interval: Some(Duration::from_secs(10)), ..dummy(Monitor, &params) };
    let (found, reason) = outcome(&recurring, &options).await;
    assert_eq!((found, reason.as_deref()), (Outcome::NotRunning, Some("No process state file found")));
}

#[tokio::test]
async fn an_agent_that_is_not_installed_says_so() {
    let mut start = dummy(OperationName::Start, &[]);
    start.agent = AgentRef::Ocf { provider: "heartbeat".to_owned(), kind: "NoSuchAgent".to_owned() };
    let (found, reason) = outcome(&start, &RunnerOptions::default()).await;
    assert_eq!(found, Outcome::NotInstalled);
    assert_eq!(reason.unwrap(), "/usr/lib/ocf/resource.d/heartbeat/NoSuchAgent is not installed on this node");
}

#[tokio::test]
async fn every_installed_ocf_agent_describes_itself() {
    if !installed(OCF_ROOT, "resource-agents") {
        return;
    }
    let agents = scan::ocf_agents(Path::new(OCF_ROOT)).unwrap();
    let (mut parameters, mut silent) = (0, Vec::new());
    let slots = Arc::new(Semaphore::new(4));
    let asked = agents.clone().into_iter().map(|agent| {
        let slots = slots.clone();
        tokio::spawn(async move {
            let _slot = slots.acquire().await.unwrap();
            let AgentRef::Ocf { provider, kind } = &agent else { panic!("{agent}") };
            let job = ocf::meta_data_job(Path::new(OCF_ROOT), provider, kind);
            let described = scan::describe(job, &RunnerOptions::default()).await;
            (agent, described)
        })
    });
    for answer in asked.collect::<Vec<_>>() {
        let (agent, described) = answer.await.unwrap();
        match described {
            Ok(described) => {
                assert!(!described.name.is_empty() && !described.actions.is_empty(), "{agent}");
                assert!(described.actions.iter().any(|action| action.name == "monitor"), "{agent}");
                parameters += described.parameters.len();
            }
            // Some need a program of their own before they say anything at all.
            Err(why) => silent.push(format!("{agent}: {why}")),
        }
    }
    println!("{} agents with {parameters} parameters; silent: {silent:#?}", agents.len());
    assert!(silent.len() * 20 <= agents.len(), "{silent:#?}");
}

#[tokio::test]
async fn parameters_are_held_against_the_description() {
    if !installed("/usr/lib/ocf/resource.d/heartbeat/IPaddr2", "resource-agents") {
        return;
    }
    let job = ocf::meta_data_job(Path::new(OCF_ROOT), "heartbeat", "IPaddr2");
    let described = scan::describe(job, &RunnerOptions::default()).await.unwrap();
    let params = |list: &[(&str, &str)]| list.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    assert_eq!(described.validate(&params(&[("ip", "10.0.0.7"), ("cidr_netmask", "24")])), Vec::<String>::new());
    let problems = described.validate(&params(&[("ipp", "10.0.0.7")]));
    assert!(problems[0].contains("did you mean \"ip\"?"), "{problems:?}");
    assert!(problems[1].contains("\"ip\"") && problems[1].contains("required"), "{problems:?}");
}

fn fence_dummy(status_file: &Path, kind: &str) -> Device {
    let alpha = NodeId::new("alpha").unwrap();
    let params = [("status_file", status_file.to_str().unwrap()), ("type", kind), ("password", "hunter2")];
    Device {
        name: DeviceId::new("toy").unwrap(),
        agent: "fence_dummy".to_owned(),
        params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        plugs: [(alpha.clone(), "alpha".to_owned())].into(),
        timeout: Duration::from_secs(60),
        delay: Duration::ZERO,
    }
}

#[tokio::test]
async fn a_fence_agent_switches_off_and_on() {
    if !installed("/usr/sbin/fence_dummy", "fence-agents") {
        return;
    }
    let scratch = Scratch::new();
    let status = scratch.0.join("status");
    fs::write(&status, "on").unwrap();
    let (alpha, directories) = (NodeId::new("alpha").unwrap(), [PathBuf::from(FENCE_AGENTS)]);
    let device = fence_dummy(&status, "file");
    for (command, expected) in [(Command::Off, "off"), (Command::On, "on"), (Command::Reboot, "on")] {
        let job = agent::job(&device, &alpha, command, &directories).unwrap();
        let finished = run(job, &RunnerOptions::default()).await;
        assert_eq!(agent::verdict(&device, command, &finished, &directories), Ok(()), "{finished:?}");
        assert_eq!(fs::read_to_string(&status).unwrap(), expected);
    }
    let broken = fence_dummy(&status, "fail");
    let job = agent::job(&broken, &alpha, Command::Off, &directories).unwrap();
    let finished = run(job, &RunnerOptions::default()).await;
    let why = agent::verdict(&broken, Command::Off, &finished, &directories).unwrap_err();
    assert!(why.starts_with("toy off: ") && !why.contains("hunter2"), "{why}");
}

#[tokio::test]
async fn fence_agents_describe_themselves() {
    if !installed("/usr/sbin/fence_dummy", "fence-agents") {
        return;
    }
    let directories = [PathBuf::from(FENCE_AGENTS)];
    let agents = scan::fence_agents(&directories).unwrap();
    assert!(agents.iter().any(|name| name == "fence_dummy"), "{agents:?}");
    let job = agent::metadata_job("fence_dummy", &directories);
    let described = scan::describe(job, &RunnerOptions::default()).await.unwrap();
    assert_eq!(described.name, "fence_dummy");
    assert!(described.parameter("status_file").is_some());
    assert!(described.actions.iter().any(|action| action.name == "off"));
}
