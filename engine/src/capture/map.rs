//! A file as memory: the one place where captures are mapped. It hands out bytes and knows no
//! format.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;

use memmap2::{Advice, Mmap};

/// A regular file, mapped read-only for as long as this lives.
///
/// The mapping covers the file's length at the time of the call: what is appended later is not
/// seen. A file that another program *shortens* while it is mapped ends this process with
/// SIGBUS, as it does for every program that maps files.
#[derive(Debug)]
pub(crate) struct Mapping(Option<Mmap>);

impl Mapping {
    /// Maps all of `file`. A file without a byte is an empty mapping.
    ///
    /// # Errors
    ///
    /// What the system says when it can't map the file: not a regular file, no address space.
    pub(crate) fn new(file: &File) -> io::Result<Self> {
        if file.metadata()?.len() == 0 {
            return Ok(Self(None));
        }
        // SAFETY: the mapping is private and read-only, and nothing in this process writes to the
        // file. Another process could: the bytes are only ever read as plain `u8`, through
        // slices, by parsers that take any bytes and check every length against the mapping's,
        // never against a value read twice; so a changed byte gives another frame, no wild
        // access. A shortened file raises SIGBUS, which ends the process (see above).
        let mmap = unsafe { Mmap::map(file)? };
        // Advice only: a kernel that declines it still serves the pages.
        let _ = mmap.advise(Advice::Sequential);
        Ok(Self(Some(mmap)))
    }

    /// Memory that is no file's, for tests of what is done with mappings.
    #[cfg(test)]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self(None);
        }
        let mut anonymous = memmap2::MmapMut::map_anon(bytes.len()).unwrap();
        anonymous.copy_from_slice(bytes);
        Self(Some(anonymous.make_read_only().unwrap()))
    }

    /// The file's bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn maps_what_the_file_holds() {
        let mut file = tempfile::tempfile().unwrap();
        assert_eq!(Mapping::new(&file).unwrap().bytes(), b"");
        file.write_all(b"frames").unwrap();
        assert_eq!(Mapping::new(&file).unwrap().bytes(), b"frames");
    }
}
