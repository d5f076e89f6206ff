//! Problems of a cluster file, with the line and a caret.

use crate::output::Paint;
use crate::render::WIDTH;
use crate::render::text::wrapped_to;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use config::{Problem, Severity};

/// Columns that the renderer puts before a hint.
const MARK: usize = 15;

/// All of them, in the order of the file, each as a compiler would show it.
pub(crate) fn problems(path: &str, text: &str, problems: &[Problem], paint: Paint) -> String {
    let renderer = if paint.0 { Renderer::styled() } else { Renderer::plain() }.term_width(WIDTH);
    let mut out = String::new();
    for problem in problems {
        out.push_str(&renderer.render(&[one(path, text, problem)]));
        out.push_str("\n\n");
    }
    out
}

fn one<'a>(path: &'a str, text: &'a str, problem: &'a Problem) -> Group<'a> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let span = within(text, problem);
    let snippet = Snippet::source(text).path(path).annotation(AnnotationKind::Primary.span(span));
    let group = level.primary_title(problem.message.as_str()).element(snippet);
    match &problem.hint {
        // The renderer breaks no lines; behind its mark there is room for this many columns.
        Some(hint) => group.element(Level::HELP.message(wrapped_to("", hint, WIDTH - MARK).trim_end().to_owned())),
        None => group,
    }
}

/// The span, cut to its first line and to the text, on boundaries of characters: what comes over a socket may not fit.
fn within(text: &str, problem: &Problem) -> std::ops::Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(problem.span.start);
    let end = floor(problem.span.end).max(start);
    let line_end = text[start..end].find('\n').map_or(end, |at| start + at);
    start..line_end
}

/// "2 errors, 1 warning".
pub(crate) fn tally(problems: &[Problem]) -> String {
    use crate::render::text::count;
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let warnings = problems.len() - errors;
    match (errors, warnings) {
        (0, 0) => "no problems".to_owned(),
        (0, _) => count(warnings, "warning"),
        (_, 0) => count(errors, "error"),
        _ => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    }
}
