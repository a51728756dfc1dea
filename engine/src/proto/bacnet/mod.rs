//! BACnet over IP (ANSI/ASHRAE 135, annex J; port 47808) and straight on a link (clause 7): what a
//! building controller says of itself, in I-Am and in the properties of its device object, and what
//! is passed on of one behind a router or in another subnet. It reads no present value, no alarm
//! and no description.
//!
//! ```text
//! BVLC   81 | function u8 | length u16                     annex J.2; 04 forwarded: address 6
//! LLC    82 82 03                                          clause 7.1, in place of BVLC
//! NPDU   1 | control u8 | [destination] [source] [hops]     clause 6.2
//! APDU   type u8 … | service u8 | tagged values             clause 20
//! ```

mod tags;

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use self::tags::{Form, Tag, Tags};
use super::reader::{Reader, words};
use super::stack_text::{StackText, hex, printable};
use super::{
    Classifier, Layer, LinkClassifier, LinkContext, Progress, Segment, Session, Transport, Verdict,
};
use crate::config::{BACNET_PROPERTIES_MAX, VALUE_BYTES_MAX};
use crate::observe::{Emit, Observation, Role, Subject};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Bacnet,
    transport: Transport::Udp,
    ports: &[47808],
    first: &[BVLC],
    marks: &[],
    probe,
    session: || Box::new(Controller::default()),
};

/// The row of BACnet straight on a link, by its own service access point.
pub const ON_LINK: LinkClassifier = LinkClassifier {
    protocol: Protocol::Bacnet,
    layer: Layer::Llc(ACCESS_POINT),
    observe: on_link,
};

const ACCESS_POINT: u8 = 0x82;
/// An unnumbered frame of information (IEEE 802.2).
const UNNUMBERED: u8 = 3;

const BVLC: u8 = 0x81;
/// Functions that carry an NPDU, annex J.2: forwarded, distribute, unicast, broadcast.
const FORWARDED: u8 = 0x04;
const CARRIERS: [u8; 4] = [FORWARDED, 0x09, 0x0a, 0x0b];
const FUNCTION_MAX: u8 = 0x0c;

/// Types of APDU, clause 20.1.
const CONFIRMED_REQUEST: u8 = 0;
const UNCONFIRMED_REQUEST: u8 = 1;
const COMPLEX_ACK: u8 = 3;
const ERROR: u8 = 5;
const ABORT: u8 = 7;

const I_AM: u8 = 0;
const READ_PROPERTY: u8 = 12;
const READ_PROPERTY_MULTIPLE: u8 = 14;

/// The device object, clause 12.11; an object identifier is ten bits of type and 22 of number.
const OBJECT_DEVICE: u32 = 8;

/// The number in an object identifier.
const NUMBER: u32 = 0x3f_ffff;
/// Who asks any device calls it so, and one that was never set up may: it is nobody's number.
const ANYBODY: u32 = NUMBER;

/// Bytes of an address behind a router, clause 6.2.2: none has more.
const STATION_BYTES_MAX: usize = 7;
/// Bytes of the longest name of a device behind a router.
const IDENTIFIER_BYTES_MAX: usize = "bacnet|4194303|65535|".len() + 2 * STATION_BYTES_MAX;
/// All networks at once.
const EVERY_NETWORK: u16 = 0xffff;
/// The network that a message is heard in, as device addresses call it (clause 21).
const THIS_NETWORK: u16 = 0;

/// Application tags, clause 20.2.1.4.
const UNSIGNED: u8 = 2;
const CHARACTER_STRING: u8 = 7;
const OBJECT: u8 = 12;

/// Properties of the device object that are numbers.
const OBJECT_IDENTIFIER: u32 = 75;
const VENDOR_IDENTIFIER: u32 = 120;

/// Properties of the device object, clause 21, that say in words what it is.
fn field_of(property: u32) -> Option<Field> {
    Some(match property {
        12 => Field::BacnetSoftware,
        44 => Field::BacnetFirmware,
        58 => Field::BacnetLocation,
        70 => Field::BacnetModel,
        77 => Field::BacnetName,
        121 => Field::BacnetVendor,
        372 => Field::BacnetSerial,
        _ => return None,
    })
}

/// A station that others speak for: of a network behind a router, by the numbers that the routers
/// know it by, or of the same network in another subnet, by its address and port.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Station {
    network: u16,
    len: usize,
    address: [u8; STATION_BYTES_MAX],
}

