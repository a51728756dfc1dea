//! A reader of XML 1.0 with namespaces for bytes from anybody, in pieces of any size: elements
//! that are on a list come out, with the text that was asked for. It keeps nothing else, expands
//! no entity of a document's own, follows no reference, holds no document, and gives up one that
//! is not well formed.
//!
//! # Use
//!
//! A [`Schema`] lists the namespaces and names that count. A [`Visitor`] sees each listed element
//! with its whole path, and is given its text only if it says so: so a text can be taken from one
//! exact place, and never from a name that stands elsewhere too.

mod scope;
mod tag;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use memchr::memchr;

use scope::Scope;
pub use scope::{Name, Schema};
use tag::Tag;

use crate::config::{XML_TAG_BYTES_MAX, XML_TEXT_BYTES_MAX};
use crate::observe::{Fault, Observation};
use crate::proto::kept;

/// Why a document is not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Not well formed.
    #[error("malformed")]
    Malformed,
    /// Not in UTF-8 or a superset of ASCII.
    #[error("encoding")]
    Encoding,
    /// A document type declaration: none of the protocols here may have one.
    #[error("document type declaration")]
    Declaration,
    /// Deeper, longer or with more namespaces than the limits allow.
    #[error("over a limit")]
    OverLimit,
}

impl XmlError {
    /// What is told of it.
    pub const fn told(self) -> Observation<'static> {
        match self {
            Self::Malformed | Self::Declaration => Observation::Malformed,
            Self::Encoding => Observation::Faulty(Fault::Encoding),
            Self::OverLimit => Observation::Faulty(Fault::OverLimit),
        }
    }
}

/// What the reader did with a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Bytes used; all of them unless the document ended.
    pub consumed: usize,
    /// The root's end tag was read; the next byte begins another document.
    pub ended: bool,
}

/// Who sees the elements.
pub trait Visitor<K> {
    /// A listed element begins. True if its text is wanted: then [`Visitor::text`] follows, if
    /// there is any and no element inside.
    fn open(&mut self, place: &Place<'_, K>) -> bool;

    /// The text of the element that was asked for, references resolved, blanks kept.
    fn text(&mut self, place: &Place<'_, K>, text: &[u8]);

    /// A listed element ends; it is the path's last.
    fn close(&mut self, _path: &[Option<K>]) {}
}

/// An element in its surroundings.
pub struct Place<'a, K: 'static> {
    scope: &'a Scope<K>,
    tag: Option<Tag<'a>>,
}

impl<'a, K: Copy + PartialEq> Place<'a, K> {
    /// The elements from the root to this one; `None` for those that are not on the list.
    pub fn path(&self) -> &'a [Option<K>] {
        self.scope.path()
    }

    /// The value of an attribute, at the element's beginning: of a namespace on the list, or of
    /// none (`""`).
    pub fn attribute(&self, space: &str, local: &str) -> Option<Cow<'a, [u8]>> {
        let attributes = self.tag?.attributes();
        let (_, raw) = attributes.flatten().find(|(name, _)| {
            let (prefix, found) = scope::split(name);
            let of_space = match prefix {
                [] => space.is_empty(),
                prefix => self.scope.space(prefix) == Some(space),
            };
            of_space && found == local.as_bytes()
        })?;
        if memchr(b'&', raw).is_none() {
            return Some(Cow::Borrowed(raw));
        }
        let mut value = Vec::new();
        tag::unescape(raw, &mut value).then_some(Cow::Owned(value))
    }

    /// What a qualified name in a value or text means here, if it is on the list.
    pub fn resolve(&self, qualified: &[u8]) -> Option<K> {
        self.scope.find(qualified)
    }
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Text, or blanks outside the root.
    Content,
    /// The byte after `<`.
    Opened,
    /// A tag; inside a quoted value if the quote is not 0.
    Tag { quote: u8 },
    /// After `<!`, until it is clear what it is.
    Bang,
    /// A comment, `-->` ends it.
    Comment { last: [u8; 2] },
    /// An instruction, `?>` ends it.
    Instruction { last: u8 },
    /// A section of text without mark-up, `]]>` ends it.
    Section { last: [u8; 2] },
}

/// One stream of documents, one after another.
pub struct Reader<K: 'static> {
    scope: Scope<K>,
    stage: Stage,
    /// Mark-up that began in an earlier piece.
    held: Vec<u8>,
    /// The text of the innermost element is wanted.
    wanted: bool,
    text: Vec<u8>,
}

