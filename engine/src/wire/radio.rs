//! What radios write before a frame: radiotap, and per-packet information (PPI). It reads the
//! header's length and the link that follows, nothing of the radio.
//!
//! ```text
//! radiotap: | version 0 | pad 1 | length 2, little-endian | fields …
//! PPI:      | version 0 | flags 1 | length 2 | link type 4, both little-endian | fields …
//! ```

use super::WireError;

/// The smallest header of each, in bytes.
const LEN_MIN: usize = 8;

/// The length of a radiotap header, in bytes.
pub fn radiotap(bytes: &[u8]) -> Result<usize, WireError> {
    Ok(header(bytes)?.0)
}

/// The length of a PPI header, in bytes, and the number of the link type that follows.
pub fn ppi(bytes: &[u8]) -> Result<(usize, u32), WireError> {
    header(bytes)
}

fn header(bytes: &[u8]) -> Result<(usize, u32), WireError> {
    let [version, _, low, high, link @ ..] =
        bytes.first_chunk::<LEN_MIN>().ok_or(WireError::Truncated)?;
    let len = usize::from(u16::from_le_bytes([*low, *high]));
    if *version != 0 || len < LEN_MIN {
        return Err(WireError::Malformed);
    }
    Ok((len, u32::from_le_bytes(*link)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_radios() {
        let bytes = [0, 0, 0x18, 0, 0x69, 0, 0, 0];
        assert_eq!(radiotap(&bytes), Ok(24));
        assert_eq!(ppi(&bytes), Ok((24, 105)));
        assert_eq!(radiotap(&bytes[..7]), Err(WireError::Truncated));
        assert_eq!(ppi(&bytes[..7]), Err(WireError::Truncated));
        for (at, value) in [(0, 1), (2, 7)] {
            let mut bytes = bytes;
            bytes[at] = value;
            assert_eq!(radiotap(&bytes), Err(WireError::Malformed));
        }
    }
}
