//! MELSOFT (Mitsubishi Electric's GX Works to a MELSEC CPU: TCP 5007, 5562, 5002 and UDP 5006,
//! 5560, 5001): the model that a CPU answers to who opens a connection or asks for its type. It
//! reads no user, no program and no device memory.
//!
//! The maker publishes no format. What is read stands in Nozomi Networks' dissector
//! (blackhat23-melsoft), in `melsecq-discover` of the ICS Security Workspace and in two public
//! captures, of a Q03UDECPU and of an FX5U; the ends' addresses as questions and answers show them.
//!
//! ```text
//! asks     57 | 0 or 1 | sequence u8 | 0 0 | 11 11 | u8 | 0 | to: network u8, station u8,
//!          module u16 | 0 | from: network u8, station u8, module u16 | 0 0 | length u16 |
//!          1C | u8 | rest u8, then so many | command u16 (big) | reference u16 | 0 u16 | …
//! answers  D7, the same; 9C | u8 | rest u8, of which two bytes after the first are the result
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::reported;
use super::{Classifier, Progress, Segment, Session, Then, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol over TCP.
pub const OVER_TCP: Classifier = Classifier {
    protocol: Protocol::Melsoft,
    transport: Transport::Tcp,
    ports: &[5007, 5562, 5002],
    first: &[QUESTION, ANSWER],
    marks: &[],
    probe: |segment| probe(segment, |len, whole| len <= whole),
    session: || Box::new(Cpu::default()),
};

/// The row of this protocol over UDP.
pub const OVER_UDP: Classifier = Classifier {
    protocol: Protocol::Melsoft,
    transport: Transport::Udp,
    ports: &[5006, 5560, 5001],
    first: &[QUESTION, ANSWER],
    marks: &[],
    probe: |segment| probe(segment, |len, whole| len == whole || segment.cut),
    session: || Box::new(Cpu::default()),
};

const QUESTION: u8 = 0x57;
const ANSWER: u8 = 0xd7;
/// What the second header of each begins with.
const ASKS: u8 = 0x1c;
const ANSWERS: u8 = 0x9c;
/// All before the length, and the length.
const HEADER_LEN: usize = 21;
/// Bytes of the second header: as seen, 12 to 24.
const SECOND_LEN: std::ops::RangeInclusive<usize> = 8..=32;
/// Command, reference, zeros.
const COMMAND_LEN: usize = 6;
/// Whose answer it is, where the CPU that was reached speaks for itself: network 0, station FF,
/// module 03FF. Another one is behind it.
const OWN_CPU: [u8; 4] = [0, 0xff, 0xff, 0x03];

/// Asks a CPU for its type.
const READ_TYPE: u16 = 0x0101;
/// Opens a connection.
const OPEN: u16 = 0x0121;
const NAME_LEN: usize = 16;
/// Enough of a message for all that is read of it.
const HEAD_LEN: usize = HEADER_LEN + 3 + *SECOND_LEN.end() + COMMAND_LEN + NAME_LEN;

/// The beginning of one message.
struct Message<'a> {
    role: Role,
    /// Bytes of the whole.
    len: usize,
    command: u16,
    reference: u16,
    /// An answer of the CPU that was reached itself, and no error.
    is_own: bool,
    data: &'a [u8],
}

/// What is fixed in a header.
fn is_header(bytes: &[u8]) -> bool {
    let fixed = |at: usize, any: &[u8]| bytes.get(at).is_none_or(|byte| any.contains(byte));
    fixed(0, &[QUESTION, ANSWER])
        && fixed(1, &[0, 1])
        && [3, 4, 8, 17, 18].iter().all(|at| fixed(*at, &[0]))
        && [5, 6].iter().all(|at| fixed(*at, &[0x11]))
}

