//! The header of a service chain, [RFC 8300](https://www.rfc-editor.org/rfc/rfc8300), section 2.
//! It steps over the path and what is said of it.
//!
//! ```text
//! | version 2 bits, O 1, U 1, hops 6, words 6 | U 4, kind 4 | next protocol 1 | path 4 | …
//! ```

use super::WireError;

/// The header without metadata, in bytes.
pub const HEADER_LEN: usize = 8;

/// Next protocols, which VXLAN's generic extension shares: IPv4.
pub const IPV4: u8 = 1;
/// IPv6.
pub const IPV6: u8 = 2;
/// An Ethernet frame.
pub const ETHERNET: u8 = 3;
/// Another such header.
pub const NSH: u8 = 4;
/// MPLS labels.
pub const MPLS: u8 = 5;

/// The next protocol, and the length of the header with metadata.
pub fn parse(bytes: &[u8]) -> Result<(u8, usize), WireError> {
    let header: &[u8; HEADER_LEN] = bytes.first_chunk().ok_or(WireError::Truncated)?;
    let len = usize::from(header[1] & 0x3f) * 4;
    if header[0] >> 6 != 0 || len < HEADER_LEN {
        return Err(WireError::Malformed);
    }
    match len <= bytes.len() {
        true => Ok((header[3], len)),
        false => Err(WireError::Truncated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header() {
        let mut bytes = [0x0f, 0xc3, 1, 3, 0, 0, 1, 0xff, 9, 9, 9, 9];
        assert_eq!(parse(&bytes), Ok((ETHERNET, 12)));
        for len in 0..12 {
            assert_eq!(parse(&bytes[..len]), Err(WireError::Truncated));
        }
        bytes[1] = 0xc1;
        assert_eq!(parse(&bytes), Err(WireError::Malformed));
        bytes[0] = 0x4f;
        assert_eq!(parse(&bytes), Err(WireError::Malformed));
    }
}
