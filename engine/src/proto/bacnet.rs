//! BACnet/IP (ANSI/ASHRAE 135, annex J; port 47808): what a building controller says of itself,
//! in I-Am and in the properties of its device object. It reads no present value, no alarm and
//! no description.
//!
//! ```text
//! BVLC   81 | function u8 | length u16                     annex J.2; 04 forwarded: address 6
//! NPDU   1 | control u8 | [destination] [source] [hops]     clause 6.2
//! APDU   type u8 … | service u8 | tagged values             clause 20
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::{Reader, words};
use super::stack_text::{StackText, printable, says_number};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::config::{BACNET_PROPERTIES_MAX, VALUE_BYTES_MAX};
use crate::observe::{Emit, Observation, Role, says};

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

/// What a datagram carries.
struct Message<'a> {
    kind: u8,
    apdu: &'a [u8],
    /// From a device behind a router: not the sender's.
    is_routed: bool,
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
    let mut is_routed = function == FORWARDED;
    if is_routed {
        reader.take(6)?;
    }
    let (version, control) = (reader.u8()?, reader.u8()?);
    if version != 1 || control & 0x50 != 0 {
        return None;
    }
    if control & 0x20 != 0 {
        reader.u16()?;
        reader.block8()?;
    }
    if control & 0x08 != 0 {
        reader.u16()?;
        reader.block8()?;
        is_routed = true;
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
        is_routed,
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

/// What a conversation has said.
#[derive(Default)]
struct Controller {
    confirmed: bool,
    /// Number and service of the last request: an answer repeats both.
    asked: Option<(u8, u8)>,
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

    /// `None` where it contradicts the format.
    fn message(&mut self, message: &Message<'_>, emit: Emit<'_>) -> Option<()> {
        let mut reader = Reader(message.apdu);
        let first = reader.u8()?;
        match message.kind {
            CONFIRMED_REQUEST => {
                reader.u8()?;
                let number = reader.u8()?;
                if first & 8 == 0 {
                    self.asked = Some((number, reader.u8()?));
                }
            }
            UNCONFIRMED_REQUEST => {
                let service = reader.u8()?;
                if service == I_AM && !message.is_routed {
                    self.i_am(Tags(reader.0), emit)?;
                }
            }
            // One in several pieces is not put together.
            COMPLEX_ACK if first & 8 == 0 => {
                let (number, service) = (reader.u8()?, reader.u8()?);
                if self.asked == Some((number, service)) {
                    self.confirm(emit);
                }
                if message.is_routed {
                    return Some(());
                }
                match service {
                    READ_PROPERTY => property(&mut Tags(reader.0), emit)?,
                    READ_PROPERTY_MULTIPLE => properties(Tags(reader.0), emit)?,
                    _ => {}
                }
            }
            ERROR => {
                let answered = (reader.u8()?, reader.u8()?);
                if self.asked == Some(answered) {
                    self.confirm(emit);
                }
            }
            _ => {}
        }
        Some(())
    }

    /// Device, largest APDU, segmentation, maker: clause 16.10. All four in their order and nothing
    /// else: it is broadcast, so nobody answers.
    fn i_am(&mut self, mut tags: Tags<'_>, emit: Emit<'_>) -> Option<()> {
        let device = tags.application(OBJECT)?;
        tags.application(UNSIGNED)?;
        tags.application(9)?;
        let vendor = tags.application(UNSIGNED)?;
        let (kind, number) = (device >> 22, device & NUMBER);
        if kind != OBJECT_DEVICE || !tags.0.is_empty() {
            return None;
        }
        self.confirm(emit);
        says_number(Field::BacnetInstance, number, emit);
        says_number(Field::BacnetVendorId, vendor, emit);
        Some(())
    }
}

/// One property of one object, clause 15.5.
fn property(tags: &mut Tags<'_>, emit: Emit<'_>) -> Option<()> {
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
    value(object, property, &next, emit);
    Some(())
}

/// Properties of several objects, clause 15.7: `[0] object, [1]{ ([2] property, [4]{ value })* }`.
fn properties(mut tags: Tags<'_>, emit: Emit<'_>) -> Option<()> {
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
            (2, Form::Application) => value(object, property, &tag, emit),
            (0..=7, Form::Open) => depth += 1,
            (1.., Form::Close) => depth -= 1,
            (_, Form::Open | Form::Close) => return None,
            _ => {}
        }
    }
    Some(())
}

