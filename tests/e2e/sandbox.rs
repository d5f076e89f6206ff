//! A sandbox of three real daemons for one test, and what a test may do to it. Nothing of it outlives the test: the
//! sandbox ends with this value, and also when the test program is killed, since it guards a pipe that closes then.

use crate::programs;
use crate::watch::{self, Event};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The nodes of every sandbox.
pub const NODES: [&str; 3] = ["alpha", "beta", "gamma"];

/// The name of its cluster.
const CLUSTER: &str = "e2e";

/// The nodes of a sandbox of two.
pub const PAIR: [&str; 2] = ["alpha", "beta"];

/// How long anything that should happen may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The power supply of a node listens here, and there while the fence device is broken.
const SOCKET: &str = "machine.sock";
const HIDDEN: &str = "hidden.sock";

/// Pause between looks at a daemon that is not there yet, which has no event.
pub const PEEK: Duration = Duration::from_millis(20);

/// Lines of a log that a failure shows.
const LOG_TAIL: usize = 25;

/// Three nodes on loopback.
pub struct Sandbox {
    /// A directory of this test alone.
    pub base: PathBuf,
    /// The directory of the sandbox below it.
    pub dir: PathBuf,
    nodes: &'static [&'static str],
    /// The cluster file in force, with `@MARK@` where a number may stand that changes nothing.
    text: RefCell<String>,
    marks: Cell<u32>,
    // While this pipe is open the sandbox lives.
    _guard: Option<ChildStdin>,
}

/// How a command ended.
pub struct Ended {
    /// Exit status.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// What it was.
    shown: String,
}

impl Ended {
    /// Fails unless it ended with `code` and said all of `words`, wherever.
    pub fn said(&self, code: i32, words: &[&str]) -> Result<(), String> {
        let all = format!("{}{}", self.out, self.err);
        let missing: Vec<&str> = words.iter().copied().filter(|word| !all.contains(word)).collect();
        if self.code == code && missing.is_empty() {
            return Ok(());
        }
        Err(format!("`{}` ended with {} (expected {code}) and did not say {missing:?}:\n{all}", self.shown, self.code))
    }
}

/// A service that can be seen by its process, and that notices when it is started while it still runs elsewhere.
/// `options` are more lines of its table.
pub fn service(name: &str, options: &str) -> String {
    format!(
        r#"
[resources.{name}]
params = {{ RUN = "@DIRECTORY@" }}
start = '''
{START}'''
stop = '''
{STOP}'''
check = '{CHECK}'
{options}
"#
    )
}

/// The lock is held by the process of the service, on the disk that all nodes of a sandbox share. Returns when the
/// process is what it will be, so that it can be recognised.
pub const START: &str = r#"set -e
cd "$RUN/$PACELINE_NODE/run"
exec 9>>"$RUN/$PACELINE_RESOURCE.lock"
flock -n 9 || { echo "$PACELINE_NODE" >>"$RUN/$PACELINE_RESOURCE.twice"; echo "it runs already" >&2; exit 1; }
setsid sleep infinity </dev/null >/dev/null 2>&1 &
echo $! >"$PACELINE_RESOURCE.pid"
until read -r name </proc/$!/comm && [ "$name" = sleep ]; do :; done
"#;
/// Returns when the process is gone.
pub const STOP: &str = r#"cd "$RUN/$PACELINE_NODE/run" || exit 1
[ -e "$PACELINE_RESOURCE.pid" ] || exit 0
kill "$(cat "$PACELINE_RESOURCE.pid")" 2>/dev/null
rm "$PACELINE_RESOURCE.pid"
flock -w 5 "$RUN/$PACELINE_RESOURCE.lock" true
"#;
/// Whether the process is there.
pub const CHECK: &str = r#"kill -0 "$(cat "$RUN/$PACELINE_NODE/run/$PACELINE_RESOURCE.pid")" 2>/dev/null"#;

/// The cluster and its nodes; the sandbox puts addresses of its own in place of these.
fn head_of(cluster: &str, nodes: &[&str]) -> String {
    let node = |(number, node): (usize, &&str)| {
        format!("[nodes.{node}]\naddresses = [\"127.0.0.{}\"]\nattributes = {{ mark = @MARK@ }}\n\n", number + 1)
    };
    let nodes: String = nodes.iter().enumerate().map(node).collect();
    format!("[cluster]\nname = \"{cluster}\"\n\n{nodes}")
}

