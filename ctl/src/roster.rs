//! The roster: the list of devices as people are shown it, kept beside a running engine's table by
//! `medtap serve`, so that nobody waits until all devices are worked out again. It holds what the
//! list shows and nothing else, and one that is old, or of another run, is none.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use medtap_inventory::history::Observer;
use medtap_inventory::model::{Device, Inventory, Time};
use medtap_inventory::{Id, Resolution};
use medtap_table::TableReader;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::files::{Destination, read_text};
use crate::live;
use crate::render::{self, Counted, Counts, Look, Order, Tone};

/// A roster that is older than the table's last word by more is not shown: three looks of `serve`.
const AGE_MAX_NS: u64 = 90_000_000_000;
/// The largest roster that is read.
const BYTES_MAX: u64 = 1 << 30;
/// Raised by any change to the meaning of a roster.
const FORMAT: u32 = 2;
/// Devices that are listed in one piece of work.
const DEVICES_AT_ONCE: usize = 4096;
/// What stands between two cells; no cell holds it.
const BETWEEN: char = '\t';

/// Where the roster of a table lies.
fn path_of(table: &Path) -> PathBuf {
    let mut name = table.as_os_str().to_owned();
    name.push(".roster");
    name.into()
}

/// The first line: whose the roster is, and what is said under the list. A row for each device
/// follows.
#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    run: u64,
    heartbeat_ns: u64,
    devices: usize,
    /// Titles of the columns, and the width of the widest cell of each.
    columns: Vec<(String, usize)>,
    summary: Vec<(Tone, String)>,
}

/// What is kept of one device between two looks.
struct Row {
    stamp: u64,
    /// The look in which the device was there.
    look: u64,
    order: Order,
    counted: Counted,
    /// All cells but the last, which is when the device was seen.
    cells: Box<str>,
}

/// Who keeps a roster. What did not change since the look before is not made again.
#[derive(Default)]
pub struct Keeper {
    run: u64,
    looks: u64,
    id_chars: usize,
    rows: HashMap<Id, Row>,
}

impl Keeper {
    /// Writes the roster of a running engine's table, as a look resolved it. With `whole`, every
    /// row is made again.
    ///
    /// # Errors
    /// What the system said.
    pub fn keep(
        &mut self,
        (path, table): (&Path, &TableReader),
        shown: &Resolution<'_>,
        observer: &Observer,
        whole: bool,
    ) -> Result<(), Failure> {
        let heartbeat_ns = table.heartbeat_ns();
        let ids: Vec<Id> = (0..shown.len()).filter_map(|at| shown.id(at)).collect();
        let id_chars = render::id_chars(&ids);
        if whole || self.run != table.run_id() || self.id_chars != id_chars {
            self.rows.clear();
        }
        (self.run, self.id_chars) = (table.run_id(), id_chars);
        self.looks += 1;
        let places: Vec<(usize, Id)> = ids.into_iter().enumerate().collect();
        for places in places.chunks(DEVICES_AT_ONCE) {
            let changed = |(_, id): &&(usize, Id)| {
                let known = self.rows.get(id);
                known.is_none_or(|row| observer.stamp(*id) != Some(row.stamp))
            };
            let made: Vec<(Id, Row)> = places
                .par_iter()
                .filter(changed)
                .filter_map(|(place, id)| {
                    let device = shown.listed(*place)?;
                    Some((*id, row(&device, observer.stamp(*id), id_chars)))
                })
                .collect();
            self.rows.extend(made);
            for (_, id) in places {
                if let Some(row) = self.rows.get_mut(id) {
                    row.look = self.looks;
                }
            }
        }
        self.rows.retain(|_, row| row.look == self.looks);
        let destination = Destination::check_regular("the roster", &path_of(path), &[])?;
        let summary = self.summary(&shown.without_devices(), table);
        let head = Head {
            format: FORMAT,
            run: self.run,
            heartbeat_ns,
            devices: self.rows.len(),
            columns: self.columns(shown),
            summary,
        };
        destination.write(|out| {
            serde_json::to_writer(&mut *out, &head)?;
            writeln!(out)?;
            self.rows(places).iter().try_for_each(|(row, place)| {
                let seen = shown.times(*place).map(|times| render::time(Time(times.1)));
                writeln!(out, "{}{BETWEEN}{}", row.cells, seen.unwrap_or_default())
            })
        })
    }

