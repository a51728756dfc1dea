//! The report: everything about a network on one page that opens anywhere, or as a workbook, and
//! with what proves it. It renders what the inventory says and decides nothing; the same input
//! gives the same bytes.
//!
//! ```text
//! page        the page, from its head to its foot        style.css  page.js
//! listing     the table of devices     sheet   all about one
//! data        both, as the page's script reads them
//! tables      the same as tables       book  xlsx     pack  all, in a zip, with hashes
//! judged      work lists, evidence by framework, sources
//! figures     what the charts count    bars  heat  scatter  segments   how they are drawn
//! words       bands, kinds, units as people say them
//! html        text that can't become markup
//! ```

mod bars;
mod book;
mod data;
mod figures;
mod heat;
mod html;
mod judged;
mod listing;
mod pack;
mod page;
mod scatter;
mod segments;
mod sheet;
mod tables;
#[cfg(test)]
mod tests;
pub mod words;

use std::io::{self, Write};
use std::path::Path;

use medtap_inventory::model::{Device, Inventory};
use medtap_rules::Rules;
use medtap_table::vocabulary::Counter;

use crate::arguments;
use crate::assess::{self, Assessed};
use crate::devices;
use crate::failure::{Exit, Failure};
use crate::files::Destination;
use crate::render::{self, Grid};

pub use listing::ordered;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One page for any browser, that needs nothing else
    Html,
    /// A workbook with a sheet for each table
    Xlsx,
    /// One device a row, for spreadsheets
    Csv,
    /// Everything, for programs
    Json,
    /// All of these in one file, with their hashes
    Zip,
}

impl Format {
    /// The format that a file's name asks for.
    ///
    /// # Errors
    /// When it asks for none.
    pub fn of(option: &str, path: &Path) -> Result<Self, Failure> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        let lower = extension.map(str::to_ascii_lowercase);
        match lower.as_deref() {
            Some("html" | "htm") => Ok(Self::Html),
            Some("xlsx") => Ok(Self::Xlsx),
            Some("csv") => Ok(Self::Csv),
            Some("json") => Ok(Self::Json),
            Some("zip") => Ok(Self::Zip),
            _ => Err(Failure::new(format!(
                "{option} {}: expected a name that ends in .html, .xlsx, .csv, .json or .zip",
                path.display()
            ))),
        }
    }
}

/// What a report is made of.
pub struct Report<'a> {
    /// The devices and the traffic.
    pub inventory: &'a Inventory,
    /// What the risk model says, where it was asked.
    pub assessed: Option<&'a Assessed>,
    /// The rules, for their names.
    pub rules: &'a Rules,
    /// Limits that refused something.
    pub limits: Vec<(Counter, u64)>,
}

impl<'a> Report<'a> {
    /// The devices, those to look at first before others.
    fn ordered(&self) -> Vec<&'a Device> {
        let devices: Vec<&Device> = self.inventory.devices.iter().collect();
        ordered(&devices)
    }

    /// Everything as tables.
    fn tables(&self) -> Vec<Grid> {
        tables::all(self.inventory, &self.ordered(), self.assessed)
    }
}

/// `medtap report`: a report of a table.
pub fn run(command: &arguments::Report, exit: &mut Exit) -> Result<(), Failure> {
    let format = match command.format {
        Some(format) => format,
        None => Format::of("report", &command.file)?,
    };
    let rules = devices::load_rules(command.table.rules.as_deref())?;
    let destination = Destination::check("report", &command.file, &[])?;
    let (table, mut inventory, _) = devices::open(&command.table, exit)?;
    let assessed = assess::always(&mut inventory, &rules, &command.assessing, exit)?;
    let report = Report {
        inventory: &inventory,
        assessed: Some(&assessed),
        rules: &rules,
        limits: table.limits_hit(),
    };
    destination.write(|out| write(&report, format, out))
}

/// Writes a report.
pub fn write(report: &Report<'_>, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Html => out.write_all(page::page(report).as_bytes()),
        Format::Xlsx => {
            let as_of = report.inventory.as_of.map_or(0, |time| time.0);
            let seconds = i64::try_from(as_of / 1_000_000_000).unwrap_or(0);
            book::write(&report.tables(), seconds, out)
        }
        Format::Csv => render::csv::write(&report.ordered(), out),
        Format::Json => render::json::pretty(report.inventory, out),
        Format::Zip => pack::write(report, out),
    }
}
