//! The pcap file format, draft-ietf-opsawg-pcap, as it has been written since libpcap 0.4. It
//! does not read the dialects that share a magic number with it.
//!
//! ```text
//! file header    magic 4 · major 2 · minor 2 · reserved 8 · snaplen 4 · link type 4
//! record         seconds 4 · fraction 4 · captured length 4 · length on the wire 4 · bytes
//! ```

use super::decode::{Declared, Decode, Raw, Step};
use super::fault::FaultKind;
use crate::config::RECORD_BYTES_MAX;
use crate::wire::LinkType;

/// The size of the file header, in bytes.
pub(super) const FILE_HEADER_LEN: usize = 24;

/// The size of a record's header, in bytes.
const RECORD_HEADER_LEN: usize = 16;

/// A.N. Kuznetsov's patched libpcap of 1999 put interface index, protocol and packet type (8
/// bytes together) behind each record's header.
const KUZNETSOV_EXTRA_LEN: u32 = 8;

const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const MAGIC_KUZNETSOV: u32 = 0xa1b2_cd34;

/// The decoder of one pcap file.
#[derive(Debug)]
pub(super) struct Classic {
    /// The file's byte order is not little-endian.
    big_endian: bool,
    /// Nanoseconds in one unit of a record's fraction.
    unit_ns: u32,
    /// Bytes between a record's header and its frame.
    extra_len: u32,
    lengths: Lengths,
    interface: Declared,
}

/// In which order a record's two lengths stand. libpcap's own reader knows these three cases:
/// the order was changed before version 2.3, and some programs changed it later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    SmallerIsCaptured,
}

/// A version that nobody has defined, or an obsolete one: major, minor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownVersion(pub(super) u16, pub(super) u16);

/// True when these bytes begin a pcap file.
pub(super) fn has_magic(window: &[u8]) -> bool {
    magic(window).is_some()
}

/// Byte order (big-endian?), unit of the fraction and extra bytes of a record.
fn magic(window: &[u8]) -> Option<(bool, u32, u32)> {
    let bytes = *window.first_chunk::<4>()?;
    let (number, big_endian) = match u32::from_le_bytes(bytes) {
        number @ (MAGIC_MICROSECONDS | MAGIC_NANOSECONDS | MAGIC_KUZNETSOV) => (number, false),
        _ => (u32::from_be_bytes(bytes), true),
    };
    match number {
        MAGIC_MICROSECONDS => Some((big_endian, 1_000, 0)),
        MAGIC_NANOSECONDS => Some((big_endian, 1, 0)),
        MAGIC_KUZNETSOV => Some((big_endian, 1_000, KUZNETSOV_EXTRA_LEN)),
        _ => None,
    }
}

impl Classic {
    /// Reads the file header, whose magic number the caller has recognised with [`has_magic`].
    pub(super) fn new(header: &[u8; FILE_HEADER_LEN]) -> Result<Self, UnknownVersion> {
        let (big_endian, unit_ns, extra_len) = magic(header).unwrap_or((false, 1_000, 0));
        let word = |at: usize| -> u32 {
            let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
            if big_endian {
                u32::from_be_bytes(bytes)
            } else {
                u32::from_le_bytes(bytes)
            }
        };
        let half = |at: usize| -> u16 {
            let bytes = [header[at], header[at + 1]];
            if big_endian {
                u16::from_be_bytes(bytes)
            } else {
                u16::from_le_bytes(bytes)
            }
        };
        let (major, minor) = (half(4), half(6));
        let lengths = match (major, minor) {
            (2, ..3) | (543, 0) => Lengths::WireFirst,
            (2, 3) => Lengths::SmallerIsCaptured,
            (2, _) => Lengths::CapturedFirst,
            _ => return Err(UnknownVersion(major, minor)),
        };
        // The link type is the low half; above it, whether and how long a frame check sequence
        // is at the end of each frame. It stays on: lengths inside the frame exclude it.
        let link = LinkType::from_number((word(20) & 0xffff) as u16);
        let interface = Declared {
            link,
            name: None,
            number: None,
        };
        Ok(Self {
            big_endian,
            unit_ns,
            extra_len,
            lengths,
            interface,
        })
    }

    /// The four words of a record's header.
    #[inline]
    fn words(&self, header: &[u8; RECORD_HEADER_LEN]) -> [u32; 4] {
        let (words, _) = header.as_chunks::<4>();
        let of = |make: fn([u8; 4]) -> u32| {
            [
                make(words[0]),
                make(words[1]),
                make(words[2]),
                make(words[3]),
            ]
        };
        match self.big_endian {
            true => of(u32::from_be_bytes),
            false => of(u32::from_le_bytes),
        }
    }
}

impl Decode for Classic {
    #[inline]
    fn step(&mut self, window: &[u8]) -> Step {
        let Some(header) = window.first_chunk::<RECORD_HEADER_LEN>() else {
            return Step::Need(RECORD_HEADER_LEN);
        };
        let [seconds, fraction, mut len, mut wire_len] = self.words(header);
        let swapped = match self.lengths {
            Lengths::CapturedFirst => false,
            Lengths::WireFirst => true,
            Lengths::SmallerIsCaptured => len > wire_len,
        };
        if swapped {
            std::mem::swap(&mut len, &mut wire_len);
        }
        if len > RECORD_BYTES_MAX as u32 {
            return Step::Fault(FaultKind::RecordLength { len });
        }
        let start = RECORD_HEADER_LEN as u32 + self.extra_len;
        let next = start + len;
        if window.len() < next as usize {
            return Step::Need(next as usize);
        }
        // Both factors are 32 bits wide: no sum of the two products reaches 2^64.
        let fraction_ns = u64::from(fraction) * u64::from(self.unit_ns);
        let time_ns = u64::from(seconds) * 1_000_000_000 + fraction_ns;
        Step::Frame(Raw {
            time_ns,
            start,
            len,
            wire_len: wire_len.max(len),
            interface: 0,
            next,
        })
    }

    fn restart(&mut self) {
        self.interface.number = None;
    }

    #[inline]
    fn interface(&mut self, _index: u32) -> Option<&mut Declared> {
        Some(&mut self.interface)
    }
}
