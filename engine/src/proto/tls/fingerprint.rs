//! Fingerprints of a hello: JA4 of a TLS client, JA3 and JA3S. They say which library with which
//! settings speaks, never which device; no other member of the JA4+ family is made here.
//!
//! JA4: TLS client fingerprinting, Copyright (c) 2023, FoxIO, LLC, BSD 3-Clause (LICENSE-JA4).
//! JA3 and JA3S: Copyright (c) 2017, Salesforce.com, BSD 3-Clause.

use std::iter::once;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::hello::{ClientHello, ServerHello, is_grease};
use crate::proto::Transport;

/// `server_name` and `application_layer_protocol_negotiation`: counted, but not in the hash.
const EXT_LEFT_OUT: [u16; 2] = [0, 16];

/// The third part, or the second, where its list is empty.
const EMPTY_HASH: &str = "000000000000";

/// A number of four digits, and what stands between it and the next.
const HEX4_LEN: usize = 5;

/// What the lists of most hellos fit into.
const LIST_LEN: usize = 64;

/// What JA3 and JA3S of most hellos fit into.
const JA3_TEXT_LEN: usize = 256;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

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

/// Bytes as lower-case hexadecimal text.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0xf)]));
    }
    text
}

/// The JA4 of a TLS client over TCP, or over QUIC: 36 characters, `a_b_c`.
pub fn ja4(hello: &ClientHello<'_>, carrier: Transport) -> String {
    let mut ciphers = list(hello.ciphers());
    let mut extensions = list(hello.extensions.iter().map(|(kind, _)| kind));
    let a = format!(
        "{}{}{}{:02}{:02}{}",
        match carrier {
            Transport::Tcp => 't',
            Transport::Udp => 'q',
        },
        ja4_version(hello.version()),
        if hello.names_server() { 'd' } else { 'i' },
        ciphers.len().min(99),
        extensions.len().min(99),
        ja4_alpn(hello.extensions.alpn().next().unwrap_or_default()),
    );
    ciphers.sort_unstable();
    extensions.retain(|kind| !EXT_LEFT_OUT.contains(kind));
    extensions.sort_unstable();
    let signatures = list(hello.signature_algorithms());
    let b = ja4_hash(&ciphers, &[]);
    let c = ja4_hash(&extensions, &signatures);
    format!("{a}_{b}_{c}")
}

/// The values that are no grease.
fn list(values: impl Iterator<Item = u16>) -> Vec<u16> {
    let mut list = Vec::with_capacity(LIST_LEN);
    list.extend(no_grease(values));
    list
}

/// The first 12 hexadecimal digits of the SHA-256 over the lists.
fn ja4_hash(list: &[u16], appendix: &[u16]) -> String {
    if list.is_empty() && appendix.is_empty() {
        return EMPTY_HASH.to_owned();
    }
    let mut text = Vec::with_capacity((list.len() + appendix.len()) * HEX4_LEN);
    join(&mut text, list.iter().copied(), b',', hex4);
    if !appendix.is_empty() {
        text.push(b'_');
        join(&mut text, appendix.iter().copied(), b',', hex4);
    }
    let digest = Sha256::digest(&text);
    hex(digest.get(..EMPTY_HASH.len() / 2).unwrap_or_default())
}

fn ja4_version(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    }
}

/// The first and the last character of the first name, or of its hexadecimal form where either
/// is no ASCII letter or digit.
fn ja4_alpn(name: &[u8]) -> String {
    let (Some(&first), Some(&last)) = (name.first(), name.last()) else {
        return "00".to_owned();
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        [char::from(first), char::from(last)].iter().collect()
    } else {
        format!("{:x}{:x}", first >> 4, last & 0x0f)
    }
}

/// The JA3 of a client: MD5, 32 hexadecimal digits.
pub fn ja3(hello: &ClientHello<'_>) -> String {
    let mut text = Vec::with_capacity(JA3_TEXT_LEN);
    let kinds = hello.extensions.iter().map(|(kind, _)| kind);
    join(&mut text, once(hello.legacy_version), b',', decimal);
    text.push(b',');
    join(&mut text, no_grease(hello.ciphers()), b'-', decimal);
    text.push(b',');
    join(&mut text, no_grease(kinds), b'-', decimal);
    text.push(b',');
    join(&mut text, no_grease(hello.groups()), b'-', decimal);
    text.push(b',');
    join(&mut text, hello.point_formats(), b'-', decimal);
    hex(&Md5::digest(&text))
}

/// The JA3S of a server: MD5, 32 hexadecimal digits.
pub fn ja3s(hello: &ServerHello<'_>) -> String {
    let mut text = Vec::with_capacity(JA3_TEXT_LEN);
    let kinds = hello.extensions.iter().map(|(kind, _)| kind);
    let chosen = [hello.legacy_version, hello.cipher];
    join(&mut text, chosen.into_iter(), b',', decimal);
    text.push(b',');
    join(&mut text, kinds, b'-', decimal);
    hex(&Md5::digest(&text))
}

fn no_grease(values: impl Iterator<Item = u16>) -> impl Iterator<Item = u16> {
    values.filter(|value| !is_grease(*value))
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
        assert_eq!(hex(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }
}
