//! The arbiter, as a process of its own beside clusters of two nodes: partitions, its own absence, several clusters,
//! and those that it refuses.

pub mod keys;

use crate::programs::{directory, output};
use crate::sandbox::{PATIENCE, PEEK, Sandbox, service, with_pair};
use crate::watch;
use serde_json::Value;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// One arbiter. It ends, and its files go away, with this value.
struct Arbiter {
    directory: PathBuf,
    fingerprint: String,
    /// Where it listens: the same place again after a restart.
    address: String,
    process: Option<Child>,
}

impl Arbiter {
    fn new(test: &str) -> Result<Arbiter, String> {
        let directory = std::env::temp_dir().join(format!("paceline-arbiter-{test}-{}", std::process::id()));
        // What an earlier run with the same number may have left.
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        let (fingerprint, address) = (String::new(), "127.0.0.1:0".to_owned());
        let mut arbiter = Arbiter { directory, fingerprint, address, process: None };
        let said = arbiter.run(&["init"])?;
        let words = said.split_whitespace().find(|word| word.starts_with("sha256:"));
        arbiter.fingerprint = words.ok_or_else(|| format!("init says no fingerprint: {said}"))?.to_owned();
        arbiter.start()?;
        Ok(arbiter)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(directory().join("paceline-arbiter"));
        command.arg("--state").arg(self.directory.join("state")).arg("--socket").arg(self.directory.join("socket"));
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        output(self.command().args(arguments))
    }

    fn start(&mut self) -> Result<(), String> {
        let log = File::options().create(true).append(true).open(self.directory.join("log"));
        let mut command = self.command();
        command.args(["serve", "--listen", &self.address]).stderr(log.map_err(|error| error.to_string())?);
        self.process = Some(command.spawn().map_err(|error| format!("cannot start paceline-arbiter: {error}"))?);
        let deadline = Instant::now() + PATIENCE;
        // A service that is not there yet has no event.
        while let Err(error) = self.status() {
            if Instant::now() > deadline {
                return Err(format!("{error}\n{}", self.log()));
            }
            std::thread::sleep(PEEK);
        }
        self.address = self.status()?["listening"].as_str().unwrap_or_default().to_owned();
        Ok(())
    }

    /// Without a farewell.
    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself; the tests notice that by what is missing.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    fn status(&self) -> Result<Value, String> {
        serde_json::from_str(&self.run(&["status", "--json"])?).map_err(|error| error.to_string())
    }

    /// Waits until `right` holds of what it tells, which has no event.
    fn until(&self, what: &str, right: impl Fn(&Value) -> bool) -> Result<Value, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status()?;
            if right(&status) {
                return Ok(status);
            }
            if Instant::now() > deadline {
                return Err(format!("the arbiter does not come to {what}: {status:#}"));
            }
            std::thread::sleep(PEEK);
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// Serves the cluster of this sandbox.
    fn serve(&self, sandbox: &Sandbox, cluster: &str) -> Result<(), String> {
        let ca = sandbox.dir.join("ca/ca.pem");
        self.run(&["add", cluster, &ca.to_string_lossy()]).map(drop)
    }

    /// What a cluster file says of it.
    fn table(&self) -> String {
        let Arbiter { address, fingerprint, .. } = self;
        format!("\n[quorum.arbiter]\naddress = \"{address}\"\nfingerprint = \"{fingerprint}\"\n")
    }
}

