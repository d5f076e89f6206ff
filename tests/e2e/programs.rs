//! Where the programs under test are.

use std::path::PathBuf;
use std::process::Command;

/// The directory with `paceline`, `pacelined` and `paceline-arbiter`: beside the test programs' own directory, or as
/// told.
pub fn directory() -> PathBuf {
    if let Some(told) = std::env::var_os("PACELINE_PROGRAMS") {
        return told.into();
    }
    let me = std::env::current_exe().unwrap_or_default();
    me.ancestors().nth(2).map(PathBuf::from).unwrap_or_default()
}

/// Why they cannot be used.
pub fn missing() -> Option<String> {
    ["paceline", "pacelined", "paceline-arbiter"]
        .iter()
        .find(|name| !directory().join(name).exists())
        .map(|name| format!("{name} is not built (cargo xtask test builds it)"))
}

/// Runs a command to its end; its standard output, or what went wrong.
pub fn output(command: &mut Command) -> Result<String, String> {
    let shown = format!("{command:?}");
    let output = command.output().map_err(|error| format!("cannot run {shown}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(text)
    } else {
        Err(format!("{shown}: {}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr)))
    }
}

/// Runs a program with arguments to its end.
pub fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    output(Command::new(program).args(arguments))
}
