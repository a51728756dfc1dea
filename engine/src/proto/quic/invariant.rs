//! What all versions of QUIC have in common (RFC 8999): a long header's version and the ids of both
//! ends. It knows no version's packets.
//!
//! ```text
//! long header  1xxxxxxx u8 | version u32 | to: length u8, id | from: length u8, id | …
//! negotiation  … with version 0 | the versions that a server speaks: u32, repeated
//! ```

use super::{ID_LEN_MAX, LONG, keys};
use crate::proto::Segment;
use crate::proto::reader::Reader;

/// The shortest datagram that a client begins with, RFC 9000 section 14.1.
const DATAGRAM_LEN_MIN: usize = 1200;
/// The shortest id that a client makes up for a server, RFC 9000 section 7.2.
const FIRST_ID_LEN_MIN: usize = 8;
/// Draft versions had the fixed bit in this place, too.
const FORM: u8 = 0x80;

/// A long header of any version.
#[derive(Clone, Copy)]
pub(super) struct Invariant<'a> {
    first: u8,
    version: u32,
    to: &'a [u8],
    from: &'a [u8],
    rest: &'a [u8],
}

/// An id that is kept.
#[derive(Clone, Copy)]
struct Id {
    bytes: [u8; ID_LEN_MAX],
    len: usize,
}

impl Id {
    fn new(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; ID_LEN_MAX];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(Self {
            bytes,
            len: id.len(),
        })
    }

    fn is(&self, id: &[u8]) -> bool {
        self.bytes.get(..self.len) == Some(id)
    }
}

/// How a client began.
pub(super) struct Asked {
    version: u32,
    to: Id,
    from: Id,
}

impl<'a> Invariant<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let first = reader.u8().filter(|first| first & FORM != 0)?;
        Some(Self {
            first,
            version: reader.u32()?,
            to: reader.block8().filter(|id| id.len() <= ID_LEN_MAX)?,
            from: reader.block8().filter(|id| id.len() <= ID_LEN_MAX)?,
            rest: reader.0,
        })
    }

    /// A server's answer to a version that it does not speak (RFC 9000 section 17.2.1), of which
    /// one that it names is known or kept free.
    pub(super) fn is_negotiation(&self) -> bool {
        let (versions, rest) = self.rest.as_chunks::<4>();
        let is_known = |version: &[u8; 4]| keys::version(u32::from_be_bytes(*version)).is_some();
        self.version == 0 && rest.is_empty() && versions.iter().any(is_known)
    }

    /// Whether a client could begin so in a version that is not known: it fills its datagram, and
    /// makes up an id for the server.
    pub(super) fn may_begin(&self, segment: &Segment<'_>) -> bool {
        let is_long = self.first & LONG == LONG && self.version != 0;
        let fills = segment.bytes.len() >= DATAGRAM_LEN_MIN || segment.cut;
        is_long && fills && self.to.len() >= FIRST_ID_LEN_MIN
    }

    pub(super) fn asks(&self) -> Option<Asked> {
        Some(Asked {
            version: self.version,
            to: Id::new(self.to)?,
            from: Id::new(self.from)?,
        })
    }

    /// A server answers to the id that the client gave itself, in its version; or repeats both ids
    /// and names others.
    pub(super) fn answers(&self, asked: &Asked) -> bool {
        let is_for_client = asked.from.is(self.to);
        match self.version {
            0 => is_for_client && asked.to.is(self.from),
            version => is_for_client && version == asked.version,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Role;

    /// The beginning of a client in a version that nobody knows, and what its servers answer.
    const BEGINNING: &[u8] = b"\xc3\x5c\x10\0\x07\x08serverid\x04from";
    const SAME: &[u8] = b"\xe3\x5c\x10\0\x07\x04from\x02hi";
    const OTHERS: &[u8] = b"\x80\0\0\0\0\x04from\x08serverid\x12\x34\x56\x78";

    fn may_begin(bytes: &[u8]) -> bool {
        let segment = Segment {
            bytes,
            from: Role::Peer,
            time_ns: 0,
            ports: (50_000, 443),
            cut: false,
        };
        Invariant::parse(bytes).is_some_and(|header| header.may_begin(&segment))
    }

    #[test]
    fn a_client_fills_its_datagram_and_names_the_server() {
        let mut bytes = BEGINNING.to_vec();
        bytes.resize(1200, 0);
        assert!(may_begin(&bytes));
        assert!(!may_begin(&bytes[..1199]));
        for (at, byte) in [(0, 0x83), (0, 0x43), (5, 7), (5, 21), (14, 21)] {
            let mut wrong = bytes.clone();
            wrong[at] = byte;
            assert!(!may_begin(&wrong), "{at}");
        }
    }

    #[test]
    fn an_answer_is_for_the_one_who_asked() {
        let answers = |asked: &[u8], answer: &[u8]| {
            let asked = Invariant::parse(asked).and_then(|header| header.asks());
            let answer = Invariant::parse(answer);
            answer.unwrap().answers(&asked.unwrap())
        };
        assert!(answers(BEGINNING, SAME));
        assert!(answers(BEGINNING, OTHERS));
        for at in 1..10 {
            let mut wrong = SAME.to_vec();
            wrong[at] ^= 1;
            let is_length = at == 5;
            assert!(is_length || !answers(BEGINNING, &wrong), "{at}");
        }
        for at in 6..19 {
            let mut wrong = OTHERS.to_vec();
            wrong[at] ^= 1;
            let is_length = at == 10;
            assert!(is_length || !answers(BEGINNING, &wrong), "{at}");
        }
    }

    #[test]
    fn a_negotiation_names_a_version_that_is_known_or_kept_free() {
        let is_one = |versions: &[u8]| {
            let bytes = [&OTHERS[..19], versions].concat();
            Invariant::parse(&bytes).is_some_and(|header| header.is_negotiation())
        };
        assert!(is_one(b"\x12\x34\x56\x78\0\0\0\x01"));
        assert!(is_one(b"\x1a\x2a\x3a\xfa"));
        assert!(!is_one(b"\x12\x34\x56\x78"));
        assert!(!is_one(b"\0\0\0\x01\0"));
    }
}
