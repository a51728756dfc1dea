//! TACACS+ (RFC 8907; port 49): who asks whom whether administrators may in, and that a server
//! answers without obfuscation. It reads no user, no password and no command.
//!
//! ```text
//! version u8 | type u8 | sequence u8 | flags u8 | session u32 | length u32 | body
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::{Classifier, Progress, Segment, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Tacplus,
    transport: Transport::Tcp,
    ports: &[49],
    first: &[0xc0, 0xc1],
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

const HEADER_LEN: usize = 12;
/// Types: authentication, authorization, accounting.
const TYPE_MAX: u8 = 3;
/// Flags: not obfuscated, and one connection for many sessions.
const CLEAR: u8 = 1;
const SINGLE: u8 = 4;
/// The longest body that is believed, section 4.1: implementations limit it themselves.
const BODY_LEN_MAX: u32 = 65_535;

/// What of a header is needed.
#[derive(Clone, Copy)]
struct Header {
    sequence: u8,
    is_clear: bool,
    session: u32,
    len: usize,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let version = reader.u8()?;
        let kind = reader.u8()?;
        let sequence = reader.u8()?;
        let flags = reader.u8()?;
        let session = reader.u32()?;
        let len = reader.u32()?;
        let is_sound = version & 0xfe == 0xc0
            && (1..=TYPE_MAX).contains(&kind)
            && sequence != 0
            && flags & !(CLEAR | SINGLE) == 0
            && session != 0
            && (5..=BODY_LEN_MAX).contains(&len);
        is_sound.then_some(Self {
            sequence,
            is_clear: flags & CLEAR != 0,
            session,
            len: len as usize,
        })
    }
}

/// A client begins each session with number 1; the packet is all that it sends at first.
fn probe(segment: &Segment<'_>) -> Verdict {
    if segment.bytes.len() < HEADER_LEN {
        let could = segment.bytes.get(1).is_none_or(|kind| *kind <= TYPE_MAX)
            && segment.bytes.get(2).is_none_or(|sequence| *sequence == 1);
        return match could && !segment.cut {
            true => Verdict::NeedMore,
            false => Verdict::Reject,
        };
    }
    let Some(header) = Header::parse(segment.bytes).filter(|header| header.sequence == 1) else {
        return Verdict::Reject;
    };
    match segment.bytes.len().cmp(&(HEADER_LEN + header.len)) {
        std::cmp::Ordering::Equal => Verdict::Possible(Role::Client),
        std::cmp::Ordering::Less if !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    asked: Option<u32>,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if segment.bytes.len() < HEADER_LEN {
            return Progress::consumed(0);
        }
        let Some(header) = Header::parse(segment.bytes) else {
            return Progress::DONE;
        };
        if segment.from != Role::Server {
            self.asked = Some(header.session);
            return Progress {
                consumed: segment.bytes.len().min(HEADER_LEN + header.len),
                then: super::Then::More,
            };
        }
        if self.asked == Some(header.session) && header.sequence == 2 {
            emit(Observation::Confirmed);
            let protection: &[u8] = match header.is_clear {
                true => b"none",
                false => b"obfuscated",
            };
            says(Field::TacplusProtection, protection, emit);
            if !header.is_clear {
                emit(Observation::Encrypted);
            }
        }
        Progress::DONE
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const ASK: &[u8] = b"\xc1\x01\x01\0\x12\x34\x56\x78\0\0\0\x06CANARY";
    const ANSWER: &[u8] = b"\xc1\x01\x02\0\x12\x34\x56\x78\0\0\0\x06CANARY";

    #[test]
    fn an_answer_to_the_same_session_confirms() {
        let talk = [(Role::Client, ASK), (Role::Server, ANSWER)];
        assert_eq!(
            run(&CLASSIFIER, &talk),
            [
                "confirmed",
                "sender tacplus.protection=obfuscated",
                "encrypted"
            ]
        );
        check_cuts(&CLASSIFIER, &talk);
        let mut other = ANSWER.to_vec();
        other[7] = 1;
        let talk = [(Role::Client, ASK), (Role::Server, &other)];
        assert!(run(&CLASSIFIER, &talk).is_empty());
        let mut clear = ANSWER.to_vec();
        clear[3] = CLEAR;
        let talk = [(Role::Client, ASK), (Role::Server, &clear)];
        assert_eq!(
            run(&CLASSIFIER, &talk),
            ["confirmed", "sender tacplus.protection=none"]
        );
    }

    #[test]
    fn probes() {
        let ports = (50_000, 9_000);
        let client = Verdict::Possible(Role::Client);
        assert_eq!(probe(&CLASSIFIER, ASK, ports), client);
        let part = probe(&CLASSIFIER, &ASK[..14], ports);
        assert_eq!(part, Verdict::NeedMore);
        for (at, value) in [(1, 4), (2, 2), (3, 2), (8, 1), (11, 5)] {
            let mut bytes = ASK.to_vec();
            bytes[at] = value;
            assert_eq!(probe(&CLASSIFIER, &bytes, ports), Verdict::Reject, "{at}");
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
