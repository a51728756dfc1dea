//! What can be typed, and the manual of it. Values are checked as far as they can be without
//! opening a file; what they mean is the commands' business.

use std::ffi::OsString;
use std::path::PathBuf;
use std::thread::available_parallelism;

use clap::{Args, Parser, Subcommand};
use medtap_table::Capacity;

pub use crate::assess::arguments::{
    Asked, Compliance, GroupBy, RiskCommand, RiskGroups, RiskList, RiskModel, RiskTrend, Simulate,
    Work, WorkMeant, WorkStep,
};
use crate::export;
use crate::expression::{Expression, parse_time};
use crate::render::{CSV_COLUMNS, DeviceOutput, GridOutput, LineOutput, Output, StatusOutput};
use crate::report::Format;

/// Workers when none are asked for: as many as processors, up to this.
const WORKERS_DEFAULT_MAX: usize = 8;
/// Workers that can be asked for: one for each shard of the engine.
const WORKERS_MAX: u64 = 64;

/// Devices that an offline run has room for, at most.
pub const SUBJECTS_MAX: i64 = medtap_engine::config::SUBJECTS_MAX as i64;

/// Shortest and longest time from one look to the next.
const INTERVAL_MIN_NS: u64 = 10_000_000;
const INTERVAL_MAX_NS: u64 = 24 * 3_600_000_000_000;

/// Width of what is written out in the manual.
const HELP_COLUMNS: usize = 96;

/// What exit codes mean.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a device matched --fail-on
  2  wrong usage, or it could not be done
  3  the engine is not running; what it left is shown
  4  done, but a part of the input could not be read, or the data are stale
  5  not permitted
Where several hold, the first of 5, 2, 3, 4, 1 counts. Messages go to standard error.";

const STATS_HELP: &str = "\
Drops, by cause:
  nic     the interface or its driver dropped it (nic_dropped, nic_errors)
  xdp     it came in a queue that no socket is bound to (xdp_no_socket)
  ring    a worker's receive ring had no room for it (ring_full, ring_dropped, ring_invalid)
  worker  a worker could not keep what it learnt (limit_ledger, limit_pending_facts)
  limits  any other limit refused something (the other counters named limit_...)
The README explains every counter.

Exit codes are those of medtap --help.";

const EVENTS_HELP: &str = "\
Events: device_appeared, address_appeared, attribute_appeared, attribute_changed, service_appeared,
silent (nothing sent for 5 minutes), returned, engine_started, engine_stopped, engine_restarted.
Without --follow they are those that the table still tells, sorted by time; with it, those come
first. A restarted engine is followed on.

Exit codes are those of medtap --help.";

const EXPRESSIONS: &str = "\
Expressions (EXPR) compare paths of a device's JSON, joined by and, or, not and parentheses:
  class = medical and risk.score >= 70
  protocols.name = dicom and not protocols.encrypted = true
  attributes.manufacturer.value = 'Acme Medical' or addresses = 10.1.2.3
  last_seen < 2026-08-18T10:00:00Z
Operators are = != < <= > >=. A path over a list matches with any of its elements; what is not
known (null) matches nothing. Quote texts with spaces. Numbers inside texts compare as numbers:
version 2.10 comes after 2.9.";

