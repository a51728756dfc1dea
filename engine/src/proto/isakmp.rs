//! IKE, versions 1 and 2 (RFC 2408, RFC 7296; ports 500 and 4500): who builds tunnels with whom,
//! and the marks by which their software knows its like. It reads no identity, no proposal and
//! nothing that is encrypted.
//!
//! ```text
//! initiator 8 | responder 8 | next payload u8 | version u8 | exchange u8 | flags u8 | message u32
//! | length u32 | payloads: next u8, reserved u8, length u16, body
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::stack_text::hex;
use super::{Classifier, Mark, Progress, Segment, Session, Transport, Verdict, ports};
use crate::config::ISAKMP_PAYLOADS_MAX;
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Isakmp,
    transport: Transport::Udp,
    ports: &PORTS,
    // It begins with a number that the initiator makes up.
    first: super::ANY,
    marks: &[Mark::At(17, &VERSIONS)],
    probe,
    session: || Box::new(Exchange::default()),
};

/// The row of this protocol where ESP is the rule.
pub const BESIDE_ESP: Classifier = Classifier {
    protocol: Protocol::Isakmp,
    transport: Transport::Udp,
    ports: &PORTS,
    first: &[NO_ESP[0]],
    marks: &[],
    probe,
    session: || Box::new(Exchange::default()),
};

const PORTS: [u16; 2] = [500, 4500];

/// What comes first behind port 4500, where ESP is the rule: RFC 3948 section 2.2.
const NO_ESP: [u8; 4] = [0; 4];
const HEADER_LEN: usize = 28;
/// The major version is in the high four bits.
const VERSIONS: [u8; 2] = [0x10, 0x20];
/// Payloads that hold a vendor's mark, in version 1 and in version 2.
const VENDOR_MARKS: [u8; 2] = [13, 43];
/// A flag of version 1, and the two of version 2 that tell who speaks.
const ENCRYPTED: u8 = 1;
const INITIATOR: u8 = 8;
const RESPONSE: u8 = 32;

/// A header whose fields fit.
struct Header<'a> {
    initiator: [u8; 8],
    responder: [u8; 8],
    version: u8,
    flags: u8,
    next: u8,
    payloads: &'a [u8],
}

impl<'a> Header<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(&NO_ESP).unwrap_or(bytes);
        let version = *bytes.get(17)?;
        if !VERSIONS.contains(&version) {
            return None;
        }
        let mut reader = Reader(bytes);
        let initiator = *reader.take(8)?.first_chunk()?;
        let responder = *reader.take(8)?.first_chunk()?;
        let next = reader.u8()?;
        reader.u8()?;
        let (exchange, flags) = (reader.u8()?, reader.u8()?);
        reader.u32()?;
        let len = usize::try_from(reader.u32()?).ok()?;
        // Exchanges of RFC 2408, 2409 and of version 2 up to the newest assigned.
        let (exchanges, known_flags) = match version {
            0x10 => (1..=5, 0x07),
            _ => (34..=47, 0x38),
        };
        let is_exchange =
            exchanges.contains(&exchange) || version == 0x10 && matches!(exchange, 32 | 33);
        let is_sound = initiator != [0; 8]
            && is_exchange
            && flags & !known_flags == 0
            && len == bytes.len()
            && len > HEADER_LEN;
        is_sound.then_some(Self {
            initiator,
            responder,
            version,
            flags,
            next,
            payloads: reader.0,
        })
    }
}

fn probe(segment: &Segment<'_>) -> Verdict {
    let Some(header) = Header::parse(segment.bytes) else {
        return Verdict::Reject;
    };
    let role = match (header.version, header.responder) {
        (_, [0, 0, 0, 0, 0, 0, 0, 0]) => Role::Client,
        (0x20, _) if header.flags & INITIATOR != 0 => Role::Client,
        (0x20, _) if header.flags & RESPONSE != 0 => Role::Server,
        // Version 1 goes on at another port with the initiator's message, and says no more.
        (0x10, _) if segment.ports.0 == segment.ports.1 => Role::Client,
        _ => ports::role_of_sender(segment, &PORTS),
    };
    Verdict::Match(role)
}

