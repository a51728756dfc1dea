//! What can be typed about risk, work and what follows of them, and the manual of it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use medtap_risk::role::Role;
use medtap_risk::work::state::State;
use medtap_table::vocabulary::Category;

use crate::arguments::{Assessing, EXIT_CODES, Judging, Table, as_of};
use crate::expression::Expression;
use crate::memory::arguments::{By, Place};
use crate::render::GridOutput;

/// Which devices, by what they are judged, and how the answer is shown.
#[derive(Debug, Args)]
pub struct Asked {
    #[command(flatten)]
    pub table: Table,
    #[command(flatten)]
    pub assessing: Assessing,
    /// How to show it
    #[arg(long, short, value_enum, default_value_t = GridOutput::Table)]
    pub output: GridOutput,
}

/// `medtap risk`.
#[derive(Debug, Subcommand)]
pub enum RiskCommand {
    /// The devices by score, the highest first
    #[command(after_help = EXIT_CODES)]
    List(RiskList),
    /// The scores of units or sites
    #[command(after_help = EXIT_CODES)]
    Groups(RiskGroups),
    /// How much the order of the devices hangs on each weight of the policy
    #[command(after_help = EXIT_CODES)]
    Sensitivity(Asked),
    /// How well the departments keep their books: owner, location, approval, maintenance, MDS2
    #[command(after_help = EXIT_CODES)]
    Hygiene(Asked),
    /// How risk changed over the days that the history keeps, and what changed it
    #[command(after_help = EXIT_CODES)]
    Trend(RiskTrend),
    /// The risk that a model would bring, before it is bought
    #[command(after_help = EXIT_CODES)]
    Model(RiskModel),
}

/// `medtap risk list`.
#[derive(Debug, Args)]
pub struct RiskList {
    #[command(flatten)]
    pub asked: Asked,
    /// Show only the devices that match
    #[arg(long = "where", value_name = "EXPR", value_parser = Expression::parse)]
    pub filter: Option<Expression>,
    /// End with exit code 1 if any device matches, shown or not
    #[arg(long, value_name = "EXPR", value_parser = Expression::parse)]
    pub fail_on: Option<Expression>,
}

/// What devices are put together by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum GroupBy {
    /// Hospital units
    Unit,
    /// Sites
    Site,
}

/// `medtap risk groups`.
#[derive(Debug, Args)]
pub struct RiskGroups {
    #[command(flatten)]
    pub asked: Asked,
    /// What devices are put together by
    #[arg(long, value_enum, default_value_t = GroupBy::Unit)]
    pub by: GroupBy,
}

/// `medtap risk trend`.
#[derive(Debug, Args)]
pub struct RiskTrend {
    #[command(flatten)]
    pub place: Place,
    /// From this day on, such as 2026-08-18 [default: all that is kept]
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub since: Option<jiff::civil::Date>,
    /// Show the devices whose score moved between the first and the last of these days
    #[arg(long)]
    pub devices: bool,
    /// How to show it
    #[arg(long, short, value_enum, default_value_t = GridOutput::Table)]
    pub output: GridOutput,
}

/// `medtap risk model`.
#[derive(Debug, Args)]
pub struct RiskModel {
    /// The manufacturer's answers: an MDS2 form as CSV or JSON
    #[arg(long, value_name = "FILE")]
    pub mds2: Option<PathBuf>,
    /// The bill of its software: CycloneDX or SPDX, JSON
    #[arg(long, value_name = "FILE")]
    pub sbom: Option<PathBuf>,
    /// What kind of device it is, such as infusion_pump [default: medical_other]
    #[arg(long, value_name = "CATEGORY", value_parser = category)]
    pub category: Option<Category>,
    #[command(flatten)]
    pub judging: Judging,
    /// The time that ages are counted to [default: now]
    #[arg(long, value_name = "TIME", value_parser = as_of)]
    pub as_of: Option<u64>,
    /// How to show it
    #[arg(long, short, value_enum, default_value_t = GridOutput::Table)]
    pub output: GridOutput,
}

