//! Hostile and mistyped files: reading them never panics, ends soon, and says a bounded amount.
#![allow(clippy::disallowed_methods, reason = "this test reads the cases and measures time")]

use config::{MAX_FILE, Severity, parse};
use std::path::Path;
use std::time::Duration;

/// What this thread has computed so far. The clock on the wall would measure whatever else the machine does.
fn computed() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells a thread its times");
    let nanos = told.split(' ').next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanos.expect("the first is the time on a CPU, in nanoseconds"))
}

/// Far above what is needed (see `worst` below), far below what an operator would call hanging.
const PATIENCE: Duration = Duration::from_secs(20);

/// Parses, and checks what holds for every text.
fn look(text: &str) -> Duration {
    let start = computed();
    let parsed = parse(text);
    let took = computed() - start;
    assert!(parsed.problems.len() <= 101, "{} problems", parsed.problems.len());
    let errors = parsed.problems.iter().any(|problem| problem.severity == Severity::Error);
    assert_eq!(parsed.config.is_none(), errors, "{text}");
    for problem in &parsed.problems {
        assert!(text.get(problem.span.clone()).is_some(), "{:?} in {text}", problem.span);
        assert!(problem.message.chars().count() < 500, "{}", problem.message);
        assert!(!problem.message.contains(char::is_control), "{:?}", problem.message);
        assert!(problem.line >= 1 && problem.column >= 1);
    }
    if let Some(config) = parsed.config {
        assert!(config::diff(&config, &config).is_empty());
    }
    took
}

fn corpus() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let entries = std::fs::read_dir(&root).expect("tests/cases is readable");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("tests/cases is readable").path()).collect();
    paths.sort();
    let read = |path| std::fs::read_to_string(path).expect("a case is readable");
    let mut texts: Vec<String> = paths.into_iter().map(read).collect();
    texts.push(config::EXAMPLE.to_owned());
    texts
}

fn mutate(text: &mut Vec<u8>, corpus: &[String], rng: &mut fastrand::Rng) {
    let at = rng.usize(..=text.len());
    let lines: Vec<usize> = std::iter::once(0)
        .chain(text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1))
        .collect();
    let line = |rng: &mut fastrand::Rng| {
        let number = rng.usize(..lines.len());
        lines[number]..lines.get(number + 1).copied().unwrap_or(text.len())
    };
    match rng.u8(..9) {
        0 if at < text.len() => text[at] = rng.u8(..),
        1 => text.insert(at, *rng.choice(b"[]{}=\"'.,#\n \\-0aE\x00\xff").expect("not empty")),
        2 if at < text.len() => drop(text.remove(at)),
        3 => text.truncate(at),
        4 => drop(text.drain(line(rng))),
        5 => {
            let copied = text[line(rng)].to_vec();
            let to = line(rng).start;
            text.splice(to..to, copied);
        }
        6 => {
            let other = rng.choice(corpus).expect("not empty").as_bytes();
            let from = rng.usize(..=other.len());
            let to = rng.usize(from..=other.len().min(from + 80));
            text.splice(at..at, other[from..to].iter().copied());
        }
        7 => {
            let odd: &[&str] =
                &["\"never\"", "nan", "-1", "\"10s\"", "[[]]", "{}", "9999999999999999999", "\"\"", "0x7f"];
            let odd = rng.choice(odd).expect("not empty");
            let value = line(rng);
            if let Some(equals) = text[value.clone()].iter().position(|byte| *byte == b'=') {
                text.splice(value.start + equals + 1..value.end, odd.bytes().chain(*b"\n"));
            }
        }
        _ => {
            let end = rng.usize(at..=text.len().min(at + 40));
            text.drain(at..end);
        }
    }
}

