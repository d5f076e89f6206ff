//! Process groups: programs that speak to each other over the ring of real daemons.

use crate::sandbox::{NODES, PATIENCE, PEEK, Sandbox, with};
use membership::Guarantee;
use membership::group::wire::{Frames, MAX_ANSWER, VERSION};
use membership::group::{Answer, GroupName, Request};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What one program says at once in the group with the slow reader, and how long a message is.
const LOAD: usize = 3000;
const LEN: usize = 4096;
/// How long the reader sleeps while others speak.
const SLEEP: Duration = Duration::from_secs(4);
/// What half of the messages of another group may take meanwhile. The rest may have waited for the machine; one that
/// waits for the reader comes after its sleep or not at all.
const LATENCY: Duration = Duration::from_millis(500);
/// What a daemon may grow by while a reader sleeps, in KiB: a few windows.
const GROWTH: u64 = 6 * 1024;

fn name(text: &str) -> GroupName {
    GroupName::new(text).expect("a valid name")
}

/// A program of our own.
struct Program {
    stream: UnixStream,
    frames: Frames,
}

impl Program {
    /// Connects to a node's daemon and joins a group.
    fn join(sandbox: &Sandbox, node: &str, group: &str) -> Result<Program, String> {
        let path = sandbox.of(node, "groups.sock");
        let stream = UnixStream::connect(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        let mut program = Program { stream, frames: Frames::new(MAX_ANSWER) };
        program.ask(&Request::Hello { lowest: VERSION, highest: VERSION })?;
        program.ask(&Request::Join { serial: 1, group: name(group) })?;
        while !matches!(program.hear()?, Answer::Change(_)) {}
        Ok(program)
    }

    fn ask(&mut self, request: &Request) -> Result<(), String> {
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        self.stream.write_all(&bytes).map_err(|error| format!("the daemon does not take a request: {error}"))
    }

    fn say(&mut self, group: &str, text: &[u8]) -> Result<(), String> {
        let payload = text.to_vec().into();
        self.ask(&Request::Send { serial: 2, group: name(group), guarantee: Guarantee::Agreed, payload })
    }

    fn hear(&mut self) -> Result<Answer, String> {
        let mut piece = [0; 16 * 1024];
        loop {
            if let Some(frame) = self.frames.take().map_err(|error| error.to_string())? {
                return Answer::decode(frame).map_err(|error| error.to_string());
            }
            match self.stream.read(&mut piece) {
                Ok(0) => return Err("the daemon hung up".to_owned()),
                Ok(len) => self.frames.feed(&piece[..len]),
                Err(error) => return Err(format!("nothing is heard of a group: {error}")),
            }
        }
    }

    /// The next message that somebody said.
    fn message(&mut self) -> Result<bytes::Bytes, String> {
        loop {
            if let Answer::Message { payload, .. } = self.hear()? {
                return Ok(payload);
            }
        }
    }

    /// The other half, for another thread.
    fn twin(&self) -> Result<Program, String> {
        let stream = self.stream.try_clone().map_err(|error| error.to_string())?;
        Ok(Program { stream, frames: Frames::new(MAX_ANSWER) })
    }
}

/// `paceline group join GROUP --listen`, and the file with what it prints.
struct Listener {
    child: Child,
    file: PathBuf,
}

impl Listener {
    fn start(sandbox: &Sandbox, node: &str, group: &str) -> Result<Listener, String> {
        let file = sandbox.base.join(format!("{node}-{group}.out"));
        let out = File::create(&file).map_err(|error| error.to_string())?;
        let mut command = sandbox.command();
        command.arg("--socket").arg(sandbox.of(node, "control.sock")).args(["group", "join", group, "--listen"]);
        let child = command.stdout(out).spawn().map_err(|error| error.to_string())?;
        let listener = Listener { child, file };
        listener.prints(&format!("+ {node}/"))?;
        Ok(listener)
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.file).unwrap_or_default()
    }

    /// Waits until it has printed this. A file has no event.
    fn prints(&self, what: &str) -> Result<(), String> {
        self.until(what, |text| text.contains(what))
    }

