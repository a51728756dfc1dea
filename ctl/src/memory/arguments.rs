//! What can be typed about memory, and the manual of it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use medtap_inventory::history::ChangeKind;
use medtap_inventory::people::{Authorisation, Lifecycle, Origin};
use medtap_table::Capacity;

use super::show::Format;
use crate::arguments::{EXIT_CODES, Judging, SUBJECTS_MAX, as_of, interval};

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
    /// Take over what the site's own systems say about its devices, and compare
    #[command(subcommand)]
    Context(Context),
    /// Say which devices may be on the network, and export who may
    #[command(subcommand)]
    Approval(Approval),
    /// Show or say where in its life a device is
    #[command(subcommand)]
    Lifecycle(Life),
    /// Show what somebody should look at: overdue, changed without a work order, unapproved, ghosts
    #[command(after_help = EXIT_CODES)]
    Findings(Dated),
    /// Show how a device is looked after: plan, restarts, versions, visits from afar, clock
    #[command(after_help = EXIT_CODES)]
    Maintenance(UsageOf),
    /// Show or say where devices are
    #[command(subcommand)]
    Location(Location),
    /// Show how devices are used, which stand idle, and where their users meet obstacles
    #[command(subcommand)]
    Utilisation(Utilisation),
    /// Show how much was looked at, and what no conclusion can rest on
    #[command(after_help = EXIT_CODES)]
    Coverage(Coverage),
    /// Print what a device or a model needs from the network, learnt, to be reviewed
    #[command(after_help = EXIT_CODES)]
    Policy(Policy),
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
    /// With --feeds the devices are judged once a day, and when a feed changes: scores and work are
    /// kept
    #[command(flatten)]
    pub judging: Judging,
    /// What the site declares of its network (.toml), for that
    #[arg(long, value_name = "TOML", requires = "feeds")]
    pub controls: Option<PathBuf>,
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
    /// Devices that there is room for in each
    #[arg(long, value_name = "N", default_value_t = Capacity::default().subjects,
        value_parser = clap::value_parser!(u32).range(1..=SUBJECTS_MAX))]
    pub subjects: u32,
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

/// A list at a time.
#[derive(Debug, Args)]
pub struct Dated {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub shown: Shown,
    /// The time that ages are counted to, such as 2026-08-18 [default: now]
    #[arg(long, value_name = "TIME", value_parser = as_of)]
    pub as_of: Option<u64>,
}

/// `medtap context`.
#[derive(Debug, Subcommand)]
pub enum Context {
    /// Take over a spreadsheet of a CMMS or CMDB: assets are matched with devices
    Import(Import),
    /// Show what differs between what was seen and what the systems say, both ways
    Reconcile(Reconcile),
    /// Print every name that a map may use, as a map to begin with
    Map,
}

/// `medtap context import`.
#[derive(Debug, Args)]
pub struct Import {
    /// The spreadsheet, as CSV in UTF-8, UTF-16 or Windows-1252
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Which column is what, a TOML file [default: columns bear the names of medtap context map]
    #[arg(long, value_name = "MAP.toml")]
    pub map: Option<PathBuf>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub place: Place,
    /// Who [default: the user of this session]
    #[arg(long, value_name = "NAME")]
    pub who: Option<String>,
}

/// `medtap context reconcile`.
#[derive(Debug, Args)]
pub struct Reconcile {
    #[command(flatten)]
    pub dated: Dated,
    /// Days without a packet after which an asset is told as not seen lately
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub days: u64,
}

/// `medtap approval`.
#[derive(Debug, Subcommand)]
pub enum Approval {
    /// Show every device, and whether it may be there
    List(ApprovalList),
    /// Say that somebody looks at devices
    Pending(Decide),
    /// Say that devices may be there
    Approve(Decide),
    /// Say that devices may not be there
    Reject(Decide),
    /// Say that devices are to be gone
    Retire(Decide),
    /// Approve every device at which nobody looked yet
    Baseline(Baseline),
    /// Show who did what, when and why, and whether the chain holds
    Audit(Listed),
    /// Write lists for network access control and asset systems
    Export(Lists),
}

/// `medtap approval list`.
#[derive(Debug, Args)]
pub struct ApprovalList {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub shown: Shown,
    /// Only devices in this state
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub state: Option<Authorisation>,
    /// End with exit code 1 if any device that was seen is not approved
    #[arg(long)]
    pub fail_on_unapproved: bool,
}

/// A decision about devices.
#[derive(Debug, Args)]
pub struct Decide {
    /// The devices
    #[arg(value_name = "DEVICE", required = true)]
    pub devices: Vec<String>,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub by: By,
}

/// `medtap approval baseline`.
#[derive(Debug, Args)]
pub struct Baseline {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub by: By,
}

/// `medtap approval export`.
#[derive(Debug, Args)]
pub struct Lists {
    /// What is written
    #[arg(long, value_enum)]
    pub format: ListFormat,
    #[command(flatten)]
    pub place: Place,
    /// Devices in this state
    #[arg(long, value_name = "STATE", default_value = "approved", value_parser = state)]
    pub state: Authorisation,
}

