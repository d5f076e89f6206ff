//! Agents that are absent or misbehave: they hang, shout, answer nonsense, or do not let go.

use crate::sandbox::{CHECK, NODES, START, STOP, service, with};
use crate::watch;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Growth of a daemon's memory that twenty megabytes of output may not reach, in KiB.
const GROWTH: u64 = 8 * 1024;

/// A resource like [`service`], with lines before its commands.
fn tampered(name: &str, before: [&str; 3], options: &str) -> String {
    let [start, stop, check] = before;
    format!(
        "\n[resources.{name}]\nparams = {{ RUN = \"@DIRECTORY@\" }}\nstart = '''\n{start}\n{START}'''\n\
         stop = '''\n{stop}\n{STOP}'''\ncheck = '''\n{check}\n{CHECK}'''\n{options}\n"
    )
}

/// An agent that is installed nowhere: every node says which file it looked for, and everything else runs.
pub fn unknown() -> Result<(), String> {
    let ghost = "\n[resources.ghost]\nagent = \"ocf:heartbeat:NoSuchThing\"\nmonitor = \"1s\"\n";
    with(&format!("{ghost}{}", service("web", "monitor = \"1s\"")), |sandbox| {
        let path = "/usr/lib/ocf/resource.d/heartbeat/NoSuchThing";
        for node in NODES {
            sandbox.event("alpha", 0, &[&format!("ghost on {node}: not installed"), path])?;
            sandbox.page_says(node, &["ghost", "not installed", path])?;
        }
        sandbox.holder("web")?;
        sandbox.consistent(&NODES)
    })
}

/// A monitor that never answers is ended at its timeout, and the service recovered.
pub fn hanging_monitor() -> Result<(), String> {
    let check = r#"if [ -e "$RUN/hang" ]; then rm "$RUN/hang"; exec tail -f /dev/null; fi"#;
    let options = "operations = [{ name = \"monitor\", interval = \"500ms\", timeout = \"1s\" }]";
    with(&tampered("slow", ["", "", check], options), |sandbox| {
        let home = sandbox.holder("slow")?;
        let mark = watch::now();
        fs::write(sandbox.dir.join("hang"), "").map_err(|error| error.to_string())?;
        sandbox.event("beta", mark, &[&format!("monitor slow on {home}"), "timed out"])?;
        sandbox.event("beta", mark, &["start slow on", "ok"])?;
        sandbox.of_one_mind(&NODES)?;
        sandbox.holder("slow")?;
        sandbox.page_says("gamma", &[&format!("slow on {home} failed 1 time"), "paceline resource cleanup slow"])?;
        sandbox.paceline("gamma", &["resource", "cleanup", "slow", "--wait"])?;
        let failures = sandbox.status("beta")?["failures"].clone();
        if failures != serde_json::json!([]) {
            return Err(format!("failures are left after the cleanup: {failures:#}"));
        }
        sandbox.consistent(&NODES)
    })
}

/// Twenty megabytes on both outputs of every command: it works, and the daemons stay as small as they were.
pub fn noisy() -> Result<(), String> {
    let shout = "head -c 20000000 /dev/zero | tr '\\0' x; head -c 20000000 /dev/zero | tr '\\0' y >&2";
    // Inside '''...''' of TOML single quotes are themselves.
    with("", |sandbox| {
        let before: Vec<u64> = NODES.iter().map(|node| sandbox.memory(node)).collect::<Result<_, _>>()?;
        sandbox.apply_services("alpha", &tampered("noisy", [shout; 3], "monitor = \"1s\""))?;
        sandbox.of_one_mind(&NODES)?;
        for _ in 0..2 {
            sandbox.paceline("beta", &["resource", "restart", "noisy", "--wait"])?;
        }
        sandbox.holder("noisy")?;
        for (node, before) in NODES.iter().zip(before) {
            let after = sandbox.memory(node)?;
            println!("noisy agent: memory of {node} {before} KiB, then {after} KiB");
            if after > before + GROWTH {
                return Err(format!("the memory of {node} grew from {before} to {after} KiB"));
            }
        }
        sandbox.consistent(&NODES)
    })
}

/// A start that ends with 255 on one node: that is told with its own words, and it runs on another.
pub fn failing_start() -> Result<(), String> {
    let start = r#"[ "$PACELINE_NODE" != alpha ] || { echo "the licence has expired" >&2; exit 255; }"#;
    with(&tampered("picky", [start, "", ""], "prefer = { alpha = 100 }\nmonitor = \"1s\""), |sandbox| {
        sandbox.event("gamma", 0, &["start picky on alpha", "the licence has expired"])?;
        let home = sandbox.holder("picky")?;
        if home == "alpha" {
            return Err("picky runs where its start failed".to_owned());
        }
        sandbox.page_says("gamma", &["picky", "alpha", "the licence has expired"])?;
        sandbox.consistent(&NODES)
    })
}

