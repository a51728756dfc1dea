//! TLS over TCP, SSL 3.0 to TLS 1.3 (RFC 6101, 5246, 8446): the hellos, and the server's
//! certificate where it is in clear. It reads no client's certificate and nothing encrypted.
//!
//! ```text
//! record     type u8 | version u16 | length u16 | fragment
//! handshake  type u8 | length u24 | body            in the fragments of records of type 22
//! ```
//!
//! | seen | said |
//! |---|---|
//! | ClientHello | of its sender JA4, JA3, offered protocols (ALPN); of its receiver the name |
//! | ServerHello | of its sender version, cipher suite, protocol taken (ALPN), JA3S |
//! | Certificate | of the server subject, issuer, dates, DNS names, whether it is self-signed |

mod certificate;
mod dicom;
pub mod fingerprint;
pub mod hello;
pub mod names;
mod ssl2;
#[cfg(test)]
mod tests;

use medtap_table::vocabulary::{Field, Protocol};

use self::fingerprint::ClientBasis;
use self::hello::{ClientHello, ServerHello};
use super::reader::Reader;
use super::stack_text::StackText;
use super::{Classifier, Progress, Segment, Then, Transport, Verdict, ports};
use crate::config::{ALPN_NAMES_MAX, HANDSHAKE_BYTES_MAX, TLS_RECORDS_PROOF};
use crate::observe::{Emit, Observation, Role, Subject, has_fingerprint, passage, says};
use crate::proto::digest::Digest;
use crate::proto::kept;

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Tls,
    transport: Transport::Tcp,
    ports: PORTS,
    // Records; a hello in the form of SSL 2 has the first bit of its length set.
    first: &FIRST,
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

/// HTTPS, and the ports of other protocols that begin with TLS: IANA, and DICOM PS3.15 (2762).
const PORTS: &[u16] = &[
    443, 465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 2762, 3269, 4433, 5061, 5986, 6514,
    8443, 8883, 9443,
];

/// Type, version and length: RFC 8446, 5.1.
const RECORD_HEADER_LEN: usize = 5;
/// Type and length: RFC 8446, 4.
const MESSAGE_HEADER_LEN: usize = 4;
/// The largest record: 2^14 and 2048 for ciphers of TLS 1.2 (RFC 5246, 6.2.3).
const RECORD_LEN_MAX: usize = (1 << 14) + 2048;
/// The smallest hello: version, random, and (SSL 3.0, a short ServerHello) three empty fields.
const HELLO_LEN_MIN: usize = 38;

const RECORD_CHANGE_CIPHER_SPEC: u8 = 20;
const RECORD_ALERT: u8 = 21;
const RECORD_HANDSHAKE: u8 = 22;
const RECORD_APPLICATION_DATA: u8 = 23;
const RECORD_HEARTBEAT: u8 = 24;

const MESSAGE_CLIENT_HELLO: u8 = 1;
const MESSAGE_SERVER_HELLO: u8 = 2;
const MESSAGE_CERTIFICATE: u8 = 11;

const ALERT_CLOSE_NOTIFY: u8 = 0;
const ALERT_WARNING: u8 = 1;

/// The header of one record.
#[derive(Clone, Copy)]
struct RecordHeader {
    kind: u8,
    len: usize,
}

impl RecordHeader {
    /// `Some(None)`: the bytes so far are the beginning of a header. `None`: they are none.
    fn parse(bytes: &[u8]) -> Option<Option<Self>> {
        let kind = match bytes.first() {
            Some(kind @ RECORD_CHANGE_CIPHER_SPEC..=RECORD_HEARTBEAT) => *kind,
            Some(_) => return None,
            None => return Some(None),
        };
        // Drafts of TLS 1.3 wrote 3.1 to 3.3 too; 3.4 was never on the wire but costs nothing.
        if bytes.get(1).is_some_and(|major| *major != 3)
            || bytes.get(2).is_some_and(|minor| *minor > 4)
        {
            return None;
        }
        let Some(header) = bytes.first_chunk::<RECORD_HEADER_LEN>() else {
            return Some(None);
        };
        let len = usize::from(u16::from_be_bytes([header[3], header[4]]));
        (len <= RECORD_LEN_MAX).then_some(Some(Self { kind, len }))
    }
}

