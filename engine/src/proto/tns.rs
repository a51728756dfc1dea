//! TNS, the protocol of Oracle databases (port 1521): that one serves, its version where a refusal
//! names it, and the host that a client says it is. It reads no user, no password, no service and
//! no query.
//!
//! ```text
//! length u16, or u32 since version 315 | checksum u16 | type u8 | flags u8 | checksum u16 | body
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::stack_text::{StackText, printable};
use super::{Classifier, Progress, Segment, Transport, Verdict};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Tns,
    transport: Transport::Tcp,
    ports: &[1521],
    // The length of a connect: less than 4 KiB.
    first: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

const HEADER_LEN: usize = 8;
const CONNECT: u8 = 1;
const ACCEPT: u8 = 2;
const REFUSE: u8 = 4;
const REDIRECT: u8 = 5;
const RESEND: u8 = 11;

/// A connect: header, versions, sizes, the length and the place of its text.
const CONNECT_LEN_MIN: usize = 34;
/// Versions of the protocol: Oracle 7 to today's.
const VERSIONS: std::ops::RangeInclusive<u16> = 300..=400;

/// The length and the type of a packet with a header that is sound.
fn header(bytes: &[u8]) -> Option<Option<(usize, u8)>> {
    let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
        return Some(None);
    };
    let [a, b, c, d, kind, flags, e, f] = *header;
    let is_sound = [c, d, e, f] == [0; 4] && flags & 0x40 == 0;
    let len = usize::from(u16::from_be_bytes([a, b]));
    (is_sound && len >= HEADER_LEN).then_some(Some((len, kind)))
}

/// The versions, and the text that follows them here or in the next packet.
fn connect(bytes: &[u8]) -> Option<Option<&[u8]>> {
    let (len, kind) = match header(bytes)? {
        Some(header) => header,
        None => return Some(None),
    };
    if kind != CONNECT || !(CONNECT_LEN_MIN..4096).contains(&len) {
        return None;
    }
    let Some(packet) = bytes.get(..len) else {
        return Some(None);
    };
    let mut reader = Reader(packet.get(HEADER_LEN..)?);
    let (version, least) = (reader.u16()?, reader.u16()?);
    reader.take(12)?;
    let (text_len, text_at) = (usize::from(reader.u16()?), usize::from(reader.u16()?));
    let is_sound = VERSIONS.contains(&version)
        && (VERSIONS.contains(&least) || least == 0)
        && least <= version
        && (CONNECT_LEN_MIN..=len).contains(&text_at)
        && (text_at + text_len == len || text_at == len);
    is_sound.then(|| Some(packet.get(text_at..).unwrap_or_default()))
}

fn probe(segment: &Segment<'_>) -> Verdict {
    match connect(segment.bytes) {
        Some(Some(_)) => Verdict::Match(Role::Client),
        Some(None) if !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    /// The text of a connect comes in the next packet.
    is_text_late: bool,
    asked: bool,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        match segment.from {
            Role::Server => self.answer(segment.bytes, emit),
            _ => self.connect(segment.bytes, emit),
        }
        .unwrap_or_else(|| {
            emit(Observation::Malformed);
            Progress::DONE
        })
    }
}

impl Session {
    fn connect(&mut self, bytes: &[u8], emit: Emit<'_>) -> Option<Progress> {
        let Some((len, kind)) = header(bytes)? else {
            return Some(Progress::consumed(0));
        };
        let text = match kind {
            CONNECT => match connect(bytes)? {
                Some(text) => text,
                None => return Some(Progress::consumed(0)),
            },
            // Data: flags, then the text.
            6 if self.is_text_late => match bytes.get(HEADER_LEN + 2..len) {
                Some(text) => text,
                None => return Some(Progress::consumed(0)),
            },
            _ => return Some(Progress::DONE),
        };
        self.asked = true;
        self.is_text_late = text.is_empty();
        if let Some(host) = host(text).and_then(printable) {
            says(Field::TnsClientHost, host, emit);
        }
        Some(Progress::consumed(len))
    }

