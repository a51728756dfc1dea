//! QUIC as Google spoke it before the drafts, versions Q009 to Q046: that it is spoken. Its hellos
//! are in clear; of them it reads the mark alone.
//!
//! ```text
//! public header  flags u8 | id 8 | "Q0nn" | packet number 1 to 6 | hash 12 | frame
//! from Q046 on   11xxxxxx u8 | "Q046" | 0x50 | id 8 | packet number 1 to 4 | hash 12 | frame
//! frame          1xxxxxxx u8 | stream 1 to 4 | offset 0 to 8 | length 2 | "CHLO" …
//! ```

use memchr::memmem;

use super::LONG;
use crate::proto::reader::Reader;

/// Flags of a public header: it names its version; an id is there; it ends the connection, and
/// what is always zero.
const NAMES_VERSION: u8 = 0x01;
const HAS_ID: u8 = 0x08;
const IS_ZERO: u8 = 0xc2;
const ID_LEN: usize = 8;
/// An id of eight bytes for the server, none for the client.
const ID_LENGTHS: u8 = 0x50;
/// Packet number, hash and the longest head of a frame.
const HELLO_AT_MAX: usize = 6 + 12 + 1 + 4 + 8 + 2;
/// An answer has no version, and may have another 32 bytes before its hash.
const ANSWER_AT_MAX: usize = 1 + ID_LEN + 32 + HELLO_AT_MAX;

/// The marks of hellos: a client's; a server's that wants another, or takes it.
const CLIENT: &[u8] = b"CHLO";
const SERVER: [&[u8]; 2] = [b"REJ\0", b"SHLO"];

/// Whether a client's first packet can begin with these flags.
pub(super) const fn is_public(flags: u8) -> bool {
    flags & NAMES_VERSION != 0 && flags & HAS_ID != 0 && flags & IS_ZERO == 0
}

/// The version is the mark of a packet: a letter, and a number below fifty.
fn is_version(version: [u8; 4]) -> bool {
    matches!(version, [b'Q', b'0', b'0'..=b'4', b'0'..=b'9'])
}

/// A client's first packet.
pub(super) fn is_hello(bytes: &[u8]) -> bool {
    says_hello(bytes).is_some_and(|says| says)
}

fn says_hello(bytes: &[u8]) -> Option<bool> {
    let mut reader = Reader(bytes);
    let first = reader.u8()?;
    let version = if is_public(first) {
        reader.take(ID_LEN)?;
        reader.array()?
    } else if first & LONG == LONG {
        let version = reader.array()?;
        reader.u8().filter(|lengths| *lengths == ID_LENGTHS)?;
        reader.take(ID_LEN)?;
        version
    } else {
        return None;
    };
    Some(is_version(version) && holds(reader.0, HELLO_AT_MAX, CLIENT))
}

/// A server's answer in clear.
pub(super) fn is_answer(bytes: &[u8]) -> bool {
    SERVER.iter().any(|mark| holds(bytes, ANSWER_AT_MAX, mark))
}

fn holds(bytes: &[u8], at_max: usize, mark: &[u8]) -> bool {
    let end = bytes.len().min(at_max + mark.len());
    memmem::find(bytes.get(..end).unwrap_or_default(), mark).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A public header, packet number 1, a hash, a frame of stream 1.
    const PUBLIC: &[u8] =
        b"\x0d\x4d\xd9\x0a\xb2\x8c\xb4\x58\x69Q035\x01\x67\x6c\x91\x3c\x15\x52\x3a\
        \x5e\xbf\x53\x50\x05\xa0\x01\0\x04CHLO\x1d\0\0\0";
    const LONG_FORM: &[u8] = b"\xc3Q046\x50\x4d\xd9\x0a\xb2\x8c\xb4\x58\x69\0\0\0\x01\x67\x6c\x91\
        \x3c\x15\x52\x3a\x5e\xbf\x53\x50\x05\xa0\x01\0\x04CHLO\x1d\0\0\0";
    const ANSWER: &[u8] =
        b"\0\x01\x67\x6c\x91\x3c\x15\x52\x3a\x5e\xbf\x53\x50\x05\xa0\x01\0\x04REJ\0";

    #[test]
    fn hellos_of_both_forms() {
        for hello in [PUBLIC, LONG_FORM] {
            assert!(is_hello(hello));
            assert!(!is_answer(hello));
            let end = hello.len() - 5;
            assert!(!is_hello(&hello[..end]), "no mark");
        }
        assert!(is_answer(ANSWER));
        assert!(!is_hello(ANSWER));
    }

    #[test]
    fn what_only_looks_alike_is_none() {
        for (at, byte, why) in [
            (0, 0x0c, "no version"),
            (0, 0x05, "no id"),
            (0, 0x0f, "the end of a connection"),
            (9, b'R', "another letter"),
            (11, b'5', "a version that encrypts"),
            (32, b'S', "another mark"),
        ] {
            let mut bytes = PUBLIC.to_vec();
            bytes[at] = byte;
            assert!(!is_hello(&bytes), "{why}");
        }
        let mut lengths = LONG_FORM.to_vec();
        lengths[5] = 0x55;
        assert!(!is_hello(&lengths));
    }
}
