//! AMQP, versions 0-9-1 and 1.0 (port 5672): the software of brokers and of their clients, and
//! that a password crossed the wire in clear. It reads no user, no password, no queue and no
//! message.
//!
//! ```text
//! greeting   "AMQP" | protocol u8 | major u8 | minor u8 | revision u8
//! frame      type u8 | channel u16 | length u32 | class u16 | method u16 | arguments | 206 u8
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::stack_text::printable;
use super::{Classifier, Progress, Segment, Transport, Verdict, ports};
use crate::config::{AMQP_FRAME_BYTES_MAX, AMQP_PROPERTIES_MAX};
use crate::observe::{Emit, Observation, Role, both, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Amqp,
    transport: Transport::Tcp,
    ports: &[PORT],
    first: b"A",
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

/// The row of a conversation of version 0-9-1 that was picked up after its greeting.
pub const IN_THE_MIDDLE: Classifier = Classifier {
    protocol: Protocol::Amqp,
    transport: Transport::Tcp,
    ports: &[PORT],
    first: &[METHOD, HEADER, BODY, HEARTBEAT],
    marks: &[],
    probe: probe_frames,
    session: || Box::new(Frames::default()),
};

const PORT: u16 = 5672;
const GREETING_LEN: usize = 8;
const VERSION_0_9_1: &[u8] = b"AMQP\0\0\x09\x01";
/// What protects a connection of version 1.0, and version 1.0 itself.
const VERSION_1: [&[u8]; 3] = [b"AMQP\0\x01\0\0", b"AMQP\x02\x01\0\0", b"AMQP\x03\x01\0\0"];

/// Kinds of frames: AMQP 0-9-1 section 2.3.5.
const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
const FRAME_END: u8 = 206;
const FRAME_HEADER_LEN: usize = 7;
/// The highest number of a method in a class.
const METHOD_MAX: u16 = 120;
/// Class "connection", and its methods: AMQP 0-9-1 section 1.4.
const CONNECTION: u16 = 10;
const START: u16 = 10;
const START_OK: u16 = 11;
const TUNE: u16 = 30;

fn is_greeting(bytes: &[u8]) -> bool {
    bytes == VERSION_0_9_1 || VERSION_1.contains(&bytes)
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match segment.bytes.get(..GREETING_LEN) {
        Some(greeting) if is_greeting(greeting) => Verdict::Match(Role::Client),
        None if b"AMQP".starts_with(segment.bytes) || segment.bytes.starts_with(b"AMQP") => {
            match segment.cut {
                true => Verdict::Reject,
                false => Verdict::NeedMore,
            }
        }
        _ => Verdict::Reject,
    }
}

/// The length of the frame that begins here; `Some(None)`: there is not all of it.
fn frame_len(bytes: &[u8]) -> Option<Option<usize>> {
    let Some(header) = bytes.first_chunk::<FRAME_HEADER_LEN>() else {
        return Some(None);
    };
    let [kind, a, b, len @ ..] = *header;
    let channel = u16::from_be_bytes([a, b]);
    let len = usize::try_from(u32::from_be_bytes(len)).ok()?;
    let body = bytes.get(FRAME_HEADER_LEN..)?;
    let pairs: (&[[u8; 2]], _) = body.as_chunks();
    let numbers = pairs.0.iter().map(|pair| u16::from_be_bytes(*pair));
    let mut numbers = numbers.take(2);
    let (class, second) = (numbers.next(), numbers.next());
    let is_class = class.is_none_or(|class| matches!(class, 10 | 20 | 40 | 50 | 60 | 85 | 90));
    let is_sound = match kind {
        METHOD => len >= 4 && is_class && second.is_none_or(|method| method <= METHOD_MAX),
        // Its weight is always zero.
        HEADER => len >= 14 && is_class && second.is_none_or(|weight| weight == 0),
        BODY => channel != 0 && len > 0,
        HEARTBEAT => channel == 0 && len == 0,
        _ => false,
    };
    if !is_sound || len > AMQP_FRAME_BYTES_MAX {
        return None;
    }
    match body.get(len) {
        Some(&FRAME_END) => Some(Some(FRAME_HEADER_LEN + len + 1)),
        Some(_) => None,
        None => Some(None),
    }
}

/// A whole frame, whose last byte stands where its length says, proves it.
fn probe_frames(segment: &Segment<'_>) -> Verdict {
    match frame_len(segment.bytes) {
        Some(Some(_)) => Verdict::Match(ports::role_of_sender(segment, &[PORT])),
        Some(None) if !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// Which ends of a conversation in the middle sent a whole frame: client, server.
#[derive(Default)]
struct Frames([bool; 2]);

impl super::Session for Frames {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match frame_len(segment.bytes) {
            Some(Some(len)) => {
                let [client, server] = &mut self.0;
                match segment.from {
                    Role::Server => *server = true,
                    Role::Client | Role::Peer => *client = true,
                }
                if self.0 == [true, true] {
                    emit(Observation::Confirmed);
                    return Progress::DONE;
                }
                Progress::consumed(len)
            }
            Some(None) if !segment.cut => Progress::consumed(0),
            Some(None) => Progress::DONE,
            None => {
                emit(Observation::Malformed);
                Progress::DONE
            }
        }
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    greeted: bool,
    confirmed: bool,
    clear_password: bool,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if segment.bytes.len() < GREETING_LEN {
            return Progress::consumed(0);
        }
        if segment.from != Role::Server && !self.greeted {
            self.greeted = true;
            return Progress::consumed(GREETING_LEN);
        }
        let greeting = segment.bytes.get(..GREETING_LEN).unwrap_or_default();
        // Version 1.0 is answered by the same greeting; the frames after it are not read.
        if is_greeting(greeting) {
            self.confirm(emit);
            return Progress::DONE;
        }
        match self.frame(segment, emit) {
            Some(progress) => progress,
            None => {
                emit(Observation::Malformed);
                Progress::DONE
            }
        }
    }
}

impl Session {
    fn frame(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Option<Progress> {
        let mut reader = Reader(segment.bytes);
        let kind = reader.u8()?;
        let channel = reader.u16()?;
        let len = usize::try_from(reader.u32()?).ok()?;
        if kind != METHOD || channel != 0 || len > AMQP_FRAME_BYTES_MAX {
            return None;
        }
        let Some(body) = reader.take(len + 1) else {
            return Some(Progress::consumed(0));
        };
        let arguments = body.strip_suffix(&[FRAME_END])?;
        let mut arguments = Reader(arguments);
        let class = arguments.u16()?;
        let method = arguments.u16()?;
        match (segment.from, class, method) {
            (Role::Server, CONNECTION, START) => {
                arguments.u16()?;
                self.confirm(emit);
                properties(arguments.block32()?, emit);
            }
            (Role::Server, CONNECTION, TUNE) => {
                if self.clear_password {
                    both(Field::AmqpLogin, b"password", emit);
                }
                return Some(Progress::DONE);
            }
            (Role::Server, ..) => return Some(Progress::DONE),
            (_, CONNECTION, START_OK) => {
                properties(arguments.block32()?, emit);
                let mechanism = arguments.block8()?;
                self.clear_password = matches!(mechanism, b"PLAIN" | b"AMQPLAIN");
            }
            _ => {}
        }
        Some(Progress::consumed(segment.bytes.len() - reader.0.len()))
    }

    fn confirm(&mut self, emit: Emit<'_>) {
        if !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
    }
}

/// The properties that name software: texts at the top of the table.
fn properties(table: &[u8], emit: Emit<'_>) -> Option<()> {
    let mut reader = Reader(table);
    for _ in 0..AMQP_PROPERTIES_MAX {
        let name = reader.block8()?;
        let value = match reader.u8()? {
            b'S' => reader.block32()?,
            b'F' | b'A' => {
                reader.block32()?;
                continue;
            }
            b't' | b'b' | b'B' => reader.take(1)?,
            b's' | b'u' | b'U' => reader.take(2)?,
            b'I' | b'i' | b'f' => reader.take(4)?,
            b'l' | b'L' | b'd' | b'T' => reader.take(8)?,
            b'D' => reader.take(5)?,
            b'V' => &[],
            _ => return None,
        };
        let field = match name {
            b"product" => Field::AmqpProduct,
            b"version" => Field::AmqpVersion,
            b"platform" => Field::AmqpPlatform,
            _ => continue,
        };
        if let Some(value) = printable(value) {
            says(field, value, emit);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    fn frame(method: u16, arguments: &[u8]) -> Vec<u8> {
        let len = (arguments.len() + 4) as u32;
        let mut bytes = vec![METHOD, 0, 0];
        bytes.extend(len.to_be_bytes());
        bytes.extend(CONNECTION.to_be_bytes());
        bytes.extend(method.to_be_bytes());
        bytes.extend(arguments);
        bytes.push(FRAME_END);
        bytes
    }

    fn table(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = b"\x0ccapabilitiesF\0\0\0\x04\x01xt\x01".to_vec();
        for (name, value) in entries {
            bytes.push(name.len() as u8);
            bytes.extend(name.as_bytes());
            bytes.push(b'S');
            bytes.extend((value.len() as u32).to_be_bytes());
            bytes.extend(value.as_bytes());
        }
        [&(bytes.len() as u32).to_be_bytes()[..], &bytes].concat()
    }

    fn log_in() -> Vec<(Role, Vec<u8>)> {
        let server = table(&[
            ("cluster_name", "rabbit@CANARY"),
            ("product", "RabbitMQ"),
            ("version", "3.10.8"),
        ]);
        let client = table(&[("product", "Pika Python Client Library")]);
        let proof = b"\x05PLAIN\0\0\0\x0e\0CANARY\0CANARY\x05en_US";
        vec![
            (Role::Client, VERSION_0_9_1.to_vec()),
            (Role::Server, frame(START, &[&[0, 9][..], &server].concat())),
            (
                Role::Client,
                frame(START_OK, &[&client[..], proof].concat()),
            ),
            (Role::Server, frame(TUNE, &[0; 8])),
        ]
    }

    #[test]
    fn software_of_both_and_no_user() {
        let talk = log_in();
        let talk: Vec<(Role, &[u8])> = talk.iter().map(|(from, b)| (*from, &b[..])).collect();
        assert_eq!(
            run(&CLASSIFIER, &talk),
            [
                "confirmed",
                "sender amqp.product=RabbitMQ",
                "sender amqp.version=3.10.8",
                "sender amqp.product=Pika Python Client Library",
                "sender amqp.login=password",
                "receiver amqp.login=password",
            ]
        );
        check_cuts(&CLASSIFIER, &talk);
    }

    #[test]
    fn version_1_is_answered_in_kind() {
        let talk = [(Role::Client, VERSION_1[2]), (Role::Server, VERSION_1[2])];
        assert_eq!(run(&CLASSIFIER, &talk), ["confirmed"]);
    }

    #[test]
    fn probes() {
        let ports = (50_000, 9_000);
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, VERSION_0_9_1, ports), client);
        assert_eq!(probe(&CLASSIFIER, b"AMQP\0", ports), Verdict::NeedMore);
        for bytes in [&b"AMQP\0\0\x08\0"[..], b"AMQX", b"AUTH TLS\r\n"] {
            assert_eq!(probe(&CLASSIFIER, bytes, ports), Verdict::Reject);
        }
    }

    #[test]
    fn a_whole_frame_proves_a_conversation_in_the_middle() {
        // basic.deliver and its header, a piece of a message; basic.ack; a sign of life.
        let deliver = b"\x01\0\x01\0\0\0\x08\0\x3c\0\x3c\x02ab\0\xce";
        let header = b"\x02\0\x01\0\0\0\x0e\0\x3c\0\0\0\0\0\0\0\0\0\x05\0\0\xce";
        let body = b"\x03\0\x01\0\0\0\x05hello\xce";
        let ack = b"\x01\0\x01\0\0\0\x0d\0\x3c\0\x50\0\0\0\0\0\0\0\x01\0\xce";
        let alive = b"\x08\0\0\0\0\0\0\xce";
        for frame in [&deliver[..], header, body, ack, alive] {
            let verdict = probe(&IN_THE_MIDDLE, frame, (5672, 50_000));
            assert_eq!(verdict, Verdict::Match(Role::Server));
            let mut wrong = frame.to_vec();
            *wrong.last_mut().unwrap() = 0;
            let verdict = probe(&IN_THE_MIDDLE, &wrong, (5672, 50_000));
            assert_eq!(verdict, Verdict::Reject, "another end");
            for len in 1..frame.len() {
                let verdict = probe(&IN_THE_MIDDLE, &frame[..len], (5672, 50_000));
                assert_eq!(verdict, Verdict::NeedMore);
            }
        }
        let class = b"\x01\0\x01\0\0\0\x08\0\x3b\0\x3c\x02ab\0\xce";
        let verdict = probe(&IN_THE_MIDDLE, class, (5672, 50_000));
        assert_eq!(verdict, Verdict::Reject, "an unknown class");
        let frames = [&deliver[..], header, body].concat();
        let conversation = [(Role::Server, &frames[..]), (Role::Client, ack)];
        assert_eq!(run(&IN_THE_MIDDLE, &conversation), ["confirmed"]);
        check_cuts(&IN_THE_MIDDLE, &conversation);
    }

    #[test]
    fn fuzz_any_frames() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&IN_THE_MIDDLE, bytes, AMQP_FRAME_BYTES_MAX + 64);
        });
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
