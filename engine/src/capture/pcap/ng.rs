//! The pcapng file format, draft-ietf-opsawg-pcapng: sections in either byte order, interfaces
//! and their clocks, three kinds of packet blocks. Every other block is stepped over, unread.
//!
//! ```text
//! block    type 4 · length 4 · body, padded to 4 bytes · length 4
//! ```

use super::decode::{Declared, Decode, Raw, Step};
use super::fault::FaultKind;
use crate::config::{BLOCK_BYTES_MAX, INTERFACES_MAX, RECORD_BYTES_MAX, VALUE_BYTES_MAX};
use crate::wire::LinkType;

/// The type of a section header, the same in both byte orders.
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
/// Obsolete since 2004, still in old captures.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Type, length, and the length again at the end.
const BLOCK_LEN_MIN: u32 = 12;
/// Type and length.
const BLOCK_HEADER_LEN: usize = 8;

const OPTION_END: u16 = 0;
const OPTION_IF_NAME: u16 = 2;
const OPTION_IF_TSRESOL: u16 = 9;
const OPTION_IF_TSOFFSET: u16 = 14;

/// True when these bytes begin a pcapng file.
pub(super) fn has_magic(window: &[u8]) -> bool {
    window.first_chunk() == Some(&SECTION.to_be_bytes())
}

/// The decoder of one pcapng file.
#[derive(Debug, Default)]
pub(super) struct Ng {
    /// The section's byte order is not little-endian.
    big_endian: bool,
    /// Interfaces of all sections so far.
    interfaces: Vec<Interface>,
    /// Where in `interfaces` this section's begin.
    section: usize,
    /// Time of the last packet that had one: simple packets have none.
    last_time_ns: u64,
}

#[derive(Debug)]
struct Interface {
    declared: Declared,
    /// Captured bytes of a packet at most; 0 means no limit.
    snaplen: u32,
    clock: Clock,
}

/// How an interface counts time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Clock {
    unit: Unit,
    /// Seconds to add.
    offset_s: i64,
}

/// A unit of time as a part of a second, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// So many nanoseconds.
    Multiple(u64),
    /// A nanosecond holds so many.
    Fraction(u64),
    /// 2^-n seconds.
    Binary(u32),
}

impl Default for Clock {
    /// Microseconds since the epoch, the format's default.
    fn default() -> Self {
        Self {
            unit: Unit::Multiple(1_000),
            offset_s: 0,
        }
    }
}

impl Unit {
    /// From `if_tsresol`: a negative power of 10, or of 2 when the top bit is set.
    fn from_option(tsresol: u8) -> Self {
        let exponent = u32::from(tsresol & 0x7f);
        if tsresol & 0x80 != 0 {
            return Self::Binary(exponent);
        }
        match exponent.checked_sub(9) {
            None => Self::Multiple(10_u64.pow(9 - exponent)),
            Some(finer) => match 10_u64.checked_pow(finer) {
                Some(parts) => Self::Fraction(parts),
                // Not one nanosecond is left of any number of ticks.
                None => Self::Multiple(0),
            },
        }
    }

    fn nanoseconds(self, ticks: u64) -> u64 {
        match self {
            Self::Multiple(unit_ns) => ticks.saturating_mul(unit_ns),
            Self::Fraction(parts) => ticks / parts,
            Self::Binary(exponent) => {
                // At most 2^64 * 10^9 < 2^94.
                let ns = (u128::from(ticks) * 1_000_000_000) >> exponent;
                u64::try_from(ns).unwrap_or(u64::MAX)
            }
        }
    }
}

impl Clock {
    /// Nanoseconds since the epoch; what lies outside of `u64` becomes its nearest value.
    #[inline]
    fn nanoseconds(self, ticks: u64) -> u64 {
        let ns = self.unit.nanoseconds(ticks);
        if self.offset_s == 0 {
            return ns;
        }
        let offset_ns = i128::from(self.offset_s) * 1_000_000_000;
        let sum = i128::from(ns) + offset_ns;
        u64::try_from(sum.max(0)).unwrap_or(u64::MAX)
    }
}

