//! TCP, [RFC 9293](https://www.rfc-editor.org/rfc/rfc9293). It verifies no checksum and keeps no
//! connection.
//!
//! ```text
//! | source port 2 | destination port 2 | sequence 4 | acknowledgement 4 |
//! | header words 4 bits, reserved 4 bits, flags 8 bits | window 2 | checksum 2 | urgent 2 |
//! | options … | payload …
//! ```

use super::WireError;

/// The size of the header without options, in bytes.
pub const HEADER_LEN: usize = 20;
/// Flag: the sender has no more to send.
pub const FIN: u8 = 1;
/// Flag: sequence numbers begin.
pub const SYN: u8 = 2;
/// Flag: the connection is refused or given up.
pub const RST: u8 = 4;
/// Flag: hand it on at once.
pub const PSH: u8 = 8;
/// Flag: the acknowledgement number holds.
pub const ACK: u8 = 16;
/// Flag: the urgent pointer holds.
pub const URG: u8 = 32;

/// A view of one segment.
#[derive(Clone, Copy, Debug)]
pub struct TcpSegment<'a> {
    header: &'a [u8; HEADER_LEN],
    options: &'a [u8],
    payload: &'a [u8],
}

impl<'a> TcpSegment<'a> {
    /// Checks everything the accessors rely on. Where the capture ends within the options, they
    /// are what there is, and the payload is empty.
    #[inline(always)]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (header, rest): (&[u8; HEADER_LEN], _) =
            bytes.split_first_chunk().ok_or(WireError::Truncated)?;
        let len = usize::from(header[12] >> 4) * 4;
        let options_len = len.checked_sub(HEADER_LEN).ok_or(WireError::Malformed)?;
        let (options, payload) = rest.split_at_checked(options_len).unwrap_or((rest, &[]));
        Ok(Self {
            header,
            options,
            payload,
        })
    }

    /// The sender's port.
    #[inline]
    pub fn src_port(&self) -> u16 {
        u16::from_be_bytes([self.header[0], self.header[1]])
    }

    /// The receiver's port.
    #[inline]
    pub fn dst_port(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// Sequence number of the first byte.
    #[inline]
    pub fn seq(&self) -> u32 {
        let h = self.header;
        u32::from_be_bytes([h[4], h[5], h[6], h[7]])
    }

    /// The next sequence number that the sender waits for.
    #[inline]
    pub fn ack(&self) -> u32 {
        let h = self.header;
        u32::from_be_bytes([h[8], h[9], h[10], h[11]])
    }

    /// Header with options as sent, bytes.
    #[inline]
    pub fn header_len(&self) -> usize {
        usize::from(self.header[12] >> 4) * 4
    }

    /// All eight flags: [`FIN`] to [`URG`], ECE 64, CWR 128.
    #[inline]
    pub fn flags(&self) -> u8 {
        self.header[13]
    }

    /// Window, unscaled.
    #[inline]
    pub fn window(&self) -> u16 {
        u16::from_be_bytes([self.header[14], self.header[15]])
    }

    /// The checksum as sent.
    #[inline]
    pub fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.header[16], self.header[17]])
    }

    /// The urgent pointer.
    pub fn urgent(&self) -> u16 {
        u16::from_be_bytes([self.header[18], self.header[19]])
    }

    /// The options as sent, as far as captured.
    pub fn option_bytes(&self) -> &'a [u8] {
        self.options
    }

    /// The options in their order.
    pub fn options(&self) -> Options<'a> {
        Options {
            bytes: self.options,
        }
    }

    /// The payload, as far as captured.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// One option of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpOption<'a> {
    /// 0: the list ends here.
    End,
    /// 1: padding.
    NoOperation,
    /// 2: the largest segment that the sender takes, bytes.
    MaximumSegmentSize(u16),
    /// 3: windows count in units of 2 to this power, RFC 7323.
    WindowScale(u8),
    /// 4: selective acknowledgement is welcome, RFC 2018.
    SackPermitted,
    /// 5: pairs of 4-byte sequence numbers, RFC 2018.
    Sack(&'a [u8]),
    /// 8: the sender's clock and the last one it saw of the peer, RFC 7323.
    Timestamps {
        /// TSval.
        value: u32,
        /// TSecr.
        echo: u32,
    },
    /// Any other, or one of the above with a length that is not its own.
    Other {
        /// Its kind.
        kind: u8,
        /// What follows its length byte.
        data: &'a [u8],
    },
}

