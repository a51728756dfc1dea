//! Dräger MEDIBUS and MEDIBUS.X (RS 232 MEDIBUS Protocol Definition 6.00) through a terminal
//! server: which device answers. It reads its identification alone; never a measurement, a
//! setting, an alarm or a text.
//!
//! The device is one that the terminal server reports: the address is the server's.
//!
//! Commands begin with ESC, answers with SOH; then a code, data, the sum of all bytes in two
//! hexadecimal digits, CR. Bytes with the highest bit set are real-time data in between.

use medtap_table::vocabulary::{Event, Field, Protocol};

use super::reported::{self, Identifier};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::config::MEDIBUS_FRAME_BYTES_MAX;
use crate::observe::{Emit, Observation, Role, Subject};
use crate::proto::kept;

/// The row of this protocol. Terminal servers are set up with any port.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Medibus,
    transport: Transport::Tcp,
    ports: &[],
    first: &[COMMAND, ANSWER],
    marks: &[],
    probe,
    session: || Box::new(Line::default()),
};

const COMMAND: u8 = 0x1b;
const ANSWER: u8 = 0x01;
const END: u8 = b'\r';

/// Codes: start of communication, identification, alarms of two code pages.
const START: u8 = 0x51;
const IDENTIFY: u8 = 0x52;
const ALARMS: [u8; 3] = [0x23, 0x27, 0x2e];

/// Codes that begin a conversation; others could be text on a terminal.
const OPENING: [u8; 2] = [START, IDENTIFY];

/// A frame: its code and data.
struct Frame<'a> {
    is_answer: bool,
    code: u8,
    data: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads a frame without its end; nothing if the sum is wrong.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (head, sum) = bytes.split_last_chunk::<2>()?;
        let [start @ (COMMAND | ANSWER), code, data @ ..] = head else {
            return None;
        };
        let text = std::str::from_utf8(sum).ok()?;
        let stated = u8::from_str_radix(text, 16).ok()?;
        let actual = head.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        (stated == actual && text.bytes().all(|digit| digit.is_ascii_hexdigit())).then_some(Self {
            is_answer: *start == ANSWER,
            code: *code,
            data,
        })
    }
}

/// The first frame, once it is whole.
fn probe(segment: &Segment<'_>) -> Verdict {
    let Some(end) = segment.bytes.iter().position(|byte| *byte == END) else {
        let fits = segment.bytes.len() < MEDIBUS_FRAME_BYTES_MAX;
        let opens = match segment.bytes {
            [COMMAND | ANSWER, code, ..] => OPENING.contains(code),
            [COMMAND | ANSWER] => true,
            _ => false,
        };
        return match fits && opens && !segment.cut {
            true => Verdict::NeedMore,
            false => Verdict::Reject,
        };
    };
    let frame = segment.bytes.get(..end).and_then(Frame::parse);
    match frame {
        // Both ends send both kinds: who opened the connection is the client.
        Some(frame) if OPENING.contains(&frame.code) => Verdict::Match(segment.from),
        _ => Verdict::Reject,
    }
}

/// A serial line between a device and who asks it.
#[derive(Default)]
struct Line {
    /// The ends that sent commands: the client's, the server's.
    asked: [bool; 2],
    confirmed: bool,
    /// The device's identifier, and the end that it is at.
    device: Option<(Role, Vec<u8>)>,
    /// Each end's frame, without real-time bytes.
    frames: [Vec<u8>; 2],
}

fn index(role: Role) -> usize {
    usize::from(role == Role::Server)
}

impl Session for Line {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let from = segment.from;
        for &byte in segment.bytes {
            let frame = &mut self.frames[index(from)];
            match byte {
                // Real-time data, and flow control.
                0x80.. | 0x11 | 0x13 => {}
                COMMAND | ANSWER => {
                    frame.clear();
                    frame.push(byte);
                }
                END => {
                    let frame = std::mem::take(frame);
                    self.frame(&frame, segment, emit);
                }
                byte if !frame.is_empty() && frame.len() < MEDIBUS_FRAME_BYTES_MAX => {
                    frame.push(byte);
                }
                _ => frame.clear(),
            }
        }
        Progress::consumed(segment.bytes.len())
    }

    /// The next frame begins with a byte that nothing else has.
    fn gap(&mut self, from: Role, _missing: u64) -> bool {
        self.frames[index(from)].clear();
        true
    }

    fn kept_bytes(&self) -> usize {
        let device = self.device.as_ref();
        self.frames.iter().map(kept::list).sum::<usize>()
            + device.map_or(0, |(_, identifier)| kept::list(identifier))
    }
}

