//! ARP for IPv4 over Ethernet, [RFC 826](https://www.rfc-editor.org/rfc/rfc826). It does not
//! read ARP for other hardware or other protocols, and does not say which pair is to be believed.
//!
//! ```text
//! | hardware 2 | protocol 2 | 6 | 4 | operation 2 |
//! | sender hardware 6 | sender protocol 4 | target hardware 6 | target protocol 4 |
//! ```

use std::net::Ipv4Addr;

use super::WireError;
use crate::observe::MacAddr;

/// The size of the packet, in bytes.
pub const LEN: usize = 28;
/// Operation: who has this address?
pub const REQUEST: u16 = 1;
/// Operation: I have it.
pub const REPLY: u16 = 2;

/// A view of one packet.
#[derive(Clone, Copy, Debug)]
pub struct ArpPacket<'a> {
    bytes: &'a [u8; LEN],
}

impl<'a> ArpPacket<'a> {
    /// Checks length and kind; [`WireError::Malformed`] for anything but Ethernet and IPv4.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let bytes: &[u8; LEN] = bytes.first_chunk().ok_or(WireError::Truncated)?;
        match bytes {
            // Hardware 1 is Ethernet; 6, IEEE 802, has the same addresses.
            [0, 1 | 6, 8, 0, 6, 4, ..] => Ok(Self { bytes }),
            _ => Err(WireError::Malformed),
        }
    }

    /// [`REQUEST`], [`REPLY`] or one of RFC 5494's registry.
    #[inline]
    pub fn operation(&self) -> u16 {
        u16::from_be_bytes([self.bytes[6], self.bytes[7]])
    }

    /// Sender hardware address.
    #[inline]
    pub fn sender_mac(&self) -> MacAddr {
        let b = self.bytes;
        [b[8], b[9], b[10], b[11], b[12], b[13]]
    }

    /// Sender protocol address; zero in a probe (RFC 5227).
    #[inline]
    pub fn sender_ip(&self) -> Ipv4Addr {
        let b = self.bytes;
        Ipv4Addr::new(b[14], b[15], b[16], b[17])
    }

    /// Target hardware address; without meaning in a request.
    #[inline]
    pub fn target_mac(&self) -> MacAddr {
        let b = self.bytes;
        [b[18], b[19], b[20], b[21], b[22], b[23]]
    }

    /// Target protocol address.
    #[inline]
    pub fn target_ip(&self) -> Ipv4Addr {
        let b = self.bytes;
        Ipv4Addr::new(b[24], b[25], b[26], b[27])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY_BYTES: [u8; 28] = [
        0, 1, 8, 0, 6, 4, 0, 2, 0, 0x1b, 0x21, 1, 2, 3, 10, 0, 0, 1, 0, 0x1b, 0x21, 9, 8, 7, 10, 0,
        0, 2,
    ];

    #[test]
    fn reply() {
        let arp = ArpPacket::parse(&REPLY_BYTES).unwrap();
        assert_eq!(arp.operation(), REPLY);
        assert_eq!(arp.sender_mac(), [0, 0x1b, 0x21, 1, 2, 3]);
        assert_eq!(arp.sender_ip(), Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!(arp.target_mac(), [0, 0x1b, 0x21, 9, 8, 7]);
        assert_eq!(arp.target_ip(), Ipv4Addr::new(10, 0, 0, 2));
        for len in 0..LEN {
            let error = ArpPacket::parse(&REPLY_BYTES[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
    }

    #[test]
    fn other_hardware() {
        let mut bytes = REPLY_BYTES;
        bytes[4] = 8;
        assert_eq!(ArpPacket::parse(&bytes).err(), Some(WireError::Malformed));
    }
}
