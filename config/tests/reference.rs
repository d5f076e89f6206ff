//! The printed reference is current, and its example is a valid cluster file.
#![allow(clippy::disallowed_methods, reason = "this test reads the printed reference, and writes it when asked to")]

use std::path::Path;

#[test]
fn the_printed_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference.md");
    let current = config::reference();
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(&path, &current).expect("docs/reference.md can be written");
    }
    let printed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(printed == current, "docs/reference.md is not current: run the tests of `config` with UPDATE=1");
}

#[test]
fn the_example_is_without_problems() {
    let parsed = config::parse(config::EXAMPLE);
    assert_eq!(parsed.problems, []);
    assert!(parsed.config.is_some());
}
