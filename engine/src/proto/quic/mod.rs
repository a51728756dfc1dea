//! QUIC, versions 1 and 2 and the later drafts (RFC 9000, 9001, 9369): the hellos of TLS in its
//! Initial packets, whose keys everybody on the way can make. Of versions that it does not know,
//! and of Google's own before them, it reads that they are spoken. It reads no other packet, no
//! token and nothing of what the ends say after the handshake.
//!
//! ```text
//! long header  11ttrrpp u8 | version u32 | to: length u8, id | from: length u8, id
//! Initial      … | token: length, bytes | length | packet number | sealed frames
//! negotiation  … with version 0 | the versions that a server speaks: u32, repeated
//! ```

mod google;
mod invariant;
mod keys;
mod stream;
#[cfg(test)]
mod tests;

use medtap_table::vocabulary::Protocol;

use self::invariant::Invariant;
use self::keys::{Keys, Version};
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
    marks: &[],
    probe,
    session: || Box::new(Handshake::default()),
};

const PORTS: &[u16] = &[443, 8443, 853];

/// A long header with the fixed bit, which a negotiation need not have.
const LONG: u8 = 0xc0;
/// Long headers, and the headers of Google's versions that name theirs.
const FIRST: [u8; 136] = {
    let mut bytes = [0; 136];
    let mut at = 0;
    while at < 128 {
        bytes[at] = 0x80 | at as u8;
        at += 1;
    }
    let mut flags = 0;
    while flags < 128 {
        if google::is_public(flags) {
            bytes[at] = flags;
            at += 1;
        }
        flags += 1;
    }
    bytes
};

/// The longest connection id, RFC 9000 section 17.2.
const ID_LEN_MAX: usize = 20;

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
        let version = keys::version(reader.u32()?)?;
        let to = reader.block8().filter(|id| id.len() <= ID_LEN_MAX)?;
        reader.block8().filter(|id| id.len() <= ID_LEN_MAX)?;
        let kind = first >> 4 & 3;
        let is_retry = kind == (version.initial + 3) % 4;
        let is_initial = kind == version.initial;
        if is_retry {
            return Some(Self {
                version,
                is_initial,
                to,
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
            packet: bytes.get(..number_at + body.len())?,
            number_at,
            rest: reader.0,
        })
    }
}

/// An Initial packet proves itself by its version and by lengths that fit. What may be of another
/// version waits for the answer.
fn probe(segment: &Segment<'_>) -> Verdict {
    if Long::parse(segment.bytes, segment.cut).is_some() {
        return Verdict::Match(ports::role_of_sender(segment, PORTS));
    }
    if google::is_hello(segment.bytes) {
        return Verdict::Match(Role::Client);
    }
    match Invariant::parse(segment.bytes) {
        Some(header) if header.is_negotiation() => Verdict::Match(Role::Server),
        Some(header) if header.may_begin(segment) => Verdict::Possible(Role::Client),
        _ => Verdict::Reject,
    }
}

/// One handshake.
#[derive(Default)]
struct Handshake {
    keys: Option<[Keys; 2]>,
    /// How the client began: the server answers to it.
    asked: Option<invariant::Asked>,
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
        self.exchange(segment, emit);
        // All packets of a datagram are for one connection (RFC 9000 section 12.2), and keys are
        // made once for it, however many packets it holds.
        let (mut first, mut makes_keys) = (None, segment.from != Role::Server);
        while let Some(long) = Long::parse(rest, segment.cut)
            && *first.get_or_insert(long.to) == long.to
        {
            self.packet(&long, segment.from, &mut makes_keys, emit);
            rest = long.rest;
        }
        if self.hello == [true, true] || self.datagrams >= QUIC_DATAGRAMS_MAX {
            emit(Observation::Encrypted);
            return Progress::DONE;
        }
        Progress::consumed(segment.bytes.len())
    }

    fn kept_bytes(&self) -> usize {
        self.streams.iter().map(CryptoStream::kept_bytes).sum()
    }
}

impl Handshake {
    /// Whether each end answers the other, whatever the version.
    fn exchange(&mut self, segment: &Segment<'_>, emit: Emit<'_>) {
        let answered = match Invariant::parse(segment.bytes) {
            Some(header) if segment.from == Role::Server => {
                let asked = self.asked.as_ref();
                asked.is_some_and(|asked| header.answers(asked))
            }
            Some(header) => {
                self.asked = header.asks();
                false
            }
            None => segment.from == Role::Server && google::is_answer(segment.bytes),
        };
        if answered && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
    }

    fn packet(&mut self, long: &Long<'_>, from: Role, makes_keys: &mut bool, emit: Emit<'_>) {
        let side = usize::from(from == Role::Server);
        if !long.is_initial || self.hello.get(side) == Some(&true) {
            return;
        }
        // After a retry, keys are made of another id.
        let open = |keys: &Option<[Keys; 2]>| {
            let keys = keys.as_ref()?.get(side)?;
            keys.open(long.packet, long.number_at)
        };
        let text = match open(&self.keys) {
            None if std::mem::take(makes_keys) => {
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
                tls::answers(&hello, true, emit);
            }
            _ => emit(Observation::Malformed),
        }
        Some(())
    }
}