/// `medtap work`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Work {
    /// What to do with work that the history keeps; else work is shown, and kept where --history
    /// names one
    #[command(subcommand)]
    pub step: Option<WorkStep>,
    /// Show only what is in this state, device by device: open, reopened, accepted or closed; what
    /// is closed is in the history alone
    #[arg(long, value_name = "STATE", value_parser = work_state, requires = "history")]
    pub state: Option<State>,
    /// Show only the work of this role: security, biomedical_engineering, network_engineering,
    /// clinical_unit or vendor
    #[arg(long, value_name = "ROLE", value_parser = role)]
    pub role: Option<Role>,
    /// Show every device of every item
    #[arg(long)]
    pub devices: bool,
    #[command(flatten)]
    pub asked: Asked,
}

/// A step with work that the history keeps.
#[derive(Debug, Subcommand)]
pub enum WorkStep {
    /// Say who does work
    #[command(after_help = EXIT_CODES)]
    Assign(WorkAssign),
    /// Take the risk of work that is not done upon oneself, for a reason and until a day
    #[command(after_help = EXIT_CODES)]
    Accept(WorkAccept),
    /// Take an acceptance back
    #[command(after_help = EXIT_CODES)]
    Withdraw(WorkMeant),
    /// Say that an attack is over: all other work closes itself when traffic shows that it is done
    #[command(after_help = EXIT_CODES)]
    Close(WorkMeant),
}

/// Which work is meant, and who says so.
#[derive(Debug, Args)]
pub struct WorkMeant {
    /// What, as the column fix of medtap work shows it
    #[arg(value_name = "FIX")]
    pub fix: String,
    /// On which devices [default: on all]
    #[arg(value_name = "DEVICE")]
    pub devices: Vec<String>,
    #[command(flatten)]
    pub place: Place,
    #[command(flatten)]
    pub by: By,
}

/// `medtap work assign`.
#[derive(Debug, Args)]
pub struct WorkAssign {
    #[command(flatten)]
    pub meant: WorkMeant,
    /// The department or role that does it
    #[arg(long, value_name = "NAME")]
    pub owner: String,
}

/// `medtap work accept`.
#[derive(Debug, Args)]
pub struct WorkAccept {
    #[command(flatten)]
    pub meant: WorkMeant,
    /// The day on which it ends, such as 2026-12-31
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub until: jiff::civil::Date,
}

/// `medtap compliance`.
#[derive(Debug, Args)]
pub struct Compliance {
    /// A control pack by its name, such as nist, or a file of one (.toml); may be given several
    /// times [default: all that ship]
    #[arg(long, value_name = "PACK")]
    pub pack: Vec<String>,
    #[command(flatten)]
    pub asked: Asked,
}

/// `medtap simulate`.
#[derive(Debug, Args)]
pub struct Simulate {
    /// This CVE is fixed wherever it is; may be given several times
    #[arg(long, value_name = "CVE")]
    pub patch: Vec<String>,
    /// This weakness is removed wherever it is, such as smbv1; may be given several times
    #[arg(long, value_name = "FINDING")]
    pub harden: Vec<String>,
    /// This device, or every device of this VLAN, network or declared segment, is put into a
    /// segment of its own; several share it
    #[arg(long, value_name = "DEVICE|SEGMENT")]
    pub segment: Vec<String>,
    /// This peer may still reach the segment: an id, an address, a VLAN or network
    #[arg(long, value_name = "PEER")]
    pub peer: Vec<String>,
    #[command(flatten)]
    pub asked: Asked,
}

/// A kind of device by its name.
fn category(name: &str) -> Result<Category, String> {
    Category::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Category::ALL
            .iter()
            .map(|category| category.name())
            .collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// A day.
fn day(text: &str) -> Result<jiff::civil::Date, String> {
    text.parse()
        .map_err(|_| "expected a day such as 2026-08-18".to_owned())
}

/// A state of work by its name.
fn work_state(name: &str) -> Result<State, String> {
    State::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = State::ALL.iter().map(|state| state.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// The role of a name, for the command line.
fn role(name: &str) -> Result<Role, String> {
    Role::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        format!("expected one of {}", names.join(", "))
    })
}
