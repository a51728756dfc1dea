//! Writes captures: libpcap's format with nanoseconds, little-endian, Ethernet. It reads nothing.
//!
//! Source: draft-ietf-opsawg-pcap, sections 4 and 5.

use std::io::{self, Write};

/// First word of a capture with nanoseconds.
pub const MAGIC_NS: u32 = 0xa1b2_3c4d;

/// `LINKTYPE_ETHERNET`.
pub const LINK_ETHERNET: u32 = 1;

/// Bytes before the first record.
pub const FILE_HEADER_LEN: usize = 24;

/// Bytes before each frame.
pub const RECORD_HEADER_LEN: usize = 16;

const SNAP_LEN: u32 = 262_144;

/// A capture under way.
pub struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// Writes the file's header.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn new(mut out: W) -> io::Result<Self> {
        let mut header = [0; FILE_HEADER_LEN];
        header[0..4].copy_from_slice(&MAGIC_NS.to_le_bytes());
        header[4..6].copy_from_slice(&2u16.to_le_bytes());
        header[6..8].copy_from_slice(&4u16.to_le_bytes());
        header[16..20].copy_from_slice(&SNAP_LEN.to_le_bytes());
        header[20..24].copy_from_slice(&LINK_ETHERNET.to_le_bytes());
        out.write_all(&header)?;
        Ok(Self { out })
    }

    /// Writes one whole frame, without frame check sequence.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn write(&mut self, time_ns: u64, frame: &[u8]) -> io::Result<()> {
        let seconds = (time_ns / 1_000_000_000) as u32;
        let nanoseconds = (time_ns % 1_000_000_000) as u32;
        let len = frame.len() as u32;
        let mut header = [0; RECORD_HEADER_LEN];
        header[0..4].copy_from_slice(&seconds.to_le_bytes());
        header[4..8].copy_from_slice(&nanoseconds.to_le_bytes());
        header[8..12].copy_from_slice(&len.to_le_bytes());
        header[12..16].copy_from_slice(&len.to_le_bytes());
        self.out.write_all(&header)?;
        self.out.write_all(frame)
    }

    /// Ends the capture and gives the output back.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}
