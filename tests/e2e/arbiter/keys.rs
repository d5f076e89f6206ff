//! Keys that are not what they should be: a node's that its cluster has revoked, and another arbiter's; and commands
//! that know better than the tie-breaker which half should go on.

use super::{Arbiter, granted, pair, stopped};
use crate::sandbox::{PATIENCE, PEEK, service, with_pair};
use crate::watch;
use std::time::Instant;

/// How often beta was hung up on.
fn refusals(arbiter: &Arbiter) -> usize {
    arbiter.log().matches("hangs up on beta").count()
}

/// Waits until that was `times` times: the log of another program has no event.
fn turned_away(arbiter: &Arbiter, times: usize) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    while refusals(arbiter) < times {
        if Instant::now() > deadline {
            return Err(format!("beta was not turned away {times} times"));
        }
        std::thread::sleep(PEEK);
    }
    Ok(())
}

/// Whoever shows a revoked certificate is hung up on, and told why; the arbiter knows that beyond its own life.
pub fn revoked() -> Result<(), String> {
    pair(&mut Arbiter::new("revoked")?, |arbiter, sandbox| {
        sandbox.break_fencing("beta")?;
        let mark = watch::now();
        sandbox.ask("alpha", &["cluster", "keys", "revoke", "beta"])?;
        let words = ["the arbiter cannot be asked", "was revoked; it needs another one"];
        sandbox.event("beta", mark, &words)?;
        granted(sandbox, "alpha")?;
        stopped(sandbox, "beta")?;

        // It comes again and again, also to an arbiter that has been restarted.
        turned_away(arbiter, 2)?;
        arbiter.kill();
        arbiter.start()?;
        let before = refusals(arbiter);
        turned_away(arbiter, before + 1)?;
        let cluster = arbiter.status()?["clusters"]["e2e"].clone();
        if cluster["revoked"] != 1 || cluster["nodes"].get("beta").is_some() {
            return Err(format!("the restarted arbiter has heard beta: {cluster:#}"));
        }
        Ok(())
    })
}

/// An arbiter whose certificate is not the one that the cluster file names is not believed; with the right one it is.
pub fn another_fingerprint() -> Result<(), String> {
    let arbiter = Arbiter::new("fingerprint")?;
    let right = service("web", "") + &arbiter.table();
    let stranger = format!("sha256:{}", "5e".repeat(32));
    let wrong = right.replace(&arbiter.fingerprint, &stranger);
    with_pair("e2e", &wrong, |sandbox| {
        arbiter.serve(sandbox, "e2e")?;
        for node in ["alpha", "beta"] {
            let shown = format!("shows the certificate {}", arbiter.fingerprint);
            sandbox.event(node, 0, &["the arbiter cannot be asked", &shown, &format!("not {stranger}")])?;
        }
        if arbiter.status()?["clusters"]["e2e"]["grant"].is_object() {
            return Err("a node that does not know the arbiter has told it its view".to_owned());
        }
        sandbox.apply_services("alpha", &right)?;
        granted(sandbox, "alpha")?;
        granted(sandbox, "beta").map(drop)
    })
}

/// Of two equal halves the one goes on whose commands succeed, although the tie-breaker names the other.
pub fn heuristics() -> Result<(), String> {
    let mut arbiter = Arbiter::new("heuristics")?;
    // True in the shell of one daemon only: the one whose file is named after beta.
    let command = "heuristics = [\"tr '\\\\0' ' ' </proc/$PPID/cmdline | grep -q /beta/\"]\n";
    let services = service("web", "") + &arbiter.table() + command;
    super::pair_of(&mut arbiter, &services, |_, sandbox| {
        sandbox.break_fencing("alpha")?;
        sandbox.break_fencing("beta")?;
        sandbox.sandbox("cut", "alpha")?;
        granted(sandbox, "beta")?;
        stopped(sandbox, "alpha").map(drop)
    })
}
