//! Rules as one line of text, in the words that the field's command lines use:
//! `rack eq b and (date gt 2026-12-01 or not_defined maintenance-window)`.
//!
//! ```text
//! rule  = all { "or" all }          all = one { "and" one }          one = "(" rule ")" | condition
//! condition = "defined" NAME | "not_defined" NAME
//!           | NAME ("lt" | "lte" | "gt" | "gte" | "eq" | "ne") ["text" | "integer" | "number" | "version"] VALUE
//!           | "date" ("gt" | "lt") DATE | "date" "in" [DATE] "to" DATE | "date" "in" DATE "for" PART=N ...
//!           | "date-spec" PART=RANGE ... | "resource" [CLASS]:[PROVIDER]:[TYPE] | "op" NAME ["interval=" TIME]
//! ```
//!
//! `param:NAME` or `meta:NAME` as a VALUE stands for the parameter or meta attribute of the constrained resource. Text
//! with blanks or parentheses stands in single quotes. [`Rule`]s that come from elsewhere are written the same way.

use super::{Combine, Comparison, Condition, DateParts, DateTest, Rule, ValueSource, ValueType};
use std::fmt;
use std::iter::Peekable;
use std::vec::IntoIter;

/// Parentheses inside parentheses, at most.
const MAX_DEPTH: usize = 16;

/// Why a text is not a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    message: String,
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ExpressionError {}

fn wrong<T>(message: impl Into<String>) -> Result<T, ExpressionError> {
    Err(ExpressionError { message: message.into() })
}

impl Rule {
    /// Reads a rule.
    ///
    /// # Errors
    /// What is wrong with the text, in a sentence.
    pub fn parse(text: &str) -> Result<Rule, ExpressionError> {
        let mut words = Words { words: split(text)?.into_iter().peekable(), depth: 0 };
        let rule = words.rule()?;
        match words.words.next() {
            Some(word) => wrong(format!("`{}` is not expected after a complete rule", word.text)),
            None => Ok(rule),
        }
    }

    /// The rule as text that [`Rule::parse`] reads again; `None` when it says something that text cannot (a rule
    /// without conditions, a test that does not exist).
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let joint = match self.combine {
            Combine::And => " and ",
            Combine::Or => " or ",
        };
        let parts: Option<Vec<String>> = self.conditions.iter().map(condition_text).collect();
        parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join(joint))
    }
}

/// One word, and whether it stood in quotes (then it is never a keyword).
#[derive(Clone, Debug)]
struct Word {
    text: String,
    quoted: bool,
}

fn split(text: &str) -> Result<Vec<Word>, ExpressionError> {
    let mut words = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(&next) = rest.peek() {
        if next.is_whitespace() {
            rest.next();
        } else if matches!(next, '(' | ')') {
            rest.next();
            words.push(Word { text: next.to_string(), quoted: false });
        } else {
            words.push(word(&mut rest)?);
        }
    }
    Ok(words)
}

/// A word, of which parts may be quoted: `a`, `'a b'`, `agent='x y'`.
fn word(rest: &mut Peekable<std::str::Chars<'_>>) -> Result<Word, ExpressionError> {
    let (mut text, mut quoted, mut inside) = (String::new(), false, false);
    while let Some(&next) = rest.peek() {
        if !inside && (next.is_whitespace() || matches!(next, '(' | ')')) {
            break;
        }
        rest.next();
        match next {
            '\'' => {
                inside = !inside;
                quoted = true;
            }
            '\\' if inside => text.extend(rest.next()),
            other => text.push(other),
        }
    }
    if inside { wrong("a quote (') is opened and not closed") } else { Ok(Word { text, quoted }) }
}

/// Whether a text stands for itself without quotes, keywords apart.
fn plain(text: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !matches!(c, '(' | ')' | '\'' | '\\');
    !text.is_empty() && text.chars().all(plain)
}

