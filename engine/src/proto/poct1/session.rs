//! One conversation of a point-of-care device and its data manager: documents, one by one. It
//! keeps of a document the values of a greeting, and stands in for its control id with a hash.

use std::borrow::Cow;
use std::collections::VecDeque;

use medtap_table::vocabulary::{Event, Field};

use super::VERSION;
use crate::config::{POCT1_OUTSTANDING_MAX, VALUE_BYTES_MAX};
use crate::observe::{Emit, Observation, Role, Subject};
use crate::proto::digest::digest;
use crate::proto::kept;
use crate::proto::reported::{self, Identifier};
use crate::proto::xml::{Name, Place, Reader, Schema, Visitor};
use crate::proto::{Progress, Segment, Session};

/// Elements that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Hello,
    Observations,
    Acknowledgement,
    Header,
    ControlId,
    Version,
    Acknowledges,
    AcknowledgedId,
    Device,
    Capabilities,
    Value(Field),
}

const SCHEMA: Schema<Key> = Schema {
    spaces: &[""],
    names: &[
        Name::new("", "HEL.R01", Key::Hello),
        Name::new("", "OBS.R01", Key::Observations),
        Name::new("", "OBS.R02", Key::Observations),
        Name::new("", "ACK.R01", Key::Acknowledgement),
        Name::new("", "HDR", Key::Header),
        Name::new("", "HDR.control_id", Key::ControlId),
        Name::new("", "HDR.version_id", Key::Version),
        Name::new("", "ACK", Key::Acknowledges),
        Name::new("", "ACK.ack_control_id", Key::AcknowledgedId),
        Name::new("", "DEV", Key::Device),
        Name::new("", "DSC", Key::Capabilities),
        Name::new("", "DEV.device_id", Key::Value(Field::Poct1DeviceId)),
        Name::new("", "DEV.vendor_id", Key::Value(Field::Poct1VendorId)),
        Name::new("", "DEV.model_id", Key::Value(Field::Poct1Model)),
        Name::new("", "DEV.serial_id", Key::Value(Field::Poct1Serial)),
        Name::new(
            "",
            "DEV.manufacturer_name",
            Key::Value(Field::Poct1Manufacturer),
        ),
        Name::new("", "DEV.hw_version", Key::Value(Field::Poct1Hardware)),
        Name::new("", "DEV.sw_version", Key::Value(Field::Poct1Software)),
        Name::new(
            "",
            "DSC.connection_profile_cd",
            Key::Value(Field::Poct1Profile),
        ),
    ],
};

/// A document so far.
#[derive(Debug, Default)]
struct Document {
    root: Option<Key>,
    is_poct1: bool,
    control_id: Option<u64>,
    acknowledged: Option<u64>,
    values: Vec<(Field, Vec<u8>)>,
}

impl Visitor<Key> for Document {
    fn open(&mut self, place: &Place<'_, Key>) -> bool {
        let value = || place.attribute("", "V");
        match place.path() {
            [root] => self.root = *root,
            [_, Some(Key::Header), Some(Key::ControlId)] => {
                self.control_id = value().map(|id| digest(&id));
            }
            [_, Some(Key::Header), Some(Key::Version)] => {
                self.is_poct1 = value().is_some_and(|version| *version == *VERSION);
            }
            [
                Some(Key::Acknowledgement),
                Some(Key::Acknowledges),
                Some(Key::AcknowledgedId),
            ] => self.acknowledged = value().map(|id| digest(&id)),
            [Some(Key::Hello), Some(Key::Device), Some(Key::Value(field))]
            | [
                Some(Key::Hello),
                Some(Key::Device),
                Some(Key::Capabilities),
                Some(Key::Value(field)),
            ] => self.keep(*field, value()),
            _ => {}
        }
        false
    }

    fn text(&mut self, _place: &Place<'_, Key>, _text: &[u8]) {}
}

impl Document {
    /// Keeps a value, unless it could name a person; the first for a field stands.
    fn keep(&mut self, field: Field, value: Option<Cow<'_, [u8]>>) {
        let Some(value) = value else {
            return;
        };
        let parts = || value.split(|byte| *byte == b'^');
        let person = parts().any(reported::names_person);
        let known = self.values.iter().any(|known| known.0 == field);
        if let Some(value) = reported::text(&value)
            && !person
            && !known
            && value.len() <= VALUE_BYTES_MAX
            // Only the identifier has parts.
            && (field == Field::Poct1DeviceId || !value.contains(&b'^'))
        {
            self.values.push((field, value.to_vec()));
        }
    }

    fn value(&self, field: Field) -> &[u8] {
        let known = self.values.iter().find(|known| known.0 == field);
        known.map_or(&[], |known| &known.1)
    }

