//! What documents show is what the program prints: every `console` block of `docs/explain.md` is run again, with the
//! files that `<!-- file: NAME -->` gives a name to (`NAME = OTHER +` goes on from another one). `UPDATE=1` writes the
//! blocks anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// A document taken apart at its fenced blocks: plain text and blocks in turn.
fn parts(document: &str) -> Vec<&str> {
    document.split("```").collect()
}

/// The files that the document shows.
fn files(parts: &[&str]) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for pair in parts.windows(2) {
        let Some(mark) = pair[0].trim_end().rsplit_once("<!-- file: ").and_then(|(_, mark)| mark.strip_suffix(" -->"))
        else {
            continue;
        };
        let text = pair[1].split_once('\n').unwrap().1;
        let (name, start) = match mark.split_once(" = ") {
            Some((name, other)) => (name, format!("{}\n", files[other.strip_suffix(" +").unwrap()])),
            None => (mark, String::new()),
        };
        files.insert(name.to_owned(), start + text);
    }
    files
}

/// A block as it reads when its commands are run again.
fn run(block: &str, home: &Path) -> String {
    let mut now = String::from("console\n");
    for command in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let output = Command::new("/bin/sh")
            .args(["-c", command])
            .current_dir(home)
            .env_clear()
            .env("PATH", Path::new(env!("CARGO_BIN_EXE_paceline")).parent().unwrap())
            .output()
            .unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        now.push_str(&format!("$ {command}\n{}", String::from_utf8_lossy(&output.stdout)));
    }
    now
}

#[test]
fn the_scenes_of_explain_are_what_it_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/explain.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let home = tempfile::tempdir().unwrap();
    let parts = parts(&document);
    for (name, text) in files(&parts) {
        std::fs::write(home.path().join(name), text).unwrap();
    }
    let again: Vec<String> = parts
        .iter()
        .map(|part| if part.starts_with("console\n") { run(part, home.path()) } else { (*part).to_owned() })
        .collect();
    assert!(again.iter().filter(|part| part.starts_with("console\n")).count() >= 5);
    let now = again.join("```");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, now).unwrap();
    } else {
        assert!(now == document, "docs/explain.md is not what is printed; run with UPDATE=1 to accept. Now:\n{now}");
    }
}
