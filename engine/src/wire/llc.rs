//! IEEE 802.2 LLC with the SNAP extension, as it follows an 802.3 or 802.11 header. It reads no
//! LLC connection and no XID.
//!
//! ```text
//! | DSAP 1 | SSAP 1 | control 1 | SNAP: organisation 3 | protocol 2 | payload …
//! ```

use super::WireError;

/// The size of LLC and SNAP together, in bytes.
pub const SNAP_LEN: usize = 8;
/// RFC 1042: the SNAP protocol is an EtherType.
pub const OUI_ETHER_TYPE: u32 = 0;
/// Cisco: CDP is its protocol 0x2000.
pub const OUI_CISCO: u32 = 0x00_000c;

/// A view of LLC unnumbered information with SNAP.
#[derive(Clone, Copy, Debug)]
pub struct Snap<'a> {
    header: &'a [u8; SNAP_LEN],
    payload: &'a [u8],
}

impl<'a> Snap<'a> {
    /// Checks the header; [`WireError::Malformed`] for LLC without SNAP.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, payload) = bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        let view = Self { header, payload };
        match header {
            [0xaa, 0xaa, 0x03, ..] => Ok(view),
            _ => Err(WireError::Malformed),
        }
    }

    /// The organisation that gives the protocol its meaning, 24 bits.
    #[inline]
    pub fn oui(&self) -> u32 {
        u32::from_be_bytes([0, self.header[3], self.header[4], self.header[5]])
    }

    /// The organisation's protocol.
    #[inline]
    pub fn protocol(&self) -> u16 {
        u16::from_be_bytes([self.header[6], self.header[7]])
    }

    /// What follows.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// True if these bytes begin with an LLC header that stands in real frames: spanning tree, SNAP,
/// OSI, NetBIOS, IPX.
pub fn is_known(bytes: &[u8]) -> bool {
    let Some([dsap, ssap, control]) = bytes.first_chunk() else {
        return false;
    };
    // SSAP bit 0 marks a response.
    *dsap == *ssap & 0xfe && *control == 3 && matches!(dsap, 0x42 | 0xaa | 0xe0 | 0xf0 | 0xfe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cdp() {
        let bytes = [0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0, 2];
        let snap = Snap::parse(&bytes).unwrap();
        assert_eq!((snap.oui(), snap.protocol()), (OUI_CISCO, 0x2000));
        assert_eq!(snap.payload(), [2]);
        assert!(is_known(&bytes));
        for len in 0..SNAP_LEN {
            assert_eq!(Snap::parse(&bytes[..len]).err(), Some(WireError::Truncated));
        }
    }

    #[test]
    fn spanning_tree_is_not_snap() {
        let bytes = [0x42, 0x42, 3, 0, 0, 0, 0, 0];
        assert_eq!(Snap::parse(&bytes).err(), Some(WireError::Malformed));
        assert!(is_known(&bytes));
        assert!(!is_known(&bytes[..2]));
    }
}
