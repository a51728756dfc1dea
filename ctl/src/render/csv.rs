//! Comma-separated values for spreadsheets: one row a device, columns that never move. Several
//! values in a cell are joined by semicolons. No cell can become a formula.

use std::io::{self, Write};

use medtap_inventory::model::{Device, Time};

use super::text::{attribute, clean};

/// A column: its name and what stands in it.
pub struct Column {
    /// The name in the first row.
    pub name: &'static str,
    /// What it holds, for the manual.
    pub meaning: &'static str,
    cell: fn(&Device, &'static str) -> String,
}

impl Column {
    /// What stands in it for a device; several values are joined by semicolons.
    pub fn cell(&self, device: &Device) -> String {
        (self.cell)(device, self.name)
    }

    /// True where it holds a number or nothing.
    pub fn is_number(&self) -> bool {
        NUMBERS.contains(&self.name)
    }
}

/// The columns that hold numbers.
const NUMBERS: &[&str] = &[
    "category_confidence",
    "packets_sent",
    "packets_received",
    "bytes_sent",
    "bytes_received",
    "risk_score",
];

/// The columns, in their order. New ones are added at the end.
pub const COLUMNS: &[Column] = &[
    column("id", "stable identifier", |d, _| d.id.clone()),
    column("class", "class of the category", |d, _| d.class.into()),
    column("category", "kind of device", |d, _| d.category.into()),
    column("category_confidence", "0-100", |d, _| {
        d.category_confidence.to_string()
    }),
    column("manufacturer", "", value),
    column("model", "", value),
    column("serial_number", "", value),
    column("hardware_version", "", value),
    column("firmware_version", "", value),
    column("software_version", "", value),
    column("os", "operating system", value),
    column("os_version", "", value),
    column("hostname", "", value),
    column("ae_title", "DICOM application entity", value),
    column("station_name", "", value),
    column("institution", "", value),
    column("department", "", value),
    column("location", "", value),
    column("udi", "unique device identification", value),
    column("user_agent", "", value),
    column("macs", "MAC addresses", |d, _| join(&d.macs)),
    column("addresses", "IP addresses", |d, _| join(&d.addresses)),
    column("vlans", "VLAN identifiers", |d, _| join(&d.vlans)),
    column(
        "reported_by",
        "identifiers of the devices that report it",
        |d, _| join(&d.reported_by),
    ),
    column("first_seen", "RFC 3339, UTC", |d, _| time(d.first_seen)),
    column("last_seen", "RFC 3339, UTC", |d, _| time(d.last_seen)),
    column("packets_sent", "", |d, _| d.packets_sent.to_string()),
    column("packets_received", "", |d, _| {
        d.packets_received.to_string()
    }),
    column("bytes_sent", "on the wire", |d, _| d.bytes_sent.to_string()),
    column("bytes_received", "on the wire", |d, _| {
        d.bytes_received.to_string()
    }),
    column("protocols", "name/role/port, + where encrypted", |d, _| {
        protocols(d)
    }),
    column(
        "peers",
        "identifiers of devices it exchanges packets with",
        |d, _| join(d.peers.iter().map(|peer| peer.id)),
    ),
    column("findings", "", |d, _| {
        join(d.findings.iter().map(|finding| &finding.id))
    }),
    column("vulnerabilities", "CVE identifiers", |d, _| {
        join(
            d.vulnerabilities
                .iter()
                .map(|vulnerability| &vulnerability.cve),
        )
    }),
    column("risk_score", "0-100, empty where not assessed", |d, _| {
        d.risk
            .score
            .map(|score| score.to_string())
            .unwrap_or_default()
    }),
    column("risk_band", "", |d, _| {
        d.risk.band.clone().unwrap_or_default()
    }),
];

const fn column(
    name: &'static str,
    meaning: &'static str,
    cell: fn(&Device, &'static str) -> String,
) -> Column {
    Column {
        name,
        meaning,
        cell,
    }
}

/// Writes the names and a row for each device.
pub fn write(devices: &[&Device], out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Rows::begin(out, COLUMNS.iter().map(|column| column.name))?;
    for device in devices {
        rows.row(COLUMNS.iter().map(|column| column.cell(device)))?;
    }
    rows.end()
}

/// Rows of any table, in which no cell can become a formula.
pub struct Rows<'a>(csv::Writer<&'a mut dyn Write>);

impl<'a> Rows<'a> {
    /// Writes the names of the columns.
    pub fn begin(
        out: &'a mut dyn Write,
        columns: impl Iterator<Item = &'static str>,
    ) -> io::Result<Self> {
        let mut rows = csv::Writer::from_writer(out);
        rows.write_record(columns).map_err(io_error)?;
        Ok(Self(rows))
    }

    /// Writes a row.
    pub fn row(&mut self, cells: impl Iterator<Item = String>) -> io::Result<()> {
        let cells = cells.map(|cell| harmless(&cell));
        self.0.write_record(cells).map_err(io_error)
    }

    /// Ends the table.
    pub fn end(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The error itself, whose kind tells a broken pipe.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// The text as no spreadsheet takes it for a formula: an apostrophe goes before the signs that
/// begin one, in each part between semicolons, since half of Europe's spreadsheets split there.
pub fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for (place, part) in clean(text).split(';').enumerate() {
        if place > 0 {
            safe.push(';');
        }
        let formula = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
        if part.trim_start().starts_with(formula) {
            safe.push('\'');
        }
        safe.push_str(part);
    }
    safe
}

fn value(device: &Device, name: &'static str) -> String {
    attribute(device, name).unwrap_or_default().to_owned()
}

fn time(time: Option<Time>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

fn join<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    values.join(";")
}

fn protocols(device: &Device) -> String {
    join(device.protocols.iter().map(|protocol| {
        let port = protocol.port.map(|port| format!("/{port}"));
        let encrypted = if protocol.encrypted { "+" } else { "" };
        format!(
            "{}/{}{}{encrypted}",
            protocol.name,
            protocol.role,
            port.unwrap_or_default()
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;
    use medtap_table::vocabulary::Attribute;

    fn text(devices: &[&Device]) -> String {
        let mut out = Vec::new();
        write(devices, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_attribute_has_its_column() {
        for name in Attribute::SHOWN {
            assert!(COLUMNS.iter().any(|column| column.name == name.name()));
        }
    }

    #[test]
    fn rows_are_read_back() {
        let devices = samples::inventory().devices;
        let devices: Vec<&Device> = devices.iter().collect();
        let text = text(&devices);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap().len(), COLUMNS.len());
        let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(rows.len(), devices.len());
        for (row, device) in rows.iter().zip(devices) {
            assert_eq!(&row[0], device.id);
        }
    }

    #[test]
    fn no_cell_is_a_formula() {
        let cases = [
            ("=1+1", "'=1+1"),
            ("+49", "'+49"),
            ("-x", "'-x"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" =1", "' =1"),
            ("a;=1;b", "a;'=1;b"),
            ("＝1", "'＝1"),
            ("a=1", "a=1"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(harmless(text), expected);
        }
        assert!(harmless("\t=1").starts_with("\\u{9}"));
        assert!(!harmless("a\r\n=1").contains('\n'));
    }

    #[test]
    fn quotes_and_commas_stay_in_their_cell() {
        let mut device = samples::scanner();
        if let Some(Some(model)) = device.attributes.get_mut("model") {
            model.value = "Scan, \"64\"".to_owned();
        }
        assert!(text(&[&device]).contains(",\"Scan, \"\"64\"\"\","));
    }
}
