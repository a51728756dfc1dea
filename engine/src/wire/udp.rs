//! UDP, [RFC 768](https://www.rfc-editor.org/rfc/rfc768). It verifies no checksum.
//!
//! ```text
//! | source port 2 | destination port 2 | length 2 | checksum 2 | payload …
//! ```

use super::WireError;

/// The size of the header, in bytes.
pub const HEADER_LEN: usize = 8;

/// A view of one datagram.
#[derive(Clone, Copy, Debug)]
pub struct UdpDatagram<'a> {
    header: &'a [u8; HEADER_LEN],
    payload_len: Option<usize>,
    payload: &'a [u8],
}

impl<'a> UdpDatagram<'a> {
    /// Checks everything the accessors rely on. Bytes past the datagram's own length are
    /// dropped; a length of zero (RFC 2675, jumbograms) means all.
    #[inline(always)]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, rest): (&[u8; HEADER_LEN], _) =
            bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        let len = u16::from_be_bytes([header[4], header[5]]);
        let payload_len = match usize::from(len).checked_sub(HEADER_LEN) {
            None if len != 0 => return Err(WireError::Malformed),
            len => len,
        };
        let payload = payload_len.and_then(|len| rest.get(..len)).unwrap_or(rest);
        Ok(Self {
            header,
            payload_len,
            payload,
        })
    }

    /// The sender's port.
    #[inline]
    pub fn src_port(&self) -> u16 {
        u16::from_be_bytes([self.header[0], self.header[1]])
    }

    /// The receiver's port.
    #[inline]
    pub fn dst_port(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// Header plus payload, as the sender wrote it; zero in a jumbogram.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> u16 {
        u16::from_be_bytes([self.header[4], self.header[5]])
    }

    /// Payload as sent, bytes; `None` in a jumbogram.
    #[inline]
    pub fn payload_len(&self) -> Option<usize> {
        self.payload_len
    }

    /// The checksum as sent; zero for none.
    #[inline]
    pub fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.header[6], self.header[7]])
    }

    /// The payload, borrowed from the frame, as far as captured.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATAGRAM: [u8; 13] = [0xcf, 9, 0, 53, 0, 12, 0xab, 0xcd, 1, 2, 3, 4, 0xee];

    #[test]
    fn datagram() {
        let udp = UdpDatagram::parse(&DATAGRAM).unwrap();
        assert_eq!(
            (udp.src_port(), udp.dst_port(), udp.len()),
            (0xcf09, 53, 12)
        );
        assert_eq!(udp.checksum(), 0xabcd);
        assert_eq!(udp.payload(), [1, 2, 3, 4]);
        for len in 0..DATAGRAM.len() {
            match UdpDatagram::parse(&DATAGRAM[..len]) {
                Ok(udp) => assert_eq!(udp.payload().len(), (len - 8).min(4)),
                Err(error) => assert_eq!((error, len < 8), (WireError::Truncated, true)),
            }
        }
    }

    #[test]
    fn odd_lengths() {
        let mut bytes = DATAGRAM;
        bytes[5] = 0;
        assert_eq!(UdpDatagram::parse(&bytes).unwrap().payload().len(), 5);
        bytes[5] = 7;
        assert_eq!(UdpDatagram::parse(&bytes).err(), Some(WireError::Malformed));
    }

    #[test]
    fn fuzz_parse() {
        bolero::check!()
            .with_iterations(20_000)
            .for_each(|bytes: &[u8]| {
                if let Ok(udp) = UdpDatagram::parse(bytes) {
                    assert!(HEADER_LEN + udp.payload().len() <= bytes.len());
                }
            });
    }
}
