//! What can be wrong with an input, in one sentence each: before the first frame
//! ([`OpenError`], nothing is read) and after ([`Fault`], what was read is kept).

use std::fmt;
use std::io;

use crate::config::{
    BLOCK_BYTES_MAX, INPUTS_MAX, INTERFACES_MAX, RECORD_BYTES_MAX, ZSTD_WINDOW_LOG_MAX,
};

/// Why an input could not be opened. `name` is the path as it was given, or `standard input`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no such file.
    #[error("{name}: there is no such file")]
    Missing {
        /// The input.
        name: String,
    },
    /// A folder where a file is wanted.
    #[error("{name}: is a directory; name the captures in it")]
    Directory {
        /// The input.
        name: String,
    },
    /// The system refused to open or to read it.
    #[error("{name}: can't be read: {source}")]
    Unreadable {
        /// The input.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Not one byte.
    #[error("{name}: is empty; a capture begins with a header even when it holds no packets")]
    Empty {
        /// The input.
        name: String,
    },
    /// Another format, also inside a compressed file.
    #[error(
        "{name}: is not a capture: {inside}it begins with {found}; allowed are pcap, pcapng, \
         and either compressed with gzip or zstd"
    )]
    NotACapture {
        /// The input.
        name: String,
        /// Empty, or says that this is about the decompressed contents.
        inside: &'static str,
        /// The first bytes.
        found: Beginning,
    },
    /// The file ends before its first record could begin.
    #[error("{name}: is cut inside its file header: {wanted} bytes are needed, {there} are there")]
    CutHeader {
        /// The input.
        name: String,
        /// Bytes of a whole header.
        wanted: usize,
        /// Bytes there are.
        there: usize,
    },
    /// A pcap file of a version that nobody has defined, or an obsolete one.
    #[error("{name}: is a pcap file of version {major}.{minor}; allowed is 2")]
    Version {
        /// The input.
        name: String,
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// Compressed, and the first block can't be decompressed.
    #[error("{name}: can't be decompressed: {source}")]
    Decompress {
        /// The input.
        name: String,
        /// What the decompressor said.
        source: io::Error,
    },
    /// Standard input is one stream: it can be read once.
    #[error("standard input is named twice; it can be read only once")]
    StdinTwice,
    /// More inputs than can be numbered.
    #[error("{count} inputs are too many; allowed are {INPUTS_MAX}")]
    TooManyInputs {
        /// Inputs that were named.
        count: usize,
    },
}

/// The first bytes of something that is not a capture, shown as hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    bytes: [u8; 12],
    len: u8,
}

impl Beginning {
    pub(super) fn of(window: &[u8]) -> Self {
        let mut bytes = [0; 12];
        let mut len = 0;
        for (to, from) in bytes.iter_mut().zip(window) {
            *to = *from;
            len += 1;
        }
        Self { bytes, len }
    }
}

impl fmt::Display for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.len == 0 {
            return f.write_str("nothing");
        }
        for (index, byte) in self.bytes.iter().take(usize::from(self.len)).enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{byte:02x}")?;
        }
        Ok(())
    }
}

/// Where and why an input ended before its end. What was read before is kept, and the other
/// inputs go on; the result is partial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The input: its path as it was given, or `standard input`.
    pub name: String,
    /// Frames that were read from this input before the fault.
    pub frames: u64,
    /// Where the record or block at fault begins, bytes from the start of the capture (of the
    /// decompressed one, where it is compressed).
    pub offset: u64,
    /// What is wrong there.
    pub kind: FaultKind,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            frames,
            offset,
            kind,
        } = self;
        write!(
            f,
            "{name}: {kind} (at byte {offset}, after {frames} packets); "
        )?;
        f.write_str("the rest of this input was not read")
    }
}

/// What is wrong with a record, a block or the stream that carries it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// The input ends inside a record or block.
    #[error("is cut: the next record needs {wanted} bytes and {there} are left")]
    Cut {
        /// Bytes known to be needed.
        wanted: u64,
        /// Bytes there are.
        there: u64,
    },
    /// A record claims more captured bytes than any capture program writes.
    #[error("a record claims {len} captured bytes; at most {RECORD_BYTES_MAX} are allowed")]
    RecordLength {
        /// What it claims.
        len: u32,
    },
    /// A packet block whose captured bytes don't fit into it.
    #[error("a packet block claims {len} captured bytes and has room for {room}")]
    Overrun {
        /// What it claims.
        len: u32,
        /// What fits.
        room: usize,
    },
    /// A block length that the format or this reader doesn't allow.
    #[error(
        "a block claims {len} bytes; allowed are multiples of 4 that hold the block's fields, up \
         to {BLOCK_BYTES_MAX} for a block that is read"
    )]
    BlockLength {
        /// What it claims.
        len: u32,
    },
    /// The length at a block's end differs from the one at its start.
    #[error("a block claims {head} bytes at its start and {tail} at its end")]
    BlockTrailer {
        /// At the start.
        head: u32,
        /// At the end.
        tail: u32,
    },
    /// A section whose byte-order magic is none.
    #[error("a section has the byte-order magic {magic:#010x}; allowed is 0x1a2b3c4d")]
    ByteOrder {
        /// What stands there, read as big-endian.
        magic: u32,
    },
    /// A section of a version that nobody has defined.
    #[error("a section has version {major}.{minor}; allowed is 1")]
    SectionVersion {
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A packet of an interface that its section doesn't declare.
    #[error("a packet names interface {id}, and its section declares {declared}")]
    Interface {
        /// What it names.
        id: u32,
        /// Interfaces declared so far.
        declared: usize,
    },
    /// More interfaces than this reader keeps.
    #[error("declares more than {INTERFACES_MAX} interfaces")]
    TooManyInterfaces,
    /// The stream, or the decompressor, failed.
    #[error("can't be read on: {text}")]
    Read {
        /// What the system or the decompressor said.
        text: String,
    },
}

impl FaultKind {
    pub(super) fn read(error: &io::Error) -> Self {
        let mut text = error.to_string();
        if text.contains("requires too much memory") {
            text.push_str(&format!(
                "; allowed is a window of 2^{ZSTD_WINDOW_LOG_MAX} bytes"
            ));
        }
        Self::Read { text }
    }
}
