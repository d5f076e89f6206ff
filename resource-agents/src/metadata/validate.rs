//! Parameters of a resource held against the description of its agent.

use super::{Kind, Metadata, Parameter, duration, truth};
use std::collections::BTreeMap;

impl Metadata {
    /// What is wrong with these parameters, one sentence each, in the order of their names; empty when nothing is.
    #[must_use]
    pub fn validate(&self, params: &BTreeMap<String, String>) -> Vec<String> {
        let given = params.iter().filter_map(|(name, value)| match self.parameter(name) {
            Some(parameter) => wrong_value(parameter, value),
            None if name.starts_with("CRM_meta_") || name == "OCF_CHECK_LEVEL" => None,
            None => Some(self.unknown(name)),
        });
        let missing = self.parameters.iter().filter(|parameter| self.is_missing(parameter, params)).map(|parameter| {
            let about = if parameter.short.is_empty() { String::new() } else { format!(" ({})", parameter.short) };
            format!("parameter {:?}{about} is required by {}", parameter.name, self.name)
        });
        given.chain(missing).collect()
    }

    fn unknown(&self, name: &str) -> String {
        let nearest = self
            .parameters
            .iter()
            .map(|known| (distance(&known.name.to_lowercase(), &name.to_lowercase()), known.name.as_str()))
            .filter(|(distance, known)| *distance <= (known.len().max(name.len()) / 3).max(1))
            .min();
        match nearest {
            Some((_, known)) => format!("{} has no parameter {name:?}; did you mean {known:?}?", self.name),
            None if self.parameters.is_empty() => format!("{} has no parameters, so none called {name:?}", self.name),
            None => {
                let mut known: Vec<&str> = self.parameters.iter().map(|known| known.name.as_str()).take(12).collect();
                if self.parameters.len() > known.len() {
                    known.push("...");
                }
                format!("{} has no parameter {name:?}; it knows {}", self.name, known.join(", "))
            }
        }
    }

    /// Required, without a default, and not given, also not under an older name.
    fn is_missing(&self, parameter: &Parameter, params: &BTreeMap<String, String>) -> bool {
        let under_other_name = || {
            parameter.obsoletes.as_ref().is_some_and(|older| params.contains_key(older))
                || self.parameters.iter().any(|newer| {
                    newer.obsoletes.as_deref() == Some(parameter.name.as_str()) && params.contains_key(&newer.name)
                })
        };
        parameter.required
            && parameter.deprecated.is_none()
            && parameter.default.as_deref().is_none_or(str::is_empty)
            && !params.contains_key(&parameter.name)
            && !under_other_name()
    }
}

fn wrong_value(parameter: &Parameter, value: &str) -> Option<String> {
    let name = &parameter.name;
    let shown = if crate::is_secret(name) { "***" } else { value };
    let wanted = match &parameter.kind {
        Kind::Text => return None,
        Kind::Integer if value.trim().parse::<i128>().is_err() => "a whole number".to_owned(),
        Kind::Boolean if truth(value).is_none() => "true or false".to_owned(),
        // Some agents take a negative number or words such as "infinite" for "no limit".
        Kind::Time if duration(value).is_none() && value.trim().parse::<f64>().is_err() => {
            "a length of time such as \"20s\"".to_owned()
        }
        Kind::Choice(choices) if !choices.is_empty() && !choices.iter().any(|choice| choice == value) => {
            format!("one of {}", choices.join(", "))
        }
        _ => return None,
    };
    Some(format!("parameter {name:?} is {shown:?}, but takes {wanted}"))
}

/// How many letters must be put in, taken out or replaced to make `a` of `b`. Both are cut to 64 letters.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
