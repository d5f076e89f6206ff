//! Pieces of text: wrapped, cut and padded by what they take on a terminal, not by their bytes.

use crate::render::WIDTH;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `text` in lines of at most [`WIDTH`] columns: the first begins with `first`, the others with spaces of the same
/// width. Control characters (an agent's output may hold any) become spaces.
pub(crate) fn wrapped(first: &str, text: &str) -> String {
    wrapped_to(first, text, WIDTH)
}

/// The same in lines of at most `width` columns.
pub(crate) fn wrapped_to(first: &str, text: &str, width: usize) -> String {
    let indent = first.width();
    let room = width.saturating_sub(indent).max(20);
    let mut lines: Vec<String> = vec![String::new()];
    for word in clean(text).split_whitespace() {
        for piece in pieces(word, room) {
            let line = lines.last_mut().expect("there is always a line");
            let gap = usize::from(!line.is_empty());
            if line.width() + gap + piece.width() > room {
                lines.push(piece);
            } else {
                if gap == 1 {
                    line.push(' ');
                }
                line.push_str(&piece);
            }
        }
    }
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        match number {
            0 => out.push_str(first),
            _ => out.push_str(&" ".repeat(indent)),
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// Cuts a word that is wider than a line.
fn pieces(word: &str, room: usize) -> Vec<String> {
    if word.width() <= room {
        return vec![word.to_owned()];
    }
    let mut pieces = vec![String::new()];
    for character in word.chars() {
        let piece = pieces.last_mut().expect("there is always a piece");
        if piece.width() + character.width().unwrap_or(0) > room {
            pieces.push(String::new());
        }
        pieces.last_mut().expect("there is always a piece").push(character);
    }
    pieces
}

/// Without control characters, so that no text of an agent can move the cursor or change the colour.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// `text` filled with spaces to `width` columns, or cut with an ellipsis.
pub(crate) fn cell(text: &str, width: usize) -> String {
    let text = clean(text);
    let wide = text.width();
    if wide <= width {
        return text + &" ".repeat(width - wide);
    }
    let mut cut = String::new();
    for character in text.chars() {
        // One column is for the ellipsis.
        if cut.width() + character.width().unwrap_or(0) + 1 > width {
            break;
        }
        cut.push(character);
    }
    cut.push('…');
    let wide = cut.width();
    cut + &" ".repeat(width.saturating_sub(wide))
}

/// The widest of these texts, within the bounds.
pub(crate) fn widest<'a>(texts: impl IntoIterator<Item = &'a str>, least: usize, most: usize) -> usize {
    texts.into_iter().map(UnicodeWidthStr::width).max().unwrap_or(0).clamp(least, most)
}

/// "1 node", "3 nodes".
pub(crate) fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_words_and_cuts_monsters() {
        let text = wrapped("  ! ", &format!("one {} two", "x".repeat(200)));
        assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
        assert!(text.starts_with("  ! one\n    xxx"));
        assert!(text.trim_end().ends_with("two"));
        assert_eq!(wrapped("- ", ""), "- \n");
    }

    #[test]
    fn an_agent_cannot_paint_the_terminal() {
        assert_eq!(clean("bad\x1b[31m\nnews\u{9b}"), "bad [31m news ");
    }

    #[test]
    fn cells_have_their_width() {
        assert_eq!(cell("ab", 4), "ab  ");
        assert_eq!(cell("abcdef", 4), "abc…");
        assert_eq!(cell("日本語", 4).width(), 4);
    }
}
