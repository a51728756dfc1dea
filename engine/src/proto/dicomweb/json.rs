//! Objects in the DICOM JSON model, PS3.18 annex F: `{"00080070": {"vr": "LO", "Value": ["…"]}}`.
//! It goes by the allow-list of `dicom::equipment` and enters nothing else.

use super::super::dicom::document::Document;
use super::super::dicom::equipment::{Equipment, Kind, Scope, Want, want};
use super::super::http::application::{BodyReader, Wants};
use super::super::json::{At, DOCUMENT, Reader, Visitor};
use crate::observe::{Emit, Fault, Observation};

/// Places: an object, a sequence that is entered and its item, an element and its values.
const OBJECT: At = 1;
const ELEMENT: At = 2;
const VALUES: At = 3;
const VALUE: At = 4;
/// The same in an item of the UDI sequence.
const SEQUENCE: At = 10;
const ITEMS: At = 11;
const ITEM: At = 12;
const ITEM_ELEMENT: At = 13;
const ITEM_VALUES: At = 14;
const ITEM_VALUE: At = 15;

/// Reads a body of objects.
pub struct Objects {
    reader: Reader,
    objects: Collector,
    /// The sender stores them; else it answers with them.
    is_sent: bool,
}

impl Objects {
    /// At the beginning of a body.
    pub const fn new(is_sent: bool) -> Self {
        Self {
            reader: Reader::new(),
            objects: Collector {
                equipment: Equipment::new(Kind::Object(Document::Other)),
                is_open: false,
                is_repeated: false,
                whole: Vec::new(),
            },
            is_sent,
        }
    }
}

impl BodyReader for Objects {
    fn read(&mut self, bytes: &[u8], emit: Emit<'_>) -> Wants {
        // Objects are said as they end, so that few are held whatever the length of a piece.
        for piece in bytes.chunks(1024) {
            self.reader.push(piece, &mut self.objects);
            for mut equipment in self.objects.whole.drain(..) {
                if self.is_sent {
                    super::multipart::stored(emit);
                }
                equipment.emit(None, emit);
            }
        }
        if let Some(fault) = self.reader.fault() {
            emit(fault);
        }
        match self.reader.is_over() {
            true => Wants::Nothing,
            false => Wants::More,
        }
    }

    fn end(&mut self, emit: Emit<'_>) {
        if self.reader.is_inside() {
            emit(Observation::Faulty(Fault::Truncated));
        }
    }

    fn kept_bytes(&self) -> usize {
        self.reader.kept_bytes() + self.objects.equipment.kept_bytes()
    }
}

/// Collects what is kept of each object.
struct Collector {
    equipment: Equipment,
    /// The last kept element begins with the next value.
    is_open: bool,
    /// The element has a value already.
    is_repeated: bool,
    whole: Vec<Equipment>,
}

impl Collector {
    fn element(&mut self, scope: Scope, name: &[u8]) -> Option<Want> {
        let is_tag = name.len() == 8 && name.iter().all(u8::is_ascii_hexdigit);
        let digits = std::str::from_utf8(name).ok().filter(|_| is_tag)?;
        let tag = u32::from_str_radix(digits, 16).ok()?;
        let want = want(Kind::Object(Document::Other), scope, tag);
        if let Want::Keep(slot) = want {
            self.is_open = self.equipment.begin(slot);
            self.is_repeated = false;
        }
        Some(want)
    }
}

impl Visitor for Collector {
    fn enter(&mut self, at: At, name: Option<&[u8]>) -> Option<At> {
        match (at, name) {
            // A list of objects, or one alone.
            (DOCUMENT, None) => Some(OBJECT),
            (DOCUMENT | OBJECT, Some(name)) => match self.element(Scope::Root, name)? {
                Want::Keep(_) => Some(ELEMENT),
                Want::Enter(_) => Some(SEQUENCE),
                Want::Skip | Want::Stop => None,
            },
            (ITEM, Some(name)) => {
                matches!(self.element(Scope::Udi, name)?, Want::Keep(_)).then_some(ITEM_ELEMENT)
            }
            (ELEMENT, Some(b"Value")) => Some(VALUES),
            (SEQUENCE, Some(b"Value")) => Some(ITEMS),
            (ITEM_ELEMENT, Some(b"Value")) => Some(ITEM_VALUES),
            (VALUES, None) => Some(VALUE),
            (ITEMS, None) => Some(ITEM),
            (ITEM_VALUES, None) => Some(ITEM_VALUE),
            _ => None,
        }
    }

    fn value(&mut self, at: At, value: &[u8]) {
        if matches!(at, VALUE | ITEM_VALUE) && self.is_open {
            if std::mem::replace(&mut self.is_repeated, true) {
                self.equipment.push(b"\\");
            }
            self.equipment.push(value);
        }
    }

    fn leave(&mut self, at: At) {
        match at {
            OBJECT => {
                let next = Equipment::new(Kind::Object(Document::Other));
                let whole = std::mem::replace(&mut self.equipment, next);
                self.whole.push(whole);
            }
            DOCUMENT if self.equipment.holds_any() => {
                let next = Equipment::new(Kind::Object(Document::Other));
                let whole = std::mem::replace(&mut self.equipment, next);
                self.whole.push(whole);
            }
            ELEMENT | ITEM_ELEMENT => self.is_open = false,
            _ => {}
        }
    }
}