fn quote(text: &str) -> String {
    let condition = matches!(text, "defined" | "not_defined" | "date" | "date-spec" | "resource" | "op");
    let keyword = condition || matches!(text, "and" | "or" | "to" | "for");
    let kind = value_type(text).is_some() || text.starts_with("param:") || text.starts_with("meta:");
    if plain(text) && !keyword && !kind {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

const COMPARISONS: [(&str, Comparison); 6] = [
    ("lt", Comparison::Less),
    ("lte", Comparison::LessOrEqual),
    ("gt", Comparison::Greater),
    ("gte", Comparison::GreaterOrEqual),
    ("eq", Comparison::Equal),
    ("ne", Comparison::NotEqual),
];

fn value_type(word: &str) -> Option<ValueType> {
    match word {
        "text" | "string" => Some(ValueType::Text),
        "integer" => Some(ValueType::Integer),
        "number" => Some(ValueType::Number),
        "version" => Some(ValueType::Version),
        _ => None,
    }
}

struct Words {
    words: Peekable<IntoIter<Word>>,
    depth: usize,
}

impl Words {
    fn rule(&mut self) -> Result<Rule, ExpressionError> {
        let first = self.all()?;
        let mut alternatives = vec![first];
        while self.keyword("or") {
            alternatives.push(self.all()?);
        }
        if alternatives.len() == 1 {
            return Ok(joined(Combine::And, alternatives.pop().unwrap_or_default()));
        }
        let conditions = alternatives.into_iter().map(|mut all| match all.pop() {
            Some(one) if all.is_empty() => one,
            last => {
                all.extend(last);
                Condition::Rule(joined(Combine::And, all))
            }
        });
        Ok(joined(Combine::Or, conditions.collect()))
    }

    fn all(&mut self) -> Result<Vec<Condition>, ExpressionError> {
        let mut conditions = vec![self.one()?];
        while self.keyword("and") {
            conditions.push(self.one()?);
        }
        Ok(conditions)
    }

    fn one(&mut self) -> Result<Condition, ExpressionError> {
        if self.keyword("(") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return wrong(format!("more than {MAX_DEPTH} parentheses inside each other"));
            }
            let rule = self.rule()?;
            self.depth -= 1;
            if !self.keyword(")") {
                return wrong("a parenthesis is opened and not closed");
            }
            return Ok(Condition::Rule(rule));
        }
        let word = self.next("a condition")?;
        match word.text.as_str() {
            _ if word.quoted => self.comparison(word.text),
            "defined" => self.existence(Comparison::Defined),
            "not_defined" => self.existence(Comparison::NotDefined),
            "date" => self.date(),
            "date-spec" => {
                let spec = Some(self.parts()?);
                Ok(Condition::Date {
                    id: String::new(),
                    test: DateTest::Spec,
                    start: None,
                    end: None,
                    duration: None,
                    spec,
                })
            }
            "resource" => self.resource(),
            "op" => self.operation(),
            "and" | "or" | ")" => wrong(format!("a condition is missing before `{}`", word.text)),
            _ => self.comparison(word.text),
        }
    }

    fn comparison(&mut self, attribute: String) -> Result<Condition, ExpressionError> {
        let test = self.next("a comparison such as eq")?;
        let Some((_, comparison)) = COMPARISONS.iter().find(|(word, _)| *word == test.text) else {
            let words = "lt, lte, gt, gte, eq, ne";
            return wrong(format!("`{}` is not a comparison; after `{attribute}` stands one of {words}", test.text));
        };
        let mut value = self.next("a value to compare with")?;
        let mut kind = None;
        if !value.quoted && value_type(&value.text).is_some() && self.more() {
            kind = value_type(&value.text);
            value = self.next("a value to compare with")?;
        }
        let (source, text) = match value.text.split_once(':') {
            Some(("param", name)) if !value.quoted => (ValueSource::Parameter, name.to_owned()),
            Some(("meta", name)) if !value.quoted => (ValueSource::Meta, name.to_owned()),
            _ => (ValueSource::Literal, value.text),
        };
        Ok(Condition::Attribute {
            id: String::new(),
            attribute,
            comparison: *comparison,
            value: Some(text),
            source,
            value_type: kind,
        })
    }

    fn existence(&mut self, comparison: Comparison) -> Result<Condition, ExpressionError> {
        let attribute = self.next("the name of an attribute")?.text;
        let (source, value_type) = (ValueSource::Literal, None);
        Ok(Condition::Attribute { id: String::new(), attribute, comparison, value: None, source, value_type })
    }

    fn date(&mut self) -> Result<Condition, ExpressionError> {
        let test = self.next("gt, lt or in")?.text;
        let (mut start, mut end, mut duration) = (None, None, None);
        let test = match test.as_str() {
            "gt" => {
                start = Some(self.next("a date")?.text);
                DateTest::Greater
            }
            "lt" => {
                end = Some(self.next("a date")?.text);
                DateTest::Less
            }
            "in" => {
                if !self.keyword("to") {
                    start = Some(self.next("a date")?.text);
                    if self.keyword("for") {
                        duration = Some(self.parts()?);
                    } else if !self.keyword("to") {
                        return wrong("after `date in DATE` stands `to DATE` or `for PART=N`");
                    }
                }
                if duration.is_none() {
                    end = Some(self.next("a date")?.text);
                }
                DateTest::InRange
            }
            other => return wrong(format!("`date {other}` is not a test; write date gt, date lt or date in")),
        };
        Ok(Condition::Date { id: String::new(), test, start, end, duration, spec: None })
    }

    fn parts(&mut self) -> Result<DateParts, ExpressionError> {
        let mut parts = Vec::new();
        while let Some(word) = self.words.peek()
            && let Some((name, range)) = word.text.split_once('=')
        {
            parts.push((name.to_owned(), range.to_owned()));
            self.words.next();
        }
        if parts.is_empty() { wrong("parts of a date such as hours=9-17 are missing") } else { Ok(DateParts { parts }) }
    }

    fn resource(&mut self) -> Result<Condition, ExpressionError> {
        let agent = self.next("an agent such as ocf:heartbeat:IPaddr2")?.text;
        let parts: Vec<Option<String>> =
            agent.split(':').map(|part| (!part.is_empty()).then(|| part.to_owned())).collect();
        match <[Option<String>; 3]>::try_from(parts) {
            Ok([class, provider, agent]) => Ok(Condition::Resource { id: String::new(), class, provider, agent }),
            Err(_) => {
                wrong(format!("`resource {agent}` has not three parts; write CLASS:PROVIDER:TYPE, parts may be empty"))
            }
        }
    }

    fn operation(&mut self) -> Result<Condition, ExpressionError> {
        let name = self.next("the name of an operation")?.text;
        let interval = self.words.peek().and_then(|word| word.text.strip_prefix("interval=")).map(str::to_owned);
        if interval.is_some() {
            self.words.next();
        }
        Ok(Condition::Operation { id: String::new(), name, interval })
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        self.words.next_if(|word| !word.quoted && word.text == keyword).is_some()
    }

    /// Whether a value still follows, rather than the next condition.
    fn more(&mut self) -> bool {
        let ends = |word: &Word| !word.quoted && matches!(word.text.as_str(), "and" | "or" | ")");
        self.words.peek().is_some_and(|word| !ends(word))
    }

    fn next(&mut self, what: &str) -> Result<Word, ExpressionError> {
        match self.words.next() {
            Some(word) => Ok(word),
            None => wrong(format!("the rule ends where {what} should stand")),
        }
    }
}

