//! The report as tables of plain cells: for workbooks and comma-separated files. It leaves
//! nothing out and folds nothing.

use std::io::{self, Write};

use medtap_inventory::model::{Device, Inventory, Time};

use super::words::{Band, unit};
use crate::render::{self, csv, label};

/// A value of a table.
pub enum Cell {
    /// Text, of whatever origin.
    Text(String),
    /// A number.
    Number(f64),
    /// Not known.
    Empty,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(number as f64)
    }
}

impl From<bool> for Cell {
    fn from(truth: bool) -> Self {
        Self::from(if truth { "yes" } else { "no" })
    }
}

impl From<Time> for Cell {
    fn from(time: Time) -> Self {
        Self::Text(time.to_string())
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

/// A table with a name and named columns.
pub struct Table {
    /// Its name: of a sheet, and of a file.
    pub name: &'static str,
    /// The names of its columns.
    pub columns: Vec<&'static str>,
    /// Its rows, each with as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Writes it as comma-separated values.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut rows = csv::Rows::begin(out, self.columns.iter().copied())?;
        for row in &self.rows {
            rows.row(row.iter().map(|cell| match cell {
                Cell::Text(text) => text.clone(),
                Cell::Number(number) => number.to_string(),
                Cell::Empty => String::new(),
            }))?;
        }
        rows.end()
    }
}

/// Every table of the report; `devices` are in the report's order.
pub fn all(inventory: &Inventory, devices: &[&Device]) -> Vec<Table> {
    vec![
        listing(devices),
        findings(devices),
        vulnerabilities(devices),
        drivers(devices),
        not_assessed(devices),
        coverage(inventory),
    ]
}

/// One row a device, as `--output csv` has them.
fn listing(devices: &[&Device]) -> Table {
    let cell = |column: &csv::Column, device: &Device| {
        let text = column.cell(device);
        match column.is_number() {
            true => Cell::from(text.parse::<f64>().ok()),
            false if text.is_empty() => Cell::Empty,
            false => Cell::Text(text),
        }
    };
    let row = |device: &&Device| {
        let cells = csv::COLUMNS.iter().map(|column| cell(column, device));
        cells.collect()
    };
    Table {
        name: "devices",
        columns: csv::COLUMNS.iter().map(|column| column.name).collect(),
        rows: devices.iter().map(row).collect(),
    }
}

fn findings(devices: &[&Device]) -> Table {
    let of = |device: &&Device| {
        let (id, name) = (device.id.clone(), label(device));
        let findings = device.findings.iter().map(move |finding| {
            vec![
                id.clone().into(),
                name.clone().into(),
                finding.id.as_str().into(),
                finding.title.as_str().into(),
                f64::from(finding.confidence).into(),
                finding.weight.into(),
                finding.evidence.as_str().into(),
                finding.first_seen.into(),
                finding.last_seen.into(),
            ]
        });
        findings.collect::<Vec<_>>()
    };
    Table {
        name: "findings",
        columns: vec![
            "device_id",
            "device",
            "finding",
            "title",
            "confidence",
            "weight",
            "evidence",
            "first_seen",
            "last_seen",
        ],
        rows: devices.iter().flat_map(of).collect(),
    }
}

fn vulnerabilities(devices: &[&Device]) -> Table {
    let of = |device: &&Device| {
        let (id, name) = (device.id.clone(), label(device));
        let listed = device.vulnerabilities.iter().map(move |vulnerability| {
            vec![
                id.clone().into(),
                name.clone().into(),
                vulnerability.cve.as_str().into(),
                vulnerability.component.as_str().into(),
                vulnerability.applicability.as_str().into(),
                vulnerability.matched.as_str().into(),
                vulnerability.in_kev.into(),
                vulnerability.epss.into(),
                vulnerability.epss_model.as_deref().into(),
                vulnerability.bod_26_04.as_deref().into(),
                vulnerability.ssvc.as_deref().into(),
                vulnerability.remediation.as_deref().into(),
            ]
        });
        listed.collect::<Vec<_>>()
    };
    Table {
        name: "vulnerabilities",
        columns: vec![
            "device_id",
            "device",
            "cve",
            "component",
            "applicability",
            "match",
            "in_kev",
            "epss",
            "epss_model",
            "bod_26_04",
            "ssvc",
            "remediation",
        ],
        rows: devices.iter().flat_map(of).collect(),
    }
}

fn drivers(devices: &[&Device]) -> Table {
    let of = |device: &&Device| {
        let (id, name) = (device.id.clone(), label(device));
        let drivers = device.risk.drivers.iter().map(move |driver| {
            vec![
                id.clone().into(),
                name.clone().into(),
                driver.name.as_str().into(),
                driver.effect.into(),
            ]
        });
        drivers.collect::<Vec<_>>()
    };
    Table {
        name: "drivers",
        columns: vec!["device_id", "device", "driver", "points"],
        rows: devices.iter().flat_map(of).collect(),
    }
}

fn not_assessed(devices: &[&Device]) -> Table {
    let invisible = devices
        .iter()
        .filter(|device| Band::of(&device.risk) == Band::NotAssessed);
    let row = |device: &&Device| {
        let packets = device.packets_sent.saturating_add(device.packets_received);
        vec![
            device.id.as_str().into(),
            label(device).into(),
            device.category.into(),
            unit(device).into(),
            device.risk.high.into(),
            packets.into(),
        ]
    };
    Table {
        name: "not_assessed",
        columns: vec![
            "device_id",
            "device",
            "category",
            "unit",
            "score_high",
            "packets_seen",
        ],
        rows: invisible.map(row).collect(),
    }
}

fn coverage(inventory: &Inventory) -> Table {
    let (source, coverage) = (&inventory.source, &inventory.coverage);
    let mut rows: Vec<Vec<Cell>> = vec![
        vec!["as_of".into(), inventory.as_of.into()],
        vec!["first_seen".into(), source.first_seen.into()],
        vec!["last_seen".into(), source.last_seen.into()],
        vec!["partial".into(), inventory.partial.into()],
    ];
    for (name, number) in [
        ("files", source.files),
        ("packets", source.packets),
        ("bytes", source.bytes),
        ("malformed", source.malformed),
        ("truncated", source.truncated),
        ("duplicates", source.duplicates),
        ("limits_hit", source.limits_hit),
        ("one_way_flows", coverage.one_way_flows),
        ("encrypted_flows", coverage.encrypted_flows),
        ("unknown_flows", coverage.unknown_flows),
    ] {
        rows.push(vec![name.into(), number.into()]);
    }
    for (name, share) in &coverage.attributes {
        let name = format!("share of devices with {}", render::clean(name));
        rows.push(vec![name.into(), (*share).into()]);
    }
    Table {
        name: "coverage",
        columns: vec!["what", "value"],
        rows,
    }
}
