//! PPP (RFC 1661), with or without the framing of HDLC (RFC 1662): which protocol a packet carries.
//! It reads no negotiation, and nothing that was compressed.
//!
//! ```text
//! | address 0xff, control 3: may lack | protocol 2, or 1 compressed | payload …
//! ```

use super::WireError;

/// IPv4, RFC 1332.
pub const IPV4: u16 = 0x0021;
/// IPv6, RFC 5072.
pub const IPV6: u16 = 0x0057;

/// All stations, unnumbered information: RFC 1662, section 3.1.
const FRAMING: [u8; 2] = [0xff, 0x03];

/// The protocol field and its length, in bytes.
pub fn protocol(bytes: &[u8]) -> Result<(u16, usize), WireError> {
    match bytes {
        // The low byte alone is odd, and stands for both if compressed.
        [low, ..] if low & 1 != 0 => Ok((u16::from(*low), 1)),
        [high, low, ..] => Ok((u16::from_be_bytes([*high, *low]), 2)),
        _ => Err(WireError::Truncated),
    }
}

/// The protocol of a frame of its own, and the length of all that stands before the payload.
pub fn framed(bytes: &[u8]) -> Result<(u16, usize), WireError> {
    let framing = if bytes.starts_with(&FRAMING) {
        FRAMING.len()
    } else {
        0
    };
    let (protocol, len) = protocol(bytes.get(framing..).unwrap_or_default())?;
    Ok((protocol, framing + len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_and_compression() {
        assert_eq!(framed(&[0xff, 3, 0, 0x21, 0x45]), Ok((IPV4, 4)));
        assert_eq!(framed(&[0, 0x57, 0x60]), Ok((IPV6, 2)));
        assert_eq!(framed(&[0x21, 0x45]), Ok((IPV4, 1)));
        assert_eq!(framed(&[0xff, 3, 0x21, 0x45]), Ok((IPV4, 3)));
        for bytes in [&[][..], &[0], &[0xff, 3], &[0xff, 3, 0]] {
            assert_eq!(framed(bytes), Err(WireError::Truncated));
        }
    }

    #[test]
    fn fuzz_framed() {
        bolero::check!().for_each(|bytes: &[u8]| {
            if let Ok((_, len)) = framed(bytes) {
                assert!(len <= bytes.len());
            }
        });
    }
}
