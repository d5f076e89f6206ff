//! The power switch of the test hosts, outside of all of them, and the fence agent that asks it, over the
//! standard-input API of the fence agents.

use crate::hosts;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The socket of the power switch, in the directory of the hosts.
const SOCKET: &str = "power.sock";

/// Serves the power switch for as long as the test program lives.
pub fn serve(directory: &Path) -> Result<(), String> {
    let listener = UnixListener::bind(directory.join(SOCKET)).map_err(|e| format!("power switch: {e}"))?;
    let directory = directory.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut line = String::new();
            let mut reader = BufReader::new(stream);
            if reader.read_line(&mut line).is_err() {
                continue;
            }
            let answer = match hosts::power_off(&directory, line.trim()) {
                Ok(()) => "off".to_owned(),
                Err(error) => error,
            };
            // An agent that was killed meanwhile does not hear it.
            let _ = writeln!(reader.into_inner(), "{answer}");
        }
    });
    Ok(())
}

fn ask(directory: &Path, plug: &str) -> Result<(), String> {
    let mut stream = UnixStream::connect(directory.join(SOCKET)).map_err(|e| format!("power switch: {e}"))?;
    writeln!(stream, "{plug}").map_err(|e| format!("power switch: {e}"))?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).map_err(|e| format!("power switch: {e}"))?;
    if answer.trim() == "off" { Ok(()) } else { Err(answer) }
}

/// Reads `action=` and `plug=` from standard input.
pub fn agent() -> ExitCode {
    let mut text = String::new();
    if std::io::stdin().read_to_string(&mut text).is_err() {
        return ExitCode::FAILURE;
    }
    let value = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned);
    let directory = PathBuf::from(value("directory").unwrap_or_default());
    let plug = value("plug").unwrap_or_default();
    let result = match value("action").as_deref() {
        Some("off" | "reboot") => ask(&directory, &plug),
        Some("monitor" | "on") => Ok(()),
        other => Err(format!("unknown action {other:?}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fence_hosts: {plug}: {error}");
            ExitCode::FAILURE
        }
    }
}
