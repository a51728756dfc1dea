//! Resources in JSON: FHIR R4, 2.6.2. It enters the places of `resource` and no other.

use super::super::http::application::{BodyReader, Wants};
use super::super::json::{At, DOCUMENT, Reader, Visitor};
use super::resource::{Draft, RESOURCE, Reading, place};
use crate::observe::{Emit, Fault, Observation};

/// Reads a body of one resource, or of a Bundle of them.
pub struct Resources {
    reader: Reader,
    drafts: Drafts,
    reading: Reading,
}

/// The resource that is read, and those that ended.
#[derive(Default)]
struct Drafts {
    open: Draft,
    whole: Vec<Draft>,
}

impl Resources {
    /// At the beginning of a body.
    pub fn new(reading: Reading) -> Self {
        Self {
            reader: Reader::new(),
            drafts: Drafts::default(),
            reading,
        }
    }
}

impl BodyReader for Resources {
    fn read(&mut self, bytes: &[u8], emit: Emit<'_>) -> Wants {
        // Resources are said as they end, so that few are held whatever the length of a piece.
        for piece in bytes.chunks(1024) {
            self.reader.push(piece, &mut self.drafts);
            for draft in self.drafts.whole.drain(..) {
                draft.emit(self.reading, emit);
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
        self.reader.kept_bytes() + self.drafts.open.kept_bytes()
    }
}

/// The document is a resource.
const fn resource(at: At) -> At {
    match at {
        DOCUMENT => RESOURCE,
        at => at,
    }
}

impl Visitor for Drafts {
    fn enter(&mut self, at: At, name: Option<&[u8]>) -> Option<At> {
        let Some(name) = name else {
            return Some(resource(at)).filter(|at| *at != RESOURCE);
        };
        let at = place(resource(at), name)?;
        match at {
            // Nothing of what holds a resource belongs to it.
            RESOURCE => self.open = Draft::default(),
            at => self.open.enter(at),
        }
        Some(at)
    }

    fn value(&mut self, at: At, value: &[u8]) {
        self.open.value(at, value);
    }

    fn leave(&mut self, at: At) {
        if self.open.leave(resource(at)) {
            self.whole.push(std::mem::take(&mut self.open));
        }
    }
}
