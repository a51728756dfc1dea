//! PPPoE sessions, [RFC 2516](https://www.rfc-editor.org/rfc/rfc2516). It reads neither discovery
//! nor the negotiation of PPP.
//!
//! ```text
//! | version 4 bits, type 4 bits: 0x11 | code 0 | session 2 | length 2 |
//! | PPP protocol 2, or 1 compressed (RFC 1661) | payload …
//! ```

use super::WireError;
use super::ppp;

/// The size of the header without PPP protocol, in bytes.
pub const HEADER_LEN: usize = 6;

/// A view of one packet of a session.
#[derive(Clone, Copy, Debug)]
pub struct PppoeSession<'a> {
    header: &'a [u8; HEADER_LEN],
    protocol: u16,
    protocol_len: usize,
    payload: &'a [u8],
}

impl<'a> PppoeSession<'a> {
    /// Checks everything the accessors rely on. Bytes past the packet's own length are dropped.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, rest): (&[u8; HEADER_LEN], _) =
            bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        if header[..2] != [0x11, 0] {
            return Err(WireError::Malformed);
        }
        let (protocol, protocol_len) = ppp::protocol(rest)?;
        let len = usize::from(u16::from_be_bytes([header[4], header[5]]));
        let len = len.checked_sub(protocol_len).ok_or(WireError::Malformed)?;
        let rest = rest.get(protocol_len..).ok_or(WireError::Truncated)?;
        Ok(Self {
            header,
            protocol,
            protocol_len,
            payload: rest.get(..len).unwrap_or(rest),
        })
    }

    /// Session identifier.
    pub fn session(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// PPP protocol of the payload.
    pub fn protocol(&self) -> u16 {
        self.protocol
    }

    /// Header with PPP protocol, bytes.
    pub fn header_len(&self) -> usize {
        HEADER_LEN + self.protocol_len
    }

    /// Payload as sent, bytes.
    pub fn payload_len(&self) -> usize {
        let len = usize::from(u16::from_be_bytes([self.header[4], self.header[5]]));
        len.saturating_sub(self.protocol_len)
    }

    /// The payload, as far as captured.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_inside() {
        let bytes = [0x11, 0, 0x12, 0x34, 0, 4, 0, 0x21, 0x45, 0, 0xee];
        let pppoe = PppoeSession::parse(&bytes).unwrap();
        assert_eq!((pppoe.session(), pppoe.protocol()), (0x1234, ppp::IPV4));
        assert_eq!((pppoe.header_len(), pppoe.payload_len()), (8, 2));
        assert_eq!(pppoe.payload(), [0x45, 0]);
        for len in 0..8 {
            let error = PppoeSession::parse(&bytes[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
    }

    #[test]
    fn compressed_protocol() {
        let bytes = [0x11, 0, 0x12, 0x34, 0, 2, 0x57, 0x60];
        let pppoe = PppoeSession::parse(&bytes).unwrap();
        assert_eq!((pppoe.protocol(), pppoe.header_len()), (ppp::IPV6, 7));
        assert_eq!(pppoe.payload(), [0x60]);
    }

    #[test]
    fn contradictions() {
        for bytes in [
            [0x21, 0, 0, 1, 0, 9, 0, 0x21],
            [0x11, 0, 0, 1, 0, 1, 0, 0x21],
        ] {
            assert_eq!(
                PppoeSession::parse(&bytes).err(),
                Some(WireError::Malformed)
            );
        }
    }
}