/// The first bytes that [`probe`] does not reject at once.
const FIRST: [u8; 133] = {
    let mut bytes = [0; 133];
    let mut at = 0;
    while at < 5 {
        bytes[at] = RECORD_CHANGE_CIPHER_SPEC + at as u8;
        at += 1;
    }
    while at < bytes.len() {
        bytes[at] = 0x80 + (at - 5) as u8;
        at += 1;
    }
    bytes
};

/// Is it TLS? A hello proves it and tells the roles. A stream picked up in the middle is proved by
/// several records in a row; then only the ports can tell who is the server.
fn probe(segment: &Segment<'_>) -> Verdict {
    let bytes = segment.bytes;
    match RecordHeader::parse(bytes) {
        None => ssl2::probe(bytes),
        Some(None) => Verdict::NeedMore,
        Some(Some(header)) if header.len == 0 => Verdict::Reject,
        Some(Some(header)) if header.kind == RECORD_HANDSHAKE => {
            match probe_hello(bytes, header.len) {
                Verdict::Reject => probe_records(segment),
                verdict => verdict,
            }
        }
        Some(Some(_)) => probe_records(segment),
    }
}

/// A record that begins with a hello whose lengths fit each other.
fn probe_hello(bytes: &[u8], record_len: usize) -> Verdict {
    let mut reader = Reader(bytes.get(RECORD_HEADER_LEN..).unwrap_or_default());
    let Some(kind) = reader.u8() else {
        return Verdict::NeedMore;
    };
    let role = match kind {
        MESSAGE_CLIENT_HELLO => Role::Client,
        MESSAGE_SERVER_HELLO => Role::Server,
        _ => return Verdict::Reject,
    };
    let (Some(len), Some(version)) = (reader.u24(), reader.u16()) else {
        return Verdict::NeedMore;
    };
    // A hello may go on in the next record; then this one holds nothing else.
    let fits = (HELLO_LEN_MIN..=HANDSHAKE_BYTES_MAX).contains(&len)
        && record_len >= MESSAGE_HEADER_LEN + 2;
    let is_version = version >> 8 == 3 || (0x7f00..0x7f20).contains(&version);
    if fits && is_version {
        Verdict::Match(role)
    } else {
        Verdict::Reject
    }
}

/// Headers of records in a row, each where the one before it ends: several, or one that ends just
/// where the bytes do. Either is five bytes and more that can't be chance.
fn probe_records(segment: &Segment<'_>) -> Verdict {
    let mut rest = segment.bytes;
    for _ in 0..TLS_RECORDS_PROOF {
        match RecordHeader::parse(rest) {
            None => return Verdict::Reject,
            Some(None) => return Verdict::NeedMore,
            Some(Some(RecordHeader { kind, len })) => {
                let is_possible = match kind {
                    RECORD_CHANGE_CIPHER_SPEC => len == 1,
                    RECORD_ALERT => len >= 2,
                    _ => len > 0,
                };
                if !is_possible {
                    return Verdict::Reject;
                }
                let Some(after) = rest.get(RECORD_HEADER_LEN + len..) else {
                    return Verdict::NeedMore;
                };
                rest = after;
            }
        }
        if rest.is_empty() {
            break;
        }
    }
    Verdict::Match(ports::role_of_sender(segment, PORTS))
}

/// What one direction still holds.
#[derive(Default)]
struct Half {
    /// A handshake message that goes on in the next record: at most [`HANDSHAKE_BYTES_MAX`].
    message: Vec<u8>,
    /// Nothing more is read of this direction.
    is_over: bool,
    /// At least one record was read.
    is_begun: bool,
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    client: Half,
    server: Half,
    client_hello: bool,
    server_hello: bool,
    /// The server asked for a second ClientHello.
    retry: bool,
    is_tls13: bool,
    /// The suite that was chosen does not encrypt.
    is_clear: bool,
    confirmed: bool,
    encrypted: bool,
    /// The server's port.
    port: u16,
    dicom: dicom::Signs,
}