/// Runs `test` on a sandbox with these services (and other tables). A failure carries the ends of all logs.
pub fn with(services: &str, test: impl FnOnce(&Sandbox) -> Result<(), String>) -> Result<(), String> {
    run(false, CLUSTER, &NODES, services, test)
}

/// The same with a mount namespace of its own, so that disks can be mounted over directories. Needs root.
pub fn with_disks(services: &str, test: impl FnOnce(&Sandbox) -> Result<(), String>) -> Result<(), String> {
    run(true, CLUSTER, &NODES, services, test)
}

/// The same with two nodes, in a cluster of this name.
pub fn with_pair(
    cluster: &str,
    services: &str,
    test: impl FnOnce(&Sandbox) -> Result<(), String>,
) -> Result<(), String> {
    run(false, cluster, &PAIR, services, test)
}

fn run(
    private: bool,
    cluster: &str,
    nodes: &'static [&'static str],
    services: &str,
    test: impl FnOnce(&Sandbox) -> Result<(), String>,
) -> Result<(), String> {
    let sandbox = Sandbox::up(private, cluster, nodes, services)?;
    sandbox.consistent(nodes).and_then(|()| test(&sandbox)).map_err(|error| format!("{error}\n{}", sandbox.logs()))
}

impl Sandbox {
    fn up(private: bool, cluster: &str, nodes: &'static [&'static str], services: &str) -> Result<Sandbox, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let base = std::env::temp_dir().join(format!("paceline-e2e-{}-{number}", std::process::id()));
        // What an earlier run with the same number may have left.
        let _ = fs::remove_dir_all(&base);
        fs::create_dir_all(&base).map_err(|error| format!("{}: {error}", base.display()))?;
        let dir = base.join("box");
        let text = format!("{}{services}", head_of(cluster, nodes)).replace("@DIRECTORY@", &dir.to_string_lossy());
        let mut sandbox = Sandbox { base, dir, nodes, text: RefCell::new(text), marks: Cell::new(0), _guard: None };
        let file = sandbox.write("first.toml", &sandbox.marked())?;
        let program = programs::directory().join("paceline");
        let mut command = Command::new(if private { Path::new("unshare") } else { &program });
        if private {
            command.arg("--mount").arg(&program);
        }
        command.args(["sandbox", "up", "--guard", "--dir"]).arg(&sandbox.dir).arg(file).env("NO_COLOR", "1");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("cannot start a sandbox: {error}"))?;
        sandbox._guard = child.stdin.take();
        // Its children have their errors in their logs, so this ends with the command.
        let mut errors = String::new();
        let _ = child.stderr.take().map(|mut pipe| pipe.read_to_string(&mut errors));
        match child.wait() {
            Ok(status) if status.success() => Ok(sandbox),
            _ => Err(format!("the sandbox does not come up: {errors}\n{}", sandbox.logs())),
        }
    }

    /// The cluster file as it was last applied.
    pub fn marked(&self) -> String {
        self.text.borrow().replace("@MARK@", &self.marks.get().to_string())
    }

    /// Writes a file beside the sandbox.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.base.join(name);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }

    /// A file of a node.
    pub fn of(&self, node: &str, name: &str) -> PathBuf {
        self.dir.join(node).join(name)
    }

    /// `paceline`, ready to be given arguments, for this sandbox.
    pub fn command(&self) -> Command {
        let mut command = Command::new(programs::directory().join("paceline"));
        command.env_remove("PACELINE_SOCKET").env("PACELINE_SANDBOX", &self.dir).env("NO_COLOR", "1");
        command.stdin(Stdio::null());
        command
    }

    /// Asks one node.
    pub fn ask(&self, node: &str, arguments: &[&str]) -> Result<Ended, String> {
        let mut command = self.command();
        command.arg("--socket").arg(self.of(node, "control.sock")).args(arguments);
        let shown = format!("paceline --node {node} {}", arguments.join(" "));
        let output = command.output().map_err(|error| format!("cannot run {shown}: {error}"))?;
        Ok(Ended {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            shown,
        })
    }

    /// Asks one node; anything but success fails.
    pub fn paceline(&self, node: &str, arguments: &[&str]) -> Result<String, String> {
        let ended = self.ask(node, arguments)?;
        ended.said(0, &[])?;
        Ok(ended.out)
    }

    /// `paceline sandbox WHAT NODE`.
    pub fn sandbox(&self, what: &str, node: &str) -> Result<(), String> {
        programs::output(self.command().args(["sandbox", what, node])).map(drop)
    }

    /// The status as one node gives it.
    pub fn status(&self, node: &str) -> Result<Value, String> {
        serde_json::from_str(&self.paceline(node, &["status", "--json"])?).map_err(|error| error.to_string())
    }

    /// The status in words, as an operator sees it: never wider than a terminal.
    pub fn page(&self, node: &str) -> Result<String, String> {
        let page = self.paceline(node, &["status"])?;
        match page.lines().find(|line| line.chars().count() > 80) {
            Some(line) => Err(format!("the status is wider than 80 columns at\n{line}\nin\n{page}")),
            None => Ok(page),
        }
    }

    /// Fails unless the status in words has all of these.
    pub fn page_says(&self, node: &str, words: &[&str]) -> Result<(), String> {
        // A long sentence is broken into lines.
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let page = self.page(node)?;
        match words.iter().find(|word| !flat(&page).contains(&flat(word))) {
            Some(word) => Err(format!("the status of {node} does not say {word:?}:\n{page}")),
            None => Ok(()),
        }
    }

    /// Asks the power supply of a node, also when its cable was pulled with [`Sandbox::break_fencing`].
    pub fn machine(&self, node: &str, request: &str) -> Result<Value, String> {
        let failed = |error: std::io::Error| format!("the machine of {node}: {error}");
        let hidden = self.of(node, HIDDEN);
        let socket = if hidden.exists() { hidden } else { self.of(node, SOCKET) };
        let mut stream = UnixStream::connect(socket).map_err(failed)?;
        writeln!(stream, "{{\"request\":\"{request}\"}}").map_err(failed)?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).map_err(failed)?;
        serde_json::from_str(&line).map_err(|error| error.to_string())
    }

    /// From now on the fence device cannot reach the power supply of a node.
    pub fn break_fencing(&self, node: &str) -> Result<(), String> {
        fs::rename(self.of(node, SOCKET), self.of(node, HIDDEN)).map_err(|error| error.to_string())
    }

    /// From now on it can again.
    pub fn mend_fencing(&self, node: &str) -> Result<(), String> {
        fs::rename(self.of(node, HIDDEN), self.of(node, SOCKET)).map_err(|error| error.to_string())
    }

    /// The process of a node's daemon.
    pub fn daemon(&self, node: &str) -> Result<i32, String> {
        let answer = self.machine(node, "status")?;
        let pid = answer["daemon"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        pid.ok_or_else(|| format!("{node} has no daemon: {answer}"))
    }

    /// Memory of a node's daemon that is in use, in KiB.
    pub fn memory(&self, node: &str) -> Result<u64, String> {
        let path = format!("/proc/{}/status", self.daemon(node)?);
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|word| word.parse().ok()).ok_or_else(|| format!("{path}: no VmRSS"))
    }

    /// The nodes on which the process of a [`service`] really runs.
    pub fn holders(&self, name: &str) -> Vec<String> {
        watch::service_processes(&self.dir, name).into_iter().map(|(node, _)| node).collect()
    }

    /// The one node on which a service runs.
    pub fn holder(&self, name: &str) -> Result<String, String> {
        match self.holders(name).as_slice() {
            [one] => Ok(one.clone()),
            other => Err(format!("{name} should run once, and runs on {other:?}")),
        }
    }

    /// Waits for an event of `node` since `mark` (see [`watch::now`]) that says `words`.
    pub fn event(&self, node: &str, mark: u64, words: &[&str]) -> Result<Event, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let said = |event: &Event| words.iter().all(|word| event.text.contains(word));
            match watch::event(self.events(node), mark, left, said) {
                // The daemon is not there yet, or went away.
                Err(error) if error == watch::ENDED && !left.is_zero() => std::thread::sleep(PEEK),
                other => return other.map_err(|error| format!("{node} tells no event with {words:?}: {error}")),
            }
        }
    }

    fn events(&self, node: &str) -> Command {
        let mut command = self.command();
        command.arg("--socket").arg(self.of(node, "control.sock")).args(["events", "--follow", "--json"]);
        command
    }

    /// Waits until the status of `node` is as `right` wants it; looks again after each event.
    pub fn until(&self, node: &str, what: &str, right: impl Fn(&Value) -> bool) -> Result<Value, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mark = watch::now();
            let status = self.status(node);
            if let Ok(status) = &status
                && right(status)
            {
                return Ok(status.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match status {
                Ok(status) if left.is_zero() => return Err(format!("{node} does not come to {what}: {status:#}")),
                Err(error) if left.is_zero() => return Err(format!("{node} does not come to {what}: {error}")),
                // No event is no failure: the deadline above decides.
                Ok(_) => drop(watch::event(self.events(node), mark, left.min(Duration::from_secs(1)), |_| true)),
                Err(_) => std::thread::sleep(PEEK),
            }
        }
    }

    /// Gives the cluster file a number that means nothing, and applies it. The answer is what an operator gets.
    pub fn apply_mark(&self, node: &str) -> Result<(Ended, u32), String> {
        let mark = self.marks.get() + 1;
        self.marks.set(mark);
        let file = self.write("marked.toml", &self.marked())?;
        Ok((self.ask(node, &["apply", &file.to_string_lossy()])?, mark))
    }

    /// Replaces the services, and applies that.
    pub fn apply_services(&self, node: &str, services: &str) -> Result<(), String> {
        *self.text.borrow_mut() =
            format!("{}{services}", head_of(CLUSTER, self.nodes)).replace("@DIRECTORY@", &self.dir.to_string_lossy());
        self.apply_mark(node)?.0.said(0, &["safe on the disks of a quorum"])
    }

    /// Whether the file in force at `node` has this mark.
    pub fn has_mark(&self, node: &str, mark: u32) -> Result<bool, String> {
        Ok(self.paceline(node, &["config", "show"])?.contains(&format!("mark = {mark} ")))
    }

    /// Fails unless these nodes are one healthy cluster: idle, quorate, of one mind, no service was ever started twice,
    /// and a change is acknowledged and known to all of them.
    pub fn consistent(&self, nodes: &[&str]) -> Result<(), String> {
        self.of_one_mind(nodes)?;
        let (ended, mark) = self.apply_mark(nodes[0])?;
        ended.said(0, &["safe on the disks of a quorum"])?;
        self.of_one_mind(nodes)?;
        for node in nodes {
            if !self.has_mark(node, mark)? {
                return Err(format!("{node} does not know the last change"));
            }
        }
        Ok(())
    }

    /// The first half of [`Sandbox::consistent`].
    pub fn of_one_mind(&self, nodes: &[&str]) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let mut minds = Vec::new();
        while Instant::now() < deadline {
            minds.clear();
            for node in nodes {
                self.paceline(node, &["wait", "--timeout", "20s"])?;
            }
            for node in nodes {
                let mut status = self.status(node)?;
                status["node"].take();
                minds.push(status);
            }
            let online = minds[0]["nodes"].as_array().map_or(0, |all| {
                all.iter()
                    .filter(|node| !matches!(node["state"].as_str(), Some("offline" | "not seen" | "unclean")))
                    .count()
            });
            if minds.iter().all(|mind| *mind == minds[0])
                && minds[0]["quorum"]["quorate"] == true
                && online == nodes.len()
            {
                return self.nothing_ran_twice();
            }
        }
        Err(format!("{nodes:?} are not of one mind: {minds:#?}"))
    }

    /// Fails if a service was ever started while it still ran somewhere.
    pub fn nothing_ran_twice(&self) -> Result<(), String> {
        let entries = fs::read_dir(&self.dir).map_err(|error| error.to_string())?;
        match entries.flatten().find(|entry| entry.path().extension().is_some_and(|end| end == "twice")) {
            Some(entry) => Err(format!("{:?} was started while it still ran", entry.path().file_stem())),
            None => Ok(()),
        }
    }

    /// A node's log.
    pub fn log(&self, node: &str) -> String {
        fs::read_to_string(self.of(node, "daemon.log")).unwrap_or_default()
    }

    fn logs(&self) -> String {
        let mut all = String::new();
        for node in self.nodes {
            for name in ["daemon.log", "machine.log"] {
                let text = fs::read_to_string(self.of(node, name)).unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                all += &format!("--- {node}/{name}\n{}\n", lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n"));
            }
        }
        all
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A sandbox that never came up has nothing to take down; the guard catches what this leaves.
        let _ = self.command().args(["sandbox", "down"]).output();
        let _ = fs::remove_dir_all(&self.base);
    }
}
