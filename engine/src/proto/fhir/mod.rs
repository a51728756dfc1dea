//! FHIR over HTTP (HL7 FHIR R4 and R5, STU3 where it is the same) and SMART's configuration: who
//! serves and who asks, the server's software, and the devices that Device resources describe. It
//! keeps no URL and no query, and reads no resource but Device, DeviceMetric and
//! CapabilityStatement.
//!
//! Known by its media types (`application/fhir+json`, `…+xml` and their older forms); a server
//! that answers with others is known by its capability statement alone.

mod json;
mod resource;
mod smart;
#[cfg(test)]
mod tests;
mod xml;

use medtap_table::vocabulary::{Event, Field, Protocol};

use super::http::application::{Application, BodyReader, Claim, Head};
use super::http::head;
use super::http::known::Name;
use crate::observe::{Emit, Observation, Role, Subject};

/// The row of this protocol.
pub const APPLICATION: Application = Application { claim };

/// What is asked for: FHIR R4, 3.1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Read = 1,
    Search = 2,
    Write = 3,
    /// The capability statement.
    Metadata = 4,
    /// SMART App Launch, 2.0: the well-known configuration.
    Smart = 5,
}

/// Set in a tag where the request itself named a FHIR media type.
const NAMED: u8 = 0x80;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Xml,
}

impl Operation {
    const fn of_tag(tag: u8) -> Option<Self> {
        match tag & !NAMED {
            1 => Some(Self::Read),
            2 => Some(Self::Search),
            3 => Some(Self::Write),
            4 => Some(Self::Metadata),
            5 => Some(Self::Smart),
            _ => None,
        }
    }

    /// What says by its path alone that it may be FHIR.
    fn of_path(head: &Head<'_>) -> Option<Self> {
        if head.path.ends_with(b"/.well-known/smart-configuration") {
            Some(Self::Smart)
        } else if head.path.ends_with(b"/metadata") {
            Some(Self::Metadata)
        } else {
            None
        }
    }

    /// By the method and the last segments of the path.
    fn of(head: &Head<'_>) -> Option<Self> {
        if let Some(operation) = Self::of_path(head) {
            return (head.method == b"GET").then_some(operation);
        }
        let last = head.path.rsplit(|byte| *byte == b'/').next();
        let is_type = |name: &[u8]| {
            name.first().is_some_and(u8::is_ascii_uppercase)
                && name.iter().all(u8::is_ascii_alphabetic)
        };
        match head.method {
            b"GET" | b"HEAD" if !head.query.is_empty() || last.is_some_and(is_type) => {
                Some(Self::Search)
            }
            b"GET" | b"HEAD" => Some(Self::Read),
            b"POST" if last == Some(b"_search") => Some(Self::Search),
            b"POST" | b"PUT" | b"PATCH" | b"DELETE" => Some(Self::Write),
            _ => None,
        }
    }

    const fn event(self) -> Option<Event> {
        match self {
            Self::Read => Some(Event::FhirRead),
            Self::Search => Some(Event::FhirSearch),
            Self::Write => Some(Event::FhirWrite),
            Self::Metadata | Self::Smart => None,
        }
    }
}

impl Format {
    /// Of a FHIR media type, or of the first of several: FHIR R4, 3.1.0.1.9 and 3.1.0.6, with
    /// the forms before STU3.
    fn of_fhir(value: &[u8]) -> Option<Self> {
        value.split(|byte| *byte == b',').find_map(|one| {
            let media_type = head::media_type(one);
            let is = |known: &[u8]| media_type.eq_ignore_ascii_case(known);
            if is(b"application/fhir+json") || is(b"application/json+fhir") {
                Some(Self::Json)
            } else if is(b"application/fhir+xml") || is(b"application/xml+fhir") {
                Some(Self::Xml)
            } else {
                None
            }
        })
    }

    fn reader(self, reading: resource::Reading) -> Box<dyn BodyReader> {
        match self {
            Self::Json => Box::new(json::Resources::new(reading)),
            Self::Xml => Box::new(xml::Resources::new(reading)),
        }
    }
}

fn claim(head: &Head<'_>, emit: Emit<'_>) -> Option<Claim> {
    if !head.is_direct {
        return None;
    }
    match head.from {
        Role::Server => answer(head, emit),
        Role::Client | Role::Peer => request(head, emit),
    }
}

fn request(head: &Head<'_>, emit: Emit<'_>) -> Option<Claim> {
    let of_field = |name: Name| head.field(name).and_then(Format::of_fhir);
    let sent = of_field(Name::ContentType);
    let is_named = sent.is_some() || of_field(Name::Accept).is_some();
    if !is_named {
        Operation::of_path(head)?;
    }
    let operation = Operation::of(head)?;
    let tag = operation as u8;
    if !is_named || operation == Operation::Smart {
        return Some(Claim { tag, body: None });
    }
    emit(Observation::Carries(Protocol::Fhir));
    fact(Subject::Sender, Field::FhirRole, b"fhir_client", emit);
    if let Some(event) = operation.event() {
        count(Subject::Sender, event, emit);
    }
    let body = sent
        .filter(|_| operation == Operation::Write)
        .map(|format| format.reader(resource::Reading::Sent));
    Some(Claim {
        tag: tag | NAMED,
        body,
    })
}

fn answer(head: &Head<'_>, emit: Emit<'_>) -> Option<Claim> {
    let asked = Operation::of_tag(head.asked);
    let was_named = head.asked & NAMED != 0;
    let format = Format::of_fhir(head.content_type);
    let is_success = matches!(head.status, 200..=299);
    let tag = head.asked;
    if !(format.is_some() || was_named) {
        let is_json = head.is_of_type(b"application/json");
        let body: Box<dyn BodyReader> = match asked? {
            Operation::Smart if is_json && is_success => Box::new(smart::Configuration::new()),
            Operation::Metadata if is_json && is_success => {
                Format::Json.reader(resource::Reading::Unproven)
            }
            _ => return None,
        };
        return Some(Claim {
            tag,
            body: Some(body),
        });
    }
    emit(Observation::Carries(Protocol::Fhir));
    if let (Some(operation), false) = (asked, was_named) {
        fact(Subject::Receiver, Field::FhirRole, b"fhir_client", emit);
        if let Some(event) = operation.event() {
            count(Subject::Receiver, event, emit);
        }
    }
    if is_success || format.is_some() {
        fact(Subject::Sender, Field::FhirRole, b"fhir_server", emit);
    }
    if asked.is_some() && matches!(head.status, 400..=599) {
        count(Subject::Receiver, Event::FhirFailure, emit);
    }
    // A server that names no FHIR type answers in JSON as a rule; what is none ends the reader.
    let format = format.or_else(|| head.is_of_type(b"application/json").then_some(Format::Json));
    let body = format
        .filter(|_| is_success)
        .map(|format| format.reader(resource::Reading::Answered));
    Some(Claim { tag, body })
}

fn fact(subject: Subject<'_>, field: Field, value: &[u8], emit: Emit<'_>) {
    emit(Observation::Fact {
        subject,
        field,
        value,
    });
}

fn count(subject: Subject<'_>, event: Event, emit: Emit<'_>) {
    emit(Observation::Event { subject, event });
}
