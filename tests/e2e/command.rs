//! What the commands answer when there is nobody to ask, nobody to agree, or nothing to do; and how soon.

use crate::sandbox::{NODES, Sandbox, service, with};
use crate::watch;
use std::time::{Duration, Instant};

/// Runs of a command that should be fast.
const RUNS: usize = 20;
/// None of them takes less: then it is slow. The real figures are printed.
const SLOW: Duration = Duration::from_millis(100);

/// A dead daemon, and a node that has lost the others.
pub fn nobody() -> Result<(), String> {
    with(&service("web", "prefer = { alpha = 10 }\nmonitor = \"1s\""), |sandbox| {
        let mark = watch::now();
        sandbox.sandbox("kill", "gamma")?;
        for command in [&["status"][..], &["wait", "--timeout", "5s"], &["node", "standby", "alpha"]] {
            sandbox.ask("gamma", command)?.said(3, &["cannot reach the daemon", "hint:", "is pacelined running?"])?;
        }
        sandbox.event("alpha", mark, &["gamma is confirmed off"])?;
        sandbox.consistent(&["alpha", "beta"])?;

        let mark = watch::now();
        sandbox.sandbox("kill", "beta")?;
        sandbox.event("alpha", mark, &["not quorate: 1 of 3 votes, 2 needed"])?;
        let (ended, lost) = sandbox.apply_mark("alpha")?;
        ended.said(4, &["not quorate: 1 of 3 votes, 2 needed", "hint:"])?;
        sandbox.ask("alpha", &["node", "standby", "alpha"])?.said(4, &["not quorate", "hint:"])?;
        sandbox.ask("alpha", &["quorum", "status"])?.said(4, &["2"])?;
        sandbox.page_says("alpha", &["no quorum (1 of 3 votes, 2 needed)"])?;
        // Without quorum it gives up what it runs: the others may be elsewhere and go on.
        sandbox.event("alpha", mark, &["stop web on alpha", "ok"])?;
        if !sandbox.holders("web").is_empty() {
            return Err("a node without quorum runs a service".to_owned());
        }

        sandbox.sandbox("start", "beta")?;
        sandbox.sandbox("start", "gamma")?;
        let all = |status: &serde_json::Value| NODES.iter().all(|node| watch::online(status, node));
        sandbox.until("alpha", "all nodes online", all)?;
        sandbox.of_one_mind(&NODES)?;
        if sandbox.has_mark("alpha", lost)? {
            return Err("the refused change is in force".to_owned());
        }
        sandbox.holder("web")?;
        sandbox.consistent(&NODES)
    })
}

/// The same file twice, and the speed of the commands that are used most.
pub fn twice_and_fast() -> Result<(), String> {
    let services: String = (0..10).map(|number| service(&format!("service-{number}"), "monitor = \"10s\"")).collect();
    with(&services, |sandbox| {
        let file = sandbox.write("same.toml", &sandbox.marked())?;
        let file = file.to_string_lossy();
        sandbox.paceline("alpha", &["apply", &file])?;
        let before = sandbox.status("alpha")?["generation"].clone();
        for node in NODES {
            sandbox.ask(node, &["apply", &file])?.said(0, &["nothing changed", "already in force"])?;
        }
        sandbox.ask("alpha", &["plan", &file])?.said(0, &["Nothing would be started, stopped or moved"])?;
        if sandbox.status("alpha")?["generation"] != before {
            return Err("applying the same file again made a new configuration".to_owned());
        }
        sandbox.page("beta")?;
        sandbox.of_one_mind(&NODES)?;
        fast(sandbox, &["status"])?;
        fast(sandbox, &["plan", &file])?;
        sandbox.consistent(&NODES)
    })
}

/// Whether a command is fast is for the fastest of its runs to say: the others may have waited for the machine.
fn fast(sandbox: &Sandbox, arguments: &[&str]) -> Result<(), String> {
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let started = Instant::now();
        sandbox.paceline("beta", arguments)?;
        times.push(started.elapsed());
    }
    times.sort();
    let (best, median, worst) = (times[0], times[RUNS / 2], times[RUNS - 1]);
    println!("paceline {}: best {best:.1?}, median {median:.1?}, worst {worst:.1?} of {RUNS} runs", arguments[0]);
    if best < SLOW { Ok(()) } else { Err(format!("paceline {} takes {best:?} at the best", arguments[0])) }
}
