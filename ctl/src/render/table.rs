//! The table of devices for people: medical first. Columns that hold nothing are left out, and
//! on a narrow terminal those that matter least; what is shortened ends in `…`.

use std::cmp::Reverse;
use std::io::{self, Write};
use std::net::IpAddr;

use medtap_inventory::model::Device;
use rayon::prelude::*;

use super::text::{self, ID_CHARS_SHORT, attribute, bytes, clean, width};
use super::{Listing, Look, summary};

/// Columns between two columns of the table.
const GAP: usize = 2;
/// A column is never narrower.
const WIDTH_MIN: usize = 4;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What fits the terminal.
    Fitting,
    /// All columns, each as wide as it needs.
    Everything,
}

/// A column.
struct Column {
    title: &'static str,
    /// 0 for those that are never left out, the largest is left out first.
    rank: u8,
    /// Width with which it still says enough.
    enough: usize,
    cell: fn(&Device, &Context) -> String,
}

/// What a cell needs besides its device.
struct Context {
    /// Characters of an id that tell all devices apart.
    id_chars: usize,
    extent: Extent,
}

const COLUMNS: &[Column] = &[
    column("ID", 0, ID_CHARS_SHORT, |d, c| {
        short(&d.id, c.id_chars).into()
    }),
    column("CLASS", 9, 10, |d, _| d.class.into()),
    column("CATEGORY", 0, 16, |d, _| d.category.into()),
    column("SURE", 10, 5, |d, _| format!("{} %", d.category_confidence)),
    column("RISK", 2, 4, risk),
    column("BAND", 3, 9, band),
    column("MANUFACTURER", 1, 14, |d, _| value(d, "manufacturer")),
    column("MODEL", 1, 14, |d, _| value(d, "model")),
    column("SERIAL", 6, 10, |d, _| value(d, "serial_number")),
    column("NAME", 1, 14, |d, _| {
        text::name(d).map(clean).unwrap_or_default().into()
    }),
    column("ADDRESS", 0, 15, address),
    column("MAC", 3, 17, |d, c| {
        several(d.macs.iter().map(String::as_str), c)
    }),
    column("VLAN", 10, 4, |d, c| {
        several(d.vlans.iter().map(u16::to_string), c)
    }),
    column("OS", 4, 10, os),
    column("SOFTWARE", 10, 10, |d, _| value(d, "software_version")),
    column("FIRMWARE", 10, 10, |d, _| value(d, "firmware_version")),
    column("AE TITLE", 10, 10, |d, _| value(d, "ae_title")),
    column("LOCATION", 10, 10, |d, _| value(d, "location")),
    column("PROTOCOLS", 10, 10, protocols),
    column("SENT", 10, 8, |d, _| bytes(d.bytes_sent)),
    column("RECEIVED", 10, 8, |d, _| bytes(d.bytes_received)),
    column("LAST SEEN", 5, 19, |d, _| {
        d.last_seen.map(text::time).unwrap_or_default()
    }),
];

const fn column(
    title: &'static str,
    rank: u8,
    enough: usize,
    cell: fn(&Device, &Context) -> String,
) -> Column {
    Column {
        title,
        rank,
        enough,
        cell,
    }
}

/// Bits that a digit of an id stands for.
const BITS_OF_DIGIT: u32 = 4;

/// Rank from which on a column is only for the wide table.
const RANK_WIDE: u8 = 9;

/// Writes the table and the summary under it.
pub fn write(
    listing: &Listing<'_>,
    extent: Extent,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    if !listing.devices.is_empty() {
        rows(listing, extent, look, out)?;
        writeln!(out)?;
    }
    summary::write(listing, look, out)
}

fn rows(listing: &Listing<'_>, extent: Extent, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut devices = listing.devices.clone();
    devices.par_sort_by_cached_key(|device| Order::of(device));
    let ids = listing.inventory.devices.iter().map(number_of);
    let context = Context {
        id_chars: id_chars(&ids.collect::<Vec<u64>>()),
        extent,
    };
    let columns: Vec<&'static Column> = columns(extent).collect();
    let cells = |column: &&Column| -> Vec<String> {
        let cell = |device: &&Device| (column.cell)(device, &context);
        devices.par_iter().map(cell).collect()
    };
    let cells: Vec<Vec<String>> = columns.iter().map(cells).collect();
    let widest = |cells: &Vec<String>| cells.par_iter().map(|cell| width(cell)).max();
    let widest = cells.iter().map(|cells| widest(cells).unwrap_or(0));
    let columns: Vec<(Option<&Column>, usize)> =
        columns.into_iter().map(Some).zip(widest).collect();
    let sheet = Sheet::new(&columns, extent, look);
    sheet.write_titles(look, out)?;
    let row = |row: usize| {
        let mut line = String::new();
        let cells = cells
            .iter()
            .map(|cells| cells.get(row).map_or("", String::as_str));
        sheet.line(cells, &mut line);
        line
    };
    let lines: Vec<String> = (0..devices.len()).into_par_iter().map(row).collect();
    lines
        .iter()
        .try_for_each(|line| out.write_all(line.as_bytes()))
}

