//! IPv6 and its extension headers, [RFC 8200](https://www.rfc-editor.org/rfc/rfc8200). It steps
//! over extension headers and follows no routing header's list.
//!
//! ```text
//! | version 4 bits, class 8, flow label 20 | payload length 2 | next header 1 | hop limit 1 |
//! | source 16 | destination 16 |
//! ```

use super::{Fragment, WireError};

/// The size of the header, in bytes.
pub const HEADER_LEN: usize = 40;
/// Next header: hop-by-hop options.
pub const HOP_BY_HOP: u8 = 0;
/// Next header: routing.
pub const ROUTING: u8 = 43;
/// Next header: fragment.
pub const FRAGMENT: u8 = 44;
/// Next header: authentication, RFC 4302.
pub const AUTHENTICATION: u8 = 51;
/// Next header: nothing follows.
pub const NONE: u8 = 59;
/// Next header: destination options.
pub const DESTINATION: u8 = 60;
/// Next header: mobility, RFC 6275.
pub const MOBILITY: u8 = 135;
/// Next header: host identity, RFC 7401.
const HOST_IDENTITY: u8 = 139;
/// Next header: shim6, RFC 5533.
const SHIM6: u8 = 140;
/// Hop-by-hop option: jumbo payload, RFC 2675.
const JUMBO: u8 = 0xc2;

/// A view of one packet.
#[derive(Clone, Copy, Debug)]
pub struct Ipv6Packet<'a> {
    header: &'a [u8; HEADER_LEN],
    payload_len: Option<usize>,
    payload: &'a [u8],
}

impl<'a> Ipv6Packet<'a> {
    /// Checks everything the accessors rely on. Bytes past the packet's own length are dropped,
    /// see [`Self::payload_len`].
    #[inline(always)]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, rest): (&[u8; HEADER_LEN], _) =
            bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        if header[0] >> 4 != 6 {
            return Err(WireError::Malformed);
        }
        let payload_len = match u16::from_be_bytes([header[4], header[5]]) {
            0 => empty_or_jumbo(header[6], rest),
            len => Some(len.into()),
        };
        let payload = payload_len.and_then(|len| rest.get(..len)).unwrap_or(rest);
        Ok(Self {
            header,
            payload_len,
            payload,
        })
    }

    /// Payload with extension headers, bytes as sent. `None` where the header does not say:
    /// length zero before something that cannot be empty (jumbograms, segmentation offload).
    #[inline]
    pub fn payload_len(&self) -> Option<usize> {
        self.payload_len
    }

    /// The kind of the first header in the payload.
    #[inline]
    pub fn next_header(&self) -> u8 {
        self.header[6]
    }

    /// Hops left.
    #[inline]
    pub fn hop_limit(&self) -> u8 {
        self.header[7]
    }

    /// The sender's address.
    #[inline]
    pub fn src(&self) -> [u8; 16] {
        self.address(8)
    }

    /// The receiver's address.
    #[inline]
    pub fn dst(&self) -> [u8; 16] {
        self.address(24)
    }

    #[inline(always)]
    fn address(&self, start: usize) -> [u8; 16] {
        std::array::from_fn(|at| self.header[start + at])
    }

    /// Extension headers and payload, as far as captured.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// What a payload length of zero means.
#[cold]
fn empty_or_jumbo(next_header: u8, payload: &[u8]) -> Option<usize> {
    match next_header {
        NONE => Some(0),
        HOP_BY_HOP => {
            let extension = Extension::parse(HOP_BY_HOP, payload).ok()?;
            extension.jumbo_len().map(|len| len as usize)
        }
        _ => None,
    }
}

/// A view of one extension header that can be stepped over.
#[derive(Clone, Copy, Debug)]
pub struct Extension<'a> {
    kind: u8,
    /// At least 8 bytes.
    bytes: &'a [u8],
    head: &'a [u8; 8],
}

impl<'a> Extension<'a> {
    /// True for a next header that can be stepped over: everything but ESP (which hides what
    /// follows), "none" and the transports.
    #[inline]
    pub const fn is(kind: u8) -> bool {
        matches!(
            kind,
            HOP_BY_HOP
                | ROUTING
                | FRAGMENT
                | AUTHENTICATION
                | DESTINATION
                | MOBILITY
                | HOST_IDENTITY
                | SHIM6
        )
    }

    /// Checks that the whole header is there. `kind` is the next header that announced it.
    pub fn parse(kind: u8, bytes: &'a [u8]) -> Result<Self, WireError> {
        let head: &[u8; 8] = bytes.first_chunk().ok_or(WireError::Truncated)?;
        let len = match kind {
            FRAGMENT => 8,
            AUTHENTICATION => (usize::from(head[1]) + 2) * 4,
            _ => (usize::from(head[1]) + 1) * 8,
        };
        let bytes = bytes.get(..len).ok_or(WireError::Truncated)?;
        Ok(Self { kind, bytes, head })
    }

