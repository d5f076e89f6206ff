//! Tables of a cluster file, line by line, and single values in them.

use crate::duration::format_duration;
use crate::option::{Kind, Opt};
use crate::score::Score;
use crate::written::{AttributeSet, Value};
use std::time::Duration;

/// One table.
pub(super) struct Table {
    text: String,
    /// Entries of the list `sets`, which stands last.
    sets: Vec<String>,
}

impl Table {
    /// `[name]`.
    pub(super) fn named(name: &str) -> Table {
        Table::new(&format!("[{name}]"))
    }

    /// With this header.
    pub(super) fn new(header: &str) -> Table {
        Table { text: format!("{header}\n"), sets: Vec::new() }
    }

    pub(super) fn line(&mut self, name: &str, value: &str) {
        self.text.push_str(&format!("{name} = {value}\n"));
    }

    /// Lines as they are.
    pub(super) fn raw(&mut self, lines: &str) {
        self.text.push_str(lines);
        self.text.push('\n');
    }

    pub(super) fn finish(mut self) -> String {
        if !self.sets.is_empty() {
            let lines: String = self.sets.iter().map(|set| format!("  {set},\n")).collect();
            self.text.push_str(&format!("sets = [\n{lines}]\n"));
        }
        self.text
    }

    /// The entries of the list `sets` alone.
    pub(super) fn into_sets(self) -> Vec<String> {
        self.sets
    }

    /// Values by the options that can hold them; what no option holds goes as text into the table `rest`.
    pub(super) fn options(&mut self, options: &[Opt], values: &[Value], rest: &str, left_out: &mut Vec<String>) {
        let mut others: Vec<Value> = Vec::new();
        let mut used: Vec<&str> = Vec::new();
        for value in values {
            let option = options.iter().find(|option| names(option, &value.name));
            let text = option.zip(value.value.as_deref()).and_then(|(option, text)| typed(option.kind, text));
            match option.zip(text) {
                Some((option, text)) if !used.contains(&option.name) => {
                    used.push(option.name);
                    self.line(option.name, &text);
                }
                _ if others.iter().any(|other| other.name == value.name) => {}
                Some((option, _)) if names(option, &value.name) && used.contains(&option.name) => {}
                _ => others.push(value.clone()),
            }
        }
        self.values(rest, &others, left_out);
    }

    /// Free names and values, when there are any.
    pub(super) fn values(&mut self, name: &str, values: &[Value], left_out: &mut Vec<String>) {
        if !values.is_empty() {
            self.always_values(name, values, left_out);
        }
    }

    /// The same, with numbers as numbers.
    pub(super) fn numbers(&mut self, name: &str, values: &[Value], left_out: &mut Vec<String>) {
        if !values.is_empty() {
            let number = |text: &str| text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
            let text = inline_with(values, left_out, |text| if number(text) { text.to_owned() } else { quoted(text) });
            self.line(name, &text);
        }
    }

    /// Free names and values, `{ }` when there are none.
    pub(super) fn always_values(&mut self, name: &str, values: &[Value], left_out: &mut Vec<String>) {
        let text = inline(values, left_out);
        self.line(name, &text);
    }

    /// Sets with scores or rules, entries of the list `sets`.
    pub(super) fn sets(&mut self, of: &str, sets: &[AttributeSet], left_out: &mut Vec<String>) {
        for set in sets {
            let Some(text) = set_text(of, set, left_out) else { continue };
            self.sets.push(text);
        }
    }
}

fn set_text(of: &str, set: &AttributeSet, left_out: &mut Vec<String>) -> Option<String> {
    let mut parts = vec![format!("of = {}", quoted(of))];
    if set.score != Score::ZERO {
        parts.push(format!("score = {}", score(set.score)));
    }
    if let Some(rule) = &set.rule {
        match rule.text() {
            Some(rule) => parts.push(format!("rule = {}", quoted(&rule))),
            None => {
                left_out.push(format!("the values {}: their rule cannot be written as text", set.id));
                return None;
            }
        }
    }
    parts.push(format!("values = {}", inline(&set.values, left_out)));
    Some(format!("{{ {} }}", parts.join(", ")))
}

