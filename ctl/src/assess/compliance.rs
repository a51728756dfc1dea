//! `medtap compliance`: what can be shown to whoever asks by a framework, row by row. It prints
//! what is evidenced and what is not, and never that anybody complies.

use std::collections::BTreeSet;
use std::path::Path;

use medtap_risk::compliance::{PACK_BYTES_MAX, Pack, Report, report};
use medtap_risk::date::day;

use super::Assessed;
use crate::failure::Failure;
use crate::render::{Cell, Grid};

/// Devices that are named as exceptions of one row in a list.
const NAMED_MAX: usize = 5;

/// The packs that are meant: one of those that ship, by its name, or a file; all that ship where
/// none is named.
///
/// # Errors
/// When there is no such pack, or a file is none.
pub fn packs(wanted: &[String]) -> Result<Vec<Pack>, Failure> {
    let shipped = Pack::embedded();
    if wanted.is_empty() {
        return Ok(shipped);
    }
    let find = |name: &String| {
        let known: Vec<&Pack> = shipped.iter().filter(|pack| is_meant(pack, name)).collect();
        match known.as_slice() {
            [pack] => Ok((*pack).clone()),
            [] if Path::new(name).is_file() => read(Path::new(name)),
            _ => {
                let names: Vec<&str> = shipped.iter().map(|p| p.framework.as_str()).collect();
                Err(Failure::new(format!(
                    "{name} is no single control pack and no file of one; those that ship are {}",
                    names.join("; ")
                )))
            }
        }
    };
    wanted.iter().map(find).collect()
}

/// Every word that was typed is in the framework's name: `nist`, `cis controls`, `62443`.
fn is_meant(pack: &Pack, name: &str) -> bool {
    let framework = pack.framework.to_lowercase();
    let name = name.to_lowercase();
    let mut words = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    !name.is_empty() && words.all(|word| framework.contains(word))
}

fn read(path: &Path) -> Result<Pack, Failure> {
    let name = path.display().to_string();
    let text = crate::files::read_text(path, PACK_BYTES_MAX as u64)?;
    Pack::parse(&text, &name).map_err(|error| Failure::new(error.to_string()))
}

impl Assessed {
    /// What can be shown by each pack.
    pub fn compliance(&self, packs: &[Pack], window: (u64, u64)) -> Vec<Report> {
        let devices: Vec<_> = self.work_devices().collect();
        let today = day(self.as_of);
        let overdue: BTreeSet<String> = self
            .work()
            .iter()
            .filter(|item| item.is_overdue(today))
            .flat_map(|item| item.tasks.iter().map(|task| task.device.clone()))
            .collect();
        let reports = packs.iter().map(|pack| {
            let is_overdue = |id: &str| overdue.contains(id);
            report(pack, &devices, is_overdue, window)
        });
        reports.collect()
    }
}

/// One row of a framework a row.
pub fn grid(reports: &[Report]) -> Grid {
    let of = |report: &Report| {
        let framework = format!(
            "{} {} ({})",
            report.framework,
            report.version,
            report.status.name()
        );
        let rows = report.rows.iter().map(|row| -> Vec<Cell> {
            let shown = row.shown.iter().map(|shown| {
                let (devices, asked) = (shown.shown, shown.asked);
                format!("{}: {devices} of {asked}", shown.evidence.words())
            });
            let shown: Vec<String> = shown.collect();
            let exceptions: BTreeSet<&String> = row
                .shown
                .iter()
                .flat_map(|shown| &shown.exceptions)
                .collect();
            let count = exceptions.len();
            let mut named: Vec<&str> = exceptions
                .iter()
                .take(NAMED_MAX)
                .map(|id| id.as_str())
                .collect();
            if count > NAMED_MAX {
                named.push("...");
            }
            vec![
                framework.as_str().into(),
                row.id.as_str().into(),
                row.title.as_str().into(),
                row.finding.words().into(),
                shown.join("; ").into(),
                count.into(),
                named.join(";").into(),
                report.window.0.into(),
                report.window.1.into(),
                (report.coverage * 100.0).round().into(),
                row.note.as_deref().into(),
            ]
        });
        rows.collect::<Vec<_>>()
    };
    Grid {
        name: "compliance",
        columns: vec![
            "framework",
            "row",
            "asks_for",
            "finding",
            "evidence",
            "exceptions",
            "exception_devices",
            "data_from",
            "data_to",
            "coverage_percent",
            "note",
        ],
        rows: reports.iter().flat_map(of).collect(),
    }
}
