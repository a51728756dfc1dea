//! Fingerprints of a hello: JA4 of a TLS client, JA3 and JA3S. They say which library with which
//! settings speaks, never which device; no other member of the JA4+ family is made here.
//!
//! JA4: TLS client fingerprinting, Copyright (c) 2023, FoxIO, LLC, BSD 3-Clause (LICENSE-JA4).
//! JA3 and JA3S: Copyright (c) 2017, Salesforce.com, BSD 3-Clause.

use std::fmt::{self, Write};

use md5::Md5;
use sha2::{Digest, Sha256};

use super::hello::{ClientHello, ServerHello, is_grease};
use crate::proto::Transport;

/// `server_name` and `application_layer_protocol_negotiation`: counted, but not in the hash.
const EXT_LEFT_OUT: [u16; 2] = [0, 16];

/// The third part, or the second, where its list is empty.
const EMPTY_HASH: &str = "000000000000";

/// Text that goes straight into a hash.
struct Hasher<D>(D);

impl<D: Digest> Write for Hasher<D> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}

/// Writes numbers between separators, in the format that `one` gives.
fn join<W: Write>(
    out: &mut W,
    values: impl Iterator<Item = u16>,
    separator: char,
    one: fn(&mut W, u16) -> fmt::Result,
) -> fmt::Result {
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.write_char(separator)?;
        }
        one(out, value)?;
    }
    Ok(())
}

fn hex4<W: Write>(out: &mut W, value: u16) -> fmt::Result {
    write!(out, "{value:04x}")
}

fn decimal<W: Write>(out: &mut W, value: u16) -> fmt::Result {
    write!(out, "{value}")
}

/// Bytes as lower-case hexadecimal text.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The JA4 of a TLS client over TCP, or over QUIC: 36 characters, `a_b_c`.
pub fn ja4(hello: &ClientHello<'_>, carrier: Transport) -> String {
    let mut ciphers: Vec<u16> = hello.ciphers().filter(|value| !is_grease(*value)).collect();
    let mut extensions: Vec<u16> = hello
        .extensions
        .iter()
        .map(|(kind, _)| kind)
        .filter(|kind| !is_grease(*kind))
        .collect();
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
    let signatures: Vec<u16> = hello
        .signature_algorithms()
        .filter(|value| !is_grease(*value))
        .collect();
    let b = ja4_hash(&ciphers, &[]);
    let c = ja4_hash(&extensions, &signatures);
    format!("{a}_{b}_{c}")
}

/// The first 12 hexadecimal digits of the SHA-256 over the lists.
fn ja4_hash(list: &[u16], appendix: &[u16]) -> String {
    if list.is_empty() && appendix.is_empty() {
        return EMPTY_HASH.to_owned();
    }
    let mut hasher = Hasher(Sha256::new());
    let _ = join(&mut hasher, list.iter().copied(), ',', hex4);
    if !appendix.is_empty() {
        let _ = hasher.write_char('_');
        let _ = join(&mut hasher, appendix.iter().copied(), ',', hex4);
    }
    let mut text = hex(&hasher.0.finalize());
    text.truncate(EMPTY_HASH.len());
    text
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
    let mut hasher = Hasher(Md5::new());
    let kinds = hello.extensions.iter().map(|(kind, _)| kind);
    let _ = write!(hasher, "{},", hello.legacy_version);
    let _ = join(&mut hasher, no_grease(hello.ciphers()), '-', decimal);
    let _ = hasher.write_char(',');
    let _ = join(&mut hasher, no_grease(kinds), '-', decimal);
    let _ = hasher.write_char(',');
    let _ = join(&mut hasher, no_grease(hello.groups()), '-', decimal);
    let _ = hasher.write_char(',');
    let _ = join(&mut hasher, hello.point_formats(), '-', decimal);
    hex(&hasher.0.finalize())
}

/// The JA3S of a server: MD5, 32 hexadecimal digits.
pub fn ja3s(hello: &ServerHello<'_>) -> String {
    let mut hasher = Hasher(Md5::new());
    let kinds = hello.extensions.iter().map(|(kind, _)| kind);
    let _ = write!(hasher, "{},{},", hello.legacy_version, hello.cipher);
    let _ = join(&mut hasher, kinds, '-', decimal);
    hex(&hasher.0.finalize())
}

fn no_grease(values: impl Iterator<Item = u16>) -> impl Iterator<Item = u16> {
    values.filter(|value| !is_grease(*value))
}
