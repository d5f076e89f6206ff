//! An explanation on a terminal: its long lines wrapped below what they say something of. Commands stay whole, so that
//! they can be copied.

use crate::render::WIDTH;
use crate::render::text::{clean, wrapped};
use unicode_width::UnicodeWidthStr;

/// Columns before the words of what speaks for or against a node: its indent, the score, a gap.
const POINT: usize = 17;

/// Widest name that the other lines of a paragraph are set below, in columns.
const NAME: usize = 24;

/// The text of an explanation in lines of at most [`WIDTH`] columns.
pub(crate) fn explanation(text: &str) -> String {
    text.lines().map(line).collect()
}

fn line(line: &str) -> String {
    let line = clean(line);
    if line.width() <= WIDTH || line.trim_start().starts_with("paceline ") {
        return line + "\n";
    }
    let (first, rest) = line.split_at(head(&line));
    wrapped(first, rest)
}

/// How many bytes of a line the others of its paragraph are set below.
fn head(line: &str) -> usize {
    let indent = line.len() - line.trim_start().len();
    let score = line.get(..POINT).filter(|score| score.ends_with("  "));
    if score.is_some() && line.get(POINT..).is_some_and(|words| !words.starts_with(' ')) {
        return POINT;
    }
    let name = line.split_once(": ").map(|(name, _)| name).filter(|name| name.trim_start().width() <= NAME);
    name.map_or(indent, |name| name.len() + 2)
}

#[cfg(test)]
mod tests {
    use super::explanation;

    #[test]
    fn long_lines_are_wrapped_below_what_they_are_about_and_commands_are_not() {
        let words = "word ".repeat(20);
        let command = format!("    paceline resource cleanup {} --on alpha", "x".repeat(64));
        let text = format!("db: {words}\n    beta: {words}\n      ruled out  {words}\n{command}\n      {words}\n");
        let shown = explanation(&text);
        let lines: Vec<&str> = shown.lines().collect();
        let begins: Vec<usize> = lines.iter().map(|line| line.len() - line.trim_start().len()).collect();
        assert_eq!(begins, [0, 4, 4, 10, 6, 17, 4, 6, 6], "{shown}");
        assert_eq!(lines[6], command);
        assert!(lines.iter().all(|line| line.len() <= 80 || *line == command), "{shown}");
    }
}
