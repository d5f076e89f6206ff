//! The power supply of one sandbox node: a process that starts its `pacelined`, and that can take away everything the
//! daemon and its services have ever started, at once, as a power cut does.
//!
//! ```text
//!   off --On/Start--> on --Off/Unplug--> off          Unplug also pulls the plug: On and Reboot leave it off,
//!                     |                               until Start plugs it in again
//!                     '-- the daemon ends by itself: the services run on, as on a real machine; Start starts it again
//! ```

use crate::failure::Failure;
use crate::sandbox::layout::{Layout, MACHINE_VARIABLE};
use crate::sandbox::{lines, processes};
use config::NodeId;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long a caller should wait for the answer: longer than a power cut may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What a machine can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub(crate) enum Request {
    /// Power on, if the plug is in. What a fence device does.
    On,
    /// Power off.
    Off,
    /// Power off, then on if the plug is in.
    Reboot,
    /// Pull the plug: off, and nothing but [`Request::Start`] turns it on again.
    Unplug,
    /// Plug in and power on; starts the daemon if it is dead.
    Start,
    /// Say how it is.
    Status,
    /// Power off and end this process.
    End,
}

/// How a machine is, after the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// Why the request was not carried out; `None`: it was.
    pub(crate) error: Option<String>,
    /// Whether it has power.
    pub(crate) on: bool,
    /// Whether the plug is in.
    pub(crate) plugged: bool,
    /// Process id of the daemon, when it runs.
    pub(crate) daemon: Option<i32>,
    /// How the daemon ended, when it ended by itself.
    pub(crate) ended: Option<String>,
    /// Processes on the machine.
    pub(crate) processes: usize,
    /// Processes that this request killed.
    pub(crate) killed: usize,
}

const SIGNALS: u64 = 0;
const REQUESTS: u64 = 1;
const GUARD: u64 = 2;

struct Machine {
    layout: Layout,
    node: NodeId,
    pacelined: std::path::PathBuf,
    signals: SignalFd,
    on: bool,
    plugged: bool,
    daemon: Option<Pid>,
    ended: Option<String>,
    finished: bool,
}

/// The whole life of the process `paceline sandbox machine`. With `guarded` it ends, and takes everything with it, when
/// its standard input is closed.
///
/// # Errors
/// When it cannot be set up; from then on failures are answers.
pub(crate) fn run(layout: Layout, node: NodeId, pacelined: &Path, guarded: bool) -> Result<(), Failure> {
    let failed =
        |what: &str, error: std::io::Error| Failure::refused(format!("machine {node}: cannot {what}")).because(error);
    // Fails only for a process group leader, which is then as free of the terminal as it will get.
    let _ = nix::unistd::setsid();
    nix::sys::prctl::set_child_subreaper(true).map_err(|errno| failed("become a subreaper", errno.into()))?;
    let mask = SigSet::from_iter([Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]);
    mask.thread_block().map_err(|errno| failed("block signals", errno.into()))?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
        .map_err(|errno| failed("receive signals", errno.into()))?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(|errno| failed("wait for events", errno.into()))?;
    let watch = |fd: std::os::fd::BorrowedFd<'_>, data| epoll.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, data));
    watch(std::os::fd::AsFd::as_fd(&signals), SIGNALS).map_err(|errno| failed("wait for signals", errno.into()))?;
    if guarded {
        watch(std::os::fd::AsFd::as_fd(&std::io::stdin()), GUARD)
            .map_err(|errno| failed("watch its standard input", errno.into()))?;
    }
    let mut server = lines::Server::listen(&layout.machine_socket(&node), &epoll, REQUESTS)
        .map_err(|error| failed("listen on its socket", error))?;
    let mut machine = Machine {
        layout,
        node,
        pacelined: pacelined.to_owned(),
        signals,
        on: false,
        plugged: true,
        daemon: None,
        ended: None,
        finished: false,
    };
    while !machine.finished {
        let mut events = [EpollEvent::empty(); 8];
        // An interruption is a signal, which the descriptor reports.
        let count = epoll.wait(&mut events, EpollTimeout::NONE).unwrap_or(0);
        for event in &events[..count] {
            match event.data() {
                SIGNALS => machine.signalled(),
                REQUESTS => server.serve(&epoll, REQUESTS, |line| machine.answer(line)),
                _ => machine.end("its guard is gone"),
            }
        }
    }
    let _ = std::fs::remove_file(machine.layout.machine_socket(&machine.node));
    Ok(())
}

impl Machine {
    fn signalled(&mut self) {
        let mut asked_to_end = false;
        while let Ok(Some(signal)) = self.signals.read_signal() {
            asked_to_end |= signal.ssi_signo != Signal::SIGCHLD as u32;
        }
        self.reap();
        if asked_to_end {
            self.end("asked by a signal");
        }
    }

