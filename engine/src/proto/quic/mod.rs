//! QUIC, versions 1 and 2 and the later drafts (RFC 9000, 9001, 9369): the hellos of TLS in its
//! Initial packets, whose keys everybody on the way can make. It reads no other packet, no token
//! and nothing of what the ends say after the handshake.
//!
//! ```text
//! long header  11ttrrpp u8 | version u32 | to: length u8, id | from: length u8, id
//! Initial      … | token: length, bytes | length | packet number | sealed frames
//! negotiation  … with version 0 | the versions that a server speaks: u32, repeated
//! ```

mod keys;
mod stream;
#[cfg(test)]
mod tests;

use medtap_table::vocabulary::Protocol;

use self::keys::{Keys, VERSIONS, Version};
use self::stream::CryptoStream;
use super::reader::Reader;
use super::tls::hello::{ClientHello, ServerHello};
use super::{Classifier, Progress, Segment, Session, Transport, Verdict, ports, tls};
use crate::config::QUIC_DATAGRAMS_MAX;
use crate::observe::{Emit, Observation, Role};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Quic,
    transport: Transport::Udp,
    ports: PORTS,
    first: &FIRST,
    probe,
    session: || Box::new(Handshake::default()),
};

const PORTS: &[u16] = &[443, 8443, 853];

/// A long header with the fixed bit, which a negotiation need not have.
const LONG: u8 = 0xc0;
const FIRST: [u8; 128] = {
    let mut bytes = [0; 128];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = 0x80 | at as u8;
        at += 1;
    }
    bytes
};

/// The longest connection id, RFC 9000 section 17.2.
const ID_LEN_MAX: usize = 20;
/// The shortest datagram with an Initial packet of a client, RFC 9000 section 14.1.
const DATAGRAM_LEN_MIN: usize = 1200;

/// Frames of Initial packets, RFC 9000 section 12.4.
const PADDING: u64 = 0;
const PING: u64 = 1;
const ACK: u64 = 2;
const ACK_ECN: u64 = 3;
const CRYPTO: u64 = 6;

/// Messages of TLS.
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// A number of one, two, four or eight bytes, RFC 9000 section 16.
fn number(reader: &mut Reader<'_>) -> Option<u64> {
    let first = reader.u8()?;
    let rest = reader.take((1 << (first >> 6)) - 1)?;
    let head = u64::from(first & 0x3f);
    Some(
        rest.iter()
            .fold(head, |sum, byte| sum << 8 | u64::from(*byte)),
    )
}

/// The head of a packet with a long header.
struct Long<'a> {
    version: &'static Version,
    is_initial: bool,
    to: &'a [u8],
    from: &'a [u8],
    /// All of the packet, where the datagram holds all of it, and where its number begins.
    packet: &'a [u8],
    number_at: usize,
    /// What follows in the datagram.
    rest: &'a [u8],
}

impl<'a> Long<'a> {
    /// Reads the first packet of these bytes, of which the capture may have `cut` the end.
    fn parse(bytes: &'a [u8], cut: bool) -> Option<Self> {
        let mut reader = Reader(bytes);
        let first = reader.u8().filter(|first| first & LONG == LONG)?;
        let number_on_wire = reader.u32()?;
        let version = VERSIONS.iter().find(|one| one.number == number_on_wire)?;
        let to = reader.block8().filter(|id| id.len() <= ID_LEN_MAX)?;
        let from = reader.block8().filter(|id| id.len() <= ID_LEN_MAX)?;
        let kind = first >> 4 & 3;
        let is_retry = kind == (version.initial + 3) % 4;
        let is_initial = kind == version.initial;
        if is_retry {
            return Some(Self {
                version,
                is_initial,
                to,
                from,
                packet: bytes,
                number_at: bytes.len(),
                rest: &[],
            });
        }
        if is_initial {
            let token = number(&mut reader)?;
            reader.take(usize::try_from(token).ok()?)?;
        }
        let len = usize::try_from(number(&mut reader)?).ok()?;
        let number_at = bytes.len() - reader.0.len();
        let body = match reader.take(len) {
            None if cut => std::mem::take(&mut reader.0),
            body => body?,
        };
        Some(Self {
            version,
            is_initial,
            to,
            from,
            packet: bytes.get(..number_at + body.len())?,
            number_at,
            rest: reader.0,
        })
    }
}

/// A server's answer to a version that it does not speak (RFC 9000 section 17.2.1): whom it is for,
/// where one of the versions that it names is known.
fn negotiation(bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(bytes);
    reader.u8().filter(|first| first & 0x80 != 0)?;
    reader.u32().filter(|version| *version == 0)?;
    let to = reader.block8().filter(|id| id.len() <= ID_LEN_MAX)?;
    reader.block8().filter(|id| id.len() <= ID_LEN_MAX)?;
    let (versions, rest) = reader.0.as_chunks::<4>();
    let is_known = |version: &[u8; 4]| {
        let number = u32::from_be_bytes(*version);
        VERSIONS.iter().any(|known| known.number == number)
    };
    (rest.is_empty() && versions.iter().any(is_known)).then_some(to)
}

