//! Philips IntelliVue Data Export (Data Export Interface Programming Guide 4535 642 59271): the
//! indication that a monitor broadcasts to UDP 24005, and the association and data on UDP 24105.
//! It reads what the monitor is, and its bed label; never the patient's object, a measurement, a
//! wave or an alarm's text.

mod monitor;
#[cfg(test)]
mod tests;

use medtap_table::vocabulary::{Event, Protocol};

use super::reader::Reader;
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Fault, Observation, Role, Subject};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Intellivue,
    transport: Transport::Udp,
    ports: &[24_005, 24_105],
    first: &[0, 0x0d, 0x0e, 0xe1],
    marks: &[],
    probe,
    session: || Box::new(Export::default()),
};

/// Before the one remote operation of a connect indication: nomenclature 1.0.
const NOMENCLATURE: [u8; 4] = [0, 0, 1, 0];

/// What a data message begins with.
const DATA: [u8; 2] = [0xe1, 0];

/// The protocol's object identifier, 1.2.840.10004.1.1: in every association request and answer.
const OID: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x14, 0x02, 0x01];

/// Bytes of an association message in which the object identifier stands.
const OID_BYTES_CHECKED: usize = 256;

/// Kinds of remote operations.
const INVOKE: u16 = 1;
const RESULT: u16 = 2;
const ERROR: u16 = 3;
const LINKED: u16 = 5;

/// Commands.
const EVENT_REPORT: u16 = 0;
const CONFIRMED_EVENT: u16 = 1;
const ACTION: u16 = 7;

/// Events and actions.
const MDS_CREATED: u16 = 0x0d06;
const CONNECT_INDICATION: u16 = 0x0d17;
const POLL: u16 = 0x0c16;
const EXTENDED_POLL: u16 = 0xf13b;

/// The objects that are the monitor itself.
const MDS: u16 = 0x0021;
const SINGLE_BED_MDS: u16 = 0x0023;