/// What a conversation has said so far.
#[derive(Default)]
struct Exchange {
    /// The initiator's number, and who sent it.
    asked: Option<([u8; 8], Role)>,
    confirmed: bool,
}

impl Session for Exchange {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        // ESP and signs of life share the port.
        if let Some(header) = Header::parse(segment.bytes) {
            self.message(&header, segment.from, emit);
        }
        Progress::consumed(segment.bytes.len())
    }
}

impl Exchange {
    fn message(&mut self, header: &Header<'_>, from: Role, emit: Emit<'_>) {
        match self.asked {
            Some((initiator, by)) if initiator == header.initiator => {
                if by != from && header.responder != [0; 8] && !self.confirmed {
                    self.confirmed = true;
                    emit(Observation::Confirmed);
                    emit(Observation::Encrypted);
                }
            }
            _ => self.asked = Some((header.initiator, from)),
        }
        if header.version != 0x10 || header.flags & ENCRYPTED == 0 {
            marks(header, emit);
        }
    }
}

/// The marks among the payloads in clear.
fn marks(header: &Header<'_>, emit: Emit<'_>) -> Option<()> {
    let mut reader = Reader(header.payloads);
    let mut kind = header.next;
    for _ in 0..ISAKMP_PAYLOADS_MAX {
        if kind == 0 {
            break;
        }
        let next = reader.u8()?;
        reader.u8()?;
        let len = usize::from(reader.u16()?).checked_sub(4)?;
        let body = reader.take(len)?;
        if VENDOR_MARKS.contains(&kind) && !body.is_empty() {
            says(Field::IsakmpVendorId, hex::<64>(body, b"").as_bytes(), emit);
        }
        kind = next;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_any, probe, run};
    use super::*;

    fn message(responder: u8, flags: u8) -> Vec<u8> {
        let mut bytes = vec![7; 8];
        bytes.extend([responder; 8]);
        bytes.extend([33, 0x20, 34, flags, 0, 0, 0, 0, 0, 0, 0, 44]);
        bytes.extend([43, 0, 0, 8, b'C', b'A', b'N', b'A']);
        bytes.extend([0, 0, 0, 8, 0x88, 0x2f, 0xe5, 0x6d]);
        bytes
    }

    #[test]
    fn marks_and_an_answer() {
        let (ask, answer) = (message(0, 8), message(9, 32));
        let behind = [&[0; 4][..], &answer].concat();
        let talk: [(Role, &[u8]); 3] = [
            (Role::Client, &ask),
            (Role::Server, b"\xff"),
            (Role::Server, &behind),
        ];
        let mark = "sender isakmp.vendor_id=882fe56d";
        assert_eq!(
            run(&CLASSIFIER, &talk),
            [mark, "confirmed", "encrypted", mark]
        );
    }

    #[test]
    fn probes() {
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, &message(0, 8), PORTS), client);
        let server = Verdict::Match(Role::Server);
        assert_eq!(probe(&CLASSIFIER, &message(9, 32), PORTS), server);
        let mut version1 = message(9, 0);
        (version1[17], version1[18]) = (0x10, 2);
        assert_eq!(probe(&CLASSIFIER, &version1, (4500, 4500)), client);
        assert_eq!(probe(&CLASSIFIER, &version1, (4500, 1024)), server);
        for (at, value) in [(17, 0x30), (18, 50), (19, 1), (27, 45)] {
            let mut bytes = message(0, 8);
            bytes[at] = value;
            assert_eq!(probe(&CLASSIFIER, &bytes, PORTS), Verdict::Reject, "{at}");
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&CLASSIFIER, bytes, usize::MAX);
            let mut framed = message(0, 8);
            framed.truncate(28);
            framed.extend(bytes);
            framed[27] = framed.len() as u8;
            framed[26] = (framed.len() >> 8) as u8;
            run(&CLASSIFIER, &[(Role::Client, &framed)]);
        });
    }
}
