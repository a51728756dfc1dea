//! The memory of a table: anonymous, or a file's pages. The only fence of unsafe in this crate:
//! it turns mapped bytes into atomic words and knows nothing of what they mean.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::slice;
use std::sync::Arc;

use memmap2::{MmapOptions, MmapRaw};

use crate::sync::{AtomicU64, Load, Ordering};

/// A word that another thread or process may change. This side can only read it, since its page
/// may be mapped read-only.
#[repr(transparent)]
pub(crate) struct Word(AtomicU64);

impl Load for Word {
    #[inline]
    fn load_relaxed(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Memory that can be read.
pub(crate) struct Map {
    raw: MmapRaw,
}

impl Map {
    /// The pages of a file, read-only. The file must not shrink while it is mapped (the system
    /// would end this process with SIGBUS); medtap itself only ever replaces tables by renaming.
    pub(crate) fn open(file: &File, bytes: usize) -> io::Result<Arc<Self>> {
        let raw = MmapOptions::new().len(bytes).map_raw_read_only(file)?;
        Ok(Arc::new(Self { raw }))
    }

    /// All words; a last part of a word is left out.
    #[inline]
    pub(crate) fn words(&self) -> &[Word] {
        // SAFETY: the mapping lives as long as `self`, begins on a page and is `len` bytes long
        // (memmap2 upholds all three), and any bytes are a value of `Word`. Whoever else maps
        // these pages, here or in another process, writes them by atomics alone, since
        // `MapMut::cells` is the only way; and this side only loads.
        unsafe { slice::from_raw_parts(self.raw.as_ptr().cast::<Word>(), self.raw.len() / 8) }
    }
}

/// Memory that can be written. There is one for each table: the writer's.
pub(crate) struct MapMut(Arc<Map>);

impl MapMut {
    /// Zeroed memory that no file holds; pages are taken as they are touched.
    pub(crate) fn anonymous(bytes: usize) -> io::Result<Self> {
        let raw = MmapRaw::from(MmapOptions::new().len(bytes).map_anon()?);
        Ok(Self(Arc::new(Map { raw })))
    }

    /// The pages of a file that was opened for reading and writing.
    pub(crate) fn file(file: &File, bytes: usize) -> io::Result<Self> {
        let raw = MmapOptions::new().len(bytes).map_raw(file)?;
        Ok(Self(Arc::new(Map { raw })))
    }

    /// The same memory, to read.
    pub(crate) fn share(&self) -> Arc<Map> {
        Arc::clone(&self.0)
    }

    /// All words, to write.
    #[inline]
    pub(crate) fn cells(&self) -> &[AtomicU64] {
        let raw = &self.0.raw;
        // SAFETY: as in `Map::words`; besides, both constructors of this type map the pages
        // writable, and no reference to them other than to atomics is ever made.
        unsafe { slice::from_raw_parts(raw.as_mut_ptr().cast::<AtomicU64>(), raw.len() / 8) }
    }
}
