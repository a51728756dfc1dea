//! The floor: the least that any engine must do with a packet. It maps the file, finds the
//! five-tuple, looks it up in a flat table and counts; it does nothing else, and how fast that
//! goes is what the engine's speed is a share of.
//!
//! ```text
//! burst of 64:  walk the records ─► key ─► hash ─► prefetch     then     look up ─► count
//! ```
//!
//! It is frozen: a change to it changes every share that was ever reported.

mod capture;
mod key;
mod prefetch;
mod table;

use std::io;
use std::path::Path;

pub use capture::Capture;
use key::{FrameKey, Key4, Key6};
use table::{Key, Table};

/// Frames of one burst.
const BURST: usize = 64;

/// Bytes of the file that are entered into the page table at once: large enough that the call
/// costs little for each page.
const POPULATE_LEN: usize = 2 << 20;

/// Bytes that are brought near ahead of those being read.
const AHEAD_LEN: usize = 32 << 10;

/// A burst longer than this is of long frames: of those the processor's own prefetcher does not
/// see where the next one begins. Short ones lie so close that it keeps up by itself.
const BURST_LEN_LONG: usize = BURST * 128;

const LINE_LEN: usize = 64;

/// Why a capture is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloorError {
    /// Not a little-endian pcap file of Ethernet frames, which is all that the floor reads.
    Format,
    /// A record is longer than the rest of the file.
    Truncated,
    /// More flows than the tables were made for.
    Full,
}

impl std::fmt::Display for FloorError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Format => "the floor reads little-endian pcap of Ethernet frames alone",
            Self::Truncated => "a record is longer than the rest of the file",
            Self::Full => "more flows than the tables were made for",
        })
    }
}

impl std::error::Error for FloorError {}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Frames.
    pub packets: u64,
    /// Their lengths on the wire, as the records give them.
    pub bytes: u64,
    /// Frames without a five-tuple.
    pub other: u64,
    /// IPv4 flows.
    pub flows4: usize,
    /// IPv6 flows.
    pub flows6: usize,
}

/// One family's part of a burst.
struct Lane<K> {
    keys: [K; BURST],
    hashes: [u64; BURST],
    lens: [u32; BURST],
    used: usize,
}

impl<K: Key + Default> Lane<K> {
    fn new() -> Self {
        Self {
            keys: [K::default(); BURST],
            hashes: [0; BURST],
            lens: [0; BURST],
            used: 0,
        }
    }

    #[inline(always)]
    fn push(&mut self, table: &Table<K>, key: K, len: u32) {
        let hash = key.hash();
        table.prefetch(hash);
        // At most BURST frames are pushed between two flushes.
        let place = self.used % BURST;
        self.keys[place] = key;
        self.hashes[place] = hash;
        self.lens[place] = len;
        self.used += 1;
    }

    #[inline(always)]
    fn flush(&mut self, table: &mut Table<K>) -> Result<(), FloorError> {
        let lane = self
            .keys
            .iter()
            .zip(&self.hashes)
            .zip(&self.lens)
            .take(self.used);
        for ((key, hash), len) in lane {
            if !table.count(key, *hash, *len) {
                return Err(FloorError::Full);
            }
        }
        self.used = 0;
        Ok(())
    }
}

/// The tables of one run.
pub struct Floor {
    flows4: Table<Key4>,
    flows6: Table<Key6>,
}

impl Floor {
    /// Tables for so many flows of each family.
    ///
    /// # Errors
    ///
    /// When the system does not grant the memory.
    pub fn new(flows4_max: usize, flows6_max: usize) -> io::Result<Self> {
        Ok(Self {
            flows4: Table::new(flows4_max)?,
            flows6: Table::new(flows6_max)?,
        })
    }

