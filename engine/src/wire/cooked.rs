//! Linux cooked captures, versions 1 and 2 (`LINKTYPE_LINUX_SLL`, `LINKTYPE_LINUX_SLL2`): what
//! the "any" device writes in place of a link header. It does not know the receiver's address.
//!
//! ```text
//! v1: | direction 2 | hardware 2 | address length 2 | address 8 | protocol 2 | payload …
//! v2: | protocol 2 | reserved 2 | interface 4 | hardware 2 | direction 1 | address length 1 |
//!     | address 8 | payload …
//! ```

use super::WireError;
use crate::observe::MacAddr;

/// The size of the header of version 1, in bytes.
pub const V1_LEN: usize = 16;
/// The size of the header of version 2, in bytes.
pub const V2_LEN: usize = 20;
/// Protocol: LLC follows, as after an 802.3 length.
pub const LLC: u16 = 0x0004;
/// Hardware type whose protocol field is no EtherType: netlink (Linux `ARPHRD_NETLINK`).
const NETLINK: u16 = 824;

/// A view of one frame, version 1 or 2.
#[derive(Clone, Copy, Debug)]
pub struct CookedFrame<'a> {
    protocol: u16,
    hardware: u16,
    address_len: u16,
    address: &'a [u8],
    header_len: usize,
    payload: &'a [u8],
}

impl<'a> CookedFrame<'a> {
    /// Reads version 1.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (h, payload): (&[u8; V1_LEN], _) =
            bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        Ok(Self {
            protocol: u16::from_be_bytes([h[14], h[15]]),
            hardware: u16::from_be_bytes([h[2], h[3]]),
            address_len: u16::from_be_bytes([h[4], h[5]]),
            address: &h[6..14],
            header_len: V1_LEN,
            payload,
        })
    }

    /// Reads version 2.
    pub fn parse_v2(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (h, payload): (&[u8; V2_LEN], _) =
            bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        Ok(Self {
            protocol: u16::from_be_bytes([h[0], h[1]]),
            hardware: u16::from_be_bytes([h[8], h[9]]),
            address_len: h[11].into(),
            address: &h[12..20],
            header_len: V2_LEN,
            payload,
        })
    }

    /// EtherType of the payload, or [`LLC`]; 0 where the field is none.
    pub fn protocol(&self) -> u16 {
        match self.hardware {
            NETLINK => 0,
            _ => self.protocol,
        }
    }

    /// The sender's link-layer address if it has 6 bytes.
    pub fn src(&self) -> Option<MacAddr> {
        match self.address_len {
            6 => self.address.first_chunk().copied(),
            _ => None,
        }
    }

    /// The size of the header, in bytes.
    pub fn header_len(&self) -> usize {
        self.header_len
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
    fn version_one() {
        let mut bytes = [0, 4, 0, 1, 0, 6, 0, 0x1b, 0x21, 1, 2, 3, 0, 0, 8, 0, 0x45];
        let frame = CookedFrame::parse(&bytes).unwrap();
        assert_eq!((frame.protocol(), frame.header_len()), (0x0800, 16));
        assert_eq!(frame.src(), Some([0, 0x1b, 0x21, 1, 2, 3]));
        assert_eq!(frame.payload(), [0x45]);
        for len in 0..V1_LEN {
            let error = CookedFrame::parse(&bytes[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
        bytes[5] = 0;
        bytes[2..4].copy_from_slice(&NETLINK.to_be_bytes());
        let frame = CookedFrame::parse(&bytes).unwrap();
        assert_eq!((frame.src(), frame.protocol()), (None, 0));
    }

    #[test]
    fn version_two() {
        let bytes = [
            0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 0, 0x1b, 0x21, 1, 2, 3, 0, 0, 0x60,
        ];
        let frame = CookedFrame::parse_v2(&bytes).unwrap();
        assert_eq!((frame.protocol(), frame.header_len()), (0x86dd, 20));
        assert_eq!(frame.src(), Some([0, 0x1b, 0x21, 1, 2, 3]));
        assert_eq!(frame.payload(), [0x60]);
        for len in 0..V2_LEN {
            let error = CookedFrame::parse_v2(&bytes[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
    }
}
