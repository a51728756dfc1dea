//! OPC UA over TCP (OPC 10000-6; port 4840): what a server says of its application and its build,
//! where it is in clear. It reads no value of a process, no user, no token and no name of a host.
//!
//! ```text
//! type 3 | chunk u8 | size u32                        HEL, ACK, ERR, OPN, MSG, CLO; section 7.1
//! MSG   channel u32 | token u32 | sequence u32 | request u32 | type | head | body
//! ```

mod binary;
#[cfg(test)]
mod tests;

use medtap_table::vocabulary::{Field, Protocol};

use super::reader::Reader;
use super::reported;
use super::{Classifier, Progress, Segment, Then, Transport, Verdict, ports};
use crate::config::{OPCUA_MESSAGE_BYTES_MAX, OPCUA_READS_MAX};
use crate::observe::{Emit, Observation, Role, says};
use binary::{Binary, Value};

/// The row of this protocol.
pub const CLASSIFIER: Classifier = Classifier {
    protocol: Protocol::Opcua,
    transport: Transport::Tcp,
    ports: PORTS,
    first: b"HAEOMC",
    marks: &[],
    probe,
    session: || Box::new(Session::default()),
};

const PORTS: &[u16] = &[4840];

const HEADER_LEN: usize = 8;
/// Version, two buffers, two limits.
const LIMITS_LEN: usize = 20;
/// The longest URL of an endpoint, section 7.1.2.3.
const URL_BYTES_MAX: usize = 4096;
/// Channel, token, sequence, request; behind them a type of four bytes.
const MESSAGE_LEN_MIN: usize = HEADER_LEN + 16 + 4;
/// How the names of security policies begin, OPC 10000-7.
const POLICY: &[u8] = b"http://opcfoundation.org/UA/SecurityPolicy#";
const NO_POLICY: &[u8] = b"None";

/// Numbers of the messages that are read (NodeIds of the standard, binary encoding).
mod id {
    pub const GET_ENDPOINTS: u32 = 428;
    pub const ENDPOINTS: u32 = 431;
    pub const CREATE_SESSION: u32 = 461;
    pub const SESSION_CREATED: u32 = 464;
    pub const ACTIVATE_SESSION: u32 = 467;
    pub const SESSION_ACTIVATED: u32 = 470;
    pub const READ: u32 = 631;
    pub const VALUES: u32 = 634;
    /// Structures, and the nodes that hold them.
    pub const BUILD_INFO: u32 = 340;
    pub const SERVER_STATUS: u32 = 864;
    pub const PRODUCT: u32 = 2261;
    pub const PRODUCT_URI: u32 = 2262;
    pub const MANUFACTURER: u32 = 2263;
    pub const SOFTWARE: u32 = 2264;
    pub const BUILD: u32 = 2265;
}

/// The head of a message: its type, whether it is the last piece, its size.
#[derive(Clone, Copy)]
struct Head {
    kind: [u8; 3],
    is_last: bool,
    size: usize,
}

impl Head {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, chunk, size @ ..] = *bytes.first_chunk::<HEADER_LEN>()?;
        let (kind, size) = ([a, b, c], u32::from_le_bytes(size));
        let size = usize::try_from(size).ok()?;
        let is_message = matches!(&kind, b"OPN" | b"MSG" | b"CLO") && matches!(chunk, b'C' | b'A');
        let is_known = matches!(&kind, b"HEL" | b"ACK" | b"ERR" | b"OPN" | b"MSG" | b"CLO");
        let fits = is_known && size >= HEADER_LEN && (chunk == b'F' || is_message);
        fits.then_some(Self {
            kind,
            is_last: chunk == b'F',
            size,
        })
    }
}

