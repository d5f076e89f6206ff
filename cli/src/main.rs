//! `paceline`: the commands of an operator. Under the name `fence_sandbox` it is the fence device of a sandbox.

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
    let name = std::env::args_os().next().map(std::path::PathBuf::from);
    if name.as_deref().and_then(|path| path.file_name()).is_some_and(|name| name == sandbox::fence::NAME) {
        return ExitCode::from(sandbox::fence::run());
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
