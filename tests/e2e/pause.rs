//! A daemon that stops in the middle of everything (SIGSTOP), as a machine does that swaps, or that is moved.

use crate::sandbox::{NODES, Sandbox, service, with};
use crate::watch;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::Duration;

/// Less than the token timeout of a sandbox, which is one second.
const SHORT: Duration = Duration::from_millis(300);

fn signal(pid: i32, signal: Signal) -> Result<(), String> {
    kill(Pid::from_raw(pid), signal).map_err(|error| format!("{signal} to {pid}: {error}"))
}

/// Two services, on the first two nodes.
fn services() -> String {
    service("web", "prefer = { alpha = 10 }\nmonitor = \"1s\"")
        + &service("mail", "prefer = { beta = 10 }\nmonitor = \"1s\"")
}

/// A pause shorter than the token timeout is nobody's business, on the DC as on any other node.
pub fn short() -> Result<(), String> {
    with(&services(), |sandbox| {
        let before = sandbox.status("gamma")?;
        for node in NODES {
            let pid = sandbox.daemon(node)?;
            signal(pid, Signal::SIGSTOP)?;
            // The pause is what is tested.
            std::thread::sleep(SHORT);
            signal(pid, Signal::SIGCONT)?;
        }
        sandbox.consistent(&NODES)?;
        let after = sandbox.status("gamma")?;
        for what in ["view", "dc", "resources", "nodes", "fencing"] {
            if before[what] != after[what] {
                return Err(format!("after short pauses {what} is {}, and was {}", after[what], before[what]));
            }
        }
        Ok(())
    })
}

/// A node that does not wake up is fenced; its services go on elsewhere; when it is switched on again it is welcome.
fn frozen(node: &str, name: &str, at: &str) -> Result<(), String> {
    // Off and not reboot: a machine of a sandbox boots within a moment and may be back before its fence agent has
    // ended.
    with(&(services() + "\n[properties]\nfencing-action = \"off\"\n"), |sandbox| {
        let mark = watch::now();
        signal(sandbox.daemon(node)?, Signal::SIGSTOP)?;
        sandbox.event(at, mark, &[&format!("{node} is lost"), "once it is confirmed off"])?;
        sandbox.event(at, mark, &[&format!("fencing of {node} asked for")])?;
        sandbox.event(at, mark, &[&format!("{node} is confirmed off"), "with power"])?;
        let started = sandbox.event(at, mark, &[&format!("start {name} on"), "ok"])?;
        println!("frozen {node}: {name} runs elsewhere {} ms after the freeze", started.wall_ms - mark);
        sandbox.sandbox("start", node)?;
        sandbox.until(at, &format!("{node} as a member again"), |status| watch::online(status, node))?;
        sandbox.of_one_mind(&NODES)?;
        sandbox.holder(name)?;
        sandbox.consistent(&NODES)
    })
}

/// The DC freezes.
pub fn frozen_dc() -> Result<(), String> {
    frozen("alpha", "web", "gamma")
}

/// Another node freezes.
pub fn frozen_member() -> Result<(), String> {
    frozen("beta", "mail", "alpha")
}

/// The fence device is broken while a node sleeps: recovery waits, loudly, and when the node wakes up it knows that it
/// was away, comes back, and nothing has run twice.
pub fn sleepwalker() -> Result<(), String> {
    with(&services(), |sandbox| {
        for node in ["alpha", "beta"] {
            sleeps(sandbox, node, "gamma")?;
        }
        Ok(())
    })
}

fn sleeps(sandbox: &Sandbox, node: &str, at: &str) -> Result<(), String> {
    let name = if node == "alpha" { "web" } else { "mail" };
    let pid = sandbox.daemon(node)?;
    let mark = watch::now();
    sandbox.break_fencing(node)?;
    signal(pid, Signal::SIGSTOP)?;
    sandbox.event(at, mark, &[&format!("fencing of {node} by"), "failed", "does not answer"])?;
    let tried = |status: &serde_json::Value| status["fencing"][0]["failed_attempts"].as_u64() >= Some(2);
    let status = sandbox.until(at, "a second attempt", tried)?;
    let (state, resource) = (watch::state(&status, node), watch::resource(&status, name));
    if state != "unclean" || resource["state"] != "blocked" {
        return Err(format!("{node} is {state} while it cannot be fenced, and what it runs: {resource:#}"));
    }
    sandbox
        .page_says(at, &[node, "UNCLEAN", "does not answer", "BLOCKED", &format!("once {node} is confirmed off")])?;
    if sandbox.holders(name) != [node] {
        return Err(format!("{name} runs on {:?} although {node} is not confirmed off", sandbox.holders(name)));
    }

    signal(pid, Signal::SIGCONT)?;
    let woken = sandbox.event(node, mark, &["this node did not run for", "nobody else is blamed"])?;
    println!("sleepwalker: {node} says: {}", woken.text);
    sandbox.event(at, mark, &[&format!("{node} came back")])?;
    sandbox.until(at, &format!("{node} as a member again"), |status| watch::online(status, node))?;
    sandbox.mend_fencing(node)?;
    sandbox.consistent(&NODES)?;
    if sandbox.daemon(node)? != pid {
        return Err(format!("{node} has another daemon than before its sleep"));
    }
    sandbox.holder(name).map(drop)
}
