//! SMART App Launch's well-known configuration: its presence, known by the members that it must
//! have. It keeps none of them.

use super::super::http::application::{BodyReader, Wants};
use super::super::json::{At, DOCUMENT, Reader, Visitor};
use super::fact;
use crate::observe::{Emit, Observation, Subject};
use medtap_table::vocabulary::{Field, Protocol};

/// Members that it must have: SMART App Launch 2.0, 2.0.10.1.
const MEMBERS: &[&[u8]] = &[b"token_endpoint", b"capabilities"];

/// Reads a configuration.
pub struct Configuration {
    reader: Reader,
    members: Members,
}

/// Which members were seen.
#[derive(Default)]
struct Members {
    seen: [bool; 2],
    is_whole: bool,
}

impl Configuration {
    /// At the beginning of a body.
    pub fn new() -> Self {
        Self {
            reader: Reader::new(),
            members: Members::default(),
        }
    }
}

impl BodyReader for Configuration {
    fn read(&mut self, bytes: &[u8], emit: Emit<'_>) -> Wants {
        self.reader.push(bytes, &mut self.members);
        if self.members.is_whole && self.members.seen == [true; 2] {
            emit(Observation::Carries(Protocol::Fhir));
            fact(Subject::Sender, Field::FhirRole, b"smart_server", emit);
        }
        match self.reader.is_over() {
            true => Wants::Nothing,
            false => Wants::More,
        }
    }

    fn kept_bytes(&self) -> usize {
        self.reader.kept_bytes()
    }
}

impl Visitor for Members {
    fn enter(&mut self, at: At, name: Option<&[u8]>) -> Option<At> {
        if at == DOCUMENT
            && let Some(name) = name
        {
            for (seen, known) in self.seen.iter_mut().zip(MEMBERS) {
                *seen |= *known == name;
            }
        }
        None
    }

    fn value(&mut self, _at: At, _value: &[u8]) {}

    fn leave(&mut self, at: At) {
        self.is_whole |= at == DOCUMENT;
    }
}
