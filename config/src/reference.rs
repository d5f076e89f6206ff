//! The reference of the cluster file, printed from the option table.

use crate::duration::format_duration;
use crate::option::{FILE, Kind, Noun, Opt, SECTIONS, Section, Standard};
use crate::parse::listed;

/// A complete cluster file, with comments, that is valid as it stands.
pub const EXAMPLE: &str = include_str!("reference/example.toml");

/// Columns of the text.
const WIDTH: usize = 100;

const INTRODUCTION: &str = "\
A cluster file says which machines form the cluster, what they should run, and how a lost machine is cut off. It is TOML. \
`paceline validate FILE` reports everything wrong in it at once, `paceline plan FILE` shows what it would change, and \
`paceline apply FILE` makes it so on all nodes.";

const WRITING: [&str; 7] = [
    "**Names** (of nodes, resources, groups, fence devices) have 1 to 64 characters: letters, digits, `.`, `_`, `-`, the \
     first a letter or digit. Resources and groups share their names.",
    "**Durations** have a unit: `\"500ms\"`, `\"10s\"`, `\"1m30s\"`, `\"2h\"`. A bare number is refused.",
    "**Scores** say how much something is wanted: a whole number, `\"mandatory\"` or `\"never\"`. They add up; \
     `\"mandatory\"` outweighs every number, and `\"never\"` outweighs everything.",
    "**Parameters** of agents are texts, numbers, `true` or `false`; an agent gets all of them as text.",
    "**Lists of names** with a single entry can be written without brackets: `after = \"db\"`.",
    "**The order of the file** counts where nothing else decides: earlier resources are placed first.",
    "**Unknown options** are errors, so a typing mistake never goes unnoticed.",
];

/// The reference as Markdown: an example, how things are written, and every option of every table.
#[must_use]
pub fn reference() -> String {
    let mut text = String::from("# The cluster file\n\n");
    text.push_str(
        "<!-- Printed from the option table of the package `config`; UPDATE=1 in its tests writes it. -->\n\n",
    );
    paragraph(&mut text, "", INTRODUCTION);
    text.push_str("\n## An example\n\n```toml\n");
    text.push_str(EXAMPLE);
    text.push_str("```\n\n## How things are written\n\n");
    for rule in WRITING {
        paragraph(&mut text, "- ", rule);
    }
    for section in SECTIONS {
        chapter(&mut text, section);
    }
    rules(&mut text);
    not_yet(&mut text);
    text
}

/// How rules are written: what no option table says.
const RULES: [&str; 7] = [
    "`rack eq b`: the node attribute `rack` is `b`. Also `ne`, `lt`, `lte`, `gt`, `gte`; `defined rack`, `not_defined rack`. \
     Built in are `#uname` (the node's name), `#kind` (`cluster`, `remote` or `container`), `#cluster-name`, `#site-name`.",
    "A kind of comparison may stand before the value: `cpus gte integer 8`; `text`, `integer`, `number`, `version`.",
    "`param:NAME` and `meta:NAME` as value stand for a parameter or meta attribute of the constrained resource.",
    "`date gt 2026-12-01`, `date lt 2026-12-24T18:00:00Z`, `date in 2026-12-01 to 2027-01-06`, `date in 2026-12-01 for weeks=2`.",
    "`date-spec hours=9-17 weekdays=1-5`: parts of the date, each a number or a range; Monday is 1.",
    "In defaults: `resource ocf:heartbeat:IPaddr2` (parts may be empty: `resource ocf::`) and `op monitor interval=10s`.",
    "Joined by `and` and `or` (`and` binds stronger) and parentheses. Values with blanks stand in single quotes.",
];

fn rules(text: &mut String) {
    text.push_str("\n## Rules\n\n");
    paragraph(
        text,
        "",
        "A rule says when something holds, in one line. The words are those of the field's command lines.",
    );
    text.push('\n');
    for rule in RULES {
        paragraph(text, "- ", rule);
    }
}

