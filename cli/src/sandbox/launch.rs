//! Brings a sandbox up and takes it down.

use crate::client::Client;
use crate::failure::Failure;
use crate::sandbox::adapt::ClusterText;
use crate::sandbox::layout::{DIRECTORY_VARIABLE, Description, Layout, MACHINE_VARIABLE, Seat};
use crate::sandbox::{fence, lines, machine, processes, switch};
use config::NodeId;
use crm::control::{Request, Response};
use crm::event::EventKind;
use crm::summary::Summary;
use membership_io::Authority;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a socket may take to appear.
const APPEAR: Duration = Duration::from_secs(20);
/// How long the cluster may take to become one.
const FORM: Duration = Duration::from_secs(60);
/// Pause between looks at something that has no event.
const PEEK: Duration = Duration::from_millis(10);
/// Lines of a log that are shown with a failure.
const LOG_TAIL: usize = 8;

/// What `up` was asked for.
pub(crate) struct Wish {
    /// The cluster file.
    pub(crate) text: ClusterText,
    /// The daemon's program; searched for when absent.
    pub(crate) pacelined: Option<PathBuf>,
    /// Everything ends when standard input is closed.
    pub(crate) guarded: bool,
    /// Wait until the nodes are one cluster.
    pub(crate) wait: bool,
}

/// A sandbox that is up.
pub(crate) struct Up {
    /// Its description.
    pub(crate) description: Description,
    /// What was changed in the file, in words.
    pub(crate) notes: Vec<String>,
    /// The cluster as its first node sees it, when that was waited for.
    pub(crate) summary: Option<Summary>,
}

/// Brings a sandbox up, if `check` accepts the adapted file. When that fails, everything it started is ended again; the
/// files stay, with the logs.
pub(crate) fn up(layout: &Layout, wish: Wish, check: impl FnOnce(&str) -> Result<(), Failure>) -> Result<Up, Failure> {
    if layout.exists() {
        if alive(layout) {
            return Err(Failure::refused(format!("a sandbox is already up in {}", layout.dir().display()))
                .hint("look at it with `paceline sandbox status`, end it with `paceline sandbox down`"));
        }
        down(layout)?;
    }
    let names = wish.text.nodes()?;
    layout.check_path_lengths(&names)?;
    let pacelined = find_pacelined(wish.pacelined)?;
    let description = Description { cluster: wish.text.cluster(), pacelined, seats: seats(&names)? };
    let (text, notes) = wish.text.adapted(layout, &description.seats)?;
    check(&text)?;
    layout.make()?;
    write_files(layout, &description, &text)?;
    let started = start_all(layout, &description, wish.guarded)
        .and_then(|()| if wish.wait { formed(layout, &description).map(Some) } else { Ok(None) });
    match started {
        Ok(summary) => Ok(Up { description, notes, summary }),
        Err(failure) => {
            let left = end(layout, &description);
            Err(if left.is_empty() { failure } else { failure.because(left.join("; ")) })
        }
    }
}

/// Takes a sandbox down and removes its directory, in whatever state it is.
pub(crate) fn down(layout: &Layout) -> Result<(), Failure> {
    let description = layout.description().or_else(|failure| {
        // Without its description the nodes are the directories that have a machine's socket or log.
        if layout.exists() { Ok(guessed(layout)) } else { Err(failure) }
    })?;
    let left = end(layout, &description);
    if !left.is_empty() {
        return Err(Failure::refused("the sandbox could not be ended")
            .because(left.join("; "))
            .hint(format!("end them by hand, then remove {}", layout.dir().display())));
    }
    fs::remove_dir_all(layout.dir())
        .map_err(|error| Failure::refused(format!("cannot remove {}", layout.dir().display())).because(error))
}

/// Ends the machines with all they power; returns what could not be ended, in words.
pub(crate) fn end_machines(layout: &Layout, description: &Description) -> Vec<String> {
    let mut left = Vec::new();
    for seat in &description.seats {
        let asked = lines::ask::<machine::Answer>(
            &layout.machine_socket(&seat.name),
            &machine::Request::End,
            machine::PATIENCE,
        );
        match asked {
            Ok(machine::Answer { error: Some(error), .. }) => left.push(format!("{}: {error}", seat.name)),
            // It is there and says nothing: what it powers may run on.
            Err(error) if error.kind() == ErrorKind::TimedOut => left.push(format!("{}: {error}", seat.name)),
            // Nobody is there.
            Ok(_) | Err(_) => {}
        }
    }
    left
}

