//! Fingerprints of a hello: JA4 of a TLS client, JA3 and JA3S. They say which library with which
//! settings speaks, never which device; no other member of the JA4+ family is made here.
//!
//! JA4: TLS client fingerprinting, Copyright (c) 2023, FoxIO, LLC, BSD 3-Clause (LICENSE-JA4).
//! JA3 and JA3S: Copyright (c) 2017, Salesforce.com, BSD 3-Clause.

use std::iter::once;
use std::ops::Range;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::hello::{ClientHello, EXT_ALPN, EXT_SERVER_NAME, Extensions, ServerHello, is_grease};
use crate::observe::Fingerprint;
use crate::proto::Transport;
use crate::proto::reader::{Reader, words};
use crate::proto::stack_text::{StackText, hex};

/// What the bases of most hellos fit into.
const BASIS_LEN: usize = 512;

/// What JA3 and JA3S of most hellos, and the lists of JA4, fit into.
const TEXT_LEN: usize = 256;

/// The second or the third part of a JA4 where its list is empty.
const EMPTY_HASH: &[u8] = b"000000000000";

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// All that the fingerprints of a client are made of. Random, session, key shares, tickets, padding
/// and the server's name are not in it, and neither is grease: in these the hellos of a library
/// differ.
///
/// ```text
/// JA4   carrier u8 | version u16 | ALPN: 2 characters | types of extensions, in the order of their
///       numbers | signature algorithms | cipher suites
/// JA3   cipher suites | legacy version u16 | types of extensions | groups | point formats
/// list  length in bytes u16 | numbers u16, of point formats both u8
/// ```
pub struct ClientBasis {
    /// As above, but that JA4's types of extensions are in the order in which they were sent.
    bytes: Vec<u8>,
    /// Where those are.
    ja4_kinds: Range<usize>,
    /// Where the cipher suites are, which both have.
    ciphers_start: usize,
    ciphers_end: usize,
}

impl ClientBasis {
    /// That of a hello over TCP, or over QUIC.
    pub fn of(hello: &ClientHello<'_>, carrier: Transport) -> Self {
        let mut bytes = Vec::with_capacity(BASIS_LEN);
        bytes.push(match carrier {
            Transport::Tcp => b't',
            Transport::Udp => b'q',
        });
        bytes.extend_from_slice(&hello.version().to_be_bytes());
        let alpn = hello.extensions.alpn().next().unwrap_or_default();
        bytes.extend_from_slice(&ja4_alpn(alpn));
        let kinds_start = bytes.len();
        push_kinds(&mut bytes, &hello.extensions);
        let ja4_kinds = kinds_start..bytes.len();
        push_list(&mut bytes, hello.signature_algorithms());
        let ciphers_start = bytes.len();
        push_list(&mut bytes, hello.ciphers);
        let ciphers_end = bytes.len();
        bytes.extend_from_slice(&hello.legacy_version.to_be_bytes());
        bytes.extend_from_within(ja4_kinds.clone());
        push_list(&mut bytes, hello.groups());
        let formats = hello.point_formats();
        bytes.push(formats.len() as u8);
        bytes.extend_from_slice(formats);
        Self {
            bytes,
            ja4_kinds,
            ciphers_start,
            ciphers_end,
        }
    }

    /// What both are made of: hellos in which it is the same have the same fingerprints.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What [`ja4`] is made of.
    pub fn of_ja4(&self) -> Vec<u8> {
        let mut basis = self
            .bytes
            .get(..self.ciphers_end)
            .unwrap_or_default()
            .to_vec();
        let kinds = basis.get_mut(self.ja4_kinds.clone());
        // After their length.
        let kinds = kinds.and_then(|kinds| kinds.get_mut(2..));
        let (kinds, _) = kinds.unwrap_or_default().as_chunks_mut::<2>();
        kinds.sort_unstable();
        basis
    }

