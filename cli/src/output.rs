//! Where results go: standard output for answers, standard error for remarks; colour only where a person looks.

use std::io::{self, IsTerminal, Write};

/// How and where to write.
#[derive(Debug)]
pub(crate) struct Output {
    /// Standard output is a terminal that wants colour.
    pub(crate) paint: Paint,
    /// The same for standard error.
    pub(crate) error_paint: Paint,
}

/// Colour, or not. A colour never says what the text does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint(pub(crate) bool);

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Needs an operator.
    Bad,
    /// A heading.
    Head,
    /// Less important.
    Dim,
}

impl Paint {
    /// `text`, painted if this paints.
    pub(crate) fn text(self, style: Style, text: &str) -> String {
        let code = match style {
            _ if !self.0 => return text.to_owned(),
            Style::Good => "32",
            Style::Warn => "33",
            Style::Bad => "1;31",
            Style::Head => "1",
            Style::Dim => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

impl Output {
    /// Looks at the terminal and at NO_COLOR.
    pub(crate) fn new() -> Output {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Output {
            paint: Paint(wanted && io::stdout().is_terminal()),
            error_paint: Paint(wanted && io::stderr().is_terminal()),
        }
    }

    /// Writes an answer. A reader that has gone away (`| head`) ends the program without a word.
    pub(crate) fn print(&self, text: &str) {
        let mut out = io::stdout().lock();
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            std::process::exit(0);
        }
    }

    /// Writes an answer and ends the line.
    pub(crate) fn line(&self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    /// Writes a value as JSON.
    pub(crate) fn json(&self, value: &impl serde::Serialize) {
        self.line(&serde_json::to_string_pretty(value).expect("answers can be written as JSON"));
    }

    /// Writes a remark that is not part of the answer.
    pub(crate) fn note(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{} {text}", self.error_paint.text(Style::Dim, "note:"));
    }
}
