//! One value of the file, read as the option table says.

use crate::duration::{DurationError, format_duration, parse_duration};
use crate::nearest::nearest;
use crate::option::Kind;
use crate::report::Report;
use crate::score::Score;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// Something and the bytes where it is written.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<T> At<T> {
    pub(super) fn new(value: T, span: Range<usize>) -> Self {
        At { value, span }
    }
}

/// A value of the type its option asks for.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Bool(bool),
    Integer(i64),
    Duration(Duration),
    Score(Score),
    Choice(&'static str),
    Text(&'a str),
    Texts(Vec<At<&'a str>>),
    Pairs(Vec<(At<&'a str>, At<String>)>),
    Scores(Vec<(At<&'a str>, At<Score>)>),
    Lists(Lists<'a>),
    Levels(Vec<Vec<At<&'a str>>>),
    Tables(Vec<At<&'a DeTable<'a>>>),
    Named(Vec<(At<&'a str>, &'a DeTable<'a>)>),
}

/// Lists of names under free names.
pub(super) type Lists<'a> = Vec<(At<&'a str>, Vec<At<&'a str>>)>;

/// The TOML words for a type, with their article.
fn a_type(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Reads values of one option; errors name it.
pub(super) struct Reader<'r, 't> {
    pub(super) report: &'r mut Report<'t>,
    /// The option and where it stands, for messages: "`votes` of [nodes.alpha]".
    pub(super) subject: String,
}

impl Reader<'_, '_> {
    /// The value as `kind` demands; `None` after the mistakes were reported.
    pub(super) fn read<'a>(&mut self, kind: Kind, value: &'a Spanned<DeValue<'a>>) -> Option<Value<'a>> {
        let span = value.span();
        match kind {
            Kind::Bool => match value.get_ref() {
                DeValue::Boolean(yes) => Some(Value::Bool(*yes)),
                other => self.wrong(other, span, "true or false", bool_hint(other)),
            },
            Kind::Integer { min, max } => self.integer(value, min, max).map(Value::Integer),
            Kind::Text | Kind::Name(_) => self.text(value).map(Value::Text),
            Kind::Duration { min, max } => self.duration(value, min, max).map(Value::Duration),
            Kind::Score => self.score(value).map(Value::Score),
            Kind::Choice(words) => self.choice(value, words).map(Value::Choice),
            Kind::Names(_) => match value.get_ref() {
                DeValue::String(_) => Some(Value::Texts(vec![At::new(self.text(value)?, span)])),
                _ => self.texts(value).map(Value::Texts),
            },
            Kind::Texts { max } => self.some_texts(value, max).map(Value::Texts),
            Kind::Values => self.pairs(value).map(Value::Pairs),
            Kind::Scores => self.scores(value).map(Value::Scores),
            Kind::Lists => self.lists(value).map(Value::Lists),
            Kind::Levels => self.levels(value).map(Value::Levels),
            Kind::Plugs => self.plugs(value).map(Value::Pairs),
            Kind::Table(_) => self.table(value).map(|table| Value::Tables(vec![At::new(table, span)])),
            Kind::Tables(section) => self.tables(value, section.header).map(Value::Tables),
            Kind::Named(section) => self.named(value, section.header).map(Value::Named),
        }
    }

    fn wrong<T>(&mut self, got: &DeValue<'_>, span: Range<usize>, want: &str, hint: Option<String>) -> Option<T> {
        let message = format!("{} must be {want}, not {}", self.subject, a_type(got));
        self.report.error(span, message, hint);
        None
    }

    fn refuse<T>(&mut self, span: Range<usize>, why: &str, hint: Option<String>) -> Option<T> {
        self.report.error(span, format!("{} {why}", self.subject), hint);
        None
    }

    fn integer(&mut self, value: &Spanned<DeValue<'_>>, min: i64, max: i64) -> Option<i64> {
        let span = value.span();
        let DeValue::Integer(number) = value.get_ref() else {
            let hint = value.get_ref().as_str().filter(|text| text.parse::<i64>().is_ok());
            let hint = hint.map(|text| format!("write it without quotes: {text}"));
            return self.wrong(value.get_ref(), span, "a whole number", hint);
        };
        match to_i64(number) {
            Some(number) if (min..=max).contains(&number) => Some(number),
            _ => self.refuse(span, &format!("must be between {min} and {max}"), None),
        }
    }

    /// A text that is not empty and can be handed to a program.
    fn text<'a>(&mut self, value: &'a Spanned<DeValue<'a>>) -> Option<&'a str> {
        let span = value.span();
        match value.get_ref().as_str() {
            Some("") => self.refuse(span, "is empty", None),
            Some(text) if text.contains('\0') => self.refuse(span, "contains a zero byte", None),
            Some(text) => Some(text),
            None => self.wrong(value.get_ref(), span, "a text in quotes", None),
        }
    }

    fn duration(&mut self, value: &Spanned<DeValue<'_>>, min: Duration, max: Duration) -> Option<Duration> {
        let span = value.span();
        let text = match value.get_ref() {
            DeValue::String(text) => text,
            DeValue::Integer(number) => {
                let hint = format!("write \"{number}s\" for seconds, \"{number}ms\" for milliseconds");
                return self.wrong(value.get_ref(), span, "a duration with a unit", Some(hint));
            }
            other => return self.wrong(other, span, "a duration such as \"10s\"", None),
        };
        match parse_duration(text) {
            Ok(duration) if (min..=max).contains(&duration) => Some(duration),
            Ok(_) => {
                let why = format!("must be between {} and {}", format_duration(min), format_duration(max));
                self.refuse(span, &why, None)
            }
            Err(error) => self.refuse(span, &format!("is not a duration: {error}"), Some(duration_hint(text, error))),
        }
    }

    fn score(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Score> {
        let span = value.span();
        let want = "a whole number, \"mandatory\" or \"never\"";
        match value.get_ref() {
            DeValue::Integer(number) => match to_i64(number) {
                Some(number) if i64::from(Score::new(number).value()) == number => Some(Score::new(number)),
                _ => {
                    let hint = "write \"mandatory\" or \"never\" for no limit".to_owned();
                    self.refuse(span, "must be between -1000000 and 1000000", Some(hint))
                }
            },
            DeValue::String(text) => match text.as_ref() {
                "mandatory" => Some(Score::MANDATORY),
                "never" => Some(Score::NEVER),
                other => self.refuse(span, &format!("must be {want}"), score_hint(other)),
            },
            other => self.wrong(other, span, want, None),
        }
    }

    fn choice(&mut self, value: &Spanned<DeValue<'_>>, words: &'static [&'static str]) -> Option<&'static str> {
        let span = value.span();
        let want = listed(words);
        let Some(text) = value.get_ref().as_str() else {
            return self.wrong(value.get_ref(), span, &want, None);
        };
        match words.iter().find(|word| **word == text) {
            Some(word) => Some(word),
            None => {
                let hint = nearest(text, words.iter().copied()).map(|word| format!("did you mean \"{word}\"?"));
                self.refuse(span, &format!("must be {want}"), hint)
            }
        }
    }

    fn texts<'a>(&mut self, value: &'a Spanned<DeValue<'a>>) -> Option<Vec<At<&'a str>>> {
        let DeValue::Array(items) = value.get_ref() else {
            let hint = value.get_ref().as_str().map(|text| format!("write [\"{}\"]", text.escape_debug()));
            return self.wrong(value.get_ref(), value.span(), "a list of texts", hint);
        };
        let mut texts = Vec::new();
        for item in items.iter() {
            // an unreadable item is reported; the others still count
            if let Some(text) = self.text(item) {
                texts.push(At::new(text, item.span()));
            }
        }
        Some(texts)
    }

    fn some_texts<'a>(&mut self, value: &'a Spanned<DeValue<'a>>, max: usize) -> Option<Vec<At<&'a str>>> {
        let texts = self.texts(value)?;
        let length = value.get_ref().as_array().map_or(0, |items| items.len());
        if (1..=max).contains(&length) {
            return Some(texts);
        }
        self.refuse(value.span(), &format!("must have 1 to {max} entries, not {length}"), None)
    }

    fn pairs<'a>(&mut self, value: &'a Spanned<DeValue<'a>>) -> Option<Vec<(At<&'a str>, At<String>)>> {
        let table = self.inner_table(value, "a table such as { name = \"value\" }")?;
        let mut pairs = Vec::new();
        for (key, item) in table {
            let (name, span) = (key.get_ref().as_ref(), item.span());
            if !is_parameter_name(name) {
                let why = format!("has the name {name:?}; letters, digits, '_', '-' and '.' can stand in it");
                self.refuse::<()>(key.span(), &why, None);
            }
            if let Some(text) = self.plain(name, item) {
                pairs.push((At::new(name, key.span()), At::new(text, span)));
            }
        }
        Some(pairs)
    }

    /// A text, number or boolean as the text an agent gets.
    fn plain(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<String> {
        let span = value.span();
        match value.get_ref() {
            DeValue::String(text) if text.contains('\0') => {
                self.refuse(span, &format!("has a zero byte in `{name}`"), None)
            }
            DeValue::String(text) => Some(text.clone().into_owned()),
            DeValue::Integer(number) => match to_i64(number) {
                Some(number) => Some(number.to_string()),
                None => self.refuse(span, &format!("has a number in `{name}` that is too large"), None),
            },
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(finite) if finite.is_finite() => Some(number.as_str().to_owned()),
                _ => self.refuse(span, &format!("has `{name} = {}`, which is not a number", number.as_str()), None),
            },
            DeValue::Boolean(yes) => Some(yes.to_string()),
            other => {
                let why = format!("has {} as `{name}`; only texts, numbers and booleans are possible", a_type(other));
                self.refuse(span, &why, None)
            }
        }
    }

    fn scores<'a>(&mut self, value: &'a Spanned<DeValue<'a>>) -> Option<Vec<(At<&'a str>, At<Score>)>> {
        let table = self.inner_table(value, "a table of nodes and scores such as { alpha = 50 }")?;
        let mut scores = Vec::new();
        for (key, item) in table {
            if let Some(score) = self.score(item) {
                scores.push((At::new(key.get_ref().as_ref(), key.span()), At::new(score, item.span())));
            }
        }
        Some(scores)
    }

    fn lists<'a>(&mut self, value: &'a Spanned<DeValue<'a>>) -> Option<Lists<'a>> {
        let table = self.inner_table(value, "a table of lists such as { storage = [\"disk\", \"export\"] }")?;
        let mut lists = Vec::new();
        for (key, item) in table {
            if let Some(texts) = self.texts(item) {
                lists.push((At::new(key.get_ref().as_ref(), key.span()), texts));
            }
        }
        lists.sort_by_key(|(name, _)| name.span.start);
        Some(lists)
    }

    fn levels<'a>(&mut self, value: &'a Spanned<DeValue<'a>>) -> Option<Vec<Vec<At<&'a str>>>> {
        let want = "a list of levels, each a list of devices, such as [[\"bmc\"], [\"pdu-a\", \"pdu-b\"]]";
        let DeValue::Array(items) = value.get_ref() else {
            let hint = value.get_ref().as_str().map(|text| format!("write [[\"{}\"]]", text.escape_debug()));
            return self.wrong(value.get_ref(), value.span(), want, hint);
        };
        if items.is_empty() {
            return self.refuse(value.span(), "has no level", Some("leave it out to use every device".to_owned()));
        }
        let mut levels = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Array(devices) if devices.is_empty() => {
                    self.refuse::<()>(item.span(), "has a level without devices", None);
                }
                DeValue::Array(_) => levels.extend(self.texts(item)),
                other => {
                    let hint = other.as_str().map(|text| format!("write [\"{}\"] for a level", text.escape_debug()));
                    self.wrong::<()>(other, item.span(), want, hint);
                }
            }
        }
        Some(levels)
    }

    fn plugs<'a>(&mut self, value: &'a Spanned<DeValue<'a>>) -> Option<Vec<(At<&'a str>, At<String>)>> {
        let pairs = match value.get_ref() {
            DeValue::Table(_) => self.pairs(value)?,
            DeValue::Array(_) => {
                let names = self.texts(value)?.into_iter();
                names.map(|name| (name.clone(), At::new(name.value.to_owned(), name.span))).collect()
            }
            other => {
                let want = "a list of nodes, or a table such as { alpha = \"outlet-3\" }";
                let hint = other.as_str().map(|text| format!("write [\"{}\"]", text.escape_debug()));
                return self.wrong(other, value.span(), want, hint);
            }
        };
        if pairs.is_empty() {
            return self.refuse(value.span(), "names no node", None);
        }
        Some(pairs)
    }

    fn inner_table<'a>(&mut self, value: &'a Spanned<DeValue<'a>>, want: &str) -> Option<&'a DeTable<'a>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(table),
            other => self.wrong(other, value.span(), want, None),
        }
    }

    fn table<'a>(&mut self, value: &'a Spanned<DeValue<'a>>) -> Option<&'a DeTable<'a>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(table),
            DeValue::Array(items) if items.len() == 1 && items[0].get_ref().is_table() => {
                self.wrong(value.get_ref(), value.span(), "one table", Some("write it with single brackets".to_owned()))
            }
            other => self.wrong(other, value.span(), "a table", None),
        }
    }

    fn tables<'a>(&mut self, value: &'a Spanned<DeValue<'a>>, header: &str) -> Option<Vec<At<&'a DeTable<'a>>>> {
        let DeValue::Array(items) = value.get_ref() else {
            return self.wrong(value.get_ref(), value.span(), "a list of tables", Some(format!("write {header}")));
        };
        let mut tables = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(table) => tables.push(At::new(table, item.span())),
                other => {
                    self.wrong::<()>(other, item.span(), "a list of tables", Some(format!("write {header}")));
                }
            }
        }
        Some(tables)
    }

    fn named<'a>(
        &mut self,
        value: &'a Spanned<DeValue<'a>>,
        header: &str,
    ) -> Option<Vec<(At<&'a str>, &'a DeTable<'a>)>> {
        let DeValue::Table(entries) = value.get_ref() else {
            let want = "a table of tables with a name each";
            return self.wrong(value.get_ref(), value.span(), want, Some(format!("write {header}")));
        };
        let mut named = Vec::new();
        for (key, item) in entries {
            match item.get_ref() {
                DeValue::Table(table) => named.push((At::new(key.get_ref().as_ref(), key.span()), table)),
                other => {
                    let hint = Some(format!("options stand below {header}"));
                    self.wrong::<()>(other, key.span(), "tables with a name each", hint);
                }
            }
        }
        named.sort_by_key(|(name, _)| name.span.start);
        Some(named)
    }
}

/// `"a", "b" or "c"`.
pub(crate) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Names that survive as part of an environment variable and as `name=value` on a line.
fn is_parameter_name(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '#' | ':' | '/'))
}

