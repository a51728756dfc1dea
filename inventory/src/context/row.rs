//! Rows of a spreadsheet to assets. Every row that is left out is named with its line and reason;
//! a broken one never takes others along.

use std::collections::{BTreeMap, HashMap};

use super::map::ColumnMap;
use super::name::Named;
use super::{REJECTED_MAX, ROWS_MAX, VALUE_BYTES_MAX, decode};
use crate::resolve::{comparable_company, comparable_serial};

/// One device, as the site's system knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asset {
    /// The site's number of it.
    pub tag: String,
    /// The line that tells it.
    pub line: u64,
    /// Values by our names.
    pub values: BTreeMap<&'static str, String>,
}

impl Asset {
    /// A value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Maker and serial number, comparable; the maker is empty where none is named.
    pub fn serial(&self) -> Option<(String, String)> {
        let serial = comparable_serial(self.get("serial_number")?)?;
        let maker = self
            .get("manufacturer")
            .map_or_else(String::new, comparable_company);
        Some((maker, serial))
    }
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its line.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// What a spreadsheet holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    /// Its encoding.
    pub encoding: &'static str,
    /// Its devices.
    pub assets: Vec<Asset>,
    /// Rows that were left out, up to [`REJECTED_MAX`].
    pub rejected: Vec<Rejected>,
    /// How many were.
    pub rejected_count: usize,
    /// Columns of the map that the spreadsheet has not.
    pub missing: Vec<String>,
}

impl Sheet {
    fn reject(&mut self, line: u64, reason: impl Into<String>) {
        self.rejected_count += 1;
        if self.rejected.len() < REJECTED_MAX {
            let reason = reason.into();
            self.rejected.push(Rejected { line, reason });
        }
    }
}

/// Reads a spreadsheet.
///
/// # Errors
/// When it has no row of names, or no column with the site's numbers.
pub fn read(bytes: &[u8], map: &ColumnMap) -> Result<Sheet, String> {
    let (text, encoding) = decode(bytes);
    let delimiter = map.delimiter.unwrap_or_else(|| delimiter(&text));
    let delimiter =
        u8::try_from(delimiter).map_err(|_| "the delimiter must be ASCII".to_owned())?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let heads = reader.headers().map_err(|error| error.to_string())?.clone();
    let mut sheet = Sheet {
        encoding,
        ..Sheet::default()
    };
    let places: HashMap<String, usize> = heads
        .iter()
        .enumerate()
        .map(|(place, head)| (head.to_lowercase(), place))
        .collect();
    let mut columns: Vec<(&'static Named, usize)> = Vec::new();
    for (name, head) in &map.columns {
        match (Named::find(name), places.get(&head.to_lowercase())) {
            (Some(named), Some(place)) => columns.push((named, *place)),
            _ => sheet.missing.push(head.clone()),
        }
    }
    if !columns.iter().any(|(named, _)| named.name == "asset_tag") {
        let heads: Vec<&str> = heads.iter().collect();
        let wanted = map.columns.get("asset_tag").map_or("", String::as_str);
        return Err(format!(
            "no column {wanted}, which should hold asset tags; there are {}",
            heads.join(", ")
        ));
    }
    let mut seen = Seen::default();
    for (number, record) in reader.records().enumerate() {
        let line = number as u64 + 2;
        if number >= ROWS_MAX {
            sheet.reject(
                line,
                format!("more than {ROWS_MAX} rows; the rest was not read"),
            );
            break;
        }
        let asset = record
            .map_err(|error| broken(&error))
            .and_then(|record| {
                let line = record.position().map_or(line, csv::Position::line);
                check(&record, line, heads.len(), &columns, map)
            })
            .and_then(|asset| seen.check(asset));
        match asset {
            Ok(Some(asset)) => sheet.assets.push(asset),
            Ok(None) => {}
            Err((at, reason)) => sheet.reject(at.unwrap_or(line), reason),
        }
    }
    Ok(sheet)
}

type Fault = (Option<u64>, String);

fn broken(error: &csv::Error) -> Fault {
    let line = error.position().map(csv::Position::line);
    (line, "the row is broken".to_owned())
}

/// What parts the cells of the first row most often.
fn delimiter(text: &str) -> char {
    let first = text.lines().next().unwrap_or_default();
    let count = |sign: &char| first.matches(*sign).count();
    [',', ';', '\t', '|']
        .into_iter()
        .max_by_key(count)
        .filter(|c| count(c) > 0)
        .unwrap_or(',')
}

/// The asset of a row; none for an empty one.
fn check(
    record: &csv::StringRecord,
    line: u64,
    heads: usize,
    columns: &[(&'static Named, usize)],
    map: &ColumnMap,
) -> Result<Option<Asset>, Fault> {
    let fault = |reason: String| Err((Some(line), reason));
    if record.iter().all(str::is_empty) {
        return Ok(None);
    }
    if record.len() > heads {
        let cells = record.len();
        return fault(format!(
            "{cells} cells under {heads} names: a quote or delimiter is amiss"
        ));
    }
    let mut asset = Asset {
        line,
        ..Asset::default()
    };
    for (named, place) in columns {
        let text = record.get(*place).unwrap_or_default();
        // What an export guards against formulas with.
        let text = text.strip_prefix('\'').unwrap_or(text).trim();
        if text.is_empty() {
            continue;
        }
        if text.len() > VALUE_BYTES_MAX {
            return fault(format!(
                "{}: longer than {VALUE_BYTES_MAX} bytes",
                named.name
            ));
        }
        if text.chars().any(|c| c.is_control() || c == '\u{fffd}') {
            return fault(format!(
                "{}: holds characters that make no sense",
                named.name
            ));
        }
        match named.accept(text, &map.days) {
            Ok(value) => {
                asset.values.insert(named.name, value);
            }
            Err(expected) => return fault(format!("{}: {expected}, found {text}", named.name)),
        }
    }
    match asset.values.remove("asset_tag") {
        Some(tag) => {
            asset.tag = tag;
            Ok(Some(asset))
        }
        None => fault("asset_tag: is empty".to_owned()),
    }
}

/// Numbers that were told before.
#[derive(Default)]
struct Seen {
    tags: HashMap<String, u64>,
    serials: HashMap<(String, String), u64>,
}

impl Seen {
    fn check(&mut self, asset: Option<Asset>) -> Result<Option<Asset>, Fault> {
        let Some(asset) = asset else { return Ok(None) };
        let line = asset.line;
        if let Some(first) = self.tags.get(&asset.tag) {
            let text = format!("asset_tag {}: line {first} has it already", asset.tag);
            return Err((Some(line), text));
        }
        if let Some(serial) = asset.serial() {
            if let Some(first) = self.serials.get(&serial) {
                let text = format!("serial_number {}: line {first} has it already", serial.1);
                return Err((Some(line), text));
            }
            self.serials.insert(serial, line);
        }
        self.tags.insert(asset.tag.clone(), line);
        Ok(Some(asset))
    }
}
