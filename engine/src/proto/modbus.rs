//! Modbus/TCP (Modbus Application Protocol 1.1b3; port 502): that it is spoken, and what a device
//! says of itself (function 43/14). It reads no register and no coil.
//!
//! ```text
//! transaction u16 | 0 u16 | length u16 | unit u8 | function u8 | …
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::stack_text::printable;
use super::{Classifier, Mark, Progress, Segment, Then, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Modbus,
    transport: Transport::Tcp,
    ports: &[PORT],
    first: super::ANY,
    // The protocol, which is always zero.
    marks: &[Mark::At(2, &[0]), Mark::At(3, &[0])],
    probe,
    session: || Box::new(Session::default()),
};

const PORT: u16 = 502;
/// Transaction, protocol, length.
const HEADER_LEN: usize = 6;
/// Unit, function and at most 252 bytes: section 4.1.
const LENGTH_MAX: u16 = 254;
/// Encapsulated interface transport and its MEI type, section 6.21.
const ENCAPSULATED: u8 = 43;
const READ_DEVICE_ID: u8 = 14;
/// An answer that something was wrong.
const EXCEPTION: u8 = 0x80;

/// Schneider Electric's own, by which its tools load programs.
const UNIFIED_MESSAGING: u8 = 90;

/// Functions that are assigned, section 5, and the one of a maker that is met most.
fn is_known(function: u8) -> bool {
    matches!(
        function & !EXCEPTION,
        1..=8 | 11 | 12 | 15..=17 | 20..=24 | ENCAPSULATED | UNIFIED_MESSAGING
    )
}

/// The head of a message; of its body what is there.
fn parse(bytes: &[u8]) -> Option<(u16, usize, &[u8])> {
    let mut reader = Reader(bytes);
    let (transaction, protocol, len) = (reader.u16()?, reader.u16()?, reader.u16()?);
    let fits = protocol == 0 && (2..=LENGTH_MAX).contains(&len);
    fits.then_some((transaction, usize::from(len), reader.0))
}

/// Zeros, a length that fits and a known function are little proof: without the port a message
/// must be the segment, to its last byte, and a read whose parameters make sense.
fn probe(segment: &Segment<'_>) -> Verdict {
    let (src, dst) = segment.ports;
    let Some((_, len, body)) = parse(segment.bytes) else {
        let could = segment.bytes.len() < HEADER_LEN
            && segment.bytes.iter().skip(2).take(3).all(|byte| *byte == 0)
            && (src == PORT || dst == PORT)
            && !segment.cut;
        return if could {
            Verdict::NeedMore
        } else {
            Verdict::Reject
        };
    };
    let function = body.get(1).copied().unwrap_or(0);
    if !is_known(function) {
        return Verdict::Reject;
    }
    if src == PORT || dst == PORT {
        let role = if dst == PORT {
            Role::Client
        } else {
            Role::Server
        };
        return Verdict::Match(role);
    }
    let is_read = match body {
        [_, 1..=4, _, _, high, low] => (1..=2000).contains(&u16::from_be_bytes([*high, *low])),
        [_, ENCAPSULATED, READ_DEVICE_ID, 1..=4, _] => true,
        _ => false,
    };
    if is_read && body.len() == len && segment.from != Role::Server {
        Verdict::Match(Role::Client)
    } else {
        Verdict::Reject
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    confirmed: bool,
    /// Transaction, unit and function of the last request: an answer repeats them.
    asked: Option<(u16, u8, u8)>,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if segment.bytes.len() < HEADER_LEN {
            return Progress::consumed(0);
        }
        let Some((transaction, len, body)) = parse(segment.bytes) else {
            emit(Observation::Malformed);
            return Progress::DONE;
        };
        let Some(body) = body.get(..len) else {
            return match segment.cut {
                true => Progress::DONE,
                false => Progress::consumed(0),
            };
        };
        if let [unit, function, rest @ ..] = body {
            match segment.from {
                Role::Server => {
                    let answered = (transaction, *unit, function & !EXCEPTION);
                    if !self.confirmed && self.asked == Some(answered) {
                        self.confirmed = true;
                        emit(Observation::Confirmed);
                    }
                    if *function == ENCAPSULATED {
                        identity(rest, emit);
                    }
                }
                _ => self.asked = Some((transaction, *unit, *function)),
            }
        }
        Progress {
            consumed: HEADER_LEN + len,
            then: Then::More,
        }
    }
}

/// Objects of a device's identification, section 6.21: `14 code conformity more next count
/// (id length value)*`. Private ones are stepped over.
fn identity(bytes: &[u8], emit: Emit<'_>) {
    let mut reader = Reader(bytes);
    let head = reader.take(6);
    let Some([READ_DEVICE_ID, _, _, _, _, count]) = head.and_then(|head| head.first_chunk()) else {
        return;
    };
    for _ in 0..*count {
        let (Some(id), Some(value)) = (reader.u8(), reader.block8()) else {
            return emit(Observation::Malformed);
        };
        let field = match id {
            0 => Field::ModbusVendor,
            1 => Field::ModbusProductCode,
            2 => Field::ModbusRevision,
            4 => Field::ModbusProduct,
            5 => Field::ModbusModel,
            _ => continue,
        };
        if let Some(value) = printable(value) {
            says(field, value, emit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const ASK: &[u8] = b"\0\x01\0\0\0\x05\x01\x2b\x0e\x01\0";
    const ANSWER: &[u8] = b"\0\x01\0\0\0\x1e\x01\x2b\x0e\x01\x01\0\0\x03\
        \0\x04Acme\x01\x05PL-70\x02\x04V1.2\x81\x02xy";

    #[test]
    fn a_device_says_what_it_is() {
        let mut answer = ANSWER.to_vec();
        answer[13] = 4;
        answer[5] = (answer.len() - HEADER_LEN) as u8;
        let conversation = [(Role::Client, ASK), (Role::Server, &answer[..])];
        assert_eq!(
            run(&CLASSIFIER, &conversation),
            [
                "confirmed",
                "sender modbus.vendor_name=Acme",
                "sender modbus.product_code=PL-70",
                "sender modbus.revision=V1.2",
            ]
        );
        check_cuts(&CLASSIFIER, &conversation);
    }

    #[test]
    fn probes() {
        assert_eq!(probe(&CLASSIFIER, ASK, PORTS), Verdict::Match(Role::Client));
        let read = b"\0\x07\0\0\0\x06\x01\x03\0\0\0\x02";
        assert_eq!(
            probe(&CLASSIFIER, read, PORTS),
            Verdict::Match(Role::Client)
        );
        let answer = b"\0\x07\0\0\0\x07\x01\x03\x04\0\0\0\x02";
        assert_eq!(
            probe(&CLASSIFIER, answer, (502, 50_000)),
            Verdict::Match(Role::Server)
        );
        for bytes in [
            &answer[..],
            b"\0\x07\0\0\0\x06\x01\x03\0\0\0\0",
            b"\0\x07\0\x01\0\x06\x01\x03\0\0\0\x02",
            b"\0\x07\0\0\0\x06\x01\x63\0\0\0\x02",
            b"\0\x07\0\0\0\x06\x01\x03\0\0\0\x02\0",
        ] {
            assert_eq!(probe(&CLASSIFIER, bytes, PORTS), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
