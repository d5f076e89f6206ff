//! Watches who holds the service address: the kernels of all hosts tell about every change, and the switch hears who
//! announces it to the neighbours.

use crate::hosts::{Hosts, NODES, SERVICE};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// One observation.
#[derive(Clone, Debug)]
struct Seen {
    at_us: u128,
    what: What,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    /// This host's kernel has the address from now on.
    Taken(&'static str),
    /// It no longer has.
    Given(&'static str),
    /// Somebody announces the address on the wire, from this hardware address.
    Announced(String),
}

/// The running observer; it stops with this value.
pub struct Observer {
    seen: Arc<Mutex<Vec<Seen>>>,
    watchers: Vec<Child>,
    hardware: Vec<(String, &'static str)>,
}

fn now_us() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros())
}

impl Observer {
    /// Starts watching all hosts and the switch.
    pub fn start(hosts: &Hosts) -> Result<Observer, String> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut observer = Observer { seen, watchers: Vec::new(), hardware: Vec::new() };
        for node in NODES {
            let namespace = hosts.network_of(node);
            let link = crate::programs::run("ip", &["-n", &namespace, "-o", "link", "show", "dev", "eth0"])?;
            let hardware = link.split_whitespace().skip_while(|w| *w != "link/ether").nth(1).unwrap_or_default();
            observer.hardware.push((hardware.to_owned(), node));
            let mut monitor = Command::new("ip");
            monitor.args(["-n", &namespace, "-o", "monitor", "address"]);
            observer.watch(monitor, move |line| {
                if !line.contains(&format!(" {SERVICE}/")) {
                    return None;
                }
                Some(if line.starts_with("Deleted") { What::Given(node) } else { What::Taken(node) })
            })?;
        }
        let mut neighbours = Command::new("nsenter");
        neighbours.arg(format!("--net=/run/netns/{}", hosts.network_of("client")));
        neighbours.args(["ip", "-o", "monitor", "neigh"]);
        observer.watch(neighbours, |line| {
            let mut words = line.split_whitespace();
            if words.next() != Some(SERVICE) {
                return None;
            }
            words.skip_while(|word| *word != "lladdr").nth(1).map(|hardware| What::Announced(hardware.to_owned()))
        })?;
        for node in hosts.holders() {
            observer.note(What::Taken(node));
        }
        Ok(observer)
    }

    fn note(&self, what: What) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(Seen { at_us: now_us(), what });
    }

    fn watch(
        &mut self,
        mut command: Command,
        read: impl Fn(&str) -> Option<What> + Send + 'static,
    ) -> Result<(), String> {
        let shown = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run {shown}: {error}"))?;
        let output = child.stdout.take().ok_or("stdout was piped above")?;
        self.watchers.push(child);
        let seen = self.seen.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(what) = read(&line) {
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(Seen { at_us: now_us(), what });
                }
            }
        });
        Ok(())
    }

    /// A host lost power: it holds nothing any more, whatever its kernel said last.
    pub fn power_lost(&self, node: &'static str) {
        self.note(What::Given(node));
    }

    /// Fails if two hosts ever held the address at once, or if a host announced it that did not hold it.
    pub fn verdict(&self) -> Result<String, String> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        seen.sort_by_key(|observation| observation.at_us);
        let mut holders: Vec<&str> = Vec::new();
        let mut story = Vec::new();
        let start = seen.first().map_or(0, |first| first.at_us);
        let mut changes = 0;
        for observation in &seen {
            story.push(format!("{:>9} us {:?}", observation.at_us - start, observation.what));
            match &observation.what {
                What::Taken(node) => {
                    if !holders.contains(node) {
                        holders.push(node);
                    }
                    changes += 1;
                }
                What::Given(node) => holders.retain(|holder| holder != node),
                What::Announced(hardware) => {
                    let Some((_, node)) = self.hardware.iter().find(|(known, _)| known == hardware) else { continue };
                    // The kernel's word and the neighbour's travel on two sockets: the holder may be told later.
                    let holds_soon = seen.iter().any(|other| other.what == What::Taken(node));
                    if !holds_soon {
                        return Err(format!("{node} announced the address without holding it:\n{}", story.join("\n")));
                    }
                }
            }
            if holders.len() > 1 {
                return Err(format!("{} hold the address at once:\n{}", holders.join(" and "), story.join("\n")));
            }
        }
        if changes < 2 {
            return Err(format!("the observer saw no take-over at all:\n{}", story.join("\n")));
        }
        Ok(story.join("\n"))
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        for watcher in &mut self.watchers {
            // One that ended with its namespace needs no killing.
            let _ = watcher.kill();
            let _ = watcher.wait();
        }
    }
}
