//! The file of memory: opened, checked, copied, put back. It refuses a file that is damaged, newer
//! or not ours, and never writes over one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::error::{HistoryError, Step, Stop};
use super::schema::{self, APPLICATION_ID, VERSION};

/// How long a writer waits for another.
const BUSY_WAIT: Duration = Duration::from_secs(10);
/// Kibibytes of pages that one connection keeps.
const CACHE_KIB: i64 = 16 * 1024;
/// Pages of the write-ahead log after which it is folded back into the file.
const CHECKPOINT_PAGES: i64 = 1000;
/// Bytes that the write-ahead log is cut back to.
const LOG_BYTES_MAX: i64 = 16 * 1024 * 1024;
/// Pages copied at once by a backup, so that writers get their turns.
const BACKUP_PAGES: i32 = 1024;

/// The history of one or many sensors.
pub struct Store {
    db: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens a history to write it; begins one where there is none.
    ///
    /// # Errors
    /// When it cannot be read or written, is damaged, newer or something else.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        let existed = fs::metadata(path).is_ok_and(|file| file.len() > 0);
        if existed {
            // Looked at before anything could be written.
            drop(Self::open_existing(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?);
        } else {
            make_private(path)?;
        }
        let mut store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        store
            .prepare()
            .map_err(|error| HistoryError::of(path, error))?;
        Ok(store)
    }

    /// Opens a history to read it. What a newer version needs is not added.
    ///
    /// # Errors
    /// As [`Self::open`], and when there is none.
    pub fn open_to_read(path: &Path) -> Result<Self, HistoryError> {
        let store = Self::open_existing(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let found = schema::version(&store.db).map_err(|error| HistoryError::of(path, error))?;
        if found < VERSION {
            // An earlier version: whoever may write leads it on.
            drop(store);
            drop(Self::open(path)?);
            return Self::open_existing(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        }
        Ok(store)
    }

    fn open_existing(path: &Path, flags: OpenFlags) -> Result<Self, HistoryError> {
        match fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(HistoryError::Missing(path.to_owned()));
            }
            Err(error) => {
                let path = path.to_owned();
                return Err(HistoryError::Io { path, error });
            }
            Ok(file) if !file.is_file() => return Err(HistoryError::Foreign(path.to_owned())),
            Ok(_) => {}
        }
        let store = Self::connect(path, flags)?;
        store.recognise()?;
        Ok(store)
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Self, HistoryError> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let fault = |error| HistoryError::of(path, error);
        let db = Connection::open_with_flags(path, flags).map_err(fault)?;
        db.busy_timeout(BUSY_WAIT).map_err(fault)?;
        db.pragma_update(None, "cache_size", -CACHE_KIB)
            .map_err(fault)?;
        db.pragma_update(None, "trusted_schema", false)
            .map_err(fault)?;
        db.pragma_update(None, "cell_size_check", true)
            .map_err(fault)?;
        db.set_prepared_statement_cache_capacity(128);
        Ok(Self {
            db,
            path: path.to_owned(),
        })
    }

    /// Refuses what this version must not touch.
    fn recognise(&self) -> Result<(), HistoryError> {
        let path = || self.path.clone();
        let fault = |error| HistoryError::of(&self.path, error);
        let id: i64 = self
            .db
            .pragma_query_value(None, "application_id", |row| row.get(0))
            .map_err(fault)?;
        let found = schema::version(&self.db).map_err(fault)?;
        if id != APPLICATION_ID {
            return Err(HistoryError::Foreign(path()));
        }
        if found > VERSION {
            return Err(HistoryError::Newer {
                path: path(),
                found,
                known: VERSION,
            });
        }
        // Walks the roots of every table, not every page: that is `check`'s.
        let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'";
        let count: i64 = self
            .db
            .query_row(tables, [], |row| row.get(0))
            .map_err(fault)?;
        if count == 0 {
            return Err(HistoryError::Damaged {
                path: path(),
                what: "it holds no tables".to_owned(),
            });
        }
        Ok(())
    }

    fn prepare(&mut self) -> rusqlite::Result<()> {
        if schema::version(&self.db)? == 0 {
            self.db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        }
        let mode = "journal_mode";
        self.db
            .pragma_update_and_check(None, mode, "WAL", |_| Ok(()))?;
        self.db.pragma_update(None, "synchronous", "FULL")?;
        self.db.pragma_update_and_check(
            None,
            "wal_autocheckpoint",
            CHECKPOINT_PAGES,
            |_| Ok(()),
        )?;
        self.db
            .pragma_update_and_check(None, "journal_size_limit", LOG_BYTES_MAX, |_| Ok(()))?;
        schema::migrate(&mut self.db)
    }

    /// Reads every page and says what contradicts another.
    ///
    /// # Errors
    /// When something does.
    pub fn check(&self) -> Result<(), HistoryError> {
        let result: String = self
            .db
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(|error| self.fault(error))?;
        if result == "ok" {
            return Ok(());
        }
        Err(HistoryError::Damaged {
            path: self.path.clone(),
            what: result,
        })
    }

