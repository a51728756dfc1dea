//! Remote Desktop ([MS-RDPBCGR], over TPKT and X.224, and [MS-RDPEUDP]; port 3389): that it is
//! spoken, what protects it, and the TLS that begins inside. It reads no cookie, which holds a
//! user's name.
//!
//! ```text
//! TPKT    3 u8 | 0 u8 | length u16                         RFC 1006 section 6
//! X.224   length u8 | E0 request, D0 confirm | … 5 | [Cookie: … CR LF] | [negotiation]
//! negotiation   1 request, 2 response, 3 failure u8 | flags u8 | 8 u16 | protocols u32   (LE)
//! over UDP      acknowledged u32 | window u16 | flags u16 | first number u32 | MTU u16 u16
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::upgrade::Upgrade;
use super::{Classifier, Progress, Segment, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Rdp,
    transport: Transport::Tcp,
    ports: &[3389],
    first: &[TPKT_VERSION],
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

/// The row of its connections in datagrams, which one over TCP agrees on.
pub const OVER_UDP: Classifier = Classifier {
    protocol: Protocol::Rdp,
    transport: Transport::Udp,
    ports: &[3389],
    first: &[0xff],
    marks: &[],
    probe: |segment| match opening(segment.bytes) {
        Some(Opening {
            acknowledged: u32::MAX,
            ..
        }) => Verdict::Match(Role::Client),
        _ => Verdict::Reject,
    },
    session: || Box::new(Datagrams::default()),
};

const TPKT_VERSION: u8 = 3;
const TPKT_LEN: usize = 4;
/// Length, code, two references and a class, ITU-T X.224 section 13.3.
const X224_LEN: usize = 7;
const CONNECTION_REQUEST: u8 = 0xe0;
const CONNECTION_CONFIRM: u8 = 0xd0;
/// The longest request: a cookie has no limit of its own, clients cut it at a few dozen.
const REQUEST_BYTES_MAX: usize = 512;

/// The cookie's first words, [MS-RDPBCGR] 2.2.1.1, and a load balancer's token.
const COOKIES: [&[u8]; 2] = [b"Cookie: ", b"tsv://"];

/// A negotiation, 2.2.1.1.1, 2.2.1.2.1 and 2.2.1.2.2.
const NEGOTIATION_LEN: usize = 8;
const NEGOTIATION_REQUEST: u8 = 1;
const NEGOTIATION_RESPONSE: u8 = 2;
const NEGOTIATION_FAILURE: u8 = 3;

/// A request or a confirmation to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connect {
    /// A client asks.
    Request,
    /// A server agrees, and says what protects it: `None` where it knows no negotiation.
    Confirm(Option<u32>),
    /// A server refuses.
    Refuse,
}

/// The first unit, if it is one of RDP. `Some(None)`: the bytes so far are a beginning.
fn parse(bytes: &[u8]) -> Option<Option<Connect>> {
    let Some((head, rest)) = bytes.split_first_chunk::<TPKT_LEN>() else {
        let fits = [TPKT_VERSION, 0].iter().zip(bytes).all(|(a, b)| a == b);
        return fits.then_some(None);
    };
    let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let body = len.checked_sub(TPKT_LEN)?;
    if head[..2] != [TPKT_VERSION, 0] || !(X224_LEN..=REQUEST_BYTES_MAX).contains(&body) {
        return None;
    }
    let Some(unit) = rest.get(..body) else {
        return Some(None);
    };
    let (head, rest) = unit.split_first_chunk::<X224_LEN>()?;
    if usize::from(head[0]) != body - 1 || head[6] != 0 {
        return None;
    }
    match head[1] {
        CONNECTION_REQUEST => request(rest).map(Some),
        CONNECTION_CONFIRM => confirm(rest).map(Some),
        _ => None,
    }
}

/// A cookie, a negotiation, or both: what other protocols over X.224 do not have.
fn request(rest: &[u8]) -> Option<Connect> {
    let has_cookie = COOKIES.iter().any(|cookie| rest.starts_with(cookie));
    let end = rest.len().checked_sub(NEGOTIATION_LEN);
    let tail = end.and_then(|end| rest.get(end..));
    let negotiates = tail
        .and_then(negotiation)
        .is_some_and(|n| n.0 == NEGOTIATION_REQUEST);
    (has_cookie || negotiates).then_some(Connect::Request)
}

fn confirm(rest: &[u8]) -> Option<Connect> {
    if rest.is_empty() {
        return Some(Connect::Confirm(None));
    }
    let (kind, protocols) = negotiation(rest)?;
    match kind {
        NEGOTIATION_RESPONSE => Some(Connect::Confirm(Some(protocols))),
        NEGOTIATION_FAILURE => Some(Connect::Refuse),
        _ => None,
    }
}

