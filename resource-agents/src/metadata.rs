//! What an agent says of itself: its parameters and actions, read from its `meta-data` (OCF resource agents and
//! fence-agents print the same shape of XML).

mod validate;

use config::OperationName;
use roxmltree::{Document, Node, ParsingOptions};
use std::time::Duration;
use thiserror::Error;

/// Most bytes of a description that are read. The known agents print some 10 kB.
pub const METADATA_LIMIT: usize = 1024 * 1024;

/// Most XML nodes of a description.
const NODES_LIMIT: u32 = 100_000;

/// Most bytes kept of one text of it.
const TEXT_LIMIT: usize = 16 * 1024;

/// An agent's description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The name it gives itself.
    pub name: String,
    /// What it manages, in a line.
    pub short: String,
    /// What it manages, at length.
    pub long: String,
    /// Its parameters in its own order.
    pub parameters: Vec<Parameter>,
    /// Its actions in its own order.
    pub actions: Vec<Action>,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// In a line.
    pub short: String,
    /// At length.
    pub long: String,
    /// What kind of value it takes.
    pub kind: Kind,
    /// Its value when none is given.
    pub default: Option<String>,
    /// Whether the agent cannot do without it.
    pub required: bool,
    /// Two resources of this agent may not have the same value (OCF 1.0 `unique`), or not the same combination of
    /// values with the other parameters of this group (OCF 1.1 `unique-group`).
    pub unique_group: Option<String>,
    /// A running service takes over a new value without a restart (`reloadable`).
    pub reloadable: bool,
    /// The agent asks not to use it any more; its name for what is to be used instead, where it gives one.
    pub deprecated: Option<String>,
    /// Older name of the same thing that this one replaces (`obsoletes`).
    pub obsoletes: Option<String>,
}

/// What kind of value a parameter takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text (and every kind with a name of the agent's own).
    Text,
    /// A whole number.
    Integer,
    /// `true`, `false` and their like.
    Boolean,
    /// A length of time: a number, with or without a unit.
    Time,
    /// One of these words.
    Choice(Vec<String>),
}

/// One action the agent knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// `start`, `monitor`, ...
    pub name: String,
    /// The timeout that the agent's authors advise.
    pub timeout: Option<Duration>,
    /// The interval that they advise, for a monitor.
    pub interval: Option<Duration>,
    /// The role that a monitor is for.
    pub role: Option<String>,
}

/// Why a description could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MetadataError {
    /// The text is longer than [`METADATA_LIMIT`].
    #[error("the description has {0} bytes, more than the {METADATA_LIMIT} that are read")]
    TooLong(usize),
    /// The text is not XML.
    #[error("the description is not XML: {0}")]
    NotXml(String),
    /// The XML is something else.
    #[error("the description begins with <{0}>, not with <resource-agent>")]
    NotAnAgent(String),
}

impl Metadata {
    /// Reads what an agent printed.
    ///
    /// # Errors
    /// [`MetadataError`] when it is too long, not XML, or not the description of an agent.
    pub fn parse(text: &str) -> Result<Metadata, MetadataError> {
        if text.len() > METADATA_LIMIT {
            return Err(MetadataError::TooLong(text.len()));
        }
        // Agents print a DOCTYPE line; the parser bounds what entities in it may expand to.
        let options = ParsingOptions { allow_dtd: true, nodes_limit: NODES_LIMIT, ..ParsingOptions::default() };
        let document = Document::parse_with_options(text.trim_start(), options)
            .map_err(|error| MetadataError::NotXml(error.to_string()))?;
        let root = document.root_element();
        if !root.has_tag_name("resource-agent") {
            return Err(MetadataError::NotAnAgent(crate::presentable(root.tag_name().name())));
        }
        let of = |list: &str, item: &'static str| {
            let lists = root.children().filter(|child| child.has_tag_name(list)).collect::<Vec<_>>();
            lists.into_iter().flat_map(move |list| list.children().filter(move |child| child.has_tag_name(item)))
        };
        Ok(Metadata {
            name: attribute(root, "name").unwrap_or_default(),
            short: described(root, "shortdesc"),
            long: described(root, "longdesc"),
            parameters: of("parameters", "parameter").filter_map(parameter).collect(),
            actions: of("actions", "action").filter_map(action).collect(),
        })
    }

    /// The parameter with this name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// The parameters that a running service takes over without a restart: those that the agent calls reloadable, if it
    /// has the action for it (`reload-agent`, OCF 1.1). The older `reload` is for the service's own files.
    #[must_use]
    pub fn reloadable(&self) -> Vec<&str> {
        let reload = OperationName::Reload.as_str();
        if !self.actions.iter().any(|action| action.name == reload) {
            return Vec::new();
        }
        let parameters = self.parameters.iter().filter(|parameter| parameter.reloadable);
        parameters.map(|parameter| parameter.name.as_str()).collect()
    }

    /// The timeout that the agent advises for an action.
    #[must_use]
    pub fn advised_timeout(&self, action: &str) -> Option<Duration> {
        self.actions.iter().filter(|known| known.name == action).filter_map(|known| known.timeout).max()
    }
}

