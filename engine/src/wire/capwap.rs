//! CAPWAP data channel, [RFC 5415](https://www.rfc-editor.org/rfc/rfc5415), section 4. It opens
//! no DTLS and puts no fragments together.
//!
//! ```text
//! | version 4 bits, type 4 | header words 5, radio 5, binding 5, T 1 | F L W M K, reserved 3 |
//! | fragment 2 | offset / 8 in 13 bits, reserved 3 | optional: radio MAC, wireless | payload …
//! ```

use super::WireError;

/// The size of the header without optional parts, in bytes.
pub const HEADER_LEN: usize = 8;
/// Port of the data channel at the controller.
pub const PORT: u16 = 5247;

/// A view of one packet that carries a station's frame, or the first piece of one.
#[derive(Clone, Copy, Debug)]
pub struct CapwapData<'a> {
    header: &'a [u8; HEADER_LEN],
    payload: &'a [u8],
}

impl<'a> CapwapData<'a> {
    /// Checks everything the accessors rely on. [`WireError::Malformed`] for DTLS, keep-alives
    /// and later fragments, which carry no header of a frame.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, _): (&[u8; HEADER_LEN], _) =
            bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        let mut packet = Self {
            header,
            payload: &[],
        };
        let offset = u16::from_be_bytes([header[6], header[7]]) & 0xfff8;
        let later = header[3] & 0x80 != 0 && offset != 0;
        let keep_alive = header[3] & 0x08 != 0;
        if header[0] != 0 || later || keep_alive || packet.header_len() < HEADER_LEN {
            return Err(WireError::Malformed);
        }
        packet.payload = bytes
            .get(packet.header_len()..)
            .ok_or(WireError::Truncated)?;
        Ok(packet)
    }

    /// Header with optional parts, bytes.
    pub fn header_len(&self) -> usize {
        usize::from(self.header[1] >> 3) * 4
    }

    /// True if the payload is a frame of the wireless binding, IEEE 802.11; else it is 802.3.
    pub fn is_native(&self) -> bool {
        self.header[2] & 0x01 != 0
    }

    /// The frame.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_with_radio_mac() {
        let bytes = [
            0, 0x20, 0x43, 0x10, 0, 0, 0, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0x08, 0x01,
        ];
        let capwap = CapwapData::parse(&bytes).unwrap();
        assert!(capwap.is_native());
        assert_eq!((capwap.header_len(), capwap.payload()), (16, &[8, 1][..]));
        for len in 0..16 {
            let error = CapwapData::parse(&bytes[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
    }

    #[test]
    fn no_frame_inside() {
        let dtls = [1, 0, 0, 0, 22, 0xfe, 0xff, 0];
        let keep_alive = [0, 0x10, 0, 0x08, 0, 0, 0, 0];
        let later_piece = [0, 0x10, 0, 0x80, 0, 1, 0, 8];
        let short = [0, 0x08, 0, 0, 0, 0, 0, 0];
        for bytes in [dtls, keep_alive, later_piece, short] {
            assert_eq!(CapwapData::parse(&bytes).err(), Some(WireError::Malformed));
        }
    }
}