/// The options of a segment in their order; it ends at the first that contradicts itself.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    bytes: &'a [u8],
}

impl<'a> Iterator for Options<'a> {
    type Item = TcpOption<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&kind, rest) = self.bytes.split_first()?;
        // Until proved longer, the option is the last one.
        self.bytes = &[];
        match kind {
            0 => return Some(TcpOption::End),
            1 => {
                self.bytes = rest;
                return Some(TcpOption::NoOperation);
            }
            _ => {}
        }
        let (&len, rest) = rest.split_first()?;
        let (data, rest) = rest.split_at_checked(usize::from(len).checked_sub(2)?)?;
        self.bytes = rest;
        Some(match (kind, data) {
            (2, [a, b]) => TcpOption::MaximumSegmentSize(u16::from_be_bytes([*a, *b])),
            (3, [shift]) => TcpOption::WindowScale(*shift),
            (4, []) => TcpOption::SackPermitted,
            (5, _) => TcpOption::Sack(data),
            (8, [a, b, c, d, e, f, g, h]) => TcpOption::Timestamps {
                value: u32::from_be_bytes([*a, *b, *c, *d]),
                echo: u32::from_be_bytes([*e, *f, *g, *h]),
            },
            _ => TcpOption::Other { kind, data },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SYN as Linux sends it: MSS 1460, SACK, timestamps, window scale 7; 2 bytes of payload.
    const SYN_BYTES: [u8; 42] = [
        0x9c, 0x40, 0, 104, 1, 2, 3, 4, 0, 0, 0, 0, 0xa0, 0xc2, 0xfa, 0xf0, 0xbe, 0xef, 0, 0, 2, 4,
        5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0, 1, 3, 3, 7, 0x41, 0x42,
    ];

    #[test]
    fn syn() {
        let tcp = TcpSegment::parse(&SYN_BYTES).unwrap();
        assert_eq!((tcp.src_port(), tcp.dst_port()), (40000, 104));
        assert_eq!((tcp.seq(), tcp.ack()), (0x0102_0304, 0));
        assert_eq!((tcp.flags(), tcp.header_len()), (SYN | 0xc0, 40));
        assert_eq!((tcp.window(), tcp.checksum()), (0xfaf0, 0xbeef));
        assert_eq!(tcp.payload(), b"AB");
        let options: Vec<_> = tcp.options().collect();
        let expected = [
            TcpOption::MaximumSegmentSize(1460),
            TcpOption::SackPermitted,
            TcpOption::Timestamps { value: 9, echo: 0 },
            TcpOption::NoOperation,
            TcpOption::WindowScale(7),
        ];
        assert_eq!(options, expected);
    }

    #[test]
    fn every_truncation() {
        for len in 0..SYN_BYTES.len() {
            match TcpSegment::parse(&SYN_BYTES[..len]) {
                Ok(tcp) => {
                    assert!(len >= HEADER_LEN && tcp.options().count() <= 5);
                    assert_eq!(tcp.payload().len(), len.saturating_sub(40));
                }
                Err(error) => assert_eq!((error, len < 20), (WireError::Truncated, true)),
            }
        }
    }

    #[test]
    fn options_that_contradict() {
        for bytes in [&[2, 0, 1][..], &[2, 1], &[8, 10, 0], &[3]] {
            assert_eq!(Options { bytes }.next(), None);
        }
        let mut options = Options {
            bytes: &[2, 3, 9, 0, 1, 1],
        };
        let odd = TcpOption::Other {
            kind: 2,
            data: &[9],
        };
        assert_eq!(options.next(), Some(odd));
        assert_eq!(options.next(), Some(TcpOption::End));
        assert_eq!(options.next(), None);
    }

    #[test]
    fn header_below_its_own_length() {
        let mut bytes = SYN_BYTES;
        bytes[12] = 0x40;
        assert_eq!(TcpSegment::parse(&bytes).err(), Some(WireError::Malformed));
    }

    #[test]
    fn fuzz_parse() {
        bolero::check!()
            .with_iterations(20_000)
            .for_each(|bytes: &[u8]| {
                if let Ok(tcp) = TcpSegment::parse(bytes) {
                    assert!(HEADER_LEN + tcp.payload().len() <= bytes.len());
                    assert!(tcp.options().count() <= 40);
                }
            });
    }
}
