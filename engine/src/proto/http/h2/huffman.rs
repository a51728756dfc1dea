//! The Huffman code of HPACK, RFC 7541, appendix B. It is canonical: the lengths of its codes say
//! all of it. It knows no header.

/// Longest code, in bits.
const BITS_MAX: usize = 30;

/// The end of a string, which never stands in one.
const END: u16 = 256;

/// How long the code of each byte is, in bits, and that of the end.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

/// The codes of one length: the first, how many there are, and where their symbols begin.
#[derive(Clone, Copy)]
struct Row {
    first: u32,
    count: u32,
    at: usize,
}

/// Codes by length, and all symbols in the order of their codes.
static CODE: ([Row; BITS_MAX + 1], [u16; 257]) = code();

const fn code() -> ([Row; BITS_MAX + 1], [u16; 257]) {
    let empty = Row {
        first: 0,
        count: 0,
        at: 0,
    };
    let mut rows = [empty; BITS_MAX + 1];
    let mut symbols = [0; 257];
    let (mut bits, mut at, mut next) = (1, 0, 0);
    while bits <= BITS_MAX {
        next <<= 1;
        let begun = at;
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == bits {
                symbols[at] = symbol as u16;
                at += 1;
            }
            symbol += 1;
        }
        let count = (at - begun) as u32;
        rows[bits] = Row {
            first: next,
            count,
            at: begun,
        };
        next += count;
        bits += 1;
    }
    (rows, symbols)
}

/// Undoes the code; nothing where it is broken.
pub fn decode(coded: &[u8]) -> Option<Vec<u8>> {
    let (rows, symbols) = &CODE;
    // Five bits are the shortest code.
    let mut text = Vec::with_capacity(coded.len() * 8 / 5);
    let (mut code, mut bits) = (0, 0);
    for byte in coded {
        for shift in (0..8).rev() {
            code = code << 1 | u32::from(byte >> shift & 1);
            bits += 1;
            let row = rows.get(bits)?;
            let Some(place) = code.checked_sub(row.first).filter(|at| *at < row.count) else {
                continue;
            };
            match symbols.get(row.at + place as usize)? {
                &END => return None,
                symbol => text.push(u8::try_from(*symbol).ok()?),
            }
            (code, bits) = (0, 0);
        }
    }
    // What is left fills the last byte with ones: RFC 7541, 5.2.
    (bits < 8 && code == (1 << bits) - 1).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification() {
        // RFC 7541, C.4.1, C.4.3, C.6.1.
        for (coded, text) in [
            (
                &[
                    0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
                ][..],
                &b"www.example.com"[..],
            ),
            (
                &[0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f],
                b"custom-key",
            ),
            (&[0x64, 0x02], b"302"),
            (&[0xae, 0xc3, 0x77, 0x1a, 0x4b], b"private"),
            (b"", b""),
        ] {
            assert_eq!(decode(coded).as_deref(), Some(text));
        }
        assert_eq!(decode(&[0x64, 0x02, 0xff]), None, "too much filling");
        assert_eq!(decode(&[0x64, 0x02, 0x00]), None, "filled with zeros");
        assert_eq!(decode(&[0xff; 4]), None, "the end inside");
    }
}
