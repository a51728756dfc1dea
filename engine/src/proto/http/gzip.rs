//! The header of a gzip member, RFC 1952: where its deflated data begin. It keeps none of what the
//! header says: a file's name may be a person's.

/// Flags of the header: RFC 1952, 2.3.1.
const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

/// Where in the header the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Fixed(u8),
    ExtraLow,
    ExtraHigh(u8),
    Extra(u16),
    Name,
    Comment,
    Crc(u8),
    Over,
}

/// A header that comes in pieces.
#[derive(Debug)]
pub struct Header {
    at: At,
    flags: u8,
}

impl Header {
    /// Nothing seen yet.
    pub const fn new() -> Self {
        Self {
            at: At::Fixed(0),
            flags: 0,
        }
    }

    /// Takes what belongs to the header off the front; nothing where it is none.
    pub fn strip<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let mut rest = bytes;
        while self.at != At::Over
            && let Some((byte, after)) = rest.split_first()
        {
            self.at = self.next(*byte)?;
            rest = after;
        }
        Some(rest)
    }

    fn next(&mut self, byte: u8) -> Option<At> {
        Some(match self.at {
            At::Fixed(0) if byte != 0x1f => return None,
            At::Fixed(1) if byte != 0x8b => return None,
            // Deflate is the only method there is.
            At::Fixed(2) if byte != 8 => return None,
            At::Fixed(3) => {
                self.flags = byte;
                At::Fixed(4)
            }
            At::Fixed(9) => self.after(0),
            At::Fixed(at) => At::Fixed(at + 1),
            At::ExtraLow => At::ExtraHigh(byte),
            At::ExtraHigh(low) => match u16::from_le_bytes([low, byte]) {
                0 => self.after(EXTRA),
                left => At::Extra(left),
            },
            At::Extra(1) => self.after(EXTRA),
            At::Extra(left) => At::Extra(left - 1),
            At::Name if byte == 0 => self.after(NAME),
            At::Comment if byte == 0 => self.after(COMMENT),
            At::Crc(1) => At::Over,
            At::Crc(left) => At::Crc(left - 1),
            at @ (At::Name | At::Comment | At::Over) => at,
        })
    }

    /// What comes after the part of this flag; 0 stands for the fixed part.
    const fn after(&self, part: u8) -> At {
        if part < EXTRA && self.flags & EXTRA != 0 {
            At::ExtraLow
        } else if part < NAME && self.flags & NAME != 0 {
            At::Name
        } else if part < COMMENT && self.flags & COMMENT != 0 {
            At::Comment
        } else if self.flags & HEADER_CRC != 0 {
            At::Crc(2)
        } else {
            At::Over
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_every_kind() {
        let plain = [0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 0, 3];
        let all = [
            &[0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 1, 2, 3, 4, 0, 3][..],
            &[2, 0, 7, 7],
            b"name\0comment\0",
            &[9, 9],
        ]
        .concat();
        let empty_extra = [&plain[..3], &[4], &plain[4..], &[0, 0]].concat();
        for header in [&plain[..], &all, &empty_extra] {
            let bytes = [header, b"data"].concat();
            assert_eq!(Header::new().strip(&bytes), Some(&b"data"[..]));
            for cut in 0..bytes.len() {
                let (head, tail) = bytes.split_at(cut);
                let mut reader = Header::new();
                let first = reader.strip(head).unwrap().to_vec();
                let rest = reader.strip(tail).unwrap();
                assert_eq!([&first, rest].concat(), b"data", "cut at {cut}");
            }
        }
        for none in [&[0x1f, 0x8c][..], &[0x1f, 0x8b, 7], b"x"] {
            assert_eq!(Header::new().strip(none), None);
        }
    }
}
