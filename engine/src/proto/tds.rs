//! TDS, the protocol of Microsoft SQL Server and Sybase (MS-TDS; port 1433): the server's version,
//! whether it encrypts, and the host name that a client gives. It reads no user, no password, no
//! database, no program's name and no query.
//!
//! ```text
//! packet     type u8 | status u8 | length u16 | session u16 | number u8 | window u8
//! pre-login  option u8, place u16, length u16, repeated | 255 | the options' values
//! ```

use std::fmt::Write;

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::stack_text::StackText;
use super::{Classifier, Progress, Segment, Then, Transport, Verdict};
use crate::config::{TDS_PACKETS_MAX, TDS_TOKENS_MAX};
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Tds,
    transport: Transport::Tcp,
    ports: &[1433],
    first: &[BATCH, CALL, PRE_LOGIN, LOG_IN, ANSWER],
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

/// Types of packets, MS-TDS section 2.2.3.1.1.
const BATCH: u8 = 1;
const CALL: u8 = 3;
const ANSWER: u8 = 4;
const LOG_IN: u8 = 16;
const PRE_LOGIN: u8 = 18;
/// The last packet of a message.
const END_OF_MESSAGE: u8 = 1;

const HEADER_LEN: usize = 8;
/// The longest packet that servers take, MS-TDS section 2.2.3.1.3.
const PACKET_LEN_MAX: usize = 32_767;

/// Options of a pre-login, section 2.2.6.5.
const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const LAST_OPTION: u8 = 255;
/// Options of one message that are looked at: eight are defined.
const OPTIONS_MAX: usize = 16;

/// Tokens of an answer, section 2.2.7, with a length of two bytes.
const ERROR: u8 = 0xaa;
const INFORMATION: u8 = 0xab;
const LOG_IN_TAKEN: u8 = 0xad;
const CHANGE: u8 = 0xe3;
/// Those with which an answer to a batch or a call can begin: columns, a value, a status, orders,
/// and the three that say it is done.
const OF_ANSWERS: [u8; 12] = [
    0x79,
    0x81,
    0xa9,
    ERROR,
    INFORMATION,
    0xac,
    0xd1,
    0xe3,
    0xed,
    0xfd,
    0xfe,
    0xff,
];

/// The parts of a log-in before its texts: length, version, sizes, and places of texts.
const LOG_IN_LEN: usize = 94;
const HOST_AT: usize = 36;

/// The first packet of a message: its type and its body.
fn packet(bytes: &[u8]) -> Option<Option<(u8, &[u8], usize)>> {
    let mut reader = Reader(bytes);
    let (Some(kind), Some(status), Some(len)) = (reader.u8(), reader.u8(), reader.u16()) else {
        return Some(None);
    };
    let len = usize::from(len);
    if !matches!(kind, PRE_LOGIN | LOG_IN | ANSWER)
        || status & !0x1f != 0
        || !(HEADER_LEN..=PACKET_LEN_MAX).contains(&len)
    {
        return None;
    }
    match bytes.get(HEADER_LEN..len) {
        Some(body) => Some(Some((kind, body, len))),
        None => Some(None),
    }
}

/// The values of a pre-login: version and encryption.
struct PreLogin<'a> {
    version: &'a [u8],
    encryption: Option<u8>,
}

impl<'a> PreLogin<'a> {
    fn parse(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(body);
        let mut found = Self {
            version: &[],
            encryption: None,
        };
        for index in 0..OPTIONS_MAX {
            let option = reader.u8()?;
            if option == LAST_OPTION {
                return (index > 0).then_some(found);
            }
            let at = usize::from(reader.u16()?);
            let len = usize::from(reader.u16()?);
            let value = body.get(at..at + len)?;
            match option {
                VERSION if index == 0 && len == 6 => found.version = value,
                // The version comes first, always.
                _ if index == 0 => return None,
                ENCRYPTION => found.encryption = value.first().copied(),
                _ => {}
            }
        }
        None
    }
}

/// A log-in's lengths and version fit each other.
fn is_log_in(body: &[u8]) -> bool {
    let Some(fixed) = body.first_chunk::<LOG_IN_LEN>() else {
        return false;
    };
    let [a, b, c, d, version @ ..] = fixed;
    let len = u32::from_le_bytes([*a, *b, *c, *d]);
    // Versions 7.0 to 7.4 of the protocol.
    let major = version.get(3).copied().unwrap_or_default();
    usize::try_from(len).is_ok_and(|len| (LOG_IN_LEN..=PACKET_LEN_MAX * 4).contains(&len))
        && (0x70..=0x74).contains(&major)
}

/// The head of a batch or a call, of which the rest need not be there: its body so far, and its
/// length.
fn question(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (head, body) = bytes.split_first_chunk::<HEADER_LEN>()?;
    let [kind, status, high, low, ..] = *head;
    let len = usize::from(u16::from_be_bytes([high, low]));
    let is_sound = matches!(kind, BATCH | CALL)
        && status & !0x1f == 0
        && (HEADER_LEN..=PACKET_LEN_MAX).contains(&len);
    is_sound.then(|| (body.get(..len - HEADER_LEN).unwrap_or(body), len))
}

