//! What people and programs read. Every way to show devices is here; none of them decides what
//! is true, and none lets a character through that a terminal would obey.

pub mod csv;
mod device;
mod doctor;
mod events;
mod grid;
pub mod json;
#[cfg(test)]
pub mod samples;
mod stats;
mod status;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::io::{self, BufWriter, IsTerminal, Write};

use medtap_inventory::Join;
use medtap_inventory::model::{Device, Inventory};
use medtap_rules::Rules;
use medtap_table::vocabulary::Counter;

use crate::failure::Failure;
pub use csv::{COLUMNS as CSV_COLUMNS, harmless};
pub use doctor::show as doctor;
pub use events::show as events;
pub use grid::{Cell, Grid, GridOutput, hundredths};
pub use json::pretty;
pub use stats::{counters, rates};
pub use status::show as status;
pub use summary::{CLASSES, Counted, Counts, Tone, lines as summary, write_lines as write_summary};
pub use table::{Order, cells, id_chars, titles, write_kept};
pub use text::{
    NAMES, attribute, bytes, clean, count, fit, is_hint, label, period, several, span, time, width,
};

/// Columns where standard output is not a terminal.
const WIDTH_COLUMNS_DEFAULT: usize = 100;

/// How a list of devices is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people: what fits the terminal
    Table,
    /// For people: more columns, nothing shortened
    Wide,
    /// For programs: everything, one JSON document
    Json,
    /// For programs: one device a line
    Jsonl,
    /// For spreadsheets: one device a row
    Csv,
}

/// How one device is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DeviceOutput {
    /// For people: everything that is known, and where it comes from
    Table,
    /// For programs: the device's object of the JSON document
    Json,
}

/// How the status of the engine is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum StatusOutput {
    /// For people
    Table,
    /// For programs: everything, one JSON document
    Json,
}

/// How lines are shown that come one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LineOutput {
    /// For people
    Table,
    /// For programs: one JSON object a line
    Jsonl,
}

/// Where people read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns there are.
    pub width: usize,
    /// Whether to use bold and colour.
    pub colour: bool,
}

impl Look {
    /// Standard output's.
    pub fn of_stdout() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let size = terminal.then(|| terminal_size::terminal_size_of(&stdout));
        let width = size.flatten().map(|(width, _)| usize::from(width.0));
        let plain = |name: &str, value: &str| std::env::var_os(name).is_some_and(|v| v == *value);
        // https://no-color.org: set and not empty.
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            width: width.unwrap_or(WIDTH_COLUMNS_DEFAULT),
            colour: terminal && wanted && !plain("TERM", "dumb"),
        }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// A heading.
    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Something to look at.
    fn alert(self, text: &str) -> String {
        self.paint("33", text)
    }
}

/// The devices to show, with what is said about the run that found them.
pub struct Listing<'a> {
    /// Everything that the table says.
    pub inventory: &'a Inventory,
    /// The devices to show, by id.
    pub devices: Vec<&'a Device>,
    /// Limits that refused something.
    pub limits: Vec<(Counter, u64)>,
}

/// Shows devices on standard output.
pub fn list(listing: &Listing<'_>, output: Output, look: Look) -> Result<(), Failure> {
    print(|out| match output {
        Output::Table => table::write(listing, table::Extent::Fitting, look, out),
        Output::Wide => table::write(listing, table::Extent::Everything, look, out),
        Output::Json => json::document(listing, out),
        Output::Jsonl => listing
            .devices
            .iter()
            .try_for_each(|device| json::line(device, out)),
        Output::Csv => csv::write(&listing.devices, out),
    })
}

/// One device, and what helps to explain it.
pub struct Page<'a> {
    /// The device.
    pub device: &'a Device,
    /// All devices: peers are called by their names.
    pub inventory: &'a Inventory,
    /// Why records were joined that have no address in common.
    pub joins: &'a [Join],
    /// The rules, for their names.
    pub rules: &'a Rules,
}

/// Shows one device on standard output.
pub fn one(page: &Page<'_>, output: DeviceOutput, look: Look) -> Result<(), Failure> {
    print(|out| match output {
        DeviceOutput::Table => device::write(page, look, out),
        DeviceOutput::Json => json::pretty(page.device, out),
    })
}

/// Writes to standard output. A reader that went away has read enough: no failure.
pub fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let result = write(&mut out).and_then(|()| out.flush());
    read_on(result).map(drop)
}

/// The same for output that goes on: given away at once, and false when nobody reads any more.
fn print_while_read(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<bool, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    read_on(write(&mut out).and_then(|()| out.flush()))
}

/// Whether somebody goes on reading.
fn read_on(result: io::Result<()>) -> Result<bool, Failure> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => {
            let message = format!("standard output can't be written: {error}");
            Err(Failure::io(message, &error))
        }
    }
}