fn end(layout: &Layout, description: &Description) -> Vec<String> {
    let left = end_machines(layout, description);
    let _ = lines::ask::<switch::Answer>(&layout.switch_socket(), &switch::Request::End, switch::PATIENCE);
    kill_orphans(layout);
    left
}

/// Kills what a machine that died by itself has left: processes with its mark in their environment, and all they have
/// started. (A service that was started without that environment and has lost its parents cannot be found.)
fn kill_orphans(layout: &Layout) {
    let mut mark = format!("{MACHINE_VARIABLE}=").into_bytes();
    mark.extend_from_slice(layout.dir().as_os_str().as_bytes());
    mark.push(b'/');
    let me = Pid::this();
    let Ok(entries) = fs::read_dir("/proc") else { return };
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()).map(Pid::from_raw) else {
            continue;
        };
        let Ok(environment) = fs::read(entry.path().join("environ")) else { continue };
        if pid != me && environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(&mark)) {
            for orphan in processes::descendants(pid).into_iter().chain([pid]).filter(|orphan| *orphan != me) {
                let _ = kill(orphan, Signal::SIGKILL);
            }
        }
    }
}

fn guessed(layout: &Layout) -> Description {
    let names = fs::read_dir(layout.dir()).into_iter().flatten().flatten();
    let nodes = names.filter_map(|entry| NodeId::new(entry.file_name().to_str()?).ok());
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let seats = nodes
        .filter(|node| layout.machine_socket(node).exists())
        .map(|name| Seat { name, public: nowhere, real: nowhere })
        .collect();
    Description { cluster: String::new(), pacelined: PathBuf::new(), seats }
}

/// Whether any process of the sandbox answers.
fn alive(layout: &Layout) -> bool {
    let Ok(description) = layout.description() else { return false };
    let switch =
        lines::ask::<switch::Answer>(&layout.switch_socket(), &switch::Request::Status, switch::PATIENCE).is_ok();
    switch
        || description.seats.iter().any(|seat| {
            let socket = layout.machine_socket(&seat.name);
            lines::ask::<machine::Answer>(&socket, &machine::Request::Status, machine::PATIENCE).is_ok()
        })
}

/// The daemon beside this program, else in PATH.
fn find_pacelined(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    if let Some(path) = given {
        return std::path::absolute(&path)
            .map_err(|error| Failure::refused(format!("cannot find {}", path.display())).because(error));
    }
    let beside = own_program()?.with_file_name("pacelined");
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(beside.clone())
        .chain(std::env::split_paths(&path).map(|dir| dir.join("pacelined")))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| {
            Failure::refused(format!("pacelined is neither at {} nor in PATH", beside.display()))
                .hint("build it with `cargo build -p daemon`, or install it")
        })
}

fn own_program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| Failure::refused("cannot find the program that runs now").because(error))
}

/// Addresses for the nodes: a loopback address that no other sandbox uses, or free ports where there is only one.
fn seats(names: &[NodeId]) -> Result<Vec<Seat>, Failure> {
    const TRIES: usize = 50;
    let mut random = fastrand::Rng::new();
    for _ in 0..TRIES {
        let host = Ipv4Addr::new(127, random.u8(64..127), random.u8(1..255), random.u8(1..255));
        let seat = |(place, name): (u16, &NodeId)| Seat {
            name: name.clone(),
            public: SocketAddr::from((host, 5401 + place)),
            real: SocketAddr::from((host, 6401 + place)),
        };
        let seats: Vec<Seat> = (0_u16..).zip(names).map(seat).collect();
        let free = |seat: &Seat| UdpSocket::bind(seat.public).is_ok() && UdpSocket::bind(seat.real).is_ok();
        if seats.iter().all(free) {
            return Ok(seats);
        }
    }
    let mut held = Vec::new();
    let mut port = || {
        let socket = UdpSocket::bind((IpAddr::from(Ipv4Addr::LOCALHOST), 0))?;
        let address = socket.local_addr()?;
        // Held until all are found, so that none is found twice.
        held.push(socket);
        Ok::<SocketAddr, std::io::Error>(address)
    };
    let both = |name: &NodeId| Ok(Seat { name: name.clone(), public: port()?, real: port()? });
    let seats: std::io::Result<Vec<Seat>> = names.iter().map(both).collect();
    seats.map_err(|error| Failure::refused("cannot find free UDP ports on loopback").because(error))
}

