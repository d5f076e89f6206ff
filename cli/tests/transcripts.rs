//! What a person types, and everything that comes back: one file per story in `transcripts/`, with the command after
//! `$`, standard output, standard error behind `|`, and the exit status behind `?`. `UPDATE=1` writes them anew.
//!
//! Commands run in an empty directory that holds the files of the story (`== NAME` opens one) and nothing else; no
//! daemon is reachable from there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn stories() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// Runs one command in `home`; what came back in the form of a story.
fn run(command: &str, home: &Path) -> String {
    let output = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .current_dir(home)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", Path::new(env!("CARGO_BIN_EXE_paceline")).parent().unwrap().display()))
        .env("XDG_RUNTIME_DIR", home)
        .env("PACELINE_SOCKET", "nowhere.sock")
        .output()
        .unwrap();
    let mut text = format!("$ {command}\n");
    text.push_str(&String::from_utf8_lossy(&output.stdout));
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        writeln!(text, "{}", format!("| {line}").trim_end()).unwrap();
    }
    writeln!(text, "? {}", output.status.code().unwrap_or(-1)).unwrap();
    text.replace(&home.display().to_string(), "HOME")
}

/// Plays a story again and returns how it reads now.
fn replay(story: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut now = String::new();
    let mut file: Option<PathBuf> = None;
    for line in story.lines() {
        if let Some(name) = line.strip_prefix("== ") {
            file = Some(home.path().join(name));
            std::fs::write(file.as_ref().unwrap(), "").unwrap();
            writeln!(now, "{line}").unwrap();
        } else if let Some(command) = line.strip_prefix("$ ") {
            file = None;
            now.push_str(&run(command, home.path()));
        } else if let Some(path) = &file {
            let text = std::fs::read_to_string(path).unwrap();
            std::fs::write(path, format!("{text}{line}\n")).unwrap();
            writeln!(now, "{line}").unwrap();
        }
    }
    now
}

#[test]
fn every_story_still_goes_as_it_is_told() {
    let mut failed = Vec::new();
    let stories = stories();
    assert!(!stories.is_empty());
    for path in stories {
        let story = std::fs::read_to_string(&path).unwrap();
        let now = replay(&story);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &now).unwrap();
        } else if now != story {
            failed.push(format!("{}, now:\n{now}", path.display()));
        }
    }
    assert!(failed.is_empty(), "run with UPDATE=1 to accept\n{}", failed.join("\n"));
}