/// A text of the device object, or one of its numbers.
fn value(object: u32, property: u32, tag: &Tag<'_>, emit: Emit<'_>) {
    if object >> 22 != OBJECT_DEVICE || tag.form != Form::Application {
        return;
    }
    match (property, tag.number, tag.content) {
        (OBJECT_IDENTIFIER, OBJECT, _) => {
            let device = tag.unsigned().filter(|it| it >> 22 == OBJECT_DEVICE);
            if let Some(device) = device {
                says_number(Field::BacnetInstance, device & NUMBER, emit);
            }
        }
        (VENDOR_IDENTIFIER, UNSIGNED, _) => {
            if let Some(vendor) = tag.unsigned() {
                says_number(Field::BacnetVendorId, vendor, emit);
            }
        }
        (_, CHARACTER_STRING, [set, text @ ..]) => {
            if let Some(field) = field_of(property) {
                character_string(field, *set, text, emit);
            }
        }
        _ => {}
    }
}

/// A text by its character set, clause 20.2.9: UTF-8 and ISO 8859-1 as they are, UCS-2 as UTF-8.
/// What is in others is not read.
fn character_string(field: Field, set: u8, text: &[u8], emit: Emit<'_>) {
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
        says(field, text, emit);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Application,
    Context,
    Open,
    Close,
}

/// A tagged value, clause 20.2.1.
struct Tag<'a> {
    form: Form,
    number: u8,
    content: &'a [u8],
}

impl Tag<'_> {
    fn is_context(&self, number: u8) -> bool {
        self.form == Form::Context && self.number == number
    }

    fn opens(&self, number: u8) -> bool {
        self.form == Form::Open && self.number == number
    }

    /// A number of at most four bytes.
    fn unsigned(&self) -> Option<u32> {
        let fits = (1..=4).contains(&self.content.len());
        let add = |sum, byte: &u8| sum << 8 | u32::from(*byte);
        fits.then(|| self.content.iter().fold(0, add))
    }
}

/// Tagged values in a row.
struct Tags<'a>(&'a [u8]);