fn write_files(layout: &Layout, description: &Description, text: &str) -> Result<(), Failure> {
    let write = |path: PathBuf, text: &str| {
        fs::write(&path, text)
            .map_err(|error| Failure::refused(format!("cannot write {}", path.display())).because(error))
    };
    let make = |path: &Path| {
        fs::create_dir_all(path)
            .map_err(|error| Failure::refused(format!("cannot make {}", path.display())).because(error))
    };
    description.save(layout)?;
    make(&layout.agents())?;
    std::os::unix::fs::symlink(own_program()?, layout.agents().join(fence::NAME))
        .map_err(|error| Failure::refused("cannot put the fence agent in its place").because(error))?;
    write(layout.cluster_file(), text)?;
    let keys = |error| Failure::refused("cannot make the keys of the sandbox").because(error);
    let authority = Authority::create(&description.cluster).map_err(keys)?;
    authority.save(&layout.authority()).map_err(keys)?;
    for seat in &description.seats {
        let node = layout.node(&seat.name);
        make(&node.join("state"))?;
        authority.issue(&seat.name).and_then(|issued| issued.save(&node.join("keys"))).map_err(keys)?;
        write(node.join("cluster.toml"), text)?;
        write(
            layout.local_file(&seat.name),
            &format!(
                "# Made by `paceline sandbox up`.\nnode = \"{}\"\ncluster-file = \"cluster.toml\"\n\
                 state-directory = \"state\"\nkeys-directory = \"keys\"\ncontrol-socket = \"control.sock\"\n\
                 bind = \"{}\"\nfence-agent-directories = [\"../agents\"]\n",
                seat.name, seat.real
            ),
        )?;
    }
    Ok(())
}

fn start_all(layout: &Layout, description: &Description, guarded: bool) -> Result<(), Failure> {
    spawn(layout, &["switch"], &layout.switch_log(), guarded)?;
    for seat in &description.seats {
        spawn(layout, &["machine", seat.name.as_str()], &layout.machine_log(&seat.name), guarded)?;
    }
    appear(&layout.switch_log(), "the switch", || {
        lines::ask::<switch::Answer>(&layout.switch_socket(), &switch::Request::Status, switch::PATIENCE).is_ok()
    })?;
    for seat in &description.seats {
        let socket = layout.machine_socket(&seat.name);
        let log = layout.machine_log(&seat.name);
        let status = machine::Request::Status;
        appear(&log, &format!("machine {}", seat.name), || {
            lines::ask::<machine::Answer>(&socket, &status, machine::PATIENCE).is_ok()
        })?;
        power(layout, &seat.name, machine::Request::Start)?;
    }
    Ok(())
}

/// Asks the machine of a node.
pub(crate) fn power(layout: &Layout, node: &NodeId, request: machine::Request) -> Result<machine::Answer, Failure> {
    let answer: machine::Answer =
        lines::ask(&layout.machine_socket(node), &request, machine::PATIENCE).map_err(|error| {
            Failure::no_answer(format!("the machine of {node} does not answer"))
                .because(error)
                .hint("start the sandbox anew: `paceline sandbox down`, then `paceline sandbox up`")
        })?;
    match answer.error {
        Some(error) => Err(Failure::refused(format!("the machine of {node} could not do that")).because(error)),
        None => Ok(answer),
    }
}

/// Asks the switch.
pub(crate) fn network(layout: &Layout, request: &switch::Request) -> Result<switch::Answer, Failure> {
    let answer: switch::Answer = lines::ask(&layout.switch_socket(), request, switch::PATIENCE).map_err(|error| {
        Failure::no_answer("the switch of the sandbox does not answer")
            .because(error)
            .hint("start the sandbox anew: `paceline sandbox down`, then `paceline sandbox up`")
    })?;
    match answer.error {
        Some(error) => Err(Failure::refused("the switch could not do that").because(error)),
        None => Ok(answer),
    }
}

