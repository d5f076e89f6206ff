//! What an operator asks without changing anything: why, what if, what would a loss do. Of a running cluster, without
//! any file.

use crate::sandbox::{NODES, Sandbox, service, with};
use serde_json::Value;
use std::path::Path;

fn generation(sandbox: &Sandbox) -> Result<Value, String> {
    Ok(sandbox.status("alpha")?["generation"].take())
}

/// `explain`, `check` and `simulate` without a file ask the daemon of a node; what they try changes nothing.
pub fn of_the_running_cluster() -> Result<(), String> {
    let services = service("web", "prefer = { alpha = 10 }") + &service("side", "with = \"web\"");
    with(&services, |sandbox| {
        let before = (generation(sandbox)?, sandbox.holders("web"), sandbox.holders("side"));
        sandbox.ask("beta", &["explain", "side"])?.said(0, &["side: stays on alpha", "it has to be with web"])?;
        sandbox.ask("beta", &["explain", "web"])?.said(0, &["web: stays on alpha", "`prefer` in line "])?;
        sandbox.ask("beta", &["explain", "nobody"])?.said(1, &["there is no resource nobody"])?;
        sandbox
            .ask("gamma", &["explain", "web", "--node-standby", "alpha"])?
            .said(0, &["web: moves from alpha to ", "alpha is in standby"])?;
        sandbox.ask("gamma", &["check"])?.said(
            0,
            &["As it is, once nothing is left to do", "alpha: web, side", "Without alpha", "web moves from alpha to "],
        )?;
        let losses: Value = serde_json::from_str(&sandbox.paceline("gamma", &["check", "--losses", "2", "--json"])?)
            .map_err(|error| error.to_string())?;
        if losses["losses"].as_array().map(Vec::len) != Some(6) {
            return Err(format!("of three nodes, six losses of one or two are tried: {losses:#}"));
        }
        sandbox.ask("alpha", &["simulate"])?.said(0, &["Changes\n  none", "Steps\n  none"])?;
        let saved = sandbox.base.join("saved.json");
        let saved = saved.to_string_lossy();
        sandbox.ask("alpha", &["simulate", "--node-fail", "alpha", "--save", &saved])?.said(
            0,
            &["fence (reboot) alpha: alpha is unclean", "move web alpha -> ", "move side alpha -> ", "Afterwards"],
        )?;
        sandbox
            .ask("alpha", &["explain", "web", "--state", &saved])?
            .said(0, &["it waits until alpha is fenced", "paceline fencing confirm alpha"])?;
        let after = (generation(sandbox)?, sandbox.holders("web"), sandbox.holders("side"));
        if before != after {
            return Err(format!("questions changed {before:?} to {after:?}"));
        }
        remedies(sandbox)
    })
}

/// What an explanation names as a remedy is one.
fn remedies(sandbox: &Sandbox) -> Result<(), String> {
    let say = |arguments: &[&str]| sandbox.paceline("beta", &[arguments, &["--wait"]].concat());
    say(&["resource", "disable", "web"])?;
    sandbox.page_says("gamma", &["side", "it has to be with web", "it is disabled"])?;
    sandbox
        .ask("gamma", &["explain", "side"])?
        .said(0, &["side: runs nowhere", "web: it is disabled", "paceline resource enable web"])?;
    say(&["resource", "enable", "web"])?;
    say(&["node", "standby", "alpha"])?;
    sandbox.ask("gamma", &["explain", "web"])?.said(0, &["alpha: cannot be used", "alpha is in standby"])?;
    say(&["node", "online", "alpha"])?;
    say(&["resource", "move", "web", "gamma"])?;
    sandbox
        .ask("alpha", &["explain", "web"])?
        .said(0, &["web: stays on gamma", "`paceline resource move` speaks for"])?;
    say(&["resource", "clear", "web"])?;
    if sandbox.holder("web")? != "alpha" || sandbox.holder("side")? != "alpha" {
        return Err(format!("both belong on alpha: {:?}, {:?}", sandbox.holders("web"), sandbox.holders("side")));
    }
    Ok(())
}

