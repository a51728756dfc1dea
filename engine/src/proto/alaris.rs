//! The serial protocol of Alaris syringe pumps (GH, CC, TIVA, "Asena") through a terminal server:
//! the pump's serial number, and that an infusion was started or stopped from afar. It reads no
//! drug, rate, volume or limit.
//!
//! The pump is a device that the terminal server reports: the address is the server's.
//!
//! `!` command, `^` and arguments, `|`, the CRC of what stands between in four hexadecimal digits,
//! CR. The CRC (polynomial 1021, from FFFF) is proved by pairs in public sources.

use medtap_table::vocabulary::{Event, Field, Protocol};

use super::reported::{self, Identifier, is_placeholder};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::config::ALARIS_FRAME_BYTES_MAX;
use crate::observe::{Emit, Fault, Observation, Role, Subject};

/// The row of this protocol. Terminal servers are set up with any port.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Alaris,
    transport: Transport::Tcp,
    ports: &[],
    first: b"!",
    marks: &[],
    probe,
    session: || Box::new(Line::default()),
};

/// The content of a frame up to its CR, if its CRC is right.
fn content(frame: &[u8]) -> Option<&[u8]> {
    let (head, digits) = frame.strip_prefix(b"!")?.split_last_chunk::<4>()?;
    let content = head.strip_suffix(b"|")?;
    let text = std::str::from_utf8(digits).ok()?;
    let stated = u16::from_str_radix(text, 16).ok()?;
    (stated == crc(content) && text.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .then_some(content)
}

fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| match crc & 0x8000 {
            0 => crc << 1,
            _ => crc << 1 ^ 0x1021,
        })
    })
}

fn probe(segment: &Segment<'_>) -> Verdict {
    let Some(end) = segment.bytes.iter().position(|byte| *byte == b'\r') else {
        let fits = segment.bytes.len() < ALARIS_FRAME_BYTES_MAX && !segment.cut;
        let plain = |byte: &u8| (b' '..0x7f).contains(byte);
        return match fits && segment.bytes.starts_with(b"!") && segment.bytes.iter().all(plain) {
            true => Verdict::NeedMore,
            false => Verdict::Reject,
        };
    };
    match segment.bytes.get(..end).and_then(content) {
        Some(_) => Verdict::Match(segment.from),
        None => Verdict::Reject,
    }
}

/// A pump and who asks it.
#[derive(Default)]
struct Line {
    spoke: [bool; 2],
    confirmed: bool,
    /// The end that said a serial number, and the pump's identifier.
    pump: Option<(Role, Vec<u8>)>,
    /// What the other end ordered, until the pump answers.
    ordered: Option<Event>,
}

impl Session for Line {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let bytes = segment.bytes;
        let Some(end) = bytes.iter().position(|byte| *byte == b'\r') else {
            // What is too long to be a frame is thrown away, so nothing piles up.
            let too_long = bytes.len() >= ALARIS_FRAME_BYTES_MAX;
            return Progress::consumed(if too_long { bytes.len() } else { 0 });
        };
        let frame = bytes.get(..end).unwrap_or_default();
        let start = frame.iter().position(|byte| *byte == b'!');
        if let Some(content) = start.and_then(|start| content(frame.get(start..)?)) {
            self.frame(content, segment.from, emit);
        } else if start.is_some() {
            emit(Observation::Faulty(Fault::Checksum));
        }
        Progress::consumed(end + 1)
    }

    /// The next frame begins after the next CR.
    fn gap(&mut self, _from: Role, _missing: u64) -> bool {
        true
    }
}

impl Line {
    fn frame(&mut self, content: &[u8], from: Role, emit: Emit<'_>) {
        if let Some(spoke) = self.spoke.get_mut(usize::from(from == Role::Server)) {
            *spoke = true;
        }
        if self.spoke == [true, true] && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        if let Some(serial) = content.strip_prefix(b"INST_SERIALNO^") {
            self.identify(serial, from, emit);
        }
        let Some((pump, identifier)) = &self.pump else {
            return;
        };
        if *pump != from {
            self.ordered = match content {
                b"INF_START" => Some(Event::AlarisInfusionStarted),
                b"INF_STOP" => Some(Event::AlarisInfusionStopped),
                _ => None,
            };
        } else if let Some(event) = self.ordered.take() {
            emit(Observation::Event {
                subject: Subject::Reported(identifier),
                event,
            });
        }
    }

    fn identify(&mut self, serial: &[u8], from: Role, emit: Emit<'_>) {
        let Some(serial) = reported::text(serial).filter(|serial| !is_placeholder(serial)) else {
            return;
        };
        let Some(identifier) = Identifier::new(b"alaris").part(serial).finish() else {
            return;
        };
        for (field, value) in [
            (Field::AlarisRole, &b"pump"[..]),
            (Field::AlarisSerial, serial),
        ] {
            emit(Observation::Fact {
                subject: Subject::Reported(&identifier),
                field,
                value,
            });
        }
        self.pump = Some((from, identifier));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::driver;

    const STARTED: &str = "Event { subject: Reported([97, 108, 97, 114, 105, 115, 124, 56, 48, \
        48, 50, 45, 53, 49, 55, 51, 51]), event: AlarisInfusionStarted }";
    const STOPPED: &str = "Event { subject: Reported([97, 108, 97, 114, 105, 115, 124, 56, 48, \
        48, 50, 45, 53, 49, 55, 51, 51]), event: AlarisInfusionStopped }";

    #[test]
    fn a_pump_says_its_number_and_is_started() {
        let conversation = [
            (Role::Client, &b"!INST_SERIALNO|457D\r"[..]),
            (Role::Server, b"!INST_SERIALNO^8002-51733|ACFF\r"),
            (Role::Client, b"!INF_START|38F3\r"),
            (Role::Server, b"!INF_START|38F3\r"),
            (Role::Client, b"!INF_RATE^3.50^ml/h|3885\r!INF_STOP|CD57\r"),
            (Role::Server, b"!INF_STOP|CD57\r"),
        ];
        driver::check_cuts(&CLASSIFIER, &conversation);
        assert_eq!(
            driver::run(&CLASSIFIER, &conversation),
            [
                "confirmed",
                "reported alaris.role=pump",
                "reported alaris.serial_number=8002-51733",
                STARTED,
                STOPPED,
            ]
        );
    }

    #[test]
    fn what_only_looks_alike_is_refused() {
        let probe = |bytes| driver::probe(&CLASSIFIER, bytes, driver::PORTS);
        assert_eq!(probe(b"!INF|4961\r"), Verdict::Match(Role::Peer));
        assert_eq!(probe(b"!INF|49"), Verdict::NeedMore);
        for bytes in [&b"!INF|4962\r"[..], b"!hello\r", b"!\xff", b"!+123|\r"] {
            assert_eq!(probe(bytes), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_line() {
        bolero::check!()
            .with_iterations(2_000)
            .with_max_len(256)
            .for_each(|input: &[u8]| driver::check_any(&CLASSIFIER, input, 2 * 1024));
    }
}
