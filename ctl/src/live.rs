//! The table of the running engine, or what an engine left: found, opened, and judged by its own
//! times. It believes a table that changes, and never waits for one.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use medtap_inventory::model::Time;
use medtap_table::{OpenError, PATH_DEFAULT, TableReader};
use serde::Serialize;

use crate::failure::{Code, Exit, Failure};
use crate::render;

/// A heartbeat that is older says that the table no longer changes.
const HEARTBEAT_AGE_MAX_NS: u64 = 5_000_000_000;

/// How the engine of a table does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The table was saved, or made of captures: there is no engine.
    Saved,
    /// The table changes.
    Running,
    /// The engine's process lives, and the table does not change.
    Stale,
    /// The engine ended in order.
    Stopped,
    /// The engine's process is gone and said no word.
    Gone,
}

impl State {
    /// The name that people see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Running => "running",
            Self::Stale => "stale",
            Self::Stopped => "stopped",
            Self::Gone => "gone",
        }
    }

    /// How the engine of this table does at this time.
    pub fn of(table: &TableReader, now_ns: u64) -> Self {
        let old = now_ns.saturating_sub(changed_ns(table)) > HEARTBEAT_AGE_MAX_NS;
        match () {
            () if table.is_saved() || table.pid() == 0 => Self::Saved,
            () if table.stopped_ns() != 0 => Self::Stopped,
            () if !old => Self::Running,
            () if lives(table.pid()) => Self::Stale,
            () => Self::Gone,
        }
    }
}

/// When a live table changed last.
pub fn changed_ns(table: &TableReader) -> u64 {
    table.heartbeat_ns().max(table.started_ns())
}

/// The time, in nanoseconds since 1970, UTC.
pub fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

/// True while there is a process of this number.
fn lives(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// The path that was typed, or the running engine's.
pub fn path(typed: Option<&Path>) -> PathBuf {
    typed.unwrap_or(Path::new(PATH_DEFAULT)).to_owned()
}

/// Opens the table of an engine.
///
/// # Errors
/// When there is none, which says that no engine runs, or when it can't be read.
pub fn open(path: &Path) -> Result<TableReader, Failure> {
    TableReader::open(path).map_err(|error| match &error {
        OpenError::Io { error, .. } if error.kind() == io::ErrorKind::NotFound => {
            Failure::not_running(format!(
                "engine is not running: there is no table at {}; start medtapd",
                path.display()
            ))
        }
        _ => error.into(),
    })
}

/// Says, where it is so, that the table no longer changes, and since when.
pub fn say(table: &TableReader, exit: &mut Exit) {
    let now = now_ns();
    let (pid, changed) = (table.pid(), changed_ns(table));
    let at = |ns| format!("{} UTC", render::time(Time(ns)));
    match State::of(table, now) {
        State::Saved | State::Running => {}
        State::Stopped => {
            let since = at(table.stopped_ns());
            let text =
                format!("engine is not running: it stopped at {since}; this is what it left");
            exit.say(Code::NotRunning, &text);
        }
        State::Gone => {
            let text = format!(
                "engine is not running: process {pid} is gone without a word, last heard of at \
                 {}; this is what it left",
                at(changed)
            );
            exit.say(Code::NotRunning, &text);
        }
        State::Stale => {
            let text = format!(
                "data are stale: the engine, process {pid}, lives but last wrote at {}, {} ago",
                at(changed),
                render::span(Time(changed), Time(now))
            );
            exit.say(Code::Partial, &text);
        }
    }
}
