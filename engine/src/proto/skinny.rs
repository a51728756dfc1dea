//! Skinny, Cisco's protocol of telephones (port 2000): a telephone's name and kind as it registers.
//! It reads no user, no number and no call.
//!
//! ```text
//! length u32 | version u32 | message u32 | body                                 (little-endian)
//! register   name 16 | user u32 | instance u32 | address u32 | kind u32 | …
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use super::stack_text::{StackText, printable};
use super::{Classifier, Progress, Segment, Then, Transport, Verdict};
use crate::config::SKINNY_MESSAGES_MAX;
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Skinny,
    transport: Transport::Tcp,
    ports: &[2000],
    first: &FIRST,
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

/// The low byte of a length: a multiple of four.
const FIRST: [u8; 63] = {
    let mut bytes = [0; 63];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = 4 * (at as u8 + 1);
        at += 1;
    }
    bytes
};

const HEADER_LEN: usize = 12;
/// The length counts the message's number; the longest that is believed.
const LEN_MAX: u32 = 2048;
/// Versions in headers: the first, and since CallManager 7.
const VERSIONS: [u32; 8] = [0, 11, 16, 17, 18, 19, 20, 22];

/// Messages of telephones.
const KEEP_ALIVE: u32 = 0;
const REGISTER: u32 = 1;
/// Messages of the call manager: taken, asked for capabilities, refused, alive.
const OF_MANAGER: [u32; 4] = [0x81, 0x9b, 0x9d, 0x100];

/// What is read of a registration.
const REGISTER_LEN: usize = 32;
const NAME_LEN: usize = 16;

/// The length with the header, and the message's number.
fn header(bytes: &[u8]) -> Option<(usize, u32)> {
    let (words, _) = bytes.get(..HEADER_LEN)?.as_chunks::<4>();
    let [len, version, message] = *words.first_chunk::<3>()?;
    let len = u32::from_le_bytes(len);
    let is_sound = (4..=LEN_MAX).contains(&len)
        && len % 4 == 0
        && VERSIONS.contains(&u32::from_le_bytes(version));
    is_sound.then_some((len as usize + 8, u32::from_le_bytes(message)))
}

/// A registration's name and kind.
fn register(bytes: &[u8]) -> Option<(&[u8], u32)> {
    let body = bytes.get(HEADER_LEN..HEADER_LEN + REGISTER_LEN)?;
    let (name, rest) = body.split_at_checked(NAME_LEN)?;
    let end = name.iter().position(|byte| *byte == 0)?;
    let (name, padding) = name.split_at_checked(end)?;
    let is_name = name.len() >= 4
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
        && padding.iter().all(|byte| *byte == 0);
    let kind = rest.get(12..)?.first_chunk::<4>()?;
    is_name.then_some((name, u32::from_le_bytes(*kind)))
}

fn probe(segment: &Segment<'_>) -> Verdict {
    let bytes = segment.bytes;
    let undecided = match segment.cut {
        true => Verdict::Reject,
        false => Verdict::NeedMore,
    };
    if bytes.len() < HEADER_LEN {
        // The upper bytes of a length and of a version are zeros.
        let is_zero = |at: usize| bytes.get(at).is_none_or(|byte| *byte == 0);
        return match [2, 3, 5, 6, 7].into_iter().all(is_zero) {
            true => undecided,
            false => Verdict::Reject,
        };
    }
    match header(bytes) {
        Some((len, REGISTER)) if len >= HEADER_LEN + REGISTER_LEN => match register(bytes) {
            Some(_) => Verdict::Match(Role::Client),
            None if bytes.len() < HEADER_LEN + REGISTER_LEN => undecided,
            None => Verdict::Reject,
        },
        Some((HEADER_LEN, KEEP_ALIVE)) => Verdict::Possible(Role::Client),
        _ => Verdict::Reject,
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    confirmed: bool,
    messages: u16,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if segment.bytes.len() < HEADER_LEN {
            return Progress::consumed(0);
        }
        let Some((len, message)) = header(segment.bytes) else {
            return Progress::DONE;
        };
        if message == REGISTER && segment.bytes.len() < len.min(HEADER_LEN + REGISTER_LEN) {
            return Progress::consumed(0);
        }
        self.messages += 1;
        if segment.from == Role::Server {
            if OF_MANAGER.contains(&message) && !self.confirmed {
                self.confirmed = true;
                emit(Observation::Confirmed);
            }
        } else if message == REGISTER
            && let Some((name, kind)) = register(segment.bytes)
        {
            if let Some(name) = printable(name) {
                says(Field::SkinnyDeviceName, name, emit);
            }
            let mut text = StackText::<10>::new();
            if write!(text, "{kind}").is_ok() {
                says(Field::SkinnyDeviceType, text.as_bytes(), emit);
            }
        }
        if self.messages >= SKINNY_MESSAGES_MAX {
            return Progress::DONE;
        }
        let there = segment.bytes.len().min(len);
        Progress {
            consumed: there,
            then: match len - there {
                0 => Then::More,
                missing => Then::Skip(missing as u64),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const REGISTERS: &[u8] = b"\x28\0\0\0\0\0\0\0\x01\0\0\0SEP001B2C030405\0\0\0\0\0\x01\0\0\0\
        \x0a\0\0\x07\x07\0\0\0\0\0\0\0";
    const TAKEN: &[u8] = b"\x08\0\0\0\0\0\0\0\x81\0\0\0\x1e\0\0\0";
    const ALIVE: &[u8] = b"\x04\0\0\0\0\0\0\0\0\0\0\0";
    const ALSO_ALIVE: &[u8] = b"\x04\0\0\0\0\0\0\0\0\x01\0\0";

    #[test]
    fn a_telephone_registers() {
        let talk = [(Role::Client, REGISTERS), (Role::Server, TAKEN)];
        assert_eq!(
            run(&CLASSIFIER, &talk),
            [
                "sender skinny.deviceName=SEP001B2C030405",
                "sender skinny.deviceType=7",
                "confirmed",
            ]
        );
        check_cuts(&CLASSIFIER, &talk);
        let talk = [(Role::Client, ALIVE), (Role::Server, ALSO_ALIVE)];
        assert_eq!(run(&CLASSIFIER, &talk), ["confirmed"]);
    }

    #[test]
    fn probes() {
        let ports = (50_000, 9_000);
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, REGISTERS, ports), client);
        let possible = Verdict::Possible(Role::Client);
        assert_eq!(probe(&CLASSIFIER, ALIVE, ports), possible);
        let part = probe(&CLASSIFIER, &REGISTERS[..20], ports);
        assert_eq!(part, Verdict::NeedMore);
        for (at, value) in [(1, 0x40), (4, 9), (8, 2), (12, 7), (27, 65)] {
            let mut bytes = REGISTERS.to_vec();
            bytes[at] = value;
            assert_eq!(probe(&CLASSIFIER, &bytes, ports), Verdict::Reject, "{at}");
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
