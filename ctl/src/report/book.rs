//! The report as a workbook (XLSX): a sheet for each table. Text is text there, never a formula,
//! and keeps its apostrophe for the day on which somebody saves it as CSV.

use std::io::{self, Write};

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use crate::render::{Cell, Grid, csv};

/// Characters of a cell: what spreadsheets can hold.
const CELL_CHARS_MAX: usize = 32_000;
/// Rows of a sheet below its heading: what spreadsheets can hold.
const ROWS_MAX: usize = 1_048_575;
/// Width of a column, in characters.
const WIDTH_MIN: usize = 8;
const WIDTH_MAX: usize = 60;
/// Rows that a column's width is measured by.
const MEASURED_ROWS: usize = 200;

/// Writes the tables; `as_of_seconds` is the time that stands in the workbook's properties.
///
/// # Errors
/// Those of the writer.
pub fn write(tables: &[Grid], as_of_seconds: i64, out: &mut dyn Write) -> io::Result<()> {
    let bytes = bytes(tables, as_of_seconds).map_err(|error| match error {
        XlsxError::IoError(error) => error,
        other => io::Error::other(other.to_string()),
    })?;
    out.write_all(&bytes)
}

fn bytes(tables: &[Grid], as_of_seconds: i64) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    // The time of writing would make two runs differ.
    let created = ExcelDateTime::from_timestamp(as_of_seconds)?;
    let properties = DocProperties::new()
        .set_title("Devices on the network, and their risk")
        .set_author("medtap")
        .set_creation_datetime(&created);
    book.set_properties(&properties);
    let heading = Format::new().set_bold();
    for table in tables {
        sheet(book.add_worksheet(), table, &heading)?;
    }
    book.save_to_buffer()
}

fn sheet(sheet: &mut Worksheet, table: &Grid, heading: &Format) -> Result<(), XlsxError> {
    sheet.set_name(table.name)?.set_freeze_panes(1, 0)?;
    let last = u16::try_from(table.columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
    for (column, name) in (0u16..).zip(&table.columns) {
        sheet.write_string_with_format(0, column, *name, heading)?;
        let measured = table.rows.iter().take(MEASURED_ROWS);
        let cells = measured.filter_map(|row| row.get(usize::from(column)));
        let widest = cells.map(width).fold(name.len(), usize::max);
        let width = (widest + 2).clamp(WIDTH_MIN, WIDTH_MAX);
        sheet.set_column_width(column, width as f64)?;
    }
    for (number, row) in (1u32..).zip(table.rows.iter().take(ROWS_MAX)) {
        for (column, cell) in (0u16..).zip(row) {
            match cell {
                Cell::Text(text) => sheet.write_string(number, column, safe(text))?,
                Cell::Number(value) if value.is_finite() => {
                    sheet.write_number(number, column, *value)?
                }
                Cell::Truth(_) => sheet.write_string(number, column, cell.text())?,
                Cell::Number(_) | Cell::Empty => continue,
            };
        }
    }
    let rows = u32::try_from(table.rows.len().min(ROWS_MAX)).unwrap_or(u32::MAX);
    sheet.autofilter(0, 0, rows, last)?;
    Ok(())
}

fn width(cell: &Cell) -> usize {
    cell.text().chars().count()
}

fn safe(text: &str) -> String {
    let safe = csv::harmless(text);
    match safe.char_indices().nth(CELL_CHARS_MAX) {
        Some((end, _)) => format!("{}…", safe.get(..end).unwrap_or_default()),
        None => safe,
    }
}
