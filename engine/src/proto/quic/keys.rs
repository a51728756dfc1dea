//! The keys of QUIC's Initial packets (RFC 9001 section 5.2, RFC 9369 section 3.3): anybody who
//! sees the client's first packet can make them. It knows no other key and so reads nothing else.

use aes_gcm::aead::AeadInPlace;
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::{BlockEncrypt, KeyInit};
use aes_gcm::{Aes128Gcm, Nonce, Tag};
use hkdf::Hkdf;
use sha2::Sha256;

/// What versions of QUIC differ in, as far as Initial packets go.
pub struct Version {
    /// The number on the wire.
    pub number: u32,
    /// The type of an Initial packet in the two bits of a long header.
    pub initial: u8,
    salt: [u8; 20],
    labels: [&'static [u8]; 3],
}

const LABELS: [&[u8]; 3] = [b"quic key", b"quic iv", b"quic hp"];

/// RFC 9001 section 5.2.
const SALT_1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];
/// RFC 9369 section 3.3.1.
const SALT_2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
    0xf9, 0xbd, 0x2e, 0xd9,
];
/// Drafts 29 to 32.
const SALT_29: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0,
    0x43, 0x90, 0xa8, 0x99,
];
/// Google's versions on top of drafts 27 and 29: T050, T051 and Q050.
const SALT_T050: [u8; 20] = [
    0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80, 0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c,
    0x60, 0x48, 0x83, 0x10,
];
const SALT_T051: [u8; 20] = [
    0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50, 0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc,
    0xda, 0x6e, 0x03, 0x3d,
];
const SALT_Q050: [u8; 20] = [
    0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94, 0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0,
    0xd3, 0xb5, 0x6b, 0x45,
];
/// Drafts 21 and 22.
const SALT_21: [u8; 20] = [
    0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a, 0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd,
    0x7a, 0x02, 0x64, 0x4a,
];
/// Drafts 23 to 28.
const SALT_23: [u8; 20] = [
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65,
    0xbe, 0xf9, 0xf5, 0x02,
];

const fn draft(number: u32, salt: [u8; 20]) -> Version {
    Version {
        number,
        initial: 0,
        salt,
        labels: LABELS,
    }
}

/// The versions that are read.
pub const VERSIONS: &[Version] = &[
    draft(1, SALT_1),
    Version {
        number: 0x6b33_43cf,
        initial: 1,
        salt: SALT_2,
        labels: [b"quicv2 key", b"quicv2 iv", b"quicv2 hp"],
    },
    draft(0xff00_0022, SALT_1),
    draft(0xff00_0021, SALT_1),
    draft(0xff00_0020, SALT_29),
    draft(0xff00_001f, SALT_29),
    draft(0xff00_001e, SALT_29),
    draft(0xff00_001d, SALT_29),
    draft(0xff00_001c, SALT_23),
    draft(0xff00_001b, SALT_23),
    draft(0xff00_001a, SALT_23),
    draft(0xff00_0019, SALT_23),
    draft(0xff00_0018, SALT_23),
    draft(0xff00_0017, SALT_23),
    draft(0xff00_0016, SALT_21),
    draft(0xff00_0015, SALT_21),
    // Of mvfst, Facebook's: on top of drafts 22 and 27.
    draft(0xface_b001, SALT_21),
    draft(0xface_b002, SALT_23),
    draft(0xface_b00e, SALT_23),
    draft(u32::from_be_bytes(*b"T050"), SALT_T050),
    draft(u32::from_be_bytes(*b"T051"), SALT_T051),
    draft(u32::from_be_bytes(*b"Q050"), SALT_Q050),
];

/// Numbers like this one, `?a?a?a?a`, are kept free, so that servers learn to answer what they do
/// not speak (RFC 9000 section 15). What asks by them has the form of version 1.
static FREE: Version = draft(0x0a0a_0a0a, SALT_1);

/// The version of a number, where its packets can be read.
pub fn version(number: u32) -> Option<&'static Version> {
    match number & 0x0f0f_0f0f == FREE.number {
        true => Some(&FREE),
        false => VERSIONS.iter().find(|known| known.number == number),
    }
}

/// The longest label, with its prefix and lengths.
const INFO_BYTES_MAX: usize = 32;

/// HKDF-Expand-Label of TLS 1.3 with an empty context, RFC 8446 section 7.1.
fn expand(secret: &Hkdf<Sha256>, label: &[u8], out: &mut [u8]) -> Option<()> {
    let mut info = [0; INFO_BYTES_MAX];
    let len = u16::try_from(out.len()).ok()?.to_be_bytes();
    let label_len = [u8::try_from(label.len() + 6).ok()?];
    let mut end = 0;
    for part in [&len[..], &label_len, b"tls13 ", label, &[0]] {
        info.get_mut(end..end + part.len())?.copy_from_slice(part);
        end += part.len();
    }
    secret.expand(info.get(..end)?, out).ok()
}

