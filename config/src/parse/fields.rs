//! One table of the file, read by its section of the option table: unknown names, types, ranges, what is missing.

use super::value::{At, Reader, Value};
use crate::nearest::nearest;
use crate::option::{META, Opt, Section, Standard};
use crate::report::Report;
use crate::score::Score;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeString, DeTable};

/// The options given in one table, each of its proper type.
pub(super) struct Fields<'a> {
    section: &'static Section,
    /// The table as an operator writes it: `[nodes.alpha]`.
    pub(super) subject: String,
    /// Where to point at when something is missing.
    pub(super) span: Range<usize>,
    /// `None` stands for an option that is written but was refused.
    items: BTreeMap<&'static str, At<Option<Value<'a>>>>,
}

impl<'a> Fields<'a> {
    /// Reads `table` and reports what is wrong in it. `name` replaces NAME in the section's header.
    pub(super) fn read(
        section: &'static Section,
        name: &str,
        span: Range<usize>,
        table: &'a DeTable<'a>,
        report: &mut Report<'_>,
    ) -> Self {
        Self::read_as(section, section.header.replace("NAME", name), span, table, report)
    }

    /// The same for a table without a header of its own, called `subject` in messages.
    pub(super) fn read_as(
        section: &'static Section,
        subject: String,
        span: Range<usize>,
        table: &'a DeTable<'a>,
        report: &mut Report<'_>,
    ) -> Self {
        let mut items = BTreeMap::new();
        for (key, value) in table {
            let Some(option) = section.option(key.get_ref()) else {
                unknown(section, &subject, key, table, report);
                continue;
            };
            let mut reader = Reader { report, subject: format!("`{}` of {subject}", option.name) };
            items.insert(option.name, At::new(reader.read(option.kind, value), value.span()));
        }
        let fields = Fields { section, subject, span, items };
        for option in section.all() {
            let tried = table.keys().any(|key| leads_to(option, key.get_ref()));
            if option.standard == Standard::Required && !fields.has(option.name) && !tried {
                let message = format!("{} has no `{}`", fields.subject, option.name);
                report.missing(fields.span.clone(), message, Some(option.meaning.to_owned()));
            }
        }
        fields
    }

    /// A table that is not in the file: every option has its default.
    pub(super) fn absent(section: &'static Section) -> Self {
        Fields { section, subject: section.header.to_owned(), span: 0..0, items: BTreeMap::new() }
    }

    /// Whether the option is written, readable or not.
    pub(super) fn has(&self, name: &str) -> bool {
        self.items.contains_key(name)
    }

    /// Where the option's value is written, or the table when it is not.
    pub(super) fn span_of(&self, name: &str) -> Range<usize> {
        self.items.get(name).map_or_else(|| self.span.clone(), |item| item.span.clone())
    }

    /// Every option that is written and readable, in the order of the option table.
    pub(super) fn given_options(&self) -> impl Iterator<Item = (&'static Opt, &Value<'a>)> {
        self.section.all().filter_map(|option| Some((option, self.items.get(option.name)?.value.as_ref()?)))
    }

