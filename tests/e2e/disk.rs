//! Full disks: a node that cannot write its state says so, the others answer for it, and without a quorum of disks no
//! change is acknowledged.

use crate::programs::run;
use crate::sandbox::{NODES, Sandbox, service, with_disks};
use crate::watch;

/// The file that takes all the space.
const FILLER: &str = "filler";

/// Runs a line of shell where a node's daemon sees its files.
fn at(sandbox: &Sandbox, node: &str, line: &str) -> Result<(), String> {
    let pid = sandbox.daemon(node)?.to_string();
    let state = sandbox.of(node, "state");
    run("nsenter", &["--mount", "--target", &pid, "sh", "-c", line, "sh", &state.to_string_lossy()]).map(drop)
}

/// Puts the state directory on a disk of its own, and fills that.
fn fill(sandbox: &Sandbox, node: &str) -> Result<(), String> {
    let line = format!(
        "cp -a \"$1\" \"$1.copy\" && mount -t tmpfs -o size=256k full \"$1\" && cp -a \"$1.copy/.\" \"$1\" && \
         {{ cat /dev/zero >\"$1/{FILLER}\" 2>/dev/null; test -s \"$1/{FILLER}\"; }}"
    );
    at(sandbox, node, &line)
}

fn free(sandbox: &Sandbox, node: &str) -> Result<(), String> {
    at(sandbox, node, &format!("rm \"$1/{FILLER}\""))
}

/// One full disk, then a second one, then space again.
pub fn full() -> Result<(), String> {
    with_disks(&service("web", "prefer = { alpha = 10 }\nmonitor = \"1s\""), |sandbox| {
        let mark = watch::now();
        fill(sandbox, "alpha")?;
        // Two disks are a quorum: done, from whichever node it is asked, also from the one that cannot write.
        for node in NODES {
            sandbox.apply_mark(node)?.0.said(0, &["safe on the disks of a quorum"])?;
        }
        sandbox.event("alpha", mark, &["alpha cannot write its state", "No space left on device"])?;
        sandbox.page_says("alpha", &["alpha cannot write its state", "No space left on device"])?;
        if !sandbox.log("alpha").contains("WARN alpha cannot write its state") {
            return Err("the log of alpha does not tell about its disk".to_owned());
        }
        sandbox.of_one_mind(&["beta", "gamma", "alpha"]).or_else(|error| {
            // The warning is alpha's alone; the rest must be the same.
            if error.contains("cannot write its state") { Ok(()) } else { Err(error) }
        })?;
        if sandbox.holder("web")? != "alpha" {
            return Err("a full disk moved a service".to_owned());
        }

        fill(sandbox, "beta")?;
        let (ended, unknown) = sandbox.apply_mark("gamma")?;
        ended.said(1, &["not enough nodes confirmed", "may or may not be in force", "paceline config show"])?;
        sandbox.page_says("beta", &["beta cannot write its state"])?;

        let mark = watch::now();
        free(sandbox, "alpha")?;
        free(sandbox, "beta")?;
        for node in ["alpha", "beta"] {
            sandbox.event(node, mark, &[&format!("{node} can write its state again")])?;
        }
        for node in NODES {
            if !sandbox.has_mark(node, unknown)? {
                return Err(format!("{node} does not know the change that was not acknowledged"));
            }
            let stored = format!("grep -q 'mark = {unknown} ' \"$1/cib.json\"");
            at(sandbox, node, &stored).map_err(|error| format!("{node} has not caught up on its disk: {error}"))?;
        }
        sandbox.consistent(&NODES)
    })
}

/// A node loses power while its disk is full. It cannot promise that its new life uses no ring number of the old one,
/// so it stays outside, disturbs nobody and says why; with space it comes in by itself and learns what it missed.
pub fn restart_on_full() -> Result<(), String> {
    with_disks(&service("web", "prefer = { alpha = 10 }\nmonitor = \"1s\""), |sandbox| {
        fill(sandbox, "alpha")?;
        sandbox.apply_mark("beta")?.0.said(0, &["safe on the disks of a quorum"])?;
        let mark = watch::now();
        sandbox.sandbox("kill", "alpha")?;
        sandbox.event("beta", mark, &["start web on", "ok"])?;
        sandbox.of_one_mind(&["beta", "gamma"])?;

        let (mark, view) = (watch::now(), sandbox.status("beta")?["view"].clone());
        sandbox.sandbox("start", "alpha")?;
        let words = ["cannot store the ring number", "No space left on device", "make room on the disk"];
        let told = sandbox.event("alpha", mark, &words)?;
        println!("restart on a full disk: alpha says: {}", told.text);
        sandbox.page_says("alpha", &["cannot store the ring number", "make room on the disk"])?;
        // It does not even ask: changes of the others go through, and their view stays as it is.
        sandbox.consistent(&["beta", "gamma"])?;
        if sandbox.status("beta")?["view"] != view {
            return Err("a node that cannot come in has changed the view of the others".to_owned());
        }

        free(sandbox, "alpha")?;
        sandbox.until("beta", "alpha as a member again", |status| watch::online(status, "alpha"))?;
        sandbox.consistent(&NODES)?;
        if sandbox.status("alpha")?["warnings"] != sandbox.status("beta")?["warnings"] {
            return Err("alpha still complains although it has space".to_owned());
        }
        sandbox.holder("web").map(drop)
    })
}
