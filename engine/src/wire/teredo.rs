//! Teredo, IPv6 in UDP through translators: [RFC 4380](https://www.rfc-editor.org/rfc/rfc4380),
//! section 5.1.1. It reads neither nonces nor the addresses of an origin, and no trailers.
//!
//! ```text
//! | authentication: 0x0001, lengths 1 and 1, client and value, nonce 8, confirmation 1 |
//! | origin: 0x0000, port 2, address 4 | IPv6 packet …
//! ```

use super::WireError;

/// Port of servers, and of clients that nothing hinders.
pub const PORT: u16 = 3544;

const AUTHENTICATION: [u8; 2] = [0, 1];
/// An authentication without client and value, in bytes.
const AUTHENTICATION_LEN: usize = 13;
const ORIGIN: [u8; 2] = [0, 0];
const ORIGIN_LEN: usize = 8;

/// The length of what stands before the IPv6 packet, in bytes: nothing, one or both indications.
pub fn header_len(bytes: &[u8]) -> Result<usize, WireError> {
    let mut len = 0;
    if bytes.starts_with(&AUTHENTICATION) {
        let [_, _, client, value] = *bytes.first_chunk::<4>().ok_or(WireError::Truncated)?;
        len = AUTHENTICATION_LEN + usize::from(client) + usize::from(value);
    }
    let rest = bytes.get(len..).ok_or(WireError::Truncated)?;
    if rest.starts_with(&ORIGIN) {
        len += ORIGIN_LEN;
    }
    match len <= bytes.len() {
        true => Ok(len),
        false => Err(WireError::Truncated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indications() {
        let mut bytes = vec![0, 1, 1, 2, 7, 8, 9];
        bytes.extend([5; 8]);
        bytes.push(0);
        let origin = [0, 0, 0xf2, 0x27, 0x3f, 0x57, 0xfe, 0xfd];
        assert_eq!(header_len(&[0x60]), Ok(0));
        assert_eq!(header_len(&[]), Ok(0));
        assert_eq!(header_len(&origin), Ok(8));
        assert_eq!(header_len(&bytes), Ok(16));
        for len in 2..16 {
            assert_eq!(header_len(&bytes[..len]), Err(WireError::Truncated));
        }
        bytes.extend(origin);
        assert_eq!(header_len(&bytes), Ok(24));
        assert_eq!(header_len(&bytes[..20]), Err(WireError::Truncated));
    }
}