/// How a direction goes on after a record or a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// There may be more to learn.
    Go,
    /// The bytes end before the record does.
    Wait,
    /// Nothing more is read of this direction.
    Over,
    /// The bytes contradict the format.
    Broken,
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        let from = segment.from;
        let (own, other) = segment.ports;
        self.port = if from == Role::Server { own } else { other };
        let mut rest = segment.bytes;
        let mut step = Step::Go;
        while step == Step::Go && !self.is_done() {
            (step, rest) = self.record(from, rest, emit);
        }
        // Nothing will follow what a capture cut off.
        if segment.cut && step == Step::Wait {
            step = Step::Over;
        }
        if step == Step::Broken {
            emit(Observation::Malformed);
            return Progress::DONE;
        }
        let half = self.half(from);
        half.is_over |= step == Step::Over;
        let then = match (half.is_over, self.is_done()) {
            (_, true) => Then::Done,
            (true, false) => Then::DoneDirection,
            (false, false) => Then::More,
        };
        Progress {
            consumed: segment.bytes.len() - rest.len(),
            then,
        }
    }

    fn kept_bytes(&self) -> usize {
        kept::list(&self.client.message) + kept::list(&self.server.message)
    }
}

impl Session {
    fn half(&mut self, from: Role) -> &mut Half {
        match from {
            Role::Server => &mut self.server,
            Role::Client | Role::Peer => &mut self.client,
        }
    }

    /// After both hellos of TLS 1.3 the rest is encrypted; before TLS 1.3, what the server says
    /// in clear is the last that is of use.
    fn is_done(&self) -> bool {
        let server_is_over = self.server.is_over || self.is_tls13 && self.server_hello;
        server_is_over && (self.client_hello || self.client.is_over)
    }