/// Finds every device in a hospital's network traffic, medical devices first.
///
/// It only listens: it reads captures, tables and what the engine (medtapd) writes; it sends
/// nothing, and keeps no patient data.
#[derive(Debug, Parser)]
#[command(name = "medtap", version, after_help = EXIT_CODES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read captures and show the devices in them
    #[command(after_help = EXIT_CODES, after_long_help = long_help())]
    Analyze(Analyze),
    /// Show the devices that the running engine sees, or those of a saved table
    #[command(after_help = EXIT_CODES, after_long_help = long_help())]
    Devices(Devices),
    /// Show everything about one device
    #[command(after_help = EXIT_CODES)]
    Device(Device),
    /// Write a report about all devices: a page for people, a workbook, or all in one file
    #[command(after_help = EXIT_CODES)]
    Report(Report),
    /// Keep what is known of vulnerabilities, for --feeds
    #[command(subcommand)]
    Feeds(FeedsCommand),
    /// Show the risk of devices, of units, and what it hangs on
    #[command(subcommand)]
    Risk(RiskCommand),
    /// Show what to do first, by role
    #[command(after_help = EXIT_CODES)]
    Work(Work),
    /// Show what can be evidenced by a framework, row by row
    #[command(after_help = EXIT_CODES)]
    Compliance(Compliance),
    /// Show what a change would do to the risk, and what it would break
    #[command(after_help = EXIT_CODES)]
    Simulate(Simulate),
    /// Write the devices in the format of another program
    #[command(after_help = EXIT_CODES)]
    Export(Export),
    /// Show how the engine does: interfaces, workers, room, losses, and whether all adds up
    #[command(after_help = EXIT_CODES)]
    Status(Status),
    /// Show what this machine and its interfaces are to a sensor, and what to change
    #[command(after_help = DOCTOR_CODES)]
    Doctor(Doctor),
    /// Look at rules: a folder of your own, one rule, another collection
    #[command(subcommand)]
    Rules(crate::rules::Command),
    /// Show the devices that nothing names, in clusters of those that are alike, and label them
    #[command(after_help = EXIT_CODES)]
    Unknowns(crate::unknowns::Unknowns),
    /// Show packets, bits and drops in a second, line by line, or every counter
    #[command(after_help = EXIT_CODES, after_long_help = STATS_HELP)]
    Stats(Stats),
    /// Save what the running engine knows in a file, for medtap devices --table
    #[command(after_help = EXIT_CODES)]
    Save(Save),
    /// Show what happened: devices, addresses, attributes and services that appeared or changed
    #[command(after_help = EXIT_CODES, after_long_help = EVENTS_HELP)]
    Events(Events),
    /// Make traffic, and measure how fast it is read
    #[command(subcommand)]
    Bench(crate::bench::Bench),
    #[command(flatten)]
    Memory(crate::memory::arguments::Command),
}

fn long_help() -> String {
    let mut lines = vec![String::from(" ")];
    for (place, column) in CSV_COLUMNS.iter().enumerate() {
        let mut text = format!(" {}", column.name);
        if !column.meaning.is_empty() {
            text.push_str(&format!(" ({})", column.meaning));
        }
        text.push(if place + 1 < CSV_COLUMNS.len() {
            ','
        } else {
            '.'
        });
        match lines.last_mut() {
            Some(line) if line.len() + text.len() <= HELP_COLUMNS => line.push_str(&text),
            _ => lines.push(format!(" {text}")),
        }
    }
    let columns = lines.join("\n");
    format!(
        "{EXPRESSIONS}\n\nColumns of csv; several values in one are joined by semicolons:\n\
         {columns}\nA cell that would be a formula begins with an apostrophe.\n\n{EXIT_CODES}"
    )
}

/// `medtap analyze`.
#[derive(Debug, Args)]
pub struct Analyze {
    /// Captures (pcap or pcapng, plain or compressed with gzip or zstd), read as one in the order
    /// of time; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<OsString>,
    #[command(flatten)]
    pub selection: Selection,
    /// Threads that read packets; the result does not depend on it [default: one for each
    /// processor, at most 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=WORKERS_MAX))]
    pub workers: Option<u64>,
    /// Devices that there is room for: one of each MAC and IP address, and those that others report
    #[arg(long, value_name = "N", default_value_t = Capacity::default().subjects,
        value_parser = clap::value_parser!(u32).range(1..=SUBJECTS_MAX))]
    pub subjects: u32,
    /// Folder with rules of your own (.toml), over those that ship
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
    /// The time that ages are counted to, such as 2026-08-18T10:00:00Z or 2026-08-18 [default: the
    /// last packet's]
    #[arg(long, value_name = "TIME", value_parser = as_of)]
    pub as_of: Option<u64>,
    #[command(flatten)]
    pub assessing: Assessing,
    /// Also write every flow to this file, one JSON object a line
    #[arg(long, value_name = "OUT.jsonl")]
    pub flows: Option<PathBuf>,
    /// Also write a report about all devices to this file: a page for people (.html), a workbook
    /// (.xlsx), .csv, .json, or all of them with their hashes (.zip)
    #[arg(long, value_name = "OUT.html")]
    pub report: Option<PathBuf>,
    /// Also save what was found in this file, for medtap devices --table
    #[arg(long, value_name = "FILE")]
    pub save_table: Option<PathBuf>,
}