fn joined(combine: Combine, conditions: Vec<Condition>) -> Rule {
    Rule { id: String::new(), combine, conditions }
}

fn condition_text(condition: &Condition) -> Option<String> {
    match condition {
        Condition::Attribute { attribute, comparison: Comparison::Defined, .. } => {
            Some(format!("defined {}", quote(attribute)))
        }
        Condition::Attribute { attribute, comparison: Comparison::NotDefined, .. } => {
            Some(format!("not_defined {}", quote(attribute)))
        }
        Condition::Attribute { attribute, comparison, value, source, value_type, .. } => {
            let (word, _) = COMPARISONS.iter().find(|(_, known)| known == comparison)?;
            let value = value.as_deref()?;
            let value = match source {
                ValueSource::Literal => quote(value),
                ValueSource::Parameter if plain(value) => format!("param:{value}"),
                ValueSource::Meta if plain(value) => format!("meta:{value}"),
                // In quotes it would be the value itself.
                ValueSource::Parameter | ValueSource::Meta => return None,
            };
            let kind = match value_type {
                None => "",
                Some(ValueType::Text) => "text ",
                Some(ValueType::Integer) => "integer ",
                Some(ValueType::Number) => "number ",
                Some(ValueType::Version) => "version ",
            };
            Some(format!("{} {word} {kind}{value}", quote(attribute)))
        }
        Condition::Date { test: DateTest::Greater, start, .. } => Some(format!("date gt {}", quote(start.as_deref()?))),
        Condition::Date { test: DateTest::Less, end, .. } => Some(format!("date lt {}", quote(end.as_deref()?))),
        Condition::Date { test: DateTest::InRange, start, end, duration, .. } => {
            let start = start.as_deref().map(|start| format!("{} ", quote(start))).unwrap_or_default();
            match (end, duration) {
                (Some(end), _) => Some(format!("date in {start}to {}", quote(end))),
                (None, Some(duration)) if !start.is_empty() => {
                    Some(format!("date in {start}for {}", parts_text(duration)?))
                }
                _ => None,
            }
        }
        Condition::Date { test: DateTest::Spec, spec, .. } => {
            Some(format!("date-spec {}", parts_text(spec.as_ref()?)?))
        }
        Condition::Resource { class, provider, agent, .. } => {
            let part = |part: &Option<String>| part.clone().unwrap_or_default();
            Some(format!("resource {}", quote(&format!("{}:{}:{}", part(class), part(provider), part(agent)))))
        }
        Condition::Operation { name, interval, .. } => {
            let interval = interval.as_deref().map(|interval| format!(" {}", quote(&format!("interval={interval}"))));
            Some(format!("op {}{}", quote(name), interval.unwrap_or_default()))
        }
        Condition::Rule(rule) => Some(format!("({})", rule.text()?)),
    }
}

