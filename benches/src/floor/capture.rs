//! A capture, mapped. It is read as plain bytes; nothing here knows their format.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::{Advice, Mmap};

/// A file in memory.
pub struct Capture {
    map: Mmap,
}

impl Capture {
    /// Maps a file.
    ///
    /// # Errors
    ///
    /// Those of opening and mapping.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: the mapping is read-only and private to this measurement; whoever runs it does
        // not change the capture meanwhile, and a capture that shrinks ends the program (SIGBUS)
        // rather than giving it wrong bytes.
        let map = unsafe { Mmap::map(&file) }?;
        Ok(Self { map })
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Enters pages into the page table before they are read, in one call for many.
    pub fn populate(&self, start: usize, len: usize) {
        let len = len.min(self.map.len().saturating_sub(start));
        if len > 0 {
            // Kernels before 5.14 refuse: then each page is entered when it is first read.
            let _ = self.map.advise_range(Advice::PopulateRead, start, len);
        }
    }
}
