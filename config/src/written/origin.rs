//! Names for what has none of its own in a cluster file: the word it is written with, and the place where it stands.
//!
//! `avoid (line 21)`, or `avoid (shop.toml:21)` once it is known which file that is. The names of a CIB hold neither
//! blanks nor brackets, so the two cannot be mixed up.

use super::{AttributeSet, Configuration, Resource, ResourceKind};
use std::fmt;

/// Where something stands in a cluster file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The word that it is written with: `avoid`, `[[location]]`.
    pub word: &'a str,
    /// The file, where it is known.
    pub file: Option<&'a str>,
    /// The line, counted from 1.
    pub line: u32,
}

impl<'a> Origin<'a> {
    /// The name of what is written with `word` in this line.
    #[must_use]
    pub fn name(word: &str, line: u32) -> String {
        format!("{word} (line {line})")
    }

    /// The place that a name stands for; `None` for a name that somebody gave.
    #[must_use]
    pub fn of(name: &'a str) -> Option<Origin<'a>> {
        let (word, place) = name.strip_suffix(')')?.split_once(" (")?;
        let (file, line) = match place.strip_prefix("line ") {
            Some(line) => (None, line),
            None => place.rsplit_once(':').map(|(file, line)| (Some(file), line))?,
        };
        Some(Origin { word, file, line: line.parse().ok()? })
    }
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.file {
            Some(file) => write!(f, "`{}` at {file}:{}", self.word, self.line),
            None => write!(f, "`{}` in line {}", self.word, self.line),
        }
    }
}

impl Configuration {
    /// Says which file the lines are of that its constraints, sets and levels are named by.
    pub fn say_file(&mut self, file: &str) {
        for name in self.given_names() {
            let Some(Origin { word, file: None, line }) = Origin::of(name) else { continue };
            *name = format!("{word} ({file}:{line})");
        }
    }

    /// The names of what has none of its own in a cluster file.
    fn given_names(&mut self) -> Vec<&mut String> {
        let constraints = &mut self.constraints;
        let mut names: Vec<&mut String> = Vec::new();
        names.extend(constraints.locations.iter_mut().map(|it| &mut it.id));
        for colocation in &mut constraints.colocations {
            names.push(&mut colocation.id);
            names.extend(colocation.sets.iter_mut().map(|set| &mut set.id));
        }
        for order in &mut constraints.orders {
            names.push(&mut order.id);
            names.extend(order.sets.iter_mut().map(|set| &mut set.id));
        }
        names.extend(constraints.tickets.iter_mut().map(|it| &mut it.id));
        names.extend(self.fencing_levels.iter_mut().map(|it| &mut it.id));
        let common = self.properties.iter_mut().chain(&mut self.resource_defaults).chain(&mut self.operation_defaults);
        names.extend(common.map(|set| &mut set.id));
        for resource in self.resources.iter_mut().chain(&mut self.templates) {
            names_within(resource, &mut names);
        }
        names
    }
}

fn names_within<'r>(resource: &'r mut Resource, names: &mut Vec<&'r mut String>) {
    let Resource { kind, meta, params, utilization, operations, .. } = resource;
    let named = |set: &'r mut AttributeSet| &mut set.id;
    names.extend(meta.iter_mut().chain(params).chain(utilization).map(named));
    for operation in operations {
        names.extend(operation.meta.iter_mut().chain(&mut operation.params).map(named));
    }
    match kind {
        ResourceKind::Primitive(_) => {}
        ResourceKind::Group(members) => members.iter_mut().for_each(|member| names_within(member, names)),
        ResourceKind::Clone(child) => names_within(child, names),
        ResourceKind::Bundle(bundle) => bundle.primitive.iter_mut().for_each(|inner| names_within(inner, names)),
    }
}

#[cfg(test)]
mod tests {
    use super::Origin;

    const FILE: &str = "[cluster]\nname = \"t\"\n[nodes.a]\naddresses = [\"10.0.0.1\"]\n[resources.db]\n\
                        agent = \"ocf:heartbeat:pgsql\"\n[resources.web]\nagent = \"ocf:heartbeat:nginx\"\n\
                        avoid = [\"a\"]\nwith = \"db\"\n[[location]]\nresource = \"db\"\nnode = \"a\"\nscore = 5\n";

    #[test]
    fn a_constraint_is_named_by_its_word_and_its_place() {
        let mut written = crate::parse(FILE).config.expect("it is a valid file").written;
        let locations: Vec<String> = written.constraints.locations.iter().map(|it| it.id.clone()).collect();
        assert_eq!(locations, ["avoid (line 9)", "[[location]] (line 11)"]);
        written.say_file("my (old) shop.toml");
        let with = &written.constraints.colocations[0].id;
        assert_eq!(with, "with (my (old) shop.toml:10)");
        let place = Origin::of(with).expect("it has an origin");
        assert_eq!((place.word, place.file, place.line), ("with", Some("my (old) shop.toml"), 10));
        assert_eq!(place.to_string(), "`with` at my (old) shop.toml:10");
    }

    #[test]
    fn a_name_that_somebody_gave_has_no_place() {
        for name in ["ip-on-n2", "avoid (line x)", "avoid (line 9", "()", "a (b)"] {
            assert_eq!(Origin::of(name), None, "{name}");
        }
    }
}