    /// Reads one record, and gives the bytes after it.
    fn record<'a>(&mut self, from: Role, bytes: &'a [u8], emit: Emit<'_>) -> (Step, &'a [u8]) {
        let is_first = !self.half(from).is_begun;
        let header = match RecordHeader::parse(bytes) {
            Some(Some(header)) => header,
            Some(None) => return (Step::Wait, bytes),
            None if is_first && from == Role::Client => return self.ssl2_hello(bytes, emit),
            None if is_first => return (self.ssl2_answer(bytes, emit), bytes),
            None => return (Step::Broken, bytes),
        };
        let is_encryption = matches!(
            header.kind,
            RECORD_CHANGE_CIPHER_SPEC | RECORD_APPLICATION_DATA
        );
        // The rest of such a record need not be waited for. Between the two hellos of a server
        // that asked for another ClientHello stands a meaningless one: RFC 8446, D.4.
        let is_between_hellos = self.retry && !self.server_hello;
        if is_encryption && !is_between_hellos {
            self.encrypted(emit);
            return (Step::Over, bytes);
        }
        let (_, body) = bytes.split_at(RECORD_HEADER_LEN);
        let Some((fragment, rest)) = body.split_at_checked(header.len) else {
            return (Step::Wait, bytes);
        };
        self.half(from).is_begun = true;
        let step = match header.kind {
            RECORD_HANDSHAKE => self.fragment(from, fragment, emit),
            RECORD_ALERT => alert(fragment),
            _ => Step::Go,
        };
        (step, rest)
    }

    /// A hello in the format of SSL 2.0: it shows that the client speaks, and nothing of use.
    fn ssl2_hello<'a>(&mut self, bytes: &'a [u8], emit: Emit<'_>) -> (Step, &'a [u8]) {
        match (ssl2::hello_len(bytes), ssl2::probe(bytes)) {
            (Some(len), _) => match bytes.split_at_checked(len) {
                Some((_, rest)) => {
                    self.client.is_begun = true;
                    self.client_hello = true;
                    self.confirm(emit);
                    (Step::Go, rest)
                }
                None => (Step::Wait, bytes),
            },
            (None, Verdict::NeedMore) => (Step::Wait, bytes),
            (None, _) => (Step::Broken, bytes),
        }
    }

    /// A server's hello of SSL 2.0: nothing after it is read.
    fn ssl2_answer(&mut self, bytes: &[u8], emit: Emit<'_>) -> Step {
        match ssl2::is_answer(bytes) {
            Some(true) => {
                says(Field::TlsVersion, b"SSL 2.0", emit);
                self.server_hello = true;
                self.confirm(emit);
                self.encrypted(emit);
                Step::Over
            }
            Some(false) => Step::Broken,
            None => Step::Wait,
        }
    }

    /// Reads the handshake messages that end in this fragment, and keeps the beginning of one
    /// that does not.
    fn fragment(&mut self, from: Role, fragment: &[u8], emit: Emit<'_>) -> Step {
        let mut held = std::mem::take(&mut self.half(from).message);
        let (step, rest_len) = if held.is_empty() {
            let (step, rest) = self.messages(from, fragment, emit);
            held.extend_from_slice(rest);
            return self.keep(from, held, step);
        } else {
            held.extend_from_slice(fragment);
            let (step, rest) = self.messages(from, &held, emit);
            (step, rest.len())
        };
        held.drain(..held.len() - rest_len);
        self.keep(from, held, step)
    }

    fn keep(&mut self, from: Role, held: Vec<u8>, step: Step) -> Step {
        if step == Step::Go {
            self.half(from).message = held;
        }
        step
    }

    /// Reads whole messages, and gives the bytes after them.
    fn messages<'a>(&mut self, from: Role, bytes: &'a [u8], emit: Emit<'_>) -> (Step, &'a [u8]) {
        let mut rest = bytes;
        loop {
            let mut reader = Reader(rest);
            let (Some(kind), Some(len)) = (reader.u8(), reader.u24()) else {
                return (Step::Go, rest);
            };
            if len > HANDSHAKE_BYTES_MAX {
                return (Step::Broken, rest);
            }
            let Some(body) = reader.take(len) else {
                return (Step::Go, rest);
            };
            rest = reader.0;
            let step = self.message(from, kind, body, emit);
            if step != Step::Go {
                return (step, rest);
            }
        }
    }

    fn message(&mut self, from: Role, kind: u8, body: &[u8], emit: Emit<'_>) -> Step {
        let is_well_formed = match (kind, from) {
            (MESSAGE_CLIENT_HELLO, Role::Server) | (MESSAGE_SERVER_HELLO, Role::Client) => false,
            // A second one answers the server's wish for it, and is made to that wish.
            (MESSAGE_CLIENT_HELLO, _) if self.client_hello => true,
            (MESSAGE_CLIENT_HELLO, _) => ClientHello::parse(body)
                .map(|hello| self.client_hello(&hello, emit))
                .is_some(),
            (MESSAGE_SERVER_HELLO, _) if self.server_hello => true,
            (MESSAGE_SERVER_HELLO, _) => ServerHello::parse(body)
                .map(|hello| self.server_hello(&hello, emit))
                .is_some(),
            // A client's certificate names a person as often as a device: it is not read.
            (MESSAGE_CERTIFICATE, Role::Server) => {
                leaf(body).is_none_or(|leaf| leaf.is_empty() || self.certificate(leaf, emit))
            }
            _ => true,
        };
        if !is_well_formed && kind == MESSAGE_CERTIFICATE {
            emit(Observation::Malformed);
            return Step::Go;
        }
        if is_well_formed {
            Step::Go
        } else {
            Step::Broken
        }
    }

    fn client_hello(&mut self, hello: &ClientHello<'_>, emit: Emit<'_>) {
        self.client_hello = true;
        offers(hello, Transport::Tcp, emit);
        self.dicom.offered(hello.extensions.alpn());
        self.confirm(emit);
    }

    fn server_hello(&mut self, hello: &ServerHello<'_>, emit: Emit<'_>) {
        let version = hello.version();
        answers(hello, !self.retry, emit);
        // Drafts of TLS 1.3 had numbers of their own: 0x7fxx.
        self.is_tls13 = version == 0x0304 || version >> 8 == 0x7f;
        self.is_clear = names::is_clear(hello.cipher);
        self.retry |= hello.is_retry;
        self.server_hello = !hello.is_retry;
        if self.server_hello {
            let taken = hello.extensions.alpn();
            self.dicom.answered(self.port, taken, emit);
        }
        self.confirm(emit);
        self.encrypted(emit);
    }

    /// Reads the server's certificate; false if it is none.
    fn certificate(&mut self, leaf: &[u8], emit: Emit<'_>) -> bool {
        let signs = &mut self.dicom;
        certificate::observe(leaf, &mut |observation| {
            if let Observation::Fact {
                field: Field::TlsCertificateName | Field::TlsCertificateSubject,
                value,
                ..
            } = observation
            {
                signs.certified(value, emit);
            }
            emit(observation);
        })
    }

    fn confirm(&mut self, emit: Emit<'_>) {
        if self.client_hello && (self.server_hello || self.retry) && !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
    }

    fn encrypted(&mut self, emit: Emit<'_>) {
        if !self.encrypted && !self.is_clear {
            self.encrypted = true;
            emit(Observation::Encrypted);
        }
    }
}