    /// The rows in the order in which they are shown, with the places of their devices.
    fn rows(&self, places: Vec<(usize, Id)>) -> Vec<(&Row, usize)> {
        let of = |(place, id): (usize, Id)| Some((self.rows.get(&id)?, place));
        let mut rows: Vec<(&Row, usize)> = places.into_iter().filter_map(of).collect();
        rows.par_sort_unstable_by(|a, b| a.0.order.cmp(&b.0.order));
        rows
    }

    /// The titles of the columns, and how wide they are.
    fn columns(&self, shown: &Resolution<'_>) -> Vec<(String, usize)> {
        let mut columns: Vec<(String, usize)> = render::titles()
            .map(|title| (title.to_owned(), 0))
            .collect();
        for row in self.rows.values() {
            for ((_, widest), cell) in columns.iter_mut().zip(row.cells.split(BETWEEN)) {
                *widest = render::width(cell).max(*widest);
            }
        }
        // Every time is as wide as the others.
        let seen = (0..shown.len()).find_map(|place| shown.times(place));
        if let (Some((_, widest)), Some(seen)) = (columns.last_mut(), seen) {
            *widest = render::width(&render::time(Time(seen.1)));
        }
        columns
    }

    fn summary(&self, inventory: &Inventory, table: &TableReader) -> Vec<(Tone, String)> {
        let counts = Counts::of_all(self.rows.values().map(|row| row.counted));
        render::summary(inventory, &counts, &table.limits_hit())
    }
}

fn row(device: &Device, stamp: Option<u64>, id_chars: usize) -> Row {
    let cells = render::cells(device, id_chars);
    let kept = cells.len().saturating_sub(1);
    let cells = cells.get(..kept).unwrap_or_default();
    Row {
        stamp: stamp.unwrap_or_default(),
        look: 0,
        order: Order::of(device),
        counted: Counted::of(device),
        cells: cells.join(&BETWEEN.to_string()).into(),
    }
}

/// A roster that holds.
pub struct Roster {
    head: Head,
    /// The whole file.
    text: String,
}

impl Roster {
    /// The roster of a table, where there is one of the same run that is not old.
    pub fn of(path: &Path, table: &TableReader) -> Option<Self> {
        let text = read_text(&path_of(path), BYTES_MAX).ok()?;
        let head: Head = serde_json::from_str(text.lines().next()?).ok()?;
        let lines = text.bytes().filter(|byte| *byte == b'\n').count();
        let whole = head.format == FORMAT && lines == head.devices + 1;
        let same = head.run != 0 && head.run == table.run_id();
        let age_ns = table.heartbeat_ns().checked_sub(head.heartbeat_ns)?;
        (whole && same && age_ns <= AGE_MAX_NS).then_some(Self { head, text })
    }

    /// Writes the list, and how old it is.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, look: Look, out: &mut dyn Write) -> io::Result<()> {
        if self.head.devices > 0 {
            let columns = self.head.columns.iter();
            let columns = columns.map(|(title, widest)| (title.as_str(), *widest));
            let rows = self.text.lines().skip(1);
            render::write_kept(columns, rows, BETWEEN, look, out)?;
            writeln!(out)?;
        }
        render::write_summary(&self.head.summary, look, out)?;
        let at = Time(self.head.heartbeat_ns);
        let (time, age) = (render::time(at), render::span(at, Time(live::now_ns())));
        writeln!(
            out,
            "as medtap serve saw it at {time} UTC, {age} ago; --now asks the table itself"
        )
    }
}
