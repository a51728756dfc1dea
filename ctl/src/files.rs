//! Files that a command writes: they appear whole or not at all, and never in the place of what
//! the command reads.

use std::fs::{self, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use medtap_engine::capture::pcap::Input;

use crate::failure::Failure;

/// Who may read what we write: it says what runs in a hospital, so not everyone.
const MODE: u32 = 0o640;

/// A place for a file, checked before the work begins.
pub struct Destination {
    /// As it was typed.
    name: String,
    /// With links followed.
    path: PathBuf,
    /// A pipe or device: written as it is.
    special: bool,
}

impl Destination {
    /// Checks that a file can be put there, and that it is none of the inputs.
    ///
    /// # Errors
    /// What is in the way, with the option that asked for it.
    pub fn check(option: &str, path: &Path, inputs: &[Input]) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let fault = |what: &str| Failure::new(format!("{option} {name}: {what}"));
        if path.as_os_str() == "-" {
            return Err(fault("expected a file; standard output is for the devices"));
        }
        if path.file_name().is_none() {
            return Err(fault("expected the name of a file"));
        }
        let existing = fs::metadata(path).ok();
        if existing.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(fault("is a directory; expected the name of a file"));
        }
        let identity = |file: &fs::Metadata| (file.dev(), file.ino());
        for input in inputs {
            let Input::Path(input) = input else { continue };
            let input = fs::metadata(input).ok();
            if existing.is_some() && input.map(|i| identity(&i)) == existing.as_ref().map(identity)
            {
                return Err(fault("is one of the inputs, which would be lost"));
            }
        }
        let special = existing.is_some_and(|file| !file.is_file());
        let destination = Self {
            path: fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
            name: format!("{option} {name}"),
            special,
        };
        if !special {
            destination
                .temporary()
                .map_err(|error| destination.fault(&error))?;
        }
        Ok(destination)
    }

    /// Checks that a file can be put there, where a pipe or device is of no use.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_regular(option: &str, path: &Path, inputs: &[Input]) -> Result<Self, Failure> {
        let destination = Self::check(option, path, inputs)?;
        if destination.special {
            let name = destination.name;
            return Err(Failure::new(format!("{name}: expected a regular file")));
        }
        Ok(destination)
    }

    /// Where it is, with links followed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True where both would be the same file.
    pub fn is(&self, other: &Self) -> bool {
        let place = |path: &Path| {
            let folder = fs::canonicalize(folder(path)).ok();
            (folder, path.file_name().map(ToOwned::to_owned))
        };
        place(&self.path) == place(&other.path)
    }

    /// Writes the file. When that fails, what was there before is still there.
    ///
    /// # Errors
    /// What the system said.
    pub fn write(
        &self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let result = if self.special {
            fs::OpenOptions::new()
                .write(true)
                .open(&self.path)
                .and_then(|file| {
                    let mut out = BufWriter::new(file);
                    write(&mut out).and_then(|()| out.flush())
                })
        } else {
            self.replace(write)
        };
        match result {
            // Who reads a pipe may go away when it has enough.
            Err(error) if self.special && error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(|error| self.fault(&error)),
        }
    }

    fn replace(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut temporary = self.temporary()?;
        let mut out = BufWriter::new(temporary.as_file_mut());
        write(&mut out)?;
        out.flush()?;
        drop(out);
        temporary.as_file().sync_all()?;
        temporary.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }

    fn temporary(&self) -> io::Result<tempfile::NamedTempFile> {
        tempfile::Builder::new()
            .prefix(".medtap-")
            .permissions(Permissions::from_mode(MODE))
            .tempfile_in(folder(&self.path))
            .map_err(system)
    }

    fn fault(&self, error: &io::Error) -> Failure {
        let cause = match error.kind() {
            io::ErrorKind::NotFound => "its folder does not exist".to_owned(),
            _ => error.to_string(),
        };
        Failure::io(format!("{}: can't be written: {cause}", self.name), error)
    }
}

/// A text file of at most so many bytes.
///
/// # Errors
/// What the system said, or that it is larger or no text.
pub fn read_text(path: &Path, bytes_max: u64) -> Result<String, Failure> {
    use std::io::Read;
    let name = path.display();
    let fault = |error: &io::Error| Failure::io(format!("{name}: can't be read: {error}"), error);
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| fault(&error))?;
    let mut bounded = file.take(bytes_max.saturating_add(1));
    bounded
        .read_to_end(&mut bytes)
        .map_err(|error| fault(&error))?;
    if bytes.len() as u64 > bytes_max {
        return Err(Failure::new(format!(
            "{name}: is larger than {bytes_max} bytes"
        )));
    }
    String::from_utf8(bytes).map_err(|_| Failure::new(format!("{name}: is no UTF-8 text")))
}

/// The error without the name of the temporary file, for which nobody asked.
fn system(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(_) => error,
        None => error.kind().into(),
    }
}

/// The folder of a file.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_of(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), name).unwrap();
        }
        folder
    }

    #[test]
    fn what_fails_leaves_what_was_there() {
        let folder = folder_of(&["old"]);
        let old = folder.path().join("old");
        let destination = Destination::check("--flows", &old, &[]).unwrap();
        let result = destination.write(|out| {
            out.write_all(b"half")?;
            Err(io::Error::other("no more"))
        });
        assert!(result.is_err());
        assert_eq!(fs::read_to_string(&old).unwrap(), "old");
        destination.write(|out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::read_to_string(&old).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn inputs_are_safe_under_any_name() {
        let folder = folder_of(&["input"]);
        let input = folder.path().join("input");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&input, &link).unwrap();
        fs::hard_link(&input, folder.path().join("hard")).unwrap();
        let inputs = [Input::Stdin, Input::Path(input)];
        for name in ["input", "link", "hard", "./input"] {
            let result = Destination::check("--flows", &folder.path().join(name), &inputs);
            assert!(result.is_err_and(|e| e.to_string().contains("one of the inputs")));
        }
        assert!(Destination::check("--flows", &folder.path().join("other"), &inputs).is_ok());
    }

    #[test]
    fn links_are_followed() {
        let folder = folder_of(&["old"]);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("old"), &link).unwrap();
        let through = Destination::check("--flows", &link, &[]).unwrap();
        let direct = Destination::check("--flows", &folder.path().join("old"), &[]).unwrap();
        assert!(through.is(&direct));
        through.write(|out| out.write_all(b"new")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            fs::read_to_string(folder.path().join("old")).unwrap(),
            "new"
        );
    }

    #[test]
    fn devices_are_written_and_never_replaced() {
        let null = Path::new("/dev/null");
        let destination = Destination::check("--flows", null, &[]).unwrap();
        destination.write(|out| out.write_all(b"gone")).unwrap();
        assert!(!fs::metadata(null).unwrap().is_file());
        assert!(Destination::check_regular("--save-table", null, &[]).is_err());
    }
}
