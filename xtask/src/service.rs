//! The HTTP service that the demo puts under management: small, real, and it says on which node it runs.
//!
//! `run` serves in the foreground; `start`, `stop` and `check` are what the cluster file's command lines call.

use clap::{Args, ValueEnum};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

#[derive(Args)]
pub struct Options {
    action: Action,
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
    /// The node this runs on; the answer to every request
    #[arg(long, env = "PACELINE_NODE")]
    node: String,
    /// Where the process number is noted
    #[arg(long)]
    run_directory: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Action {
    Run,
    Start,
    Stop,
    Check,
}

/// Exit codes are those of an OCF agent: 0 done or running, 1 failed, 7 not running.
pub fn run(options: &Options) -> ExitCode {
    let result = match options.action {
        Action::Run => serve(options),
        Action::Start => start(options),
        Action::Stop => stop(options),
        Action::Check => return if answers(options) { ExitCode::SUCCESS } else { ExitCode::from(7) },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo service on {} ({}): {error}", options.listen, options.node);
            ExitCode::FAILURE
        }
    }
}

fn pid_file(options: &Options) -> PathBuf {
    options.run_directory.join(format!("web-{}.pid", options.node))
}

fn running(path: &Path) -> Option<Pid> {
    let pid = Pid::from_raw(fs::read_to_string(path).ok()?.trim().parse().ok()?);
    // The number may have been given to somebody else since.
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
    line.contains("service\0run").then_some(pid)
}

fn serve(options: &Options) -> std::io::Result<()> {
    let listener = TcpListener::bind(options.listen)?;
    fs::write(pid_file(options), format!("{}\n", std::process::id()))?;
    // Whoever started this waits for the line: from here on requests are answered.
    println!("ready");
    std::io::stdout().flush()?;
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}\n",
        options.node.len() + 1,
        options.node
    );
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        // A client that asks nothing must not block the next one.
        let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
        let mut request = [0_u8; 1024];
        if stream.read(&mut request).is_ok_and(|n| n > 0) {
            let _ = stream.write_all(answer.as_bytes());
        }
    }
    Ok(())
}

fn start(options: &Options) -> std::io::Result<()> {
    if running(&pid_file(options)).is_some() && answers(options) {
        return Ok(());
    }
    let mut child = Command::new(std::env::current_exe()?)
        .args(["service", "run", "--listen", &options.listen.to_string(), "--node", &options.node, "--run-directory"])
        .arg(&options.run_directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        // It outlives this command.
        .process_group(0)
        .spawn()?;
    let mut line = [0_u8; 6];
    child
        .stdout
        .take()
        .expect("stdout was piped above")
        .read_exact(&mut line)
        .map_err(|_| std::io::Error::other("the service ended before it was ready; is the address in use?"))
}

fn stop(options: &Options) -> std::io::Result<()> {
    let path = pid_file(options);
    if let Some(pid) = running(&path) {
        // SIGKILL and not SIGTERM: it holds nothing that needs an orderly end, and then it is gone at once.
        kill(pid, Signal::SIGKILL).map_err(std::io::Error::from)?;
        while running(&path).is_some() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let _ = fs::remove_file(&path);
    Ok(())
}

/// Whether the service answers, and answers as this node.
fn answers(options: &Options) -> bool {
    running(&pid_file(options)).is_some()
        && get(options.listen, Duration::from_secs(2)).is_some_and(|node| node == options.node)
}

/// Asks once; the name of the node that answered.
pub fn get(address: SocketAddr, patience: Duration) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, patience).ok()?;
    stream.set_read_timeout(Some(patience)).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200").then(|| body.trim().to_owned())
}