/// `{ a = "1", b = "2" }`; of a name that stands twice the first counts.
pub(super) fn inline(values: &[Value], left_out: &mut Vec<String>) -> String {
    inline_with(values, left_out, quoted)
}

fn inline_with(values: &[Value], left_out: &mut Vec<String>, shown: impl Fn(&str) -> String) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for value in values {
        let Some(text) = &value.value else {
            left_out.push(format!("{}, which has no value", value.name));
            continue;
        };
        if !seen.contains(&value.name.as_str()) {
            seen.push(&value.name);
            parts.push(format!("{} = {}", key(&value.name), shown(text)));
        }
    }
    if parts.is_empty() { "{ }".to_owned() } else { format!("{{ {} }}", parts.join(", ")) }
}

/// Whether the option is known by this name, here or to the peer.
fn names(option: &Opt, name: &str) -> bool {
    option.name == name || option.peer == Some(name)
}

/// A value as the option of this kind writes it; `None` when it cannot hold it.
pub(super) fn typed(kind: Kind, text: &str) -> Option<String> {
    match kind {
        Kind::Bool => boolean(text).map(|yes| yes.to_string()),
        Kind::Integer { min, max } => {
            text.parse::<i64>().ok().filter(|number| (min..=max).contains(number)).map(|number| number.to_string())
        }
        Kind::Duration { min, max } => {
            interval(text).filter(|length| (min..=max).contains(length)).map(|length| quoted(&format_duration(length)))
        }
        Kind::Score => match text.trim_start_matches('+').to_ascii_uppercase().as_str() {
            "INFINITY" => Some(score(Score::MANDATORY)),
            "-INFINITY" => Some(score(Score::NEVER)),
            number => number.parse::<i64>().ok().map(|number| score(Score::new(number))),
        },
        Kind::Choice(words) => {
            let same =
                |word: &&&str| word.eq_ignore_ascii_case(&text.replace('_', "-")) || word.eq_ignore_ascii_case(text);
            let older = match text.to_ascii_lowercase().as_str() {
                "master" => Some("promoted"),
                "slave" => Some("unpromoted"),
                _ => None,
            };
            let word = words.iter().find(same).copied();
            word.or_else(|| older.and_then(|older| words.iter().find(|word| **word == older).copied())).map(quoted)
        }
        Kind::Text if !text.is_empty() && !text.contains('\0') => Some(quoted(text)),
        _ => None,
    }
}

/// Yes or no, in the words that the field's files use.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "y" | "1" => Some(true),
        "false" | "off" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// A length of time as the field's files write it: a number, in seconds where no unit follows.
pub(super) fn interval(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Some(parts) = text.strip_prefix('P') {
        return iso_interval(parts);
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim() {
        "" | "s" | "sec" => 1_000,
        "ms" | "msec" => 1,
        "m" | "min" => 60_000,
        "h" | "hr" => 3_600_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.checked_mul(unit)?))
}

/// Hours, minutes and seconds of an ISO 8601 duration, with or without the `T` before them.
fn iso_interval(parts: &str) -> Option<Duration> {
    let mut rest = parts.strip_prefix('T').unwrap_or(parts);
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u64 = rest[..digits].parse().ok()?;
        let length = match rest.get(digits..digits + 1)? {
            "H" => 3_600,
            "M" => 60,
            "S" => 1,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(length)?)?;
        rest = &rest[digits + 1..];
    }
    Some(Duration::from_secs(total))
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A name on the left of `=` or in a header, in quotes where it needs them.
pub(super) fn key(name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if plain { name.to_owned() } else { quoted(name) }
}

/// `["a", "b"]`.
pub(super) fn array(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", "))
}

/// A score.
pub(super) fn score(score: Score) -> String {
    if score.is_mandatory() || score.is_never() { quoted(&score.to_string()) } else { score.value().to_string() }
}
