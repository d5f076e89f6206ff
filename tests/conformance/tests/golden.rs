//! Small CIBs in `cases/`, each with the actions that it leads to: rules that were found beside the peer. The first
//! comment of a file says the rule in a sentence, then the expected actions, one in each line behind a `*`. `UPDATE=1`
//! rewrites them; a rewritten line is reviewed like code.
#![allow(clippy::disallowed_methods)]

use conformance::{peer, random};
use scheduler::audit::audit;
use std::path::Path;

#[test]
fn every_case_leads_to_its_actions() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let files = std::fs::read_dir(&directory).expect("the cases are there");
    let mut paths: Vec<_> = files.map(|file| file.expect("readable").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no cases in {}", directory.display());
    let wrong: Vec<String> = paths.iter().filter_map(|path| judge(path)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with one case.
fn judge(path: &Path) -> Option<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = std::fs::read_to_string(path).expect("readable");
    let (comment, cib) = text.split_once("-->").expect("a case begins with a comment");
    let mut situation = import::read(&text).unwrap_or_else(|problem| panic!("{name}: {problem}"));
    situation.now_ms = random::NOW * 1000;
    let schedule = scheduler::schedule(&situation);
    let unsafe_lines: Vec<String> = audit(&situation, &schedule).iter().map(ToString::to_string).collect();
    let mut found = Vec::new();
    for (action, count) in peer::ours(&schedule) {
        found.extend(std::iter::repeat_n(action, usize::try_from(count).expect("a few")));
    }
    if std::env::var_os("UPDATE").is_some() {
        let sentence: String =
            comment.lines().filter(|line| !line.starts_with("  *")).map(|line| format!("{line}\n")).collect();
        let actions: String = found.iter().map(|action| format!("  * {action}\n")).collect();
        std::fs::write(path, format!("{sentence}{actions}-->{cib}")).expect("writable");
    }
    let wanted: Vec<&str> = comment.lines().filter_map(|line| line.strip_prefix("  * ")).collect();
    if !unsafe_lines.is_empty() {
        return Some(format!("{name}: the audit refuses it: {}", unsafe_lines.join("; ")));
    }
    (wanted != found && std::env::var_os("UPDATE").is_none())
        .then(|| format!("{name}: expected {wanted:#?}, found {found:#?}"))
}