/// What the daemon does not carry out is refused as a whole, in front of it and by it, and nothing is half done.
pub fn beyond() -> Result<(), String> {
    with(&service("web", ""), |sandbox| {
        let before = (generation(sandbox)?, sandbox.paceline("alpha", &["config", "show"])?);
        let more = |name: &str, table: &str| sandbox.write(name, &format!("{}{table}", before.1));
        let bundle = "\n[bundles.many]\nimage = \"registry.example/web:1\"\nreplicas = 2\n";
        let guest = "\n[resources.vm]\nagent = \"ocf:heartbeat:VirtualDomain\"\nremote-node = \"far\"\n";
        let lock = "\n[properties]\nshutdown-lock = true\n";
        for (name, table, word) in [
            ("bundle.toml", bundle, "bundles"),
            ("remote.toml", "\n[remote-nodes.far]\n", "remote nodes"),
            ("guest.toml", guest, "guest nodes"),
            ("lock.toml", lock, "shutdown-lock"),
        ] {
            let file = more(name, table)?;
            let file = file.to_string_lossy();
            for command in [&["apply", &file][..], &["plan", &file]] {
                sandbox.ask("alpha", command)?.said(1, &[word, "simulate"])?;
            }
            let keys = sandbox.base.join("keys");
            let init = ["cluster", "init", &file, "--out", &keys.to_string_lossy()].map(str::to_owned);
            let init: Vec<&str> = init.iter().map(String::as_str).collect();
            sandbox.ask("alpha", &init)?.said(1, &[word, "no cluster was made"])?;
            if Path::new(&keys).exists() {
                return Err("a refused file left keys behind".to_owned());
            }
        }
        let after = (generation(sandbox)?, sandbox.paceline("alpha", &["config", "show"])?);
        if before == after { Ok(()) } else { Err(format!("a refused file changed {before:?} to {after:?}")) }
    })
}

/// What needs a ticket runs while this site has it; an explanation says how it gets there.
pub fn tickets() -> Result<(), String> {
    let needs = "\n[[ticket]]\nticket = \"here\"\nresource = \"web\"\n";
    with(&(service("web", "") + &service("free", "") + needs), |sandbox| {
        let runs = |wanted: usize| match sandbox.holders("web").len() {
            found if found == wanted => Ok(()),
            found => Err(format!("web runs {found} times instead of {wanted}")),
        };
        runs(0)?;
        sandbox.holder("free")?;
        sandbox
            .ask("beta", &["ticket", "list"])?
            .said(0, &["here: not granted; needed by web (`[[ticket]]` in line "])?;
        sandbox.ask("beta", &["explain", "web"])?.said(
            0,
            &[
                "web: runs nowhere",
                "it needs ticket here, which is not granted",
                "paceline ticket grant here",
                "ONLY if",
            ],
        )?;
        sandbox.ask("beta", &["ticket", "grant", "here"])?.said(2, &["destroy", "--yes"])?;
        sandbox.ask("beta", &["ticket", "grant", "hree", "--yes"])?.said(1, &["did you mean here?"])?;
        runs(0)?;
        let say = |arguments: &[&str]| sandbox.paceline("gamma", &[&["ticket"], arguments, &["--wait"]].concat());
        say(&["grant", "here", "--yes"])?;
        runs(1)?;
        sandbox.page_says("alpha", &["this site has ticket here", "paceline ticket revoke here"])?;
        say(&["standby", "here"])?;
        runs(0)?;
        sandbox.ask("beta", &["explain", "web"])?.said(0, &["set aside", "paceline ticket activate here"])?;
        say(&["activate", "here"])?;
        runs(1)?;
        say(&["revoke", "here"])?;
        runs(0)?;
        sandbox.holder("free")?;
        sandbox.consistent(&NODES)
    })
}
