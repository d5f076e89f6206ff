//! Rules about the text of files: headers, sizes, names, words.

use super::{Broken, Source};
use std::path::Path;

/// Above this a file needs a line `// long: REASON` near its top.
const LONG: usize = 1000;

/// Words that are not ours, and what we say. Matched as whole words in Rust sources and documents.
const WORDS: [(&str, &str); 6] = [
    ("stonith", "fencing"),
    ("master", "promoted, or DC"),
    ("slave", "unpromoted"),
    ("heartbeat timeout", "token"),
    ("epoch", "view"),
    ("allocate a resource", "assign"),
];

/// File names that say nothing.
const EMPTY_NAMES: [&str; 5] = ["utils.rs", "util.rs", "common.rs", "helpers.rs", "mod.rs"];

/// Checks every file.
pub fn check(sources: &[Source], broken: &mut Vec<Broken>) {
    for source in sources {
        let mut report = |line: Option<usize>, rule: String| {
            let place = match line {
                Some(line) => format!("{}:{line}", source.path.display()),
                None => source.path.display().to_string(),
            };
            broken.push(Broken { place, rule });
        };
        let rust = source.path.extension().is_some_and(|extension| extension == "rs");
        if rust {
            rust_file(source, &mut report);
        }
        // This file names the words in order to ban them; the licence and the lock file are not ours.
        let foreign = ["LICENSE-APACHE", "Cargo.lock"].iter().any(|name| source.path == Path::new(name));
        if source.path == Path::new("xtask/src/tidy/text.rs") || foreign {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            words(line, number + 1, rust, &mut report);
        }
    }
}

fn rust_file(source: &Source, report: &mut dyn FnMut(Option<usize>, String)) {
    let name = source.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if EMPTY_NAMES.contains(&name.as_str()) {
        report(None, format!("{name} says nothing; name the file with the word it is about"));
    }
    if !source.text.starts_with("//!") {
        report(Some(1), "a file opens with `//!`: what it is, and what it is not".into());
    }
    let lines = source.text.lines().count();
    let reason = source.text.lines().take(40).any(|line| line.starts_with("// long:"));
    if lines > LONG && !reason {
        report(None, format!("{lines} lines: split it, or write the reason as `// long: ...` near its top"));
    }
}

fn words(line: &str, number: usize, rust: bool, report: &mut dyn FnMut(Option<usize>, String)) {
    for mark in ["TODO", "FIXME", "XXX"] {
        if has_word(line, mark) && !line.contains("issue ") {
            report(Some(number), format!("{mark} without an issue: do it, or file it and name it"));
        }
    }
    let machine_path = ["/work/", "/root/"].iter().any(|path| line.contains(path));
    if machine_path {
        report(Some(number), "a path of one machine does not belong into the tree".into());
    }
    if rust {
        let low = line.to_lowercase();
        for (word, ours) in WORDS {
            // A fact about the peer ("peer: stonith-enabled") may use the peer's word.
            if has_word(&low, word) && !low.contains("peer") && !low.contains("\"") {
                report(Some(number), format!("we do not say {word:?} but {ours}"));
            }
        }
        // rustfmt keeps code within the width; it does not touch comments.
        if line.trim_start().starts_with("//") && line.chars().count() > 120 {
            report(Some(number), "a comment longer than 120 characters".into());
        }
    }
}

fn has_word(line: &str, word: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    line.match_indices(word)
        .any(|(at, _)| edge(line[..at].chars().next_back()) && edge(line[at + word.len()..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn broken(path: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        check(&[Source { path: path.into(), text: text.into() }], &mut found);
        found.into_iter().map(|broken| broken.rule).collect()
    }

    #[test]
    fn each_rule_can_be_broken() {
        assert!(broken("a/b.rs", "//! Fine.\nfn f() {}\n").is_empty());
        assert_eq!(broken("a/b.rs", "fn f() {}\n").len(), 1, "header");
        assert_eq!(broken("a/utils.rs", "//! Things.\n").len(), 1, "name");
        assert_eq!(broken("a/b.rs", "//! Fine.\n// TODO later\n").len(), 1, "mark");
        assert_eq!(broken("a/b.rs", "//! The slave node.\n").len(), 1, "word");
        assert_eq!(broken("a/b.rs", &format!("//! Long.\n{}", "\n".repeat(1001))).len(), 1, "size");
        assert_eq!(broken("a/b.md", &format!("see {}x\n", "/work/")).len(), 1, "path");
        assert_eq!(broken("a/b.rs", &format!("//! {}\n", "x".repeat(130))).len(), 1, "width");
    }
}
