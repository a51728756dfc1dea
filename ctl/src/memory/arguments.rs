//! What can be typed about memory, and the manual of it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use medtap_inventory::history::ChangeKind;

use super::show::Format;
use crate::arguments::{EXIT_CODES, as_of, interval};

/// The history that is meant where none is named.
pub const HISTORY_DEFAULT: &str = "/var/lib/medtap/history.db";

/// The commands of memory.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write the history of what the running engine sees, until it is ended
    #[command(after_help = EXIT_CODES)]
    Serve(Serve),
    /// Ask the history, add captures to it, merge others, back it up
    #[command(subcommand)]
    History(History),
    /// Explain why what belongs to a device does
    #[command(after_help = EXIT_CODES)]
    Explain(Explain),
}

/// Which history.
#[derive(Debug, Args)]
pub struct Place {
    /// The history's file
    #[arg(long, value_name = "PATH", default_value = HISTORY_DEFAULT)]
    pub history: PathBuf,
}

/// How rows are shown.
#[derive(Debug, Args)]
pub struct Shown {
    /// How to show them
    #[arg(long, short, value_enum, default_value_t = Format::Table)]
    pub output: Format,
}

/// Who decides, and why: kept in the audit.
#[derive(Debug, Args)]
pub struct By {
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub why: String,
    /// Who [default: the user of this session]
    #[arg(long, value_name = "NAME")]
    pub who: Option<String>,
}

/// `medtap serve`.
#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    pub place: Place,
    /// Table of an engine [default: the running engine's, /dev/shm/medtap/medtap.table]
    #[arg(long, value_name = "PATH")]
    pub table: Option<PathBuf>,
    /// The site whose addresses the engine sees
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub site: String,
    /// Time from one look to the next, such as 30s or 5min
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = interval)]
    pub interval: u64,
    /// How long what is kept, a TOML file [default: docs/inventory.md says it]
    #[arg(long, value_name = "FILE")]
    pub retention: Option<PathBuf>,
    /// End after so many looks [default: go on until Ctrl-C]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

/// `medtap history`.
#[derive(Debug, Subcommand)]
pub enum History {
    /// Add captures: each once, whatever its name, several at the same time
    Add(Add),
    /// Add another history: its devices are recognised, its sources count once
    Merge(Merge),
    /// Show every device that is remembered
    Devices(Devices),
    /// Show everything that is remembered of one device
    Device(Device),
    /// Show what happened
    Changes(Changes),
    /// Show where what is remembered came from, and when nobody looked
    Sources(Listed),
    /// Say that two devices are one
    Join(Join),
    /// Say that records of a device are a device of their own
    Split(Split),
    /// Read every page, and follow the audit's chain
    Check(Place),
    /// Copy the history to a new file, while others write
    Backup(Copy),
    /// Put a backup in the place of a history that was moved away
    Restore(Copy),
    /// Forget what is older than the policy keeps, and give room back
    Vacuum(Vacuum),
}

/// `medtap history add`.
#[derive(Debug, Args)]
pub struct Add {
    /// Captures (pcap or pcapng, plain or compressed); each is a source of its own
    #[arg(value_name = "CAPTURE", required = true)]
    pub files: Vec<OsString>,
    #[command(flatten)]
    pub place: Place,
    /// The site at which they were made
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub site: String,
    /// Captures that are read at the same time [default: one for each processor, at most 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=64))]
    pub workers: Option<u64>,
    /// Folder with rules of your own (.toml), over those that ship
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
}

/// `medtap history merge`.
#[derive(Debug, Args)]
pub struct Merge {
    /// The other history; it is not changed
    #[arg(value_name = "OTHER", required = true)]
    pub others: Vec<PathBuf>,
    #[command(flatten)]
    pub place: Place,
}

/// A list of what the history holds.
#[derive(Debug, Args)]
pub struct Listed {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub shown: Shown,
}

/// `medtap history devices`.
#[derive(Debug, Args)]
pub struct Devices {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub shown: Shown,
    /// Only devices of this class or category
    #[arg(long, value_name = "NAME")]
    pub kind: Option<String>,
    /// Only devices that are silent
    #[arg(long)]
    pub silent: bool,
}

/// `medtap history device`.
#[derive(Debug, Args)]
pub struct Device {
    /// Its id or the beginning of it, its MAC or IP address, serial number, name or asset tag
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub shown: Shown,
    /// Show also every statement about it
    #[arg(long)]
    pub facts: bool,
}

/// `medtap history changes`.
#[derive(Debug, Args)]
pub struct Changes {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub shown: Shown,
    /// From this time on, such as 2026-08-18T10:00:00Z or 2026-08-18
    #[arg(long, value_name = "TIME", value_parser = as_of)]
    pub since: Option<u64>,
    /// Up to this time
    #[arg(long, value_name = "TIME", value_parser = as_of)]
    pub until: Option<u64>,
    /// Only of this device
    #[arg(long, value_name = "ID")]
    pub device: Option<String>,
    /// Only of this kind, such as new_device or changed
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub kind: Option<ChangeKind>,
}

/// `medtap history join`.
#[derive(Debug, Args)]
pub struct Join {
    /// One of the two
    #[arg(value_name = "DEVICE")]
    pub one: String,
    /// The other
    #[arg(value_name = "OTHER")]
    pub other: String,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub by: By,
}

/// `medtap history split`.
#[derive(Debug, Args)]
pub struct Split {
    /// The device
    #[arg(value_name = "DEVICE")]
    pub device: String,
    /// Keys of what is a device of its own, such as mac:02:00:00:00:00:01, as medtap explain
    /// --identity shows them
    #[arg(value_name = "KEY", required = true)]
    pub keys: Vec<String>,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub by: By,
}

/// `medtap history backup` and `restore`.
#[derive(Debug, Args)]
pub struct Copy {
    /// The backup
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub place: Place,
}

/// `medtap history vacuum`.
#[derive(Debug, Args)]
pub struct Vacuum {
    #[command(flatten)]
    pub place: Place,
    /// How long what is kept, a TOML file [default: docs/inventory.md says it]
    #[arg(long, value_name = "FILE")]
    pub retention: Option<PathBuf>,
    /// The time that ages are counted to [default: now]
    #[arg(long, value_name = "TIME", value_parser = as_of)]
    pub as_of: Option<u64>,
}

/// `medtap explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Its id or the beginning of it, its MAC or IP address, serial number, name or asset tag
    #[arg(value_name = "ID")]
    pub id: String,
    /// Explain which records are this device, by which keys, and who said so
    #[arg(long, required = true)]
    pub identity: bool,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub shown: Shown,
}

fn kind(text: &str) -> Result<ChangeKind, String> {
    ChangeKind::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = ChangeKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}