    fn answer(&mut self, bytes: &[u8], emit: Emit<'_>) -> Option<Progress> {
        let Some((len, kind)) = header(bytes)? else {
            return Some(Progress::consumed(0));
        };
        let Some(packet) = bytes.get(..len) else {
            return Some(Progress::consumed(0));
        };
        if !matches!(kind, ACCEPT | REFUSE | REDIRECT | RESEND) {
            return None;
        }
        if self.asked {
            emit(Observation::Confirmed);
        }
        let body = packet.get(HEADER_LEN..)?;
        match kind {
            RESEND => return Some(Progress::consumed(len)),
            ACCEPT => {
                let version = Reader(body)
                    .u16()
                    .filter(|version| VERSIONS.contains(version))?;
                let mut text = StackText::<4>::new();
                if write!(text, "{version}").is_ok() {
                    says(Field::TnsVersion, text.as_bytes(), emit);
                }
            }
            REFUSE => {
                if let Some(version) = value(body, b"(VSNNUM=").and_then(release) {
                    says(Field::TnsRelease, version.as_bytes(), emit);
                }
            }
            _ => {}
        }
        Some(Progress::DONE)
    }
}

/// What stands after a name up to its closing parenthesis.
fn value<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = text
        .windows(name.len())
        .position(|window| window.eq_ignore_ascii_case(name))?;
    let rest = text.get(at + name.len()..)?;
    rest.get(..rest.iter().position(|byte| *byte == b')')?)
}

/// The host in the client's own description, not the one in the address that it wants.
fn host(text: &[u8]) -> Option<&[u8]> {
    let name = b"(CID=";
    let at = text
        .windows(name.len())
        .position(|window| window.eq_ignore_ascii_case(name))?;
    let mut depth = 0;
    let rest = text.get(at..)?;
    let len = rest.iter().position(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        depth == 0
    })?;
    value(rest.get(..len)?, b"(HOST=")
}

/// A release number: five numbers in eight, four, eight, four and eight bits.
fn release(digits: &[u8]) -> Option<StackText<24>> {
    let number: u32 = std::str::from_utf8(digits).ok()?.trim().parse().ok()?;
    let [major, second, third, fourth] = number.to_be_bytes();
    let mut text = StackText::new();
    let (middle, low) = (second >> 4, third >> 4);
    let release = (second & 15) << 4 | low;
    write!(text, "{major}.{middle}.{release}.{}.{fourth}", third & 15).ok()?;
    (major != 0).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
        let len = (body.len() + HEADER_LEN) as u16;
        let [high, low] = len.to_be_bytes();
        [&[high, low, 0, 0, kind, 0, 0, 0], body].concat()
    }

    fn ask() -> Vec<u8> {
        let text = b"(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=X)(CID=(PROGRAM=p)(HOST=ws-7)\
            (USER=CANARY)))(ADDRESS=(PROTOCOL=tcp)(HOST=10.0.0.1)(PORT=1521)))";
        let mut body = vec![1, 63, 1, 44, 0, 0, 32, 0, 127, 255, 0, 0, 0, 0, 0, 1];
        body.extend((text.len() as u16).to_be_bytes());
        body.extend([0, 34, 0, 0, 0, 0, 0, 0]);
        body.extend(text);
        packet(CONNECT, &body)
    }

    #[test]
    fn a_refusal_names_the_release() {
        let ask = ask();
        let refusal = packet(
            REFUSE,
            b"\x22\0\0\x40(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=12514))",
        );
        let talk: [(Role, &[u8]); 2] = [(Role::Client, &ask), (Role::Server, &refusal)];
        assert_eq!(
            run(&CLASSIFIER, &talk),
            [
                "sender tns.connect.host=ws-7",
                "confirmed",
                "sender tns.release=19.0.0.0.0",
            ]
        );
        check_cuts(&CLASSIFIER, &talk);
    }

    #[test]
    fn an_accept_names_the_protocol() {
        let ask = ask();
        let accept = packet(ACCEPT, &[1, 62, 0, 0, 32, 0]);
        let resend = packet(RESEND, &[]);
        let talk: [(Role, &[u8]); 4] = [
            (Role::Client, &ask),
            (Role::Server, &resend),
            (Role::Client, &ask),
            (Role::Server, &accept),
        ];
        assert_eq!(
            run(&CLASSIFIER, &talk).last().unwrap(),
            "sender tns.version=318"
        );
    }

    #[test]
    fn probes() {
        let ports = (50_000, 9_000);
        let ask = ask();
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, &ask, ports), client);
        let part = probe(&CLASSIFIER, &ask[..20], ports);
        assert_eq!(part, Verdict::NeedMore);
        for (at, value) in [(2, 1), (4, 6), (8, 9), (25, 200), (27, 60)] {
            let mut bytes = ask.clone();
            bytes[at] = value;
            assert_eq!(probe(&CLASSIFIER, &bytes, ports), Verdict::Reject, "{at}");
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| check_any(&CLASSIFIER, bytes, STREAM_BYTES_MAX));
    }
}
