//! IPv4, [RFC 791](https://www.rfc-editor.org/rfc/rfc791). It does not verify the checksum
//! unasked (capturing hosts leave it to the network card) and does not put fragments together.
//!
//! ```text
//! | version 4 bits, header words 4 bits | service 1 | total length 2 |
//! | identification 2 | reserved, don't fragment, more, offset / 8 in 13 bits |
//! | time to live 1 | protocol 1 | checksum 2 | source 4 | destination 4 | options … |
//! ```

use super::{Fragment, WireError};

/// The size of the header without options, in bytes.
pub const HEADER_LEN: usize = 20;

/// More pieces follow, or some came before.
const FRAGMENT: u16 = 0x3fff;

/// A view of one packet.
#[derive(Clone, Copy, Debug)]
pub struct Ipv4Packet<'a> {
    header: &'a [u8; HEADER_LEN],
    options: &'a [u8],
    payload_len: Option<usize>,
    payload: &'a [u8],
}

impl<'a> Ipv4Packet<'a> {
    /// Checks everything the accessors rely on. Bytes past the packet's own length are dropped;
    /// a total length of zero (left to the network card by segmentation offload) means all.
    #[inline(always)]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, rest): (&[u8; HEADER_LEN], _) =
            bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        // Version 4 and no options: every packet but few.
        let (options, rest) = if header[0] == 0x45 {
            (&[][..], rest)
        } else {
            split_options(header[0], rest)?
        };
        let total_len = u16::from_be_bytes([header[2], header[3]]);
        let payload_len = match usize::from(total_len).checked_sub(HEADER_LEN + options.len()) {
            None if total_len != 0 => return Err(WireError::Malformed),
            len => len,
        };
        let payload = payload_len.and_then(|len| rest.get(..len)).unwrap_or(rest);
        Ok(Self {
            header,
            options,
            payload_len,
            payload,
        })
    }

    /// As [`Self::parse`], of a packet without options, in one piece, that says how long it is;
    /// nothing of any other.
    #[inline(always)]
    pub fn parse_plain(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest): (&[u8; HEADER_LEN], _) = bytes.split_first_chunk()?;
        let total_len = u16::from_be_bytes([header[2], header[3]]);
        let fragment = u16::from_be_bytes([header[6], header[7]]) & FRAGMENT;
        if header[0] != 0x45 || fragment != 0 {
            return None;
        }
        let payload_len = usize::from(total_len).checked_sub(HEADER_LEN)?;
        Some(Self {
            header,
            options: &[],
            payload_len: Some(payload_len),
            payload: rest.get(..payload_len).unwrap_or(rest),
        })
    }

    /// Header with options, bytes.
    #[inline]
    pub fn header_len(&self) -> usize {
        HEADER_LEN + self.options.len()
    }

    /// Header plus payload as the sender wrote it; zero when left to the network card.
    #[inline]
    pub fn total_len(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// Payload as sent, bytes; `None` when the total length is zero.
    #[inline]
    pub fn payload_len(&self) -> Option<usize> {
        self.payload_len
    }

    /// Identification of the datagram among its sender's.
    #[inline]
    pub fn id(&self) -> u16 {
        u16::from_be_bytes([self.header[4], self.header[5]])
    }

    /// Which piece of a datagram this is; `None` for a whole one.
    #[inline]
    pub fn fragment(&self) -> Option<Fragment> {
        let field = u16::from_be_bytes([self.header[6], self.header[7]]);
        if field & FRAGMENT == 0 {
            return None;
        }
        Some(Fragment {
            id: self.id().into(),
            offset: u32::from(field & 0x1fff) * 8,
            more: field & 0x2000 != 0,
        })
    }

    /// Time to live, hops.
    #[inline]
    pub fn ttl(&self) -> u8 {
        self.header[8]
    }

    /// Protocol of the payload (IANA protocol numbers).
    #[inline]
    pub fn protocol(&self) -> u8 {
        self.header[9]
    }

    /// True if the header checksum is right.
    pub fn checksum_is_right(&self) -> bool {
        let words = |bytes: &[u8]| -> u32 {
            let pairs = bytes.chunks_exact(2);
            pairs
                .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
                .sum()
        };
        let sum = words(self.header) + words(self.options);
        (sum & 0xffff) + (sum >> 16) == 0xffff
    }

    /// The sender's address.
    #[inline]
    pub fn src(&self) -> [u8; 4] {
        let h = self.header;
        [h[12], h[13], h[14], h[15]]
    }

    /// The receiver's address.
    #[inline]
    pub fn dst(&self) -> [u8; 4] {
        let h = self.header;
        [h[16], h[17], h[18], h[19]]
    }

    /// The options, undivided.
    pub fn options(&self) -> &'a [u8] {
        self.options
    }

    /// The payload, as far as captured.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// Divides what follows the fixed header, by the header's first byte.