impl Analyze {
    /// Workers that were asked for, or that this machine has processors for.
    pub fn workers(&self) -> usize {
        let default = || {
            let processors = available_parallelism().map_or(1, usize::from);
            processors.min(WORKERS_DEFAULT_MAX)
        };
        let asked = self.workers.and_then(|number| usize::try_from(number).ok());
        asked.unwrap_or_else(default)
    }
}

/// `medtap devices`.
#[derive(Debug, Args)]
pub struct Devices {
    #[command(flatten)]
    pub table: Table,
    /// Work the list out from the table itself, though medtap serve keeps one that is at most 90
    /// seconds old
    #[arg(long)]
    pub now: bool,
    #[command(flatten)]
    pub assessing: Assessing,
    #[command(flatten)]
    pub selection: Selection,
}

/// `medtap device`.
#[derive(Debug, Args)]
pub struct Device {
    /// Its id or the beginning of it, its MAC address, its IP address, or its host name, station
    /// name or AE title
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub table: Table,
    #[command(flatten)]
    pub assessing: Assessing,
    /// How to show it
    #[arg(long, short, value_enum, default_value_t = DeviceOutput::Table)]
    pub output: DeviceOutput,
}

/// `medtap report`.
#[derive(Debug, Args)]
pub struct Report {
    /// Where to; its name says the format: .html, .xlsx, .csv, .json or .zip
    #[arg(value_name = "OUT")]
    pub file: PathBuf,
    /// The format, whatever the name says
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    #[command(flatten)]
    pub table: Table,
    #[command(flatten)]
    pub assessing: Assessing,
}

/// `medtap export`.
#[derive(Debug, Args)]
pub struct Export {
    /// For whom
    #[arg(long, short, value_enum)]
    pub format: export::Format,
    /// Write to this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Write only the devices that match
    #[arg(long = "where", value_name = "EXPR", value_parser = Expression::parse)]
    pub filter: Option<Expression>,
    #[command(flatten)]
    pub table: Table,
    #[command(flatten)]
    pub assessing: Assessing,
}

/// Where devices are read from.
#[derive(Debug, Args)]
pub struct Table {
    /// Table of an engine, or one that medtap save or medtap analyze --save-table wrote [default:
    /// the running engine's, /dev/shm/medtap/medtap.table]
    #[arg(long, value_name = "PATH")]
    pub table: Option<PathBuf>,
    /// The time that ages are counted to, such as 2026-08-18T10:00:00Z or 2026-08-18 [default: the
    /// engine's heartbeat, or the one of the run that wrote the table]
    #[arg(long, value_name = "TIME", value_parser = as_of)]
    pub as_of: Option<u64>,
    /// Folder with rules of your own (.toml), for their names and products
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
}

/// What risk is judged by, and what is known of the devices besides the traffic.
#[derive(Debug, Default, Args)]
pub struct Assessing {
    #[command(flatten)]
    pub judging: Judging,
    /// History (see medtap serve): since when devices are known, whether they may be there, what
    /// the site's systems say of them, with whom they spoke, what became of work
    #[arg(long, value_name = "PATH")]
    pub history: Option<PathBuf>,
    /// Spreadsheet of the site's CMMS or CMDB, whose columns bear the names of medtap context map:
    /// values that the network does not tell, and what is overdue
    #[arg(long, value_name = "CSV")]
    pub context: Option<PathBuf>,
    /// What the site declares of its network (.toml): its own prefixes, segments by name, and
    /// compensating controls, which are held against the traffic
    #[arg(long, value_name = "TOML")]
    pub controls: Option<PathBuf>,
}

/// What risk is judged by.
#[derive(Clone, Debug, Default, Args)]
pub struct Judging {
    /// Feeds of known vulnerabilities: a file, a folder tree, or what medtap feeds keeps; each file
    /// is recognised by its content (KEV, EPSS, CSAF, VEX, NVD, ...)
    #[arg(long, value_name = "DIR")]
    pub feeds: Option<PathBuf>,
    /// Numbers of the risk model in the place of the defaults (.toml)
    #[arg(long, value_name = "TOML")]
    pub policy: Option<PathBuf>,
    /// What people decided about matches (.toml or .json)
    #[arg(long, value_name = "FILE")]
    pub verdicts: Option<PathBuf>,
}