impl Station {
    /// `None` for all stations of a network, and for what can be no station.
    fn new(network: u16, bytes: &[u8]) -> Option<Self> {
        let mut address = [0; STATION_BYTES_MAX];
        address.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let is_one = !bytes.is_empty() && !matches!(network, THIS_NETWORK | EVERY_NETWORK);
        is_one.then_some(Self {
            network,
            len: bytes.len(),
            address,
        })
    }

    /// The one that made a broadcast, before a BBMD forwarded it: address and port (annex J.2.5).
    /// `None` for what no single host has.
    fn forwarded(bytes: &[u8; 6]) -> Option<Self> {
        let [first, _, _, _, port @ ..] = *bytes;
        let mut address = [0; STATION_BYTES_MAX];
        address.get_mut(..bytes.len())?.copy_from_slice(bytes);
        let is_host = matches!(first, 1..=126 | 128..=223) && port != [0; 2];
        is_host.then_some(Self {
            network: THIS_NETWORK,
            len: bytes.len(),
            address,
        })
    }

    fn address(&self) -> &[u8] {
        self.address.get(..self.len).unwrap_or_default()
    }

    /// Network, length, address, clause 6.2.2. `None` in the inside: no single station.
    fn parse(reader: &mut Reader<'_>) -> Option<Option<Self>> {
        let network = reader.u16()?;
        let address = reader.block8()?;
        Some(Self::new(network, address))
    }
}

/// Whose message a datagram or a frame carries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The sender's.
    Sender,
    /// A station's, for which the sender routes or forwards broadcasts (annex J.4).
    Behind(Station),
    /// That of a station without an address.
    Nobody,
}

/// What a datagram or a frame carries.
struct Message<'a> {
    kind: u8,
    apdu: &'a [u8],
    origin: Origin,
    /// The station behind a router that it is for.
    to: Option<Station>,
}

/// The datagram is one message, to its last byte. `None` in the inside: of the network layer.
fn parse<'a>(segment: &Segment<'a>) -> Option<Option<Message<'a>>> {
    let mut reader = Reader(segment.bytes);
    let (magic, function, len) = (reader.u8()?, reader.u8()?, reader.u16()?);
    let len = usize::from(len);
    let fits = len == segment.bytes.len() || (segment.cut && len > segment.bytes.len());
    if magic != BVLC || function > FUNCTION_MAX || !fits {
        return None;
    }
    if !CARRIERS.contains(&function) {
        return Some(None);
    }
    let mut origin = Origin::Sender;
    if function == FORWARDED {
        let maker = Station::forwarded(reader.take(6)?.first_chunk()?);
        origin = maker.map_or(Origin::Nobody, Origin::Behind);
    }
    let mut inside = npdu(reader, origin)?;
    if let Some(message) = &mut inside
        && function == FORWARDED
        && message.kind != UNCONFIRMED_REQUEST
    {
        // BBMDs forward broadcasts (annex J.4.5), and nobody broadcasts an answer.
        message.origin = Origin::Nobody;
    }
    Some(inside)
}

/// As [`parse`], of what is for the network layer.
fn npdu(mut reader: Reader<'_>, mut origin: Origin) -> Option<Option<Message<'_>>> {
    let (version, control) = (reader.u8()?, reader.u8()?);
    if version != 1 || control & 0x50 != 0 {
        return None;
    }
    let mut to = None;
    if control & 0x20 != 0 {
        to = Station::parse(&mut reader)?;
    }
    if control & 0x08 != 0 {
        let station = Station::parse(&mut reader)?;
        origin = station.map_or(Origin::Nobody, Origin::Behind);
    }
    if control & 0x20 != 0 {
        reader.u8()?;
    }
    if control & 0x80 != 0 {
        return Some(None);
    }
    let apdu = reader.0;
    let kind = apdu.first()? >> 4;
    (kind <= ABORT).then_some(Some(Message {
        kind,
        apdu,
        origin,
        to,
    }))
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match parse(segment) {
        Some(Some(message)) => match message.kind {
            CONFIRMED_REQUEST => Verdict::Match(Role::Client),
            UNCONFIRMED_REQUEST => Verdict::Match(Role::Peer),
            _ => Verdict::Match(Role::Server),
        },
        Some(None) => Verdict::Match(Role::Peer),
        None => Verdict::Reject,
    }
}

/// Each frame stands for itself, since what it answers is not looked for: so it tells of its sender
/// alone. Frames that test or negotiate the link (IEEE 802.2) say nothing.
fn on_link(bytes: &[u8], _context: &LinkContext, emit: Emit<'_>) -> bool {
    let Some(&[control, ref inside @ ..]) = bytes.strip_prefix(&[ACCESS_POINT; 2]) else {
        return false;
    };
    if control != UNNUMBERED {
        return true;
    }
    match npdu(Reader(inside), Origin::Sender) {
        Some(Some(message)) if message.origin == Origin::Sender => {
            Controller::default().message(&message, emit).is_some()
        }
        Some(_) => true,
        None => false,
    }
}

/// A question: its number, its service, and the station that it is for. An answer repeats them.
type Question = (u8, u8, Option<Station>);

/// What a conversation has said.
#[derive(Default)]
struct Controller {
    confirmed: bool,
    /// The last question.
    asked: Option<Question>,
}

impl Session for Controller {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match parse(segment) {
            Some(Some(message)) => {
                if self.message(&message, emit).is_none() {
                    emit(Observation::Malformed);
                }
            }
            Some(None) => {}
            None => emit(Observation::Malformed),
        }
        Progress::consumed(segment.bytes.len())
    }
}

