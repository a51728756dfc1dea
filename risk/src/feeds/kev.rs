//! CISA's catalogue of known exploited vulnerabilities, JSON and CSV. It keeps who, when and the
//! ransomware flag; descriptions and required actions stay in the file.

use std::collections::BTreeMap;
use std::io::Read;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::cve::CveId;
use super::limits::TEXT_BYTES_MAX;
use super::records;
use super::refusal::{Refusal, quoted};
use super::report::Feed;
use super::when;

/// What the catalogue says of one CVE.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KevEntry {
    /// When it was added.
    #[serde(serialize_with = "when::shown")]
    pub date_added: Date,
    /// When federal agencies must be done with it.
    #[serde(serialize_with = "when::shown")]
    pub due_date: Date,
    /// Known to be used in ransomware campaigns.
    pub ransomware: bool,
    /// Vendor, as the catalogue spells it.
    pub vendor: String,
    /// Product, as the catalogue spells it.
    pub product: String,
}

/// A catalogue, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// Its version or, for CSV, the day of its newest entry.
    pub version: String,
    /// When it was released, seconds since the epoch.
    pub released: i64,
    /// Its entries.
    pub entries: BTreeMap<CveId, KevEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    #[serde(rename = "cveID")]
    cve: String,
    vendor_project: String,
    product: String,
    date_added: String,
    due_date: String,
    known_ransomware_campaign_use: Option<String>,
}

impl Row {
    fn entry(self) -> Result<(CveId, KevEntry), String> {
        let cve = self
            .cve
            .parse::<CveId>()
            .map_err(|error| error.to_string())?;
        let day = |name: &str, text: &str| {
            when::date(text).ok_or_else(|| format!("{name} {} is no date", quoted(text)))
        };
        for text in [&self.vendor_project, &self.product] {
            if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
                return Err("vendor or product is empty or too long".to_owned());
            }
        }
        let ransomware = match self.known_ransomware_campaign_use.as_deref() {
            Some("Known") => true,
            None | Some("Unknown" | "") => false,
            Some(other) => {
                let other = quoted(other);
                return Err(format!(
                    "ransomware use {other} is neither Known nor Unknown"
                ));
            }
        };
        let entry = KevEntry {
            date_added: day("dateAdded", &self.date_added)?,
            due_date: day("dueDate", &self.due_date)?,
            ransomware,
            vendor: self.vendor_project.trim().to_owned(),
            product: self.product.trim().to_owned(),
        };
        Ok((cve, entry))
    }
}

/// Takes one entry, unless the catalogue has the CVE already.
fn add(
    catalogue: &mut Catalogue,
    feed: &mut Feed,
    line: u64,
    index: u64,
    row: Result<Row, String>,
) {
    match row.and_then(Row::entry) {
        Err(reason) => feed.reject(Some(line), index, reason),
        Ok((cve, _)) if catalogue.entries.contains_key(&cve) => {
            feed.reject(Some(line), index, format!("{cve} stands there twice"));
        }
        Ok((cve, entry)) => {
            feed.records += 1;
            catalogue.entries.insert(cve, entry);
        }
    }
}

/// Reads the JSON form.
pub fn read_json(reader: impl Read, feed: &mut Feed) -> Result<Catalogue, Refusal> {
    let mut catalogue = Catalogue::default();
    let head = records::read(reader, "vulnerabilities", |record| {
        let row = serde_json::from_slice::<Row>(record.bytes)
            .map_err(|error| Refusal::json(1, &error).reason);
        add(&mut catalogue, feed, record.line, record.index, row);
    })?;
    let text = |name: &str| {
        let value = head.get(name).and_then(serde_json::Value::as_str);
        value.ok_or_else(|| Refusal::of_file(format!("it states no `{name}`")))
    };
    let released = text("dateReleased")?;
    catalogue.released = when::seconds(released)
        .ok_or_else(|| Refusal::of_file(format!("dateReleased {} is no time", quoted(released))))?;
    catalogue.version = text("catalogVersion")?.to_owned();
    feed.stated = head.get("count").and_then(serde_json::Value::as_u64);
    if feed.stated.is_none() {
        return Err(Refusal::of_file("it states no `count` of its entries"));
    }
    finish(catalogue, feed, released.to_owned())
}

/// Reads the CSV form. It states neither version nor count: the day of its newest entry is both.
pub fn read_csv(reader: impl Read, feed: &mut Feed) -> Result<Catalogue, Refusal> {
    let mut catalogue = Catalogue::default();
    let mut csv = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(super::document::bounded(reader));
    let header = csv.headers().map_err(|error| of_csv(&error))?.clone();
    let mut row = csv::StringRecord::new();
    let mut index = 0;
    loop {
        let line = csv.position().line();
        match csv.read_record(&mut row) {
            Ok(false) => break,
            Ok(true) if row.len() != header.len() => {
                let reason = format!(
                    "it has {} columns, the head has {}",
                    row.len(),
                    header.len()
                );
                feed.reject(Some(line), index, reason);
            }
            Ok(true) => {
                let row = row
                    .deserialize(Some(&header))
                    .map_err(|error| error.to_string());
                add(&mut catalogue, feed, line, index, row);
            }
            Err(error) if error.is_io_error() => return Err(of_csv(&error)),
            Err(error) => feed.reject(Some(line), index, error.to_string()),
        }
        index += 1;
    }
    let newest = catalogue
        .entries
        .values()
        .map(|entry| entry.date_added)
        .max();
    let newest = newest.map(|day| day.to_string()).unwrap_or_default();
    catalogue.released = when::seconds(&newest).unwrap_or_default();
    catalogue.version = newest.clone();
    finish(catalogue, feed, newest)
}

fn of_csv(error: &csv::Error) -> Refusal {
    Refusal::of_file(error.to_string())
}

fn finish(catalogue: Catalogue, feed: &mut Feed, date: String) -> Result<Catalogue, Refusal> {
    if catalogue.entries.is_empty() {
        return Err(Refusal::of_file("the catalogue has no entry"));
    }
    feed.source = Some("CISA".to_owned());
    feed.version = Some(catalogue.version.clone());
    feed.date = Some(date);
    Ok(catalogue)
}
