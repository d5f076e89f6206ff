//! The cluster of the demo: `paceline sandbox` with a web service under management.

use crate::workspace::programs;
use anyhow::{Context, Result, bail};
use nix::sys::signal::{SigSet, Signal};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running sandbox; it goes down with this value.
pub struct Sandbox {
    directory: PathBuf,
    paceline: PathBuf,
    /// Where the web service answers.
    pub service: SocketAddr,
    /// Held open for as long as the cluster may live: when this process is gone, however it went, so is the cluster.
    guard: Option<Child>,
}

/// Leaves SIGINT and SIGTERM to the thread that [`Sandbox::up`] starts.
pub fn block_signals() -> Result<()> {
    signals().thread_block().context("cannot block signals")
}

fn signals() -> SigSet {
    [Signal::SIGINT, Signal::SIGTERM].into_iter().collect()
}

impl Sandbox {
    /// The nodes of the demo.
    pub const NODES: [&str; 3] = ["alpha", "beta", "gamma"];

    /// Brings a cluster up in a directory of its own.
    pub fn up() -> Result<Sandbox> {
        let directory = std::env::temp_dir().join(format!("paceline-demo-{}", std::process::id()));
        if directory.exists() {
            fs::remove_dir_all(&directory).with_context(|| format!("cannot clear {}", directory.display()))?;
        }
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let service = free_address()?;
        let file = directory.join("cluster.toml");
        let me = std::env::current_exe().context("cannot find this program's own file")?;
        let text = cluster_file(&me.display().to_string(), service, &directory.display().to_string());
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        let paceline = programs()?.join("paceline");
        let mut sandbox = Sandbox { directory, paceline, service, guard: None };
        down_on_signal(sandbox.command(&["down"]));
        println!("bringing up alpha, beta and gamma on loopback ...");
        let path = file.display().to_string();
        let guard = sandbox
            .command(&["up", &path, "--guard"])
            // The cluster ends when this pipe closes, however this process ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run {}", sandbox.paceline.display()))?;
        sandbox.guard = Some(guard);
        Ok(sandbox)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.paceline);
        command.arg("sandbox").args(arguments).arg("--dir").arg(self.directory.join("cluster"));
        command
    }

    fn socket(&self, node: &str) -> PathBuf {
        self.directory.join("cluster").join(node).join("control.sock")
    }

    fn paceline(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.paceline);
        let living = Self::NODES.iter().map(|node| self.socket(node)).find(|socket| {
            // A killed node leaves its socket file behind; only a living one answers.
            std::os::unix::net::UnixStream::connect(socket).is_ok()
        });
        command.args(arguments).env("NO_COLOR", "1");
        if let Some(socket) = living {
            command.env("PACELINE_SOCKET", socket);
        }
        command
    }

    /// What `paceline status` says now.
    pub fn status(&self) -> String {
        match self.paceline(&["status"]).output() {
            Ok(output) => {
                String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
            }
            Err(error) => format!("cannot run paceline status: {error}"),
        }
    }

    /// Waits until the cluster has nothing left to do.
    pub fn wait_idle(&self) -> Result<()> {
        let output = self.paceline(&["wait", "--timeout", "60s"]).output().context("cannot run paceline wait")?;
        if !output.status.success() {
            bail!("the cluster did not settle: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// Starts `paceline events --follow` on one node.
    pub fn follow(&self, node: &str) -> Result<Child> {
        Command::new(&self.paceline)
            .args(["events", "--follow", "--json"])
            .env("PACELINE_SOCKET", self.socket(node))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run paceline events")
    }

    /// Cuts a node's power.
    pub fn kill(&self, node: &str) -> Result<()> {
        let output = self.command(&["kill", node]).output().context("cannot run paceline sandbox kill")?;
        if !output.status.success() {
            bail!("cannot cut the power of {node}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// Takes the cluster down and checks that nothing of it is left.
    pub fn down(mut self) -> Result<()> {
        self.take_down()
    }

    fn take_down(&mut self) -> Result<()> {
        let output = self.command(&["down"]).output().context("cannot run paceline sandbox down")?;
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            guard.wait().context("cannot wait for the sandbox")?;
        }
        fs::remove_dir_all(&self.directory).with_context(|| format!("cannot remove {}", self.directory.display()))?;
        if !output.status.success() {
            bail!("the sandbox did not go down cleanly: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.guard.is_some()
            && let Err(error) = self.take_down()
        {
            eprintln!("demo: {error:#}");
        }
    }
}

/// On Ctrl-C: takes the cluster down, then ends.
fn down_on_signal(mut down: Command) {
    std::thread::spawn(move || {
        if signals().wait().is_ok() {
            println!("\ninterrupted; taking the cluster down");
            // Whatever it says, the guard pipe does the rest when this process is gone.
            let _ = down.status();
            if let Some(directory) =
                down.get_args().last().map(PathBuf::from).and_then(|d| d.parent().map(PathBuf::from))
            {
                let _ = fs::remove_dir_all(directory);
            }
            std::process::exit(130);
        }
    });
}

fn free_address() -> Result<SocketAddr> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot find a free port on loopback")?;
    probe.local_addr().context("cannot find a free port on loopback")
}

fn cluster_file(xtask: &str, service: SocketAddr, run: &str) -> String {
    let line = |action: &str| format!("'{xtask}' service {action} --listen {service} --run-directory '{run}'");
    format!(
        r#"# The cluster of the demo: three nodes and one web service.

[cluster]
name = "demo"

[nodes.alpha]
addresses = ["127.0.0.1"]

[nodes.beta]
addresses = ["127.0.0.1"]

[nodes.gamma]
addresses = ["127.0.0.1"]

[fencing.power]
agent = "fence_sandbox"
nodes = ["alpha", "beta", "gamma"]

[properties]
fencing-action = "off"

[resources.web]
start   = "{}"
stop    = "{}"
check   = "{}"
monitor = "2s"
"#,
        line("start"),
        line("stop"),
        line("check")
    )
}
