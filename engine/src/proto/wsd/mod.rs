//! WS-Discovery 1.1 (OASIS) and its draft of 2005, SOAP over UDP 3702: what a device says that it
//! is, and where it stands. IEEE 11073-20702 finds medical devices by it, ONVIF cameras, Windows
//! printers. It believes nobody who speaks for several devices, and reads no scope that names an
//! operator, a patient or a workflow.
//!
//! | field | of |
//! |---|---|
//! | types on a list (`MedicalDevice`, `NetworkVideoTransmitter` …) | who announces itself |
//! | scopes: type, location, service role; hardware, name, place of a camera | the same |
//! | the endpoint's UUID and the first address of its services | the same |
//! | types that are looked for | who looks |

mod scopes;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use medtap_table::vocabulary::{Event, Field, Protocol};

pub use scopes::is_code;

use super::clock::start_number;
use super::digest::digest;
use super::reported;
use super::xml::{Name, Place, Reader, Schema, Visitor, XmlError};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::config::{WSD_MESSAGES_MAX, WSD_TYPES_MAX};
use crate::observe::{Emit, Fault, Observation, Role, Subject};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Wsd,
    transport: Transport::Udp,
    ports: &[3702],
    first: b"<\xef",
    marks: &[],
    probe,
    session: || Box::new(Announcer::default()),
};

const SOAP: &str = "http://www.w3.org/2003/05/soap-envelope";
const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
const ADDRESSING_2004: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
const DISCOVERY: &str = "http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01";
const DISCOVERY_2005: &str = "http://schemas.xmlsoap.org/ws/2005/04/discovery";
const MDPWS: &str = "http://standards.ieee.org/downloads/11073/11073-20702-2016";
const ONVIF: &str = "http://www.onvif.org/ver10/network/wsdl";
const PRINT: &str = "http://schemas.microsoft.com/windows/2006/08/wdp/print";
const SCAN: &str = "http://schemas.microsoft.com/windows/2006/08/wdp/scan";
const PUBLICATION: &str = "http://schemas.microsoft.com/windows/pub/2005/07";

/// The longest endpoint and number of a start that are told, in bytes.
const WSD_START_BYTES: usize = 80;

/// What counts in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Envelope,
    Header,
    RelatesTo,
    MessageId,
    Sequence,
    Body,
    /// A message that carries one announcement.
    Announcement(Kind),
    /// An answer: a list of announcements, and one of them.
    Matches,
    Match,
    Endpoint,
    Address,
    Types,
    Scopes,
    Addresses,
    /// A type of device, by the name under which it is told.
    Type(&'static str),
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Hello,
    Bye,
    Probe,
    Resolve,
    Answer,
}

macro_rules! discovery {
    ($($space:expr, $addressing:expr);+) => { &[
        Name::new(SOAP, "Envelope", Key::Envelope),
        Name::new(SOAP, "Header", Key::Header),
        Name::new(SOAP, "Body", Key::Body),
        $(
            Name::new($addressing, "RelatesTo", Key::RelatesTo),
            Name::new($addressing, "MessageID", Key::MessageId),
            Name::new($addressing, "EndpointReference", Key::Endpoint),
            Name::new($addressing, "Address", Key::Address),
            Name::new($space, "AppSequence", Key::Sequence),
            Name::new($space, "Hello", Key::Announcement(Kind::Hello)),
            Name::new($space, "Bye", Key::Announcement(Kind::Bye)),
            Name::new($space, "Probe", Key::Announcement(Kind::Probe)),
            Name::new($space, "Resolve", Key::Announcement(Kind::Resolve)),
            Name::new($space, "ProbeMatches", Key::Matches),
            Name::new($space, "ResolveMatches", Key::Matches),
            Name::new($space, "ProbeMatch", Key::Match),
            Name::new($space, "ResolveMatch", Key::Match),
            Name::new($space, "Types", Key::Types),
            Name::new($space, "Scopes", Key::Scopes),
            Name::new($space, "XAddrs", Key::Addresses),
            Name::new($space, "DiscoveryProxy", Key::Type("DiscoveryProxy")),
        )+
        Name::new(MDPWS, "MedicalDevice", Key::Type("MedicalDevice")),
        Name::new(ONVIF, "NetworkVideoTransmitter", Key::Type("NetworkVideoTransmitter")),
        Name::new(ONVIF, "NetworkVideoDisplay", Key::Type("NetworkVideoDisplay")),
        Name::new(ONVIF, "NetworkVideoStorage", Key::Type("NetworkVideoStorage")),
        Name::new(ONVIF, "NetworkVideoAnalytics", Key::Type("NetworkVideoAnalytics")),
        Name::new(PRINT, "PrintDeviceType", Key::Type("PrintDeviceType")),
        Name::new(SCAN, "ScanDeviceType", Key::Type("ScanDeviceType")),
        Name::new(PUBLICATION, "Computer", Key::Type("Computer")),
    ] };
}

