//! IEEE 11073 SDC, DPWS and ONVIF over HTTP (IEEE 11073-20701, -20702, -10207; OASIS DPWS 1.1;
//! ONVIF Core Specification): SOAP bodies in which a device says what it is, what it consists of
//! and where it stands. It reads no patient's, operator's or workflow's state, no metric and no
//! text of an alarm.
//!
//! | read in | what |
//! |---|---|
//! | the answer to Get (metadata) | maker, model, its number, serial number, firmware, host name |
//! | ONVIF's answer to GetDeviceInformation | maker, model, firmware, serial number, hardware |
//! | the answers to GetMdib and GetMdDescription | the same of the MDS; UDI, revisions, type |
//! | a state of the location's context | facility, building, floor, ward, room, bed |
//! | the state of the MDS | its operating mode |
//! | a report of alerts | that a condition is present: counted |
//!
//! Where a description holds one MDS it is the sender; where it holds several, the sender is a
//! gateway, and each MDS a device that it reports.

mod document;
mod names;
#[cfg(test)]
mod tests;

use super::http::application::{Application, BodyReader, Claim, Head, Wants};
use super::xml::Reader;
use crate::observe::{Emit, Fault, Observation, Role};
use document::Document;
use names::{Key, SCHEMA};

/// The row of this protocol.
pub const APPLICATION: Application = Application { claim };

/// Any SOAP 1.2 body that its sender made itself.
fn claim(head: &Head<'_>, _emit: Emit<'_>) -> Option<Claim> {
    let carries = match head.from {
        Role::Server => true,
        _ => head.method == b"POST",
    };
    let is_soap = carries && head.is_direct && head.is_of_type(b"application/soap+xml");
    is_soap.then(|| Claim {
        tag: 1,
        body: Some(Box::new(Body {
            reader: Reader::new(&SCHEMA),
            document: Document::default(),
        })),
    })
}

/// One body that is being read.
struct Body {
    reader: Reader<Key>,
    document: Document,
}

impl BodyReader for Body {
    fn read(&mut self, bytes: &[u8], emit: Emit<'_>) -> Wants {
        match self.reader.push(bytes, &mut self.document) {
            Ok(pushed) if pushed.ended => {
                self.document.tell(emit);
                Wants::Nothing
            }
            Ok(_) if self.document.is_dull || self.reader.path().first() == Some(&None) => {
                Wants::Nothing
            }
            Ok(_) => Wants::More,
            Err(fault) => {
                emit(fault.told());
                Wants::Nothing
            }
        }
    }

    fn end(&mut self, emit: Emit<'_>) {
        if !self.reader.is_between() {
            emit(Observation::Faulty(Fault::Truncated));
        }
    }

    fn kept_bytes(&self) -> usize {
        self.reader.kept_bytes() + self.document.kept_bytes()
    }
}
