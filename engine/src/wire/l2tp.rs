//! What L2TP carries: version 2, [RFC 2661](https://www.rfc-editor.org/rfc/rfc2661), section 3.1,
//! and version 3, [RFC 3931](https://www.rfc-editor.org/rfc/rfc3931), section 4.1. It reads no
//! control messages.
//!
//! ```text
//! 2: | T=0 L 2 bits S 1 bit O P 4 bits version 4 bits | L: length 2 | tunnel 2 | session 2 |
//!    | S: sequence numbers 4 | O: offset 2, so many bytes | PPP frame …
//! 3: | over UDP: version word 2, reserved 2 | session 4 | cookie 0, 4 or 8 | sublayer 0 or 4 | …
//! ```

use super::WireError;

/// Port of the server.
pub const PORT: u16 = 1701;
/// Protocol number in IP, of version 3 alone.
pub const PROTOCOL: u8 = 115;

const LENGTH: u16 = 0x4000;
const SEQUENCE: u16 = 0x0800;
const OFFSET: u16 = 0x0200;
/// All bits but those and the priority: a control message, reserved, the version.
const FIXED: u16 = 0xb4ff;
/// The version word and the reserved one before a session of version 3 in UDP.
const VERSION_3: [u8; 4] = [0, 3, 0, 0];
/// A session's number in version 3, bytes.
const SESSION_LEN: usize = 4;

/// What may stand between session and frame in version 3, in bytes: a cookie and a sublayer, as
/// the two ends agreed on.
pub const SHIMS: [usize; 4] = [0, 4, 8, 12];

/// What one data message carries, and the length of all that stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum L2tpData {
    /// Version 2: a PPP frame follows.
    Ppp(usize),
    /// Version 3: one of [`SHIMS`], then the frame.
    Shimmed(usize),
}

impl L2tpData {
    /// Of a UDP payload; [`WireError::Malformed`] for control messages and other versions.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        match bytes.strip_prefix(&VERSION_3) {
            Some(rest) => match Self::in_ip(rest)? {
                Self::Shimmed(len) => Ok(Self::Shimmed(VERSION_3.len() + len)),
                ppp => Ok(ppp),
            },
            None => version_2(bytes).map(Self::Ppp),
        }
    }

    /// Of an IP payload; session 0 stands before control messages.
    pub fn in_ip(bytes: &[u8]) -> Result<Self, WireError> {
        match bytes.first_chunk::<SESSION_LEN>() {
            None => Err(WireError::Truncated),
            Some([0, 0, 0, 0]) => Err(WireError::Malformed),
            Some(_) => Ok(Self::Shimmed(SESSION_LEN)),
        }
    }
}

fn version_2(bytes: &[u8]) -> Result<usize, WireError> {
    let word = |place: usize| -> Result<u16, WireError> {
        let rest = bytes.get(place..).and_then(|rest| rest.first_chunk());
        rest.map(|word| u16::from_be_bytes(*word))
            .ok_or(WireError::Truncated)
    };
    let flags = word(0)?;
    if flags & FIXED != 2 {
        return Err(WireError::Malformed);
    }
    let has = |bit: u16| usize::from(flags & bit != 0);
    let mut len = 6 + 2 * has(LENGTH) + 4 * has(SEQUENCE);
    if flags & OFFSET != 0 {
        len += 2 + usize::from(word(len)?);
    }
    match len <= bytes.len() {
        true => Ok(len),
        false => Err(WireError::Truncated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_two() {
        assert_eq!(
            L2tpData::parse(&[0, 2, 0, 7, 0, 9, 0xff, 3]),
            Ok(L2tpData::Ppp(6))
        );
        // Length, sequence numbers, an offset of one, priority.
        let bytes = [0x4b, 2, 0, 20, 0, 7, 0, 9, 0, 1, 0, 2, 0, 1, 0xee, 0xff];
        assert_eq!(L2tpData::parse(&bytes), Ok(L2tpData::Ppp(15)));
        for len in 0..15 {
            let error = L2tpData::parse(&bytes[..len]);
            assert_eq!(error, Err(WireError::Truncated), "{len}");
        }
        for flags in [[0xc8, 2], [0, 1], [0x10, 2], [0, 0x12], [0, 3]] {
            let mut other = bytes;
            other[..2].copy_from_slice(&flags);
            assert_eq!(L2tpData::parse(&other), Err(WireError::Malformed));
        }
    }

    #[test]
    fn version_three() {
        let bytes = [0, 3, 0, 0, 0, 0, 0, 5, 1];
        assert_eq!(L2tpData::parse(&bytes), Ok(L2tpData::Shimmed(8)));
        assert_eq!(L2tpData::in_ip(&bytes[4..]), Ok(L2tpData::Shimmed(4)));
        assert_eq!(L2tpData::in_ip(&bytes[5..8]), Err(WireError::Truncated));
        assert_eq!(L2tpData::in_ip(&[0; 8]), Err(WireError::Malformed));
    }
}