/// What opens the Initial packets of one end.
pub struct Keys {
    seal: Aes128Gcm,
    iv: [u8; 12],
    mask: Aes128,
}

impl Keys {
    /// The keys of the client and of the server, from the connection id that the client chose.
    pub fn pair(version: &Version, connection: &[u8]) -> Option<[Self; 2]> {
        let (_, initial) = Hkdf::<Sha256>::extract(Some(&version.salt), connection);
        let of = |label: &[u8]| {
            let mut secret = [0; 32];
            expand(&initial, label, &mut secret)?;
            let secret = Hkdf::<Sha256>::from_prk(&secret).ok()?;
            let (mut key, mut iv, mut mask) = ([0; 16], [0; 12], [0; 16]);
            let [key_label, iv_label, mask_label] = version.labels;
            expand(&secret, key_label, &mut key)?;
            expand(&secret, iv_label, &mut iv)?;
            expand(&secret, mask_label, &mut mask)?;
            Some(Self {
                seal: Aes128Gcm::new(&key.into()),
                iv,
                mask: Aes128::new(&mask.into()),
            })
        };
        Some([of(b"client in")?, of(b"server in")?])
    }

    /// Opens a packet whose number begins at `at` in `bytes`; `None` unless its seal is whole.
    pub fn open(&self, bytes: &[u8], at: usize) -> Option<Vec<u8>> {
        /// The tag of AES-GCM.
        const SEAL_LEN: usize = 16;
        let sample = bytes.get(at + 4..)?.first_chunk::<16>()?;
        let mut mask = (*sample).into();
        self.mask.encrypt_block(&mut mask);
        let first = bytes.first()? ^ (mask.first()? & 0x0f);
        let number_len = usize::from(first & 3) + 1;
        let mut header = bytes.get(..at + number_len)?.to_vec();
        *header.first_mut()? = first;
        let mut nonce = self.iv;
        for step in 0..number_len {
            let byte = header.get_mut(at + step)?;
            *byte ^= mask.get(step + 1)?;
            *nonce.get_mut(12 - number_len + step)? ^= *byte;
        }
        let body = bytes.get(at + number_len..)?;
        let (text, seal) = body.split_at_checked(body.len().checked_sub(SEAL_LEN)?)?;
        let mut text = text.to_vec();
        self.seal
            .decrypt_in_place_detached(
                Nonce::from_slice(&nonce),
                &header,
                &mut text,
                Tag::from_slice(seal),
            )
            .ok()?;
        Some(text)
    }

    /// Seals a packet, for tests: the header ends with a packet number of four bytes.
    #[cfg(test)]
    pub fn seal(&self, header: &[u8], text: &[u8]) -> Vec<u8> {
        let at = header.len() - 4;
        let mut nonce = self.iv;
        for step in 0..4 {
            nonce[8 + step] ^= header[at + step];
        }
        let mut body = text.to_vec();
        let seal = self
            .seal
            .encrypt_in_place_detached(Nonce::from_slice(&nonce), header, &mut body)
            .expect("a short text");
        let mut bytes = [header, &body, &seal].concat();
        let sample: [u8; 16] = bytes[at + 4..at + 20].try_into().expect("sixteen bytes");
        let mut mask = sample.into();
        self.mask.encrypt_block(&mut mask);
        bytes[0] ^= mask[0] & 0x0f;
        for step in 0..4 {
            bytes[at + step] ^= mask[step + 1];
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9001 appendix A.1, RFC 9369 appendix A.1.
    #[test]
    fn keys_of_the_documents() {
        let connection = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
        let [client, server] = Keys::pair(&VERSIONS[0], &connection).unwrap();
        assert_eq!(client.iv[..4], [0xfa, 0x04, 0x4b, 0x2f]);
        assert_eq!(server.iv[..4], [0x0a, 0xc1, 0x49, 0x3c]);
        let [client, _] = Keys::pair(&VERSIONS[1], &connection).unwrap();
        assert_eq!(client.iv[..4], [0x91, 0xf7, 0x3e, 0x23]);
    }

    #[test]
    fn a_seal_that_is_broken_opens_nothing() {
        let [client, server] = Keys::pair(&VERSIONS[0], b"12345678").unwrap();
        let header = [0xc3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 7];
        let mut bytes = client.seal(&header, b"a text that is long enough");
        let text = client.open(&bytes, 7).unwrap();
        assert_eq!(text, b"a text that is long enough");
        assert_eq!(server.open(&bytes, 7), None);
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(client.open(&bytes, 7), None);
        assert_eq!(client.open(&bytes[..20], 7), None);
    }
}
