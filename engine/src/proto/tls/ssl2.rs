//! Hellos in the form of SSL 2.0: of old clients that offer more, and of both ends where nothing
//! more is spoken. It reads no certificate and no cipher.

use crate::observe::Role;
use crate::proto::Verdict;
use crate::proto::reader::Reader;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 4;
/// SSL 2.0 itself.
const VERSION: [u8; 2] = [0, 2];

/// The lengths in a hello that old clients sent so that SSL 2.0 servers understand it: RFC 5246,
/// appendix E.2. The whole message's length, if the bytes are one.
pub(super) fn hello_len(bytes: &[u8]) -> Option<usize> {
    let mut reader = Reader(bytes);
    let len = reader.u16()?;
    let is_hello = len & 0x8000 != 0 && reader.u8()? == CLIENT_HELLO;
    let major = reader.u8()?;
    let minor = reader.u8()?;
    let ciphers = reader.u16()?;
    let session = reader.u16()?;
    let challenge = reader.u16()?;
    let len = usize::from(len & 0x7fff);
    let parts = 9 + usize::from(ciphers) + usize::from(session) + usize::from(challenge);
    let fits = len == parts
        && ciphers > 0
        && ciphers.is_multiple_of(3)
        && matches!(session, 0 | 16)
        && (16..=32).contains(&challenge);
    let is_version = major == 3 && minor <= 3 || [major, minor] == VERSION;
    (is_hello && is_version && fits).then_some(2 + len)
}

/// True for a server's hello of SSL 2.0: session known or not, kind of certificate, version, and
/// three lengths that fit into the record (the protocol's specification, section 2.7).
pub(super) fn is_answer(bytes: &[u8]) -> Option<bool> {
    let mut reader = Reader(bytes);
    let len = usize::from(reader.u16()?);
    let head = reader.take(3)?;
    let version = reader.take(2)?;
    let parts = [reader.u16()?, reader.u16()?, reader.u16()?];
    let sum: usize = parts.iter().map(|part| usize::from(*part)).sum();
    let [_, ciphers, connection] = parts;
    let is_one = len & 0x8000 != 0
        && matches!(head, [SERVER_HELLO, 0 | 1, 0 | 1])
        && version == VERSION
        && len & 0x7fff == 11 + sum
        && ciphers.is_multiple_of(3)
        && connection == 16;
    Some(is_one)
}

pub(super) fn probe(bytes: &[u8]) -> Verdict {
    /// Length, type, version, three lengths.
    const HEADER_LEN: usize = 11;
    if hello_len(bytes).is_some() {
        return Verdict::Match(Role::Client);
    }
    let could = bytes.len() < HEADER_LEN
        && bytes.first().is_none_or(|byte| byte & 0x80 != 0)
        && bytes.get(2).is_none_or(|byte| *byte == CLIENT_HELLO)
        && bytes.get(3).is_none_or(|byte| matches!(byte, 0 | 3));
    if could {
        Verdict::NeedMore
    } else {
        Verdict::Reject
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(version: [u8; 2]) -> Vec<u8> {
        let mut bytes = vec![
            0x80,
            28,
            CLIENT_HELLO,
            version[0],
            version[1],
            0,
            3,
            0,
            0,
            0,
            16,
        ];
        bytes.extend([1, 0, 0x80]);
        bytes.extend([7; 16]);
        bytes
    }

    #[test]
    fn hellos_of_clients_by_version() {
        for version in [[0, 2], [3, 0], [3, 3]] {
            let bytes = client(version);
            assert_eq!(hello_len(&bytes), Some(bytes.len()));
            assert_eq!(probe(&bytes), Verdict::Match(Role::Client));
            assert_eq!(probe(&bytes[..5]), Verdict::NeedMore);
        }
        for version in [[0, 3], [2, 0], [4, 0]] {
            assert_eq!(probe(&client(version)), Verdict::Reject);
        }
    }

    #[test]
    fn a_server_s_answer() {
        let mut bytes = vec![
            0x80,
            11 + 5 + 3 + 16,
            SERVER_HELLO,
            0,
            1,
            0,
            2,
            0,
            5,
            0,
            3,
            0,
            16,
        ];
        bytes.extend([9; 24]);
        assert_eq!(is_answer(&bytes), Some(true));
        assert_eq!(is_answer(&bytes[..12]), None);
        for (at, value) in [(0, 0), (1, 9), (2, 1), (6, 3), (10, 4), (12, 15)] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            assert_eq!(is_answer(&bytes), Some(false), "{at}");
        }
    }
}
