//! The audit trail of IHE ATNA (DICOM PS3.15 A.5; RFC 3881): which system keeps it, and the AE
//! titles and addresses of the nodes that took part. It never reads a user's id or name, nor any
//! object of an event: those are patients and studies.

use medtap_table::vocabulary::{Event, Field, Protocol};

use super::super::reported::{self, Identifier};
use super::super::xml::{Name, Place, Reader, Schema, Visitor};
use crate::config::ATNA_NODES_MAX;
use crate::observe::{Emit, Fault, Observation, Subject};
use crate::proto::kept;

/// The elements that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Message,
    Source,
    SourceType,
    Participant,
    Role,
}

const SCHEMA: Schema<Element> = Schema {
    spaces: &[],
    names: &[
        Name::new("", "AuditMessage", Element::Message),
        Name::new("", "AuditSourceIdentification", Element::Source),
        Name::new("", "AuditSourceTypeCode", Element::SourceType),
        Name::new("", "ActiveParticipant", Element::Participant),
        Name::new("", "RoleIDCode", Element::Role),
    ],
};

/// Roles of nodes, not of persons: DICOM PS3.16 CID 402: application, application launcher,
/// destination and source, their media.
const NODE_ROLES: &[&[u8]] = &[
    b"110150", b"110151", b"110152", b"110153", b"110154", b"110155",
];

/// A sender of an audit trail.
#[derive(Default)]
pub struct Trail {
    is_known: bool,
    source: Option<Vec<u8>>,
}

impl Trail {
    /// Reads one record, as far as it goes.
    pub fn record(&mut self, text: &[u8], is_stream: bool, is_relayed: bool, emit: Emit<'_>) {
        let mut record = Record::default();
        let pushed = Reader::new(&SCHEMA).push(text, &mut record);
        if !(record.is_message && pushed.is_ok_and(|pushed| pushed.ended)) {
            emit(match pushed {
                Ok(pushed) if !pushed.ended => Observation::Faulty(Fault::Truncated),
                Ok(_) => Observation::Malformed,
                Err(fault) => fault.told(),
            });
            return;
        }
        if !std::mem::replace(&mut self.is_known, true) {
            emit(Observation::Carries(Protocol::Atna));
            fact(Subject::Sender, Field::AtnaRole, b"audit_source", emit);
            if is_stream {
                fact(
                    Subject::Receiver,
                    Field::AtnaRole,
                    b"audit_repository",
                    emit,
                );
            }
        }
        emit(Observation::Event {
            subject: Subject::Sender,
            event: Event::AtnaRecord,
        });
        // Who passes on the records of several is none of them.
        let source = record.source_id.clone();
        let is_own = self.source.get_or_insert_with(|| source.clone()) == &source;
        if is_own && !is_relayed {
            for (value, field) in [
                (&record.source_id, Field::AtnaSourceId),
                (&record.site_id, Field::AtnaSiteId),
                (&record.source_type, Field::AtnaSourceType),
            ] {
                if let Some(value) = fit(value) {
                    fact(Subject::Sender, field, value, emit);
                }
            }
        }
        for node in &record.nodes {
            node.emit(emit);
        }
    }

    /// Bytes that it keeps.
    pub fn kept_bytes(&self) -> usize {
        self.source.as_ref().map_or(0, kept::list)
    }
}

/// What is kept of one record.
#[derive(Default)]
struct Record {
    is_message: bool,
    source_id: Vec<u8>,
    site_id: Vec<u8>,
    source_type: Vec<u8>,
    /// The participant that is read.
    open: Node,
    nodes: Vec<Node>,
}

/// A participant that is a node.
#[derive(Default)]
struct Node {
    is_node: bool,
    titles: Vec<u8>,
    address: Vec<u8>,
}

impl Node {
    /// Says, for each AE title, that it has this address.
    fn emit(&self, emit: Emit<'_>) {
        let titles = self
            .titles
            .strip_prefix(b"AETITLES=")
            .or_else(|| self.titles.strip_prefix(b"AETITLE="))
            .unwrap_or_default();
        for title in titles.split(|byte| *byte == b';') {
            let title = reported::trim(title);
            let is_title = (1..=16).contains(&title.len())
                && title
                    .iter()
                    .all(|byte| matches!(byte, b' '..=b'~') && !b"\\^@".contains(byte));
            let identifier = Identifier::new(b"dicom:ae").part(title).finish();
            let Some(identifier) = identifier.filter(|_| is_title) else {
                continue;
            };
            let subject = Subject::Reported(&identifier);
            fact(subject, Field::AtnaAeTitle, title, emit);
            if !self.address.is_empty() {
                fact(subject, Field::AtnaNodeAddress, &self.address, emit);
            }
        }
    }
}

/// A value that may be said: text, and no person's.
fn fit(value: &[u8]) -> Option<&[u8]> {
    reported::text(value).filter(|text| !reported::names_person(text))
}

/// An attribute's value.
fn attribute(place: &Place<'_, Element>, names: &[&str]) -> Vec<u8> {
    names
        .iter()
        .find_map(|name| place.attribute("", name))
        .map(std::borrow::Cow::into_owned)
        .unwrap_or_default()
}

impl Visitor<Element> for Record {
    fn open(&mut self, place: &Place<'_, Element>) -> bool {
        use Element::{Message, Participant, Role, Source, SourceType};
        match place.path() {
            [Some(Message)] => self.is_message = true,
            [Some(Message), Some(Source)] => {
                self.source_id = attribute(place, &["AuditSourceID"]);
                self.site_id = attribute(place, &["AuditEnterpriseSiteID"]);
                // DICOM's schema has it here, RFC 3881 in an element.
                self.source_type = attribute(place, &["code"]);
            }
            [Some(Message), Some(Source), Some(SourceType)] => {
                self.source_type = attribute(place, &["csd-code", "code"]);
            }
            [Some(Message), Some(Participant)] => {
                // Host name or address: RFC 3881, 5.3.
                let kind = attribute(place, &["NetworkAccessPointTypeCode"]);
                let address = attribute(place, &["NetworkAccessPointID"]);
                let is_address = matches!(kind.as_slice(), b"1" | b"2")
                    && address.len() <= 255
                    && address
                        .iter()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte));
                self.open = Node {
                    is_node: false,
                    titles: attribute(place, &["AlternativeUserID"]),
                    address: if is_address { address } else { Vec::new() },
                };
            }
            [Some(Message), Some(Participant), Some(Role)] => {
                let code = attribute(place, &["csd-code", "code"]);
                self.open.is_node |= NODE_ROLES.contains(&code.as_slice());
            }
            _ => {}
        }
        false
    }

    fn text(&mut self, _place: &Place<'_, Element>, _text: &[u8]) {}

    fn close(&mut self, path: &[Option<Element>]) {
        if path == [Some(Element::Message), Some(Element::Participant)] {
            let node = std::mem::take(&mut self.open);
            if node.is_node && self.nodes.len() < ATNA_NODES_MAX {
                self.nodes.push(node);
            }
        }
    }
}

fn fact(subject: Subject<'_>, field: Field, value: &[u8], emit: Emit<'_>) {
    emit(Observation::Fact {
        subject,
        field,
        value,
    });
}
