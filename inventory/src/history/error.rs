//! Why memory cannot be opened or written. Each error names the file, the cause and the remedy.

use std::path::{Path, PathBuf};

/// Why a history cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is no file.
    #[error("{}: there is no history; medtap serve or medtap history add begin one", .0.display())]
    Missing(PathBuf),
    /// The system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is some other file.
    #[error("{}: is no history of medtap; it was left as it is", .0.display())]
    Foreign(PathBuf),
    /// A newer version wrote it.
    #[error(
        "{}: the history has version {found}, this medtap knows {known}; use the medtap that wrote \
         it, or restore a backup; it was left as it is",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// Its pages contradict each other.
    #[error(
        "{}: the history is damaged ({what}); move it away and restore a backup with medtap \
         history restore; it was left as it is",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check said first.
        what: String,
    },
    /// There is no room.
    #[error("{}: no room left on the disk; nothing was written; make room, or keep less with \
             medtap history vacuum", .0.display())]
    Full(PathBuf),
    /// Another process holds it.
    #[error("{}: another process writes this history; try again", .0.display())]
    Busy(PathBuf),
    /// Something that was asked for makes no sense.
    #[error("{0}")]
    Request(String),
    /// Anything else that the database said.
    #[error("{}: {error}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: rusqlite::Error,
    },
}

impl HistoryError {
    /// What the database said about this file, in our words where there are any.
    pub fn of(path: &Path, error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => Self::Full(path),
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Busy(path),
            Some(Code::NotADatabase) => Self::Foreign(path),
            Some(Code::DatabaseCorrupt) => Self::Damaged {
                path,
                what: error.to_string(),
            },
            Some(Code::PermissionDenied | Code::ReadOnly | Code::CannotOpen) => Self::Io {
                path,
                error: std::io::Error::new(std::io::ErrorKind::PermissionDenied, error.to_string()),
            },
            _ => Self::Database { path, error },
        }
    }

    /// True where trying again later may succeed.
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Full(_) | Self::Busy(_))
    }
}

/// Why a step under way was given up: nothing of it is kept.
pub(crate) enum Stop {
    /// What the database said.
    Database(rusqlite::Error),
    /// What was asked for makes no sense.
    Request(String),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// The result of a step inside a transaction.
pub(crate) type Step<T> = Result<T, Stop>;