/// A fatal alert or a farewell ends the connection; a warning does not.
fn alert(fragment: &[u8]) -> Step {
    match fragment {
        [_, ALERT_CLOSE_NOTIFY] => Step::Over,
        [ALERT_WARNING, _] => Step::Go,
        // Fatal; or encrypted, and what this stream said in clear was not seen.
        _ => Step::Over,
    }
}

/// The first certificate of a list: the server's own. RFC 5246, 7.4.2.
fn leaf(body: &[u8]) -> Option<&[u8]> {
    Reader(Reader(body).block24()?).block24()
}

fn fact(subject: Subject<'_>, field: Field, value: &[u8], emit: Emit<'_>) {
    emit(Observation::Fact {
        subject,
        field,
        value,
    });
}

/// What a client's hello says: of the client its fingerprints and protocols, of the server its
/// name. A client says the same to a server with each connection.
pub(super) fn offers(hello: &ClientHello<'_>, carrier: Transport, emit: Emit<'_>) {
    let basis = ClientBasis::of(hello, carrier);
    let name = hello.server_name().unwrap_or_default();
    let said = Digest::default()
        .words(&[MESSAGE_CLIENT_HELLO.into()])
        .part(basis.as_bytes())
        .part(hello.extensions.alpn_list())
        .part(name);
    passage(said.finish(), emit, |emit| {
        has_fingerprint(Field::TlsJa4, &basis.of_ja4(), fingerprint::ja4, emit);
        has_fingerprint(Field::TlsJa3, basis.of_ja3(), fingerprint::ja3, emit);
        alpn(&hello.extensions, emit);
        if is_host_name(name) {
            fact(Subject::Receiver, Field::TlsServerName, name, emit);
            let mut asked = StackText::<255>::new();
            asked.push_lower(name);
            says(Field::TlsClientName, asked.as_bytes(), emit);
        }
    });
}

/// What a server's hello says of it: where it is the first one, version and cipher suite; where
/// the server stays with it, its fingerprint and the protocol taken.
pub(super) fn answers(hello: &ServerHello<'_>, is_first: bool, emit: Emit<'_>) {
    let basis = fingerprint::server_basis(hello);
    let said = Digest::default()
        .words(&[
            MESSAGE_SERVER_HELLO.into(),
            hello.version().into(),
            u64::from(is_first) << 1 | u64::from(hello.is_retry),
        ])
        .part(&basis)
        .part(hello.extensions.alpn_list());
    passage(said.finish(), emit, |emit| {
        if is_first {
            let version = names::version(hello.version());
            says(Field::TlsVersion, version.as_bytes(), emit);
            let cipher = names::cipher(hello.cipher);
            says(Field::TlsCipher, cipher.as_bytes(), emit);
        }
        if !hello.is_retry {
            has_fingerprint(Field::TlsJa3s, &basis, fingerprint::ja3s, emit);
            alpn(&hello.extensions, emit);
        }
    });
}

/// The sender's application protocols; names of other than printable ASCII mean nothing.
fn alpn(extensions: &hello::Extensions<'_>, emit: Emit<'_>) {
    for name in extensions
        .alpn()
        .filter(|name| !name.is_empty() && name.iter().all(u8::is_ascii_graphic))
        .take(ALPN_NAMES_MAX)
    {
        fact(Subject::Sender, Field::TlsAlpn, name, emit);
    }
}

/// A DNS name: RFC 6066 allows neither an address nor anything but a host name.
fn is_host_name(name: &[u8]) -> bool {
    (1..=255).contains(&name.len())
        && name.iter().any(u8::is_ascii_alphabetic)
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte))
}
