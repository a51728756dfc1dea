//! Made TLS 1.3 records, RFC 8446: hellos that parse, and records of noise after them. No key
//! is ever agreed on.

use super::random::Random;

const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// Bytes of a record's header.
const RECORD_LEN: usize = 5;

/// A ClientHello for a server's name in a record of exactly `len` bytes, made so by the padding
/// extension (RFC 7685); the shortest possible one where `len` is too small for it.
pub fn client_hello(server_name: &str, len: usize, random: &mut Random) -> Vec<u8> {
    let mut extensions = Vec::new();
    let name = server_name.as_bytes();
    let mut sni = ((name.len() + 3) as u16).to_be_bytes().to_vec();
    sni.push(0);
    vector16(&mut sni, name);
    extension(&mut extensions, 0, &sni);
    extension(&mut extensions, 10, &[0, 4, 0, 29, 0, 23]);
    extension(&mut extensions, 13, &[0, 8, 4, 3, 8, 4, 4, 1, 5, 3]);
    extension(&mut extensions, 16, b"\0\x0c\x02h2\x08http/1.1");
    extension(&mut extensions, 43, &[4, 3, 4, 3, 3]);
    extension(&mut extensions, 51, &key_share(true, random));

    let mut body = hello_start(random);
    vector16(
        &mut body,
        &[
            0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xc0, 0x2b, 0xc0, 0x2f, 0, 0xff,
        ],
    );
    body.extend_from_slice(&[1, 0]);
    // Record, handshake header, length of the extensions, header of the padding.
    let without = RECORD_LEN + 4 + body.len() + 2 + extensions.len() + 4;
    if let Some(padding) = len.checked_sub(without) {
        extension(&mut extensions, 21, &vec![0; padding]);
    }
    vector16(&mut body, &extensions);
    handshake(1, &body)
}

/// A ServerHello that takes TLS 1.3, a change of cipher, and noise in records up to `len` bytes
/// in all.
pub fn server_flight(len: usize, random: &mut Random) -> Vec<u8> {
    let mut body = hello_start(random);
    body.extend_from_slice(&[0x13, 0x01, 0]);
    let mut extensions = Vec::new();
    extension(&mut extensions, 43, &[3, 4]);
    extension(&mut extensions, 51, &key_share(false, random));
    vector16(&mut body, &extensions);
    let mut flight = handshake(2, &body);
    flight.extend_from_slice(&[20, 3, 3, 0, 1, 1]);
    if let Some(rest) = len.checked_sub(flight.len()) {
        flight.extend_from_slice(&application_data(rest, random));
    }
    flight
}

/// A record of noise, `len` bytes in all.
pub fn application_data(len: usize, random: &mut Random) -> Vec<u8> {
    let body = len.saturating_sub(RECORD_LEN);
    let mut record = application_header(body).to_vec();
    record.resize(RECORD_LEN + body, 0);
    random.fill(&mut record[RECORD_LEN..]);
    record
}

/// The header of a record of encrypted content.
pub fn application_header(body_len: usize) -> [u8; RECORD_LEN] {
    let [high, low] = (body_len as u16).to_be_bytes();
    [APPLICATION_DATA, 3, 3, high, low]
}

fn hello_start(random: &mut Random) -> Vec<u8> {
    let mut body = vec![3, 3];
    let mut bytes = [0; 64];
    random.fill(&mut bytes);
    body.extend_from_slice(&bytes[..32]);
    body.push(32);
    body.extend_from_slice(&bytes[32..]);
    body
}

fn key_share(client: bool, random: &mut Random) -> Vec<u8> {
    let mut key = [0; 32];
    random.fill(&mut key);
    let mut entry = vec![0, 29];
    vector16(&mut entry, &key);
    if !client {
        return entry;
    }
    let mut shares = Vec::new();
    vector16(&mut shares, &entry);
    shares
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = (body.len() as u32).to_be_bytes();
    let mut record = vec![HANDSHAKE, 3, 1];
    record.extend_from_slice(&((body.len() + 4) as u16).to_be_bytes());
    record.extend_from_slice(&[kind, a, b, c]);
    record.extend_from_slice(body);
    record
}

fn extension(out: &mut Vec<u8>, kind: u16, body: &[u8]) {
    out.extend_from_slice(&kind.to_be_bytes());
    vector16(out, body);
}

fn vector16(out: &mut Vec<u8>, body: &[u8]) {
    out.extend_from_slice(&(body.len() as u16).to_be_bytes());
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_exact() {
        let mut random = Random::new(1);
        for len in [400, 516, 536] {
            let hello = client_hello("archive.example", len, &mut random);
            assert_eq!(hello.len(), len);
            assert_eq!(
                usize::from(u16::from_be_bytes([hello[3], hello[4]])),
                len - 5
            );
        }
        assert_eq!(server_flight(1460, &mut random).len(), 1460);
        assert_eq!(application_data(536, &mut random).len(), 536);
    }
}