fn probe(segment: &Segment<'_>) -> Verdict {
    let bytes = segment.bytes;
    let Some(head) = Head::parse(bytes) else {
        let kinds = [b"HELF", b"ACKF", b"OPNF", b"MSGF"];
        let could = bytes.len() < HEADER_LEN
            && kinds
                .iter()
                .any(|kind| kind.iter().zip(bytes).all(|(a, b)| a == b));
        return match could && !segment.cut {
            true => Verdict::NeedMore,
            false => Verdict::Reject,
        };
    };
    let body = bytes.get(HEADER_LEN..).unwrap_or_default();
    match &head.kind {
        b"HEL" if (1..=URL_BYTES_MAX + 4).contains(&head.size.wrapping_sub(28)) => {
            match body.get(LIMITS_LEN + 4..) {
                Some(url) if url.starts_with(b"opc.tcp:") => Verdict::Match(Role::Client),
                Some(url) if url.len() >= 8 => Verdict::Reject,
                _ if segment.cut => Verdict::Reject,
                _ => Verdict::NeedMore,
            }
        }
        // A version is small, a buffer at least 8,192 bytes.
        b"ACK" if head.size == HEADER_LEN + LIMITS_LEN => match body.first_chunk::<8>() {
            Some([version, 0, 0, 0, _, high, c, d]) if *version < 16 => {
                match *high >= 0x20 || *c != 0 || *d != 0 {
                    true => Verdict::Match(Role::Server),
                    false => Verdict::Reject,
                }
            }
            None if !segment.cut => Verdict::NeedMore,
            _ => Verdict::Reject,
        },
        b"OPN" if policy(body).is_some() => Verdict::Match(ports::role_of_sender(segment, PORTS)),
        b"MSG" if head.size == bytes.len() && head.size >= MESSAGE_LEN_MIN => {
            Verdict::Match(ports::role_of_sender(segment, PORTS))
        }
        _ => Verdict::Reject,
    }
}

/// The policy that a channel is opened with: what stands behind the common words.
fn policy(body: &[u8]) -> Option<&[u8]> {
    let mut body = Binary(Reader(body));
    body.0.u32_le()?;
    body.string()?.strip_prefix(POLICY)
}

/// What one connection has said so far.
#[derive(Default)]
struct Session {
    confirmed: bool,
    greeted: bool,
    /// By direction: the next message is the rest of one that came in pieces.
    in_pieces: [bool; 2],
    /// Number of the last request.
    request: Option<u32>,
    /// The nodes that it reads, in its order.
    reads: [Option<u32>; OPCUA_READS_MAX],
}

impl super::Session for Session {
    fn observe(&mut self, segment: &Segment<'_>, emit: Emit<'_>) -> Progress {
        if segment.bytes.len() < HEADER_LEN {
            return Progress::consumed(0);
        }
        let Some(head) = Head::parse(segment.bytes) else {
            emit(Observation::Malformed);
            return Progress::DONE;
        };
        let here = head.size.min(segment.bytes.len());
        let whole = segment.bytes.get(HEADER_LEN..head.size);
        let fits = head.size <= OPCUA_MESSAGE_BYTES_MAX;
        if whole.is_none() && fits && !segment.cut {
            return Progress::consumed(0);
        }
        let direction = usize::from(segment.from == Role::Server);
        let is_rest = self.in_pieces.get_mut(direction).is_some_and(|in_pieces| {
            std::mem::replace(in_pieces, !head.is_last && head.kind == *b"MSG")
        });
        let body = whole.filter(|_| fits && !is_rest && head.is_last);
        if let Some(body) = body
            && self.message(&head, body, segment.from, emit).is_none()
        {
            return Progress::DONE;
        }
        Progress {
            consumed: here,
            then: match head.size - here {
                0 => Then::More,
                missing => Then::Skip(missing as u64),
            },
        }
    }
}

impl Session {
    /// `None` where nothing more can be read.
    fn message(&mut self, head: &Head, body: &[u8], from: Role, emit: Emit<'_>) -> Option<()> {
        match &head.kind {
            b"HEL" => self.greeted = true,
            b"ACK" if self.greeted => self.confirm(emit),
            b"OPN" => match policy(body) {
                Some(NO_POLICY) => {}
                Some(_) => {
                    emit(Observation::Encrypted);
                    return None;
                }
                None => emit(Observation::Malformed),
            },
            b"MSG" => {
                // What does not fit may be a type that is not stepped over: no fault of theirs.
                let _ = self.service(Binary(Reader(body)), from, emit);
            }
            _ => {}
        }
        Some(())
    }

    fn confirm(&mut self, emit: Emit<'_>) {
        if !self.confirmed {
            self.confirmed = true;
            emit(Observation::Confirmed);
        }
    }