/// A message, by what it does.
#[derive(Clone, Copy, Debug)]
enum Message<'a> {
    /// The monitor is here: its attributes.
    Indication(Reader<'a>),
    Associate,
    Accept,
    Refuse,
    Release,
    Abort,
    /// The monitor describes itself to the one that it is associated with.
    Created(Reader<'a>),
    /// The answer to a poll of the monitor's own object: the objects.
    Polled(Reader<'a>),
    /// Data that say nothing of the monitor; who can send them, if only one end can.
    Other(Option<Role>),
}

impl<'a> Message<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        match bytes.first()? {
            0 => Self::indication(bytes),
            0xe1 => Self::data(bytes),
            &kind => {
                let mut reader = Reader(bytes.get(1..)?);
                let len = match reader.u8()? {
                    0xff => usize::from(reader.u16()?),
                    len => usize::from(len),
                };
                // Requests and answers hold the object identifier; the others are short texts.
                let named = || {
                    let head = bytes.get(..bytes.len().min(OID_BYTES_CHECKED))?;
                    head.windows(OID.len()).find(|part| **part == OID)
                };
                let whole = reader.0.len() == len;
                match kind {
                    0x0d => named().map(|_| Self::Associate),
                    0x0e => named().map(|_| Self::Accept),
                    0x0c if whole => Some(Self::Refuse),
                    0x09 | 0x0a if whole => Some(Self::Release),
                    0x19 if whole => Some(Self::Abort),
                    _ => None,
                }
            }
        }
    }

    /// Three lengths that say the same, and an event of one kind.
    fn indication(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes.strip_prefix(&NOMENCLATURE)?);
        let (kind, operation) = (reader.u16()?, reader.block16()?);
        if kind != INVOKE || !reader.0.is_empty() {
            return None;
        }
        let mut operation = Reader(operation);
        let (_invoke, command) = (operation.u16()?, operation.u16()?);
        let mut report = Reader(operation.block16()?);
        if command != EVENT_REPORT || !operation.0.is_empty() {
            return None;
        }
        let class = report.u16()?;
        report.take(8)?;
        let (event, attributes) = (report.u16()?, report.block16()?);
        let whole = report.0.is_empty();
        let sound = matches!(class, MDS | SINGLE_BED_MDS) && event == CONNECT_INDICATION && whole;
        sound.then_some(Self::Indication(Reader(attributes)))
    }

    fn data(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes.strip_prefix(&DATA)?);
        let _context = reader.u16()?;
        let (kind, operation) = (reader.u16()?, reader.block16()?);
        if !reader.0.is_empty() {
            return None;
        }
        let mut operation = Reader(operation);
        if kind == LINKED {
            operation.take(2)?;
        }
        let (_invoke, command) = (operation.u16()?, operation.u16()?);
        let body = operation.block16()?;
        if !operation.0.is_empty() {
            return None;
        }
        match (kind, command) {
            (INVOKE, CONFIRMED_EVENT) => Self::event(body),
            (INVOKE, ACTION) => Some(Self::Other(Some(Role::Client))),
            (RESULT | LINKED, ACTION) => Self::action_result(body),
            (INVOKE | RESULT | LINKED | ERROR, 0..=7) => Some(Self::Other(None)),
            (ERROR, _) => Some(Self::Other(None)),
            _ => None,
        }
    }

    fn event(body: &'a [u8]) -> Option<Self> {
        let mut report = Reader(body);
        let class = report.u16()?;
        report.take(8)?;
        let (event, attributes) = (report.u16()?, report.block16()?);
        Some(match (class, event) {
            (MDS | SINGLE_BED_MDS, MDS_CREATED) => {
                // The object's own identifier comes first.
                let mut attributes = Reader(attributes);
                attributes.take(6)?;
                Self::Created(attributes)
            }
            _ => Self::Other(Some(Role::Server)),
        })
    }

    /// A poll's answer. Only that of the monitor's own object is opened.
    fn action_result(body: &'a [u8]) -> Option<Self> {
        let mut result = Reader(body);
        result.take(6)?;
        let (action, reply) = (result.u16()?, result.block16()?);
        let mut reply = Reader(reply);
        let _number = reply.u16();
        if action == EXTENDED_POLL {
            let _sequence = reply.u16();
        }
        let _times = reply.take(4 + 8);
        let polled = (reply.u16(), reply.u16(), reply.u16());
        Some(match (action, polled) {
            (POLL | EXTENDED_POLL, (Some(_), Some(MDS), Some(_))) => Self::Polled(reply),
            _ => Self::Other(Some(Role::Server)),
        })
    }

    /// Who can have sent it, if only one end can.
    const fn sender(&self) -> Option<Role> {
        match self {
            Self::Associate => Some(Role::Client),
            Self::Indication(_)
            | Self::Accept
            | Self::Refuse
            | Self::Created(_)
            | Self::Polled(_) => Some(Role::Server),
            Self::Other(role) => *role,
            Self::Release | Self::Abort => None,
        }
    }
}

/// Datagrams that could be anybody's (releases, aborts) prove nothing.
fn probe(segment: &Segment<'_>) -> Verdict {
    match Message::parse(segment.bytes) {
        Some(Message::Release | Message::Abort | Message::Refuse) | None => Verdict::Reject,
        Some(message) => Verdict::Match(message.sender().unwrap_or(segment.from)),
    }
}

/// One monitor and the one that asks it.
#[derive(Default)]
struct Export {
    client: bool,
    server: bool,
    confirmed: bool,
}

impl Session for Export {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let done = Progress::consumed(segment.bytes.len());
        let Some(message) = Message::parse(segment.bytes) else {
            emit(match segment.cut {
                true => Observation::Faulty(Fault::Truncated),
                false => Observation::Malformed,
            });
            return done;
        };
        match message.sender().unwrap_or(segment.from) {
            Role::Server => self.server = true,
            _ => self.client = true,
        }
        // A broadcast has no answer: its three lengths are its proof.
        let alone = matches!(message, Message::Indication(_));
        if (alone || self.client && self.server) && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        match message {
            Message::Indication(attributes) => monitor::tell(attributes, emit),
            Message::Created(attributes) => monitor::tell(attributes, emit),
            Message::Polled(objects) => monitor::tell_polled(objects, emit),
            Message::Accept => event(Event::IntellivueAssociation, emit),
            Message::Refuse => event(Event::IntellivueRefusal, emit),
            Message::Abort => event(Event::IntellivueAbort, emit),
            Message::Associate | Message::Release | Message::Other(_) => {}
        }
        done
    }
}

fn event(event: Event, emit: Emit<'_>) {
    emit(Observation::Event {
        subject: Subject::Sender,
        event,
    });
}
