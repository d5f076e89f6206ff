//! `paceline`: the commands of an operator. Under the name `fence_sandbox` it is the fence device of a sandbox, under
//! the names of the peer's commands it is what OCF agents call.

mod agent;
mod client;
mod cluster_file;
mod commands;
mod failure;
mod output;
mod render;
mod sandbox;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    failure::announce_panics();
    let mut words = std::env::args_os();
    let name = words.next().map(std::path::PathBuf::from);
    match name.as_deref().and_then(|path| path.file_name()?.to_str()) {
        Some(sandbox::fence::NAME) => return ExitCode::from(sandbox::fence::run()),
        Some(name) if agent::answers_to(name) => return ExitCode::from(agent::run(name, words.collect())),
        _ => {}
    }
    let line = commands::Line::parse();
    let output = output::Output::new();
    match commands::run(line, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report(output.error_paint.0);
            ExitCode::from(failure.exit() as u8)
        }
    }
}