    /// Counts a capture. `populate` is told of bytes that are read next.
    ///
    /// # Errors
    ///
    /// See [`FloorError`]; what was counted before stays in the tables.
    pub fn count(
        &mut self,
        file: &[u8],
        populate: impl Fn(usize, usize),
    ) -> Result<Counted, FloorError> {
        if !is_readable(file) {
            return Err(FloorError::Format);
        }
        let mut counted = Counted::default();
        let (mut lane4, mut lane6) = (Lane::new(), Lane::new());
        let (mut at, mut populated, mut fetched, mut last) = (24, 0, 24, 24);
        while at < file.len() {
            if at + POPULATE_LEN / 2 > populated {
                populate(populated, POPULATE_LEN);
                populated += POPULATE_LEN;
            }
            // The records are a chain: where the next one starts is written in this one. With
            // the file brought near in bulk, following it waits for no memory.
            if at - last > BURST_LEN_LONG {
                fetched = fetch(file, fetched.max(at), at + AHEAD_LEN);
            }
            last = at;
            for _ in 0..BURST {
                let Some(rest) = file.get(at..).filter(|rest| !rest.is_empty()) else {
                    break;
                };
                let (frame, wire_len) = record(rest).ok_or(FloorError::Truncated)?;
                at += 16 + frame.len();
                counted.packets += 1;
                counted.bytes += u64::from(wire_len);
                if let Some(key) = key::plain4(frame) {
                    lane4.push(&self.flows4, key, wire_len);
                    continue;
                }
                match key::any(frame) {
                    FrameKey::V4(key) => lane4.push(&self.flows4, key, wire_len),
                    FrameKey::V6(key) => lane6.push(&self.flows6, key, wire_len),
                    FrameKey::None => counted.other += 1,
                }
            }
            lane4.flush(&mut self.flows4)?;
            lane6.flush(&mut self.flows6)?;
        }
        counted.flows4 = self.flows4.used();
        counted.flows6 = self.flows6.used();
        Ok(counted)
    }

    /// Frames and bytes of every flow, in no order.
    pub fn flows(&self) -> impl Iterator<Item = (u64, u64)> {
        self.flows4.counts().chain(self.flows6.counts())
    }
}

#[inline(always)]
fn fetch(file: &[u8], from: usize, to: usize) -> usize {
    let mut line = from;
    while line < to {
        prefetch::near(file, line);
        line += LINE_LEN;
    }
    line
}

/// The frame of the first record, and its length on the wire.
#[inline(always)]
fn record(rest: &[u8]) -> Option<(&[u8], u32)> {
    let (head, rest) = rest.split_first_chunk::<16>()?;
    let len = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
    let wire_len = u32::from_le_bytes([head[12], head[13], head[14], head[15]]);
    Some((rest.get(..len as usize)?, wire_len))
}

fn is_readable(file: &[u8]) -> bool {
    let word = |at: usize| {
        let bytes = file.get(at..at + 4)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    };
    matches!(word(0), Some(0xa1b2_3c4d | 0xa1b2_c3d4)) && word(20) == Some(1)
}

/// Maps a file and counts it with new tables: all that a run of the floor is.
///
/// # Errors
///
/// Those of the file, and [`FloorError`].
// Never inlined: callgrind counts the instructions between its start and its end.
#[inline(never)]
pub fn run(path: &Path, flows4_max: usize, flows6_max: usize) -> io::Result<Counted> {
    map_and_count(path, flows4_max, flows6_max)
}

#[inline(never)]
fn map_and_count(path: &Path, flows4_max: usize, flows6_max: usize) -> io::Result<Counted> {
    let capture = Capture::open(path)?;
    let mut floor = Floor::new(flows4_max, flows6_max)?;
    floor
        .count(capture.bytes(), |start, len| capture.populate(start, len))
        .map_err(io::Error::other)
}

/// How many flows a file has, by counting it with tables that grow until they suffice. It also
/// brings the file into the page cache.
///
/// # Errors
///
/// Those of [`run`].
pub fn survey(path: &Path) -> io::Result<Counted> {
    let mut flows_max = 1 << 16;
    loop {
        match map_and_count(path, flows_max, flows_max) {
            Err(error) if is_full(&error) && flows_max < 1 << 28 => flows_max *= 4,
            other => return other,
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<FloorError>());
    inner == Some(&FloorError::Full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named() {
        let count = |bytes: &[u8]| Floor::new(8, 8).unwrap().count(bytes, |_, _| {});
        assert_eq!(count(b""), Err(FloorError::Format));
        let plan = crate::maker::Plan {
            flows: 9,
            ..crate::maker::Plan::new(crate::maker::Kind::Flood, 20)
        };
        let capture = crate::maker::bytes(&plan).unwrap();
        assert_eq!(count(&capture), Err(FloorError::Full));
        assert_eq!(count(&capture[..24 + 76 + 30]), Err(FloorError::Truncated));
        assert_eq!(
            count(&capture[..24 + 76]).map(|counted| counted.packets),
            Ok(1)
        );
        for end in 0..400 {
            let _ = count(&capture[..end]);
        }
    }
}
