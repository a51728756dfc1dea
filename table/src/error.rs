//! Why a table cannot be made, filled, saved or read. Texts name the thing, the cause and the
//! remedy; nothing here decides what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use crate::layout::{LAYOUT_VERSION, Region};

/// Why bytes are not a table that this program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The file has no bytes.
    #[error("not a device table: the file is empty")]
    Empty,
    /// The magic bytes are others.
    #[error("not a device table: the file does not begin with the table's magic bytes")]
    NotATable,
    /// The table was written by another version.
    #[error(
        "the table has layout {found}, this program reads layout {LAYOUT_VERSION}; \
         use the medtap that came with the engine that wrote it"
    )]
    Version {
        /// Its layout version.
        found: u32,
    },
    /// The file ends before the table does.
    #[error(
        "the table is cut short: its header announces {announced} bytes, the file has {actual}"
    )]
    CutShort {
        /// Bytes that the table needs.
        announced: u64,
        /// Bytes that there are.
        actual: u64,
    },
    /// The header contradicts itself.
    #[error("the table is damaged: {0}")]
    Damaged(&'static str),
}

/// Why a file cannot be opened as a table.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read.
    #[error("{}: the table cannot be read: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A directory, pipe or device.
    #[error("{}: not a device table: not a regular file", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// The bytes are not a table that this program reads.
    #[error("{}: {error}", path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: LayoutError,
    },
}

/// Why a table cannot be made or saved.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The capacities overflow the numbers that the table has for them.
    #[error("a table of this capacity is too large for its format; lower the limits")]
    Capacity,
    /// Memory for a table without a file cannot be had.
    #[error("no memory for a table of {bytes} bytes: {error}; lower the limits")]
    Memory {
        /// Bytes asked for.
        bytes: u64,
        /// What the system said.
        error: io::Error,
    },
    /// Another engine writes a table there.
    #[error(
        "{}: another engine{} writes this table; stop that one, or name another table",
        path.display(), pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
    )]
    Locked {
        /// The file.
        path: PathBuf,
        /// The other's process, where it said so.
        pid: Option<u32>,
    },
    /// The file system has no room for the table.
    #[error(
        "{}: no room for a table of {bytes} bytes: {error}; enlarge the file system, \
         choose another directory or lower the limits",
        path.display()
    )]
    Room {
        /// The file.
        path: PathBuf,
        /// Bytes asked for.
        bytes: u64,
        /// What the system said.
        error: io::Error,
    },
    /// The file cannot be written.
    #[error("{}: the table cannot be written: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl CreateError {
    /// A failed operation on a file.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |error| Self::Io {
            path: path.to_owned(),
            error,
        }
    }
}

/// A region has no room. The table has counted the refusal by itself: the reader's `counter`
/// includes it, so the caller must not count it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the table's region {} is full", region.name())]
pub struct Full {
    /// The region.
    pub region: Region,
}
