//! What TOML itself refuses, in words for people who have never read its grammar.
//!
//! One forgotten bracket makes everything below it look wrong. So a statement that is not TOML is reported once, taken
//! out, and the rest is read again as if it had not been there; byte positions stay what they were.

use crate::report::Report;
use std::collections::BTreeSet;
use std::ops::Range;
use toml::de::{DeTable, Error};

/// Bytes read again at most while statements are taken out.
const MAX_READ: usize = 4 << 20;

/// A text with more errors than this is hardly TOML at all, and is read once.
const MAX_ERRORS: usize = 1000;

/// Statements taken out at most.
const MAX_ROUNDS: usize = 60;

/// Reports what is not TOML, and returns the text without the statements at fault.
pub(super) fn mend(text: &str, report: &mut Report<'_>) -> String {
    let mut mended = text.to_owned();
    let mut done = BTreeSet::new();
    let rounds = MAX_ROUNDS.min(MAX_READ / text.len().max(1));
    for round in 0.. {
        let mut errors = DeTable::parse_recoverable(&mended).1;
        errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
        let last = round >= rounds || errors.len() > MAX_ERRORS;
        let mut refused = errors.iter().filter_map(|error| refuse(error, text, &mended, &mut done, report));
        if last {
            // what is left is said without taking it out
            refused.for_each(drop);
            break;
        }
        let Some(statement) = refused.next() else { break };
        mended = blanked(&mended, statement);
    }
    mended
}

/// Reports an error of a line that had none yet; the statement to take out when that helps.
fn refuse(
    error: &Error,
    text: &str,
    mended: &str,
    done: &mut BTreeSet<u32>,
    report: &mut Report<'_>,
) -> Option<Range<usize>> {
    let start = boundary(text, error.span().map_or(0, |span| span.start));
    let end = boundary(text, error.span().map_or(0, |span| span.end));
    if done.contains(&report.line(start)) {
        return None;
    }
    if report.full() {
        report.syntax(start..start, String::new(), None);
        return None;
    }
    // something to see, unless the line ends here
    let next = text[start..].chars().next().filter(|c| *c != '\n').map_or(start, |c| start + c.len_utf8());
    let end = end.max(next);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let inside = error.message().contains("array") || error.message().contains("inline table");
    let runaway = inside && text[line_start..start].trim().is_empty() && starts_statement(&text[start..]);
    let statement = statement_at(mended, if runaway { line_start.saturating_sub(1) } else { start });
    let line = match (&statement, runaway) {
        (Some(statement), true) => report.line(statement.start),
        _ => report.line(start),
    };
    if !done.insert(line) {
        return None;
    }
    if error.message().starts_with("duplicate key") {
        let hint = "a name stands once in its table, and a table has one header; merge them or remove one";
        report.syntax(start..end, format!("`{}` is given twice", &text[start..end]), Some(hint.to_owned()));
        return None;
    }
    match statement {
        Some(statement) if runaway => {
            let what = if error.message().contains("array") { ("list", ']') } else { ("table", '}') };
            let span = statement.start..statement.start + first_line(&text[statement.clone()]).len();
            let hint = format!("it ends with {:?}, before the next line starts", what.1);
            report.syntax(span, format!("not TOML: the {} is not closed", what.0), Some(hint));
            Some(statement)
        }
        statement => {
            let (message, hint) = words(error.message(), &text[start..end]);
            report.syntax(start..end, format!("not TOML: {message}"), hint);
            statement
        }
    }
}

fn words(message: &str, written: &str) -> (String, Option<String>) {
    let invalid_text = ["invalid basic", "invalid literal", "invalid multi-line"];
    if invalid_text.iter().any(|start| message.starts_with(start)) {
        if !written.is_empty() {
            return ("there is no value, or one that is not in quotes".to_owned(), None);
        }
        let hint = "it ends with the quotes it starts with, \"...\"; only \"\"\"...\"\"\" goes over several lines";
        return ("the text is not closed".to_owned(), Some(hint.to_owned()));
    }
    let hint = match written.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some("write true"),
        "false" | "no" | "off" => Some("write false"),
        _ if message.contains("must be quoted") => Some("texts stand in quotes: \"...\""),
        _ if message.contains("invalid float") => Some("a text such as an address stands in quotes: \"...\""),
        _ => None,
    };
    let message = message.split(", expected literal string").next().unwrap_or(message);
    (message.trim_end_matches(", expected nothing").to_owned(), hint.map(str::to_owned))
}

/// The nearest position at or before `at` between two characters.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("").trim_end()
}

/// The `key = value` that begins last before `end`; `None` when that is a header, without which its options would be
/// taken for those of the table above.
fn statement_at(text: &str, end: usize) -> Option<Range<usize>> {
    let before = &text[..boundary(text, end)];
    let mut line_end = before.len();
    loop {
        let start = before[..line_end].rfind('\n').map_or(0, |at| at + 1);
        if starts_statement(&text[start..]) {
            return (!text[start..].trim_start().starts_with('[')).then(|| start..statement_end(text, start));
        }
        if start == 0 {
            return None;
        }
        line_end = start - 1;
    }
}

fn statement_end(text: &str, start: usize) -> usize {
    let mut at = start;
    while let Some(length) = text[at..].find('\n') {
        at += length + 1;
        if starts_statement(&text[at..]) {
            return at;
        }
    }
    text.len()
}

/// Whether a line begins with `key =`, `=` or `[name`, which no line inside of a value does.
fn starts_statement(line: &str) -> bool {
    let line = first_line(line).trim_start();
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | '"' | '\'');
    if let Some(header) = line.strip_prefix('[') {
        let header = header.trim_start_matches('[');
        let name = header.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        return header.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.starts_with([',', ' ']);
    }
    let rest = line.trim_start_matches(bare);
    rest.starts_with('=')
}

/// The text with spaces in place of all but its line breaks in `range`.
fn blanked(text: &str, range: Range<usize>) -> String {
    let gone = text[range.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' });
    let mut blanked = String::with_capacity(text.len());
    blanked.push_str(&text[..range.start]);
    blanked.extend(gone);
    blanked.push_str(&text[range.end..]);
    blanked
}
