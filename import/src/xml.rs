//! A walk through an XML text, element by element, without a tree: a file of 150 MB is read in one pass.
//!
//! [`Xml::children`] hands out the elements inside another one. Where an element only points to another (`id-ref`), the
//! walk hands out that other one, read from its own place in the text, so that readers need not know. Entities that a
//! document type defines are refused, the depth and the number of nested references are bounded.

use crate::ReadError;
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;
use quick_xml::events::attributes::Attributes;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;

/// Elements inside elements, at most.
const DEPTH: usize = 64;
/// References found behind references, at most in one text.
const NESTED_REFERENCES: usize = 10_000;

/// Where the elements that may be pointed to are, and how many of them were already followed.
pub(crate) struct References {
    places: BTreeMap<String, usize>,
    nested: Cell<usize>,
}

/// The start of one element.
#[derive(Clone)]
pub(crate) struct Element<'a> {
    pub(crate) name: &'a str,
    pub(crate) attributes: Vec<(&'a str, Cow<'a, str>)>,
    /// Where it begins in the text.
    at: usize,
    /// Written as `<name/>`.
    empty: bool,
}

/// A place in the text.
pub(crate) struct Xml<'a> {
    text: &'a str,
    /// Where the reader began.
    base: usize,
    reader: Reader<&'a [u8]>,
    references: &'a References,
    depth: usize,
    /// Whether this walk is inside something that was pointed to.
    referred: bool,
}

impl References {
    /// Of a text in which nothing points to anything, or of one whose targets are looked for here.
    pub(crate) fn of(text: &str) -> Result<References, ReadError> {
        let mut references = References { places: BTreeMap::new(), nested: Cell::new(0) };
        if text.contains("id-ref") {
            let none = References { places: BTreeMap::new(), nested: Cell::new(0) };
            let mut xml = Xml::new(text, &none);
            while let Some(element) = xml.next_start()? {
                if element.name == "status" {
                    break;
                }
                if let Some(id) = element.get("id") {
                    references.places.entry(id.to_string()).or_insert(element.at);
                }
            }
        }
        Ok(references)
    }
}

impl<'a> Element<'a> {
    /// The value of an attribute.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_ref())
    }

    /// The value of an attribute, to keep.
    pub(crate) fn own(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_string)
    }

    /// The value of an attribute, to keep; empty when there is none.
    pub(crate) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_string()
    }
}