    /// What [`ja3`] is made of.
    pub fn of_ja3(&self) -> &[u8] {
        self.bytes.get(self.ciphers_start..).unwrap_or_default()
    }
}

/// Appends the numbers of a list that are no grease, after their length.
fn push_list(bytes: &mut Vec<u8>, list: &[u8]) {
    let (list, _) = list.as_chunks::<2>();
    let start = bytes.len();
    bytes.resize(start + 2 + size_of_val(list), 0);
    let (room, _) = bytes.get_mut(start..).unwrap_or_default().as_chunks_mut();
    let mut used = 1;
    for number in list {
        // What is grease, the next one is written over.
        if let Some(place) = room.get_mut(used) {
            *place = *number;
        }
        used += usize::from(!is_grease(u16::from_be_bytes(*number)));
    }
    end_list(bytes, start, start + 2 * used);
}

/// Appends the types of extensions that are no grease, after their length.
fn push_kinds(bytes: &mut Vec<u8>, extensions: &Extensions<'_>) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; 2]);
    for (kind, _) in extensions.iter().filter(|(kind, _)| !is_grease(*kind)) {
        bytes.extend_from_slice(&kind.to_be_bytes());
    }
    let end = bytes.len();
    end_list(bytes, start, end);
}

/// Writes the length of a list before it. None of a hello is longer than its length can say.
fn end_list(bytes: &mut Vec<u8>, start: usize, end: usize) {
    bytes.truncate(end);
    if let Some(place) = bytes.get_mut(start..start + 2) {
        place.copy_from_slice(&((end - start - 2) as u16).to_be_bytes());
    }
}

/// The JA4 of a TLS client: 36 characters, `a_b_c`.
pub fn ja4(basis: &[u8]) -> Fingerprint {
    make_ja4(basis).unwrap_or(Fingerprint::NONE)
}

fn make_ja4(basis: &[u8]) -> Option<Fingerprint> {
    let mut reader = Reader(basis);
    let (carrier, version) = (reader.u8()?, reader.u16()?);
    let alpn = reader.take(2)?;
    let (extensions, signatures) = (reader.block16()?, reader.block16()?);
    let mut ciphers: Vec<u16> = words(reader.block16()?).collect();
    let counts = [ciphers.len(), words(extensions).count()];
    ciphers.sort_unstable();
    let mut text = StackText::<36>::new();
    text.push(&[carrier]);
    text.push(ja4_version(version));
    let names_server = words(extensions).any(|kind| kind == EXT_SERVER_NAME);
    text.push(if names_server { b"d" } else { b"i" });
    for count in counts {
        let (digits, _) = decimal(count.min(99) as u16 + 100);
        text.push(&digits[3..]);
    }
    text.push(alpn);
    // Counted, but not in the hash.
    let is_hashed = |kind: &u16| ![EXT_SERVER_NAME, EXT_ALPN].contains(kind);
    let hashed = words(extensions).filter(is_hashed);
    text.push_item(b"_", ja4_hash(ciphers.into_iter(), &[]).as_bytes());
    text.push_item(b"_", ja4_hash(hashed, signatures).as_bytes());
    Some(Fingerprint::new(text.as_bytes()))
}

/// The first 12 hexadecimal digits of the SHA-256 over the lists.
fn ja4_hash(list: impl Iterator<Item = u16>, appendix: &[u8]) -> StackText<12> {
    let mut text = Vec::with_capacity(TEXT_LEN);
    join(&mut text, list, b',', hex4);
    if !appendix.is_empty() {
        text.push(b'_');
        join(&mut text, words(appendix), b',', hex4);
    }
    if text.is_empty() {
        let mut empty = StackText::new();
        empty.push(EMPTY_HASH);
        return empty;
    }
    hex(&Sha256::digest(&text), b"")
}

