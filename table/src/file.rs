//! How a table's file comes to be: under a temporary name, with its room reserved, then renamed
//! into place. It knows nothing of what is written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

/// Takes all the room that a file will need, filled with zeros.
pub(crate) fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate, fstatvfs};
    use rustix::io::Errno;
    // Asked first, since taking room until there is none would starve everyone else for a while.
    // A file system without a size has no blocks.
    let free = fstatvfs(file)?;
    if free.f_blocks > 0 && free.f_bavail.saturating_mul(free.f_frsize) < bytes {
        return Err(Errno::NOSPC.into());
    }
    match fallocate(file, FallocateFlags::empty(), 0, bytes) {
        // The file system cannot reserve: writing takes the room as well.
        Err(Errno::OPNOTSUPP) => {
            io::copy(&mut io::Read::take(io::repeat(0), bytes), &mut &*file)?;
            (&*file).flush()
        }
        result => result.map_err(io::Error::from),
    }
}

/// A file under a temporary name beside its place. Dropped without renaming, it is removed.
pub(crate) struct Temporary {
    /// The open file.
    pub(crate) file: File,
    path: Option<PathBuf>,
}

impl Temporary {
    /// A new, empty file in the folder of `path`.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.tmp", process::id()));
        let temporary = path.with_file_name(hidden);
        // A leftover of a process that bore the same number.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // A table says what runs in a hospital: not for everyone's eyes.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o640)
            .open(&temporary)?;
        Ok(Self {
            file,
            path: Some(temporary),
        })
    }

    /// Gives the file its name, replacing what bore it.
    pub(crate) fn rename_to(mut self, path: &Path) -> io::Result<()> {
        if let Some(temporary) = self.path.take() {
            fs::rename(&temporary, path).inspect_err(|_| {
                self.path = Some(temporary);
            })?;
        }
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Nothing better can be done with an error here; the next run removes it.
            let _ = fs::remove_file(path);
        }
    }
}
