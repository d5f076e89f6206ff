//! Collects everything wrong with one text, bounded, and turns byte spans into lines and columns.

use crate::problem::{Problem, Severity};
use std::collections::BTreeSet;
use std::ops::Range;

/// Problems shown for one text; the rest is counted.
pub(crate) const MAX_SHOWN: usize = 100;

/// Problems kept while reading, so that a hostile text costs bounded memory.
const MAX_KEPT: usize = 400;

/// Longest message or hint, in characters.
const MAX_MESSAGE: usize = 400;

/// Start of each line of a text, to place bytes.
#[derive(Debug)]
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Lines { text, starts }
    }

    /// Line of a byte, counted from 1.
    pub(crate) fn line(&self, byte: usize) -> u32 {
        u32::try_from(self.starts.partition_point(|start| *start <= byte)).unwrap_or(u32::MAX)
    }

    /// Column of a byte in characters, counted from 1.
    fn column(&self, byte: usize) -> u32 {
        let start = self.starts[self.starts.partition_point(|start| *start <= byte).saturating_sub(1)];
        let before = self.text.get(start..byte).map_or(0, |text| text.chars().count());
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }
}

struct Finding {
    severity: Severity,
    span: Range<usize>,
    message: String,
    hint: Option<String>,
}

/// The problems found so far.
pub(crate) struct Report<'t> {
    lines: Lines<'t>,
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
    uncounted: usize,
    broken_lines: BTreeSet<u32>,
    beyond: Vec<Beyond>,
}

/// Something that the scheduler understands and the daemon of this version does not carry out.
struct Beyond {
    what: String,
    first: Range<usize>,
    /// Places, as the same one may be read twice.
    places: BTreeSet<usize>,
}

/// Kinds of [`Beyond`] kept.
const MAX_BEYOND: usize = 100;

impl<'t> Report<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Report {
            lines: Lines::new(text),
            errors: Vec::new(),
            warnings: Vec::new(),
            uncounted: 0,
            broken_lines: BTreeSet::new(),
            beyond: Vec::new(),
        }
    }

    pub(crate) fn line(&self, byte: usize) -> u32 {
        self.lines.line(byte)
    }

    /// Whether more errors would only be counted, so that costly hints need not be computed.
    pub(crate) fn full(&self) -> bool {
        self.errors.len() >= MAX_KEPT
    }

    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// A line that is not TOML: what was guessed from it is not reported again.
    pub(crate) fn syntax(&mut self, span: Range<usize>, message: String, hint: Option<String>) {
        let line = self.line(span.start);
        if !self.broken_lines.contains(&line) {
            self.error(span, message, hint);
            self.broken_lines.insert(line);
        }
    }

    pub(crate) fn has_broken_lines(&self) -> bool {
        !self.broken_lines.is_empty()
    }

    pub(crate) fn error(&mut self, span: Range<usize>, message: String, hint: Option<String>) {
        if self.broken_lines.contains(&self.line(span.start)) {
            return;
        }
        if self.errors.iter().any(|old| old.span == span && old.message == message) {
            return;
        }
        if self.full() {
            self.uncounted += 1;
        } else {
            self.errors.push(Finding { severity: Severity::Error, span, message, hint });
        }
    }

    /// Something is not there. In a text that is partly unreadable it may just not have been seen, and is not reported.
    pub(crate) fn missing(&mut self, span: Range<usize>, message: String, hint: Option<String>) {
        if !self.has_broken_lines() {
            self.error(span, message, hint);
        }
    }

    /// A risk. Of a text that is partly unreadable it would be a guess, and is not reported.
    pub(crate) fn warning(&mut self, span: Range<usize>, message: String, hint: Option<String>) {
        if self.has_broken_lines() {
            return;
        }
        if self.warnings.len() >= MAX_KEPT {
            self.uncounted += 1;
        } else {
            self.warnings.push(Finding { severity: Severity::Warning, span, message, hint });
        }
    }

    /// Something that the scheduler understands and the daemon of this version does not carry out: `what`, in a few
    /// words.
    pub(crate) fn beyond(&mut self, span: Range<usize>, what: &str) {
        if let Some(known) = self.beyond.iter_mut().find(|known| known.what == what) {
            known.places.insert(span.start);
        } else if self.beyond.len() < MAX_BEYOND {
            self.beyond.push(Beyond { what: what.to_owned(), places: BTreeSet::from([span.start]), first: span });
        }
    }

    /// What was [`Report::beyond`], with the first line of each; warns of it too.
    pub(crate) fn finish_beyond(&mut self) -> Vec<String> {
        let beyond = std::mem::take(&mut self.beyond);
        let mut words = Vec::with_capacity(beyond.len());
        for Beyond { what, first, places } in beyond {
            let times = if places.len() > 1 { format!(", {} times", places.len()) } else { String::new() };
            words.push(format!("{what} (line {}{times})", self.line(first.start)));
            let message = format!("the daemon of this version does not carry out {what}{times}");
            let hint =
                "`paceline simulate` and `paceline check` understand it; `apply` and `cluster init` refuse the file";
            self.warning(first, message, Some(hint.to_owned()));
        }
        words
    }

    /// The problems in the order of the text, errors preferred to warnings when there are too many.
    pub(crate) fn finish(mut self) -> Vec<Problem> {
        let mut shown = self.errors;
        shown.sort_by_key(|finding| finding.span.start);
        self.warnings.sort_by_key(|finding| finding.span.start);
        let total = shown.len() + self.warnings.len() + self.uncounted;
        let last_severity = if shown.len() > MAX_SHOWN { Severity::Error } else { Severity::Warning };
        shown.truncate(MAX_SHOWN);
        shown.extend(self.warnings.into_iter().take(MAX_SHOWN - shown.len()));
        shown.sort_by_key(|finding| finding.span.start);
        let hidden = total - shown.len();
        if hidden > 0 {
            let end = shown.last().map_or(0..0, |finding| finding.span.clone());
            let message = format!("and {hidden} more");
            let hint = Some("mend the ones above and look again".to_owned());
            shown.push(Finding { severity: last_severity, span: end, message, hint });
        }
        let lines = &self.lines;
        shown.into_iter().map(|finding| finding.placed(lines)).collect()
    }
}

/// A text of the file inside a message: of bounded length, and without bytes that would play with a terminal.
fn tame(text: String) -> String {
    let cut = text.char_indices().nth(MAX_MESSAGE).map_or(text.len(), |(at, _)| at);
    if cut == text.len() && !text.contains(char::is_control) {
        return text;
    }
    let mut tame: String = text[..cut].chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if cut < text.len() {
        tame.push_str(" ...");
    }
    tame
}

impl Finding {
    fn placed(self, lines: &Lines<'_>) -> Problem {
        Problem {
            severity: self.severity,
            line: lines.line(self.span.start),
            column: lines.column(self.span.start),
            message: tame(self.message),
            span: self.span,
            hint: self.hint.map(tame),
        }
    }
}