    /// What the device is called in all its greetings.
    fn identifier(&self) -> Option<Vec<u8>> {
        let serial = self.value(Field::Poct1Serial);
        let maker = match self.value(Field::Poct1Manufacturer) {
            [] => self.value(Field::Poct1VendorId),
            maker => maker,
        };
        if !reported::is_placeholder(serial) && !maker.is_empty() {
            return Identifier::new(b"poct1:serial")
                .part(maker)
                .part(self.value(Field::Poct1Model))
                .part(serial)
                .finish();
        }
        let id = self.value(Field::Poct1DeviceId);
        (!reported::is_placeholder(id))
            .then(|| Identifier::new(b"poct1:id").part(id).finish())
            .flatten()
    }
}

/// One direction.
struct Direction {
    reader: Reader<Key>,
    document: Document,
    /// What came is no document: what follows is looked through for the next one.
    lost: bool,
    /// Of control ids that wait for their acknowledgement.
    sent: VecDeque<u64>,
    /// The device that greeted.
    device: Option<Vec<u8>>,
}

impl Default for Direction {
    fn default() -> Self {
        Self {
            reader: Reader::new(&SCHEMA),
            document: Document::default(),
            lost: false,
            sent: VecDeque::new(),
            device: None,
        }
    }
}

/// One conversation.
#[derive(Default)]
pub struct Poct1Session {
    client: Direction,
    server: Direction,
    confirmed: bool,
}

impl Session for Poct1Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let mut used = 0;
        while let Some(rest) = segment.bytes.get(used..)
            && !rest.is_empty()
        {
            let (direction, _) = self.directions(segment.from);
            if direction.lost {
                let (bytes, found) = next_document(rest);
                direction.lost = !found;
                used += bytes;
                if !found {
                    break;
                }
                continue;
            }
            match direction.reader.push(rest, &mut direction.document) {
                Ok(pushed) => {
                    used += pushed.consumed;
                    if pushed.ended {
                        self.document(segment.from, emit);
                    }
                }
                Err(fault) => {
                    direction.lost = true;
                    direction.document = Document::default();
                    // The byte that broke it may begin the next one, a `<` of its own aside.
                    used += 1;
                    emit(fault.told());
                }
            }
        }
        Progress::consumed(used)
    }

    fn gap(&mut self, from: Role, _missing: u64) -> bool {
        let (direction, _) = self.directions(from);
        direction.reader.reset();
        direction.document = Document::default();
        direction.lost = true;
        true
    }

    fn kept_bytes(&self) -> usize {
        let of = |direction: &Direction| {
            direction.reader.kept_bytes()
                + kept::texts(&direction.document.values)
                + kept::queue(&direction.sent)
                + direction.device.as_ref().map_or(0, kept::list)
        };
        of(&self.client) + of(&self.server)
    }
}

impl Poct1Session {
    fn directions(&mut self, from: Role) -> (&mut Direction, &mut Direction) {
        match from {
            Role::Server => (&mut self.server, &mut self.client),
            Role::Client | Role::Peer => (&mut self.client, &mut self.server),
        }
    }

    /// A document is whole.
    fn document(&mut self, from: Role, emit: Emit<'_>) {
        let (direction, other) = self.directions(from);
        let document = std::mem::take(&mut direction.document);
        if !document.is_poct1 {
            return;
        }
        if let Some(id) = document.control_id {
            if direction.sent.len() >= POCT1_OUTSTANDING_MAX {
                direction.sent.pop_front();
            }
            direction.sent.push_back(id);
        }
        match document.root {
            Some(Key::Hello) => direction.greet(&document, emit),
            Some(Key::Observations) => {
                let device = direction.device.as_deref();
                emit(Observation::Event {
                    subject: device.map_or(Subject::Sender, Subject::Reported),
                    event: Event::Poct1Result,
                });
            }
            Some(Key::Acknowledgement) => {
                let known = document
                    .acknowledged
                    .and_then(|id| other.sent.iter().position(|sent| *sent == id));
                if let Some(at) = known {
                    other.sent.remove(at);
                    if !std::mem::replace(&mut self.confirmed, true) {
                        emit(Observation::Confirmed);
                    }
                }
            }
            _ => {}
        }
    }
}

impl Direction {
    /// A device says who it is.
    fn greet(&mut self, document: &Document, emit: Emit<'_>) {
        for (subject, role) in [
            (Subject::Sender, &b"device"[..]),
            (Subject::Receiver, b"data_manager"),
        ] {
            emit(Observation::Fact {
                subject,
                field: Field::Poct1Role,
                value: role,
            });
        }
        self.device = document.identifier();
        let Some(identifier) = &self.device else {
            return;
        };
        for (field, value) in &document.values {
            emit(Observation::Fact {
                subject: Subject::Reported(identifier),
                field: *field,
                value,
            });
        }
    }
}

/// Bytes before the next document, and whether there is one.
fn next_document(bytes: &[u8]) -> (usize, bool) {
    let begins =
        |rest: &[u8]| rest.starts_with(b"<?xml") || super::may_be_root(rest) && rest.len() >= 8;
    let mut at = 0;
    while let Some(rest) = bytes.get(at..)
        && let Some(found) = memchr::memchr(b'<', rest)
    {
        at += found;
        let rest = bytes.get(at..).unwrap_or_default();
        if begins(rest) {
            return (at, true);
        }
        // What could still become one is shown again.
        if rest.len() < 8 && (b"<?xml".starts_with(rest) || super::may_be_root(rest)) {
            return (at, false);
        }
        at += 1;
    }
    (bytes.len(), false)
}