/// An Initial packet proves itself by its version and by lengths that fit; a client's fills its
/// datagram to the size that the RFC demands.
fn probe(segment: &Segment<'_>) -> Verdict {
    let Some(long) = Long::parse(segment.bytes, segment.cut) else {
        return match negotiation(segment.bytes) {
            Some(_) => Verdict::Match(Role::Server),
            None => Verdict::Reject,
        };
    };
    match ports::role_of_sender(segment, PORTS) {
        Role::Client
            if long.is_initial && segment.bytes.len() < DATAGRAM_LEN_MIN && !segment.cut =>
        {
            Verdict::Reject
        }
        role => Verdict::Match(role),
    }
}

/// One handshake.
#[derive(Default)]
struct Handshake {
    keys: Option<[Keys; 2]>,
    /// The id that the client gave itself: the server answers to it.
    client_id: Option<([u8; ID_LEN_MAX], usize)>,
    streams: [CryptoStream; 2],
    /// The hello of each end was read.
    hello: [bool; 2],
    confirmed: bool,
    datagrams: u16,
}

impl Session for Handshake {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        self.datagrams += 1;
        let mut rest = segment.bytes;
        if segment.from == Role::Server
            && let Some(to) = negotiation(segment.bytes)
        {
            self.confirm(to, emit);
        }
        while let Some(long) = Long::parse(rest, segment.cut) {
            self.packet(&long, segment.from, emit);
            rest = long.rest;
        }
        if self.hello == [true, true] || self.datagrams >= QUIC_DATAGRAMS_MAX {
            emit(Observation::Encrypted);
            return Progress::DONE;
        }
        Progress::consumed(segment.bytes.len())
    }
}

impl Handshake {
    fn packet(&mut self, long: &Long<'_>, from: Role, emit: Emit<'_>) {
        let side = usize::from(from == Role::Server);
        if from == Role::Server {
            self.confirm(long.to, emit);
        } else {
            let mut id = [0; ID_LEN_MAX];
            if let Some(place) = id.get_mut(..long.from.len()) {
                place.copy_from_slice(long.from);
                self.client_id = Some((id, long.from.len()));
            }
        }
        if !long.is_initial || self.hello.get(side) == Some(&true) {
            return;
        }
        // After a retry, keys are made of another id.
        let open = |keys: &Option<[Keys; 2]>| {
            let keys = keys.as_ref()?.get(side)?;
            keys.open(long.packet, long.number_at)
        };
        let text = match open(&self.keys) {
            None if from != Role::Server => {
                let keys = Keys::pair(long.version, long.to);
                let text = open(&keys);
                if text.is_some() {
                    self.keys = keys;
                }
                text
            }
            text => text,
        };
        if let Some(text) = text {
            self.frames(&text, side);
            self.messages(side, emit);
        }
    }

    fn confirm(&mut self, to: &[u8], emit: Emit<'_>) {
        if !self.confirmed && self.is_for_client(to) {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
    }

    fn is_for_client(&self, to: &[u8]) -> bool {
        self.client_id
            .as_ref()
            .is_some_and(|(id, len)| id.get(..*len) == Some(to))
    }

    /// Takes the handshake out of the frames of a packet.
    fn frames(&mut self, text: &[u8], side: usize) -> Option<()> {
        let mut reader = Reader(text);
        loop {
            match number(&mut reader)? {
                PADDING | PING => {}
                kind @ (ACK | ACK_ECN) => {
                    number(&mut reader)?;
                    number(&mut reader)?;
                    let ranges = number(&mut reader)?;
                    number(&mut reader)?;
                    let counts = if kind == ACK_ECN { 3 } else { 0 };
                    // Each takes a byte at least, so the text ends the loop.
                    for _ in 0..ranges.saturating_mul(2).saturating_add(counts) {
                        number(&mut reader)?;
                    }
                }
                CRYPTO => {
                    let at = number(&mut reader)?;
                    let len = usize::try_from(number(&mut reader)?).ok()?;
                    let piece = reader.take(len)?;
                    if !self.streams.get_mut(side)?.push(at, piece) {
                        *self.hello.get_mut(side)? = true;
                        return None;
                    }
                }
                _ => return None,
            }
        }
    }

    /// Reads the hello of an end once it is whole.
    fn messages(&mut self, side: usize, emit: Emit<'_>) -> Option<()> {
        let mut reader = Reader(self.streams.get(side)?.whole());
        let kind = reader.u8()?;
        let body = reader.block24()?;
        *self.hello.get_mut(side)? = true;
        match (kind, side) {
            (CLIENT_HELLO, 0) => {
                let hello = ClientHello::parse(body)?;
                tls::offers(&hello, Transport::Udp, emit);
            }
            (SERVER_HELLO, 1) => {
                let hello = ServerHello::parse(body)?;
                tls::chooses(&hello, emit);
                if !hello.is_retry {
                    tls::takes(&hello, emit);
                }
            }
            _ => emit(Observation::Malformed),
        }
        Some(())
    }
}