    /// Whether the table has this option at all.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.section.option(name).is_some()
    }

    /// Whether an option is a meta attribute, which resources of all kinds share.
    pub(super) fn is_meta(&self, option: &Opt) -> bool {
        option.name != "meta" && META.iter().any(|meta| meta.name == option.name)
    }

    pub(super) fn lists(&self, name: &str) -> &[(At<&'a str>, Vec<At<&'a str>>)] {
        match self.given(name) {
            Some(Value::Lists(lists)) => lists,
            _ => &[],
        }
    }

    fn given(&self, name: &str) -> Option<&Value<'a>> {
        debug_assert!(self.section.option(name).is_some(), "`{name}` is not in the table of {}", self.section.header);
        self.items.get(name)?.value.as_ref()
    }

    fn standard(&self, name: &str) -> Standard {
        self.section.option(name).map_or(Standard::Unset(""), |option| option.standard)
    }

    pub(super) fn given_bool(&self, name: &str) -> Option<bool> {
        match self.given(name) {
            Some(Value::Bool(yes)) => Some(*yes),
            _ => None,
        }
    }

    pub(super) fn bool(&self, name: &str) -> bool {
        self.given_bool(name).unwrap_or(matches!(self.standard(name), Standard::Bool(true)))
    }

    pub(super) fn given_integer(&self, name: &str) -> Option<i64> {
        match self.given(name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// A number of a range that fits `T`, by the option table.
    pub(super) fn integer<T: TryFrom<i64> + Default>(&self, name: &str) -> T {
        let standard = match self.standard(name) {
            Standard::Integer(number) => number,
            _ => 0,
        };
        T::try_from(self.given_integer(name).unwrap_or(standard)).unwrap_or_default()
    }

    pub(super) fn given_duration(&self, name: &str) -> Option<Duration> {
        match self.given(name) {
            Some(Value::Duration(duration)) => Some(*duration),
            _ => None,
        }
    }

    pub(super) fn duration(&self, name: &str) -> Duration {
        let standard = match self.standard(name) {
            Standard::Duration(duration) => duration,
            _ => Duration::ZERO,
        };
        self.given_duration(name).unwrap_or(standard)
    }

    pub(super) fn given_score(&self, name: &str) -> Option<Score> {
        match self.given(name) {
            Some(Value::Score(score)) => Some(*score),
            _ => None,
        }
    }

    pub(super) fn score(&self, name: &str) -> Score {
        let standard = match self.standard(name) {
            Standard::Score(score) => score,
            _ => Score::ZERO,
        };
        self.given_score(name).unwrap_or(standard)
    }

    pub(super) fn given_choice(&self, name: &str) -> Option<&'static str> {
        match self.given(name) {
            Some(Value::Choice(word)) => Some(word),
            _ => None,
        }
    }

    pub(super) fn choice(&self, name: &str) -> &'static str {
        let standard = match self.standard(name) {
            Standard::Choice(word) => word,
            _ => "",
        };
        self.given_choice(name).unwrap_or(standard)
    }

    pub(super) fn text(&self, name: &str) -> Option<At<&'a str>> {
        match self.given(name) {
            Some(Value::Text(text)) => Some(At::new(text, self.span_of(name))),
            _ => None,
        }
    }

    pub(super) fn texts(&self, name: &str) -> &[At<&'a str>] {
        match self.given(name) {
            Some(Value::Texts(texts)) => texts,
            _ => &[],
        }
    }

    pub(super) fn pairs(&self, name: &str) -> &[(At<&'a str>, At<String>)] {
        match self.given(name) {
            Some(Value::Pairs(pairs)) => pairs,
            _ => &[],
        }
    }

    pub(super) fn scores(&self, name: &str) -> &[(At<&'a str>, At<Score>)] {
        match self.given(name) {
            Some(Value::Scores(scores)) => scores,
            _ => &[],
        }
    }

    pub(super) fn levels(&self, name: &str) -> &[Vec<At<&'a str>>] {
        match self.given(name) {
            Some(Value::Levels(levels)) => levels,
            _ => &[],
        }
    }

    pub(super) fn tables(&self, name: &str) -> &[At<&'a DeTable<'a>>] {
        match self.given(name) {
            Some(Value::Tables(tables)) => tables,
            _ => &[],
        }
    }

    pub(super) fn named(&self, name: &str) -> &[(At<&'a str>, &'a DeTable<'a>)] {
        match self.given(name) {
            Some(Value::Named(tables)) => tables,
            _ => &[],
        }
    }
}

/// Whether people write `key` when they mean `option`.
fn leads_to(option: &Opt, key: &str) -> bool {
    option.also_tried.contains(&key) || option.peer.is_some_and(|peer| peer.split(", ").any(|word| word == key))
}

fn unknown(
    section: &Section,
    subject: &str,
    key: &Spanned<DeString<'_>>,
    table: &DeTable<'_>,
    report: &mut Report<'_>,
) {
    let name = key.get_ref().as_ref();
    if let Some((_, what)) = section.later.iter().find(|(later, _)| *later == name) {
        let message = format!("`{name}` of {subject}: this version has no {}", what.split(": ").next().unwrap_or(what));
        let hint = what.split_once(": ").map(|(_, hint)| hint.to_owned());
        return report.error(key.span(), message, hint);
    }
    if report.full() {
        return report.error(key.span(), String::new(), None);
    }
    let what = if section.holds_tables() { "table" } else { "option" };
    let message = format!("{subject} has no {what} {name:?}");
    let meant = section.all().find(|option| leads_to(option, name)).map(|option| option.name);
    // an option that is already there is hardly what was meant
    let free = section.all().map(|option| option.name).filter(|option| !table.contains_key(*option));
    let hint = meant.or_else(|| nearest(name, free)).map(|option| format!("did you mean `{option}`?"));
    let hint = hint.unwrap_or_else(|| {
        let names: Vec<&str> = section.all().map(|option| option.name).collect();
        format!("its {what}s are {}", names.join(", "))
    });
    report.error(key.span(), message, Some(hint));
}
