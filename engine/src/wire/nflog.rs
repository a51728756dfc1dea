//! Packets that Linux's filter logged (`LINKTYPE_NFLOG`): where the IP packet is. It reads no
//! prefix, no mark and no hardware address.
//!
//! ```text
//! | family 1 | version 0 | resource 2 | repeated: length 2 | type 2 | value, to four bytes |
//! ```

use super::WireError;

const HEADER_LEN: usize = 4;
/// The type of the value that is the packet (`NFULA_PAYLOAD`).
const PAYLOAD: u16 = 9;
/// Values before the packet that are stepped over: the kernel writes eighteen kinds.
const VALUES_MAX: usize = 32;

/// Where the packet begins, and its length as sent.
pub fn packet(bytes: &[u8]) -> Result<(usize, usize), WireError> {
    if bytes.get(1).is_some_and(|version| *version != 0) {
        return Err(WireError::Malformed);
    }
    let mut at = HEADER_LEN;
    for _ in 0..VALUES_MAX {
        let head = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
        let [a, b, c, d] = *head.ok_or(WireError::Truncated)?;
        let len = usize::from(u16::from_le_bytes([a, b]));
        let inside = len.checked_sub(4).ok_or(WireError::Malformed)?;
        if u16::from_le_bytes([c, d]) == PAYLOAD {
            return Ok((at + 4, inside));
        }
        at += len.next_multiple_of(4);
    }
    Err(WireError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGGED: [u8; 17] = [2, 0, 0, 5, 5, 0, 10, 0, 0, 9, 9, 9, 6, 0, 9, 0, 0x45];

    #[test]
    fn the_packet_is_found() {
        assert_eq!(packet(&LOGGED), Ok((16, 2)));
        for len in 0..16 {
            let error = packet(&LOGGED[..len]);
            assert_eq!(error, Err(WireError::Truncated), "{len}");
        }
        let mut bytes = LOGGED;
        bytes[4] = 3;
        assert_eq!(packet(&bytes), Err(WireError::Malformed));
    }

    #[test]
    fn fuzz_packet() {
        bolero::check!().for_each(|bytes: &[u8]| {
            if let Ok((at, _)) = packet(bytes) {
                assert!(at <= bytes.len());
            }
        });
    }
}