#[cold]
fn split_options(first: u8, rest: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    if first >> 4 != 4 {
        return Err(WireError::Malformed);
    }
    let len = (usize::from(first & 0x0f) * 4)
        .checked_sub(HEADER_LEN)
        .ok_or(WireError::Malformed)?;
    rest.split_at_checked(len).ok_or(WireError::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Router alert option, protocol IGMP, 4 bytes of payload, 2 of padding.
    const PACKET: [u8; 30] = [
        0x46, 0, 0, 28, 0x12, 0x34, 0x20, 0x02, 1, 2, 0, 0, 10, 0, 0, 1, 224, 0, 0, 22, 0x94, 4, 0,
        0, 1, 2, 3, 4, 0xee, 0xee,
    ];

    #[test]
    fn options_and_padding() {
        let packet = Ipv4Packet::parse(&PACKET).unwrap();
        assert_eq!((packet.header_len(), packet.total_len()), (24, 28));
        assert_eq!(
            (packet.ttl(), packet.protocol(), packet.id()),
            (1, 2, 0x1234)
        );
        assert_eq!(
            (packet.src(), packet.dst()),
            ([10, 0, 0, 1], [224, 0, 0, 22])
        );
        assert_eq!(packet.options(), [0x94, 4, 0, 0]);
        assert_eq!(packet.payload(), [1, 2, 3, 4]);
        let piece = Fragment {
            id: 0x1234,
            offset: 16,
            more: true,
        };
        assert_eq!(packet.fragment(), Some(piece));
        for len in 0..24 {
            let error = Ipv4Packet::parse(&PACKET[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
        for len in 24..PACKET.len() {
            let packet = Ipv4Packet::parse(&PACKET[..len]).unwrap();
            assert_eq!(packet.payload().len(), (len - 24).min(4));
        }
    }

    #[test]
    fn checksum() {
        // RFC 1071's arithmetic over a header of 192.168.0.1 to 192.168.0.199.
        let mut bytes = [
            0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8,
            0, 0xc7,
        ];
        assert!(Ipv4Packet::parse(&bytes).unwrap().checksum_is_right());
        bytes[8] = 0x3f;
        assert!(!Ipv4Packet::parse(&bytes).unwrap().checksum_is_right());
    }

    #[test]
    fn lengths_that_contradict() {
        let mut bytes = PACKET;
        bytes[3] = 23;
        assert_eq!(Ipv4Packet::parse(&bytes).err(), Some(WireError::Malformed));
        bytes[3] = 0;
        assert_eq!(Ipv4Packet::parse(&bytes).unwrap().payload().len(), 6);
        for first in [0x44, 0x65, 0x05] {
            bytes[0] = first;
            assert_eq!(Ipv4Packet::parse(&bytes).err(), Some(WireError::Malformed));
        }
    }

    #[test]
    fn fuzz_parse() {
        bolero::check!()
            .with_iterations(20_000)
            .for_each(|bytes: &[u8]| {
                if let Ok(packet) = Ipv4Packet::parse(bytes) {
                    assert!(packet.header_len() + packet.payload().len() <= bytes.len());
                    let _ = (packet.fragment(), packet.checksum_is_right());
                }
            });
    }
}