impl Drop for Arbiter {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A pair that the arbiter serves and has voted for, with a service that prefers beta.
fn pair(arbiter: &mut Arbiter, test: impl FnOnce(&mut Arbiter, &Sandbox) -> Result<(), String>) -> Result<(), String> {
    let services = service("web", "prefer = { beta = 10 }\nmonitor = \"1s\"") + &arbiter.table();
    pair_of(arbiter, &services, test)
}

/// The same with these services.
fn pair_of(
    arbiter: &mut Arbiter,
    services: &str,
    test: impl FnOnce(&mut Arbiter, &Sandbox) -> Result<(), String>,
) -> Result<(), String> {
    with_pair("e2e", services, |sandbox| {
        arbiter.serve(sandbox, "e2e")?;
        for node in ["alpha", "beta"] {
            granted(sandbox, node)?;
        }
        let result = test(arbiter, sandbox);
        result.map_err(|error| format!("{error}\n--- arbiter\n{}", arbiter.log()))
    })
}

/// What the arbiter of the cluster `e2e` has last answered to a node.
fn answer(status: &Value, node: &str) -> String {
    status["clusters"]["e2e"]["nodes"][node]["answer"].to_string()
}

fn granted(sandbox: &Sandbox, node: &str) -> Result<Value, String> {
    let says = |status: &Value| status["quorum"]["external"]["granted"] == true && status["quorum"]["quorate"] == true;
    sandbox.until(node, "a view with the arbiter's vote", says)
}

fn stopped(sandbox: &Sandbox, node: &str) -> Result<Value, String> {
    sandbox.until(node, "a view without quorum", |status| {
        status["quorum"]["quorate"] == false && status["quorum"]["external"]["granted"] == false
    })
}

/// Of two halves that both reach the arbiter one goes on; the other stops what it runs, though nobody can fence it.
pub fn partition() -> Result<(), String> {
    pair(&mut Arbiter::new("partition")?, |arbiter, sandbox| {
        sandbox.until("alpha", "web on beta", |_| sandbox.holder("web").is_ok_and(|holder| holder == "beta"))?;
        sandbox.break_fencing("beta")?;
        let mark = watch::now();
        sandbox.sandbox("cut", "beta")?;
        stopped(sandbox, "beta")?;
        granted(sandbox, "alpha")?;
        sandbox.until("beta", "web stopped on beta", |_| sandbox.holders("web").is_empty())?;
        arbiter.until("the reason why beta stands still", |status| {
            answer(status, "beta").contains("denied: the vote is with the ring")
        })?;
        sandbox.mend_fencing("beta")?;
        sandbox.event("alpha", mark, &["beta is confirmed off"])?;
        sandbox.until("alpha", "web on alpha", |_| sandbox.holder("web").is_ok_and(|holder| holder == "alpha"))?;
        sandbox.sandbox("heal", "beta")?;
        sandbox
            .until("beta", "both nodes", |status| watch::online(status, "alpha") && watch::online(status, "beta"))?;
        granted(sandbox, "beta").map(drop)
    })
}

/// Without the arbiter the cluster goes on with the votes that it has; when it breaks then, both halves stand still
/// until the arbiter is back, and one goes on.
pub fn away() -> Result<(), String> {
    pair(&mut Arbiter::new("away")?, |arbiter, sandbox| {
        arbiter.kill();
        sandbox.consistent(&["alpha", "beta"])?;
        sandbox.break_fencing("alpha")?;
        sandbox.break_fencing("beta")?;
        sandbox.sandbox("cut", "beta")?;
        stopped(sandbox, "alpha")?;
        stopped(sandbox, "beta")?;
        sandbox.until("beta", "web stopped", |_| sandbox.holders("web").is_empty())?;
        arbiter.start()?;
        // Whoever reports first after the restart may have it; the other is not waited for without end.
        let one = |status: &Value| match status["clusters"]["e2e"]["grant"]["members"].as_array().map(Vec::as_slice) {
            Some([one]) => one.as_str().map(str::to_owned),
            _ => None,
        };
        let status = arbiter.until("a grant for one node", |status| one(status).is_some())?;
        let alpha = one(&status).is_some_and(|one| one == "alpha");
        let (holder, other) = if alpha { ("alpha", "beta") } else { ("beta", "alpha") };
        granted(sandbox, holder)?;
        // What was granted outlives the arbiter, on both sides of it.
        arbiter.kill();
        arbiter.start()?;
        arbiter.until("the opinion that it had before its restart", |status| {
            answer(status, holder).contains("granted") && answer(status, other).contains("denied")
        })?;
        granted(sandbox, holder)?;
        stopped(sandbox, other).map(drop)
    })
}

/// Two clusters with the same names for their nodes: each loses another one, and each survivor goes on.
pub fn two_clusters() -> Result<(), String> {
    let mut arbiter = Arbiter::new("two")?;
    let second = service("web", "") + &arbiter.table();
    pair(&mut arbiter, |arbiter, first| {
        with_pair("other", &second, |second| {
            arbiter.serve(second, "other")?;
            granted(second, "alpha")?;
            let mark = watch::now();
            first.sandbox("kill", "beta")?;
            second.sandbox("kill", "alpha")?;
            for (sandbox, node, lost) in [(first, "alpha", "beta"), (second, "beta", "alpha")] {
                granted(sandbox, node)?;
                sandbox.event(node, mark, &[lost, "is confirmed off"])?;
                sandbox.until(node, "web", |_| sandbox.holder("web").is_ok_and(|holder| holder == node))?;
            }
            let clusters = &arbiter.status()?["clusters"];
            let holder = |name: &str| clusters[name]["grant"]["members"][0].as_str().unwrap_or_default().to_owned();
            match (holder("e2e").as_str(), holder("other").as_str()) {
                ("alpha", "beta") => Ok(()),
                other => Err(format!("the votes are with {other:?}")),
            }
        })
    })
}

/// A cluster that is not registered, and one that is under another name: told on both sides.
pub fn refused() -> Result<(), String> {
    let arbiter = Arbiter::new("refused")?;
    with_pair("e2e", &(service("web", "") + &arbiter.table()), |sandbox| {
        let told = |words: &str| {
            sandbox.event("alpha", 0, &["the arbiter cannot be asked", words])?;
            let deadline = Instant::now() + PATIENCE;
            while !arbiter.log().contains(words) {
                if Instant::now() > deadline {
                    return Err(format!("the arbiter does not say {words:?}:\n{}", arbiter.log()));
                }
                std::thread::sleep(PEEK);
            }
            Ok(())
        };
        told("no registered cluster has signed its certificate")?;
        arbiter.serve(sandbox, "shop")?;
        told("the authority that signed its certificate is registered as shop")?;
        arbiter.run(&["remove", "shop"])?;
        arbiter.serve(sandbox, "e2e")?;
        granted(sandbox, "alpha")?;
        // From now on it is a stranger again.
        let mark = watch::now();
        arbiter.run(&["remove", "e2e"])?;
        sandbox.event("alpha", mark, &["the arbiter cannot be asked"])?;
        sandbox.consistent(&["alpha", "beta"])
    })
}
