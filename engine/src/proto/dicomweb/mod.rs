//! DICOMweb over HTTP (DICOM PS3.18): searching (QIDO-RS), retrieving (WADO-RS, WADO-URI) and
//! storing (STOW-RS). It keeps no URL, no query, no UID of a study, and of the objects in bodies
//! what `dicom::equipment` allows.
//!
//! | seen | said |
//! |---|---|
//! | a request for, or an answer in, a DICOM media type | roles of both ends, what was done |
//! | `/dcm4chee-arc/aets/<title>/` before the resource | the AE title of the server |
//! | objects in bodies: PS3.10 files in parts, DICOM JSON | the machine that made each |

mod json;
mod multipart;
#[cfg(test)]
mod tests;

use medtap_table::vocabulary::{Event, Field, Protocol};

use super::http::application::{Application, BodyReader, Claim, Head};
use super::http::head;
use super::http::known::Name;
use crate::observe::{Emit, Observation, Role, Subject};

/// The row of this protocol.
pub const APPLICATION: Application = Application { claim };

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    /// QIDO-RS: PS3.18, 10.6.
    Search = 1,
    /// WADO-RS and WADO-URI: PS3.18, 10.4 and 9.4.
    Retrieve = 2,
    /// STOW-RS: PS3.18, 10.5.
    Store = 3,
}

/// Set in a tag where the request itself named a DICOM media type.
const NAMED: u8 = 0x80;

impl Operation {
    const fn of_tag(tag: u8) -> Option<Self> {
        match tag & !NAMED {
            1 => Some(Self::Search),
            2 => Some(Self::Retrieve),
            3 => Some(Self::Store),
            _ => None,
        }
    }

    const fn role(self, from: Role) -> &'static [u8] {
        match (self, from) {
            (Self::Search, Role::Server) => b"qido_server",
            (Self::Search, _) => b"qido_client",
            (Self::Retrieve, Role::Server) => b"wado_server",
            (Self::Retrieve, _) => b"wado_client",
            (Self::Store, Role::Server) => b"stow_server",
            (Self::Store, _) => b"stow_client",
        }
    }

    /// What counts once for each request; what is stored counts by its objects.
    const fn event(self) -> Option<Event> {
        match self {
            Self::Search => Some(Event::DicomwebQuery),
            Self::Retrieve => Some(Event::DicomwebRetrieve),
            Self::Store => None,
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
    let target = Target::parse(head)?;
    let is_named = [Name::Accept, Name::ContentType]
        .iter()
        .any(|name| head.field(*name).is_some_and(names_dicom))
        || target.is_wado_uri;
    if !(is_named || target.has_uid) {
        return None;
    }
    let operation = target.operation;
    let tag = operation as u8;
    if !is_named {
        return Some(Claim { tag, body: None });
    }
    emit(Observation::Carries(Protocol::Dicomweb));
    if let Some(title) = target.title {
        fact(Subject::Receiver, Field::DicomwebAeTitle, title, emit);
    }
    let role = operation.role(Role::Client);
    fact(Subject::Sender, Field::DicomwebRole, role, emit);
    if let Some(event) = operation.event() {
        count(Subject::Sender, event, emit);
    }
    let body = match operation {
        Operation::Store => objects(head),
        Operation::Search | Operation::Retrieve => None,
    };
    Some(Claim {
        tag: tag | NAMED,
        body,
    })
}

fn answer(head: &Head<'_>, emit: Emit<'_>) -> Option<Claim> {
    let asked = Operation::of_tag(head.asked);
    let was_named = head.asked & NAMED != 0;
    let is_dicom = names_dicom(head.content_type);
    if !(is_dicom || was_named) {
        return None;
    }
    emit(Observation::Carries(Protocol::Dicomweb));
    if let (Some(operation), false) = (asked, was_named) {
        let role = operation.role(Role::Client);
        fact(Subject::Receiver, Field::DicomwebRole, role, emit);
        if let Some(event) = operation.event() {
            count(Subject::Receiver, event, emit);
        }
    }
    match (asked, head.status) {
        (Some(operation), 200..=299) => {
            let role = operation.role(Role::Server);
            fact(Subject::Sender, Field::DicomwebRole, role, emit);
        }
        (Some(_), 400..=599) => count(Subject::Receiver, Event::DicomwebFailure, emit),
        _ => {}
    }
    let body = match asked {
        Some(Operation::Store) => None,
        _ if matches!(head.status, 200..=299) => objects(head),
        _ => None,
    };
    Some(Claim {
        tag: head.asked,
        body,
    })
}

/// Who reads the objects in a body, by its media type: PS3.18, 8.7.3.
fn objects(head: &Head<'_>) -> Option<Box<dyn BodyReader>> {
    let kind = head.content_type;
    let media_type = head::media_type(kind);
    let is = |known: &[u8]| media_type.eq_ignore_ascii_case(known);
    let is_sent = head.from != Role::Server;
    if is(b"application/dicom+json") {
        return Some(Box::new(json::Objects::new(is_sent)));
    }
    if is(b"application/dicom") {
        return Some(Box::new(multipart::Parts::single(is_sent)));
    }
    let type_of_parts = head::parameter(kind, b"type")?;
    if is(b"multipart/related") && type_of_parts.eq_ignore_ascii_case(b"application/dicom") {
        let boundary = head::parameter(kind, b"boundary")?;
        return Some(Box::new(multipart::Parts::new(boundary, is_sent)?));
    }
    None
}

/// True where a media type, or one of several, is of DICOM: `application/dicom` and those that
/// begin like it.
fn names_dicom(value: &[u8]) -> bool {
    const DICOM: &[u8] = b"application/dicom";
    value.windows(DICOM.len()).enumerate().any(|(at, part)| {
        let next = value.get(at + DICOM.len());
        part.eq_ignore_ascii_case(DICOM) && next.is_none_or(|byte| !byte.is_ascii_alphanumeric())
    })
}

/// What a request's target says of the service.
struct Target<'a> {
    operation: Operation,
    /// It names a study, a series or an instance by its UID.
    has_uid: bool,
    is_wado_uri: bool,
    title: Option<&'a [u8]>,
}

