//! SLMP and MELSEC's 3E and 4E frames in binary (Mitsubishi Electric, SH-080956ENG; ports of the
//! site's choice): the model that a CPU answers to "read type name". It reads no device memory.
//!
//! ```text
//! asks     50 00 | network u8 | station u8 | module u16 | 0 u8 | length u16 | timer u16 |
//!          command u16 | subcommand u16 | …                                  little endian
//! answers  D0 00 | network u8 | station u8 | module u16 | 0 u8 | length u16 | result u16 | …
//! 4E       54 00 or D4 00 | serial u16 | 0 u16, then the same
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reported;
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol over TCP.
pub const OVER_TCP: Classifier = Classifier {
    protocol: Protocol::Slmp,
    transport: Transport::Tcp,
    ports: PORTS,
    first: &BEGINNINGS,
    marks: &[],
    probe,
    session: || Box::new(Cpu::default()),
};

/// The row of this protocol over UDP.
pub const OVER_UDP: Classifier = Classifier {
    protocol: Protocol::Slmp,
    transport: Transport::Udp,
    ports: PORTS,
    first: &BEGINNINGS,
    marks: &[],
    probe,
    session: || Box::new(Cpu::default()),
};

const PORTS: &[u16] = &[5000, 5002, 5006, 5007, 5008];

/// Subheaders: 3E and 4E, a question and an answer.
const BEGINNINGS: [u8; 4] = [0x50, 0x54, 0xd0, 0xd4];
const IS_ANSWER: u8 = 0x80;
const HAS_SERIAL: u8 = 0x04;
const SERIAL_LEN: usize = 4;
/// Subheader, route, length.
const HEADER_LEN: usize = 9;
/// The modules that a route can end at: the own CPU, those of a rack, stations of a link.
const OWN_CPU: u16 = 0x03ff;
/// Timer, command, subcommand.
const ASKED_LEN_MIN: usize = 6;
const LENGTH_MAX: usize = 2_048;

const READ_TYPE_NAME: u16 = 0x0101;
const NAME_LEN: usize = 16;

/// One message.
struct Message<'a> {
    role: Role,
    serial: Option<[u8; SERIAL_LEN]>,
    body: &'a [u8],
    len: usize,
}

/// The first message. `Some(None)`: the bytes so far are a beginning.
fn parse(bytes: &[u8]) -> Option<Option<Message<'_>>> {
    let Some(&[first, zero]) = bytes.first_chunk::<2>() else {
        return bytes
            .iter()
            .all(|byte| BEGINNINGS.contains(byte))
            .then_some(None);
    };
    if !BEGINNINGS.contains(&first) || zero != 0 {
        return None;
    }
    let rest = bytes.get(2..)?;
    let (serial, rest) = match first & HAS_SERIAL {
        0 => (None, rest),
        _ => match rest.split_first_chunk::<SERIAL_LEN>() {
            Some((serial @ [_, _, 0, 0], rest)) => (Some(*serial), rest),
            Some(_) => return None,
            None => return Some(None),
        },
    };
    let Some((&[_, _, m0, m1, multidrop, l0, l1], rest)) = rest.split_first_chunk::<7>() else {
        return Some(None);
    };
    let module = u16::from_le_bytes([m0, m1]);
    let counted = usize::from(u16::from_le_bytes([l0, l1]));
    let is_answer = first & IS_ANSWER != 0;
    let least = if is_answer { 2 } else { ASKED_LEN_MIN };
    let is_route =
        (module == OWN_CPU || module >> 4 == OWN_CPU >> 4 || module >> 4 == 0x3e) && multidrop == 0;
    if !is_route || !(least..=LENGTH_MAX).contains(&counted) {
        return None;
    }
    let head = HEADER_LEN + serial.map_or(0, |_| SERIAL_LEN);
    Some(rest.get(..counted).map(|body| Message {
        role: match is_answer {
            true => Role::Server,
            false => Role::Client,
        },
        serial,
        body,
        len: head + counted,
    }))
}

/// Command and subcommand of a question.
fn command(body: &[u8]) -> Option<(u16, u16)> {
    let [_, _, c0, c1, s0, s1] = *body.first_chunk::<ASKED_LEN_MIN>()?;
    Some((u16::from_le_bytes([c0, c1]), u16::from_le_bytes([s0, s1])))
}

