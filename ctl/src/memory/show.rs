//! Rows for people and programs: a table that is as wide as it must be, JSON, JSON lines, CSV in
//! which no cell can become a formula. It knows no device.

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;
use crate::render;

/// How rows are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// For programs: one JSON document
    Json,
    /// For programs: one row a line
    Jsonl,
    /// For spreadsheets
    Csv,
}

/// A column: its name, and what stands in it.
pub struct Column<T> {
    /// Its name.
    pub name: &'static str,
    /// Its cell.
    pub cell: fn(&T) -> String,
}

/// A column.
pub const fn column<T>(name: &'static str, cell: fn(&T) -> String) -> Column<T> {
    Column { name, cell }
}

/// Shows rows on standard output.
pub fn rows<T: Serialize>(
    rows: &[T],
    columns: &[Column<T>],
    format: Format,
) -> Result<(), Failure> {
    render::print(|out| match format {
        Format::Json => document(&rows, out),
        Format::Jsonl => rows.iter().try_for_each(|row| {
            serde_json::to_writer(&mut *out, row)?;
            writeln!(out)
        }),
        Format::Csv => csv(rows, columns, out),
        Format::Table => table(rows, columns, out),
    })
}

/// Shows one thing on standard output: text for people, or JSON.
pub fn one<T: Serialize>(
    thing: &T,
    format: Format,
    text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    render::print(|out| match format {
        Format::Json => document(thing, out),
        Format::Jsonl => {
            serde_json::to_writer(&mut *out, thing)?;
            writeln!(out)
        }
        Format::Table | Format::Csv => text(out),
    })
}

/// Text on standard output.
pub fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    render::print(write)
}

fn document<T: Serialize>(thing: &T, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, thing)?;
    writeln!(out)
}

/// Rows of a spreadsheet.
pub fn csv<T>(rows: &[T], columns: &[Column<T>], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(columns.iter().map(|column| column.name))?;
    for row in rows {
        let cells = columns
            .iter()
            .map(|column| render::harmless(&(column.cell)(row)));
        writer.write_record(cells)?;
    }
    writer.flush()
}

/// Rows of a table for people.
pub fn table<T>(rows: &[T], columns: &[Column<T>], out: &mut dyn Write) -> io::Result<()> {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let cell = |column: &Column<T>| render::clean(&(column.cell)(row)).into_owned();
            columns.iter().map(cell).collect()
        })
        .collect();
    let heads: Vec<String> = columns.iter().map(|c| c.name.to_uppercase()).collect();
    let mut widths: Vec<usize> = heads.iter().map(|head| render::width(head)).collect();
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(render::width(cell));
        }
    }
    for row in std::iter::once(&heads).chain(&cells) {
        let fitted = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| render::fit(cell, *width));
        let line: Vec<String> = fitted.collect();
        writeln!(out, "{}", line.join("  ").trim_end())?;
    }
    Ok(())
}
