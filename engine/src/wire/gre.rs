//! GRE, version 0, [RFC 2784](https://www.rfc-editor.org/rfc/rfc2784) with key and sequence
//! number of [RFC 2890](https://www.rfc-editor.org/rfc/rfc2890), and version 1, which PPTP uses,
//! [RFC 2637](https://www.rfc-editor.org/rfc/rfc2637), section 4.1. It reads no source routes
//! (RFC 1701).
//!
//! ```text
//! 0: | C R K S s, recursion 3 bits, flags 5, version 3 | protocol 2 |
//!    | C: checksum 2, reserved 2 | K: key 4 | S: sequence number 4 | payload …
//! 1: | C=0 R=0 K=1 S s=0, recursion 0 | A, flags 0, version 1 | protocol 0x880b |
//!    | payload length 2 | call 2 | S: sequence number 4 | A: acknowledgement 4 | PPP frame …
//! ```

use super::WireError;

/// The size of the header without optional fields, in bytes.
pub const HEADER_LEN: usize = 4;
/// The size of the header of version 1 without optional numbers, in bytes.
pub const PPTP_LEN: usize = 8;
/// Destination port of GRE in UDP, RFC 8086.
pub const PORT: u16 = 4754;
/// Protocol: a PPP frame follows.
pub const PPP: u16 = 0x880b;
/// Protocol: ERSPAN type I, or II where there is a sequence number.
pub const ERSPAN: u16 = 0x88be;
/// Protocol: ERSPAN type III.
pub const ERSPAN_III: u16 = 0x22eb;

/// Protocols of Aruba's access points and controllers, as captures show them: an IEEE 802.11
/// frame follows. The number varies with the sender's queue or radio.
pub const ARUBA: std::ops::RangeInclusive<u16> = 0x8200..=0x8370;

/// A view of one packet.
#[derive(Clone, Copy, Debug)]
pub struct GrePacket<'a> {
    header: &'a [u8; HEADER_LEN],
    key: Option<u32>,
    sequence: Option<u32>,
    header_len: usize,
    payload: &'a [u8],
}

impl<'a> GrePacket<'a> {
    /// Checks flags and version, and steps over the optional fields.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, mut rest): (&[u8; HEADER_LEN], _) =
            bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        if header[0] & 0x40 != 0 || header[1] & 0x07 != 0 {
            return Err(WireError::Malformed);
        }
        let mut field = |bit: u8| -> Result<Option<u32>, WireError> {
            if header[0] & bit == 0 {
                return Ok(None);
            }
            let (word, after) = rest.split_first_chunk().ok_or(WireError::Truncated)?;
            rest = after;
            Ok(Some(u32::from_be_bytes(*word)))
        };
        field(0x80)?;
        let key = field(0x20)?;
        let sequence = field(0x10)?;
        Ok(Self {
            header,
            key,
            sequence,
            header_len: bytes.len() - rest.len(),
            payload: rest,
        })
    }

    /// EtherType of the payload, or one of GRE's own.
    pub fn protocol(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// Key; NVGRE (RFC 7637) has its 24-bit segment and 8-bit flow in it.
    pub fn key(&self) -> Option<u32> {
        self.key
    }

    /// Sequence number.
    pub fn sequence(&self) -> Option<u32> {
        self.sequence
    }

    /// Header with optional fields, bytes.
    pub fn header_len(&self) -> usize {
        self.header_len
    }

    /// What follows.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// A view of one packet of version 1.
#[derive(Clone, Copy, Debug)]
pub struct PptpPacket<'a> {
    header: &'a [u8; PPTP_LEN],
    header_len: usize,
}

impl<'a> PptpPacket<'a> {
    /// Checks flags, version and protocol; [`WireError::Malformed`] where one is another.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let header: &[u8; PPTP_LEN] = bytes.first_chunk().ok_or(WireError::Truncated)?;
        let [flags, version, high, low, ..] = *header;
        let is_pptp = flags & !0x10 == 0x20 && version & !0x80 == 1;
        if !is_pptp || u16::from_be_bytes([high, low]) != PPP {
            return Err(WireError::Malformed);
        }
        let numbers = usize::from(flags & 0x10 != 0) + usize::from(version & 0x80 != 0);
        let header_len = PPTP_LEN + numbers * 4;
        match header_len <= bytes.len() {
            true => Ok(Self { header, header_len }),
            false => Err(WireError::Truncated),
        }
    }

    /// The call's number at the receiver.
    pub fn call(&self) -> u16 {
        u16::from_be_bytes([self.header[6], self.header[7]])
    }

    /// Header with optional numbers, bytes.
    pub fn header_len(&self) -> usize {
        self.header_len
    }

    /// The PPP frame, bytes; none where the packet only acknowledges.
    pub fn payload_len(&self) -> usize {
        u16::from_be_bytes([self.header[4], self.header[5]]).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: [u8; 18] = [
        0xb0, 0, 0x65, 0x58, 0xaa, 0xbb, 0, 0, 0, 0x12, 0x34, 7, 0, 0, 0, 9, 1, 2,
    ];

    #[test]
    fn all_fields() {
        let gre = GrePacket::parse(&PACKET).unwrap();
        assert_eq!((gre.protocol(), gre.header_len()), (0x6558, 16));
        assert_eq!((gre.key(), gre.sequence()), (Some(0x0012_3407), Some(9)));
        assert_eq!(gre.payload(), [1, 2]);
        for len in 0..16 {
            let error = GrePacket::parse(&PACKET[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
    }

    #[test]
    fn no_fields() {
        let gre = GrePacket::parse(&[0, 0, 8, 0, 0x45]).unwrap();
        assert_eq!(
            (gre.key(), gre.sequence(), gre.header_len()),
            (None, None, 4)
        );
        assert_eq!(gre.payload(), [0x45]);
    }

    #[test]
    fn version_and_routes() {
        for head in [[0x30, 1], [0x40, 0]] {
            let error = GrePacket::parse(&[head[0], head[1], 8, 0, 0, 0, 0, 0]).err();
            assert_eq!(error, Some(WireError::Malformed));
        }
    }

    #[test]
    fn pptp() {
        let bytes = [
            0x30, 0x81, 0x88, 0x0b, 0, 9, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0xff,
        ];
        let packet = PptpPacket::parse(&bytes).unwrap();
        let read = (packet.call(), packet.header_len(), packet.payload_len());
        assert_eq!(read, (7, 16, 9));
        for len in 0..16 {
            let error = PptpPacket::parse(&bytes[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
        for (place, value) in [(0, 0x10), (0, 0xb0), (1, 0), (1, 2), (2, 8)] {
            let mut other = bytes;
            other[place] = value;
            let error = PptpPacket::parse(&other).err();
            assert_eq!(error, Some(WireError::Malformed));
        }
    }
}
