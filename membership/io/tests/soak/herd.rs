//! The members of one ring, as processes in a [`Network`], and what they say.

use crate::member::nanos;
use crate::network::Network;
use config::NodeId;
use membership_io::Authority;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything may take that has no bound of its own.
const PATIENCE: Duration = Duration::from_secs(20);

/// Hosts at most.
pub const MOST: usize = 32;
/// Names of the first hosts, in the order of views.
const NAMES: [&str; 8] = ["alpha", "beta", "delta", "epsilon", "eta", "gamma", "theta", "zeta"];

/// Names of hosts, as many as a story needs, in the order of views.
fn names(count: usize) -> Vec<&'static str> {
    let numbered = |number| &*Box::leak(format!("node{number:02}").into_boxed_str());
    if count <= NAMES.len() { NAMES[..count].to_vec() } else { (1..=count.min(MOST)).map(numbered).collect() }
}

/// Between two messages of a member: an idle ring would show less. What all say together is what a machine can carry.
fn chatter(members: usize) -> Duration {
    let share = u32::try_from(members.div_ceil(8)).unwrap_or(u32::MAX);
    Duration::from_millis(20) * share * share * share
}

/// Something a member said.
#[derive(Clone, Debug)]
pub struct Line {
    pub node: String,
    /// When, in nanoseconds of the wall clock.
    pub at: u64,
    pub text: String,
}

impl Line {
    /// The members of the view that this line tells of.
    pub fn view(&self) -> Option<(u64, Vec<&str>)> {
        let (number, members) = self.text.strip_prefix("view ")?.split_once(' ')?;
        Some((number.parse().ok()?, members.split(',').collect()))
    }
}

/// A running process and its standard input.
struct Process {
    child: Child,
    input: ChildStdin,
}

/// The members.
pub struct Herd {
    pub network: Network,
    pub token: Duration,
    pub names: Vec<&'static str>,
    /// Size of packets; 0 to have it found out.
    pub mtu: u16,
    home: TempDir,
    processes: BTreeMap<&'static str, Process>,
    sender: Sender<Line>,
    lines: Receiver<Line>,
    /// Everything said so far.
    pub said: Vec<Line>,
}

impl Herd {
    /// A network with keys and nobody running.
    pub fn new(label: &str, count: usize, links: usize, token: Duration) -> Result<Herd, String> {
        let names = names(count);
        let network = Network::up(label, &names, links)?;
        let home = tempfile::tempdir().map_err(|error| error.to_string())?;
        let authority = Authority::create("soak").map_err(|error| error.to_string())?;
        let mut table = String::new();
        for name in &names {
            let addresses: Vec<String> = (0..links).map(|link| network.address(name, link)).collect();
            table += &format!("{name} {}\n", addresses.join(","));
            let node = NodeId::new(name).map_err(|error| error.to_string())?;
            let keys = authority.issue(&node).map_err(|error| error.to_string())?;
            let directory = home.path().join(name);
            std::fs::create_dir_all(directory.join("keys")).map_err(|error| error.to_string())?;
            std::fs::create_dir_all(directory.join("state")).map_err(|error| error.to_string())?;
            keys.save(&directory.join("keys")).map_err(|error| error.to_string())?;
        }
        std::fs::write(home.path().join("nodes"), table).map_err(|error| error.to_string())?;
        let (sender, lines) = mpsc::channel();
        Ok(Herd { network, token, names, mtu: 1452, home, processes: BTreeMap::new(), sender, lines, said: Vec::new() })
    }

    /// All of them running, in one view.
    pub fn formed(label: &str, count: usize, links: usize, token: Duration) -> Result<Herd, String> {
        let mut herd = Herd::new(label, count, links, token)?;
        for name in herd.names.clone() {
            herd.start(name)?;
        }
        let names = herd.names.clone();
        herd.view_of(&names, 0)?;
        Ok(herd)
    }

