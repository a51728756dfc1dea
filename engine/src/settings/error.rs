//! Why settings cannot be used: one sentence each, with the place and the remedy. It never shows
//! a value that could be a secret.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::WORKERS_MAX;

/// Where something was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Typed.
    CommandLine,
    /// A line of the configuration file, from 1.
    Line(PathBuf, usize),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => formatter.write_str("command line"),
            Self::Line(path, line) => write!(formatter, "{} line {line}", path.display()),
        }
    }
}

/// Why the settings cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum SettingsError {
    #[error("{} does not exist; check the path", path.display())]
    Missing { path: PathBuf },
    #[error("no permission to read {}; make it readable for the user that runs medtapd",
         path.display())]
    Forbidden { path: PathBuf },
    #[error("cannot read {}: {cause}; name a plain file", path.display())]
    Unreadable { path: PathBuf, cause: String },
    #[error("{} is longer than {bytes_max} bytes; it is not a file that medtapd reads",
         path.display())]
    TooLong { path: PathBuf, bytes_max: u64 },
    #[error("{} is not text (UTF-8); write it as TOML", path.display())]
    NotText { path: PathBuf },
    #[error("{} line {line} column {column} is not TOML: {message}", path.display())]
    Syntax {
        path: PathBuf,
        line: usize,
        column: usize,
        message: String,
    },
    #[error("{place}: unknown key `{key}`; {hint}")]
    UnknownKey {
        place: Place,
        key: String,
        hint: String,
    },
    #[error("{place}: `{key}` is {found}, and must be {expected}")]
    WrongType {
        place: Place,
        key: &'static str,
        found: &'static str,
        expected: &'static str,
    },
    #[error("{place}: `{key}` is {value}; it may be {low} to {high}")]
    OutOfRange {
        place: Place,
        key: &'static str,
        value: String,
        low: u64,
        high: u64,
    },
    #[error("{place}: `{key}` is {value}; it must be {expected}")]
    Value {
        place: Place,
        key: &'static str,
        value: String,
        expected: String,
    },
    #[error("{place}: an interface without `name`; add name = \"…\"")]
    NoName { place: Place },
    #[error("{place}: a VLAN without `{key}`; add {key} = …")]
    VlanIncomplete { place: Place, key: &'static str },
    #[error("{place}: interface {name} is given twice; name it once")]
    DuplicateInterface { place: Place, name: String },
    #[error("{place}: VLAN {id} is given twice for one interface; name it once")]
    DuplicateVlan { place: Place, id: u16 },
    #[error(
        "no interface to listen on; give --interface IFACE, or [[interface]] in the file of \
         --config"
    )]
    NoInterface,
    #[error("{place}: `{key}` is \"{list}\", and must be a list of cpus such as \"2-5,8\"")]
    CpuList {
        place: Place,
        key: &'static str,
        list: String,
    },
    #[error("{place}: `{key}` has cpu {cpu} twice; name it once")]
    DuplicateCpu {
        place: Place,
        key: &'static str,
        cpu: u16,
    },
    #[error("`{key}` has cpu {cpu}, which this machine has not; choose from {allowed}")]
    NoSuchCpu {
        key: &'static str,
        cpu: u16,
        allowed: String,
    },
    #[error(
        "`{key}` has cpu {cpu}, which this process may not use; choose from {allowed}, or widen \
         its cpuset (taskset, AllowedCPUs= of the unit)"
    )]
    ForbiddenCpu {
        key: &'static str,
        cpu: u16,
        allowed: String,
    },
    #[error(
        "{workers} workers, but only {cpus} cpus; give `cpus` one for each worker, or fewer workers"
    )]
    TooFewCpus { workers: usize, cpus: usize },
    #[error("{workers} workers; there can be at most {WORKERS_MAX}: give fewer cpus, or `workers`")]
    TooManyWorkers { workers: usize },
    #[error("cannot ask which cpus this process may use: {cause}; allow sched_getaffinity")]
    NoAffinity { cause: &'static str },
    #[error(
        "the key in {} has {found} bytes and needs at least 16; make one by \
         `head -c 32 /dev/urandom > {}`", path.display(), path.display()
    )]
    ShortKey { path: PathBuf, found: usize },
}

impl SettingsError {
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            io::ErrorKind::PermissionDenied => Self::Forbidden { path },
            _ => Self::Unreadable {
                path,
                cause: error.to_string(),
            },
        }
    }
}