#[test]
fn mutated_files_never_panic_and_end_soon() {
    let corpus = corpus();
    let mut rng = fastrand::Rng::with_seed(0x00c0_ffee);
    let mut slowest = Duration::ZERO;
    for _ in 0..4000 {
        let mut text = rng.choice(&corpus).expect("the corpus is not empty").clone().into_bytes();
        for _ in 0..rng.usize(1..6) {
            mutate(&mut text, &corpus, &mut rng);
        }
        slowest = slowest.max(look(&String::from_utf8_lossy(&text)));
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}

fn filled(head: &str, part: impl Fn(usize) -> String) -> String {
    let mut text = head.to_owned();
    for number in 0.. {
        let part = part(number);
        if text.len() + part.len() > MAX_FILE {
            break;
        }
        text.push_str(&part);
    }
    text
}

#[test]
fn the_worst_files_end_soon() {
    let dummy = |n: usize| format!("[resources.r{n}]\nagent=\"ocf:a:b\"\n");
    let head = "cluster.name=\"t\"\nnodes.a.addresses=[\"h\"]\nnodes.b.addresses=[\"i\"]\n";
    let worst: Vec<(&str, String)> = vec![
        ("too large", "#".repeat(MAX_FILE + 1)),
        ("headers", filled("", |_| "[[".to_owned())),
        ("lists", filled("a=", |_| "[".to_owned())),
        ("tables", filled("a=", |_| "{a=".to_owned())),
        ("dots", filled("a", |_| ".a".to_owned())),
        ("equals", filled("", |_| "=".to_owned())),
        ("lines", filled("", |_| "=\n".to_owned())),
        ("same key", filled("", |_| "a=1\n".to_owned())),
        ("keys", filled("", |n| format!("k{n}=1\n"))),
        ("open lists", filled("", |n| format!("k{n}=[1\n"))),
        ("open texts", filled("", |n| format!("k{n}=\"\n"))),
        ("one line", filled("[cluster]\nname=\"", |_| "é".to_owned())),
        ("nodes", filled("", |n| format!("[nodes.n{n}]\n"))),
        ("resources", filled(head, dummy)),
        ("dangling", filled(head, |n| format!("[resources.r{n}]\nagent=\"ocf:a:b\"\nafter=[\"x{n}\"]\n"))),
        ("chain", filled(head, |n| format!("[resources.r{n}]\nagent=\"ocf:a:b\"\nafter=[\"r{}\"]\n", n + 1))),
        ("with one", filled(head, |n| format!("[resources.r{n}]\nagent=\"ocf:a:b\"\nwith=\"r0\"\nafter=\"r0\"\n"))),
        (
            "pairs apart",
            filled(head, |n| {
                let (one, other) = (n / 2 * 2, n / 2 * 2 + 1);
                let rule = format!("[[colocation]]\ndependent=\"r{one}\"\nprimary=\"r{other}\"\nscore=\"never\"\n");
                format!(
                    "{}with=\"r{}\"\n{}",
                    dummy(n),
                    if n == 0 { 1 } else { n - 1 },
                    if n % 2 == 1 { rule } else { String::new() }
                )
            }),
        ),
        (
            "a group",
            filled(&format!("{head}[groups.g]\nmembers=[\"r0\"]\n"), |n| {
                format!(
                    "[groups.g{n}]\nmembers=[\"r{n}\"]\nprefer={{a=1,b=\"never\"}}\n[resources.r{n}]\nagent=\"ocf:a:b\"\navoid=\"a\"\n"
                )
            }),
        ),
        (
            "opt-in",
            filled(&format!("{head}properties.symmetric-cluster=false\n"), |n| {
                format!("[groups.g{n}]\nmembers=[\"r{n}\"]\n[resources.r{n}]\nagent=\"ocf:a:b\"\n")
            }),
        ),
        (
            "operations",
            filled(&format!("{head}{}operations=[", dummy(0)), |n| format!("{{name=\"monitor\",interval=\"{n}h\"}},")),
        ),
    ];
    for (name, text) in worst {
        let took = look(&text);
        assert!(took < PATIENCE, "{name}: {} bytes in {took:?}", text.len());
    }
}
