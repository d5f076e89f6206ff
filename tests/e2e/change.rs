//! A cluster that changes while it runs: its times, its addresses, its nodes, its keys. The daemons are started as an
//! operator starts them, each on addresses of its own on loopback, without a sandbox that would put others in place.

use crate::programs::{self, output};
use crate::sandbox::PEEK;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything that should happen may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The token timeout before a change, and the one after it. The first is long, so that no loss is taken for one that
/// was noticed by the second, and so that a busy machine makes no view of its own.
const BEFORE: (&str, Duration) = ("4s", Duration::from_secs(4));
const AFTER: (&str, Duration) = ("300ms", Duration::from_millis(300));

/// Real daemons, each a process; they end with this value.
struct Daemons {
    base: PathBuf,
    /// Where each node is.
    places: BTreeMap<&'static str, String>,
    token: &'static str,
    running: BTreeMap<&'static str, Child>,
}

impl Daemons {
    /// Makes keys for all of `names` and starts them.
    fn up(test: &str, names: &[&'static str]) -> Result<Daemons, String> {
        let base = std::env::temp_dir().join(format!("paceline-e2e-{test}-{}", std::process::id()));
        // What an earlier run with the same number may have left.
        let _ = fs::remove_dir_all(&base);
        fs::create_dir_all(&base).map_err(|error| format!("{}: {error}", base.display()))?;
        let places = names.iter().zip(1..).map(|(name, number)| (*name, place(number))).collect();
        let mut daemons = Daemons { base, places, token: BEFORE.0, running: BTreeMap::new() };
        let file = daemons.file()?;
        let out = daemons.base.join("nodes");
        output(paceline().args(["cluster", "init"]).arg(file).arg("--out").arg(&out))?;
        for name in names {
            daemons.start(name)?;
        }
        daemons.settled(names)?;
        Ok(daemons)
    }

    /// Writes the cluster file as it should be now.
    fn file(&self) -> Result<PathBuf, String> {
        let nodes: String =
            self.places.iter().map(|(name, place)| format!("[nodes.{name}]\naddresses = [\"{place}\"]\n\n")).collect();
        let text = format!(
            "[cluster]\nname = \"change\"\ntoken = \"{}\"\n\n{nodes}[properties]\nfencing-enabled = false\n",
            self.token
        );
        let path = self.base.join("cluster.toml");
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }

    fn home(&self, node: &str) -> PathBuf {
        self.base.join("nodes").join(node)
    }

    fn start(&mut self, node: &'static str) -> Result<(), String> {
        let home = self.home(node);
        let local = format!(
            "node = \"{node}\"\ncluster-file = {:?}\nkeys-directory = \"keys\"\nstate-directory = \"state\"\n\
             control-socket = \"control.sock\"\nrealtime = false\n",
            self.base.join("cluster.toml").display().to_string()
        );
        fs::write(home.join("local.toml"), local).map_err(|error| error.to_string())?;
        let log = fs::OpenOptions::new().create(true).append(true).open(home.join("log"));
        let log = log.map_err(|error| error.to_string())?;
        let daemon = Command::new(programs::directory().join("pacelined"))
            .arg("--config")
            .arg(home.join("local.toml"))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("cannot start the daemon of {node}: {error}"))?;
        self.running.insert(node, daemon);
        Ok(())
    }

    /// The power of a node is cut: its peers hear nothing more of it, not even that its port is closed.
    fn freeze(&self, node: &str) -> Result<(), String> {
        let daemon = self.running.get(node).ok_or("it does not run")?;
        output(Command::new("kill").args(["-STOP", &daemon.id().to_string()])).map(drop)
    }

    fn ask(&self, node: &str, arguments: &[&str]) -> Result<String, String> {
        output(paceline().arg("--socket").arg(self.home(node).join("control.sock")).args(arguments))
    }

    fn json(&self, node: &str, arguments: &[&str]) -> Result<Value, String> {
        serde_json::from_str(&self.ask(node, arguments)?).map_err(|error| error.to_string())
    }

    /// Applies the file as it should be now.
    fn apply(&self, node: &str) -> Result<String, String> {
        let file = self.file()?;
        self.ask(node, &["apply", &file.to_string_lossy()])
    }

