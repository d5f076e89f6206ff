//! Options as data: what can stand in each table of the cluster file.
//!
//! The parser reads files by these tables and `docs/reference.md` is printed from them, so an option exists in both or
//! in neither. The tables themselves are in `option/table.rs`, `option/resource.rs` and
//! `option/constraint.rs`.

mod constraint;
mod resource;
mod table;

use crate::score::Score;
use std::time::Duration;

pub(crate) use constraint::{COLOCATION, FENCING_LEVEL, LOCATION, LOCATION_RULE, ORDER, RESOURCE_SET, TICKET};
pub(crate) use resource::{BUNDLE, CLONE, GROUP, META, MOUNT, OPERATION, PORT, RESOURCE, SET, TEMPLATE};
pub(crate) use table::{
    ARBITER, CLUSTER, DEFAULTS, DEFAULTS_OPERATION, DEFAULTS_RESOURCE, FENCING, FILE, NODE, PROPERTIES, QUORUM,
    REMOTE_NODE, SECTIONS,
};

/// What a name in an option refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noun {
    Node,
    Resource,
}

/// What may be written as the value of an option.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number in this range, both ends included.
    Integer { min: i64, max: i64 },
    /// A text of at least one character.
    Text,
    /// A text such as `"10s"` in this range, both ends included.
    Duration { min: Duration, max: Duration },
    /// A whole number, `"mandatory"` or `"never"`.
    Score,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The name of something else in the file.
    Name(Noun),
    /// Names of other things in the file; one name may stand without brackets.
    Names(Noun),
    /// A list of texts, at most this many.
    Texts { max: usize },
    /// A table of texts, numbers and booleans under free names.
    Values,
    /// A table of node names and scores.
    Scores,
    /// A table of lists of names, under free names.
    Lists,
    /// A list of lists of device names.
    Levels,
    /// A list of node names, or a table of node names and texts.
    Plugs,
    /// A list of tables of the given section.
    Tables(&'static Section),
    /// A table of the given section.
    Table(&'static Section),
    /// A table of tables of the given section, under free names.
    Named(&'static Section),
}

/// What holds when an option is not written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Standard {
    /// It must be written.
    Required,
    /// Nothing; the words say what that leads to.
    Unset(&'static str),
    Bool(bool),
    Integer(i64),
    Duration(Duration),
    Score(Score),
    Choice(&'static str),
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opt {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) standard: Standard,
    /// One to three sentences for the operator.
    pub(crate) meaning: &'static str,
    /// What Pacemaker or Corosync call it, when that differs from `name`.
    pub(crate) peer: Option<&'static str>,
    /// Other names people try, which lead to this one by a hint and are not accepted.
    pub(crate) also_tried: &'static [&'static str],
}

impl Opt {
    pub(crate) const fn new(name: &'static str, kind: Kind, standard: Standard, meaning: &'static str) -> Opt {
        Opt { name, kind, standard, meaning, peer: None, also_tried: &[] }
    }

    pub(crate) const fn peer(mut self, name: &'static str) -> Opt {
        self.peer = Some(name);
        self
    }

    pub(crate) const fn tried(mut self, names: &'static [&'static str]) -> Opt {
        self.also_tried = names;
        self
    }
}

/// One table of the file.
#[derive(Debug)]
pub(crate) struct Section {
    /// As it is written, with NAME in capitals: `[nodes.NAME]`.
    pub(crate) header: &'static str,
    /// A paragraph for the operator.
    pub(crate) meaning: &'static str,
    pub(crate) options: &'static [Opt],
    /// Option lists that also belong here, such as the meta attributes of a resource.
    pub(crate) shared: &'static [Opt],
    /// Options of the field that this version does not have yet, refused with these words.
    pub(crate) later: &'static [(&'static str, &'static str)],
}

impl Section {
    /// All options of the table.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'static Opt> {
        self.options.iter().chain(self.shared)
    }

    /// Whether tables stand in it rather than values.
    pub(crate) fn holds_tables(&self) -> bool {
        self.all().all(|option| matches!(option.kind, Kind::Table(_) | Kind::Tables(_) | Kind::Named(_) | Kind::Lists))
    }

    /// The option of this name.
    pub(crate) fn option(&self, name: &str) -> Option<&'static Opt> {
        self.all().find(|option| option.name == name)
    }
}