/// What a connection that was picked up in the middle asks: since version 7.2 headers stand first
/// (section 2.2.5.3.2: a transaction's is always among them), before it the text or a name.
fn probe_question(segment: &Segment<'_>) -> Verdict {
    /// Their length, that of one, and its kind.
    const HEADERS: [u8; 10] = [22, 0, 0, 0, 18, 0, 0, 0, 2, 0];
    /// Letters of a text that are looked at, and those that it must have.
    const LETTERS: std::ops::RangeInclusive<usize> = 4..=16;
    let Some((body, _)) = question(segment.bytes) else {
        return Verdict::Reject;
    };
    if body.starts_with(&HEADERS) {
        return Verdict::Match(Role::Client);
    }
    let text = match (segment.bytes.first(), body) {
        // A call names its procedure after the length of the name.
        (Some(&CALL), [len, 0, name @ ..]) => name.get(..2 * usize::from(*len)).unwrap_or(name),
        (Some(&CALL), _) => return Verdict::Reject,
        _ => body,
    };
    let (units, _) = text.as_chunks::<2>();
    let is_text = units
        .iter()
        .take(*LETTERS.end())
        .all(|[low, high]| *high == 0 && (b' '..0x7f).contains(low));
    match units.len() >= *LETTERS.start() && is_text {
        true => Verdict::Match(Role::Client),
        false => Verdict::Reject,
    }
}

fn probe(segment: &Segment<'_>) -> Verdict {
    if matches!(segment.bytes.first(), Some(&(BATCH | CALL))) {
        return match segment.bytes.len() < HEADER_LEN && !segment.cut {
            true => Verdict::NeedMore,
            false => probe_question(segment),
        };
    }
    match packet(segment.bytes) {
        Some(Some((PRE_LOGIN, body, _))) if PreLogin::parse(body).is_some() => {
            Verdict::Match(Role::Client)
        }
        Some(Some((ANSWER, body, _))) if PreLogin::parse(body).is_some() => {
            Verdict::Match(Role::Server)
        }
        Some(Some((LOG_IN, body, _))) if is_log_in(body) => Verdict::Match(Role::Client),
        Some(None) if !segment.cut => Verdict::NeedMore,
        _ => Verdict::Reject,
    }
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    confirmed: bool,
    pre_login: bool,
    /// It was picked up after its log-in.
    picked_up: bool,
    packets: u16,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if segment.from != Role::Server
            && let Some((body, len)) = question(segment.bytes)
        {
            self.picked_up = true;
            let there = HEADER_LEN + body.len();
            return Progress {
                consumed: there,
                then: match len - there {
                    0 => Then::More,
                    missing => Then::Skip(missing as u64),
                },
            };
        }
        let Some((kind, body, len)) = (match packet(segment.bytes) {
            Some(None) if !segment.cut => return Progress::consumed(0),
            Some(packet) => packet,
            None => None,
        }) else {
            emit(Observation::Malformed);
            return Progress::DONE;
        };
        self.packets += 1;
        let is_over = match (segment.from, kind) {
            (Role::Server, ANSWER) => self.answer(body, segment.bytes, emit),
            (Role::Server, _) => true,
            // A client that encrypts puts the records of TLS into such packets.
            (_, PRE_LOGIN) if self.confirmed && self.pre_login => {
                emit(Observation::Encrypted);
                true
            }
            (_, PRE_LOGIN) => false,
            (_, LOG_IN) => {
                host(body, emit);
                false
            }
            _ => true,
        };
        match is_over || self.packets > TDS_PACKETS_MAX {
            true => Progress::DONE,
            false => Progress::consumed(len),
        }
    }
}

impl Session {
    /// Reads an answer; true where nothing more is to be learnt.
    fn answer(&mut self, body: &[u8], packet: &[u8], emit: Emit<'_>) -> bool {
        if self.picked_up {
            if body.first().is_some_and(|token| OF_ANSWERS.contains(token)) {
                self.confirm(emit);
            }
            return true;
        }
        if let Some(answer) = PreLogin::parse(body).filter(|_| !self.pre_login) {
            self.pre_login = true;
            self.confirm(emit);
            if let [major, minor, high, low, ..] = *answer.version {
                version(major, minor, u16::from_be_bytes([high, low]), emit);
            }
            let encryption: &[u8] = match answer.encryption {
                Some(0) => b"log_in_only",
                Some(1 | 3) => b"required",
                Some(2) => b"none",
                _ => return false,
            };
            says(Field::TdsEncryption, encryption, emit);
            return false;
        }
        let is_whole = packet
            .get(1)
            .is_some_and(|status| status & END_OF_MESSAGE != 0);
        tokens(body, &mut |major, minor, build| {
            self.confirm(emit);
            version(major, minor, build, emit);
        });
        is_whole
    }

    fn confirm(&mut self, emit: Emit<'_>) {
        if !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
    }
}