    fn service(&mut self, mut body: Binary<'_>, from: Role, emit: Emit<'_>) -> Option<()> {
        body.0.take(12)?;
        let request = body.0.u32_le()?;
        let kind = body.node()??;
        match kind {
            id::GET_ENDPOINTS | id::CREATE_SESSION | id::ACTIVATE_SESSION | id::READ => {
                self.request = Some(request);
                self.reads = [None; OPCUA_READS_MAX];
                body.request_header()?;
                match kind {
                    id::READ => self.read(body)?,
                    id::CREATE_SESSION => application(&mut body, Role::Client, emit)?,
                    _ => {}
                }
            }
            id::ENDPOINTS | id::SESSION_CREATED | id::SESSION_ACTIVATED | id::VALUES
                if self.request == Some(request) && from == Role::Server =>
            {
                self.confirm(emit);
                if body.response_header()? == 0 {
                    self.answer(kind, body, emit)?;
                }
            }
            _ => {}
        }
        Some(())
    }

    /// Which nodes' values are asked for, OPC 10000-4 section 5.11.2.
    fn read(&mut self, mut body: Binary<'_>) -> Option<()> {
        const VALUE: u32 = 13;
        body.0.take(8 + 4)?;
        let count = body.count()?;
        for slot in self.reads.iter_mut().take(count) {
            let node = body.node()?;
            let attribute = body.0.u32_le()?;
            body.string()?;
            body.0.u16_le()?;
            body.string()?;
            *slot = node.filter(|_| attribute == VALUE);
        }
        Some(())
    }

    fn answer(&self, kind: u32, mut body: Binary<'_>, emit: Emit<'_>) -> Option<()> {
        match kind {
            id::ENDPOINTS => endpoint(&mut body, emit)?,
            id::SESSION_CREATED => {
                body.node()?;
                body.node()?;
                body.0.take(8)?;
                body.string()?;
                body.string()?;
                endpoint(&mut body, emit)?;
            }
            // A channel without a policy was let in.
            id::SESSION_ACTIVATED => says(Field::OpcuaSession, b"unprotected", emit),
            _ => {
                let count = body.count()?;
                for node in self.reads.iter().take(count) {
                    let value = body.data_value()?;
                    if let Some(node) = node {
                        told(*node, value, emit)?;
                    }
                }
            }
        }
        Some(())
    }
}

/// The first endpoint of several: whose application it is, OPC 10000-4 section 7.14.
fn endpoint(body: &mut Binary<'_>, emit: Emit<'_>) -> Option<()> {
    if body.count()? == 0 {
        return None;
    }
    body.string()?;
    application(body, Role::Server, emit)
}

/// An application's description, section 7.2. The name of a client often holds a computer's or
/// a user's.
fn application(body: &mut Binary<'_>, of: Role, emit: Emit<'_>) -> Option<()> {
    body.string()?;
    let product = body.string()?;
    let name = body.localized()?;
    fact(Field::OpcuaProductUri, product, emit);
    if of == Role::Server {
        fact(Field::OpcuaApplicationName, name, emit);
    }
    Some(())
}

/// A node's value, OPC 10000-5 section 6.3.5.
fn told(node: u32, value: Value<'_>, emit: Emit<'_>) -> Option<()> {
    let field = match (node, value) {
        (_, Value::Structure(id::BUILD_INFO, body)) => {
            return build_info(Binary(Reader(body)), emit);
        }
        (_, Value::Structure(id::SERVER_STATUS, body)) => {
            let mut body = Binary(Reader(body));
            body.0.take(8 + 8 + 4)?;
            return build_info(body, emit);
        }
        (id::PRODUCT, _) => Field::OpcuaProduct,
        (id::PRODUCT_URI, _) => Field::OpcuaProductUri,
        (id::MANUFACTURER, _) => Field::OpcuaManufacturer,
        (id::SOFTWARE, _) => Field::OpcuaSoftware,
        (id::BUILD, _) => Field::OpcuaBuild,
        _ => return Some(()),
    };
    if let Value::Text(text) = value {
        fact(field, text, emit);
    }
    Some(())
}

fn build_info(mut body: Binary<'_>, emit: Emit<'_>) -> Option<()> {
    for field in [
        Field::OpcuaProductUri,
        Field::OpcuaManufacturer,
        Field::OpcuaProduct,
        Field::OpcuaSoftware,
        Field::OpcuaBuild,
    ] {
        fact(field, body.string()?, emit);
    }
    Some(())
}

fn fact(field: Field, value: &[u8], emit: Emit<'_>) {
    if let Some(value) = reported::text(value).filter(|value| !reported::names_person(value)) {
        says(field, value, emit);
    }
}