impl<'a> Xml<'a> {
    /// At the beginning of a text.
    pub(crate) fn new(text: &'a str, references: &'a References) -> Xml<'a> {
        Xml { text, base: 0, reader: Reader::from_str(text), references, depth: 0, referred: false }
    }

    /// The element that holds all others; whatever comes before it is passed over.
    pub(crate) fn root(&mut self) -> Result<Element<'a>, ReadError> {
        self.next_start()?.ok_or_else(|| self.wrong(0, "there is no element in it".to_string()))
    }

    /// Makes sure that nothing but comments comes after the root element.
    pub(crate) fn end(&mut self) -> Result<(), ReadError> {
        match self.next_start()? {
            None => Ok(()),
            Some(element) => Err(self.wrong_at(&element, "a second root element")),
        }
    }

    /// Calls `read` for every element inside `parent`, with the walk from which its children can be read. What `read`
    /// leaves unread of an element's children is skipped here only when it calls [`Xml::skip`].
    pub(crate) fn children(
        &mut self,
        parent: &Element<'a>,
        read: &mut dyn FnMut(&mut Xml<'a>, Element<'a>) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        if parent.empty {
            return Ok(());
        }
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.wrong_at(parent, "elements are nested too deeply"));
        }
        while let Some(child) = self.next_inside(parent)? {
            match child.get("id-ref") {
                None => read(self, child)?,
                Some(target) => {
                    let mut other = self.follow(target, &child)?;
                    let mut element = other.root()?;
                    for (key, value) in &child.attributes {
                        if *key != "id-ref" {
                            element.attributes.retain(|(name, _)| name != key);
                            element.attributes.push((key, value.clone()));
                        }
                    }
                    read(&mut other, element)?;
                    self.skip(&child)?;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Passes over whatever is inside an element.
    pub(crate) fn skip(&mut self, element: &Element<'a>) -> Result<(), ReadError> {
        if element.empty {
            return Ok(());
        }
        let mut open = 1_usize;
        loop {
            match self.event()? {
                Event::Start(_) => open += 1,
                Event::End(_) if open == 1 => return Ok(()),
                Event::End(_) => open -= 1,
                Event::Eof => return Err(self.unfinished(element)),
                _ => {}
            }
        }
    }

    /// An error about an element.
    pub(crate) fn wrong_at(&self, element: &Element<'a>, what: &str) -> ReadError {
        self.wrong(element.at, format!("<{}>: {what}", element.name))
    }

    /// A walk that begins at the element with this id.
    fn follow(&self, target: &str, from: &Element<'a>) -> Result<Xml<'a>, ReadError> {
        let Some(place) = self.references.places.get(target) else {
            return Err(self.wrong_at(from, &format!("id-ref=\"{target}\", but no element has this id")));
        };
        if self.referred {
            self.references.nested.set(self.references.nested.get() + 1);
        }
        if self.references.nested.get() > NESTED_REFERENCES {
            return Err(self.wrong_at(from, "too many references inside elements that are referred to"));
        }
        Ok(Xml {
            text: self.text,
            base: *place,
            reader: Reader::from_str(&self.text[*place..]),
            references: self.references,
            depth: self.depth,
            referred: true,
        })
    }

    fn event(&mut self) -> Result<Event<'a>, ReadError> {
        match self.reader.read_event() {
            Ok(Event::DocType(_)) => Err(self.wrong(self.position(), "a document type is not read".to_string())),
            Ok(event) => Ok(event),
            Err(error) => {
                let at = usize::try_from(self.reader.error_position()).unwrap_or(usize::MAX);
                Err(self.wrong(self.base.saturating_add(at), error.to_string()))
            }
        }
    }

    /// The next element inside `parent`, `None` at its end.
    fn next_inside(&mut self, parent: &Element<'a>) -> Result<Option<Element<'a>>, ReadError> {
        loop {
            let (length, name, empty) = match self.event()? {
                Event::Start(start) => (start.len(), start.name().as_ref().len(), false),
                Event::Empty(start) => (start.len(), start.name().as_ref().len(), true),
                Event::End(_) => return Ok(None),
                Event::Eof => return Err(self.unfinished(parent)),
                _ => continue,
            };
            return self.element(length, name, empty).map(Some);
        }
    }

    /// The next element wherever it is, `None` at the end of the text.
    fn next_start(&mut self) -> Result<Option<Element<'a>>, ReadError> {
        loop {
            let (length, name, empty) = match self.event()? {
                Event::Start(start) => (start.len(), start.name().as_ref().len(), false),
                Event::Empty(start) => (start.len(), start.name().as_ref().len(), true),
                Event::Eof => return Ok(None),
                _ => continue,
            };
            return self.element(length, name, empty).map(Some);
        }
    }

    /// The element that was just read; its inner text is `length` bytes long and begins with the name.
    fn element(&mut self, length: usize, name: usize, empty: bool) -> Result<Element<'a>, ReadError> {
        let behind = if empty { 2 } else { 1 };
        let begin = self.position().saturating_sub(behind + length);
        let inner = self.text.get(begin..begin + length).unwrap_or_default();
        let mut attributes: Vec<(&'a str, Cow<'a, str>)> = Vec::with_capacity(20);
        // What the library hands out are slices of `inner`, checked to be text already.
        let slice = |bytes: &[u8]| {
            let at = (bytes.as_ptr() as usize).saturating_sub(inner.as_ptr() as usize);
            inner.get(at..at + bytes.len()).unwrap_or_default()
        };
        let mut parts = Attributes::new(inner, name);
        for attribute in parts.with_checks(false) {
            let attribute = attribute.map_err(|error| self.wrong(begin, error.to_string()))?;
            let key = slice(attribute.key.into_inner());
            if attributes.iter().any(|(other, _)| *other == key) {
                return Err(self.wrong(begin, format!("attribute {key} is written twice")));
            }
            let raw = match attribute.value {
                Cow::Borrowed(bytes) => slice(bytes),
                Cow::Owned(_) => "",
            };
            let value = unescape(raw).map_err(|error| self.wrong(begin, error.to_string()))?;
            attributes.push((key, value));
        }
        let name = inner.get(..name).unwrap_or_default();
        Ok(Element { name, attributes, at: begin.saturating_sub(1), empty })
    }

    fn position(&self) -> usize {
        self.base.saturating_add(usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX))
    }

    fn unfinished(&self, element: &Element<'a>) -> ReadError {
        self.wrong(element.at, format!("<{}> is never closed", element.name))
    }

    fn wrong(&self, at: usize, what: String) -> ReadError {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        ReadError { line: 1 + before.iter().filter(|byte| **byte == b'\n').count(), what }
    }
}
