//! Welch Allyn's communication protocol (WACP) of Connex, Propaq and thermometer devices over TCP:
//! a device's description of itself. It reads no other object, so no measurement.
//!
//! Big endian: `17 01 0C`, the whole length, a port, an object, two CRCs. The description is one
//! object of a fixed form; what has another form is stepped over.

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::{Classifier, Progress, Segment, Session, Then, Transport, Verdict, reported};
use crate::config::PROBE_BYTES_MAX;
use crate::observe::{Emit, Fault, Observation, Role, Subject};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Wacp,
    transport: Transport::Tcp,
    ports: &[281, 44_435],
    first: &[0x17],
    marks: &[],
    probe,
    session: || Box::new(Exchange::default()),
};

const PREAMBLE: [u8; 3] = [0x17, 1, 0x0c];

/// Ports inside a packet: rendezvous, and the protocol itself.
const PORTS: [u16; 2] = [0x0119, 0x011a];

/// Preamble, length, port, class, size, encryption: what every packet has before its object.
const HEAD_BYTES: usize = 18;

/// A packet without an object, with its two CRCs.
const PACKET_BYTES_MIN: usize = HEAD_BYTES + 4;

/// The longest packet that is believed to be one.
const PACKET_BYTES_MAX: usize = 1 << 20;

/// "Device description", and the length of the packet that carries it.
const DESCRIPTION: u32 = 0x0018_0f00;
const DESCRIPTION_BYTES: usize = 147;

/// Where the parts of a description stand: the static length, model, serial number, GUID, model
/// number.
const STATIC_AT: usize = 31;
const STATIC_BYTES: u16 = 0x006c;
const MODEL_AT: usize = 45;
const SERIAL_AT: usize = 77;
const NUMBER_AT: usize = 109;

/// The length and class of the packet that begins here; `None` in `Ok` while bytes are missing.
fn head(bytes: &[u8]) -> Result<Option<(usize, u32)>, ()> {
    let known = bytes.len().min(PREAMBLE.len());
    if bytes.get(..known) != PREAMBLE.get(..known) {
        return Err(());
    }
    let mut reader = Reader(bytes);
    let mut fields = || {
        reader.take(PREAMBLE.len())?;
        let (high, low) = (reader.u16()?, reader.u16()?);
        let port = reader.u16()?;
        let (class, part) = (reader.u16()?, reader.u16()?);
        let len = u32::from(high) << 16 | u32::from(low);
        Some((len, port, u32::from(class) << 16 | u32::from(part)))
    };
    let Some((len, port, class)) = fields() else {
        return Ok(None);
    };
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let sound = (PACKET_BYTES_MIN..=PACKET_BYTES_MAX).contains(&len) && PORTS.contains(&port);
    sound.then_some(Some((len, class))).ok_or(())
}

/// Is the packet's own CRC right?
fn is_whole(packet: &[u8]) -> bool {
    let Some((content, stated)) = packet.split_last_chunk::<2>() else {
        return false;
    };
    u16::from_be_bytes(*stated) == crc(content)
}

fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| match crc & 1 {
            0 => crc >> 1,
            _ => crc >> 1 ^ 0x8408,
        })
    })
}

