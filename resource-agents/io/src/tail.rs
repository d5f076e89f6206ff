//! The end of an output: what is kept when an agent prints megabytes.

use resource_agents::OUTPUT_LIMIT;

/// Keeps the last [`OUTPUT_LIMIT`] bytes of what is pushed, in at most twice that memory.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(OUTPUT_LIMIT)..];
        if self.bytes.len() + bytes.len() > 2 * OUTPUT_LIMIT {
            let keep = OUTPUT_LIMIT - bytes.len();
            self.bytes.drain(..self.bytes.len() - keep);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The end as text of at most [`OUTPUT_LIMIT`] bytes; what is no UTF-8 is replaced.
    pub(crate) fn into_text(self) -> String {
        let text = String::from_utf8_lossy(&self.bytes[self.bytes.len().saturating_sub(OUTPUT_LIMIT)..]);
        let mut start = text.len().saturating_sub(OUTPUT_LIMIT);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        text[start..].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_output_is_kept_whole() {
        let mut tail = Tail::default();
        tail.push(b"one\n");
        tail.push("zwölf\n".as_bytes());
        assert_eq!(tail.into_text(), "one\nzwölf\n");
    }

    #[test]
    fn only_the_end_of_long_output_is_kept_in_bounded_memory() {
        let mut tail = Tail::default();
        for number in 0..100_000_u32 {
            tail.push(format!("line {number}\n").as_bytes());
        }
        assert!(tail.bytes.capacity() <= 4 * OUTPUT_LIMIT);
        let text = tail.into_text();
        assert!(text.len() <= OUTPUT_LIMIT && text.len() > OUTPUT_LIMIT - 16);
        assert!(text.ends_with("line 99999\n"));
    }

    #[test]
    fn a_single_huge_piece_and_broken_text_stay_within_the_limit() {
        let mut tail = Tail::default();
        tail.push(&vec![0xff; 3 * OUTPUT_LIMIT]);
        let text = tail.into_text();
        assert!(text.len() <= OUTPUT_LIMIT && text.chars().all(|c| c == '\u{fffd}'));
    }
}
