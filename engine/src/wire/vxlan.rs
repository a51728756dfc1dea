//! VXLAN, [RFC 7348](https://www.rfc-editor.org/rfc/rfc7348). It reads no policy extension and
//! no other payload than Ethernet.
//!
//! ```text
//! | flags 1, I = 8 | reserved 3 | network identifier 3 | reserved 1 | Ethernet frame …
//! ```

use super::WireError;

/// The size of the header, in bytes.
pub const HEADER_LEN: usize = 8;
/// Destination port (IANA).
pub const PORT: u16 = 4789;
/// Destination port of Linux before the IANA number, still a default.
pub const PORT_LINUX: u16 = 8472;

/// A view of one packet.
#[derive(Clone, Copy, Debug)]
pub struct VxlanPacket<'a> {
    header: &'a [u8; HEADER_LEN],
    payload: &'a [u8],
}

impl<'a> VxlanPacket<'a> {
    /// Checks the header; without a network identifier it is [`WireError::Malformed`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, payload): (&[u8; HEADER_LEN], _) =
            bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        match header[0] & 0x08 {
            0 => Err(WireError::Malformed),
            _ => Ok(Self { header, payload }),
        }
    }

    /// Network identifier, 24 bits.
    pub fn vni(&self) -> u32 {
        u32::from_be_bytes([0, self.header[4], self.header[5], self.header[6]])
    }

    /// The Ethernet frame.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header() {
        let mut bytes = [8, 0, 0, 0, 0, 0x13, 0x89, 0, 1];
        let vxlan = VxlanPacket::parse(&bytes).unwrap();
        assert_eq!((vxlan.vni(), vxlan.payload()), (5001, &[1][..]));
        for len in 0..HEADER_LEN {
            let error = VxlanPacket::parse(&bytes[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
        bytes[0] = 0;
        assert_eq!(VxlanPacket::parse(&bytes).err(), Some(WireError::Malformed));
    }
}
