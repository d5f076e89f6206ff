//! Test hosts: each with network, PID and mount namespaces of its own, on a switch that can be told to fail.

use crate::fence;
use crate::programs::{self, output, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The hosts of every test.
pub const NODES: [&str; 3] = ["alpha", "beta", "gamma"];

/// The address under management.
pub const SERVICE: &str = "10.77.0.50";

/// Three hosts and a client on a switch. Everything of it goes away with this value.
pub struct Hosts {
    /// State, keys and logs of the hosts.
    pub directory: PathBuf,
    prefix: String,
    supervisors: Vec<JoinHandle<()>>,
}

fn namespace(prefix: &str, name: &str) -> String {
    format!("{prefix}-{name}")
}

/// Whether a process in a host's network belongs to the host, and is not a watcher looking in from outside: those have
/// one process number, those of a host a second one of their own PID namespace.
fn of_host(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("NSpid:") && line.split_whitespace().count() > 2)
}

/// Cuts a host's power: cable first, so that no farewell leaves it, then every process, then its addresses.
pub fn power_off(directory: &Path, node: &str) -> Result<(), String> {
    let read = |name: &str| {
        fs::read_to_string(directory.join(name)).map(|t| t.trim().to_owned()).map_err(|e| format!("{name}: {e}"))
    };
    let prefix = read("prefix")?;
    let switch = namespace(&prefix, "sw");
    run("ip", &["-n", &switch, "link", "set", &namespace(&prefix, node), "down"])?;
    let supervisor = read(&format!("{node}.pid"))?;
    let path = format!("/proc/{supervisor}/task/{supervisor}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    for child in children.split_whitespace() {
        // It may have died meanwhile; what counts is checked below.
        let _ = run("kill", &["-KILL", child]);
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    let host = namespace(&prefix, node);
    loop {
        let alive: Vec<String> = output(Command::new("ip").args(["netns", "pids", &host]))?
            .split_whitespace()
            .filter(|pid| of_host(pid))
            .map(str::to_owned)
            .collect();
        if alive.is_empty() {
            break;
        }
        if Instant::now() > deadline {
            return Err(format!("processes are still there: {}", alive.join(" ")));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    run("ip", &["-n", &host, "addr", "flush", "dev", "eth0"])?;
    Ok(())
}

impl Hosts {
    /// Builds the switch, the client and the hosts, and starts the daemons.
    pub fn up(test: &str, cluster_rest: &str) -> Result<Hosts, String> {
        let prefix = format!("pl{}", std::process::id() % 100_000);
        let directory = std::env::temp_dir().join(format!("paceline-e2e-{test}-{}", std::process::id()));
        // What an earlier run with the same number may have left.
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(directory.join("agents")).map_err(|e| e.to_string())?;
        fs::write(directory.join("prefix"), &prefix).map_err(|e| e.to_string())?;
        let mut hosts = Hosts { directory, prefix, supervisors: Vec::new() };
        hosts.network()?;
        hosts.install(cluster_rest)?;
        fence::serve(&hosts.directory)?;
        for node in NODES {
            hosts.start(node)?;
        }
        Ok(hosts)
    }

    fn namespace(&self, name: &str) -> String {
        namespace(&self.prefix, name)
    }

    fn network(&self) -> Result<(), String> {
        let switch = self.namespace("sw");
        run("ip", &["netns", "add", &switch])?;
        run("ip", &["-n", &switch, "link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0"])?;
        run("ip", &["-n", &switch, "link", "set", "br0", "up"])?;
        run("ip", &["-n", &switch, "addr", "add", "10.77.0.254/24", "dev", "br0"])?;
        let rules = "table bridge cut {\n set blocked { type ifname; }\n \
             chain in { type filter hook prerouting priority 0; iifname @blocked drop; }\n \
             chain out { type filter hook postrouting priority 0; oifname @blocked drop; }\n}";
        run("ip", &["netns", "exec", &switch, "nft", rules])?;
        for (number, name) in NODES.iter().chain(&["client"]).enumerate() {
            let host = self.namespace(name);
            run("ip", &["netns", "add", &host])?;
            run("ip", &["-n", &host, "link", "set", "lo", "up"])?;
            let veth = ["link", "add", &host, "type", "veth", "peer", "name", "eth0", "netns", &host];
            run("ip", &[&["-n", &switch], veth.as_slice()].concat())?;
            run("ip", &["-n", &switch, "link", "set", &host, "master", "br0", "up"])?;
            run("ip", &["-n", &host, "addr", "add", &format!("10.77.0.{}/24", number + 1), "dev", "eth0"])?;
            run("ip", &["-n", &host, "link", "set", "eth0", "up"])?;
        }
        Ok(())
    }

    fn install(&self, cluster_rest: &str) -> Result<(), String> {
        let me = std::env::current_exe().map_err(|e| e.to_string())?;
        std::os::unix::fs::symlink(me, self.directory.join("agents/fence_hosts")).map_err(|e| e.to_string())?;
        let nodes: String = NODES
            .iter()
            .enumerate()
            .map(|(number, node)| format!("[nodes.{node}]\naddresses = [\"10.77.0.{}\"]\n\n", number + 1))
            .collect();
        let file = self.directory.join("cluster.toml");
        let text = format!(
            "[cluster]\nname = \"e2e\"\n\n{nodes}[fencing.switch]\nagent = \"fence_hosts\"\nnodes = [\"alpha\", \
             \"beta\", \"gamma\"]\nparams = {{ directory = {:?} }}\n\n[properties]\nfencing-action = \"off\"\n\n{cluster_rest}",
            self.directory.display().to_string()
        );
        fs::write(&file, text).map_err(|e| e.to_string())?;
        let bundle = self.directory.join("bundle");
        let paceline = programs::directory().join("paceline");
        output(Command::new(paceline).args(["cluster", "init"]).arg(&file).arg("--out").arg(&bundle))?;
        for node in NODES {
            let home = bundle.join(node);
            let local = format!(
                "node = \"{node}\"\nstate-directory = \"state\"\ncontrol-socket = \"control.sock\"\n\
                 fence-agent-directories = [{:?}]\n",
                self.directory.join("agents").display().to_string()
            );
            fs::write(home.join("local.toml"), local).map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// Starts a host.
    fn start(&mut self, node: &str) -> Result<(), String> {
        let log = fs::File::create(self.directory.join(format!("{node}.log"))).map_err(|e| e.to_string())?;
        let errors = log.try_clone().map_err(|e| e.to_string())?;
        let me = std::env::current_exe().map_err(|e| e.to_string())?;
        let mut child = Command::new("nsenter")
            .arg(format!("--net=/run/netns/{}", self.namespace(node)))
            .args(["unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc", "--"])
            .arg(me)
            .arg("host-init")
            .arg(programs::directory().join("pacelined"))
            .arg("--config")
            .arg(self.directory.join("bundle").join(node).join("local.toml"))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|e| format!("cannot start host {node}: {e}"))?;
        fs::write(self.directory.join(format!("{node}.pid")), child.id().to_string()).map_err(|e| e.to_string())?;
        // Buried at once, so that a dead host has no process left, not even a dead one.
        self.supervisors.push(std::thread::spawn(move || {
            let _ = child.wait();
        }));
        Ok(())
    }

    /// A `paceline` command against one host.
    pub fn paceline(&self, node: &str, arguments: &[&str]) -> Result<String, String> {
        let socket = self.directory.join("bundle").join(node).join("control.sock");
        output(
            Command::new(programs::directory().join("paceline"))
                .args(arguments)
                .env("PACELINE_SOCKET", socket)
                .env("NO_COLOR", "1"),
        )
    }

    /// Waits until `node` answers and the whole cluster is online with nothing left to do.
    pub fn settled(&self, node: &str, online: usize) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut last = String::new();
        while Instant::now() < deadline {
            match self.paceline(node, &["status", "--json"]) {
                Ok(text) => {
                    let value: serde_json::Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
                    let here = value["nodes"]
                        .as_array()
                        .map_or(0, |nodes| nodes.iter().filter(|n| n["state"] == "online").count());
                    if here == online && self.paceline(node, &["wait", "--timeout", "20s"]).is_ok() {
                        return Ok(());
                    }
                    last = text;
                }
                Err(error) => last = error,
            }
            // The daemon may not have made its socket yet, and before that there is nothing to wait on.
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("the cluster did not settle; {node} says: {last}\n{}", self.logs()))
    }

    /// Where the address is, as the kernels say.
    pub fn holders(&self) -> Vec<&'static str> {
        let holds = |node: &str| {
            run("ip", &["-n", &self.namespace(node), "-o", "addr", "show", "dev", "eth0"])
                .is_ok_and(|text| text.contains(&format!(" {SERVICE}/")))
        };
        NODES.into_iter().filter(|node| holds(node)).collect()
    }

    /// Cuts a host's power.
    pub fn kill(&self, node: &str) -> Result<(), String> {
        power_off(&self.directory, node)
    }

    /// Drops every frame from and to a host.
    pub fn isolate(&self, node: &str) -> Result<(), String> {
        let element = format!("{{ {} }}", self.namespace(node));
        let switch = self.namespace("sw");
        run("ip", &["netns", "exec", &switch, "nft", "add", "element", "bridge", "cut", "blocked", &element])?;
        Ok(())
    }

    /// The network namespace of a host, the client (`client`) or the switch (`sw`).
    pub fn network_of(&self, name: &str) -> String {
        self.namespace(name)
    }

    /// The last lines of every host's log.
    pub fn logs(&self) -> String {
        let mut all = String::new();
        for node in NODES {
            let text = fs::read_to_string(self.directory.join(format!("{node}.log"))).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let tail = &lines[lines.len().saturating_sub(25)..];
            all += &format!("--- {node}\n{}\n", tail.join("\n"));
        }
        all
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for node in NODES {
            // A host that is off already is what we want.
            let _ = power_off(&self.directory, node);
        }
        for supervisor in self.supervisors.drain(..) {
            // It ends with its host.
            let _ = supervisor.join();
        }
        for name in NODES.iter().chain(&["client", "sw"]) {
            let _ = run("ip", &["netns", "del", &self.namespace(name)]);
        }
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}