/// A stop that hangs: nobody knows what still runs there, so the node is fenced, and the service goes on elsewhere.
pub fn hanging_stop() -> Result<(), String> {
    let stop = r#"[ "$PACELINE_NODE" != alpha ] || exec tail -f /dev/null"#;
    // Off and not reboot: a machine of a sandbox boots within a moment, before its loss is even noticed.
    let options = "prefer = { alpha = 100 }\noperations = [{ name = \"stop\", timeout = \"1s\" }]\nmonitor = \"1s\"\n\n\
                   [properties]\nfencing-action = \"off\"";
    with(&tampered("sticky", ["", stop, ""], options), |sandbox| {
        let mark = watch::now();
        sandbox.paceline("beta", &["node", "standby", "alpha"])?;
        sandbox.event("beta", mark, &["stop sticky on alpha", "timed out"])?;
        sandbox.event("beta", mark, &["fencing of alpha asked for", "sticky"])?;
        sandbox.event("beta", mark, &["alpha is confirmed off"])?;
        sandbox.event("beta", mark, &["start sticky on", "ok"])?;
        sandbox.consistent(&["beta", "gamma"])?;
        if sandbox.holder("sticky")? == "alpha" {
            return Err("sticky is on the node that was put in standby".to_owned());
        }
        sandbox
            .ask("beta", &["fencing", "history"])?
            .said(0, &["alpha", "stop of sticky failed on alpha: timed out"])?;
        sandbox.sandbox("start", "alpha")?;
        sandbox.until("beta", "alpha in standby", |status| watch::state(status, "alpha") == "standby")?;
        sandbox.consistent(&NODES)
    })
}

/// A script in OCF form that describes itself with garbage, answers with codes that do not exist, and is not executable
/// on one node.
const SCRIPT: &str = r#"#!/bin/sh
PIDFILE="$OCF_RESKEY_run/$OCF_RESKEY_CRM_meta_on_node/run/$OCF_RESOURCE_INSTANCE.pid"
case "$1" in
meta-data) echo "<resource-agent><parameters>"; exit 0 ;;
start)
    [ "$OCF_RESKEY_CRM_meta_on_node" != alpha ] || { echo "ERROR: no such planet" >&2; exit 199; }
    setsid sleep infinity </dev/null >/dev/null 2>&1 &
    echo $! >"$PIDFILE" ;;
stop) [ ! -e "$PIDFILE" ] || kill "$(cat "$PIDFILE")"; rm -f "$PIDFILE" ;;
monitor) kill -0 "$(cat "$PIDFILE" 2>/dev/null)" 2>/dev/null || exit 7 ;;
*) exit 3 ;;
esac
"#;

/// OCF scripts that break the rules of OCF, each failure told on the node where it happened.
pub fn unruly_scripts() -> Result<(), String> {
    with("", |sandbox| {
        let failed = |error: std::io::Error| error.to_string();
        for node in NODES {
            let scripts = sandbox.base.join(node).join("resource.d/fake");
            fs::create_dir_all(&scripts).map_err(failed)?;
            let script = scripts.join("Unruly");
            fs::write(&script, SCRIPT).map_err(failed)?;
            let mode = if node == "beta" { 0o644 } else { 0o755 };
            fs::set_permissions(&script, fs::Permissions::from_mode(mode)).map_err(failed)?;
            let local = sandbox.of(node, "local.toml");
            let text = fs::read_to_string(&local).map_err(failed)?;
            fs::write(&local, format!("{text}ocf-root = \"{}\"\n", sandbox.base.join(node).display()))
                .map_err(failed)?;
        }
        // The file of the machine is read at the start.
        for node in NODES {
            sandbox.sandbox("kill", node)?;
        }
        for node in NODES {
            sandbox.sandbox("start", node)?;
        }
        let all = |status: &serde_json::Value| NODES.iter().all(|node| watch::online(status, node));
        sandbox.until("alpha", "all nodes online", all)?;
        let mark = watch::now();
        let resource = "[resources.unruly]\nagent = \"ocf:fake:Unruly\"\nparams = { run = \"@DIRECTORY@\" }\n\
                        prefer = { alpha = 100, beta = 50 }\nmonitor = \"1s\"\n";
        sandbox.apply_services("gamma", resource)?;
        sandbox.event("gamma", mark, &["start unruly on alpha", "no such planet"])?;
        sandbox.event("gamma", mark, &["unruly on beta", "may not be run by this user (is it executable?)"])?;
        sandbox.event("gamma", mark, &["start unruly on gamma", "ok"])?;
        sandbox.of_one_mind(&NODES)?;
        sandbox.page_says("beta", &["no such planet", "is it executable?"])?;
        sandbox.consistent(&NODES)
    })
}

