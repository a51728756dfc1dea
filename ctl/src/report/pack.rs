//! The evidence pack: every form of the report in one zip file, with a manifest of their hashes
//! that `sha256sum -c` reads. It proves that nothing was changed since; who made it, it does not.

use std::io::{self, Cursor, Write};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::Report;
use super::{Format, write as write_report};

/// The manifest's name.
const MANIFEST: &str = "MANIFEST.sha256";

/// A file of the pack.
struct Entry {
    name: String,
    bytes: Vec<u8>,
}

/// Writes the pack.
///
/// # Errors
/// Those of the writer.
pub fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut entries = Vec::new();
    for (name, format) in [
        ("report.html", Format::Html),
        ("report.xlsx", Format::Xlsx),
        ("inventory.json", Format::Json),
    ] {
        let mut bytes = Vec::new();
        write_report(report, format, &mut bytes)?;
        entries.push(Entry {
            name: name.to_owned(),
            bytes,
        });
    }
    for table in report.tables() {
        let mut bytes = Vec::new();
        table.csv(&mut bytes)?;
        entries.push(Entry {
            name: format!("{}.csv", table.name),
            bytes,
        });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let manifest: String = entries.iter().map(line).collect();
    entries.push(Entry {
        name: MANIFEST.to_owned(),
        bytes: manifest.into_bytes(),
    });
    out.write_all(&zipped(&entries)?)
}

/// As `sha256sum` writes it.
fn line(entry: &Entry) -> String {
    let digest = Sha256::digest(&entry.bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}  {}\n", entry.name)
}

fn zipped(entries: &[Entry]) -> io::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    // The time of writing would make two runs differ.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o640);
    for entry in entries {
        let large = u32::try_from(entry.bytes.len()).is_err();
        zip.start_file(&entry.name, options.large_file(large))?;
        zip.write_all(&entry.bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}