/// The first message. `Some(None)`: the bytes so far are a beginning.
fn parse(bytes: &[u8]) -> Option<Option<Message<'_>>> {
    if !is_header(bytes) {
        return None;
    }
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER_LEN>() else {
        return Some(None);
    };
    let &[first, .., low, high] = header;
    let counted = usize::from(u16::from_le_bytes([low, high]));
    let is_answer = first == ANSWER;
    let (begins, role) = match is_answer {
        true => (ANSWERS, Role::Server),
        false => (ASKS, Role::Client),
    };
    let Some(&[kind, _, more]) = rest.first_chunk::<3>() else {
        return rest
            .iter()
            .take(1)
            .all(|kind| *kind == begins)
            .then_some(None);
    };
    let second = usize::from(more);
    let head = 2 + second + COMMAND_LEN;
    if kind != begins || !SECOND_LEN.contains(&second) || counted < head {
        return None;
    }
    let len = HEADER_LEN + counted;
    if bytes.len() < len.min(HEAD_LEN) {
        return Some(None);
    }
    let mut reader = Reader(rest.get(..counted).unwrap_or(rest));
    let second = reader.take(2 + second)?;
    let is_sound = second.get(4..6) == Some(&[0, 0]);
    Some(Some(Message {
        role,
        len,
        command: reader.u16()?,
        reference: reader.u16()?,
        is_own: is_answer && is_sound && header.get(13..17) == Some(&OWN_CPU),
        data: reader.0.get(2..)?,
    }))
}