/// Lists for other systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ListFormat {
    /// One MAC address a line
    Macs,
    /// Assets with their attributes, for pxGrid
    Pxgrid,
    /// An import set for ServiceNow
    Servicenow,
}

/// `medtap lifecycle`.
#[derive(Debug, Subcommand)]
pub enum Life {
    /// Show where in their lives devices and assets are
    List(Dated),
    /// Say where in its life a device is
    Set(LifeSet),
}

/// `medtap lifecycle set`.
#[derive(Debug, Args)]
pub struct LifeSet {
    /// The device
    #[arg(value_name = "DEVICE")]
    pub device: String,
    /// Where in its life: ordered, received, commissioning, in_service, spare, under_repair,
    /// dormant, end_of_support, retiring, disposed
    #[arg(value_name = "STATE", value_parser = lifecycle)]
    pub state: Lifecycle,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub by: By,
}

/// `medtap location`.
#[derive(Debug, Subcommand)]
pub enum Location {
    /// Show where devices are, who says so, and what contradicts
    List(LocationList),
    /// Say where a device is
    Set(LocationSet),
    /// Take over an export of a system that knows where MAC addresses are
    Import(LocationImport),
}

/// `medtap location list`.
#[derive(Debug, Args)]
pub struct LocationList {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub shown: Shown,
    /// Where subnets, VLANs and ports are, a TOML file with a list `places`: subnet, vlan or port,
    /// and place
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
}

/// `medtap location set`.
#[derive(Debug, Args)]
pub struct LocationSet {
    /// The device
    #[arg(value_name = "DEVICE")]
    pub device: String,
    /// Where, such as "Main > A > 3 > ICU > 12"
    #[arg(value_name = "PLACE")]
    pub location: String,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub by: By,
}

/// `medtap location import`.
#[derive(Debug, Args)]
pub struct LocationImport {
    /// The export: CSV, or with --switch the table that a switch prints
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The column with the MAC address
    #[arg(long, value_name = "NAME", default_value = "mac")]
    pub mac_column: String,
    /// A column of the place; several make it together, the widest first
    #[arg(long, value_name = "NAME", default_value = "place")]
    pub place_column: Vec<String>,
    /// The file is the MAC address table of this switch, as it prints it: a MAC address and, last
    /// in the line, a port
    #[arg(long, value_name = "NAME", conflicts_with_all = ["mac_column", "place_column"])]
    pub switch: Option<String>,
    /// Who says so: rtls, wireless or switch
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    pub origin: Origin,
    #[command(flatten)]
    pub place: Place,
    /// Who [default: the user of this session]
    #[arg(long, value_name = "NAME")]
    pub who: Option<String>,
}

/// `medtap utilisation`.
#[derive(Debug, Subcommand)]
pub enum Utilisation {
    /// Show how one device is used: hours of the week, quietest hours, procedures
    Device(UsageOf),
    /// Show which devices stand idle, by kind and unit
    Fleet(Fleet),
    /// Show where users meet obstacles, by model and unit
    Friction(Dated),
}

/// `medtap utilisation device` and `medtap maintenance`.
#[derive(Debug, Args)]
pub struct UsageOf {
    /// The device
    #[arg(value_name = "DEVICE")]
    pub device: String,
    #[command(flatten)]
    pub dated: Dated,
}

/// `medtap utilisation fleet`.
#[derive(Debug, Args)]
pub struct Fleet {
    #[command(flatten)]
    pub dated: Dated,
    /// Days in which a device did nothing, to be idle
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub days: u64,
}

/// `medtap coverage`.
#[derive(Debug, Args)]
pub struct Coverage {
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub shown: Shown,
    /// What the site has, a TOML file with subnets and vlans
    #[arg(long, value_name = "FILE")]
    pub declared: Option<PathBuf>,
}

/// `medtap policy`.
#[derive(Debug, Args)]
pub struct Policy {
    /// A device or a model
    #[arg(value_name = "DEVICE|MODEL")]
    pub of: String,
    #[command(flatten)]
    pub place: Place,
    /// How it is written
    #[arg(long, value_enum, default_value_t = PolicyFormat::Text)]
    pub format: PolicyFormat,
}

/// How a policy is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PolicyFormat {
    /// For people
    Text,
    /// Rules of nftables
    Nftables,
    /// An extended access list of Cisco IOS
    Cisco,
    /// For programs
    Json,
}

fn state(text: &str) -> Result<Authorisation, String> {
    Authorisation::from_name(text).ok_or_else(|| {
        let names = Authorisation::ALL.map(Authorisation::name);
        format!("expected one of {}", names.join(", "))
    })
}

fn lifecycle(text: &str) -> Result<Lifecycle, String> {
    Lifecycle::from_name(text).ok_or_else(|| {
        let names = Lifecycle::ALL.map(Lifecycle::name);
        format!("expected one of {}", names.join(", "))
    })
}

fn origin(text: &str) -> Result<Origin, String> {
    let imported = [Origin::Rtls, Origin::Wireless, Origin::Switch];
    Origin::from_name(text)
        .filter(|origin| imported.contains(origin))
        .ok_or_else(|| "expected rtls, wireless or switch".to_owned())
}

fn kind(text: &str) -> Result<ChangeKind, String> {
    ChangeKind::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = ChangeKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}
