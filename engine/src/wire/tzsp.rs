//! TZSP, in which access points and routers send a copy of what they see: the header and its
//! tags, as Wireshark's documentation and MikroTik's sniffer show them. It reads no tag.
//!
//! ```text
//! | version 1 | type 1 | protocol 2 | each tag: number 1, length 1, value | end 1 | frame …
//! ```

use super::WireError;
use crate::config::TZSP_TAGS_MAX;

/// Destination port.
pub const PORT: u16 = 37008;

/// Protocol: an Ethernet frame.
pub const ETHERNET: u16 = 1;
/// Protocol: an IEEE 802.11 frame.
pub const DOT11: u16 = 18;

/// Tags without length: padding, and the end of them.
const PADDING: u8 = 0;
const END: u8 = 1;

/// Protocol and length of all that stands before the frame. [`WireError::Malformed`] for messages
/// without a frame, other versions, and beyond `TZSP_TAGS_MAX` tags.
pub fn parse(bytes: &[u8]) -> Result<(u16, usize), WireError> {
    let [version, kind, high, low] = *bytes.first_chunk::<4>().ok_or(WireError::Truncated)?;
    // Received, or to be transmitted.
    if version != 1 || kind > 1 {
        return Err(WireError::Malformed);
    }
    let mut len = 4;
    for _ in 0..TZSP_TAGS_MAX {
        match *bytes.get(len).ok_or(WireError::Truncated)? {
            END => return Ok((u16::from_be_bytes([high, low]), len + 1)),
            PADDING => len += 1,
            _ => {
                let value = bytes.get(len + 1).ok_or(WireError::Truncated)?;
                len += 2 + usize::from(*value);
            }
        }
    }
    Err(WireError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        assert_eq!(parse(&[1, 0, 0, 1, 1]), Ok((ETHERNET, 5)));
        // Signal and channel, one of padding.
        let bytes = [1, 1, 0, 18, 10, 1, 0xb0, 0, 18, 1, 6, 1, 8];
        assert_eq!(parse(&bytes), Ok((DOT11, 12)));
        for len in 0..12 {
            assert_eq!(parse(&bytes[..len]), Err(WireError::Truncated), "{len}");
        }
        for bytes in [[2, 0, 0, 1, 1], [1, 4, 0, 1, 1]] {
            assert_eq!(parse(&bytes), Err(WireError::Malformed));
        }
    }

    #[test]
    fn tags_have_a_limit() {
        let mut bytes = vec![1, 0, 0, 1];
        bytes.resize(3 + TZSP_TAGS_MAX, 0);
        bytes.push(1);
        assert!(parse(&bytes).is_ok());
        bytes.insert(4, 0);
        assert_eq!(parse(&bytes), Err(WireError::Malformed));
    }
}
