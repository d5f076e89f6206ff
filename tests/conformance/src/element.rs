//! A CIB as a tree of elements that can be changed and written again. What stands between elements is no part of it.

use std::fmt::Write;

/// One element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// Names and values in the order written.
    pub attributes: Vec<(String, String)>,
    /// What is inside it.
    pub children: Vec<Element>,
}

/// Where an element is: the number of the child to take, at each level from the root.
pub type Path = Vec<usize>;

impl Element {
    /// An element without children.
    #[must_use]
    pub fn new(name: &str, attributes: &[(&str, &str)]) -> Element {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect();
        Element { name: name.to_string(), attributes, children: Vec::new() }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// When it is not well-formed.
    pub fn read(text: &str) -> Result<Element, String> {
        let document = roxmltree::Document::parse(text).map_err(|error| format!("reading a CIB: {error}"))?;
        Ok(copy(document.root_element()))
    }

    /// The value of an attribute, or nothing in its place.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.attributes.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Whether an attribute has one of these values.
    #[must_use]
    pub fn is(&self, name: &str, values: &[&str]) -> bool {
        values.contains(&self.get(name))
    }

    /// Gives an attribute a value.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.attributes.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value.to_string(),
            None => self.attributes.push((name.to_string(), value.to_string())),
        }
    }

    /// The child of this name, made when there is none.
    pub fn child(&mut self, name: &str) -> &mut Element {
        let at = self.children.iter().position(|child| child.name == name).unwrap_or_else(|| {
            self.children.push(Element::new(name, &[]));
            self.children.len() - 1
        });
        &mut self.children[at]
    }

    /// The element at a place that [`Element::paths`] named.
    #[must_use]
    pub fn at(&self, path: &[usize]) -> &Element {
        path.iter().fold(self, |element, &at| &element.children[at])
    }

    /// The same, to be changed.
    pub fn at_mut(&mut self, path: &[usize]) -> &mut Element {
        path.iter().fold(self, |element, &at| &mut element.children[at])
    }

    /// Takes away the element at a place; the root stays.
    pub fn remove(&mut self, path: &[usize]) {
        if let Some((&last, above)) = path.split_last() {
            self.at_mut(above).children.remove(last);
        }
    }

    /// Where everything is that `wanted` accepts, in the order written.
    #[must_use]
    pub fn paths(&self, wanted: impl Fn(&Element) -> bool) -> Vec<Path> {
        let mut found = Vec::new();
        let mut left = vec![(self, Vec::new())];
        while let Some((element, path)) = left.pop() {
            for (at, child) in element.children.iter().enumerate().rev() {
                let mut path = path.clone();
                path.push(at);
                left.push((child, path));
            }
            if wanted(element) {
                found.push(path);
            }
        }
        found
    }

    /// Writes the tree, an element in each line.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = String::new();
        self.write_to(&mut text, 0);
        text
    }

    fn write_to(&self, text: &mut String, depth: usize) {
        let indent = "  ".repeat(depth);
        let mut put = |words: std::fmt::Arguments<'_>| text.write_fmt(words).expect("a string takes everything");
        put(format_args!("{indent}<{}", self.name));
        for (name, value) in &self.attributes {
            put(format_args!(" {name}=\"{}\"", escaped(value)));
        }
        if self.children.is_empty() {
            text.push_str("/>\n");
            return;
        }
        text.push_str(">\n");
        self.children.iter().for_each(|child| child.write_to(text, depth + 1));
        text.write_fmt(format_args!("{indent}</{}>\n", self.name)).expect("a string takes everything");
    }
}

fn copy(node: roxmltree::Node<'_, '_>) -> Element {
    let attributes = node.attributes().map(|it| (it.name().to_string(), it.value().to_string())).collect();
    let children = node.children().filter(roxmltree::Node::is_element).map(copy).collect();
    Element { name: node.tag_name().name().to_string(), attributes, children }
}

fn escaped(value: &str) -> String {
    let pairs = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("\n", "&#10;"), ("\t", "&#9;")];
    pairs.iter().fold(value.to_string(), |text, (plain, written)| text.replace(plain, written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_written_as_it_was_read() {
        let text = "<cib a=\"1 &lt; 2 &amp; &quot;3&quot;\"><x/><y id=\"i\"><z/></y></cib>";
        let read = Element::read(text).expect("well-formed");
        assert_eq!(read.get("a"), "1 < 2 & \"3\"");
        assert_eq!(Element::read(&read.write()), Ok(read));
    }

    #[test]
    fn elements_are_found_and_taken_away() {
        let mut cib = Element::read("<cib><x n=\"1\"/><y><x n=\"2\"/></y></cib>").expect("well-formed");
        let found = cib.paths(|it| it.name == "x");
        assert_eq!(found, [vec![0], vec![1, 0]]);
        cib.remove(&found[1]);
        assert_eq!(cib.write(), "<cib>\n  <x n=\"1\"/>\n  <y/>\n</cib>\n");
    }
}
