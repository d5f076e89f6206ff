//! What TOML itself refuses, in words for people who have never read its grammar.

use super::at_least_one;
use crate::report::Report;
use toml::de::Error;

/// Reports each syntax error, the first of a line only.
pub(super) fn report(text: &str, errors: &[Error], report: &mut Report<'_>) {
    for error in errors {
        let span = at_least_one(error.span().unwrap_or(0..0), text);
        let written = text.get(span.clone()).unwrap_or("");
        let (message, hint) = words(error.message(), written);
        report.syntax(span, message, hint);
    }
}

fn words(message: &str, written: &str) -> (String, Option<String>) {
    if message.starts_with("duplicate key") {
        let hint = "a name stands once in its table, and a table has one header; merge them or remove one";
        return (format!("`{written}` is given twice"), Some(hint.to_owned()));
    }
    let hint = if message.contains("string values must be quoted") || message.contains("missing quotes") {
        Some("texts stand in quotes: \"...\"".to_owned())
    } else {
        None
    };
    (format!("not TOML: {message}"), hint)
}