static SCHEMA: Schema<Key> = Schema {
    spaces: &[
        SOAP,
        ADDRESSING,
        ADDRESSING_2004,
        DISCOVERY,
        DISCOVERY_2005,
        MDPWS,
        ONVIF,
        PRINT,
        SCAN,
        PUBLICATION,
    ],
    names: discovery!(DISCOVERY, ADDRESSING; DISCOVERY_2005, ADDRESSING_2004),
};

/// What a message says.
#[derive(Default)]
struct Message {
    kind: Option<Kind>,
    /// It names the message that it answers.
    answers: bool,
    /// Its own name, compared in passing and never told: a message is sent several times.
    id: Vec<u8>,
    /// Which of the sender's starts it is of.
    instance: Vec<u8>,
    /// Devices that it speaks for.
    devices: usize,
    endpoint: Vec<u8>,
    types: Vec<&'static str>,
    scopes: Vec<u8>,
    addresses: Vec<u8>,
}

impl Visitor<Key> for Message {
    fn open(&mut self, place: &Place<'_, Key>) -> bool {
        use Key as K;
        match place.path() {
            [
                Some(K::Envelope),
                Some(K::Body),
                Some(K::Announcement(kind)),
            ] => {
                self.kind = Some(*kind);
                self.devices = 1;
                false
            }
            [Some(K::Envelope), Some(K::Body), Some(K::Matches)] => {
                self.kind = Some(Kind::Answer);
                false
            }
            [
                Some(K::Envelope),
                Some(K::Body),
                Some(K::Matches),
                Some(K::Match),
            ] => {
                self.devices += 1;
                false
            }
            [
                Some(K::Envelope),
                Some(K::Header),
                Some(K::RelatesTo | K::MessageId),
            ] => true,
            [Some(K::Envelope), Some(K::Header), Some(K::Sequence)] => {
                let instance = place.attribute("", "InstanceId");
                self.instance = instance.unwrap_or_default().to_vec();
                false
            }
            path => part(path).is_some(),
        }
    }

    fn text(&mut self, place: &Place<'_, Key>, text: &[u8]) {
        match part(place.path()) {
            Some(Key::Types) => {
                for name in text.split(u8::is_ascii_whitespace) {
                    if self.types.len() < WSD_TYPES_MAX
                        && let Some(Key::Type(name)) = place.resolve(name)
                    {
                        self.types.push(name);
                    }
                }
            }
            Some(Key::Address) => self.endpoint = text.trim_ascii().to_vec(),
            Some(Key::Scopes) => self.scopes = text.to_vec(),
            Some(Key::Addresses) => self.addresses = text.to_vec(),
            _ if place.path().last() == Some(&Some(Key::MessageId)) => self.id = text.to_vec(),
            _ => self.answers = true,
        }
    }
}

/// The part of an announcement that a path leads to.
fn part(path: &[Option<Key>]) -> Option<Key> {
    use Key as K;
    let inside = match path {
        [
            Some(K::Envelope),
            Some(K::Body),
            Some(K::Announcement(_)),
            inside @ ..,
        ] => inside,
        [
            Some(K::Envelope),
            Some(K::Body),
            Some(K::Matches),
            Some(K::Match),
            inside @ ..,
        ] => inside,
        _ => return None,
    };
    match inside {
        [Some(K::Endpoint), Some(K::Address)] => Some(K::Address),
        [Some(part @ (K::Types | K::Scopes | K::Addresses))] => Some(*part),
        _ => None,
    }
}

