//! What people and programs read. Every way to show devices is here; none of them decides what
//! is true, and none lets a character through that a terminal would obey.

mod csv;
mod device;
pub mod json;
#[cfg(test)]
pub mod samples;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::io::{self, BufWriter, IsTerminal, Write};

use medtap_inventory::model::{Device, Inventory};
use medtap_rules::Rules;
use medtap_table::vocabulary::Counter;

use crate::failure::Failure;
pub use csv::COLUMNS as CSV_COLUMNS;
pub use text::{clean, count, label, several};

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

/// Shows one device on standard output.
pub fn one(
    device: &Device,
    inventory: &Inventory,
    rules: &Rules,
    output: DeviceOutput,
    look: Look,
) -> Result<(), Failure> {
    print(|out| match output {
        DeviceOutput::Table => device::write(device, inventory, rules, look, out),
        DeviceOutput::Json => json::pretty(device, out),
    })
}

/// Writes to standard output. A reader that went away has read enough: no failure.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let result = write(&mut out).and_then(|()| out.flush());
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let message = format!("standard output can't be written: {error}");
            Err(Failure::io(message, &error))
        }
        _ => Ok(()),
    }
}