impl Line {
    fn frame(&mut self, bytes: &[u8], segment: &Segment<'_>, emit: Emit<'_>) {
        let from = segment.from;
        if bytes.is_empty() {
            return;
        }
        let Some(frame) = Frame::parse(bytes) else {
            emit(Observation::Malformed);
            return;
        };
        if !frame.is_answer {
            self.asked[index(from)] = true;
            return;
        }
        if self.asked[index(from.other())] && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        if frame.code == IDENTIFY {
            if let Some(identifier) = identify(frame.data, segment, emit) {
                self.device = Some((from, identifier));
            }
        } else if ALARMS.contains(&frame.code)
            && !frame.data.is_empty()
            && let Some((device, identifier)) = &self.device
            && *device == from
        {
            emit(Observation::Event {
                subject: Subject::Reported(identifier),
                event: Event::MedibusAlarms,
            });
        }
    }
}

/// Four characters, the name in apostrophes, the revisions. Gives the device's identifier.
fn identify(data: &[u8], segment: &Segment<'_>, emit: Emit<'_>) -> Option<Vec<u8>> {
    let (id, [b'\'', rest @ ..]) = data.split_at_checked(4)? else {
        return None;
    };
    let end = rest.iter().position(|byte| *byte == b'\'')?;
    let (name, revision) = rest.split_at(end);
    let identifier = Identifier::new(b"medibus")
        .part(reported::line(segment).as_bytes())
        .part(id)
        .part(name)
        .finish()?;
    for (field, value) in [
        (Field::MedibusId, id),
        (Field::MedibusDevice, name),
        (
            Field::MedibusRevision,
            revision.get(1..).unwrap_or_default(),
        ),
    ] {
        if let Some(value) = reported::text(value) {
            emit(Observation::Fact {
                subject: Subject::Reported(&identifier),
                field,
                value,
            });
        }
    }
    Some(identifier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::driver;

    const ASKED: &[u8] = b"\x1bR6D\r";
    const ANSWERED: &[u8] = b"\x01R9999'EXAMPLE'01.00      40\r";

    fn frame(start: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = [&[start], body].concat();
        let sum = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        bytes.extend_from_slice(format!("{sum:02X}\r").as_bytes());
        bytes
    }

    #[test]
    fn a_device_says_what_it_is() {
        let started = frame(COMMAND, b"Q");
        assert_eq!(started, b"\x1bQ6C\r");
        let alarms = frame(ANSWER, b"'  1CANARY      ");
        let none = frame(ANSWER, b"'");
        let measured = frame(ANSWER, b"$CANARY");
        let mixed = [&ANSWERED[..9], b"\xd0\x81\x13", &ANSWERED[9..]].concat();
        let conversation = [
            (Role::Client, started.as_slice()),
            (Role::Server, b"\x01Q52\r"),
            (Role::Client, ASKED),
            (Role::Server, &mixed),
            (Role::Server, &measured),
            (Role::Server, &none),
            (Role::Server, &alarms),
        ];
        driver::check_cuts(&CLASSIFIER, &conversation);
        let said = driver::run(&CLASSIFIER, &conversation);
        assert!(said[4].ends_with("event: MedibusAlarms }"));
        assert!(said[4].contains("Reported"));
        assert_eq!(
            said[..4],
            [
                "confirmed",
                "reported medibus.device_id=9999",
                "reported medibus.device=EXAMPLE",
                "reported medibus.revision=01.00",
            ]
        );
        for bytes in [ASKED, ANSWERED, &started] {
            let verdict = driver::probe(&CLASSIFIER, bytes, driver::PORTS);
            assert_eq!(verdict, Verdict::Match(Role::Peer));
        }
    }

    #[test]
    fn what_only_looks_alike_is_refused() {
        for bytes in [
            &b"\x1bR6E\r"[..],
            b"\x1b[31mtext\r",
            b"\x01R\r",
            b"\x1bR+D\r",
            b"\x01\x02\x03",
        ] {
            let verdict = driver::probe(&CLASSIFIER, bytes, driver::PORTS);
            assert_eq!(verdict, Verdict::Reject, "{}", bytes.escape_ascii());
        }
        let start = driver::probe(&CLASSIFIER, &ANSWERED[..7], driver::PORTS);
        assert_eq!(start, Verdict::NeedMore);
    }

    #[test]
    fn fuzz_line() {
        bolero::check!()
            .with_iterations(4_000)
            .with_max_len(512)
            .for_each(|input: &[u8]| driver::check_any(&CLASSIFIER, input, 1024));
    }
}
