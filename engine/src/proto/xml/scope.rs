//! Where in a document the reader is: the open elements and the namespaces that hold there. It
//! compares namespaces by their names, never by prefix, and keeps none that is not on the list.

use super::XmlError;
use super::tag::Tag;
use crate::config::{XML_DEPTH_MAX, XML_NAMESPACES_MAX};
use crate::proto::kept;

/// An element that counts.
pub struct Name<K: 'static> {
    /// Its namespace; `""` is none.
    pub space: &'static str,
    /// Its name without a prefix.
    pub local: &'static str,
    /// What the visitor calls it.
    pub key: K,
}

impl<K> Name<K> {
    /// An element that counts.
    pub const fn new(space: &'static str, local: &'static str, key: K) -> Self {
        Self { space, local, key }
    }
}

/// What counts in a kind of documents.
pub struct Schema<K: 'static> {
    /// Namespaces of elements and attributes.
    pub spaces: &'static [&'static str],
    /// Elements, and names that stand in values.
    pub names: &'static [Name<K>],
}

/// A prefix that an element declared.
struct Binding {
    /// Elements that were open before that element.
    depth: usize,
    /// Where the prefixes' bytes begin that belong to it.
    start: usize,
    /// The namespace, if it is on the list.
    space: Option<&'static str>,
}

/// The open elements and what they declared.
pub struct Scope<K: 'static> {
    schema: &'static Schema<K>,
    path: Vec<Option<K>>,
    /// The open elements' names, one after another, and where each begins.
    names: Vec<u8>,
    starts: Vec<usize>,
    bindings: Vec<Binding>,
    prefixes: Vec<u8>,
}

impl<K: Copy + PartialEq> Scope<K> {
    /// Outside of any document.
    pub fn new(schema: &'static Schema<K>) -> Self {
        Self {
            schema,
            path: Vec::new(),
            names: Vec::new(),
            starts: Vec::new(),
            bindings: Vec::new(),
            prefixes: Vec::new(),
        }
    }

    /// Leaves the document.
    pub fn clear(&mut self) {
        self.path.clear();
        self.names.clear();
        self.starts.clear();
        self.bindings.clear();
        self.prefixes.clear();
    }

    /// The open elements.
    pub fn path(&self) -> &[Option<K>] {
        &self.path
    }

    /// Enters an element; true if it is on the list.
    pub fn open(&mut self, tag: Tag<'_>) -> Result<bool, XmlError> {
        let depth = self.path.len();
        if depth >= XML_DEPTH_MAX {
            return Err(XmlError::OverLimit);
        }
        if depth == 0 {
            self.reserve();
        }
        for (prefix, value) in tag.declared() {
            if self.bindings.len() >= XML_NAMESPACES_MAX {
                return Err(XmlError::OverLimit);
            }
            let listed = |space: &&&str| space.as_bytes() == value;
            self.bindings.push(Binding {
                depth,
                start: self.prefixes.len(),
                space: match value {
                    [] => Some(""),
                    _ => self.schema.spaces.iter().find(listed).copied(),
                },
            });
            self.prefixes.extend_from_slice(prefix);
        }
        let key = self.find(tag.name);
        self.path.push(key);
        self.starts.push(self.names.len());
        self.names.extend_from_slice(tag.name);
        Ok(key.is_some())
    }

    /// Takes the room that most documents need, at once.
    fn reserve(&mut self) {
        const ELEMENTS: usize = 12;
        const SPACES: usize = 8;
        self.path.reserve(ELEMENTS);
        self.starts.reserve(ELEMENTS);
        self.names.reserve(ELEMENTS * 12);
        self.bindings.reserve(SPACES);
        self.prefixes.reserve(SPACES * 4);
    }

    /// Is this the name of the innermost element, with its prefix?
    pub fn is_innermost(&self, name: &[u8]) -> bool {
        let innermost = self
            .starts
            .last()
            .and_then(|start| self.names.get(*start..));
        innermost == Some(name)
    }

    /// Leaves the innermost element.
    pub fn close(&mut self) {
        self.path.pop();
        self.names.truncate(self.starts.pop().unwrap_or(0));
        while let Some(binding) = self.bindings.last()
            && binding.depth >= self.path.len()
        {
            self.prefixes.truncate(binding.start);
            self.bindings.pop();
        }
    }

    /// The namespace of a prefix here, if it is on the list; without a declaration no prefix
    /// means no namespace.
    pub fn space(&self, prefix: &[u8]) -> Option<&'static str> {
        let mut end = self.prefixes.len();
        for binding in self.bindings.iter().rev() {
            if self.prefixes.get(binding.start..end) == Some(prefix) {
                return binding.space;
            }
            end = binding.start;
        }
        prefix.is_empty().then_some("")
    }

    /// What a qualified name means here, if it is on the list.
    pub fn find(&self, qualified: &[u8]) -> Option<K> {
        let (prefix, local) = split(qualified);
        let space = self.space(prefix)?;
        // Names of one length are many; the last byte tells most of them apart without a call.
        let last = local.last();
        let is = |name: &&Name<K>| {
            let known = name.local.as_bytes();
            known.len() == local.len()
                && known.last() == last
                && known == local
                && name.space == space
        };
        self.schema.names.iter().find(is).map(|name| name.key)
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        kept::list(&self.path)
            + kept::list(&self.names)
            + kept::list(&self.starts)
            + kept::list(&self.bindings)
            + kept::list(&self.prefixes)
    }
}

/// A qualified name's prefix and local part.
pub fn split(qualified: &[u8]) -> (&[u8], &[u8]) {
    match qualified.iter().position(|byte| *byte == b':') {
        Some(colon) => {
            let (prefix, local) = qualified.split_at(colon);
            (prefix, local.get(1..).unwrap_or_default())
        }
        None => (&[], qualified),
    }
}