/// The version in the token that takes a log-in.
fn tokens(body: &[u8], take: &mut dyn FnMut(u8, u8, u16)) -> Option<()> {
    let mut reader = Reader(body);
    for _ in 0..TDS_TOKENS_MAX {
        let token = reader.u8()?;
        if !matches!(token, ERROR | INFORMATION | LOG_IN_TAKEN | CHANGE) {
            return None;
        }
        let [low, high] = *reader.take(2)?.first_chunk()?;
        let value = reader.take(usize::from(u16::from_le_bytes([low, high])))?;
        if token == LOG_IN_TAKEN {
            let [major, minor, high, low] = *value.last_chunk()?;
            take(major, minor, u16::from_be_bytes([high, low]));
        }
    }
    Some(())
}

fn version(major: u8, minor: u8, build: u16, emit: Emit<'_>) {
    let mut text = StackText::<16>::new();
    if major != 0 && write!(text, "{major}.{minor}.{build}").is_ok() {
        says(Field::TdsVersion, text.as_bytes(), emit);
    }
}

/// The client's host name in a log-in: UTF-16, of which ASCII is read.
fn host(body: &[u8], emit: Emit<'_>) -> Option<()> {
    let place = body.get(HOST_AT..HOST_AT + 4)?.first_chunk::<4>()?;
    let [a, b, c, d] = *place;
    let at = usize::from(u16::from_le_bytes([a, b]));
    let len = usize::from(u16::from_le_bytes([c, d]));
    let (units, _) = body.get(at..at + 2 * len)?.as_chunks::<2>();
    let mut text = StackText::<64>::new();
    for [low, high] in units {
        if *high != 0 || !low.is_ascii_graphic() || !text.push(&[*low]) {
            return None;
        }
    }
    if !text.is_empty() {
        says(Field::TdsHostname, text.as_bytes(), emit);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::driver::{check_any, check_cuts, probe, run};
    use super::*;
    use crate::config::STREAM_BYTES_MAX;

    const ASK: &[u8] = b"\x12\x01\0\x1a\0\0\0\0\0\0\x0b\0\x06\x01\0\x11\0\x01\xff\
        \x09\0\0\0\0\0\0";
    const ANSWERED: &[u8] = b"\x04\x01\0\x1a\0\0\x01\0\0\0\x0b\0\x06\x01\0\x11\0\x01\xff\
        \x0f\0\x10\x03\0\0\x02";

    fn log_in() -> Vec<u8> {
        let mut body = vec![0; LOG_IN_LEN];
        body[4..8].copy_from_slice(&[4, 0, 0, 0x74]);
        body[HOST_AT..HOST_AT + 4].copy_from_slice(&[94, 0, 4, 0]);
        body.extend(b"W\0S\0-\x007\0C\0A\0N\0A\0R\0Y\0");
        let len = body.len() as u32;
        body[..4].copy_from_slice(&len.to_le_bytes());
        let mut bytes = vec![LOG_IN, 1, 0, (body.len() + HEADER_LEN) as u8, 0, 0, 1, 0];
        bytes.extend(body);
        bytes
    }

    #[test]
    fn versions_and_the_client_s_host() {
        let taken = b"\xad\x0e\0\x01\x74\0\0\x04\x02S\0Q\0\x0f\0\x07\xd0";
        let mut answer = vec![ANSWER, 1, 0, (taken.len() + HEADER_LEN) as u8, 0, 0, 1, 0];
        answer.extend(taken);
        let log_in = log_in();
        let talk: [(Role, &[u8]); 4] = [
            (Role::Client, ASK),
            (Role::Server, ANSWERED),
            (Role::Client, &log_in),
            (Role::Server, &answer),
        ];
        assert_eq!(
            run(&CLASSIFIER, &talk),
            [
                "confirmed",
                "sender tds.version=15.0.4099",
                "sender tds.encryption=none",
                "sender tds.login.hostname=WS-7",
                "sender tds.version=15.0.2000",
            ]
        );
        check_cuts(&CLASSIFIER, &talk);
    }

    #[test]
    fn what_is_encrypted_is_not_read() {
        let records = b"\x12\x01\0\x0b\0\0\0\0\x16\x03\x01";
        let talk: [(Role, &[u8]); 4] = [
            (Role::Client, ASK),
            (Role::Server, ANSWERED),
            (Role::Client, records),
            (Role::Server, b"\x12\x01\0\x0b\0\0\0\0\x16\x03\x03"),
        ];
        assert_eq!(run(&CLASSIFIER, &talk).last().unwrap(), "encrypted");
    }

    #[test]
    fn probes() {
        let ports = (50_000, 9_000);
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, ASK, ports), client);
        assert_eq!(probe(&CLASSIFIER, &log_in(), ports), client);
        let server = Verdict::Match(Role::Server);
        assert_eq!(probe(&CLASSIFIER, ANSWERED, ports), server);
        let part = probe(&CLASSIFIER, &ASK[..12], ports);
        assert_eq!(part, Verdict::NeedMore);
        for (at, value) in [(1, 0x80), (8, 1), (10, 200), (12, 5)] {
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