    fn until(&self, what: &str, right: impl Fn(&str) -> bool) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        while !right(&self.text()) {
            if Instant::now() > end {
                let text = self.text();
                let tail: Vec<String> =
                    text.lines().rev().take(10).map(|line| line.chars().take(100).collect()).collect();
                return Err(format!("{} does not say {what:?}; last: {tail:?}", self.file.display()));
            }
            std::thread::sleep(PEEK);
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<(), String> {
        let pid = i32::try_from(self.child.id()).map_err(|error| error.to_string())?;
        kill(Pid::from_raw(pid), signal).map_err(|error| format!("{signal} to {pid}: {error}"))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Programs come and go, in order, killed, and with their nodes; everybody hears of it, and why.
pub fn come_and_go() -> Result<(), String> {
    with("", |sandbox| {
        let watchers = [Listener::start(sandbox, "alpha", "chat")?, Listener::start(sandbox, "beta", "chat")?];
        let mut killed = Listener::start(sandbox, "gamma", "chat")?;
        killed.signal(Signal::SIGKILL)?;
        killed.child.wait().map_err(|error| error.to_string())?;
        let mut lost = Program::join(sandbox, "gamma", "chat")?;
        lost.say("chat", b"still here")?;
        if lost.message()?.as_ref() != b"still here" {
            return Err("a program hears something else than it said".to_owned());
        }
        sandbox.sandbox("kill", "gamma")?;
        let expected = [
            "+ gamma/1 joined (join)",
            "- gamma/1 left (client died)",
            "+ gamma/2",
            "gamma/2: still here",
            "- gamma/2 left (node lost)",
        ];
        for watcher in &watchers {
            expected.iter().try_for_each(|line| watcher.prints(line))?;
            let text = watcher.text();
            let places: Vec<_> = expected.iter().map(|line| text.find(line)).collect();
            if !places.is_sorted() {
                return Err(format!("not in this order: {expected:?}\n{text}"));
            }
        }
        sandbox.ask("beta", &["group", "list"])?.said(0, &["chat: alpha/1 beta/1\n"])?;
        sandbox.ask("beta", &["group", "list", "--json"])?.said(0, &["\"group\": \"chat\"", "\"held\": 0"])?;
        sandbox.ask("gamma", &["group", "list"])?.said(3, &["hint:"])?;
        sandbox.ask("beta", &["group", "join", "two words"])?.said(2, &["no spaces"])
    })
}

/// A reader sleeps while others speak as fast as they can: they wait, nobody else does, nothing grows, nobody is put
/// out, and when it wakes up it hears everything.
pub fn slow_reader() -> Result<(), String> {
    with("", |sandbox| {
        let reader = Listener::start(sandbox, "gamma", "load")?;
        let mut speaker = Program::join(sandbox, "alpha", "load")?;
        let mut other = Program::join(sandbox, "beta", "other")?;
        let views = sandbox.status("beta")?["view"].clone();
        let memory = || NODES.iter().map(|node| sandbox.memory(node)).collect::<Result<Vec<u64>, String>>();
        let before = memory()?;
        reader.signal(Signal::SIGSTOP)?;
        let said = Arc::new(AtomicUsize::new(0));
        let speaking = {
            let (mut voice, said) = (speaker.twin()?, Arc::clone(&said));
            std::thread::spawn(move || -> Result<(), String> {
                for number in 0..LOAD {
                    let text = format!("{number:0>LEN$}");
                    voice.say("load", text.as_bytes())?;
                    said.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        };
        // It has to read itself, or it would hold its own group.
        let hearing = std::thread::spawn(move || (0..LOAD).try_for_each(|_| speaker.message().map(drop)));
        let (end, mut times) = (Instant::now() + SLEEP, Vec::new());
        while Instant::now() < end {
            let began = Instant::now();
            other.say("other", b"ping")?;
            other.message()?;
            times.push(began.elapsed());
            std::thread::sleep(PEEK);
        }
        let (after, held) = (memory()?, said.load(Ordering::Relaxed));
        times.sort();
        let (half, worst) = (times[times.len() / 2], times[times.len() - 1]);
        println!(
            "slow reader: {held} of {LOAD} said; {} pings elsewhere, half took up to {half:.1?}, the worst {worst:.1?}; \
             KiB {before:?}, then {after:?}",
            times.len()
        );
        sandbox
            .ask("alpha", &["group", "list"])?
            .said(0, &["members on gamma have not read", "1 program of this node wait"])?;
        if held >= LOAD || half > LATENCY || worst >= SLEEP {
            return Err(format!("{held} said, {half:?} to {worst:?} for a message of another group"));
        }
        if let Some((before, after)) = before.iter().zip(&after).find(|(before, after)| *after > &(*before + GROWTH)) {
            return Err(format!("a daemon grew from {before} to {after} KiB"));
        }
        reader.signal(Signal::SIGCONT)?;
        speaking.join().map_err(|_| "the speaker died")??;
        hearing.join().map_err(|_| "the speaker's ear died")??;
        let last = format!("{:0>LEN$}\n", LOAD - 1);
        reader.until("the last message", |text| text.contains(&last))?;
        let text = reader.text();
        let heard = text.lines().filter_map(|line| line.strip_prefix("alpha/1: ")?.parse::<usize>().ok());
        if !heard.eq(0..LOAD) {
            return Err("the reader did not hear everything, once and in order".to_owned());
        }
        if sandbox.status("beta")?["view"] != views {
            return Err("the view has changed".to_owned());
        }
        sandbox.consistent(&NODES)
    })
}

/// The client in the documentation does what it says.
pub fn python() -> Result<(), String> {
    let text = include_str!("../../docs/groups.md");
    let code = text.split("```python\n").nth(1).and_then(|rest| rest.split("```").next());
    let code = code.ok_or("docs/groups.md has no client in Python")?;
    with("", |sandbox| {
        let listener = Listener::start(sandbox, "beta", "chat")?;
        let file = sandbox.write("client.py", code)?;
        let mut command = Command::new("python3");
        command.arg(file).arg(sandbox.of("alpha", "groups.sock")).args(["chat", "hello"]).stdin(Stdio::null());
        let said = crate::programs::output(&mut command)?;
        let expected = "members ['alpha/1', 'beta/1']\nalpha/1: asked to\nalpha/1 says hello\n";
        if said != expected {
            return Err(format!("the client says {said:?}, not {expected:?}"));
        }
        ["+ alpha/1 joined (join)", "alpha/1: hello", "- alpha/1 left (client died)"]
            .iter()
            .try_for_each(|line| listener.prints(line))
    })
}
