//! What names in histories and schedules stand for.
//!
//! A primitive, or a numbered instance of a clone that tells its instances apart, is a subject by itself and runs once.
//! All instances of an anonymous clone, and all replicas of a bundle, are one subject, told apart by their nodes: the
//! numbers in their names say nothing.

use super::names::Names;
use super::options::Options;
use super::tree::{Needs, Primitive, Reader, Sort};
use crate::situation::{Agent, Resource, ResourceKind, Situation};
use std::collections::BTreeMap;

/// One subject.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    /// Its name; of an anonymous clone's without a number.
    pub(super) name: &'a str,
    /// The place of what was written of it.
    pub(super) primitive: usize,
    /// It runs once at most.
    pub(super) once: bool,
}

/// All of them, by name.
pub(super) struct Subjects<'a> {
    reader: Reader<'a>,
    /// What was written, then what was not and is there nevertheless.
    pub(super) primitives: Vec<Primitive<'a>>,
    by_id: BTreeMap<&'a str, usize>,
    bundles: Vec<&'a Resource>,
    names: Names<'a>,
    /// For each name.
    of_name: Vec<usize>,
    pub(super) all: Vec<Subject<'a>>,
}

impl<'a> Subjects<'a> {
    pub(super) fn of(situation: &'a Situation) -> Subjects<'a> {
        let reader = Reader::new(situation);
        let primitives = reader.all();
        let resources = &situation.configuration.resources;
        let mut subjects = Subjects {
            by_id: primitives.iter().enumerate().map(|(at, it)| (it.id, at)).collect(),
            bundles: resources.iter().filter(|it| matches!(it.kind, ResourceKind::Bundle(_))).collect(),
            reader,
            primitives,
            names: Names::default(),
            of_name: Vec::new(),
            all: Vec::new(),
        };
        for at in 0..subjects.primitives.len() {
            if subjects.primitives[at].sort != Sort::Unique {
                let id = subjects.primitives[at].id;
                subjects.named(id, None);
            }
        }
        subjects
    }

    /// The name's number and what it stands for; `agent`: the one recorded, of what is not configured.
    pub(super) fn named(&mut self, name: &'a str, agent: Option<&'a Agent>) -> (usize, usize) {
        let number = self.names.number(name);
        if let Some(&known) = self.of_name.get(number) {
            return (number, known);
        }
        self.of_name.push(usize::MAX);
        let subject = self.make(name, agent);
        self.of_name[number] = subject;
        (number, subject)
    }

    fn make(&mut self, name: &'a str, agent: Option<&'a Agent>) -> usize {
        let (base, number) = split(name);
        let exact = self.by_id.get(name).copied();
        let written = exact.or_else(|| {
            let instance = |at: &usize| self.primitives[*at].sort != Sort::Alone;
            self.by_id.get(base).copied().filter(|_| number.is_some()).filter(instance)
        });
        let primitive = written.unwrap_or_else(|| {
            let of = |bundle: &&&'a Resource| name.strip_prefix(&*bundle.id).is_some_and(|rest| rest.starts_with('-'));
            let bundle = self.bundles.iter().find(of).copied();
            self.primitives.push(self.reader.unwritten(name, agent, bundle));
            self.primitives.len() - 1
        });
        let it = &self.primitives[primitive];
        let once = matches!(it.sort, Sort::Alone | Sort::Unique);
        if !once && it.id != name {
            let id = it.id;
            return self.named(id, None).1;
        }
        self.all.push(Subject { name, primitive, once });
        self.all.len() - 1
    }

    /// The subject of a name that was met.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.find(name).map(|number| self.of_name[number])
    }

    /// Whether this is the name of a node inside a bundle.
    pub(super) fn in_bundle(&self, node: &str) -> bool {
        let number = |bundle: &&Resource| node.strip_prefix(&*bundle.id)?.strip_prefix('-').map(|it| it.parse::<u32>());
        self.bundles.iter().any(|bundle| matches!(number(bundle), Some(Ok(_))))
    }

    /// What was written of a subject.
    pub(super) fn primitive(&self, subject: usize) -> &Primitive<'a> {
        &self.primitives[self.all[subject].primitive]
    }

    /// What must be certain before it starts.
    pub(super) fn needs(&self, subject: usize, options: &Options) -> Needs {
        let it = self.primitive(subject);
        it.wish.needs(it.agent, options)
    }

    /// What was written.
    pub(super) fn reader(&self) -> &Reader<'a> {
        &self.reader
    }
}

/// A name without the number of an instance, and that number.
fn split(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((base, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            (base, Some(number))
        }
        _ => (name, None),
    }
}
