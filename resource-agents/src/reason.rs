//! Why an operation failed, in the agent's own words: the one line of its output that a person should see.

/// Most bytes of a reason that travel to the cluster.
pub const REASON_LIMIT: usize = 256;

/// What an OCF agent writes before a sentence that is meant for people (`OCF_EXIT_REASON_PREFIX`).
pub const EXIT_REASON_PREFIX: &str = "ocf-exit-reason:";

/// The agent's words: its last `ocf-exit-reason:` line, else the last line of standard error that is not blank.
#[must_use]
pub fn reason_of(stderr: &str) -> Option<String> {
    let marked = stderr.lines().rev().find_map(|line| {
        let (_, words) = line.split_once(EXIT_REASON_PREFIX)?;
        let words = presentable(words);
        (!words.is_empty()).then_some(words)
    });
    marked.or_else(|| stderr.lines().rev().map(presentable).find(|line| !line.is_empty()))
}

/// One line for people: no control characters, no blanks around it, at most [`REASON_LIMIT`] bytes.
#[must_use]
pub fn presentable(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(shown).collect();
    if line.len() > REASON_LIMIT {
        let mut end = REASON_LIMIT;
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line.truncate(end);
    }
    line.trim().to_owned()
}

/// Terminal escapes and marks that reverse the direction of text have no place in a status line.
fn shown(c: &char) -> bool {
    !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_marked_line_wins_over_later_chatter() {
        let stderr = "ocf-exit-reason:first\nDummy[3]: ocf-exit-reason: no such disk\nERROR: giving up\n";
        assert_eq!(reason_of(stderr).unwrap(), "no such disk");
    }

    #[test]
    fn without_a_mark_the_last_line_with_words_is_taken() {
        assert_eq!(reason_of("a\nbind: address in use\n  \n\n").unwrap(), "bind: address in use");
        assert_eq!(reason_of("ocf-exit-reason:  \nwords\n").unwrap(), "words");
        assert_eq!(reason_of(" \n\n"), None);
    }

    #[test]
    fn a_reason_is_one_clean_line_cut_between_characters() {
        let reason = reason_of(&format!("x{}\u{1b}[31m\u{7}", "ä".repeat(300))).unwrap();
        assert_eq!(reason.len(), 255);
        assert!(reason.chars().skip(1).all(|c| c == 'ä'));
        assert_eq!(presentable("a\tb\u{0}\u{202e}c"), "a bc");
    }
}
