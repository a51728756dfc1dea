//! DTLS 1.0 to 1.3 (RFC 6347, RFC 9147): that datagrams are encrypted, and the version that a
//! server takes. It reads no certificate, no cookie and no fingerprint.
//!
//! ```text
//! record      kind u8 | version u16 | epoch u16 | number u48 | length u16 | fragment
//! handshake   kind u8 | length u24 | number u16 | offset u24 | length u24 | body
//! ```

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::tls::hello::ServerHello;
use super::{Classifier, Progress, Segment, Session, Transport, Verdict, ports};
use crate::config::DTLS_DATAGRAMS_MAX;
use crate::observe::{Emit, Observation, Role, says};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Dtls,
    transport: Transport::Udp,
    ports: PORTS,
    first: &[20, 21, HANDSHAKE, 23, 24],
    marks: &[],
    probe,
    session: || Box::new(Hellos::default()),
};

const PORTS: &[u16] = &[443, 853, 2083, 4433, 5349, 5684];

const HANDSHAKE: u8 = 22;
const HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const HELLO_VERIFY: u8 = 3;
/// Versions of records: the complements of 1.0 and 1.2, and what OpenSSL wrote before 1.0 was done,
/// as clients of Cisco's still do.
const VERSIONS: [u16; 3] = [0xfeff, 0xfefd, 0x0100];
/// Keys are changed once or twice, and numbers count from zero.
const EPOCH_MAX: u16 = 8;
const RECORD_LEN_MAX: u16 = (1 << 14) + 2048;

/// One record: what it is, its epoch, and its fragment.
struct Record<'a> {
    kind: u8,
    epoch: u16,
    fragment: &'a [u8],
}

/// The next record.
fn record<'a>(reader: &mut Reader<'a>) -> Option<Record<'a>> {
    let kind = reader.u8().filter(|kind| CLASSIFIER.first.contains(kind))?;
    reader.u16().filter(|version| VERSIONS.contains(version))?;
    let epoch = reader.u16().filter(|epoch| *epoch <= EPOCH_MAX)?;
    reader.u16()?;
    reader.u32()?;
    let len = reader
        .u16()
        .filter(|len| (1..=RECORD_LEN_MAX).contains(len))?;
    Some(Record {
        kind,
        epoch,
        fragment: reader.take(len.into())?,
    })
}

/// A message of the handshake in clear: its kind, and its body where it is in one piece.
fn message<'a>(record: &Record<'a>) -> Option<(u8, Option<&'a [u8]>)> {
    if record.kind != HANDSHAKE || record.epoch != 0 {
        return None;
    }
    let mut reader = Reader(record.fragment);
    let kind = reader.u8()?;
    let len = reader.u24()?;
    reader.u16()?;
    let (at, part) = (reader.u24()?, reader.u24()?);
    let body = reader.take(part)?;
    (at + part <= len).then_some((kind, Some(body).filter(|_| part == len)))
}

/// Records that fill the datagram prove it; a hello tells the roles.
fn probe(segment: &Segment<'_>) -> Verdict {
    let mut reader = Reader(segment.bytes);
    let mut role = None;
    while !reader.0.is_empty() {
        let Some(record) = record(&mut reader) else {
            return Verdict::Reject;
        };
        role = role.or(match message(&record) {
            Some((HELLO, _)) => Some(Role::Client),
            Some((SERVER_HELLO | HELLO_VERIFY, _)) => Some(Role::Server),
            _ => None,
        });
    }
    Verdict::Match(role.unwrap_or_else(|| ports::role_of_sender(segment, PORTS)))
}

/// Who has said hello.
#[derive(Default)]
struct Hellos {
    client: bool,
    server: bool,
    datagrams: u16,
}

impl Session for Hellos {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        self.datagrams += 1;
        let mut reader = Reader(segment.bytes);
        while let Some(record) = record(&mut reader) {
            match message(&record) {
                Some((HELLO, _)) => self.client = true,
                Some((SERVER_HELLO, body)) if !self.server => {
                    self.server = true;
                    if let Some(hello) = body.and_then(ServerHello::parse) {
                        says(Field::DtlsVersion, version(hello.version()), emit);
                    }
                }
                _ => {}
            }
        }
        if self.client && self.server {
            emit(Observation::Confirmed);
            emit(Observation::Encrypted);
            return Progress::DONE;
        }
        match self.datagrams >= DTLS_DATAGRAMS_MAX {
            true => Progress::DONE,
            false => Progress::consumed(segment.bytes.len()),
        }
    }
}

fn version(number: u16) -> &'static [u8] {
    match number {
        0xfeff => b"DTLS 1.0",
        0xfefd => b"DTLS 1.2",
        0xfefc => b"DTLS 1.3",
        _ => b"other",
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{PORTS, check_any, datagrams, probe};
    use super::*;

    fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
        let len = body.len() as u8;
        let mut bytes = vec![HANDSHAKE, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0, len + 12];
        bytes.extend([kind, 0, 0, len, 0, 0, 0, 0, 0, 0, 0, len]);
        bytes.extend(body);
        bytes
    }

    fn server_hello() -> Vec<u8> {
        let body = [&[0xfe, 0xfd][..], &[7; 32], &[0, 0xc0, 0x2b, 0]].concat();
        handshake(SERVER_HELLO, &body)
    }

    #[test]
    fn both_hellos() {
        let hello = handshake(HELLO, &[0xfe, 0xfd]);
        let talk = [(Role::Client, &hello[..]), (Role::Server, &server_hello())];
        assert_eq!(
            datagrams(&CLASSIFIER, &talk),
            [
                "sender dtls.handshake.version=DTLS 1.2",
                "confirmed",
                "encrypted"
            ]
        );
    }

    #[test]
    fn probes() {
        let hello = handshake(HELLO, &[0xfe, 0xfd]);
        let client = Verdict::Match(Role::Client);
        assert_eq!(probe(&CLASSIFIER, &hello, PORTS), client);
        let server = Verdict::Match(Role::Server);
        assert_eq!(probe(&CLASSIFIER, &server_hello(), PORTS), server);
        let data = [23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 2, 5, 5];
        assert_eq!(probe(&CLASSIFIER, &data, (50_000, 443)), client);
        for (at, value) in [(1, 3), (2, 0xfc), (3, 1), (12, 1), (12, 3)] {
            let mut bytes = data;
            bytes[at] = value;
            assert_eq!(probe(&CLASSIFIER, &bytes, PORTS), Verdict::Reject, "{at}");
        }
    }

    #[test]
    fn fuzz_any_bytes() {
        bolero::check!().for_each(|bytes: &[u8]| {
            check_any(&CLASSIFIER, bytes, usize::MAX);
            let framed = [&server_hello()[..25], bytes].concat();
            datagrams(&CLASSIFIER, &[(Role::Server, &framed)]);
        });
    }
}
