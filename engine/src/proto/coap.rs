//! CoAP (RFC 7252; port 5683) over UDP: that things are asked and answer. It reads no path and no
//! content.
//!
//! ```text
//! version 2 bits, type 2, token length 4 | code u8 | message u16 | token | options | 255, payload
//! ```

use medtap_table::vocabulary::Protocol;

use super::reader::Reader;
use super::{Classifier, Progress, Segment, Session, Transport, Verdict};
use crate::config::COAP_OPTIONS_MAX;
use crate::observe::{Emit, Observation, Role};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Coap,
    transport: Transport::Udp,
    ports: &[5683],
    first: &FIRST,
    marks: &[],
    probe,
    session: || Box::new(Exchange::default()),
};

/// Version 1, four types, tokens of up to eight bytes.
const FIRST: [u8; 36] = {
    let mut bytes = [0; 36];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = 0x40 | ((at as u8 / 9) << 4) | (at as u8 % 9);
        at += 1;
    }
    bytes
};

/// Types, section 3.
const ACKNOWLEDGEMENT: u8 = 2;
const RESET: u8 = 3;
/// Parts of a path, section 5.10.1, and the one that every server has (RFC 8615, RFC 6690).
const URI_PATH: usize = 11;
const WELL_KNOWN: &[u8] = b".well-known";
/// Marks that no option follows.
const PAYLOAD: u8 = 0xff;
/// The longest value of an option, section 5.10.
const VALUE_LEN_MAX: usize = 1034;

/// What of a message tells which answers which.
#[derive(Clone, Copy)]
struct Message {
    kind: u8,
    code: u8,
    number: u16,
    /// The token's bytes, and their count in front.
    token: [u8; 9],
    /// It asks for what every server has: no other bytes look like it.
    is_well_known: bool,
}

impl Message {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let first = reader.u8().filter(|first| FIRST.contains(first))?;
        let code = reader.u8()?;
        let number = reader.u16()?;
        let token_len = usize::from(first & 15);
        let mut token = [0; 9];
        token[0] = token_len as u8;
        token
            .get_mut(1..=token_len)?
            .copy_from_slice(reader.take(token_len)?);
        let (class, detail) = (code >> 5, code & 31);
        let is_code = match class {
            0 if detail == 0 => token_len == 0 && reader.0.is_empty(),
            0 => detail <= 7,
            2 => detail <= 5 || detail == 31,
            4 => detail <= 22,
            5 => detail <= 8,
            _ => false,
        };
        let is_well_known = options(reader)?;
        is_code.then_some(Self {
            is_well_known,
            kind: first >> 4 & 3,
            code,
            number,
            token,
        })
    }

    fn is_request(&self) -> bool {
        (1..=7).contains(&self.code)
    }

    fn answers(&self, asked: &Self) -> bool {
        let by_number = matches!(self.kind, ACKNOWLEDGEMENT | RESET) && self.number == asked.number;
        let by_token = self.code >= 64 && self.token == asked.token && asked.token[0] != 0;
        !self.is_request() && (by_number || by_token)
    }
}

/// Steps over the options up to the end or the payload; true where the path is a well-known one.
fn options(mut reader: Reader<'_>) -> Option<bool> {
    let mut number = 0;
    let mut is_well_known = false;
    for _ in 0..COAP_OPTIONS_MAX {
        let Some(head) = reader.u8() else {
            return Some(is_well_known);
        };
        if head == PAYLOAD {
            return (!reader.0.is_empty()).then_some(is_well_known);
        }
        let mut part = |nibble: u8| match nibble {
            13 => Some(usize::from(reader.u8()?) + 13),
            14 => Some(usize::from(reader.u16()?) + 269),
            15 => None,
            small => Some(usize::from(small)),
        };
        number += part(head >> 4)?;
        let len = part(head & 15)?;
        if number > 65_535 || len > VALUE_LEN_MAX {
            return None;
        }
        let value = reader.take(len)?;
        is_well_known |= number == URI_PATH && value == WELL_KNOWN;
    }
    None
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match Message::parse(segment.bytes) {
        Some(message) if message.is_request() && message.is_well_known => {
            Verdict::Match(Role::Client)
        }
        Some(message) if message.is_request() => Verdict::Possible(Role::Client),
        _ => Verdict::Reject,
    }
}

/// The last request.
#[derive(Default)]
struct Exchange(Option<Message>);

impl Session for Exchange {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let Some(message) = Message::parse(segment.bytes) else {
            return Progress::DONE;
        };
        if segment.from != Role::Server {
            self.0 = Some(message);
            return Progress::consumed(segment.bytes.len());
        }
        if self.0.is_some_and(|asked| message.answers(&asked)) {
            emit(Observation::Confirmed);
        }
        Progress::DONE
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_any, probe, run};
    use super::*;

    const ASK: &[u8] = b"\x42\x01\x12\x34tk\xb6CANARY";
    const ANSWER: &[u8] = b"\x62\x45\x12\x34tk\xc0\xff22.3";

    #[test]
    fn an_answer_with_number_or_token_proves_it() {
        let talk = [(Role::Client, ASK), (Role::Server, ANSWER)];
        assert_eq!(run(&CLASSIFIER, &talk), ["confirmed"]);
        let apart = b"\x42\x45\x99\x99tk\xc0\xff22.3";
        let talk = [(Role::Client, ASK), (Role::Server, &apart[..])];
        assert_eq!(run(&CLASSIFIER, &talk), ["confirmed"]);
        let other = b"\x62\x45\x99\x99tx\xc0\xff22.3";
        let talk = [(Role::Client, ASK), (Role::Server, &other[..])];
        assert!(run(&CLASSIFIER, &talk).is_empty());
    }

    #[test]
    fn probes() {
        let possible = Verdict::Possible(Role::Client);
        assert_eq!(probe(&CLASSIFIER, ASK, PORTS), possible);
        for bytes in [
            ANSWER,
            b"\x49\x01\0\0tokentoke",
            b"\x40\x08\0\0",
            b"\x40\x01\0\0\xf0",
            b"\x40\x01\0\0\xff",
            b"\x40\x01\0\0\x05abc",
            b"HTTP/1.1 200",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, PORTS), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, usize::MAX));
    }
}
