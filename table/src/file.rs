//! How a table's file comes to be: by one engine alone, under a temporary name, with its room
//! reserved, then renamed into place. It knows nothing of what is written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process;

use crate::error::CreateError;

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

/// Makes the last folder of a path where it is missing.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    else {
        return Ok(());
    };
    match fs::DirBuilder::new().mode(0o750).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

/// The right to write the table at a path: held for as long as this lives, and given back by the
/// system however the process ends. The file stays, since removing it would let two in.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the right, or says who has it.
    pub(crate) fn take(path: &Path) -> Result<Self, CreateError> {
        use rustix::fs::{FlockOperation, flock};
        use rustix::io::Errno;
        use std::os::unix::fs::OpenOptionsExt;
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let name = PathBuf::from(name);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .open(&name)
            .map_err(CreateError::io(&name))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                let mut text = String::new();
                let read = file.take(16).read_to_string(&mut text);
                return Err(CreateError::Locked {
                    path: path.to_owned(),
                    pid: read.ok().and_then(|_| text.trim_end().parse().ok()),
                });
            }
            result => result.map_err(|error| CreateError::io(&name)(error.into()))?,
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", process::id()))
            .map_err(CreateError::io(&name))?;
        Ok(Self { _file: file })
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