fn parameter(node: Node<'_, '_>) -> Option<Parameter> {
    let name = attribute(node, "name").filter(|name| !name.is_empty())?;
    let content = node.children().find(|child| child.has_tag_name("content"));
    let unique = attribute(node, "unique").is_some_and(|value| truth(&value) == Some(true));
    let deprecated = attribute(node, "deprecated").is_some_and(|value| truth(&value) == Some(true));
    let deprecation = node.children().find(|child| child.has_tag_name("deprecated"));
    Some(Parameter {
        short: described(node, "shortdesc"),
        long: described(node, "longdesc"),
        kind: content.map_or(Kind::Text, kind),
        default: content.and_then(|content| attribute(content, "default")),
        required: attribute(node, "required").is_some_and(|value| truth(&value) == Some(true)),
        unique_group: attribute(node, "unique-group").or_else(|| unique.then(|| name.clone())),
        reloadable: attribute(node, "reloadable").is_some_and(|value| truth(&value) == Some(true)),
        deprecated: (deprecated || deprecation.is_some()).then(|| deprecation.map_or_else(String::new, replacement)),
        obsoletes: attribute(node, "obsoletes"),
        name,
    })
}

fn replacement(deprecation: Node<'_, '_>) -> String {
    let named = deprecation.children().find(|child| child.has_tag_name("replaced-with"));
    named.and_then(|named| attribute(named, "name")).unwrap_or_default()
}

fn kind(content: Node<'_, '_>) -> Kind {
    match content.attribute("type").map(str::to_ascii_lowercase).as_deref() {
        Some("integer" | "int" | "numeric") => Kind::Integer,
        Some("boolean" | "bool") => Kind::Boolean,
        Some("second" | "seconds" | "time" | "duration" | "timeout") => Kind::Time,
        Some("select" | "enum") => {
            let choices = content.children().filter(|child| child.has_tag_name("option"));
            Kind::Choice(choices.filter_map(|choice| attribute(choice, "value")).collect())
        }
        _ => Kind::Text,
    }
}

fn action(node: Node<'_, '_>) -> Option<Action> {
    Some(Action {
        name: attribute(node, "name").filter(|name| !name.is_empty())?,
        timeout: attribute(node, "timeout").and_then(|text| duration(&text)),
        interval: attribute(node, "interval").and_then(|text| duration(&text)).filter(|interval| !interval.is_zero()),
        role: attribute(node, "role"),
    })
}

fn attribute(node: Node<'_, '_>, name: &str) -> Option<String> {
    node.attribute(name).map(|value| cut(value.trim()))
}

/// The text of the first child `name`, English where there are several.
fn described(node: Node<'_, '_>, name: &'static str) -> String {
    let texts = || node.children().filter(move |child| child.has_tag_name(name));
    let english = texts().find(|child| child.attribute("lang").is_none_or(|lang| lang.starts_with("en")));
    let text: Option<String> = english
        .or_else(|| texts().next())
        .map(|node| node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect());
    cut(text.unwrap_or_default().trim())
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(TEXT_LIMIT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// What agents write for yes and no.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" | "y" | "ja" => Some(true),
        "0" | "false" | "no" | "off" | "n" | "nein" | "" => Some(false),
        _ => None,
    }
}

/// A length of time as agents write it: `20`, `20s`, `500ms`, `2min`, `1h`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..split].parse().ok()?;
    let milliseconds = match text[split..].trim().to_ascii_lowercase().as_str() {
        "" | "s" | "sec" | "second" | "seconds" => number.checked_mul(1000),
        "ms" | "msec" => Some(number),
        "us" | "usec" => Some(number / 1000),
        "m" | "min" | "minute" | "minutes" => number.checked_mul(60_000),
        "h" | "hr" | "hour" | "hours" => number.checked_mul(3_600_000),
        _ => None,
    };
    milliseconds.map(Duration::from_millis)
}

#[cfg(test)]
mod tests;
