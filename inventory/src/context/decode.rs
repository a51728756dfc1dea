//! Bytes of a spreadsheet as text, whatever program wrote it: UTF-8 with or without a byte order
//! mark, UTF-16 of either order, and what is neither, as Windows-1252. It never fails: what makes
//! no sense becomes a replacement character.

/// Windows-1252 between 0x80 and 0x9f; the rest of it is Latin-1.
const WINDOWS: &str = "€\u{fffd}‚ƒ„…†‡ˆ‰Š‹Œ\u{fffd}Ž\u{fffd}\u{fffd}‘’“”•–—˜™š›œ\u{fffd}žŸ";

/// The text, and what its encoding was.
pub fn decode(bytes: &[u8]) -> (String, &'static str) {
    if let Some(rest) = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]) {
        return (String::from_utf8_lossy(rest).into_owned(), "UTF-8");
    }
    if let Some(rest) = bytes.strip_prefix(&[0xff, 0xfe]) {
        return (wide(rest, u16::from_le_bytes), "UTF-16, little-endian");
    }
    if let Some(rest) = bytes.strip_prefix(&[0xfe, 0xff]) {
        return (wide(rest, u16::from_be_bytes), "UTF-16, big-endian");
    }
    // Without a mark: in the first row of a sheet every other byte is zero.
    let head = bytes.get(..64.min(bytes.len())).unwrap_or_default();
    let zeros = |odd: usize| {
        let bytes = head.iter().skip(odd).step_by(2);
        bytes.filter(|byte| **byte == 0).count() * 4
    };
    if zeros(1) > head.len() && zeros(0) == 0 {
        return (wide(bytes, u16::from_le_bytes), "UTF-16, little-endian");
    }
    if zeros(0) > head.len() && zeros(1) == 0 {
        return (wide(bytes, u16::from_be_bytes), "UTF-16, big-endian");
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), "UTF-8"),
        Err(_) => {
            let text = bytes.iter().map(|byte| match byte {
                0x80..=0x9f => {
                    let place = usize::from(byte - 0x80);
                    WINDOWS.chars().nth(place).unwrap_or('\u{fffd}')
                }
                byte => char::from(*byte),
            });
            (text.collect(), "Windows-1252")
        }
    }
}

fn wide(bytes: &[u8], order: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| order(*pair)).collect();
    String::from_utf16_lossy(&units)
}