impl<K: Copy + PartialEq> Reader<K> {
    /// A reader at the beginning of a document.
    pub fn new(schema: &'static Schema<K>) -> Self {
        Self {
            scope: Scope::new(schema),
            stage: Stage::Content,
            held: Vec::new(),
            wanted: false,
            text: Vec::new(),
        }
    }

    /// Forgets what was read: the next byte begins a document.
    pub fn reset(&mut self) {
        self.scope.clear();
        self.stage = Stage::Content;
        self.held.clear();
        self.wanted = false;
        self.text.clear();
    }

    /// True between two documents: nothing but blanks was read of the next one.
    pub fn is_between(&self) -> bool {
        self.scope.path().is_empty() && self.stage == Stage::Content
    }

    /// The elements that are open, from the root; `None` for those that are not on the list.
    pub fn path(&self) -> &[Option<K>] {
        self.scope.path()
    }

    /// Reads a piece, up to the end of a document at most.
    ///
    /// # Errors
    ///
    /// The document is given up; the reader begins anew with the next piece.
    pub fn push(
        &mut self,
        bytes: &[u8],
        visitor: &mut impl Visitor<K>,
    ) -> Result<Pushed, XmlError> {
        let mut consumed = 0;
        while let Some(rest) = bytes.get(consumed..)
            && !rest.is_empty()
        {
            let used = match self.step(rest, visitor) {
                Ok(used) => used,
                Err(error) => {
                    self.reset();
                    return Err(error);
                }
            };
            consumed += used.consumed;
            if used.ended {
                self.reset();
                return Ok(Pushed {
                    consumed,
                    ended: true,
                });
            }
        }
        Ok(Pushed {
            consumed,
            ended: false,
        })
    }

    fn step(&mut self, bytes: &[u8], visitor: &mut impl Visitor<K>) -> Result<Pushed, XmlError> {
        let used = |consumed| Pushed {
            consumed,
            ended: false,
        };
        let first = bytes.first().copied().unwrap_or_default();
        match self.stage {
            Stage::Content => {
                let end = memchr(b'<', bytes);
                self.content(bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default())?;
                if end.is_some() {
                    self.stage = Stage::Opened;
                    self.held.clear();
                }
                Ok(used(end.map_or(bytes.len(), |end| end + 1)))
            }
            Stage::Opened => {
                let (stage, consumed) = match first {
                    b'!' => (Stage::Bang, 1),
                    b'?' => (Stage::Instruction { last: 0 }, 1),
                    _ => (Stage::Tag { quote: 0 }, 0),
                };
                self.stage = stage;
                Ok(used(consumed))
            }
            Stage::Tag { quote } => self.tag(bytes, quote, visitor),
            Stage::Bang => {
                self.held.push(first);
                self.stage = match self.held.as_slice() {
                    b"--" => Stage::Comment { last: [0; 2] },
                    b"[CDATA[" => Stage::Section { last: [0; 2] },
                    held if b"--".starts_with(held) || b"[CDATA[".starts_with(held) => Stage::Bang,
                    _ => return Err(XmlError::Declaration),
                };
                Ok(used(1))
            }
            Stage::Comment { last } => {
                let (ends, last, consumed) = aside(bytes, last);
                self.stage = match (ends, last) {
                    (true, [b'-', b'-']) => Stage::Content,
                    (true, [_, last]) => Stage::Comment { last: [last, b'>'] },
                    (false, last) => Stage::Comment { last },
                };
                Ok(used(consumed))
            }
            Stage::Instruction { last } => {
                let (ends, [_, last], consumed) = aside(bytes, [0, last]);
                self.stage = match (ends, last) {
                    (true, b'?') => Stage::Content,
                    (true, _) => Stage::Instruction { last: b'>' },
                    (false, last) => Stage::Instruction { last },
                };
                Ok(used(consumed))
            }
            Stage::Section { last } => {
                self.section(last, first);
                Ok(used(1))
            }
        }
    }

