//! GTP-U, what mobile networks carry packets in, version 1:
//! [3GPP TS 29.281](https://www.3gpp.org/dynareport/29281.htm), section 5. It reads neither
//! signalling nor the content of extension headers.
//!
//! ```text
//! | version 1 in 3 bits, protocol type 1, reserved 1, E S N | type 1 | length 2 | tunnel 4 |
//! | E, S or N: sequence 2, N-PDU 1, next extension 1 |
//! | each extension: length / 4 in 1, content, next extension 1 | payload …
//! ```

use super::WireError;
use crate::config::GTP_EXTENSIONS_MAX;

/// The size of the header without optional fields, in bytes.
pub const HEADER_LEN: usize = 8;
/// Destination port.
pub const PORT: u16 = 2152;

/// Version 1, and GTP rather than the charging protocol GTP'.
const VERSION_AND_TYPE: u8 = 0x30;
/// Message type: a user's packet follows.
const G_PDU: u8 = 255;
/// Any of extension header, sequence number and N-PDU number: then there are all three fields.
const OPTIONS: u8 = 0x07;
/// Of these an extension header.
const EXTENSION: u8 = 0x04;

/// A view of one packet that carries a user's.
#[derive(Clone, Copy, Debug)]
pub struct GtpPacket<'a> {
    header: &'a [u8; HEADER_LEN],
    header_len: usize,
}

impl<'a> GtpPacket<'a> {
    /// Checks version, type and length, and steps over the extension headers;
    /// [`WireError::Malformed`] for any other message and beyond `GTP_EXTENSIONS_MAX` of them.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, rest): (&[u8; HEADER_LEN], _) =
            bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        if header[0] & 0xf0 != VERSION_AND_TYPE || header[1] != G_PDU {
            return Err(WireError::Malformed);
        }
        let options_len = match header[0] & OPTIONS {
            0 => 0,
            _ => options_len(rest, header[0] & EXTENSION != 0)?,
        };
        let packet = Self {
            header,
            header_len: HEADER_LEN + options_len,
        };
        match packet.end() < packet.header_len {
            true => Err(WireError::Malformed),
            false => Ok(packet),
        }
    }

    /// The tunnel's number at its receiver.
    pub fn tunnel(&self) -> u32 {
        let h = self.header;
        u32::from_be_bytes([h[4], h[5], h[6], h[7]])
    }

    /// Header with options, bytes.
    pub fn header_len(&self) -> usize {
        self.header_len
    }

    /// What follows the header, bytes, as the sender wrote it.
    pub fn payload_len(&self) -> usize {
        self.end() - self.header_len
    }

    /// Where the packet ends: its length counts from behind the tunnel's number.
    fn end(&self) -> usize {
        HEADER_LEN + usize::from(u16::from_be_bytes([self.header[2], self.header[3]]))
    }
}

/// The optional fields and the extension headers behind them, bytes.
fn options_len(bytes: &[u8], is_extended: bool) -> Result<usize, WireError> {
    let [_, _, _, mut next] = *bytes.first_chunk::<4>().ok_or(WireError::Truncated)?;
    let mut len = 4;
    if !is_extended {
        return Ok(len);
    }
    for _ in 0..GTP_EXTENSIONS_MAX {
        if next == 0 {
            return Ok(len);
        }
        let words = *bytes.get(len).ok_or(WireError::Truncated)?;
        if words == 0 {
            return Err(WireError::Malformed);
        }
        len += usize::from(words) * 4;
        next = *bytes.get(len - 1).ok_or(WireError::Truncated)?;
    }
    match next {
        0 => Ok(len),
        _ => Err(WireError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_options() {
        let mut bytes = [0x30, 255, 0, 20, 0, 0, 0x12, 0x34, 0x45];
        let gtp = GtpPacket::parse(&bytes).unwrap();
        assert_eq!(
            (gtp.tunnel(), gtp.header_len(), gtp.payload_len()),
            (0x1234, 8, 20)
        );
        for len in 0..HEADER_LEN {
            let error = GtpPacket::parse(&bytes[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
        for (place, value) in [(0, 0x50), (0, 0x20), (1, 1)] {
            let kept = std::mem::replace(&mut bytes[place], value);
            let error = GtpPacket::parse(&bytes).err();
            assert_eq!(error, Some(WireError::Malformed));
            bytes[place] = kept;
        }
    }

    #[test]
    fn extension_headers() {
        // A sequence number, then a PDU session container (0x85) and a PDCP number (0xc0).
        let mut bytes = [
            0x36, 255, 0, 13, 0, 0, 0, 1, 0, 9, 0, 0x85, 1, 0x10, 5, 0xc0, 1, 0, 7, 0, 0x45,
        ];
        let gtp = GtpPacket::parse(&bytes).unwrap();
        assert_eq!((gtp.header_len(), gtp.payload_len()), (20, 1));
        for len in 0..20 {
            let error = GtpPacket::parse(&bytes[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
        // An extension of no length, and a packet that ends in its own options.
        for (place, value) in [(12, 0), (3, 11)] {
            let kept = std::mem::replace(&mut bytes[place], value);
            let error = GtpPacket::parse(&bytes).err();
            assert_eq!(error, Some(WireError::Malformed));
            bytes[place] = kept;
        }
    }

    #[test]
    fn extensions_have_a_limit() {
        let with = |count: usize| {
            let mut bytes = vec![0x34, 255, 0x10, 0, 0, 0, 0, 1, 0, 0, 0, 0xc0];
            for left in (0..count).rev() {
                bytes.extend([1, 0, 0, if left == 0 { 0 } else { 0xc0 }]);
            }
            GtpPacket::parse(&bytes).map(|gtp| gtp.header_len())
        };
        assert_eq!(with(GTP_EXTENSIONS_MAX), Ok(12 + 4 * GTP_EXTENSIONS_MAX));
        assert_eq!(with(GTP_EXTENSIONS_MAX + 1), Err(WireError::Malformed));
    }
}