/// Commands that the manual lists, and the subcommands of any.
fn is_known((command, sub): (u16, u16)) -> bool {
    let known = matches!(
        command,
        READ_TYPE_NAME
            | 0x0401
            | 0x0403
            | 0x0406
            | 0x0601
            | 0x0613
            | 0x0619
            | 0x0801
            | 0x0802
            | 0x1001..=0x1006
            | 0x1401
            | 0x1402
            | 0x1406
            | 0x1601
            | 0x1613
            | 0x1617
            | 0x1630
            | 0x1631
            | 0x1810..=0x1830
    );
    known && matches!(sub, 0..=3 | 0x0040 | 0x0080..=0x0083 | 0x00c0)
}

/// A question is a known command to its last byte; an answer's route and length alone are less,
/// and wait for it.
fn probe(segment: &Segment<'_>) -> Verdict {
    match parse(segment.bytes) {
        Some(Some(message)) if message.len == segment.bytes.len() => match message.role {
            Role::Client if command(message.body).is_some_and(is_known) => {
                Verdict::Match(Role::Client)
            }
            _ => Verdict::Reject,
        },
        Some(None) if !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// A CPU and who asks it.
#[derive(Default)]
struct Cpu {
    confirmed: bool,
    /// The command and the serial number of the last question: an answer follows it, and repeats
    /// the number where there is one.
    asked: Option<(u16, Option<[u8; SERIAL_LEN]>)>,
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
        match message.role {
            Role::Client => {
                let command = command(message.body).map(|(command, _)| command);
                self.asked = command.map(|command| (command, message.serial));
            }
            _ => self.answer(&message, emit),
        }
        Progress::consumed(message.len)
    }
}

impl Cpu {
    fn answer(&mut self, message: &Message<'_>, emit: Emit<'_>) {
        let Some((command, serial)) = self.asked.take() else {
            return;
        };
        if serial != message.serial {
            return;
        }
        if !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
        if command == READ_TYPE_NAME
            && let Some((&[0, 0], body)) = message.body.split_first_chunk::<2>()
            && let Some(name) = body.get(..NAME_LEN).and_then(reported::text)
        {
            says(Field::SlmpModel, name, emit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{
        PORTS as PLAYED, check_any, check_cuts, check_datagrams, datagrams, probe, run,
    };
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const ASK: &[u8] = b"\x50\0\0\xff\xff\x03\0\x06\0\x10\0\x01\x01\0\0";
    const ANSWER: &[u8] = b"\xd0\0\0\xff\xff\x03\0\x14\0\0\0R08CPU          \x01\x48";

    #[test]
    fn a_cpu_says_its_model() {
        let conversation = [(Role::Client, ASK), (Role::Server, ANSWER)];
        let expected = ["confirmed", "sender slmp.cpu.model=R08CPU"];
        assert_eq!(run(&OVER_TCP, &conversation), expected);
        assert_eq!(datagrams(&OVER_UDP, &conversation), expected);
        check_cuts(&OVER_TCP, &conversation);
    }

    #[test]
    fn an_answer_repeats_the_number_of_its_question() {
        let with = |frame: &[u8], serial: u8| {
            let mut out = vec![frame[0] | HAS_SERIAL, 0, serial, 0, 0, 0];
            out.extend(&frame[2..]);
            out
        };
        let ask = with(ASK, 7);
        let play = |answer: &[u8]| run(&OVER_TCP, &[(Role::Client, &ask), (Role::Server, answer)]);
        assert_eq!(play(&with(ANSWER, 7)).len(), 2);
        assert_eq!(play(&with(ANSWER, 8)).len(), 0);
        assert_eq!(play(ANSWER).len(), 0);
    }

    #[test]
    fn probes() {
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&OVER_TCP, ASK, PLAYED), client);
        assert_eq!(probe(&OVER_TCP, &ASK[..8], PLAYED), Verdict::NeedMore);
        let mut command = ASK.to_vec();
        command[12] = 0x77;
        for bytes in [
            &command[..],
            ANSWER,
            &[ASK, b"\0"].concat(),
            b"P\x01",
            b"T\0\0\0\x01\0",
            b"POST / HTTP/1.1",
        ] {
            assert_eq!(probe(&OVER_TCP, bytes, PLAYED), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&OVER_TCP, bytes, STREAM_BYTES_MAX);
            check_datagrams(&OVER_UDP, bytes);
        });
    }
}