impl<'a> Tags<'a> {
    fn next(&mut self) -> Option<Tag<'a>> {
        let mut reader = Reader(self.0);
        let head = reader.u8()?;
        let number = match head >> 4 {
            15 => reader.u8()?,
            number => number,
        };
        let is_context = head & 8 != 0;
        let (form, len) = match head & 7 {
            6 if is_context => (Form::Open, 0),
            7 if is_context => (Form::Close, 0),
            // A Boolean is its own length.
            _ if !is_context && number == 1 => (Form::Application, 0),
            5 => {
                let len = match reader.u8()? {
                    254 => usize::from(reader.u16()?),
                    // Four bytes of length: nothing that long fits in a datagram.
                    255 => return None,
                    len => usize::from(len),
                };
                let form = if is_context {
                    Form::Context
                } else {
                    Form::Application
                };
                (form, len)
            }
            len if is_context => (Form::Context, usize::from(len)),
            len => (Form::Application, usize::from(len)),
        };
        let content = reader.take(len)?;
        self.0 = reader.0;
        Some(Tag {
            form,
            number,
            content,
        })
    }

    /// The next value, a number with this application tag.
    fn application(&mut self, number: u8) -> Option<u32> {
        let tag = self.next()?;
        let is_it = tag.form == Form::Application && tag.number == number;
        tag.unsigned().filter(|_| is_it)
    }

    /// The next value, a number with this context tag.
    fn context(&mut self, number: u8) -> Option<u32> {
        let tag = self.next()?;
        tag.unsigned().filter(|_| tag.is_context(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const I_AM_5: &[u8] = &[
        0x81, 0x0b, 0, 20, 1, 0, 0x10, 0, 0xc4, 2, 0, 0, 5, 0x22, 5, 0xc4, 0x91, 0, 0x21, 24,
    ];

    fn ack(number: u8, property: u8, text: &str) -> Vec<u8> {
        let mut apdu = vec![
            0x30,
            number,
            READ_PROPERTY,
            0x0c,
            2,
            0,
            0,
            5,
            0x19,
            property,
        ];
        apdu.extend([0x3e, 0x75, text.len() as u8 + 1, 0]);
        apdu.extend(text.as_bytes());
        apdu.push(0x3f);
        datagram(&[0], &apdu)
    }

    fn datagram(control: &[u8], apdu: &[u8]) -> Vec<u8> {
        let len = 5 + control.len() + apdu.len();
        let mut out = vec![BVLC, 0x0a, 0, len as u8, 1];
        out.extend(control);
        out.extend(apdu);
        out
    }

    fn segment(bytes: &[u8]) -> Segment<'_> {
        Segment {
            bytes,
            from: Role::Peer,
            time_ns: 0,
            ports: (47808, 47808),
            cut: false,
        }
    }

    fn say(messages: &[&[u8]]) -> Vec<String> {
        let mut said = Vec::new();
        let mut controller = Controller::default();
        for bytes in messages {
            controller.observe(&segment(bytes), &mut |seen| {
                said.push(match seen {
                    Observation::Fact { field, value, .. } => {
                        format!("{} {}", field.name(), value.escape_ascii())
                    }
                    other => format!("{other:?}"),
                });
            });
        }
        said
    }

    #[test]
    fn a_device_says_that_it_is_there() {
        assert_eq!(probe(&segment(I_AM_5)), Verdict::Match(Role::Peer));
        assert_eq!(
            say(&[I_AM_5]),
            [
                "Confirmed",
                "bacnet.device_instance 5",
                "bacnet.vendor_id 24"
            ]
        );
    }

    #[test]
    fn properties_of_the_device_object() {
        let ask = datagram(&[4], &[0, 5, 9, READ_PROPERTY, 0x0c, 2, 0, 0, 5, 0x19, 70]);
        assert_eq!(
            say(&[&ask, &ack(9, 70, "FX-7"), &ack(9, 28, "CANARY's office")]),
            ["Confirmed", "bacnet.model_name FX-7"]
        );
        // An answer to a question that was not seen.
        assert_eq!(say(&[&ack(1, 44, "1.2")]), ["bacnet.firmware_revision 1.2"]);
    }

    #[test]
    fn several_properties_at_once() {
        let mut apdu = vec![0x30, 1, READ_PROPERTY_MULTIPLE, 0x0c, 2, 0, 0, 5, 0x1e];
        for (property, text) in [(121, "Acme"), (28, "CANARY"), (58, "Plant 3")] {
            apdu.extend([0x29, property, 0x4e, 0x75, text.len() as u8 + 1, 0]);
            apdu.extend(text.as_bytes());
            apdu.push(0x4f);
        }
        apdu.push(0x1f);
        assert_eq!(
            say(&[&datagram(&[0], &apdu)]),
            ["bacnet.vendor_name Acme", "bacnet.location Plant 3"]
        );
    }

    /// As a Johnson Controls NAE answers, who is asked by the number of nobody in particular.
    #[test]
    fn wide_texts_and_numbers_of_the_device_object() {
        let answer = |property: u8, value: &[u8]| {
            let mut apdu = vec![0x30, 1, READ_PROPERTY, 0x0c, 2, 0x3f, 0xff, 0xff, 0x19];
            apdu.extend([property, 0x3e]);
            apdu.extend(value);
            apdu.push(0x3f);
            datagram(&[0], &apdu)
        };
        let said = say(&[
            &answer(75, &[0xc4, 2, 0, 1, 0xf4]),
            &answer(120, &[0x21, 5]),
            &answer(121, b"\x75\x07\x04\0J\0C\0I"),
            &answer(70, b"\x75\x05\x04\xd8\0\0K"),
            &answer(58, b"\x75\x05\x05B\xfcro"),
            &answer(77, b"\x75\x03\x01JA"),
            &answer(75, &[0xc4, 0, 0, 1, 0xf4]),
        ]);
        let expected = [
            "bacnet.device_instance 500",
            "bacnet.vendor_id 5",
            "bacnet.vendor_name JCI",
            "bacnet.location B\\xfcro",
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn what_a_router_passes_on_is_not_its_own() {
        let mut apdu = I_AM_5[6..].to_vec();
        let routed = datagram(&[8, 0, 5, 1, 7], &apdu);
        assert_eq!(say(&[&routed]), [""; 0]);
        // Another object than a device.
        apdu[3] = 0;
        assert_eq!(say(&[&datagram(&[0], &apdu)]), ["Malformed"]);
    }

    #[test]
    fn what_only_looks_alike_is_refused() {
        for bytes in [
            &I_AM_5[..19],
            &[0x81, 0x0d, 0, 4],
            &[0x81, 0x0a, 0, 6, 2, 0],
            b"",
        ] {
            assert_eq!(probe(&segment(bytes)), Verdict::Reject);
        }
    }

    #[test]
    fn every_prefix_and_any_bytes() {
        let whole = ack(9, 70, "FX-7");
        for len in 0..whole.len() {
            say(&[&whole[..len]]);
        }
        bolero::check!().for_each(|bytes: &[u8]| {
            say(&[bytes]);
            say(&[&datagram(&[0], bytes)]);
        });
    }
}
