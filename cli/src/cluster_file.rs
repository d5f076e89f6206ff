//! Reading a cluster file from disk, and telling everything that is wrong with it before anybody else sees it.

use crate::client::Client;
use crate::failure::Failure;
use crate::output::Output;
use crate::render::problems::{problems, tally};
use crate::sandbox::adapt::ClusterText;
use crate::sandbox::layout::Layout;
use config::{Config, MAX_FILE, Parsed, Problem, Severity, parse};
use std::io::{Read, Write};
use std::path::Path;

/// A file and what became of it.
pub(crate) struct ClusterFile {
    /// As it is called in messages.
    pub(crate) shown: String,
    /// What it says.
    pub(crate) text: String,
    /// What that means.
    pub(crate) parsed: Parsed,
}

impl ClusterFile {
    /// Reads a file; `-` is standard input.
    pub(crate) fn read(path: &Path) -> Result<ClusterFile, Failure> {
        let shown = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
        let limit = MAX_FILE as u64 + 1;
        let mut bytes = Vec::new();
        let read = if path == Path::new("-") {
            std::io::stdin().take(limit).read_to_end(&mut bytes)
        } else {
            std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
        };
        read.map_err(|error| Failure::refused(format!("cannot read the cluster file {shown}")).because(error))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
            Failure::refused(format!("{shown} is not text: line {line} has bytes that are not UTF-8"))
        })?;
        let parsed = parse(&text);
        Ok(ClusterFile { shown, text, parsed })
    }

    /// A text that did not come from a file.
    pub(crate) fn of_text(shown: &str, text: String) -> ClusterFile {
        let parsed = parse(&text);
        ClusterFile { shown: shown.to_owned(), text, parsed }
    }

    /// Shows the problems on standard error, and fails when one of them is an error.
    pub(crate) fn check(&self, output: &Output) -> Result<&Config, Failure> {
        show(&self.shown, &self.text, &self.parsed.problems, output);
        self.parsed.config.as_ref().ok_or_else(|| self.invalid())
    }

    fn invalid(&self) -> Failure {
        Failure::refused(format!("{} is not a valid cluster file: {}", self.shown, tally(&self.parsed.problems)))
    }

    /// The text to send to the daemon: this one, or what a sandbox makes of it.
    pub(crate) fn text_for(&self, client: &Client, output: &Output) -> Result<String, Failure> {
        match Layout::of_socket(client.socket()) {
            None => {
                self.check(output)?;
                Ok(self.text.clone())
            }
            Some(layout) => {
                self.check_errors_only(output)?;
                let seats = layout.description()?.seats;
                let document = ClusterText::parse(&self.text, &self.shown).or_else(|failure| {
                    // The checker says the same with the line and a caret, and finds the rest.
                    self.check(output)?;
                    Err(failure)
                })?;
                let (text, notes) = document.adapted(&layout, &seats)?;
                output.note("this is a sandbox: its own addresses and fence device stand in for those of the file");
                notes.iter().for_each(|note| output.note(note));
                self.check_adapted(&text, output)?;
                Ok(text)
            }
        }
    }

    /// For a sandbox, which has no use for the addresses and devices of the file: tells what is wrong with the rest.
    /// Nothing, when the file is not even to be adapted for other reasons than those that adapting removes.
    pub(crate) fn check_adapted(&self, adapted: &str, output: &Output) -> Result<(), Failure> {
        let parsed = parse(adapted);
        if parsed.config.is_some() {
            return Ok(());
        }
        if self.parsed.config.is_none() {
            show(&self.shown, &self.text, &self.parsed.problems, output);
            return Err(self.invalid());
        }
        show(&format!("{} (as adapted for the sandbox)", self.shown), adapted, &parsed.problems, output);
        Err(Failure::refused(format!("{} cannot be used in a sandbox", self.shown)))
    }

    fn check_errors_only(&self, output: &Output) -> Result<(), Failure> {
        let warnings: Vec<Problem> =
            self.parsed.problems.iter().filter(|problem| problem.severity == Severity::Warning).cloned().collect();
        if self.parsed.config.is_some() {
            show(&self.shown, &self.text, &warnings, output);
        }
        Ok(())
    }
}

/// Draws problems on standard error.
fn show(shown: &str, text: &str, found: &[Problem], output: &Output) {
    let _ = std::io::stderr().write_all(problems(shown, text, found, output.error_paint).as_bytes());
}