fn parts_text(parts: &DateParts) -> Option<String> {
    let parts: Vec<String> = parts.parts.iter().map(|(name, range)| quote(&format!("{name}={range}"))).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::super::{Combine, Condition, Rule};

    #[test]
    fn reads_what_it_writes() {
        for text in [
            "#uname eq alpha",
            "rack eq b and defined site",
            "a lt 1 or b gte number 2.5 or c ne version 1.2.3",
            "(a eq 1 and b eq 2) or not_defined c",
            "a eq param:x and b ne meta:y",
            "a eq 'two words' and 'or' eq text 'it\\'s'",
            "date gt 2026-01-01T00:00:00Z",
            "date in 2026-01-01 to 2026-02-01",
            "date in to 2026-02-01",
            "date in 2026-01-01 for months=2 days=1",
            "date-spec hours=9-17 weekdays=1-5",
            "resource ocf:heartbeat:IPaddr2 and op monitor interval=10s",
            "resource ::Dummy",
            "((a eq 1))",
            "date-spec 'hours=9 to 17' and op monitor 'interval=10 s'",
            "date in 'to' to 'for'",
            "a eq 'param:two words'",
        ] {
            let rule = Rule::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(rule.text().as_deref(), Some(text));
        }
    }

    #[test]
    fn and_binds_stronger_than_or() {
        let rule = Rule::parse("a eq 1 and b eq 2 or c eq 3").unwrap();
        assert_eq!(rule.combine, Combine::Or);
        assert!(matches!(&rule.conditions[0], Condition::Rule(inner) if inner.combine == Combine::And));
        assert_eq!(rule.text().unwrap(), "(a eq 1 and b eq 2) or c eq 3");
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, part) in [
            ("", "the rule ends where a condition"),
            ("a", "the rule ends where a comparison"),
            ("a is b", "`is` is not a comparison"),
            ("a eq 1 b eq 2", "`b` is not expected"),
            ("(a eq 1", "not closed"),
            ("a eq 'x", "a quote"),
            ("a eq 1 and", "the rule ends"),
            ("or a eq 1", "missing before `or`"),
            ("date before 2026", "`date before`"),
            ("date-spec", "parts of a date"),
            ("resource Dummy", "three parts"),
        ] {
            let error = Rule::parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        let deep = "(".repeat(1000) + "a eq 1";
        assert!(Rule::parse(&deep).unwrap_err().to_string().contains("more than 16"));
    }
}
