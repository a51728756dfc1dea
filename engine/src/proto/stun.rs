//! STUN and TURN (RFC 8489, RFC 8656; port 3478): that ends look for their way through address
//! translators, and the software that they name. It reads no user, no realm, no address and nothing
//! of what flows between the ends.
//!
//! ```text
//! kind u16 | length u16 | 2112A442 | transaction 12 | attributes: kind u16, length u16, value, pad
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::stack_text::printable;
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::config::STUN_DATAGRAMS_MAX;
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol in datagrams.
pub const OVER_UDP: Classifier = row(Transport::Udp);
/// The row of this protocol in a stream.
pub const OVER_TCP: Classifier = row(Transport::Tcp);

const fn row(transport: Transport) -> Classifier {
    Classifier {
        protocol: Protocol::Stun,
        transport,
        ports: &[3478, 5349, 19302],
        // Two zero bits, and the methods that are assigned.
        first: &[0, 1],
        marks: &[],
        probe,
        session: || Box::new(Exchange::default()),
    }
}

const HEADER_LEN: usize = 20;
const COOKIE: u32 = 0x2112_a442;
/// `SOFTWARE`, RFC 8489 section 14.14, and the longest that is allowed.
const SOFTWARE: u16 = 0x8022;
const SOFTWARE_LEN_MAX: usize = 763;

/// A message whose attributes fill it.
struct Message<'a> {
    is_answer: bool,
    transaction: [u8; 12],
    software: Option<&'a [u8]>,
}

impl<'a> Message<'a> {
    /// The first message of these bytes.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let kind = reader.u16().filter(|kind| kind >> 14 == 0)?;
        let len = reader.u16().filter(|len| len.is_multiple_of(4))?;
        reader.u32().filter(|cookie| *cookie == COOKIE)?;
        let transaction = *reader.take(12)?.first_chunk()?;
        let mut attributes = Reader(reader.take(len.into())?);
        let mut software = None;
        while !attributes.0.is_empty() {
            let kind = attributes.u16()?;
            let value = attributes.block16()?;
            attributes.take(value.len().next_multiple_of(4) - value.len())?;
            if kind == SOFTWARE {
                software = Some(value).filter(|value| value.len() <= SOFTWARE_LEN_MAX);
            }
        }
        Some(Self {
            // The class: a request or an indication, or an answer to one.
            is_answer: kind & 0x0100 != 0,
            transaction,
            software,
        })
    }

    fn role(&self) -> Role {
        match self.is_answer {
            true => Role::Server,
            false => Role::Client,
        }
    }
}

fn probe(segment: &Segment<'_>) -> Verdict {
    if let Some(message) = Message::parse(segment.bytes) {
        return Verdict::Match(message.role());
    }
    let mut reader = Reader(segment.bytes);
    let (_, len, cookie) = (reader.u16(), reader.u16(), reader.u32());
    let is_part = len.is_some_and(|len| segment.bytes.len() < HEADER_LEN + usize::from(len));
    match cookie == Some(COOKIE) && is_part && !segment.cut {
        true => Verdict::NeedMore,
        false => Verdict::Reject,
    }
}

/// What one conversation has said so far. Both ends may ask.
#[derive(Default)]
struct Exchange {
    asked: Option<[u8; 12]>,
    datagrams: u16,
}

impl Session for Exchange {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        self.datagrams += 1;
        // Voice, keys and data share the ports (RFC 7983): they are stepped over.
        if let Some(message) = Message::parse(segment.bytes) {
            if let Some(software) = message.software.and_then(printable) {
                says(Field::StunSoftware, software, emit);
            }
            if !message.is_answer {
                self.asked = Some(message.transaction);
            } else if self.asked == Some(message.transaction) {
                emit(Observation::Confirmed);
                return Progress::DONE;
            }
        }
        match self.datagrams >= STUN_DATAGRAMS_MAX {
            true => Progress::DONE,
            false => Progress::consumed(segment.bytes.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_any, probe, run};
    use super::*;

    const ASK: &[u8] = b"\0\x01\0\x10\x21\x12\xa4\x42TRANSACTION!\0\x06\0\x06CANARY\0\0\
        \x80\x28\0\0";
    const ANSWER: &[u8] = b"\x01\x01\0\x10\x21\x12\xa4\x42TRANSACTION!\x80\x22\0\x0aTurn-4.6.1\
        \0\0";

    #[test]
    fn an_answer_names_the_server_s_software() {
        let talk = [(Role::Client, ASK), (Role::Server, ANSWER)];
        assert_eq!(
            run(&OVER_UDP, &talk),
            ["sender stun.att.software=Turn-4.6.1", "confirmed"]
        );
        assert_eq!(run(&OVER_TCP, &talk), run(&OVER_UDP, &talk));
        let mut other = ANSWER.to_vec();
        other[8] = b'X';
        let talk = [(Role::Client, ASK), (Role::Server, &other)];
        assert_eq!(run(&OVER_UDP, &talk).len(), 1);
    }

    #[test]
    fn probes() {
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&OVER_UDP, ASK, PORTS), client);
        let server = Verdict::Match(Role::Server);
        assert_eq!(probe(&OVER_UDP, ANSWER, PORTS), server);
        assert_eq!(probe(&OVER_TCP, &ASK[..30], PORTS), Verdict::NeedMore);
        for (at, value) in [(0, 0x40), (3, 9), (4, 0x22), (23, 200)] {
            let mut bytes = ASK.to_vec();
            bytes[at] = value;
            let verdict = probe(&OVER_UDP, &bytes, PORTS);
            assert!(
                matches!(verdict, Verdict::Reject | Verdict::NeedMore),
                "{at}"
            );
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&OVER_UDP, bytes, usize::MAX);
            check_any(&OVER_TCP, bytes, usize::MAX);
            run(&OVER_UDP, &[(Role::Client, &[&ASK[..20], bytes].concat())]);
        });
    }
}