impl Controller {
    fn confirm(&mut self, emit: Emit<'_>) {
        if !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
    }

    /// An answer to the last question confirms what is spoken.
    fn answered(&mut self, number: u8, service: u8, origin: Origin, emit: Emit<'_>) {
        let by = match origin {
            Origin::Sender => None,
            Origin::Behind(station) => Some(station),
            Origin::Nobody => return,
        };
        if self.asked == Some((number, service, by)) {
            self.confirm(emit);
        }
    }

    /// `None` where it contradicts the format.
    fn message(&mut self, message: &Message<'_>, emit: Emit<'_>) -> Option<()> {
        let origin = message.origin;
        let mut reader = Reader(message.apdu);
        let first = reader.u8()?;
        match message.kind {
            CONFIRMED_REQUEST => {
                reader.u8()?;
                let number = reader.u8()?;
                if first & 8 == 0 {
                    self.asked = Some((number, reader.u8()?, message.to));
                }
            }
            UNCONFIRMED_REQUEST => {
                let service = reader.u8()?;
                if service == I_AM && origin != Origin::Nobody {
                    self.i_am(Tags(reader.0), origin, emit)?;
                }
            }
            // One in several pieces is not put together.
            COMPLEX_ACK if first & 8 == 0 => {
                let (number, service) = (reader.u8()?, reader.u8()?);
                self.answered(number, service, origin, emit);
                match service {
                    READ_PROPERTY => property(&mut Tags(reader.0), origin, emit)?,
                    READ_PROPERTY_MULTIPLE => properties(Tags(reader.0), origin, emit)?,
                    _ => {}
                }
            }
            ERROR => {
                let (number, service) = (reader.u8()?, reader.u8()?);
                self.answered(number, service, origin, emit);
            }
            _ => {}
        }
        Some(())
    }

    /// Device, largest APDU, segmentation, maker: clause 16.10. All four in their order and nothing
    /// else: it is broadcast, so nobody answers.
    fn i_am(&mut self, mut tags: Tags<'_>, origin: Origin, emit: Emit<'_>) -> Option<()> {
        let device = tags.application(OBJECT)?;
        tags.application(UNSIGNED)?;
        tags.application(9)?;
        let vendor = tags.application(UNSIGNED)?;
        let (kind, number) = (device >> 22, device & NUMBER);
        if kind != OBJECT_DEVICE || !tags.0.is_empty() {
            return None;
        }
        self.confirm(emit);
        let device = Device { origin, number };
        device.says_number(Field::BacnetInstance, number, emit);
        device.says_number(Field::BacnetVendorId, vendor, emit);
        Some(())
    }
}

/// A device that says something of itself.
struct Device {
    origin: Origin,
    number: u32,
}

