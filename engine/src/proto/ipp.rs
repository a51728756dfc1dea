//! The Internet Printing Protocol (RFC 8010, RFC 8011) over HTTP: what a printer says of itself.
//! It reads no job, no user, no name that somebody gave, no place, and nothing that a print
//! server says of other printers.
//!
//! ```text
//! version 2 | status u16 | request u32 | groups: tag u8, then values | 3
//! value      tag u8 | name: length u16, text (empty: another value) | value: length u16, bytes
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::http::application::{Application, BodyReader, Claim, Head, Wants};
use super::reader::Reader;
use super::stack_text::printable;
use crate::config::IPP_BODY_BYTES_MAX;
use crate::observe::{Emit, Observation, Role, says};
use crate::proto::kept;

/// The row of this protocol.
pub const APPLICATION: Application = Application { claim };

const MEDIA_TYPE: &[u8] = b"application/ipp";

/// Claims of requests: to a printer itself, and to a queue of a print server.
const PRINTER: u8 = 1;
const QUEUE: u8 = 2;

/// Groups, RFC 8010 section 3.5.1.
const END: u8 = 3;
const PRINTER_GROUP: u8 = 4;
const GROUP_MAX: u8 = 0x0f;

/// Where print servers keep queues of printers elsewhere.
const QUEUES: [&[u8]; 2] = [b"/printers/", b"/classes/"];

fn claim(head: &Head<'_>, emit: Emit<'_>) -> Option<Claim> {
    if !head.is_of_type(MEDIA_TYPE) {
        return None;
    }
    emit(Observation::Carries(Protocol::Ipp));
    if head.from == Role::Client {
        let is_queue = QUEUES.iter().any(|queues| head.path.starts_with(queues));
        return Some(Claim {
            tag: if is_queue { QUEUE } else { PRINTER },
            body: None,
        });
    }
    let reads = head.asked == PRINTER && head.status == 200 && head.is_direct;
    Some(Claim {
        tag: 1,
        body: reads.then(|| Box::new(Answer::default()) as Box<dyn BodyReader>),
    })
}

/// An answer's bytes, up to a limit.
#[derive(Default)]
struct Answer {
    bytes: Vec<u8>,
}

impl BodyReader for Answer {
    fn read(&mut self, bytes: &[u8], _emit: Emit<'_>) -> Wants {
        if self.bytes.len() + bytes.len() > IPP_BODY_BYTES_MAX {
            self.bytes = Vec::new();
            return Wants::Nothing;
        }
        self.bytes.extend_from_slice(bytes);
        Wants::More
    }

    fn end(&mut self, emit: Emit<'_>) {
        let mut found = [None; 4];
        if printers(&self.bytes, &mut found) == Some(1) {
            for (field, value) in FIELDS.iter().map(|(_, field)| *field).zip(found) {
                if let Some(value) = value.and_then(printable) {
                    says(field, value, emit);
                }
            }
        }
    }

    fn kept_bytes(&self) -> usize {
        kept::list(&self.bytes)
    }
}

/// What is read of a printer: attributes of RFC 8011, PWG 5100.9 and 5100.13.
const FIELDS: [(&[u8], Field); 4] = [
    (b"printer-make-and-model", Field::IppMakeAndModel),
    (b"printer-firmware-string-version", Field::IppFirmware),
    (b"printer-device-id", Field::IppDeviceId),
    (b"printer-serial-number", Field::IppSerial),
];

/// Reads the groups of printers; gives how many there are, if the message is whole.
fn printers<'a>(bytes: &'a [u8], found: &mut [Option<&'a [u8]>; 4]) -> Option<usize> {
    let mut reader = Reader(bytes);
    reader.take(8)?;
    let mut count = 0;
    let mut is_printer = false;
    loop {
        let tag = reader.u8()?;
        match tag {
            END => return Some(count),
            0..=GROUP_MAX => {
                is_printer = tag == PRINTER_GROUP;
                count += usize::from(is_printer);
                continue;
            }
            _ => {}
        }
        let (name, value) = (reader.block16()?, reader.block16()?);
        let place = FIELDS.iter().position(|(known, _)| *known == name);
        if let Some(place) = place.and_then(|place| found.get_mut(place))
            && is_printer
        {
            *place = Some(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(bytes: &mut Vec<u8>, name: &str, value: &str) {
        bytes.push(0x41);
        for text in [name, value] {
            bytes.extend((text.len() as u16).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
    }

    fn answer(printers: usize) -> Vec<u8> {
        let mut bytes = vec![2, 0, 0, 0, 0, 0, 0, 1, 1];
        attribute(&mut bytes, "attributes-charset", "utf-8");
        for _ in 0..printers {
            bytes.push(PRINTER_GROUP);
            attribute(&mut bytes, "printer-name", "CANARY");
            attribute(&mut bytes, "printer-make-and-model", "INKJOY LaserStar 400");
            attribute(&mut bytes, "", "another value");
            attribute(&mut bytes, "printer-firmware-string-version", "2.18.0");
        }
        bytes.push(END);
        bytes
    }

    fn say(bytes: &[u8]) -> Vec<String> {
        let mut said = Vec::new();
        let mut emit = |seen: Observation<'_>| {
            if let Observation::Fact { field, value, .. } = seen {
                said.push(format!("{} {}", field.name(), value.escape_ascii()));
            }
        };
        let mut body = Answer::default();
        for piece in bytes.chunks(7) {
            assert_eq!(body.read(piece, &mut emit), Wants::More);
        }
        body.end(&mut emit);
        said
    }

    #[test]
    fn a_printer_speaks_of_itself_and_a_server_of_none() {
        assert_eq!(
            say(&answer(1)),
            [
                "ipp.printer_make_and_model INKJOY LaserStar 400",
                "ipp.printer_firmware_string_version 2.18.0",
            ]
        );
        assert!(say(&answer(2)).is_empty());
        let whole = answer(1);
        for len in 0..whole.len() {
            assert!(say(&whole[..len]).is_empty());
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            say(bytes);
            say(&[&answer(1)[..9], bytes].concat());
        });
    }
}
