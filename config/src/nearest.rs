//! The nearest valid name to a mistyped one, for "did you mean".

/// Names looked at for one suggestion; a file with more gets its suggestions from the first ones.
const MAX_CANDIDATES: usize = 1000;

/// The candidate that `text` most probably meant, or `None` when nothing is near enough to be helpful.
///
/// Case, `_` and `-` do not count; otherwise one character in three may differ, a swap of neighbours being one edit.
#[must_use]
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = folded(text);
    if wanted.is_empty() || wanted.len() > crate::MAX_NAME {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates.into_iter().take(MAX_CANDIDATES) {
        let name = folded(candidate);
        let allowed = wanted.len().max(name.len()) / 3;
        if name.len().abs_diff(wanted.len()) > allowed || name.len() > crate::MAX_NAME {
            continue;
        }
        let distance = distance(&wanted, &name);
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, name)| name)
}

fn folded(text: &str) -> Vec<char> {
    let fold = |c: char| if c == '_' { '-' } else { c.to_ascii_lowercase() };
    text.chars().take(crate::MAX_NAME + 1).map(fold).collect()
}

/// Edits between two words: insertion, deletion, substitution, swap of neighbours.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut next = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let substitute = row[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            next[j] = substitute.min(row[j] + 1).min(next[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                next[j] = next[j].min(before[j - 2] + 1);
            }
        }
        before = row;
        row = next;
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_typing_mistakes_and_nothing_far_fetched() {
        let names = ["stickiness", "priority", "managed", "migration-threshold", "agent"];
        assert_eq!(nearest("stickyness", names), Some("stickiness"));
        assert_eq!(nearest("migration_threshold", names), Some("migration-threshold"));
        assert_eq!(nearest("Managed", names), Some("managed"));
        assert_eq!(nearest("agnet", names), Some("agent"));
        assert_eq!(nearest("color", names), None);
        assert_eq!(nearest("", names), None);
    }

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(nearest("db3", ["db1", "db2"]), Some("db1"));
    }
}