/// The columns of a table of this extent.
fn columns(extent: Extent) -> impl Iterator<Item = &'static Column> {
    let all = COLUMNS.iter();
    all.filter(move |column| extent == Extent::Everything || column.rank < RANK_WIDE)
}

/// The titles of the columns that fit a terminal, if it is wide enough.
pub fn titles() -> impl Iterator<Item = &'static str> {
    columns(Extent::Fitting).map(|column| column.title)
}

/// What the table shows of one device, as [`titles`].
pub fn cells(device: &Device, id_chars: usize) -> Vec<String> {
    let context = Context {
        id_chars,
        extent: Extent::Fitting,
    };
    columns(Extent::Fitting)
        .map(|column| (column.cell)(device, &context))
        .collect()
}

/// Writes lines of cells that were kept, under the titles of their columns; columns that nobody
/// knows here are left out. `columns`: title, and width of the widest cell.
///
/// # Errors
/// Those of the writer.
pub fn write_kept<'a>(
    columns: impl Iterator<Item = (&'a str, usize)>,
    lines: impl Iterator<Item = &'a str>,
    between: char,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let known = |title: &str| COLUMNS.iter().find(|column| column.title == title);
    let columns: Vec<(Option<&Column>, usize)> = columns
        .map(|(title, widest)| (known(title), widest))
        .collect();
    let sheet = Sheet::new(&columns, Extent::Fitting, look);
    sheet.write_titles(look, out)?;
    let mut line = String::new();
    for cells in lines {
        line.clear();
        sheet.line(cells.split(between), &mut line);
        out.write_all(line.as_bytes())?;
    }
    Ok(())
}

/// The columns that are shown.
struct Sheet(Vec<Shown>);

/// A column that is shown.
#[derive(Clone, Copy)]
struct Shown {
    column: &'static Column,
    /// Its place among all that there are.
    place: usize,
    width: usize,
}

