//! ICMP for IPv4, [RFC 792](https://www.rfc-editor.org/rfc/rfc792). It does not read the packet
//! that an error quotes.
//!
//! ```text
//! | type 1 | code 1 | checksum 2 | rest of header 4 | body …
//! ```

use super::WireError;

/// The size of the header, in bytes.
pub const HEADER_LEN: usize = 8;
/// Type: echo reply.
pub const ECHO_REPLY: u8 = 0;
/// Type: destination unreachable.
pub const UNREACHABLE: u8 = 3;
/// Type: echo request.
pub const ECHO: u8 = 8;

/// A view of one message.
#[derive(Clone, Copy, Debug)]
pub struct IcmpMessage<'a> {
    header: &'a [u8; HEADER_LEN],
    body: &'a [u8],
}

impl<'a> IcmpMessage<'a> {
    /// Checks that the header is there.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, body) = bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        Ok(Self { header, body })
    }

    /// What kind of message.
    pub fn kind(&self) -> u8 {
        self.header[0]
    }

    /// What of that kind.
    pub fn code(&self) -> u8 {
        self.header[1]
    }

    /// The checksum as sent.
    pub fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// Four bytes whose meaning depends on the type: identifier and sequence number of an echo.
    pub fn rest_of_header(&self) -> [u8; 4] {
        let h = self.header;
        [h[4], h[5], h[6], h[7]]
    }

    /// What follows the header: an echo's data, an error's quotation.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echo() {
        let bytes = [8, 0, 0x4d, 0x4b, 0, 1, 0, 9, 0x61];
        let icmp = IcmpMessage::parse(&bytes).unwrap();
        assert_eq!(
            (icmp.kind(), icmp.code(), icmp.checksum()),
            (ECHO, 0, 0x4d4b)
        );
        assert_eq!(
            (icmp.rest_of_header(), icmp.body()),
            ([0, 1, 0, 9], &b"a"[..])
        );
        for len in 0..HEADER_LEN {
            let error = IcmpMessage::parse(&bytes[..len]).err();
            assert_eq!(error, Some(WireError::Truncated));
        }
    }
}
