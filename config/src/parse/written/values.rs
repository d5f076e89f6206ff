//! Options as names and values, in the names and words that the field knows.

use super::super::fields::Fields;
use super::super::value::{At, Value as Read};
use crate::option::SET;
use crate::report::Report;
use crate::score::Score;
use crate::written::{AttributeSet, Origin, Rule, Value};
use std::time::Duration;

/// A name and a value.
pub(super) fn value(name: &str, text: &str) -> Value {
    Value { name: name.to_owned(), value: Some(text.to_owned()) }
}

/// Free names and values.
pub(super) fn pairs(pairs: &[(At<&str>, At<String>)]) -> Vec<Value> {
    pairs.iter().map(|(name, text)| value(name.value, &text.value)).collect()
}

/// Every option given in a table that has one value, except those named, by the peer's names.
pub(super) fn given(fields: &Fields<'_>, except: &[&str]) -> Vec<Value> {
    let options = fields.given_options().filter(|(option, _)| !except.contains(&option.name));
    options
        .filter_map(|(option, given)| Some(value(option.peer.unwrap_or(option.name), &word(option.name, given)?)))
        .collect()
}

/// The meta attributes given in the table of a resource.
pub(super) fn meta(fields: &Fields<'_>, id: &str) -> AttributeSet {
    let mut values = Vec::new();
    for (option, given) in fields.given_options().filter(|(option, _)| fields.is_meta(option)) {
        if let Some(text) = word(option.name, given) {
            values.push(value(option.peer.unwrap_or(option.name), &text));
        }
    }
    values.extend(pairs(fields.pairs("meta")));
    AttributeSet { id: id.to_owned(), values, ..AttributeSet::default() }
}

/// What the table of a clone says of its instances.
pub(super) fn instances(fields: &Fields<'_>) -> Vec<Value> {
    let options = fields.given_options().filter(|(option, _)| option.name != "resource" && !fields.is_meta(option));
    options.filter_map(|(option, given)| Some(value(option.name, &word(option.name, given)?))).collect()
}

/// A single value as text; `None` for lists and tables.
fn word(option: &str, given: &Read<'_>) -> Option<String> {
    Some(match given {
        Read::Bool(yes) => yes.to_string(),
        Read::Integer(number) => number.to_string(),
        Read::Duration(duration) => time(*duration),
        Read::Score(score) => self::score(*score),
        Read::Choice(word) if option == "multiple-active" => word.replace('-', "_"),
        Read::Choice(word) => (*word).to_owned(),
        Read::Text(text) => (*text).to_owned(),
        _ => return None,
    })
}

/// A duration in one unit, as the peer reads it.
fn time(duration: Duration) -> String {
    if duration.subsec_nanos() == 0 {
        format!("{}s", duration.as_secs())
    } else {
        format!("{}ms", duration.as_millis())
    }
}

fn score(score: Score) -> String {
    if score.is_mandatory() {
        "INFINITY".to_owned()
    } else if score.is_never() {
        "-INFINITY".to_owned()
    } else {
        score.value().to_string()
    }
}

/// The sets of a table that are `of` this.
pub(super) fn sets(fields: &Fields<'_>, of: &str, report: &mut Report<'_>) -> Vec<AttributeSet> {
    let mut sets = Vec::new();
    for table in fields.tables("sets") {
        let set =
            Fields::read_as(&SET, format!("a set of {}", fields.subject), table.span.clone(), table.value, report);
        if set.given_choice("of") != Some(of) {
            continue;
        }
        sets.push(AttributeSet {
            id: place(of, table, report),
            score: set.score("score"),
            rule: set.text("rule").and_then(|text| rule(&text, report)),
            values: pairs(set.pairs("values")),
        });
    }
    sets
}

/// A rule, or a report of what is wrong with it.
pub(super) fn rule(text: &At<&str>, report: &mut Report<'_>) -> Option<Rule> {
    match Rule::parse(text.value) {
        Ok(rule) => Some(rule),
        Err(error) => {
            report.error(text.span.clone(), format!("this is not a rule: {error}"), None);
            None
        }
    }
}

/// A name for something that has none: the word it is written with, and its place.
pub(super) fn place<T>(word: &str, at: &At<T>, report: &Report<'_>) -> String {
    Origin::name(word, report.line(at.span.start))
}

/// An interval as the peer reads it.
pub(super) fn interval(duration: Option<Duration>) -> Option<String> {
    duration.map(time)
}

#[cfg(test)]
mod tests {
    use super::time;
    use crate::duration::format_duration;
    use std::time::Duration;

    #[test]
    fn times_have_one_unit() {
        let minute = Duration::from_millis(90_000);
        assert_eq!((time(minute).as_str(), format_duration(minute).as_str()), ("90s", "1m30s"));
        assert_eq!(time(Duration::from_millis(1_500)), "1500ms");
    }
}
