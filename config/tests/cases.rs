//! Cluster files and what is said about them: each case is one file that ends with the problems expected of it.
//!
//! Below the rule of dashes stands one line per problem: severity, place, the text meant, the message, and the hint.
//! `UPDATE=1` rewrites that part; a rewritten line is reviewed like code.
#![allow(clippy::disallowed_methods, reason = "this test reads its cases, and rewrites them when asked to")]

use config::{Problem, Severity, parse};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const RULE: &str = "\n# ---- expected\n";

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let entries = std::fs::read_dir(&root).expect("tests/cases is readable");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("tests/cases is readable").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    paths.sort();
    paths
}

fn written(text: &str, problem: &Problem) -> String {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let meant = text.get(problem.span.clone()).expect("a span lies between characters of the text");
    let meant = meant.lines().next().unwrap_or("");
    let mut line = format!("# {severity} {}:{} |{meant}| {}\n", problem.line, problem.column, problem.message);
    if let Some(hint) = &problem.hint {
        writeln!(line, "#     {hint}").expect("a String takes all text");
    }
    line
}

#[test]
fn every_case_has_the_problems_it_expects() {
    let update = std::env::var("UPDATE").is_ok();
    let paths = cases();
    assert!(paths.len() > 20, "only {} cases found", paths.len());
    let mut wrong = String::new();
    for path in paths {
        let case = std::fs::read_to_string(&path).expect("a case is readable");
        let (text, expected) = case.split_once(RULE).unwrap_or((&case, ""));
        let parsed = parse(text);
        let errors = parsed.problems.iter().any(|problem| problem.severity == Severity::Error);
        assert_eq!(parsed.config.is_none(), errors, "{}", path.display());
        let mut found: String = parsed.problems.iter().map(|problem| written(text, problem)).collect();
        if found.is_empty() {
            found.push_str("# nothing\n");
        }
        if update {
            std::fs::write(&path, format!("{text}{RULE}{found}")).expect("a case is writable");
        } else if found != expected {
            writeln!(wrong, "{}\nexpected:\n{expected}found:\n{found}", path.display())
                .expect("a String takes all text");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