/// The message, or why it is none; a cut one needs no more than that it can be seen to be one.
fn read(segment: &Segment<'_>) -> Result<Message, Observation<'static>> {
    if !matches!(segment.bytes.first(), Some(b'<' | 0xef)) {
        return Err(Observation::Malformed);
    }
    let mut message = Message::default();
    let pushed = Reader::new(&SCHEMA).push(segment.bytes, &mut message);
    let pushed = pushed.map_err(XmlError::told)?;
    if !pushed.ended && !segment.cut {
        return Err(Observation::Faulty(Fault::Truncated));
    }
    match message.kind {
        Some(_) => Ok(message),
        None => Err(Observation::Malformed),
    }
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match read(segment) {
        Ok(_) => Verdict::Match(Role::Peer),
        Err(_) => Verdict::Reject,
    }
}

/// One speaker. Announcements and searches go to a group, and answers come from another port: a
/// message with all that it needs is its own proof.
#[derive(Default)]
struct Announcer {
    confirmed: bool,
    /// The last messages.
    recent: VecDeque<Sent>,
}

/// A message that was told: it is sent several times.
struct Sent {
    /// The digest of its name.
    id: u64,
    /// That of the whole datagram; none of a cut one.
    datagram: Option<u64>,
}

impl Session for Announcer {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let datagram = (!segment.cut).then(|| digest(segment.bytes));
        if datagram.is_some() && self.recent.iter().any(|sent| sent.datagram == datagram) {
            return Progress::consumed(segment.bytes.len());
        }
        match read(segment) {
            Ok(message) => {
                if !self.confirmed {
                    self.confirmed = true;
                    emit(Observation::Confirmed);
                }
                if self.is_new(&message.id, datagram) {
                    message.tell(emit);
                }
            }
            Err(fault) => emit(fault),
        }
        Progress::consumed(segment.bytes.len())
    }
}

impl Announcer {
    /// Was no message of this name among the last ones? One without a name always is new.
    fn is_new(&mut self, id: &[u8], datagram: Option<u64>) -> bool {
        let (is_named, id) = (!id.is_empty(), digest(id));
        if is_named && self.recent.iter().any(|sent| sent.id == id) {
            return false;
        }
        if self.recent.len() >= WSD_MESSAGES_MAX {
            self.recent.pop_front();
        }
        let datagram = datagram.filter(|_| is_named);
        self.recent.push_back(Sent { id, datagram });
        true
    }
}

impl Message {
    fn tell(&self, emit: Emit<'_>) {
        let Some(kind) = self.kind else { return };
        let for_others = self.devices != 1 || self.types.contains(&"DiscoveryProxy");
        let is_answer = kind == Kind::Answer && self.answers;
        match kind {
            Kind::Probe => {
                for name in &self.types {
                    fact(Field::WsdSearched, name.as_bytes(), emit);
                }
            }
            Kind::Resolve => {}
            _ if for_others || kind == Kind::Answer && !is_answer => {}
            Kind::Bye => event(Event::WsdBye, emit),
            Kind::Hello | Kind::Answer => {
                if kind == Kind::Hello {
                    event(Event::WsdHello, emit);
                }
                self.announce(emit);
            }
        }
    }

    fn announce(&self, emit: Emit<'_>) {
        for name in &self.types {
            fact(Field::WsdType, name.as_bytes(), emit);
        }
        if self.endpoint.starts_with(b"urn:uuid:") && self.endpoint.len() <= 64 {
            fact(Field::WsdEndpoint, &self.endpoint, emit);
            let start = start_number::<WSD_START_BYTES>(&self.endpoint, &self.instance);
            if let Some(start) = start {
                fact(Field::WsdInstance, start.as_bytes(), emit);
            }
        }
        let mut addresses = self.addresses.split(u8::is_ascii_whitespace);
        if let Some(url) = addresses.find_map(scopes::bare_url) {
            fact(Field::WsdAddress, url, emit);
        }
        scopes::tell(&self.scopes, emit);
    }
}

fn fact(field: Field, value: &[u8], emit: Emit<'_>) {
    if let Some(value) = reported::text(value) {
        emit(Observation::Fact {
            subject: Subject::Sender,
            field,
            value,
        });
    }
}

fn event(event: Event, emit: Emit<'_>) {
    emit(Observation::Event {
        subject: Subject::Sender,
        event,
    });
}