/// Starts one of the sandbox's own processes, which outlives this one.
fn spawn(layout: &Layout, what: &[&str], log: &Path, guarded: bool) -> Result<(), Failure> {
    let failed = |error| Failure::refused(format!("cannot start sandbox {}", what.join(" "))).because(error);
    let file = OpenOptions::new().create(true).append(true).open(log).map_err(failed)?;
    let mut command = Command::new(own_program()?);
    command.arg("sandbox").args(what).arg("--dir").arg(layout.dir());
    if guarded {
        command.arg("--foreground-guard").stdin(Stdio::inherit());
    } else {
        command.stdin(Stdio::null());
    }
    command.env(DIRECTORY_VARIABLE, layout.dir()).current_dir("/").stdout(Stdio::null()).stderr(file);
    command.spawn().map(drop).map_err(failed)
}

/// Waits until something that has no event is there.
fn appear(log: &Path, what: &str, mut there: impl FnMut() -> bool) -> Result<(), Failure> {
    let started = Instant::now();
    while !there() {
        if started.elapsed() > APPEAR {
            return Err(
                Failure::refused(format!("{what} did not start within {} s", APPEAR.as_secs())).because(tail(log))
            );
        }
        std::thread::sleep(PEEK);
    }
    Ok(())
}

/// Waits until all nodes are one quorate cluster with a DC, as the first node sees it.
fn formed(layout: &Layout, description: &Description) -> Result<Summary, Failure> {
    let started = Instant::now();
    for seat in &description.seats {
        let log = layout.daemon_log(&seat.name);
        let mut ended = None;
        appear(&log, &format!("pacelined of {}", seat.name), || {
            ended = power(layout, &seat.name, machine::Request::Status).ok().and_then(|answer| answer.ended);
            ended.is_some() || Client::connect(&layout.control_socket(&seat.name)).is_ok()
        })?;
        if let Some(how) = ended {
            return Err(Failure::refused(format!("pacelined of {} ended: {how}", seat.name)).because(tail(&log)));
        }
    }
    let first = &description.seats.first().expect("a cluster file has nodes").name;
    let socket = layout.control_socket(first);
    // First listen, then look: what happens in between is not missed.
    let mut events = Client::connect(&socket)?;
    events.send(&Request::Events { history: false })?;
    loop {
        let summary = match Client::connect(&socket)?.ask(&Request::Status, APPEAR)? {
            Response::Summary(summary) => summary,
            other => return Err(Failure::unexpected(&other)),
        };
        let online =
            summary.nodes.iter().filter(|node| !matches!(node.state.as_str(), "offline" | "not seen" | "unclean"));
        if summary.quorum.quorate && summary.dc.is_some() && online.count() == description.seats.len() {
            return Ok(*summary);
        }
        let left = FORM.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(Failure::refused(format!("the nodes did not become one cluster within {} s", FORM.as_secs()))
                .because(format!(
                    "{first} is in view {} with {} of {} votes",
                    summary.view, summary.quorum.votes, summary.quorum.expected
                ))
                .because(tail(&layout.daemon_log(first)))
                .hint(format!("the logs are in {}", layout.dir().display())));
        }
        wait_for_membership(&mut events, left)?;
    }
}

/// Returns after news about who is a member, or after `longest`.
fn wait_for_membership(events: &mut Client, longest: Duration) -> Result<(), Failure> {
    let started = Instant::now();
    loop {
        let left = longest.saturating_sub(started.elapsed());
        match events.event(left)? {
            Some(event)
                if matches!(event.kind, EventKind::View | EventKind::Synced | EventKind::Quorum | EventKind::Dc) =>
            {
                return Ok(());
            }
            None => return Ok(()),
            Some(_) => {}
        }
    }
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = match fs::read(log) {
        Ok(bytes) => String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(16 * 1024)..]).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return format!("{} cannot be read: {error}", log.display()),
    };
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(LOG_TAIL)..];
    if last.is_empty() {
        format!("{} is empty", log.display())
    } else {
        format!("{} ends with\n{}", log.display(), last.join("\n"))
    }
}
