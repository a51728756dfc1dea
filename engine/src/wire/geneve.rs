//! GENEVE, [RFC 8926](https://www.rfc-editor.org/rfc/rfc8926). It steps over options unread.
//!
//! ```text
//! | version 2 bits, option words 6 | O C reserved 6 | protocol 2 | network 3 | reserved 1 |
//! | options … | payload …
//! ```

use super::WireError;

/// The size of the header without options, in bytes.
pub const HEADER_LEN: usize = 8;
/// Destination port.
pub const PORT: u16 = 6081;

/// A view of one packet.
#[derive(Clone, Copy, Debug)]
pub struct GenevePacket<'a> {
    header: &'a [u8; HEADER_LEN],
    payload: &'a [u8],
}

impl<'a> GenevePacket<'a> {
    /// Checks version and length.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, rest): (&[u8; HEADER_LEN], _) =
            bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        let mut packet = Self {
            header,
            payload: rest,
        };
        if header[0] >> 6 != 0 {
            return Err(WireError::Malformed);
        }
        let options_len = packet.header_len() - HEADER_LEN;
        packet.payload = rest.get(options_len..).ok_or(WireError::Truncated)?;
        Ok(packet)
    }

    /// EtherType of the payload.
    pub fn protocol(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// Virtual network identifier, 24 bits.
    pub fn vni(&self) -> u32 {
        u32::from_be_bytes([0, self.header[4], self.header[5], self.header[6]])
    }

    /// Header with options, bytes.
    pub fn header_len(&self) -> usize {
        HEADER_LEN + usize::from(self.header[0] & 0x3f) * 4
    }

    /// What follows.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_with_option() {
        let mut bytes = [1, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 4, 9];
        let geneve = GenevePacket::parse(&bytes).unwrap();
        assert_eq!((geneve.protocol(), geneve.vni()), (0x6558, 7));
        assert_eq!((geneve.header_len(), geneve.payload()), (12, &[9][..]));
        for len in 0..12 {
            let error = GenevePacket::parse(&bytes[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
        bytes[0] = 0x41;
        assert_eq!(
            GenevePacket::parse(&bytes).err(),
            Some(WireError::Malformed)
        );
    }
}