    /// A copy of the whole, while others write.
    ///
    /// # Errors
    /// When the copy cannot be written, or there is a file already.
    pub fn backup(&self, to: &Path) -> Result<(), HistoryError> {
        if to.exists() {
            let text = format!("{}: exists; a backup goes to a new file", to.display());
            return Err(HistoryError::Request(text));
        }
        let mut name = to.as_os_str().to_owned();
        name.push(".part");
        let part = PathBuf::from(name);
        let result = self.copy_to(&part).and_then(|()| {
            fs::rename(&part, to).map_err(|error| HistoryError::Io {
                path: to.to_owned(),
                error,
            })
        });
        if result.is_err() {
            // What was begun is of no use to anybody.
            let _ = fs::remove_file(&part);
        }
        result
    }

    fn copy_to(&self, to: &Path) -> Result<(), HistoryError> {
        let fault = |error| HistoryError::of(to, error);
        make_private(to)?;
        let mut copy = Connection::open(to).map_err(fault)?;
        Backup::new(&self.db, &mut copy)
            .and_then(|backup| {
                backup.run_to_completion(BACKUP_PAGES, Duration::from_millis(1), None)
            })
            .map_err(fault)?;
        copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
            .map_err(fault)?;
        copy.close().map_err(|(_, error)| fault(error))
    }

    /// Puts a backup in the place of a history that is not there.
    ///
    /// # Errors
    /// When the backup is not whole, or there is a history in that place.
    pub fn restore(backup: &Path, to: &Path) -> Result<(), HistoryError> {
        let source = Self::open_existing(backup, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        source.check()?;
        let beside = |end: &str| {
            let mut name = to.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        for place in [to.to_owned(), beside("-wal"), beside("-shm")] {
            if place.exists() {
                let text = format!(
                    "{}: exists; move it away first, so that nothing is lost",
                    place.display()
                );
                return Err(HistoryError::Request(text));
            }
        }
        source.backup(to)
    }

    /// Gives back to the system the pages that are free.
    ///
    /// # Errors
    /// What the database said.
    pub fn shrink(&self) -> Result<(), HistoryError> {
        self.db
            .execute_batch("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);")
            .map_err(|error| self.fault(error))
    }

    /// Bytes of the pages in use.
    ///
    /// # Errors
    /// What the database said.
    pub fn bytes(&self) -> Result<u64, HistoryError> {
        let pages: u64 = self.read(|db| {
            db.query_row(
                "SELECT (page_count - freelist_count) * page_size
                 FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
                [],
                |row| row.get(0),
            )
        })?;
        Ok(pages)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads.
    pub(crate) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, HistoryError> {
        read(&self.db).map_err(|error| self.fault(error))
    }

    /// Writes all of it or nothing.
    pub(crate) fn write<T>(
        &mut self,
        write: impl FnOnce(&Transaction<'_>) -> Step<T>,
    ) -> Result<T, HistoryError> {
        let path = self.path.clone();
        let fault = |error| HistoryError::of(&path, error);
        let step = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(fault)?;
        match write(&step) {
            Ok(result) => {
                step.commit().map_err(fault)?;
                Ok(result)
            }
            Err(Stop::Database(error)) => Err(fault(error)),
            Err(Stop::Request(text)) => Err(HistoryError::Request(text)),
        }
    }

    /// Writes all of it or nothing; of a dry run nothing.
    pub(crate) fn write_unless<T>(
        &mut self,
        dry: bool,
        write: impl FnOnce(&Connection) -> Step<T>,
    ) -> Result<T, HistoryError> {
        if !dry {
            return self.write(|step| write(step));
        }
        let mut done = None;
        let result = self.write::<()>(|step| {
            done = Some(write(step)?);
            // Given up on purpose: nothing of it stays.
            Err(Stop::Request(String::new()))
        });
        match (done, result) {
            (Some(done), _) => Ok(done),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Err(HistoryError::Request("nothing was done".to_owned())),
        }
    }

    /// The pages that the file may have at most: a disk that is full, for tests.
    ///
    /// # Errors
    /// What the database said.
    pub fn limit_pages(&self, pages: u32) -> Result<(), HistoryError> {
        let set =
            |db: &Connection| db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
        self.read(set)
    }

    /// What the database said about this file.
    pub(crate) fn fault(&self, error: rusqlite::Error) -> HistoryError {
        HistoryError::of(&self.path, error)
    }
}

/// An empty file that not everyone may read: it says what runs in a hospital.
fn make_private(path: &Path) -> Result<(), HistoryError> {
    use std::os::unix::fs::OpenOptionsExt;
    let opened = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .open(path);
    opened.map(drop).map_err(|error| HistoryError::Io {
        path: path.to_owned(),
        error,
    })
}