fn ja4_version(version: u16) -> &'static [u8] {
    match version {
        0x0304 => b"13",
        0x0303 => b"12",
        0x0302 => b"11",
        0x0301 => b"10",
        0x0300 => b"s3",
        0x0002 => b"s2",
        _ => b"00",
    }
}

/// The first and the last character of the first name, or of its hexadecimal form where either
/// is no ASCII letter or digit.
fn ja4_alpn(name: &[u8]) -> [u8; 2] {
    let (Some(&first), Some(&last)) = (name.first(), name.last()) else {
        return *b"00";
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        [first, last]
    } else {
        let digit = |value: u8| DIGITS[usize::from(value & 0x0f)];
        [digit(first >> 4), digit(last)]
    }
}

/// The JA3 of a client: MD5, 32 hexadecimal digits.
pub fn ja3(basis: &[u8]) -> Fingerprint {
    make_ja3(basis).unwrap_or(Fingerprint::NONE)
}

fn make_ja3(basis: &[u8]) -> Option<Fingerprint> {
    let mut reader = Reader(basis);
    let ciphers = reader.block16()?;
    let mut text = Vec::with_capacity(TEXT_LEN);
    join(&mut text, once(reader.u16()?), b',', decimal);
    text.push(b',');
    join(&mut text, words(ciphers), b'-', decimal);
    for _ in 0..2 {
        text.push(b',');
        join(&mut text, words(reader.block16()?), b'-', decimal);
    }
    text.push(b',');
    let formats = reader.block8()?.iter().map(|format| u16::from(*format));
    join(&mut text, formats, b'-', decimal);
    Some(md5(&text))
}

/// All that the JA3S of a server is made of.
///
/// ```text
/// legacy version u16 | cipher suite u16 | types of extensions: u16, to the end
/// ```
pub fn server_basis(hello: &ServerHello<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BASIS_LEN);
    let chosen = [hello.legacy_version, hello.cipher];
    let kinds = hello.extensions.iter().map(|(kind, _)| kind);
    for number in chosen.into_iter().chain(kinds) {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes
}

/// The JA3S of a server: MD5, 32 hexadecimal digits.
pub fn ja3s(basis: &[u8]) -> Fingerprint {
    let mut text = Vec::with_capacity(TEXT_LEN);
    join(&mut text, words(basis).take(2), b',', decimal);
    text.push(b',');
    join(&mut text, words(basis).skip(2), b'-', decimal);
    md5(&text)
}

/// The MD5 of a text, in hexadecimal digits.
pub fn md5(text: &[u8]) -> Fingerprint {
    Fingerprint::new(hex::<32>(&Md5::digest(text), b"").as_bytes())
}

/// A number's text at the end of some bytes, and where it begins.
type Number = ([u8; 5], usize);

/// Writes numbers with separators between, as `one` writes them.
fn join(
    text: &mut Vec<u8>,
    values: impl Iterator<Item = u16>,
    separator: u8,
    one: fn(u16) -> Number,
) {
    for (index, value) in values.enumerate() {
        if index > 0 {
            text.push(separator);
        }
        let (digits, start) = one(value);
        text.extend_from_slice(digits.get(start..).unwrap_or_default());
    }
}

fn hex4(value: u16) -> Number {
    let digit = |shift: u16| DIGITS[usize::from(value >> shift & 0xf)];
    ([0, digit(12), digit(8), digit(4), digit(0)], 1)
}

fn decimal(value: u16) -> Number {
    let (mut text, mut start, mut rest) = ([0; 5], 5, value);
    for byte in text.iter_mut().rev() {
        *byte = b'0' + (rest % 10) as u8;
        start -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    (text, start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_whole() {
        let text = |(text, start): Number| String::from_utf8(text[start..].to_vec()).unwrap();
        for value in [0, 9, 10, 255, 4865, 10_000, u16::MAX] {
            assert_eq!(text(decimal(value)), value.to_string());
            assert_eq!(text(hex4(value)), format!("{value:04x}"));
        }
    }
}
