//! The frames of HTTP/2, RFC 9113, section 4 and 6: their headers, and what stands around the
//! block of a head. It reads no head and no body.

use crate::proto::reader::Reader;

/// What a client begins with: RFC 9113, 3.4.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Length of a frame's header.
pub const HEADER_BYTES: usize = 9;

const END_STREAM: u8 = 0x01;
const ACK: u8 = 0x01;
const END_HEADERS: u8 = 0x04;
const PADDED: u8 = 0x08;
const PRIORITY: u8 = 0x20;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A piece of a body.
    Data,
    /// A head, or its beginning.
    Headers,
    /// A stream is given up.
    Reset,
    /// What one end expects of the other.
    Settings,
    /// The head of a request that the server makes for the client.
    Promise,
    /// More of a head.
    Continuation,
    /// One that is stepped over.
    Other,
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Bytes after the header.
    pub len: usize,
    /// What it is.
    pub kind: Kind,
    flags: u8,
    /// The stream that it belongs to; 0 for the connection.
    pub stream: u32,
}

impl Frame {
    /// Reads a header; nothing where its length or stream contradicts its kind.
    pub fn parse(header: &[u8; HEADER_BYTES]) -> Option<Self> {
        let [a, b, c, number, flags, stream @ ..] = *header;
        let len = u32::from_be_bytes([0, a, b, c]) as usize;
        let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
        let is_ack = flags & ACK != 0;
        let (kind, fits) = match number {
            0 => (Kind::Data, stream > 0),
            1 => (Kind::Headers, stream > 0),
            2 => (Kind::Other, stream > 0 && len == 5),
            3 => (Kind::Reset, stream > 0 && len == 4),
            4 if is_ack => (Kind::Settings, stream == 0 && len == 0),
            4 => (Kind::Settings, stream == 0 && len.is_multiple_of(6)),
            5 => (Kind::Promise, stream > 0),
            6 => (Kind::Other, stream == 0 && len == 8),
            7 => (Kind::Other, stream == 0 && len >= 8),
            8 => (Kind::Other, len == 4),
            9 => (Kind::Continuation, stream > 0),
            // Extensions.
            _ => (Kind::Other, true),
        };
        fits.then_some(Self {
            len,
            kind,
            flags,
            stream,
        })
    }

    /// The settings that an end begins with.
    pub fn begins(&self) -> bool {
        self.kind == Kind::Settings && self.flags & ACK == 0
    }

    /// The stream's last: nothing of its sender follows.
    pub fn ends_stream(&self) -> bool {
        self.flags & END_STREAM != 0
    }

    /// No more of the head follows.
    pub fn ends_head(&self) -> bool {
        self.flags & END_HEADERS != 0
    }

    /// Padding is announced in the first byte of the payload.
    pub fn is_padded(&self) -> bool {
        self.flags & PADDED != 0 && self.kind != Kind::Continuation
    }

    /// The piece of a head in a payload, without what stands around it.
    pub fn block<'a>(&self, payload: &'a [u8]) -> Option<&'a [u8]> {
        let mut reader = Reader(payload);
        let padding = if self.is_padded() { reader.u8()? } else { 0 };
        match self.kind {
            Kind::Headers if self.flags & PRIORITY != 0 => {
                reader.take(5)?;
            }
            Kind::Promise => {
                reader.take(4)?;
            }
            _ => {}
        }
        let rest = reader.0;
        rest.get(..rest.len().checked_sub(usize::from(padding))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(header: [u8; 9]) -> Option<Frame> {
        Frame::parse(&header)
    }

    #[test]
    fn frames_and_what_is_none() {
        let settings = frame([0, 0, 12, 4, 0, 0, 0, 0, 0]).unwrap();
        assert!(settings.begins());
        assert!(!frame([0, 0, 0, 4, 1, 0, 0, 0, 0]).unwrap().begins());
        let head = frame([0, 0, 9, 1, 0x2d, 0x80, 0, 0, 3]).unwrap();
        assert_eq!((head.stream, head.len), (3, 9));
        assert!(head.ends_stream() && head.ends_head());
        assert_eq!(head.block(b"\x02pppppxyz"), Some(&b"x"[..]));
        assert_eq!(head.block(b"\x09pppppxyz"), None);
        assert_eq!(head.block(b"\x00ppp"), None);
        for none in [
            [0, 0, 12, 4, 0, 0, 0, 0, 1],
            [0, 0, 13, 4, 0, 0, 0, 0, 0],
            [0, 0, 6, 4, 1, 0, 0, 0, 0],
            [0, 0, 1, 0, 0, 0, 0, 0, 0],
            [0, 0, 1, 1, 0, 0, 0, 0, 0],
            [0, 0, 7, 6, 0, 0, 0, 0, 0],
            [0, 0, 5, 8, 0, 0, 0, 0, 0],
            [0, 0, 3, 3, 0, 0, 0, 0, 1],
        ] {
            assert_eq!(frame(none), None, "{none:?}");
        }
        assert_eq!(
            frame([0, 0, 5, 99, 0, 0, 0, 0, 0]).unwrap().kind,
            Kind::Other
        );
    }
}