    /// Text between tags: kept if it is wanted, allowed outside the root only if it is blank.
    fn content(&mut self, text: &[u8]) -> Result<(), XmlError> {
        // A byte order mark may come before the first tag.
        let blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, 0xef | 0xbb | 0xbf);
        if self.scope.path().is_empty() {
            return match text.iter().find(|byte| !blank(byte)) {
                None => Ok(()),
                // UTF-16 begins so, and UTF-32.
                Some(0 | 0xfe | 0xff) => Err(XmlError::Encoding),
                Some(_) => Err(XmlError::Malformed),
            };
        }
        if self.wanted {
            self.wanted = self.text.len() + text.len() <= XML_TEXT_BYTES_MAX;
            if self.wanted {
                self.text.extend_from_slice(text);
            }
        }
        Ok(())
    }

    /// A byte of a section: text as it stands, so its references are not resolved.
    fn section(&mut self, last: [u8; 2], byte: u8) {
        if last == [b']', b']'] && byte == b'>' {
            let end = self.text.len().saturating_sub(2);
            self.text.truncate(end);
            self.stage = Stage::Content;
            return;
        }
        self.stage = Stage::Section {
            last: [last[1], byte],
        };
        self.wanted &= self.text.len() < XML_TEXT_BYTES_MAX;
        if self.wanted {
            match byte {
                b'&' => self.text.extend_from_slice(b"&amp;"),
                byte => self.text.push(byte),
            }
        }
    }

    /// Looks for the end of a tag; a tag that is not whole yet is held.
    fn tag(
        &mut self,
        bytes: &[u8],
        mut quote: u8,
        visitor: &mut impl Visitor<K>,
    ) -> Result<Pushed, XmlError> {
        let room = XML_TAG_BYTES_MAX - self.held.len();
        // A tag as long as the limit may end with the byte after it.
        let within = bytes.get(..=room).unwrap_or(bytes);
        let Some(end) = tag::end(within, &mut quote)? else {
            if bytes.len() > room {
                return Err(XmlError::OverLimit);
            }
            self.held.extend_from_slice(bytes);
            self.stage = Stage::Tag { quote };
            return Ok(Pushed {
                consumed: bytes.len(),
                ended: false,
            });
        };
        let last = bytes.get(..end).unwrap_or_default();
        let mut held = std::mem::take(&mut self.held);
        let markup = if held.is_empty() {
            last
        } else {
            held.extend_from_slice(last);
            held.as_slice()
        };
        let ended = match markup.strip_prefix(b"/") {
            Some(name) => self.close(name.trim_ascii_end(), visitor),
            None => self.open(markup, visitor),
        };
        self.held = held;
        self.held.clear();
        self.stage = Stage::Content;
        Ok(Pushed {
            consumed: end + 1,
            ended: ended?,
        })
    }

    /// An element begins; true if it ends at once and was the root.
    fn open(&mut self, markup: &[u8], visitor: &mut impl Visitor<K>) -> Result<bool, XmlError> {
        let tag = Tag::parse(markup)?;
        self.text.clear();
        let listed = self.scope.open(tag)?;
        self.wanted = listed
            && visitor.open(&Place {
                scope: &self.scope,
                tag: Some(tag),
            });
        match tag.is_empty {
            true => self.close(tag.name, visitor),
            false => Ok(false),
        }
    }

    /// An element ends; true if it was the root.
    fn close(&mut self, name: &[u8], visitor: &mut impl Visitor<K>) -> Result<bool, XmlError> {
        if !self.scope.is_innermost(name) {
            return Err(XmlError::Malformed);
        }
        if std::mem::take(&mut self.wanted) && !self.text.is_empty() {
            let place = Place {
                scope: &self.scope,
                tag: None,
            };
            if memchr(b'&', &self.text).is_none() {
                visitor.text(&place, &self.text);
            } else {
                let mut text = Vec::new();
                if tag::unescape(&self.text, &mut text) {
                    visitor.text(&place, &text);
                }
            }
        }
        self.text.clear();
        if self.scope.path().last().is_some_and(Option::is_some) {
            visitor.close(self.scope.path());
        }
        self.scope.close();
        Ok(self.scope.path().is_empty())
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        self.scope.kept_bytes() + kept::list(&self.held) + kept::list(&self.text)
    }
}

/// Looks for the `>` that may end what is stepped over: whether it is there, the two bytes before
/// it (or the last two, where it is not), and the bytes up to it.
fn aside(bytes: &[u8], last: [u8; 2]) -> (bool, [u8; 2], usize) {
    let end = memchr(b'>', bytes);
    let passed = end.and_then(|end| bytes.get(..end)).unwrap_or(bytes);
    let last = match (passed, last) {
        ([.., a, b], _) => [*a, *b],
        ([b], [_, a]) => [a, *b],
        ([], last) => last,
    };
    (end.is_some(), last, end.map_or(bytes.len(), |end| end + 1))
}