/// Reads numbers in a section's byte order. What is not there reads as 0: callers have checked
/// the block's length for its fixed fields.
#[derive(Clone, Copy)]
struct Fields<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Fields<'_> {
    #[inline]
    fn half(self, at: usize) -> u16 {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk).copied();
        let half = u16::from_le_bytes(bytes.unwrap_or_default());
        if self.big_endian {
            half.swap_bytes()
        } else {
            half
        }
    }

    #[inline]
    fn word(self, at: usize) -> u32 {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk).copied();
        let word = u32::from_le_bytes(bytes.unwrap_or_default());
        if self.big_endian {
            word.swap_bytes()
        } else {
            word
        }
    }
}

impl Decode for Ng {
    // Inlined into the loops over frames, like the functions on its way to an enhanced packet:
    // the step between them is then never built in memory.
    #[inline(always)]
    fn step(&mut self, window: &[u8]) -> Step {
        if window.len() < BLOCK_LEN_MIN as usize {
            return Step::Need(BLOCK_LEN_MIN as usize);
        }
        let mut fields = Fields {
            bytes: window,
            big_endian: self.big_endian,
        };
        let kind = fields.word(0);
        if kind == SECTION {
            // The byte order is the section's own, and its length is written in it.
            fields.big_endian = match byte_order(window) {
                Ok(big_endian) => big_endian,
                Err(magic) => return Step::Fault(FaultKind::ByteOrder { magic }),
            };
        }
        let len = fields.word(4);
        let fixed_len = match kind {
            SECTION => 28,
            INTERFACE => 20,
            PACKET | ENHANCED_PACKET => 32,
            SIMPLE_PACKET => 16,
            _ => BLOCK_LEN_MIN,
        };
        if len < fixed_len || !len.is_multiple_of(4) {
            return Step::Fault(FaultKind::BlockLength { len });
        }
        if !matches!(
            kind,
            SECTION | INTERFACE | PACKET | SIMPLE_PACKET | ENHANCED_PACKET
        ) {
            return Step::Skip(len);
        }
        if len > BLOCK_BYTES_MAX as u32 {
            return Step::Fault(FaultKind::BlockLength { len });
        }
        let Some(block) = window.get(..len as usize) else {
            return Step::Need(len as usize);
        };
        fields.bytes = block;
        let tail = fields.word(block.len() - 4);
        if tail != len {
            return Step::Fault(FaultKind::BlockTrailer { head: len, tail });
        }
        let step = match kind {
            SECTION => self.begin_section(fields),
            INTERFACE => self.declare(fields),
            ENHANCED_PACKET => self.packet(fields, fields.word(8)),
            PACKET => self.packet(fields, u32::from(fields.half(8))),
            _ => self.simple_packet(fields),
        };
        step.unwrap_or_else(Step::Fault)
    }

    fn restart(&mut self) {
        *self = Self::default();
    }

    #[inline]
    fn interface(&mut self, index: u32) -> Option<&mut Declared> {
        let interface = self.interfaces.get_mut(index as usize)?;
        Some(&mut interface.declared)
    }
}

/// Whether a section is big-endian, or the magic number that is none.
fn byte_order(window: &[u8]) -> Result<bool, u32> {
    let magic = Fields {
        bytes: window,
        big_endian: true,
    }
    .word(8);
    match magic {
        BYTE_ORDER_MAGIC => Ok(true),
        _ if magic.swap_bytes() == BYTE_ORDER_MAGIC => Ok(false),
        _ => Err(magic),
    }
}

impl Ng {
    #[inline(never)]
    fn begin_section(&mut self, block: Fields<'_>) -> Result<Step, FaultKind> {
        let (major, minor) = (block.half(12), block.half(14));
        if major != 1 {
            return Err(FaultKind::SectionVersion { major, minor });
        }
        self.big_endian = block.big_endian;
        self.section = self.interfaces.len();
        Ok(Step::Skip(block.bytes.len() as u32))
    }

    #[inline(never)]
    fn declare(&mut self, block: Fields<'_>) -> Result<Step, FaultKind> {
        if self.interfaces.len() >= INTERFACES_MAX {
            return Err(FaultKind::TooManyInterfaces);
        }
        let mut interface = Interface {
            declared: Declared {
                link: LinkType::from_number(block.half(8)),
                name: None,
                number: None,
            },
            snaplen: block.word(12),
            clock: Clock::default(),
        };
        interface.read_options(block);
        self.interfaces.push(interface);
        Ok(Step::Skip(block.bytes.len() as u32))
    }

