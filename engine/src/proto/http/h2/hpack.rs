//! HPACK, RFC 7541: the fields of HTTP/2 heads, and the table that one direction's heads share. It
//! judges no field. What a block makes is bounded, whatever it refers to.

use std::collections::VecDeque;

use super::huffman;
use crate::config::{HTTP_HEAD_BYTES_MAX, HTTP2_TABLE_BYTES_MAX};
use crate::observe::Fault;
use crate::proto::kept;

/// What an entry counts besides its text: RFC 7541, 4.1.
const ENTRY_BYTES: usize = 32;

/// Size of the table where nobody says another, RFC 9113, 6.5.2.
const USUAL_BYTES: usize = 4096;

/// The entries that every table begins with: RFC 7541, appendix A.
const STATIC: [(&[u8], &[u8]); 61] = [
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
];

/// The table of one direction.
#[derive(Debug)]
pub struct Table {
    /// The newest first.
    entries: VecDeque<(Vec<u8>, Vec<u8>)>,
    bytes: usize,
    bytes_max: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: 0,
            bytes_max: USUAL_BYTES,
        }
    }
}

impl Table {
    /// Reads a whole block, and shows each field: its name and value. After an error, of which one
    /// is that they are more than [`HTTP_HEAD_BYTES_MAX`] together, the table is of no use.
    pub fn read(&mut self, block: &[u8], show: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), Fault> {
        let mut rest = block;
        let mut room = HTTP_HEAD_BYTES_MAX;
        // Before anything is copied: two bytes can stand for the longest field there is.
        let mut take = |bytes: &[u8]| {
            room = room.checked_sub(bytes.len()).ok_or(Fault::OverLimit)?;
            Ok(())
        };
        while let Some(first) = rest.first().copied() {
            match first {
                0x80.. => {
                    let (name, value) = self.entry(integer(&mut rest, 7)?)?;
                    take(name)?;
                    take(value)?;
                    show(name, value);
                }
                0x20..0x40 => self.resize(integer(&mut rest, 5)?)?,
                _ => {
                    // With an index 6 bits of it are the name's, without or never 4.
                    let (keeps, bits) = if first & 0x40 != 0 {
                        (true, 6)
                    } else {
                        (false, 4)
                    };
                    let name = match integer(&mut rest, bits)? {
                        0 => {
                            let name = string(&mut rest)?;
                            take(&name)?;
                            name
                        }
                        at => {
                            let (name, _) = self.entry(at)?;
                            take(name)?;
                            name.to_vec()
                        }
                    };
                    let value = string(&mut rest)?;
                    take(&value)?;
                    show(&name, &value);
                    if keeps {
                        self.add(name, value);
                    }
                }
            }
        }
        Ok(())
    }

    fn entry(&self, at: usize) -> Result<(&[u8], &[u8]), Fault> {
        let at = at.checked_sub(1).ok_or(Fault::Encoding)?;
        if let Some(entry) = STATIC.get(at) {
            return Ok(*entry);
        }
        let (name, value) = self.entries.get(at - STATIC.len()).ok_or(Fault::Encoding)?;
        Ok((name, value))
    }

    fn resize(&mut self, bytes: usize) -> Result<(), Fault> {
        if bytes > HTTP2_TABLE_BYTES_MAX {
            return Err(Fault::OverLimit);
        }
        self.bytes_max = bytes;
        self.evict(0);
        Ok(())
    }

    fn add(&mut self, name: Vec<u8>, value: Vec<u8>) {
        let bytes = name.len() + value.len() + ENTRY_BYTES;
        self.evict(bytes);
        if bytes <= self.bytes_max {
            self.bytes += bytes;
            self.entries.push_front((name, value));
        }
    }

    /// Makes room for so many bytes.
    fn evict(&mut self, bytes: usize) {
        while self.bytes + bytes > self.bytes_max
            && let Some((name, value)) = self.entries.pop_back()
        {
            self.bytes -= name.len() + value.len() + ENTRY_BYTES;
        }
    }

    /// Bytes that it keeps: an entry's own count of 32 pays for where its two texts lie.
    pub fn kept_bytes(&self) -> usize {
        self.bytes + kept::queue(&self.entries)
    }
}

/// An integer whose first bits are the last of the first byte: RFC 7541, 5.1.
fn integer(bytes: &mut &[u8], bits: u32) -> Result<usize, Fault> {
    let (first, mut rest) = bytes.split_first().ok_or(Fault::Truncated)?;
    let mask = (1 << bits) - 1;
    let mut value = usize::from(*first) & mask;
    if value == mask {
        let mut shift = 0;
        loop {
            let (byte, after) = rest.split_first().ok_or(Fault::Truncated)?;
            rest = after;
            value += usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            // Nothing that is read is as long as that.
            if shift > 21 {
                return Err(Fault::OverLimit);
            }
        }
    }
    *bytes = rest;
    Ok(value)
}

