//! IEEE 802.11 data frames (IEEE 802.11-2020, 9.2 and 9.3.2), as CAPWAP carries them: without
//! radio header and frame check sequence. It reads no management frames and decrypts nothing.
//!
//! ```text
//! | frame control 2 | duration 2 | address 6 | address 6 | address 6 | sequence 2 |
//! | both DS bits: address 6 | QoS data: control 2 | QoS and +HTC: 4 | LLC …
//! ```

use super::WireError;
use crate::observe::MacAddr;

/// The size of the smallest header, in bytes.
pub const HEADER_LEN: usize = 24;

/// In which order the two bytes of the frame control are. Some controllers swap them in CAPWAP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlOrder {
    /// As IEEE 802.11 sends them: type first, then flags.
    Standard,
    /// Flags first.
    Swapped,
}

/// A view of one data frame that is not encrypted.
#[derive(Clone, Copy, Debug)]
pub struct Dot11Data<'a> {
    header: &'a [u8; HEADER_LEN],
    flags: u8,
    address4: MacAddr,
    is_aggregate: bool,
    header_len: usize,
    payload: &'a [u8],
}

impl<'a> Dot11Data<'a> {
    /// Checks everything the accessors rely on. [`WireError::Malformed`] for other frames,
    /// encrypted ones and data frames without data.
    pub fn parse(bytes: &'a [u8], order: ControlOrder) -> Result<Self, WireError> {
        let (header, mut rest): (&[u8; HEADER_LEN], _) =
            bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        let (control, flags) = match order {
            ControlOrder::Standard => (header[0], header[1]),
            ControlOrder::Swapped => (header[1], header[0]),
        };
        // Version 0, type data, subtype not "null"; not protected.
        if control & 0x4f != 0x08 || flags & 0x40 != 0 {
            return Err(WireError::Malformed);
        }
        let (mut address4, mut is_aggregate) = ([0; 6], false);
        if flags & 3 == 3 {
            let (address, after) = rest.split_first_chunk().ok_or(WireError::Truncated)?;
            (address4, rest) = (*address, after);
        }
        if control & 0x80 != 0 {
            let (qos, after) = rest.split_first_chunk::<2>().ok_or(WireError::Truncated)?;
            is_aggregate = qos[0] & 0x80 != 0;
            let high_throughput = flags & 0x80 != 0;
            let len = if high_throughput { 4 } else { 0 };
            rest = after.get(len..).ok_or(WireError::Truncated)?;
        }
        Ok(Self {
            header,
            flags,
            address4,
            is_aggregate,
            header_len: bytes.len() - rest.len(),
            payload: rest,
        })
    }

    fn address(&self, start: usize) -> MacAddr {
        let mut address = [0; 6];
        let bytes = self.header.get(start..start + 6);
        address.copy_from_slice(bytes.unwrap_or(&[0; 6]));
        address
    }

    /// The final receiver.
    pub fn dst(&self) -> MacAddr {
        match self.flags & 1 {
            0 => self.address(4),
            _ => self.address(16),
        }
    }

    /// The first sender.
    pub fn src(&self) -> MacAddr {
        match self.flags & 3 {
            0 | 1 => self.address(10),
            2 => self.address(16),
            _ => self.address4,
        }
    }

    /// True if frames as of 802.3 follow, each padded to four bytes, and not LLC.
    pub fn is_aggregate(&self) -> bool {
        self.is_aggregate
    }

    /// Header with optional parts, bytes.
    pub fn header_len(&self) -> usize {
        self.header_len
    }

    /// LLC and what follows, or an aggregate.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(control: u8, flags: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![control, flags, 0, 0];
        for address in 1..=3 {
            bytes.extend([address; 6]);
        }
        bytes.extend([0x10, 0]);
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn addresses_by_direction() {
        let cases = [(0, 1, 2), (1, 3, 2), (2, 1, 3), (3, 3, 4)];
        for (flags, dst, src) in cases {
            let bytes = frame(0x08, flags, &[4, 4, 4, 4, 4, 4, 0xaa]);
            let view = Dot11Data::parse(&bytes, ControlOrder::Standard).unwrap();
            assert_eq!(
                (view.dst(), view.src()),
                ([dst; 6], [src; 6]),
                "flags {flags}"
            );
        }
    }

    #[test]
    fn quality_of_service() {
        let mut bytes = frame(0x88, 0x81, &[0x80, 0, 1, 2, 3, 4, 0xaa]);
        let view = Dot11Data::parse(&bytes, ControlOrder::Standard).unwrap();
        assert!(view.is_aggregate());
        bytes[24] = 0;
        let view = Dot11Data::parse(&bytes, ControlOrder::Standard).unwrap();
        assert!(!view.is_aggregate());
        assert_eq!((view.header_len(), view.payload()), (30, &[0xaa][..]));
        for len in 0..30 {
            let error = Dot11Data::parse(&bytes[..len], ControlOrder::Standard).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
    }

    #[test]
    fn swapped() {
        let bytes = frame(0x01, 0x08, &[0xaa]);
        assert!(Dot11Data::parse(&bytes, ControlOrder::Standard).is_err());
        let view = Dot11Data::parse(&bytes, ControlOrder::Swapped).unwrap();
        assert_eq!((view.dst(), view.payload()), ([3; 6], &[0xaa][..]));
    }

    #[test]
    fn encrypted_null_and_management() {
        for (control, flags) in [(0x08, 0x41), (0x48, 1), (0x80, 0), (0xc8, 1)] {
            let bytes = frame(control, flags, &[0; 8]);
            let error = Dot11Data::parse(&bytes, ControlOrder::Standard).err();
            assert_eq!(error, Some(WireError::Malformed));
        }
    }
}
