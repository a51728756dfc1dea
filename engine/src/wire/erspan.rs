//! ERSPAN types II and III, `draft-foschiano-erspan-03`: the header between GRE and a mirrored
//! frame. Type I has none. It does not read timestamps or platform fields.
//!
//! ```text
//! II:  | version 1 in 4 bits, VLAN 12 | class 3, encapsulation 2, truncated 1, session 10 |
//!      | reserved 12, index 20 |
//! III: | version 2 in 4 bits, VLAN 12 | class 3, size error 2, truncated 1, session 10 |
//!      | timestamp 4 | tag 2 | P 1, frame type 5, hardware 6, direction 1, unit 2, optional 1 |
//!      | optional: platform 8 |
//! ```

use super::WireError;

/// The size of the header of type II, in bytes.
pub const II_LEN: usize = 8;
/// The size of the header of type III without platform part, in bytes.
pub const III_LEN: usize = 12;
/// The size of the platform part, in bytes.
pub const PLATFORM_LEN: usize = 8;

/// A view of a header of type II.
#[derive(Clone, Copy, Debug)]
pub struct ErspanII<'a> {
    header: &'a [u8; II_LEN],
}

impl<'a> ErspanII<'a> {
    /// Checks length and version.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let header: &[u8; II_LEN] = bytes.first_chunk().ok_or(WireError::Truncated)?;
        match header[0] >> 4 {
            1 => Ok(Self { header }),
            _ => Err(WireError::Malformed),
        }
    }

    /// The mirroring session, 10 bits.
    pub fn session(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]]) & 0x03ff
    }

    /// VLAN of the tag that was taken off the mirrored frame. `None` if there was none, or it
    /// is still there.
    pub fn removed_vlan(&self) -> Option<u16> {
        let vlan = u16::from_be_bytes([self.header[0], self.header[1]]) & 0x0fff;
        // 0: came without tag; 1: ISL; 2: 802.1Q; 3: tag kept.
        matches!((self.header[2] >> 3) & 3, 1 | 2).then_some(vlan)
    }
}

/// A view of a header of type III.
#[derive(Clone, Copy, Debug)]
pub struct ErspanIII<'a> {
    header: &'a [u8; III_LEN],
}

impl<'a> ErspanIII<'a> {
    /// Checks length and version.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let header: &[u8; III_LEN] = bytes.first_chunk().ok_or(WireError::Truncated)?;
        let view = Self { header };
        if header[0] >> 4 != 2 {
            return Err(WireError::Malformed);
        }
        match bytes.len() >= view.header_len() {
            true => Ok(view),
            false => Err(WireError::Truncated),
        }
    }

    /// The mirroring session, 10 bits.
    pub fn session(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]]) & 0x03ff
    }

    /// What follows: 0 an Ethernet frame, 2 an IP packet.
    pub fn frame_type(&self) -> u8 {
        (self.header[10] >> 2) & 0x1f
    }

    /// Header with platform part, bytes.
    pub fn header_len(&self) -> usize {
        match self.header[11] & 1 {
            0 => III_LEN,
            _ => III_LEN + PLATFORM_LEN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_two() {
        let mut bytes = [0x10, 0xd2, 0x10, 0x64, 0, 0, 0, 1];
        let header = ErspanII::parse(&bytes).unwrap();
        assert_eq!((header.session(), header.removed_vlan()), (100, Some(210)));
        for len in 0..II_LEN {
            assert_eq!(
                ErspanII::parse(&bytes[..len]).err(),
                Some(WireError::Truncated)
            );
        }
        bytes[2] = 0x18;
        assert_eq!(ErspanII::parse(&bytes).unwrap().removed_vlan(), None);
        bytes[0] = 0x20;
        assert_eq!(ErspanII::parse(&bytes).err(), Some(WireError::Malformed));
    }

    #[test]
    fn type_three() {
        let bytes = [
            0x20, 0xd2, 0, 0x64, 0, 0, 0, 1, 0, 0, 0x88, 1, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        let header = ErspanIII::parse(&bytes).unwrap();
        assert_eq!((header.session(), header.frame_type()), (100, 2));
        assert_eq!(header.header_len(), 20);
        for len in 0..20 {
            assert_eq!(
                ErspanIII::parse(&bytes[..len]).err(),
                Some(WireError::Truncated)
            );
        }
    }
}