fn negotiation(bytes: &[u8]) -> Option<(u8, u32)> {
    let [kind, _, 8, 0, a, b, c, d] = *bytes.first_chunk::<NEGOTIATION_LEN>()? else {
        return None;
    };
    Some((kind, u32::from_le_bytes([a, b, c, d])))
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match parse(segment.bytes) {
        Some(Some(Connect::Request)) => Verdict::Match(Role::Client),
        // Without a negotiation a confirmation is anybody's who speaks X.224.
        Some(Some(Connect::Confirm(None))) => Verdict::Reject,
        Some(Some(_)) => Verdict::Match(Role::Server),
        Some(None) if !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// The first datagram of an end.
struct Opening {
    acknowledged: u32,
    flags: u16,
    first: u32,
}

/// Reads one whose flags and sizes fit: [MS-RDPEUDP] 2.2.2.1 and 2.2.2.5.
fn opening(bytes: &[u8]) -> Option<Opening> {
    const SYN: u16 = 1;
    const FLAGS: u16 = 0x1fff;
    const MTU: std::ops::RangeInclusive<u16> = 1132..=1232;
    let mut reader = Reader(bytes);
    let acknowledged = reader.u32()?;
    reader.u16()?;
    let flags = reader
        .u16()
        .filter(|flags| flags & SYN != 0 && flags & !FLAGS == 0)?;
    let first = reader.u32()?;
    let fits = MTU.contains(&reader.u16()?) && MTU.contains(&reader.u16()?);
    fits.then_some(Opening {
        acknowledged,
        flags,
        first,
    })
}

/// The number that the client begins with.
#[derive(Default)]
struct Datagrams(Option<u32>);

impl super::Session for Datagrams {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        const ACK: u16 = 4;
        match opening(segment.bytes) {
            Some(opening) if opening.acknowledged == u32::MAX => self.0 = Some(opening.first),
            Some(opening) if opening.flags & ACK != 0 => {
                if self.0 == Some(opening.acknowledged) {
                    emit(Observation::Confirmed);
                    emit(Observation::Encrypted);
                }
                return Progress::DONE;
            }
            _ => return Progress::DONE,
        }
        Progress::consumed(segment.bytes.len())
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    asked: bool,
    tls: Upgrade,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if let Some(progress) = self.tls.observe(segment, emit) {
            return progress;
        }
        let answer = match parse(segment.bytes) {
            Some(None) => return Progress::consumed(0),
            None => {
                emit(Observation::Malformed);
                return Progress::DONE;
            }
            Some(Some(Connect::Request)) => {
                self.asked = true;
                return Progress::consumed(segment.bytes.len());
            }
            Some(Some(answer)) => answer,
        };
        if self.asked {
            emit(Observation::Confirmed);
        }
        if let Connect::Confirm(protocols) = answer {
            let value: &[u8] = match protocols.unwrap_or(0) {
                0 => b"RDP",
                1 => b"TLS",
                2 => b"CredSSP",
                4 => b"RDSTLS",
                8 => b"CredSSP-EX",
                _ => b"other",
            };
            says(Field::RdpSecurity, value, emit);
            emit(Observation::Encrypted);
            // All but RDP's own begin with TLS.
            if protocols.unwrap_or(0) != 0 {
                self.tls.begin();
                return Progress::consumed(segment.bytes.len());
            }
        }
        Progress::DONE
    }

    fn kept_bytes(&self) -> usize {
        self.tls.kept_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const ASK: &[u8] = b"\x03\0\0\x2c\x27\xe0\0\0\0\0\0Cookie: mstshash=CANARY\r\n\
        \x01\0\x08\0\x0b\0\0\0";
    const AGREE: &[u8] = b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\x1f\x08\0\x02\0\0\0";
    /// S7's way to connect over the same layers: parameters, no negotiation.
    const S7: &[u8] = b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02";

    #[test]
    fn what_protects_it_and_no_user() {
        let conversation = [(Role::Client, ASK), (Role::Server, AGREE)];
        assert_eq!(
            run(&CLASSIFIER, &conversation),
            ["confirmed", "sender rdp.security=CredSSP", "encrypted"]
        );
        check_cuts(&CLASSIFIER, &conversation);
    }

    #[test]
    fn datagrams_are_opened_by_both() {
        let ask = b"\xff\xff\xff\xff\0\x40\x18\x01\xbb\xff\x56\x87\x04\xd0\x04\xd0";
        let agree = b"\xbb\xff\x56\x87\0\x40\x10\x05\x4d\x67\x79\x66\x04\xd0\x04\xd0";
        let talk: [(Role, &[u8]); 2] = [(Role::Client, ask), (Role::Server, agree)];
        assert_eq!(run(&OVER_UDP, &talk), ["confirmed", "encrypted"]);
        let ports = (50_000, 9_000);
        assert_eq!(probe(&OVER_UDP, ask, ports), Verdict::Match(Role::Client));
        assert_eq!(probe(&OVER_UDP, agree, ports), Verdict::Reject);
        for (at, value) in [(3, 0), (7, 4), (12, 1), (14, 8)] {
            let mut bytes = ask.to_vec();
            bytes[at] = value;
            assert_eq!(probe(&OVER_UDP, &bytes, ports), Verdict::Reject, "{at}");
        }
        let mut other = agree.to_vec();
        other[0] = 0;
        let talk: [(Role, &[u8]); 2] = [(Role::Client, ask), (Role::Server, &other)];
        assert!(run(&OVER_UDP, &talk).is_empty());
    }

    #[test]
    fn a_refusal_says_nothing_of_protection() {
        let mut refuse = AGREE.to_vec();
        refuse[11] = NEGOTIATION_FAILURE;
        let conversation = [(Role::Client, ASK), (Role::Server, &refuse)];
        assert_eq!(run(&CLASSIFIER, &conversation), ["confirmed"]);
    }

    #[test]
    fn probes() {
        let ports = (50_000, 9_000);
        assert_eq!(probe(&CLASSIFIER, ASK, ports), Verdict::Match(Role::Client));
        assert_eq!(
            probe(&CLASSIFIER, AGREE, ports),
            Verdict::Match(Role::Server)
        );
        assert_eq!(probe(&CLASSIFIER, &ASK[..9], ports), Verdict::NeedMore);
        for bytes in [S7, b"\x03\0\0\x03", b"\x03\x01\0\x2c", b"\x03\0\xff\xff"] {
            assert_eq!(probe(&CLASSIFIER, bytes, ports), Verdict::Reject);
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX);
            check_any(&OVER_UDP, bytes, usize::MAX);
        });
    }
}
