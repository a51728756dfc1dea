//! What can be shown to whoever asks by a framework: row by row, evidence, its window, coverage
//! and exceptions. It says what is evidenced and what is not; whether that suffices is for people
//! to decide, and no report decides it.

mod evidence;
mod pack;
#[cfg(test)]
mod tests;

use jiff::civil::Date;

use crate::date::day;
use crate::subject::Nanoseconds;
use crate::work::Device;

pub use evidence::Evidence;
pub use pack::{PACK_BYTES_MAX, PACK_ROWS_MAX, Pack, PackError, Row, Served, Serves, Status};

/// Devices that are named as exceptions of one row. All are counted.
pub const EXCEPTIONS_MAX: usize = 100;

/// What is to be said of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finding {
    /// Nothing shows it.
    NotEvidenced,
    /// Part of what it asks is shown, or for part of the devices.
    Partly,
    /// All that it asks of devices on the network is shown for every device.
    Evidenced,
}

impl Finding {
    /// The words that reports print.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotEvidenced => "not evidenced",
            Self::Partly => "partly evidenced",
            Self::Evidenced => "evidenced",
        }
    }
}

/// What one kind of evidence shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Which kind.
    pub evidence: Evidence,
    /// How far it serves the row.
    pub serves: Serves,
    /// Devices that it is asked of.
    pub asked: usize,
    /// Devices that it shows.
    pub shown: usize,
    /// The others, by id, the first [`EXCEPTIONS_MAX`].
    pub exceptions: Vec<String>,
}

impl Shown {
    /// Devices that are not shown.
    pub const fn exception_count(&self) -> usize {
        self.asked.saturating_sub(self.shown)
    }
}

/// What is said of a row whose number and subject nobody compared.
const UNCHECKED: &str = "Its number and subject were held against no public listing.";

/// One row of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    /// Its number in the framework.
    pub id: String,
    /// What it asks, in our words.
    pub title: String,
    /// What is to be said of it.
    pub finding: Finding,
    /// The evidence.
    pub shown: Vec<Shown>,
    /// What a reader must know.
    pub note: Option<String>,
}

/// What can be shown by one version of a framework.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The framework.
    pub framework: String,
    /// Its version.
    pub version: String,
    /// Whether that version holds.
    pub status: Status,
    /// Where it is published.
    pub source: String,
    /// What its rows were held against.
    pub checked: Option<String>,
    /// First and last day of the data.
    pub window: (Date, Date),
    /// Devices.
    pub devices: usize,
    /// The share of the devices of which enough is seen, 0–1.
    pub coverage: f64,
    /// The rows, in the framework's order.
    pub rows: Vec<ReportRow>,
}

/// Reports by a pack. `overdue` tells of a device, by id, whether work on it is overdue; `window`
/// is the time of the first and the last packet.
pub fn report(
    pack: &Pack,
    devices: &[Device<'_>],
    overdue: impl Fn(&str) -> bool,
    window: (Nanoseconds, Nanoseconds),
) -> Report {
    let shown = |served: &Served| show(served, devices, &overdue);
    let rows = pack.rows.iter().map(|row| {
        let shown: Vec<Shown> = row.evidence.iter().map(shown).collect();
        ReportRow {
            id: row.id.clone(),
            title: row.title.clone(),
            finding: judge(&shown),
            shown,
            note: note(pack, row),
        }
    });
    let seen = devices.iter().filter(|device| {
        let subject = device.case.subject;
        subject.sight.assessable && !subject.reach.coverage_low
    });
    let coverage = match devices.len() {
        0 => 0.0,
        count => seen.count() as f64 / count as f64,
    };
    Report {
        framework: pack.framework.clone(),
        version: pack.version.clone(),
        status: pack.status,
        source: pack.source.clone(),
        checked: pack.checked.clone(),
        window: (day(window.0), day(window.1)),
        devices: devices.len(),
        coverage,
        rows: rows.collect(),
    }
}

/// What a reader must know of a row, and whether its number is sure.
fn note(pack: &Pack, row: &pack::Row) -> Option<String> {
    let unchecked = (row.unchecked || pack.checked.is_none()).then_some(UNCHECKED);
    let parts: Vec<&str> = row.note.as_deref().into_iter().chain(unchecked).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn show(served: &Served, devices: &[Device<'_>], overdue: &impl Fn(&str) -> bool) -> Shown {
    let mut shown = Shown {
        evidence: served.by,
        serves: served.serves,
        asked: 0,
        shown: 0,
        exceptions: Vec::new(),
    };
    for device in devices {
        let id = &device.case.subject.id;
        match served.by.of(device, overdue(id)) {
            None => {}
            Some(true) => {
                shown.asked += 1;
                shown.shown += 1;
            }
            Some(false) => {
                shown.asked += 1;
                if shown.exceptions.len() < EXCEPTIONS_MAX {
                    shown.exceptions.push(id.clone());
                }
            }
        }
    }
    shown
}

/// All of it, for all devices that are asked: evidenced. Some of it: partly. Evidence that nobody
/// is asked for shows nothing.
fn judge(shown: &[Shown]) -> Finding {
    let some = shown.iter().any(|one| one.shown > 0);
    let whole = |one: &Shown| one.asked > 0 && one.shown == one.asked;
    let full = shown.iter().any(|one| one.serves == Serves::Full);
    match (some, full && shown.iter().all(whole)) {
        (false, _) => Finding::NotEvidenced,
        (true, false) => Finding::Partly,
        (true, true) => Finding::Evidenced,
    }
}