    /// Starts one member.
    pub fn start(&mut self, name: &'static str) -> Result<(), String> {
        let me = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new("nsenter")
            .arg(format!("--net=/run/netns/{}", self.network.space(name)))
            .arg(me)
            .arg("member")
            .arg(self.home.path().join(name))
            .arg(name)
            .arg(self.token.as_millis().to_string())
            .arg(chatter(self.names.len()).as_millis().to_string())
            .arg(self.mtu.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {name}: {error}"))?;
        let input = child.stdin.take().expect("stdin was piped above");
        let output = child.stdout.take().expect("stdout was piped above");
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let Some((at, text)) = line.split_once(' ') else { continue };
                let Ok(at) = at.parse() else { continue };
                // The story is over.
                let _ = sender.send(Line { node: name.to_owned(), at, text: text.to_owned() });
            }
        });
        self.processes.insert(name, Process { child, input });
        Ok(())
    }

    /// Tells a member something.
    pub fn tell(&mut self, name: &str, word: &str) -> Result<(), String> {
        let process = self.processes.get_mut(name).ok_or_else(|| format!("{name} does not run"))?;
        writeln!(process.input, "{word}").map_err(|error| format!("{name}: {error}"))
    }

    /// Not by a program: on a busy host, starting one takes as long as the pauses that are to be made.
    fn signal(&self, name: &str, signal: Signal) -> Result<(), String> {
        let process = self.processes.get(name).ok_or_else(|| format!("{name} does not run"))?;
        let id = i32::try_from(process.child.id()).map_err(|error| error.to_string())?;
        kill(Pid::from_raw(id), signal).map_err(|error| format!("{name}: {error}"))
    }

    /// Stops a member for a while, as a stalled host does. The time when it may go on, and how long it was stopped: on
    /// a busy host that is more than was asked for.
    pub fn pause(&self, name: &str, time: Duration) -> Result<(u64, Duration), String> {
        let begin = Instant::now();
        self.signal(name, Signal::SIGSTOP)?;
        std::thread::sleep(time);
        let at = nanos();
        self.signal(name, Signal::SIGCONT)?;
        Ok((at, begin.elapsed()))
    }

    /// Ends a process at once, while its kernel lives on. The time when.
    pub fn kill(&mut self, name: &str) -> Result<u64, String> {
        let mut process = self.processes.remove(name).ok_or_else(|| format!("{name} does not run"))?;
        let at = nanos();
        process.child.kill().map_err(|error| format!("{name}: {error}"))?;
        let _ = process.child.wait();
        Ok(at)
    }

    /// Cuts the power of a host: all cables first, so that nothing leaves it any more. The times before which it was
    /// not cut, and after which it was: on a busy host the programs that pull the cables take long.
    pub fn power_off(&mut self, name: &str, links: usize) -> Result<(u64, u64), String> {
        let before = nanos();
        for link in 0..links {
            self.network.cable(name, link, false)?;
        }
        let at = nanos();
        self.kill(name)?;
        Ok((before, at))
    }

    /// Plugs all cables of a host in and starts its member. The time when it was started.
    pub fn power_on(&mut self, name: &'static str, links: usize) -> Result<u64, String> {
        for link in 0..links {
            self.network.cable(name, link, true)?;
        }
        // A switch passes nothing over a port that has just been plugged in, for up to a second: that is not measured.
        self.network.forwards()?;
        self.network.forget_neighbours(name)?;
        let at = nanos();
        self.start(name)?;
        Ok(at)
    }

    /// Takes what was said meanwhile.
    pub fn listen(&mut self, until: Instant) {
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.said.push(line);
        }
    }

    /// Takes in what is said until `enough` of all that was said.
    pub fn until<T>(&mut self, what: &str, mut enough: impl FnMut(&[Line]) -> Option<T>) -> Result<T, String> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = enough(&self.said) {
                return Ok(found);
            }
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said.push(line),
                Err(_) => return Err(format!("no {what} within {PATIENCE:?}\n{}", self.tail(60))),
            }
        }
    }

    /// Waits until the newest view of each of `members`, said after `since`, is the view of exactly them. When the last
    /// of them said so.
    pub fn view_of(&mut self, members: &[&str], since: u64) -> Result<u64, String> {
        let what = format!("view of {}", members.join(","));
        self.until(&what, |said| {
            let newest = |name: &str| said.iter().rev().find(|l| l.node == name && l.at >= since && l.view().is_some());
            let mut found = Vec::new();
            for member in members {
                let line = newest(member)?;
                let (number, list) = line.view()?;
                if list != members {
                    return None;
                }
                found.push((number, line.at));
            }
            let same = found.iter().all(|(number, _)| *number == found[0].0);
            same.then(|| found.iter().map(|(_, at)| *at).max().unwrap_or(0))
        })
    }

    /// Views installed since `since`.
    pub fn views_since(&self, since: u64) -> Vec<&Line> {
        self.said.iter().filter(|line| line.at >= since && line.view().is_some()).collect()
    }

    /// The counters of each member that runs.
    pub fn statuses(&mut self) -> Result<Vec<Line>, String> {
        let since = nanos();
        let running: Vec<&'static str> = self.processes.keys().copied().collect();
        for name in &running {
            self.tell(name, "status")?;
        }
        self.until("status", |said| {
            let answers = said.iter().filter(|l| l.at >= since && l.text.starts_with("status "));
            let answers: Vec<Line> = answers.cloned().collect();
            (answers.len() >= running.len()).then_some(answers)
        })
    }

    /// Waits until each of these nodes sends packets of this size to a peer: node, peer, bytes.
    pub fn carries(&mut self, wanted: &[(&str, &str, u16)]) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let said = self.statuses()?;
            let mut open = wanted.iter().filter(|(node, peer, bytes)| {
                let sizes = said.iter().filter(|line| line.node == *node).flat_map(|line| line.text.split([' ', ',']));
                !sizes.map(|word| word.trim_start_matches("packets=")).any(|word| word == format!("{peer}={bytes}"))
            });
            let Some((node, peer, bytes)) = open.next() else { return Ok(()) };
            if Instant::now() > end {
                return Err(format!("{node} sends {peer} no packets of {bytes} bytes\n{}", self.tail(60)));
            }
            self.listen(Instant::now() + Duration::from_millis(100));
        }
    }

    /// What was said since `since`, for whoever has to find out what happened.
    pub fn tail_since(&self, since: u64) -> String {
        self.tail(self.said.iter().filter(|line| line.at >= since).count())
    }

    /// The last lines, for whoever has to find out what happened.
    pub fn tail(&self, count: usize) -> String {
        let first = self.said.first().map_or(0, |line| line.at);
        let mut sorted: Vec<&Line> = self.said.iter().collect();
        sorted.sort_by_key(|line| line.at);
        let lines = sorted.iter().skip(sorted.len().saturating_sub(count));
        let show = |line: &&Line| {
            let at = Duration::from_nanos(line.at.saturating_sub(first));
            format!("  {:>10.3} ms {:8} {}", at.as_secs_f64() * 1000.0, line.node, line.text)
        };
        lines.map(show).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Herd {
    fn drop(&mut self) {
        for (_, mut process) in std::mem::take(&mut self.processes) {
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
    }
}

/// Processes that use the CPUs up, while the value lives.
pub struct Burners(Vec<Child>);

impl Burners {
    /// Two for each core.
    pub fn start() -> Result<Burners, String> {
        let me = std::env::current_exe().map_err(|error| error.to_string())?;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let one = |_| Command::new(&me).arg("burn").stdin(Stdio::piped()).spawn();
        let all: Result<Vec<Child>, _> = (0..2 * cores).map(one).collect();
        Ok(Burners(all.map_err(|error| format!("cannot start a process: {error}"))?))
    }
}

impl Drop for Burners {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