fn to_i64(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn bool_hint(value: &DeValue<'_>) -> Option<String> {
    let word = match value {
        DeValue::String(text) => text.to_ascii_lowercase(),
        DeValue::Integer(number) => number.as_str().to_owned(),
        _ => return None,
    };
    match word.as_str() {
        "true" | "yes" | "on" | "1" => Some("write true, without quotes".to_owned()),
        "false" | "no" | "off" | "0" => Some("write false, without quotes".to_owned()),
        _ => None,
    }
}

fn score_hint(text: &str) -> Option<String> {
    if text.parse::<i64>().is_ok() {
        return Some(format!("write it without quotes: {text}"));
    }
    match text.to_ascii_lowercase().trim_start_matches('+') {
        "infinity" | "inf" => Some("write \"mandatory\"".to_owned()),
        "-infinity" | "-inf" => Some("write \"never\"".to_owned()),
        _ => nearest(text, ["mandatory", "never"]).map(|word| format!("did you mean \"{word}\"?")),
    }
}

fn duration_hint(text: &str, error: DurationError) -> String {
    let number: String = text.chars().take_while(char::is_ascii_digit).take(9).collect();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit()).trim().to_ascii_lowercase();
    let unit = match unit.as_str() {
        "" | "sec" | "secs" | "second" | "seconds" => "s",
        "min" | "mins" | "minute" | "minutes" => "m",
        "msec" | "millis" | "milliseconds" => "ms",
        "hr" | "hour" | "hours" => "h",
        "s" | "m" | "h" | "ms" => unit.as_str(),
        _ => "",
    };
    if number.is_empty() || unit.is_empty() || matches!(error, DurationError::TooLong) {
        return "write it such as \"10s\", \"500ms\" or \"1m30s\"".to_owned();
    }
    format!("write \"{number}{unit}\"")
}