impl Assessing {
    /// True where anything was named to judge by.
    pub fn is_given(&self) -> bool {
        let judging = &self.judging;
        judging.feeds.is_some()
            || judging.policy.is_some()
            || judging.verdicts.is_some()
            || self.history.is_some()
            || self.controls.is_some()
    }
}

/// Where feeds are kept.
#[derive(Debug, Args)]
pub struct FeedsStore {
    /// The folder of the generations
    #[arg(long, value_name = "DIR", default_value = "/var/lib/medtap/feeds")]
    pub store: PathBuf,
}

/// `medtap feeds`.
#[derive(Debug, Subcommand)]
pub enum FeedsCommand {
    /// Add files, folder trees or a bundle as the next generation; nothing is changed where one is
    /// refused
    #[command(after_help = EXIT_CODES)]
    Import(FeedsImport),
    /// Fetch feeds from the network, and add them as the next generation: the only command of
    /// medtap that opens a connection
    #[command(after_help = EXIT_CODES)]
    Download(FeedsDownload),
    /// Show the files of the generation that counts
    #[command(after_help = EXIT_CODES)]
    List(FeedsList),
    /// Compare every file with its hash
    #[command(after_help = EXIT_CODES)]
    Verify(FeedsStore),
    /// Go back to the generation before
    #[command(after_help = EXIT_CODES)]
    Rollback(FeedsStore),
    /// Write the generation that counts as one file, for a site without a network
    #[command(after_help = EXIT_CODES)]
    Bundle(FeedsBundle),
}

/// `medtap feeds import`.
#[derive(Debug, Args)]
pub struct FeedsImport {
    /// Files, folder trees, or one bundle
    #[arg(value_name = "FILE|DIR", required = true)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub store: FeedsStore,
    /// How to show what was added
    #[arg(long, short, value_enum, default_value_t = GridOutput::Table)]
    pub output: GridOutput,
}

/// `medtap feeds download`.
#[derive(Debug, Args)]
pub struct FeedsDownload {
    /// Where the feeds are: https addresses [default: KEV of CISA and EPSS of FIRST]
    #[arg(value_name = "URL")]
    pub urls: Vec<String>,
    #[command(flatten)]
    pub store: FeedsStore,
    /// How to show what was added
    #[arg(long, short, value_enum, default_value_t = GridOutput::Table)]
    pub output: GridOutput,
}

/// `medtap feeds list`.
#[derive(Debug, Args)]
pub struct FeedsList {
    #[command(flatten)]
    pub store: FeedsStore,
    /// How to show it
    #[arg(long, short, value_enum, default_value_t = GridOutput::Table)]
    pub output: GridOutput,
}

/// `medtap feeds bundle`.
#[derive(Debug, Args)]
pub struct FeedsBundle {
    /// Where to
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub store: FeedsStore,
}

/// `medtap status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Table of an engine [default: the running engine's, /dev/shm/medtap/medtap.table]
    #[arg(long, value_name = "PATH")]
    pub table: Option<PathBuf>,
    /// How to show it
    #[arg(long, short, value_enum, default_value_t = StatusOutput::Table)]
    pub output: StatusOutput,
}

/// How `medtap doctor` ends.
const DOCTOR_CODES: &str = "\
Exit codes:
  0  nothing to change
  1  something to change
  2  wrong usage, or it could not be done
  3  there is no table where --table names one
  5  not permitted";

/// `medtap doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// An interface to look at; may be given more than once [default: the running engine's, else
    /// all but loopback]
    #[arg(long = "interface", value_name = "IFACE")]
    pub interfaces: Vec<String>,
    /// Table of an engine [default: the running engine's, /dev/shm/medtap/medtap.table]
    #[arg(long, value_name = "PATH")]
    pub table: Option<PathBuf>,
    /// How to show it
    #[arg(long, short, value_enum, default_value_t = StatusOutput::Table)]
    pub output: StatusOutput,
}

