//! The operator's commands from end to end, judged by the processes that really run.

use crate::sandbox::{NODES, Sandbox, service, with};
use crate::watch;

fn on(sandbox: &Sandbox, name: &str, wanted: &[&str]) -> Result<(), String> {
    let real = sandbox.holders(name);
    if real == wanted { Ok(()) } else { Err(format!("{name} should run on {wanted:?}, and runs on {real:?}")) }
}

/// Standby, online, move, clear, disable, enable, restart, maintenance, cleanup.
pub fn commands() -> Result<(), String> {
    with(&service("web", "prefer = { alpha = 10 }\nmonitor = \"500ms\""), |sandbox| {
        on(sandbox, "web", &["alpha"])?;
        let say = |arguments: &[&str]| sandbox.paceline("beta", &[arguments, &["--wait"]].concat());

        say(&["node", "standby", "alpha"])?;
        let elsewhere = sandbox.holder("web")?;
        if elsewhere == "alpha" {
            return Err("web runs on a node in standby".to_owned());
        }
        sandbox.page_says("gamma", &["alpha is in standby", "paceline node online alpha"])?;
        say(&["node", "online", "alpha"])?;
        on(sandbox, "web", &["alpha"])?;

        say(&["resource", "move", "web", "gamma"])?;
        on(sandbox, "web", &["gamma"])?;
        sandbox.page_says("alpha", &["web was moved to gamma", "paceline resource clear web"])?;
        sandbox.ask("beta", &["resource", "move", "web", "gamma"])?.said(0, &["nothing changed"])?;
        sandbox.ask("beta", &["resource", "move", "web", "delta"])?.said(1, &["delta", "hint:"])?;
        sandbox.ask("beta", &["resource", "move", "wbe", "alpha"])?.said(1, &["wbe", "hint:"])?;
        say(&["resource", "clear", "web"])?;
        on(sandbox, "web", &["alpha"])?;

        say(&["resource", "disable", "web"])?;
        on(sandbox, "web", &[])?;
        say(&["resource", "enable", "web"])?;
        on(sandbox, "web", &["alpha"])?;

        let before = watch::service_processes(&sandbox.dir, "web");
        say(&["resource", "restart", "web"])?;
        let after = watch::service_processes(&sandbox.dir, "web");
        if before == after || after.len() != 1 {
            return Err(format!("a restart left {after:?} of {before:?}"));
        }
        maintenance(sandbox)?;
        sandbox.consistent(&NODES)
    })
}

/// In maintenance a dead service is nobody's business; afterwards it is found and recovered, and cleanup forgets it.
fn maintenance(sandbox: &Sandbox) -> Result<(), String> {
    sandbox.paceline("beta", &["node", "maintenance", "alpha", "--wait"])?;
    for (_, pid) in watch::service_processes(&sandbox.dir, "web") {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL)
            .map_err(|error| error.to_string())?;
    }
    // Longer than its monitor would have taken: that nothing happens has no event.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    on(sandbox, "web", &[])?;
    let mark = watch::now();
    sandbox.paceline("beta", &["node", "online", "alpha"])?;
    sandbox.event("gamma", mark, &["start web on", "ok"])?;
    sandbox.of_one_mind(&NODES)?;
    sandbox.holder("web")?;
    sandbox.page_says("beta", &["web on alpha failed 1 time", "paceline resource cleanup web"])?;
    sandbox.paceline("beta", &["resource", "cleanup", "web", "--wait"])?;
    on(sandbox, "web", &["alpha"])
}

/// After a power cut the history tells who did what.
pub fn history() -> Result<(), String> {
    with(&service("web", "prefer = { gamma = 10 }\nmonitor = \"1s\""), |sandbox| {
        let mark = watch::now();
        sandbox.sandbox("kill", "gamma")?;
        sandbox.event("alpha", mark, &["start web on", "ok"])?;
        sandbox.of_one_mind(&["alpha", "beta"])?;
        for node in ["alpha", "beta"] {
            sandbox.ask(node, &["fencing", "history"])?.said(0, &["gamma", "power"])?;
        }
        let home = sandbox.holder("web")?;
        sandbox.sandbox("start", "gamma")?;
        sandbox.until(&home, "gamma as a member again", |status| watch::online(status, "gamma"))?;
        sandbox.consistent(&NODES)
    })
}

/// A power cut that takes the management board along: no device can confirm it, so recovery waits until a person does.
pub fn confirmed_by_hand() -> Result<(), String> {
    with(&service("web", "prefer = { beta = 10 }\nmonitor = \"1s\""), |sandbox| {
        sandbox.ask("alpha", &["fencing", "confirm", "beta", "--yes"])?.said(1, &["beta is online", "hint:"])?;
        let mark = watch::now();
        sandbox.break_fencing("beta")?;
        sandbox.machine("beta", "unplug")?;
        sandbox.event("alpha", mark, &["fencing of beta by", "failed", "does not answer"])?;
        sandbox.ask("alpha", &["wait", "--timeout", "1s"])?.said(1, &["waiting for beta to be fenced"])?;
        sandbox.page_says("gamma", &["beta", "UNCLEAN", "does not answer", "BLOCKED", "once beta is confirmed off"])?;
        on(sandbox, "web", &[])?;

        sandbox.ask("alpha", &["fencing", "confirm", "beta"])?.said(2, &["destroy", "--yes"])?;
        on(sandbox, "web", &[])?;
        sandbox
            .ask("alpha", &["fencing", "confirm", "beta", "--yes"])?
            .said(0, &["beta counts as off, on your word"])?;
        sandbox.event("gamma", mark, &["beta is off, says an operator"])?;
        sandbox.consistent(&["alpha", "gamma"])?;
        sandbox.holder("web")?;
        sandbox.ask("gamma", &["fencing", "history"])?.said(0, &["beta", "operator"])?;

        sandbox.mend_fencing("beta")?;
        sandbox.sandbox("start", "beta")?;
        sandbox.until("alpha", "beta as a member again", |status| watch::online(status, "beta"))?;
        sandbox.consistent(&NODES)
    })
}