    /// Looks again and again; there is no event for most of what is waited for here.
    fn until(&self, what: &str, right: impl Fn() -> Result<bool, String>) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = Ok(false);
        while Instant::now() < deadline {
            last = right();
            if last == Ok(true) {
                return Ok(());
            }
            std::thread::sleep(PEEK);
        }
        Err(format!("{what}: did not come true ({last:?})\n{}", self.logs()))
    }

    /// Waits until these and no others are in one quorate view.
    fn settled(&self, names: &[&str]) -> Result<(), String> {
        self.until(&format!("a view of {names:?}"), || {
            for name in names {
                let ring = self.json(name, &["ring", "status", "--json"])?;
                let members: Vec<&str> =
                    ring["members"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                if members != names || ring["phase"] != "operate" {
                    return Ok(false);
                }
                if self.json(name, &["status", "--json"])?["quorum"]["quorate"] != true {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// Views that each node has seen so far.
    fn views(&self, names: &[&str]) -> Result<Vec<u64>, String> {
        let views = |name: &&str| Ok(self.json(name, &["ring", "status", "--json"])?["views"].as_u64().unwrap_or(0));
        names.iter().map(views).collect()
    }

    fn logs(&self) -> String {
        let log = |name: &&str| {
            let text = fs::read_to_string(self.home(name).join("log")).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            format!("--- {name}\n{}\n", lines[lines.len().saturating_sub(25)..].join("\n"))
        };
        self.running.keys().map(log).collect()
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        for daemon in self.running.values_mut() {
            // It may have ended by itself.
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        let _ = fs::remove_dir_all(&self.base);
    }
}

/// An address that no other test uses at the same time.
fn place(number: u8) -> String {
    let [a, b] = std::process::id().to_le_bytes()[..2] else { unreachable!("a slice of two") };
    format!("127.{}.{b}.{number}", a | 1)
}

fn paceline() -> Command {
    let mut command = Command::new(programs::directory().join("paceline"));
    command.env_remove("PACELINE_SOCKET").env_remove("PACELINE_SANDBOX").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// The token timeout and two addresses change without a view; then the new timeout decides how soon a loss is noticed,
/// and who was away comes back with its old file.
pub fn times_and_addresses() -> Result<(), String> {
    const NAMES: [&str; 3] = ["alpha", "beta", "gamma"];
    let mut daemons = Daemons::up("times", &NAMES)?;
    let before = daemons.views(&NAMES)?;
    daemons.token = AFTER.0;
    daemons.places.insert("alpha", place(11));
    daemons.places.insert("gamma", place(13));
    daemons.apply("beta")?;
    daemons.until("the links are at the new addresses", || {
        for name in NAMES {
            let links = daemons.json(name, &["link", "status", "--json"])?;
            for (peer, of) in links.as_object().ok_or("no links")? {
                let there = of["links"][0]["address"].as_str().unwrap_or_default();
                if !there.starts_with(&daemons.places[peer.as_str()]) || of["links"][0]["up"] != true {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    })?;
    let shown = daemons.json("gamma", &["ring", "status", "--json"])?;
    if shown["token_timeout_ms"] != serde_json::json!(AFTER.1.as_millis()) {
        return Err(format!("the ring of gamma does not know its new token timeout: {shown:#}"));
    }
    let after = daemons.views(&NAMES)?;
    if before != after {
        return Err(format!("a change cost a view: {before:?}, {after:?}\n{}", daemons.logs()));
    }
    let start = Instant::now();
    daemons.freeze("gamma")?;
    daemons.settled(&["alpha", "beta"])?;
    let took = start.elapsed();
    println!("token {} became {}; a loss led to a view within {took:.1?}, this look included", BEFORE.0, AFTER.0);
    if took > BEFORE.1 * 3 / 4 {
        return Err(format!("the loss was noticed after {took:?} only\n{}", daemons.logs()));
    }
    Ok(())
}

/// A node of which nobody knows is told so; added to the file it is taken in; and it goes again.
pub fn a_fourth_node() -> Result<(), String> {
    const NAMES: [&str; 4] = ["alpha", "beta", "delta", "gamma"];
    let mut daemons = Daemons::up("fourth", &NAMES)?;
    // The fourth leaves and is taken out of the file.
    daemons.ask("delta", &["node", "standby", "delta"])?;
    let mut delta = daemons.running.remove("delta").ok_or("it was started")?;
    output(Command::new("kill").args(["-TERM", &delta.id().to_string()]))?;
    delta.wait().map_err(|error| error.to_string())?;
    let rest = ["alpha", "beta", "gamma"];
    daemons.settled(&rest)?;
    let place = daemons.places.remove("delta").ok_or("it has an address")?;
    daemons.apply("alpha")?;
    let before = daemons.views(&rest)?;
    daemons.start("delta")?;
    daemons.until("the others refuse it and say why", || {
        let log = fs::read_to_string(daemons.home("beta").join("log")).unwrap_or_default();
        Ok(log.contains("the cluster has no other node of that name"))
    })?;
    if daemons.views(&rest)? != before {
        return Err(format!("a node that was taken out cost a view\n{}", daemons.logs()));
    }
    daemons.places.insert("delta", place);
    daemons.apply("gamma")?;
    daemons.settled(&NAMES)
}

/// Where the authority of a test lies.
const AUTHORITY: &str = "ca";

impl Daemons {
    /// Makes keys for a node with this authority and has its daemon use them.
    fn issue(&self, node: &str, authority: &str) -> Result<(), String> {
        let (ca, out) = (self.base.join("nodes").join(authority), self.base.join("issued"));
        // What was issued before is in use by now.
        let _ = fs::remove_dir_all(&out);
        output(paceline().args(["cluster", "keys", "issue", node, "--ca"]).arg(ca).arg("--out").arg(&out))?;
        for name in ["ca.pem", "node.pem", "node.key"] {
            self.copy(&out.join(name), node, name)?;
        }
        self.ask(node, &["cluster", "keys", "reload"]).map(drop)
    }

    /// Gives a node another `ca.pem`.
    fn trust(&self, node: &str, authority: &str) -> Result<(), String> {
        self.copy(&self.base.join("nodes").join(authority).join("ca.pem"), node, "ca.pem")?;
        self.ask(node, &["cluster", "keys", "reload"]).map(drop)
    }

    fn copy(&self, from: &Path, node: &str, name: &str) -> Result<(), String> {
        let to = self.home(node).join("keys").join(name);
        fs::copy(from, &to).map(drop).map_err(|error| format!("{}: {error}", to.display()))
    }

    fn fingerprint(&self, of: &str, seen_by: &str) -> Result<String, String> {
        let shown = self.json(seen_by, &["cluster", "keys", "show", "--json"])?;
        let certificate = if of == seen_by { &shown["own"] } else { &shown["peers"][of] };
        Ok(certificate["fingerprint"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits until each of these sees the certificates that the others have now.
    fn acquainted(&self, names: &[&str]) -> Result<(), String> {
        self.until("all see each other's certificates", || {
            for of in names {
                let own = self.fingerprint(of, of)?;
                for by in names {
                    if self.fingerprint(of, by)? != own {
                        return Ok(false);
                    }
                }
            }
            Ok(true)
        })
    }
}

/// Certificates and the authority are replaced without a view; a node whose certificate is revoked is out, is told why,
/// and comes back with another one.
pub fn keys() -> Result<(), String> {
    const NAMES: [&str; 3] = ["alpha", "beta", "gamma"];
    let daemons = Daemons::up("keys", &NAMES)?;
    let before = daemons.views(&NAMES)?;
    daemons.issue("beta", AUTHORITY)?;
    daemons.acquainted(&NAMES)?;
    let nodes = daemons.base.join("nodes");
    let (old, new) = (nodes.join(AUTHORITY), nodes.join("next"));
    output(paceline().args(["cluster", "keys", "roll", "--ca"]).arg(old).arg("--out").arg(&new))?;
    for name in NAMES {
        daemons.trust(name, "next")?;
    }
    for name in NAMES {
        daemons.issue(name, "next")?;
    }
    daemons.acquainted(&NAMES)?;
    output(paceline().args(["cluster", "keys", "finish", "--ca"]).arg(new))?;
    for name in NAMES {
        daemons.trust(name, "next")?;
    }
    daemons.acquainted(&NAMES)?;
    let after = daemons.views(&NAMES)?;
    if before != after {
        return Err(format!("keys cost a view: {before:?}, {after:?}\n{}", daemons.logs()));
    }
    daemons.ask("alpha", &["cluster", "keys", "revoke", "gamma"])?;
    daemons.settled(&["alpha", "beta"])?;
    daemons.until("gamma is told why", || {
        let log = fs::read_to_string(daemons.home("gamma").join("log")).unwrap_or_default();
        Ok(log.contains("was revoked; it needs another one"))
    })?;
    daemons.issue("gamma", "next")?;
    daemons.settled(&NAMES)
}
