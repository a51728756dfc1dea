//! VXLAN, [RFC 7348](https://www.rfc-editor.org/rfc/rfc7348), and its generic extension, which
//! says what it carries (`draft-ietf-nvo3-vxlan-gpe`). It reads no policy extension.
//!
//! ```text
//! | flags 1, I = 8 | reserved 3 | network identifier 3 | reserved 1 | Ethernet frame …
//! | version 2 bits of flags, P = 4 | reserved 2, next protocol 1 | …: the generic extension
//! ```

use super::WireError;

/// The size of the header, in bytes.
pub const HEADER_LEN: usize = 8;
/// Destination port (IANA).
pub const PORT: u16 = 4789;
/// Destination port of Linux before the IANA number, still a default.
pub const PORT_LINUX: u16 = 8472;
/// Destination port of the generic extension.
pub const PORT_GENERIC: u16 = 4790;

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

    /// What the generic extension carries, by the numbers of [`nsh`](super::nsh). Without that
    /// bit it is Ethernet; `None` for other versions and for an operator's own messages.
    pub fn next_protocol(&self) -> Option<u8> {
        match self.header[0] {
            flags if flags & 0x31 != 0 => None,
            flags if flags & 0x04 != 0 => Some(self.header[3]),
            _ => Some(super::nsh::ETHERNET),
        }
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
        assert_eq!(vxlan.next_protocol(), Some(3));
        for (flags, next) in [(0x0c, Some(4)), (0x0d, None), (0x1c, None), (0x0a, Some(3))] {
            bytes[0] = flags;
            bytes[3] = 4;
            assert_eq!(VxlanPacket::parse(&bytes).unwrap().next_protocol(), next);
        }
        bytes[0] = 0;
        assert_eq!(VxlanPacket::parse(&bytes).err(), Some(WireError::Malformed));
    }
}