    fn answer(&mut self, line: &str) -> String {
        let mut killed = 0;
        let result = match serde_json::from_str::<Request>(line) {
            Err(error) => Err(format!("not understood: {error}")),
            Ok(request) => self.carry_out(request, &mut killed),
        };
        let answer = Answer {
            error: result.err(),
            on: self.on,
            plugged: self.plugged,
            daemon: self.daemon.map(Pid::as_raw),
            ended: self.ended.clone(),
            processes: processes::descendants(Pid::this()).len(),
            killed,
        };
        serde_json::to_string(&answer).expect("an answer can be written as JSON")
    }

    fn carry_out(&mut self, request: Request, killed: &mut usize) -> Result<(), String> {
        match request {
            Request::Status => {
                self.reap();
                Ok(())
            }
            Request::On => self.power_on(),
            Request::Off => self.power_off("asked to", killed),
            Request::Reboot => {
                self.power_off("reboot", killed)?;
                // Off is what a fencing is about. A machine without a plug stays off, and that is no failure.
                if self.plugged { self.power_on() } else { Ok(()) }
            }
            Request::Unplug => {
                self.plugged = false;
                self.power_off("the plug was pulled", killed)
            }
            Request::Start => {
                self.plugged = true;
                self.power_on()
            }
            Request::End => {
                self.finished = true;
                self.power_off("the sandbox goes down", killed)
            }
        }
    }

    fn power_on(&mut self) -> Result<(), String> {
        if !self.plugged {
            return Err("its plug is pulled".to_owned());
        }
        if !self.on {
            // What lies in memory does not survive a power cut.
            let run = self.layout.run(&self.node);
            let emptied = match std::fs::remove_dir_all(&run) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => std::fs::create_dir(&run),
            };
            emptied.map_err(|error| format!("cannot empty {}: {error}", run.display()))?;
            self.on = true;
        }
        if self.daemon.is_some() {
            return Ok(());
        }
        let log = self.layout.daemon_log(&self.node);
        let open = || std::fs::OpenOptions::new().create(true).append(true).open(&log);
        let (out, err) = match (open(), open()) {
            (Ok(out), Ok(err)) => (out, err),
            (Err(error), _) | (_, Err(error)) => return Err(format!("cannot write {}: {error}", log.display())),
        };
        let mut command = Command::new(&self.pacelined);
        command.arg("--config").arg(self.layout.local_file(&self.node));
        command.current_dir(self.layout.node(&self.node)).env(MACHINE_VARIABLE, self.layout.node(&self.node));
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        // SAFETY: runs in the child between fork and exec, and only calls sigprocmask, which is async-signal-safe. The
        // daemon must not inherit the signals that this process has blocked for its own descriptor.
        #[expect(unsafe_code, reason = "std offers no other way to unblock signals in a child")]
        unsafe {
            command.pre_exec(|| Ok(SigSet::empty().thread_set_mask()?));
        }
        match command.spawn() {
            Ok(child) => {
                self.daemon = i32::try_from(child.id()).ok().map(Pid::from_raw);
                self.ended = None;
                self.log(&format!("power on, pacelined is process {}", child.id()));
                Ok(())
            }
            Err(error) => Err(format!("cannot start {}: {error}", self.pacelined.display())),
        }
    }

    fn power_off(&mut self, why: &str, killed: &mut usize) -> Result<(), String> {
        let (daemon, signals) = (&mut self.daemon, &self.signals);
        let result = processes::kill_descendants(
            |pid, _| {
                if *daemon == Some(pid) {
                    *daemon = None;
                }
            },
            |longest| {
                let mut polled =
                    [nix::poll::PollFd::new(std::os::fd::AsFd::as_fd(signals), nix::poll::PollFlags::POLLIN)];
                let milliseconds = u16::try_from(longest.as_millis()).unwrap_or(u16::MAX);
                if nix::poll::poll(&mut polled, milliseconds) == Ok(1) {
                    let _ = signals.read_signal();
                }
            },
        );
        match result {
            Ok(count) => {
                *killed = count;
                self.on = false;
                self.ended = None;
                self.log(&format!("power off ({why}), {count} processes killed"));
                Ok(())
            }
            Err(reason) => {
                self.log(&format!("power off failed ({why}): {reason}"));
                Err(reason)
            }
        }
    }

    fn reap(&mut self) {
        let mut gone = None;
        processes::reap(|pid, status| {
            if self.daemon == Some(pid) {
                gone = Some(match status {
                    WaitStatus::Exited(_, code) => format!("exit status {code}"),
                    WaitStatus::Signaled(_, signal, _) => format!("killed by {signal}"),
                    other => format!("{other:?}"),
                });
            }
        });
        if let Some(how) = gone {
            self.log(&format!("pacelined ended by itself: {how}"));
            self.daemon = None;
            self.ended = Some(how);
        }
    }

    fn end(&mut self, why: &str) {
        // What cannot be killed now cannot be killed later either; the log has its name.
        let _ = self.power_off(why, &mut 0);
        self.finished = true;
    }

    /// Standard error is the machine's log file.
    fn log(&self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{} {}: {text}", crate::render::time::now(), self.node);
    }
}