/// A string: RFC 7541, 5.2.
fn string(bytes: &mut &[u8]) -> Result<Vec<u8>, Fault> {
    let is_coded = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let len = integer(bytes, 7)?;
    let (text, rest) = bytes.split_at_checked(len).ok_or(Fault::Truncated)?;
    *bytes = rest;
    if is_coded {
        huffman::decode(text).ok_or(Fault::Encoding)
    } else {
        Ok(text.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(table: &mut Table, block: &[u8]) -> Result<Vec<String>, Fault> {
        let mut seen = Vec::new();
        table.read(block, &mut |name, value| {
            seen.push(format!("{}={}", name.escape_ascii(), value.escape_ascii()));
        })?;
        Ok(seen)
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.bytes().filter(|byte| *byte != b' ').collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
        digits.chunks(2).map(|pair| byte(pair).unwrap()).collect()
    }

    /// RFC 7541, C.4: three requests of one connection, with Huffman coding.
    #[test]
    fn requests_that_share_a_table() {
        let mut table = Table::default();
        let start = [":method=GET", ":scheme=http", ":path=/"];
        let host = ":authority=www.example.com";
        for (block, expected) in [
            (
                "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
                [&start[..], &[host]].concat(),
            ),
            (
                "8286 84be 5886 a8eb 1064 9cbf",
                [&start[..], &[host, "cache-control=no-cache"]].concat(),
            ),
            (
                "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
                vec![
                    ":method=GET",
                    ":scheme=https",
                    ":path=/index.html",
                    host,
                    "custom-key=custom-value",
                ],
            ),
        ] {
            assert_eq!(fields(&mut table, &hex(block)).unwrap(), expected);
        }
        assert_eq!(table.bytes, 164);
    }

    /// RFC 7541, C.5: answers of one connection whose table has 256 bytes.
    #[test]
    fn answers_that_push_each_other_out() {
        let mut table = Table::default();
        let update = "3fe1 01";
        let first = "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 \
                     3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 \
                     7861 6d70 6c65 2e63 6f6d";
        let seen = fields(&mut table, &hex(&format!("{update}{first}"))).unwrap();
        assert_eq!(seen.len(), 4);
        assert_eq!(table.bytes, 222);
        let seen = fields(&mut table, &hex("4803 3330 37c1 c0bf")).unwrap();
        assert_eq!(seen[0], ":status=307");
        assert_eq!(seen[3], "location=https://www.example.com");
        assert_eq!(table.bytes, 222);
    }

    #[test]
    fn what_is_none() {
        for (block, fault) in [
            (&[0x80][..], Fault::Encoding),
            (&[0xc0], Fault::Encoding),
            (&[0x40, 3, b'a'], Fault::Truncated),
            (&[0x7f], Fault::Truncated),
            (&[0x3f, 0xff, 0xff, 0xff, 0xff, 0x7f], Fault::OverLimit),
            (&[0x3f, 0xe1, 0xff, 3], Fault::OverLimit),
            (&[0, 0x84, 0xff, 0xff, 0xff, 0xff, 0], Fault::Encoding),
        ] {
            let seen = Table::default().read(block, &mut |_, _| {});
            assert_eq!(seen, Err(fault), "{block:x?}");
        }
    }

    /// A block of references to one long field makes no more than a head may have: neither to the
    /// whole field, nor to its name, which is copied and pushes the one before it out.
    #[test]
    fn a_short_block_makes_no_long_head() {
        let named = |name: &[u8], value: &[u8], then: &[u8]| {
            let string = |text: &[u8]| [&[0x7f, 0xa1, 0x1e], text].concat();
            let part = |text: &[u8]| match text.len() {
                4000 => string(text),
                len => [&[len as u8], text].concat(),
            };
            [&[0x40], &part(name)[..], &part(value), &then.repeat(2000)].concat()
        };
        for block in [
            named(b"a", &[b'v'; 4000], &[0xbe]),
            named(&[b'n'; 4000], b"v", &[0x7e, 0]),
        ] {
            let mut table = Table::default();
            let mut bytes = 0;
            let read = table.read(&block, &mut |name, value| bytes += name.len() + value.len());
            assert_eq!(read, Err(Fault::OverLimit));
            assert!(bytes <= HTTP_HEAD_BYTES_MAX && bytes > HTTP_HEAD_BYTES_MAX - 4001);
            assert!(table.bytes <= USUAL_BYTES);
        }
    }

    #[test]
    fn any_block() {
        bolero::check!()
            .with_iterations(2000)
            .for_each(|bytes: &[u8]| {
                let mut table = Table::default();
                for block in bytes.chunks(40) {
                    let _ = table.read(block, &mut |_, _| {});
                    assert!(table.bytes <= HTTP2_TABLE_BYTES_MAX);
                }
            });
    }
}