fn chapter(text: &mut String, section: &Section) {
    let title = if section.header.contains('[') { format!("`{}`", section.header) } else { section.header.to_owned() };
    text.push_str(&format!("\n## {title}\n\n"));
    paragraph(text, "", section.meaning);
    text.push('\n');
    for option in section.options {
        paragraph(text, "- ", &entry(option));
        paragraph(text, "  ", option.meaning);
    }
    // the shared options have a chapter of their own
}

fn entry(option: &Opt) -> String {
    let mut line = format!("**`{}`**: {}; {}.", option.name, kind(option.kind), standard(option.standard));
    if let Some(peer) = option.peer {
        line.push_str(&format!(" Known elsewhere as `{}`.", peer.replace(", ", "`, `").replace("`...`", "...")));
    }
    line
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::Integer { min, max } => format!("whole number, {min} to {max}"),
        Kind::Text => "text".to_owned(),
        Kind::Duration { min, max } => {
            format!("duration, `\"{}\"` to `\"{}\"`", format_duration(min), format_duration(max))
        }
        Kind::Score => "score".to_owned(),
        Kind::Choice(words) => words_in_code(words),
        Kind::Name(noun) => format!("name of a {}", one(noun)),
        Kind::Names(noun) => format!("list of names of {}s", one(noun)),
        Kind::Texts { max } => format!("list of 1 to {max} texts"),
        Kind::Values => "table of texts, numbers and booleans".to_owned(),
        Kind::Scores => "table of nodes and scores".to_owned(),
        Kind::Lists => "table of lists of names".to_owned(),
        Kind::Levels => "list of lists of names of fence devices".to_owned(),
        Kind::Plugs => "list of names of nodes, or table of nodes and texts".to_owned(),
        Kind::Tables(section) => format!("list of tables, see `{}`", section.header),
        Kind::Table(section) | Kind::Named(section) => format!("table, see `{}`", section.header),
    }
}

fn words_in_code(words: &[&str]) -> String {
    listed(words).split(' ').map(code_word).collect::<Vec<_>>().join(" ")
}

/// `"stop",` as `` `"stop"`, ``; words that are not quoted stay.
fn code_word(word: &str) -> String {
    if !word.starts_with('"') {
        return word.to_owned();
    }
    match word.strip_suffix(',') {
        Some(bare) => format!("`{bare}`,"),
        None => format!("`{word}`"),
    }
}

fn one(noun: Noun) -> &'static str {
    match noun {
        Noun::Node => "node",
        Noun::Resource => "resource",
    }
}

fn standard(standard: Standard) -> String {
    match standard {
        Standard::Required => "must be written".to_owned(),
        Standard::Unset(what) => format!("default: {what}"),
        Standard::Bool(yes) => format!("default `{yes}`"),
        Standard::Integer(number) => format!("default `{number}`"),
        Standard::Duration(duration) => format!("default `\"{}\"`", format_duration(duration)),
        Standard::Score(score) if score.is_mandatory() || score.is_never() => format!("default `\"{score}\"`"),
        Standard::Score(score) => format!("default `{score}`"),
        Standard::Choice(word) => format!("default `\"{word}\"`"),
    }
}

fn not_yet(text: &mut String) {
    text.push_str("\n## Not in this version\n\n");
    paragraph(
        text,
        "",
        "These words of the field are known and refused with a hint, so that nothing is silently ignored.",
    );
    text.push('\n');
    for section in std::iter::once(&FILE).chain(SECTIONS) {
        let names: Vec<String> = section.later.iter().map(|(name, _)| format!("`{name}`")).collect();
        if !names.is_empty() {
            let of =
                if section.header.contains('[') { format!("`{}`", section.header) } else { section.header.to_owned() };
            paragraph(text, "- ", &format!("in {of}: {}", names.join(", ")));
        }
    }
}

/// Appends `words` wrapped, the first line after `mark`, the others indented as far.
fn paragraph(text: &mut String, mark: &str, words: &str) {
    let indent = " ".repeat(mark.len());
    let mut line = mark.to_owned();
    let mut empty = true;
    for word in words.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(line.trim_end());
            text.push('\n');
            line = indent.clone();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    text.push_str(&line);
    text.push('\n');
}