/// `medtap stats`.
#[derive(Debug, Args)]
pub struct Stats {
    /// Table of an engine [default: the running engine's, /dev/shm/medtap/medtap.table]
    #[arg(long, value_name = "PATH")]
    pub table: Option<PathBuf>,
    /// Time from one line to the next, such as 1s, 500ms or 2min
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub interval: u64,
    /// End after so many lines [default: go on until Ctrl-C]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Show every counter with its number since the engine started, once
    #[arg(long, conflicts_with_all = ["interval", "count"])]
    pub all: bool,
    /// How to show it
    #[arg(long, short, value_enum, default_value_t = LineOutput::Table)]
    pub output: LineOutput,
}

/// `medtap save`.
#[derive(Debug, Args)]
pub struct Save {
    /// Where to
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Table of an engine [default: the running engine's, /dev/shm/medtap/medtap.table]
    #[arg(long, value_name = "PATH")]
    pub table: Option<PathBuf>,
}

/// `medtap events`.
#[derive(Debug, Args)]
pub struct Events {
    /// Table of an engine, or a saved one [default: the running engine's,
    /// /dev/shm/medtap/medtap.table]
    #[arg(long, value_name = "PATH")]
    pub table: Option<PathBuf>,
    /// Go on with what happens from now on, until Ctrl-C
    #[arg(long, short)]
    pub follow: bool,
    /// Time from one look to the next, such as 1s, 500ms or 2min
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub interval: u64,
    /// Show only events of devices that match
    #[arg(long = "where", value_name = "EXPR", value_parser = Expression::parse)]
    pub filter: Option<Expression>,
    /// How to show them
    #[arg(long, short, value_enum, default_value_t = LineOutput::Table)]
    pub output: LineOutput,
}

/// Which devices are shown, and how.
#[derive(Debug, Args)]
pub struct Selection {
    /// How to show the devices
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// Show only the devices that match
    #[arg(long = "where", value_name = "EXPR", value_parser = Expression::parse)]
    pub filter: Option<Expression>,
    /// End with exit code 1 if any device matches, shown or not
    #[arg(long, value_name = "EXPR", value_parser = Expression::parse)]
    pub fail_on: Option<Expression>,
}

/// A length of time as nanoseconds: a number and its unit.
pub fn interval(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_ns: Option<u64> = match unit {
        "ms" => Some(1_000_000),
        "s" | "" => Some(1_000_000_000),
        "min" | "m" => Some(60_000_000_000),
        "h" => Some(3_600_000_000_000),
        _ => None,
    };
    let time = unit_ns.and_then(|unit| number.parse::<u64>().ok()?.checked_mul(unit));
    let sensible = time.filter(|time| (INTERVAL_MIN_NS..=INTERVAL_MAX_NS).contains(time));
    sensible.ok_or_else(|| "expected a time from 10ms to 24h, such as 1s, 500ms or 2min".to_owned())
}

/// A time as nanoseconds since the Unix epoch.
pub fn as_of(text: &str) -> Result<u64, String> {
    let time = parse_time(text).and_then(|time| u64::try_from(time.as_nanosecond()).ok());
    time.ok_or_else(|| {
        "expected a time since 1970 such as 2026-08-18T10:00:00Z or 2026-08-18".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn intervals() {
        assert_eq!(interval("1s"), Ok(1_000_000_000));
        assert_eq!(interval("500ms"), Ok(500_000_000));
        assert_eq!(interval("2min"), Ok(120_000_000_000));
        assert_eq!(interval("3"), Ok(3_000_000_000));
        for text in [
            "",
            "s",
            "0s",
            "1ms",
            "1d",
            "-1s",
            "1.5s",
            "99999999999999999999s",
            "25h",
        ] {
            assert!(interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times() {
        assert_eq!(as_of("1970-01-01"), Ok(0));
        assert_eq!(
            as_of("2026-08-18T12:00:00.5+02:00"),
            Ok(1_787_047_200_500_000_000)
        );
        for text in ["", "now", "1969-12-31", "2026-13-01", "9999-01-01"] {
            assert!(as_of(text).is_err(), "{text}");
        }
    }
}