    /// Enhanced and obsolete packet blocks differ only in the width of the interface's number:
    /// `type 4 · length 4 · interface 4 (or 2 + drops 2) · time 4 + 4 · captured 4 · wire 4`.
    #[inline(always)]
    fn packet(&mut self, block: Fields<'_>, id: u32) -> Result<Step, FaultKind> {
        let (index, interface) = self.find(id)?;
        let ticks = u64::from(block.word(12)) << 32 | u64::from(block.word(16));
        let time_ns = interface.clock.nanoseconds(ticks);
        let raw = frame(block, 28, block.word(20), block.word(24), time_ns, index)?;
        self.last_time_ns = time_ns;
        Ok(raw)
    }

    /// `type 4 · length 4 · wire 4`: of the first interface, without a time of its own. It gets
    /// the time of the packet before it, so that it keeps its place.
    #[inline(never)]
    fn simple_packet(&mut self, block: Fields<'_>) -> Result<Step, FaultKind> {
        let (index, interface) = self.find(0)?;
        let wire_len = block.word(8);
        let snaplen = if interface.snaplen == 0 {
            u32::MAX
        } else {
            interface.snaplen
        };
        let len = wire_len.min(snaplen);
        frame(block, 12, len, wire_len, self.last_time_ns, index)
    }

    #[inline(always)]
    fn find(&self, id: u32) -> Result<(u32, &Interface), FaultKind> {
        let declared = self.interfaces.len() - self.section;
        let index = self.section.saturating_add(id as usize);
        match self.interfaces.get(index) {
            Some(interface) => Ok((index as u32, interface)),
            None => Err(FaultKind::Interface { id, declared }),
        }
    }
}

/// A frame of `len` bytes at `start` in a whole block.
#[inline(always)]
fn frame(
    block: Fields<'_>,
    start: u32,
    len: u32,
    wire_len: u32,
    time_ns: u64,
    interface: u32,
) -> Result<Step, FaultKind> {
    let room = block.bytes.len() - start as usize - 4;
    if len as usize > room {
        return Err(FaultKind::Overrun { len, room });
    }
    if len as usize > RECORD_BYTES_MAX {
        return Err(FaultKind::RecordLength { len });
    }
    let next = block.bytes.len() as u32;
    Ok(Step::Frame(Raw {
        time_ns,
        start,
        len,
        wire_len: wire_len.max(len),
        interface,
        next,
    }))
}

impl Interface {
    /// Takes the options that matter here. A list that breaks off says no more: the fixed fields
    /// are good all the same.
    fn read_options(&mut self, block: Fields<'_>) {
        let mut at = BLOCK_HEADER_LEN + 8;
        let end = block.bytes.len() - 4;
        while at + 4 <= end {
            let (code, len) = (block.half(at), usize::from(block.half(at + 2)));
            let Some(value) = block.bytes.get(at + 4..at + 4 + len) else {
                return;
            };
            if at + 4 + len > end || code == OPTION_END {
                return;
            }
            match (code, value) {
                (OPTION_IF_NAME, name) => self.declared.name = Some(text(name)),
                (OPTION_IF_TSRESOL, &[tsresol]) => self.clock.unit = Unit::from_option(tsresol),
                (OPTION_IF_TSOFFSET, &[..]) if len == 8 => {
                    self.clock.offset_s = seconds(block, at + 4);
                }
                _ => {}
            }
            at += 4 + len.next_multiple_of(4);
        }
    }
}

fn seconds(block: Fields<'_>, at: usize) -> i64 {
    let bytes = block.bytes.get(at..).and_then(<[u8]>::first_chunk).copied();
    let seconds = i64::from_le_bytes(bytes.unwrap_or_default());
    if block.big_endian {
        seconds.swap_bytes()
    } else {
        seconds
    }
}

/// Text up to its end or first zero byte, cut to [`VALUE_BYTES_MAX`]; what is not text, and what
/// would steer a terminal, becomes U+FFFD.
fn text(bytes: &[u8]) -> Box<str> {
    let cut = bytes.get(..VALUE_BYTES_MAX).unwrap_or(bytes);
    let text = String::from_utf8_lossy(cut);
    let shown = text.chars().take_while(|&c| c != '\0');
    shown
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect::<String>()
        .into()
}