impl<'a> Target<'a> {
    fn parse(head: &Head<'a>) -> Option<Self> {
        let is_wado_uri = head.method == b"GET"
            && head::split(head.query, b'&')
                .any(|part| part.eq_ignore_ascii_case(b"requestType=WADO"));
        let segments = || head::split(head.path, b'/').skip(1);
        if is_wado_uri {
            return Some(Self {
                operation: Operation::Retrieve,
                has_uid: false,
                is_wado_uri,
                title: title(segments()),
            });
        }
        let is_resource =
            |segment: &&[u8]| [&b"studies"[..], b"series", b"instances"].contains(segment);
        let mut rest = segments().skip_while(|segment| !is_resource(segment));
        rest.next()?;
        let mut has_uid = false;
        let mut ends_with_name = true;
        for segment in rest {
            let is_uid = is_uid(segment);
            has_uid |= is_uid;
            ends_with_name = is_resource(&segment);
            let is_part = [
                &b"frames"[..],
                b"bulkdata",
                b"metadata",
                b"rendered",
                b"thumbnail",
            ]
            .contains(&segment);
            if !(is_uid || ends_with_name || is_part || has_uid) {
                return None;
            }
        }
        let operation = match head.method {
            b"POST" => Operation::Store,
            b"GET" if ends_with_name => Operation::Search,
            b"GET" => Operation::Retrieve,
            _ => return None,
        };
        Some(Self {
            operation,
            has_uid,
            is_wado_uri,
            title: title(segments()),
        })
    }
}

/// The AE title in a target of dcm4chee-arc: `/dcm4chee-arc/aets/<title>/rs` or `…/wado`.
fn title<'a>(mut segments: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    if segments.next()? != b"dcm4chee-arc" || segments.next()? != b"aets" {
        return None;
    }
    let title = segments.next()?;
    let is_service = matches!(segments.next()?, b"rs" | b"wado");
    let is_title = (1..=16).contains(&title.len())
        && title
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte));
    (is_service && is_title).then_some(title)
}

/// Digits in at least four components: PS3.5 9.1.
fn is_uid(segment: &[u8]) -> bool {
    let dots = || segment.iter().filter(|byte| **byte == b'.').count();
    (8..=64).contains(&segment.len())
        && dots() >= 3
        && segment
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.')
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