impl Sheet {
    /// Of columns and the widths of their widest cells: those that hold something, as far as the
    /// terminal has room.
    fn new(columns: &[(Option<&'static Column>, usize)], extent: Extent, look: Look) -> Self {
        let shown = |(place, (column, widest)): (usize, &(Option<&'static Column>, usize))| {
            let column = column.filter(|column| column.rank == 0 || *widest > 0)?;
            Some(Shown {
                column,
                place,
                width: (*widest).max(width(column.title)),
            })
        };
        let mut shown: Vec<Shown> = columns.iter().enumerate().filter_map(shown).collect();
        if extent == Extent::Fitting {
            shrink(&mut shown, look.width);
        }
        Self(shown)
    }

    fn write_titles(&self, look: Look, out: &mut dyn Write) -> io::Result<()> {
        let mut line = String::new();
        for shown in &self.0 {
            put(shown.column.title, shown.width, &mut line);
        }
        writeln!(out, "{}", look.bold(line.trim_end_matches(' ')))
    }

    /// The cells of one row, as far as they are shown, and its end.
    fn line<'c>(&self, cells: impl Iterator<Item = &'c str>, line: &mut String) {
        let mut cells = cells.enumerate();
        for shown in &self.0 {
            let cell = cells.find(|(place, _)| *place == shown.place);
            put(&clean(cell.map_or("", |cell| cell.1)), shown.width, line);
        }
        line.truncate(line.trim_end_matches(' ').len());
        line.push('\n');
    }
}

/// A cell, and what is between it and the next.
fn put(cell: &str, width: usize, line: &mut String) {
    text::fit_into(cell, width, line);
    text::pad(GAP, line);
}

/// What decides where a device stands: medical first, then its kind, then those of which more is
/// known, then its first address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    class: Option<usize>,
    category: &'static str,
    made: Reverse<bool>,
    address: Option<IpAddr>,
    id: u64,
}

impl Order {
    /// Of one device.
    pub fn of(device: &Device) -> Self {
        let mut classes = summary::CLASSES.iter();
        Self {
            class: classes.position(|class| class.name() == device.class),
            category: device.category,
            made: Reverse(made(device)),
            address: device.addresses.first().copied(),
            id: number_of(device),
        }
    }
}

/// The number that an id shows.
fn number_of(device: &Device) -> u64 {
    u64::from_str_radix(&device.id, 16).unwrap_or_default()
}

/// Devices of which more is known come first.
fn made(device: &Device) -> bool {
    attribute(device, "manufacturer").is_some() || attribute(device, "model").is_some()
}

/// Leaves columns out until the rest says enough in `room`, then shares the room out.
fn shrink(shown: &mut Vec<Shown>, room: usize) {
    loop {
        let enough = |it: &Shown| it.width.min(it.column.enough.max(width(it.column.title)));
        let least: Vec<usize> = shown.iter().map(enough).collect();
        let ranks = shown.iter().map(|it| it.column.rank);
        let last = ranks.enumerate().max_by_key(|&(_, rank)| rank);
        match last {
            Some((place, rank)) if total(&least) > room && rank > 1 => {
                shown.remove(place);
            }
            _ => {
                let mut widths: Vec<usize> = shown.iter().map(|it| it.width).collect();
                share(&mut widths, least, room);
                let widths = shown.iter_mut().zip(widths);
                return widths.for_each(|(it, width)| it.width = width);
            }
        }
    }
}

/// Columns that a line of these widths takes.
fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// Gives every column what it needs as far as the room goes, one more to each in turn; where
/// there is not even room for the least, the widest give.
fn share(widths: &mut Vec<usize>, least: Vec<usize>, room: usize) {
    let full = std::mem::replace(widths, least);
    while total(widths) > room {
        let widest = widths.iter_mut().max();
        match widest.filter(|width| **width > WIDTH_MIN) {
            Some(width) => *width -= 1,
            None => return,
        }
    }
    let mut left = room.saturating_sub(total(widths));
    while left > 0 && *widths != full {
        for (own, &full) in widths.iter_mut().zip(&full) {
            if left > 0 && *own < full {
                *own += 1;
                left -= 1;
            }
        }
    }
}

/// Characters that tell all ids apart, at least [`ID_CHARS_SHORT`]. The ids are sorted.
pub fn id_chars(ids: &[u64]) -> usize {
    let pairs = ids.iter().zip(ids.iter().skip(1));
    let differ = pairs.map(|(a, b)| ((a ^ b).leading_zeros() / BITS_OF_DIGIT) as usize + 1);
    differ.fold(ID_CHARS_SHORT, usize::max)
}

fn short(id: &str, chars: usize) -> &str {
    let end = id.char_indices().nth(chars).map_or(id.len(), |(at, _)| at);
    id.get(..end).unwrap_or(id)
}

fn value(device: &Device, name: &str) -> String {
    let Some(text) = attribute(device, name) else {
        return String::new();
    };
    let mark = if text::is_hint(device, name) { "~" } else { "" };
    format!("{mark}{}", clean(text))
}

/// Nothing where risk was not asked for; a question mark where nobody knows.
fn risk(device: &Device, _: &Context) -> String {
    match device.risk.score.filter(|_| device.risk.assessed) {
        Some(score) => format!("{score:.0}"),
        None if device.risk.high.is_some() => "?".to_owned(),
        None => String::new(),
    }
}

fn band(device: &Device, _: &Context) -> String {
    match &device.risk.band {
        Some(band) => clean(band).into(),
        None if device.risk.high.is_some() => "not assessed".to_owned(),
        None => String::new(),
    }
}

fn os(device: &Device, _: &Context) -> String {
    let parts = [attribute(device, "os"), attribute(device, "os_version")];
    let parts: Vec<_> = parts.into_iter().flatten().map(clean).collect();
    parts.join(" ")
}

fn address(device: &Device, context: &Context) -> String {
    if device.addresses.is_empty() && !device.reported_by.is_empty() {
        let by = device
            .reported_by
            .iter()
            .map(|id| short(id, context.id_chars));
        return format!("via {}", several(by, context));
    }
    several(device.addresses.iter().map(ToString::to_string), context)
}

fn protocols(device: &Device, _: &Context) -> String {
    let mut names: Vec<_> = device
        .protocols
        .iter()
        .map(|protocol| protocol.name)
        .collect();
    names.dedup();
    names.join(",")
}

/// The first value and how many more there are, or all of them.
fn several<T: AsRef<str>>(values: impl Iterator<Item = T>, context: &Context) -> String {
    let values: Vec<T> = values.collect();
    match (values.as_slice(), context.extent) {
        ([], _) => String::new(),
        ([first], _) => clean(first.as_ref()).into(),
        ([first, rest @ ..], Extent::Fitting) => {
            format!("{} +{}", clean(first.as_ref()), rest.len())
        }
        (all, Extent::Everything) => {
            let all: Vec<_> = all.iter().map(|value| clean(value.as_ref())).collect();
            all.join(",")
        }
    }
}