fn probe(segment: &Segment<'_>) -> Verdict {
    let len = match head(segment.bytes) {
        Ok(Some((len, _))) => len,
        Ok(None) if !segment.cut => return Verdict::NeedMore,
        _ => return Verdict::Reject,
    };
    match segment.bytes.get(..len) {
        Some(packet) if is_whole(packet) => Verdict::Match(segment.from),
        None if len < PROBE_BYTES_MAX && !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// A device and its server.
#[derive(Default)]
struct Exchange {
    spoke: [bool; 2],
    confirmed: bool,
}

impl Session for Exchange {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let (len, class) = match head(segment.bytes) {
            Ok(Some(head)) => head,
            Ok(None) => return Progress::consumed(0),
            Err(()) => {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
        };
        if let Some(spoke) = self
            .spoke
            .get_mut(usize::from(segment.from == Role::Server))
        {
            *spoke = true;
        }
        if self.spoke == [true, true] && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        if class != DESCRIPTION || len != DESCRIPTION_BYTES {
            let consumed = segment.bytes.len().min(len);
            return Progress {
                consumed,
                then: match len - consumed {
                    0 => Then::More,
                    left => Then::Skip(left as u64),
                },
            };
        }
        let Some(packet) = segment.bytes.get(..len) else {
            return Progress::consumed(0);
        };
        match is_whole(packet) {
            true => describe(packet, emit),
            false => emit(Observation::Faulty(Fault::Checksum)),
        }
        Progress::consumed(len)
    }
}

fn describe(packet: &[u8], emit: Emit<'_>) {
    let fixed = packet.get(STATIC_AT..STATIC_AT + 2) == Some(&STATIC_BYTES.to_be_bytes());
    if !fixed {
        return;
    }
    for (field, at, len) in [
        (Field::WacpModel, MODEL_AT, 32),
        (Field::WacpSerial, SERIAL_AT, 16),
        (Field::WacpModelNumber, NUMBER_AT, 32),
    ] {
        let text = packet.get(at..at + len).unwrap_or_default();
        let end = text.iter().position(|byte| *byte == 0);
        let text = text.get(..end.unwrap_or(len)).unwrap_or_default();
        if let Some(value) = reported::text(text) {
            emit(Observation::Fact {
                subject: Subject::Sender,
                field,
                value,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::driver;

    /// A packet around an object, with its length and its own CRC.
    fn packet(class: u32, object: &[u8]) -> Vec<u8> {
        let len = HEAD_BYTES + object.len() + 4;
        let mut bytes = PREAMBLE.to_vec();
        bytes.extend_from_slice(&(len as u32).to_be_bytes());
        bytes.extend_from_slice(&PORTS[1].to_be_bytes());
        bytes.extend_from_slice(&class.to_be_bytes());
        bytes.extend_from_slice(&(object.len() as u32).to_be_bytes());
        bytes.push(0);
        bytes.extend_from_slice(object);
        bytes.extend_from_slice(&[0, 0]);
        let sum = crc(&bytes);
        bytes.extend_from_slice(&sum.to_be_bytes());
        bytes
    }

    fn description() -> Vec<u8> {
        let mut object = vec![0; DESCRIPTION_BYTES - HEAD_BYTES - 4];
        let mut put = |at: usize, text: &[u8]| {
            object[at - HEAD_BYTES..at - HEAD_BYTES + text.len()].copy_from_slice(text);
        };
        put(STATIC_AT, &STATIC_BYTES.to_be_bytes());
        put(MODEL_AT, b"SPOTTER 3");
        put(SERIAL_AT, b"ZZ0001");
        put(NUMBER_AT, b"901-000");
        packet(DESCRIPTION, &object)
    }

    #[test]
    fn a_device_describes_itself() {
        let asked = packet(0x0018_0b00, b"");
        let measured = packet(0x0003_0100, b"CANARY");
        let described = description();
        assert_eq!(described.len(), DESCRIPTION_BYTES);
        let conversation = [
            (Role::Server, asked.as_slice()),
            (Role::Client, &described),
            (Role::Client, &measured),
            (Role::Client, &described),
        ];
        driver::check_cuts(&CLASSIFIER, &conversation);
        let said = driver::run(&CLASSIFIER, &conversation);
        assert_eq!(
            said[..4],
            [
                "confirmed",
                "sender wacp.model=SPOTTER 3",
                "sender wacp.serial_number=ZZ0001",
                "sender wacp.model_number=901-000",
            ]
        );
        assert_eq!(said.len(), 7);
    }

    #[test]
    fn what_only_looks_alike_is_refused() {
        let mut broken = description();
        broken[50] ^= 1;
        let probe = |bytes: &[u8]| driver::probe(&CLASSIFIER, bytes, driver::PORTS);
        assert_eq!(probe(&broken), Verdict::Reject);
        assert_eq!(probe(&description()), Verdict::Match(Role::Peer));
        assert_eq!(probe(&description()[..40]), Verdict::NeedMore);
        assert_eq!(probe(b"\x17\x03\x03\0\x20"), Verdict::Reject);
        assert_eq!(
            probe(b"\x17\x01\x0c\xff\xff\xff\xff\x01\x1a\0\0\0\0"),
            Verdict::Reject
        );
    }

    #[test]
    fn fuzz_stream() {
        bolero::check!()
            .with_iterations(2_000)
            .with_max_len(512)
            .for_each(|input: &[u8]| {
                driver::check_any(&CLASSIFIER, input, 1024);
                let mut player = driver::Player::new(&CLASSIFIER);
                player.play(Role::Client, &packet(1, b"CANARY"), false);
                player.play(Role::Client, input, false);
                assert!(!player.seen.concat().contains("CANARY"));
            });
    }
}