impl Device {
    /// Where others speak for it, its number names it: no two devices of all the networks that
    /// routers join have the same (clause 12.11.1). Where two do by mistake, their stations tell
    /// them apart.
    fn says(&self, field: Field, value: &[u8], emit: Emit<'_>) {
        let mut identifier = StackText::<IDENTIFIER_BYTES_MAX>::new();
        let subject = match self.origin {
            Origin::Sender => Subject::Sender,
            Origin::Behind(station) if self.number != ANYBODY => {
                let address = hex::<{ 2 * STATION_BYTES_MAX }>(station.address(), b"");
                let network = station.network;
                let named = write!(identifier, "bacnet|{}|{network}|", self.number).is_ok();
                if !(named && identifier.push(address.as_bytes())) {
                    return;
                }
                Subject::Reported(identifier.as_bytes())
            }
            Origin::Behind(_) | Origin::Nobody => return,
        };
        emit(Observation::Fact {
            subject,
            field,
            value,
        });
    }

    fn says_number(&self, field: Field, number: u32, emit: Emit<'_>) {
        let mut text = StackText::<10>::new();
        if write!(text, "{number}").is_ok() {
            self.says(field, text.as_bytes(), emit);
        }
    }
}

/// One property of one object, clause 15.5.
fn property(tags: &mut Tags<'_>, origin: Origin, emit: Emit<'_>) -> Option<()> {
    let object = tags.context(0)?;
    let property = tags.context(1)?;
    let mut next = tags.next()?;
    if next.is_context(2) {
        // One element of a list.
        return Some(());
    }
    if !next.opens(3) {
        return None;
    }
    next = tags.next()?;
    value(origin, object, property, &next, emit);
    Some(())
}

/// Properties of several objects, clause 15.7: `[0] object, [1]{ ([2] property, [4]{ value })* }`.
fn properties(mut tags: Tags<'_>, origin: Origin, emit: Emit<'_>) -> Option<()> {
    let mut object = 0;
    let mut property = 0;
    let mut depth = 0_u8;
    for _ in 0..BACNET_PROPERTIES_MAX {
        if tags.0.is_empty() {
            break;
        }
        let tag = tags.next()?;
        match (depth, tag.form) {
            (0, Form::Context) if tag.number == 0 => object = tag.unsigned()?,
            (1, Form::Context) if tag.number == 2 => property = tag.unsigned()?,
            (2, Form::Application) => value(origin, object, property, &tag, emit),
            (0..=7, Form::Open) => depth += 1,
            (1.., Form::Close) => depth -= 1,
            (_, Form::Open | Form::Close) => return None,
            _ => {}
        }
    }
    Some(())
}

/// A text of the device object, or one of its numbers.
fn value(origin: Origin, object: u32, property: u32, tag: &Tag<'_>, emit: Emit<'_>) {
    if object >> 22 != OBJECT_DEVICE || tag.form != Form::Application {
        return;
    }
    let number = object & NUMBER;
    let device = Device { origin, number };
    match (property, tag.number, tag.content) {
        (OBJECT_IDENTIFIER, OBJECT, _) => {
            let object = tag.unsigned().filter(|it| it >> 22 == OBJECT_DEVICE);
            if let Some(number) = object.map(|object| object & NUMBER) {
                Device { origin, number }.says_number(Field::BacnetInstance, number, emit);
            }
        }
        (VENDOR_IDENTIFIER, UNSIGNED, _) => {
            if let Some(vendor) = tag.unsigned() {
                device.says_number(Field::BacnetVendorId, vendor, emit);
            }
        }
        (_, CHARACTER_STRING, [set, text @ ..]) => {
            if let Some(field) = field_of(property) {
                character_string(&device, field, *set, text, emit);
            }
        }
        _ => {}
    }
}

/// A text by its character set, clause 20.2.9: UTF-8 and ISO 8859-1 as they are, UCS-2 as UTF-8.
/// What is in others is not read.
fn character_string(device: &Device, field: Field, set: u8, text: &[u8], emit: Emit<'_>) {
    const UTF_8: u8 = 0;
    const UCS_2: u8 = 4;
    const ISO_8859_1: u8 = 5;
    let mut wide = StackText::<VALUE_BYTES_MAX>::new();
    let text = match set {
        UTF_8 | ISO_8859_1 => text,
        UCS_2 => {
            for unit in char::decode_utf16(words(text)) {
                let mut bytes = [0; 4];
                let Ok(letter) = unit else {
                    return;
                };
                if !wide.push(letter.encode_utf8(&mut bytes).as_bytes()) {
                    break;
                }
            }
            wide.as_bytes()
        }
        _ => return,
    };
    if let Some(text) = printable(text) {
        device.says(field, text, emit);
    }
}

#[cfg(test)]
mod tests;