/// Nine fixed bytes, a length that fits and the second header are enough, of either end: an answer
/// to a broadcast is a conversation of its own.
fn probe(segment: &Segment<'_>, fits: impl Fn(usize, usize) -> bool) -> Verdict {
    match parse(segment.bytes) {
        Some(Some(message)) if fits(segment.bytes.len(), message.len) => {
            Verdict::Match(message.role)
        }
        Some(None) if !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// A CPU and who works on it.
#[derive(Default)]
struct Cpu {
    confirmed: bool,
    /// Command and reference of the last question: an answer repeats both.
    asked: Option<(u16, u16)>,
}

impl Session for Cpu {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let message = match parse(segment.bytes) {
            Some(Some(message)) => message,
            Some(None) if !segment.cut => return Progress::consumed(0),
            Some(None) => return Progress::DONE,
            None => {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
        };
        let named = (message.command, message.reference);
        match message.role {
            Role::Client => self.asked = Some(named),
            _ => {
                if self.asked == Some(named) && !self.confirmed {
                    self.confirmed = true;
                    emit(Observation::Confirmed);
                }
                answer(&message, emit);
            }
        }
        let consumed = message.len.min(segment.bytes.len());
        Progress {
            consumed,
            then: match message.len - consumed {
                0 => Then::More,
                rest => Then::Skip(rest as u64),
            },
        }
    }
}

/// The model stands in the first bytes of both answers.
fn answer(message: &Message<'_>, emit: Emit<'_>) {
    if message.is_own
        && matches!(message.command, READ_TYPE | OPEN)
        && let Some(name) = message.data.get(..NAME_LEN).and_then(reported::text)
        && name.is_ascii()
    {
        says(Field::MelsoftModel, name, emit);
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{
        PORTS as PLAYED, check_any, check_cuts, check_datagrams, datagrams, probe as ask, run,
    };
    use super::*;

    /// A message with `rest` bytes in its second header.
    fn message(
        first: u8,
        second: u8,
        rest: u8,
        command: u16,
        reference: u8,
        data: &[u8],
    ) -> Vec<u8> {
        let (to, from) = ([0, 0xff, 0xff, 0x03], [0, 0, 0xfe, 0x03]);
        let ends = match first {
            QUESTION => [to, from],
            _ => [from, to],
        };
        let counted = 2 + usize::from(rest) + COMMAND_LEN + data.len();
        let mut out = vec![first, 0, 0, 0, 0, 0x11, 0x11, 0x07, 0];
        out.extend(ends.concat());
        out.extend([0, 0, counted as u8, (counted >> 8) as u8, second, 0, rest]);
        out.extend(std::iter::repeat_n(0, usize::from(rest) - 1));
        out.extend(command.to_be_bytes());
        out.extend([reference, 0, 0, 0]);
        out.extend(data);
        out
    }

    fn question(command: u16, reference: u8) -> Vec<u8> {
        message(QUESTION, ASKS, 0x0a, command, reference, &[0, 1])
    }

    fn answer(command: u16, reference: u8, data: &[u8]) -> Vec<u8> {
        message(ANSWER, ANSWERS, 0x0c, command, reference, data)
    }

    #[test]
    fn a_cpu_says_its_model() {
        let ask_type = question(READ_TYPE, 1);
        let told = answer(READ_TYPE, 1, b"Q03UDECPU       \x68\x02\0\x08");
        let conversation = [(Role::Client, &ask_type[..]), (Role::Server, &told)];
        let expected = ["confirmed", "sender melsoft.cpu.model=Q03UDECPU"];
        assert_eq!(run(&OVER_TCP, &conversation), expected);
        assert_eq!(datagrams(&OVER_UDP, &conversation), expected);
        check_cuts(&OVER_TCP, &conversation);
        // To a broadcast it answers in a conversation of its own.
        let opened = message(
            ANSWER,
            ANSWERS,
            0x18,
            OPEN,
            9,
            b"FX5U-32MT/ES\0\0\0\0\x29\x4a\0\x08\0\0\0\0",
        );
        let said = datagrams(&OVER_UDP, &[(Role::Server, &opened)]);
        assert_eq!(said, ["sender melsoft.cpu.model=FX5U-32MT/ES"]);
    }

    #[test]
    fn what_is_no_model_is_not_told() {
        const NAME: &[u8] = b"Q03UDECPU       ";
        let said = |bytes: &[u8]| datagrams(&OVER_UDP, &[(Role::Server, bytes)]);
        assert_eq!(said(&answer(READ_TYPE, 1, NAME)).len(), 1);
        let mut behind = answer(READ_TYPE, 1, NAME);
        behind[14] = 3;
        let mut refused = answer(READ_TYPE, 1, NAME);
        refused[HEADER_LEN + 4] = 0x40;
        for bytes in [
            &behind,
            &refused,
            &answer(0x0131, 1, NAME),
            &answer(READ_TYPE, 1, &NAME[..15]),
            &answer(READ_TYPE, 1, b"\x01\x02CANARY        "),
        ] {
            assert_eq!(said(bytes), [""; 0]);
        }
        // An answer to something else confirms nothing.
        for other in [question(READ_TYPE, 2), question(OPEN, 1)] {
            let answer = answer(READ_TYPE, 1, b"");
            let conversation = [(Role::Client, &other[..]), (Role::Server, &answer)];
            assert_eq!(run(&OVER_TCP, &conversation), [""; 0]);
        }
    }

    /// Of a long message the beginning is read, and the next one is found.
    #[test]
    fn a_program_is_stepped_over() {
        let long = answer(0x1868, 7, &[0x57; 9_000]);
        let told = answer(READ_TYPE, 8, b"R08CPU          ");
        let both = [&long[..], &told].concat();
        let said = run(&OVER_TCP, &[(Role::Server, &both)]);
        assert_eq!(said, ["sender melsoft.cpu.model=R08CPU"]);
        assert_eq!(
            ask(&OVER_TCP, &long[..1_400], PLAYED),
            Verdict::Match(Role::Server)
        );
        assert_eq!(ask(&OVER_UDP, &long[..1_400], PLAYED), Verdict::Reject);
    }

    #[test]
    fn probes() {
        let (asks, answers) = (question(0x0410, 1), answer(0x0410, 1, b""));
        for row in [&OVER_TCP, &OVER_UDP] {
            assert_eq!(ask(row, &asks, PLAYED), Verdict::Match(Role::Client));
            assert_eq!(ask(row, &answers, PLAYED), Verdict::Match(Role::Server));
        }
        for len in 1..asks.len() {
            assert_eq!(ask(&OVER_TCP, &asks[..len], PLAYED), Verdict::NeedMore);
        }
        for (at, value) in [
            (0, 0x58),
            (1, 2),
            (3, 1),
            (5, 0),
            (17, 1),
            (19, 10),
            (21, 0x9c),
            (23, 2),
        ] {
            let mut bytes = asks.clone();
            bytes[at] = value;
            assert_eq!(ask(&OVER_UDP, &bytes, PLAYED), Verdict::Reject, "{at}");
        }
        for bytes in [&b"WWW"[..], b"W\0\0\0\0\0", b"\xd7\x03"] {
            assert_eq!(ask(&OVER_TCP, bytes, PLAYED), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&OVER_TCP, bytes, HEAD_LEN);
            check_datagrams(&OVER_UDP, bytes);
            let mut header = answer(READ_TYPE, 1, b"");
            header.truncate(HEADER_LEN - 2);
            header.extend(bytes);
            check_datagrams(&OVER_UDP, &header);
        });
    }
}
