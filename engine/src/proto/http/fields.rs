//! A body over HTTP that is one XML document in which some texts are fields: the first of each is
//! told once the document has ended. It tells nothing of a document that is another one.

use medtap_table::vocabulary::{Attribute, Field};

use super::application::{BodyReader, Wants};
use crate::observe::{Emit, says};
use crate::proto::kept;
use crate::proto::reported;
use crate::proto::xml::{Place, Reader, Schema, Visitor};

/// One such body that is being read.
pub struct Fields<K: 'static> {
    reader: Reader<K>,
    found: Found<K>,
}

/// What was found, and how.
struct Found<K> {
    /// The field at a path from the root.
    at: fn(&[Option<K>]) -> Option<Field>,
    values: Vec<(Field, Vec<u8>)>,
}

impl<K: Copy + PartialEq> Fields<K> {
    /// A body of this schema; `at` says which field a path holds.
    pub fn new(schema: &'static Schema<K>, at: fn(&[Option<K>]) -> Option<Field>) -> Self {
        let values = Vec::new();
        Self {
            reader: Reader::new(schema),
            found: Found { at, values },
        }
    }
}

impl<K: Copy + PartialEq> Visitor<K> for Found<K> {
    fn open(&mut self, place: &Place<'_, K>) -> bool {
        (self.at)(place.path()).is_some()
    }

    fn text(&mut self, place: &Place<'_, K>, text: &[u8]) {
        let Some(field) = (self.at)(place.path()) else {
            return;
        };
        let is_filler =
            field.attribute() == Attribute::SerialNumber && reported::is_placeholder(text);
        let known = self.values.iter().any(|(known, _)| *known == field);
        if let Some(text) = reported::text(text)
            && !known
            && !is_filler
            && !reported::names_person(text)
        {
            self.values.push((field, text.to_vec()));
        }
    }
}

impl<K: Copy + PartialEq + Send + Sync> BodyReader for Fields<K> {
    fn read(&mut self, bytes: &[u8], emit: Emit<'_>) -> Wants {
        let pushed = self.reader.push(bytes, &mut self.found);
        // Another document, or one that is not well formed: XML of others is none of our business.
        if pushed.is_err() || self.reader.path().first() == Some(&None) {
            return Wants::Nothing;
        }
        if !pushed.is_ok_and(|pushed| pushed.ended) {
            return Wants::More;
        }
        for (field, value) in &self.found.values {
            says(*field, value, emit);
        }
        Wants::Nothing
    }

    fn kept_bytes(&self) -> usize {
        self.reader.kept_bytes() + kept::texts(&self.found.values)
    }
}