    /// The kind of the header that follows.
    pub fn next_header(&self) -> u8 {
        self.head[0]
    }

    /// The size of this header, in bytes.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Which piece of a datagram follows. `None` in other headers and in an atomic fragment,
    /// which is a whole datagram (RFC 6946).
    pub fn fragment(&self) -> Option<Fragment> {
        let [_, _, offset_high, offset_low, id @ ..] = *self.head;
        let field = u16::from_be_bytes([offset_high, offset_low]);
        if self.kind != FRAGMENT || field & 0xfff9 == 0 {
            return None;
        }
        Some(Fragment {
            id: u32::from_be_bytes(id),
            offset: u32::from(field & 0xfff8),
            more: field & 1 != 0,
        })
    }

    /// The length that a jumbo payload option gives, RFC 2675.
    pub fn jumbo_len(&self) -> Option<u32> {
        if self.kind != HOP_BY_HOP {
            return None;
        }
        let mut options = self.bytes.get(2..).unwrap_or(&[]);
        loop {
            options = match options {
                // Pad1 alone has no length.
                [0, rest @ ..] => rest,
                [JUMBO, 4, a, b, c, d, ..] => return Some(u32::from_be_bytes([*a, *b, *c, *d])),
                [_, len, rest @ ..] => rest.get(usize::from(*len)..)?,
                _ => return None,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(payload_len: u16, next: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x60, 0, 0, 0];
        bytes.extend(payload_len.to_be_bytes());
        bytes.extend([next, 64]);
        bytes.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16]);
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn header() {
        let bytes = packet(2, 58, &[1, 2, 0xee]);
        let view = Ipv6Packet::parse(&bytes).unwrap();
        assert_eq!((view.next_header(), view.hop_limit()), (58, 64));
        assert_eq!((view.src()[0], view.src()[15]), (0xfe, 1));
        assert_eq!((view.dst()[0], view.dst()[15]), (0xff, 0x16));
        assert_eq!(view.payload(), [1, 2]);
        for len in 0..HEADER_LEN {
            let error = Ipv6Packet::parse(&bytes[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
        let error = Ipv6Packet::parse(&[0x45; 60]).err();
        assert_eq!(error, Some(WireError::Malformed));
    }

    #[test]
    fn lengths_of_zero() {
        let jumbo = [17, 0, JUMBO, 4, 0, 1, 0, 0];
        let bytes = packet(0, HOP_BY_HOP, &jumbo);
        assert_eq!(
            Ipv6Packet::parse(&bytes).unwrap().payload_len(),
            Some(0x1_0000)
        );
        let bytes = packet(0, NONE, &[0xee]);
        assert_eq!(Ipv6Packet::parse(&bytes).unwrap().payload(), []);
        let bytes = packet(0, 6, &[1, 2]);
        assert_eq!(Ipv6Packet::parse(&bytes).unwrap().payload(), [1, 2]);
    }

    #[test]
    fn extensions() {
        let bytes = [6, 0, 0x05, 0xa9, 1, 2, 3, 4, 9];
        let piece = Fragment {
            id: 0x0102_0304,
            offset: 0x05a8,
            more: true,
        };
        let extension = Extension::parse(FRAGMENT, &bytes).unwrap();
        assert_eq!((extension.next_header(), extension.len()), (6, 8));
        assert_eq!(extension.fragment(), Some(piece));
        let atomic = Extension::parse(FRAGMENT, &[6, 0, 0, 0, 1, 2, 3, 4]).unwrap();
        assert_eq!(atomic.fragment(), None);
        let bytes = [6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Extension::parse(AUTHENTICATION, &bytes).unwrap().len(), 12);
        assert_eq!(Extension::parse(ROUTING, &bytes).unwrap().len(), 16);
        for len in 0..16 {
            let error = Extension::parse(DESTINATION, &bytes[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
    }

    #[test]
    fn fuzz_parse() {
        bolero::check!()
            .with_iterations(20_000)
            .for_each(|bytes: &[u8]| {
                if let Ok(packet) = Ipv6Packet::parse(bytes) {
                    assert!(HEADER_LEN + packet.payload().len() <= bytes.len());
                }
                for kind in [HOP_BY_HOP, FRAGMENT, AUTHENTICATION] {
                    if let Ok(extension) = Extension::parse(kind, bytes) {
                        assert!((8..=bytes.len()).contains(&extension.len()));
                        let _ = (extension.jumbo_len(), extension.fragment());
                    }
                }
            });
    }
}