/// The agent of the peer that notes how much its instance wants to be promoted.
pub const STATEFUL: &str = "/usr/lib/ocf/resource.d/pacemaker/Stateful";

/// What an agent notes with the peer's commands is known to every node, under the name that the peer gives it, until it
/// takes it back; what an operator notes for good outlives a restart of the node.
pub fn attributes() -> Result<(), String> {
    let resource = "[resources.db]\nagent = \"ocf:pacemaker:Stateful\"\nparams = { state = \"@DIRECTORY@/db.state\" }\n\
                    prefer = { beta = 100 }\n[properties]\nfencing-action = \"off\"\n";
    with(resource, |sandbox| {
        let noted = |node: &str, arguments: &[&str]| {
            let ended = sandbox.ask(node, &[&["node", "attribute"], arguments].concat())?;
            Ok::<String, String>(format!("{}{}", ended.out, ended.err))
        };
        sandbox.event("gamma", 0, &["start db on beta", "ok"])?;
        for node in NODES {
            let score = noted(node, &["beta", "master-db"])?;
            if score != "5\n" {
                return Err(format!("{node} knows the promotion score of db on beta as {score:?}"));
            }
        }
        sandbox.paceline("gamma", &["node", "attribute", "alpha", "rack", "7", "--forever"])?;
        sandbox.paceline("gamma", &["node", "attribute", "alpha", "load", "-3"])?;
        let mark = watch::now();
        sandbox.paceline("alpha", &["resource", "disable", "db", "--wait"])?;
        sandbox.event("alpha", mark, &["master-db is removed"])?;
        let mark = watch::now();
        sandbox.sandbox("kill", "alpha")?;
        sandbox.event("beta", mark, &["alpha is confirmed off"])?;
        sandbox.sandbox("start", "alpha")?;
        sandbox.until("beta", "alpha online", |status| watch::online(status, "alpha"))?;
        sandbox.of_one_mind(&NODES)?;
        let left = noted("alpha", &[])?;
        if left != "alpha: rack = 7 (for good)\n" {
            return Err(format!("alpha has come back, and this is noted: {left}"));
        }
        sandbox.consistent(&NODES)
    })
}

/// A promotable clone of the peer's example: one instance is promoted by the score that its agent notes, the loss of
/// its node promotes another one once it is confirmed, and one that was demoted by hand is promoted again.
pub fn promotable() -> Result<(), String> {
    let state = |node: &&str| {
        format!(
            "{{ of = \"params\", rule = \"#uname eq {node}\", values = {{ state = \"@DIRECTORY@/{node}/db.state\" }} }}"
        )
    };
    let states = NODES.iter().map(state).collect::<Vec<_>>().join(", ");
    let clone = format!(
        "[resources.db]\nagent = \"ocf:pacemaker:Stateful\"\nsets = [{states}]\noperations = [{{ name = \"monitor\", \
         interval = \"1s\", role = \"promoted\" }}, {{ name = \"monitor\", interval = \"2s\" }}]\n\
         [clones.dbs]\nresource = \"db\"\npromotable = true\nnotify = true\n[properties]\nfencing-action = \"off\"\n"
    );
    with(&clone, |sandbox| {
        let promoted = |node: &str| {
            let all = sandbox.status(node)?["resources"].clone();
            let db = all.as_array().and_then(|all| all.iter().find(|one| one["name"] == "db")).cloned();
            let one = db.and_then(|db| db["promoted"][0].as_str().map(str::to_owned));
            one.ok_or_else(|| format!("no instance is promoted: {all:#}"))
        };
        sandbox.of_one_mind(&NODES)?;
        let first = promoted("alpha")?;
        let rest: Vec<&str> = NODES.into_iter().filter(|node| *node != first).collect();
        let mark = watch::now();
        sandbox.sandbox("kill", &first)?;
        sandbox.event(rest[0], mark, &[&format!("{first} is confirmed off")])?;
        sandbox.event(rest[0], mark, &["promote db on", "ok"])?;
        sandbox.of_one_mind(&rest)?;
        let second = promoted(rest[1])?;
        if second == first {
            return Err(format!("db is still said to be promoted on {first}, which is off"));
        }
        let mark = watch::now();
        fs::write(sandbox.of(&second, "db.state"), "Unpromoted\n").map_err(|error| error.to_string())?;
        sandbox.event(rest[0], mark, &[&format!("monitor db on {second}: ok")])?;
        sandbox.event(rest[0], mark, &["promote db on", "ok"])?;
        sandbox.of_one_mind(&rest)?;
        promoted(rest[0]).map(drop)
    })
}
