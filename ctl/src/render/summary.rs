//! What is said about a run as a whole, under the table of devices: how much was read, what of
//! it could be understood, and what is missing. It judges no single device.

use std::io::{self, Write};

use medtap_inventory::model::{Device, Inventory};
use medtap_table::vocabulary::{Class, Counter};
use serde::{Deserialize, Serialize};

use super::text::{attribute, bytes, clean, count, is_hint, period, several, span};
use super::{Listing, Look};

/// Classes in the order in which people who look after patients want them.
pub const CLASSES: &[Class] = &[
    Class::Medical,
    Class::ClinicalIt,
    Class::Building,
    Class::Iot,
    Class::Network,
    Class::It,
    Class::Unknown,
];

/// Attributes of which it is told how many devices have them.
const KNOWN: [&str; 4] = ["manufacturer", "model", "os", "serial_number"];

/// How a line is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// As text.
    Plain,
    /// As a heading.
    Heading,
    /// As something to look at.
    Alert,
}

/// What is counted of devices.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Those that are shown.
    shown: u32,
    /// All.
    all: u32,
    /// Those that are shown, as [`CLASSES`].
    classes: [u32; CLASSES.len()],
    /// Those that are shown by a name which is a hint alone.
    hints: u32,
    /// All of which something is known, as [`KNOWN`].
    known: [u32; KNOWN.len()],
}

/// What is counted of one device, in a byte each.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// Its place in [`CLASSES`].
    class: u8,
    /// Bit n: the n-th of [`KNOWN`] is known.
    known: u8,
    /// It is shown by a name which is a hint alone.
    hint: bool,
}

impl Counted {
    /// Of one device.
    pub fn of(device: &Device) -> Self {
        let names = ["manufacturer", "model", "serial_number"];
        let class = CLASSES
            .iter()
            .position(|class| class.name() == device.class);
        let known = KNOWN.iter().zip(0..);
        let known = known.filter(|(name, _)| attribute(device, name).is_some());
        Self {
            class: class
                .and_then(|at| u8::try_from(at).ok())
                .unwrap_or(u8::MAX),
            known: known.fold(0, |bits, (_, bit)| bits | 1 << bit),
            hint: names.iter().any(|name| is_hint(device, name)),
        }
    }
}

impl Counts {
    fn of(listing: &Listing<'_>) -> Self {
        let mut counts = Self::default();
        let shown = listing.devices.iter();
        shown.for_each(|device| counts.show(Counted::of(device)));
        let all = listing.inventory.devices.iter();
        all.for_each(|device| counts.know(Counted::of(device)));
        counts
    }

    /// Of devices that are all shown.
    pub fn of_all(each: impl Iterator<Item = Counted>) -> Self {
        let mut counts = Self::default();
        for one in each {
            counts.show(one);
            counts.know(one);
        }
        counts
    }

    fn show(&mut self, one: Counted) {
        self.shown += 1;
        if let Some(number) = self.classes.get_mut(usize::from(one.class)) {
            *number += 1;
        }
        self.hints += u32::from(one.hint);
    }

    fn know(&mut self, one: Counted) {
        self.all += 1;
        for (bit, number) in self.known.iter_mut().enumerate() {
            *number += u32::from(one.known >> bit & 1);
        }
    }
}

/// Writes the summary.
pub fn write(listing: &Listing<'_>, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let counts = Counts::of(listing);
    let lines = lines(listing.inventory, &counts, &listing.limits);
    write_lines(&lines, look, out)
}

/// Writes the lines of a summary.
pub fn write_lines(lines: &[(Tone, String)], look: Look, out: &mut dyn Write) -> io::Result<()> {
    lines.iter().try_for_each(|(tone, line)| {
        let line = clean(line);
        match tone {
            Tone::Plain => writeln!(out, "{line}"),
            Tone::Heading => writeln!(out, "{}", look.bold(&line)),
            Tone::Alert => writeln!(out, "{}", look.alert(&line)),
        }
    })
}

/// The lines of the summary.
pub fn lines(
    inventory: &Inventory,
    counts: &Counts,
    limits: &[(Counter, u64)],
) -> Vec<(Tone, String)> {
    let mut lines = vec![
        (Tone::Heading, devices(counts)),
        (Tone::Plain, traffic(inventory)),
        (Tone::Plain, coverage(inventory, counts)),
    ];
    if counts.hints > 0 {
        let text = "~ marks a hint that nothing proves, such as the owner of a MAC address block";
        lines.push((Tone::Plain, text.to_owned()));
    }
    if inventory.partial {
        let text = "partial: some of the input could not be read; devices may be missing";
        lines.push((Tone::Alert, text.to_owned()));
    }
    if inventory.source.limits_hit > 0 {
        lines.push((Tone::Alert, refusals(inventory.source.limits_hit, limits)));
    }
    lines
}

/// `limits refused 1,005 records (flows 1,000, subjects 5); something may be missing`.
fn refusals(limits_hit: u64, limits: &[(Counter, u64)]) -> String {
    let mut text = format!("limits refused {} records", count(limits_hit));
    let limits = limits.iter().map(|(counter, number)| {
        let name = counter
            .name()
            .trim_start_matches("limit_")
            .replace('_', " ");
        format!("{name} {}", count(*number))
    });
    let limits: Vec<String> = limits.collect();
    if !limits.is_empty() {
        text.push_str(&format!(" ({})", limits.join(", ")));
    }
    text.push_str("; something may be missing");
    text
}

/// `2 of 12 devices: 1 medical, 1 network`.
fn devices(counts: &Counts) -> String {
    let mut text = match counts.shown == counts.all {
        true => several(counts.all.into(), "device"),
        false => format!(
            "{} of {}",
            count(counts.shown.into()),
            several(counts.all.into(), "device")
        ),
    };
    let parts = CLASSES.iter().zip(counts.classes);
    let parts = parts.filter(|(_, number)| *number > 0);
    let parts: Vec<String> = parts
        .map(|(class, number)| format!("{} {}", count(number.into()), class.name()))
        .collect();
    if !parts.is_empty() {
        text.push_str(": ");
        text.push_str(&parts.join(", "));
    }
    text
}

/// `1,807 packets, 1.2 MB, of 1 file, 2026-08-18 10:00:00 to 10:00:27 UTC (27 s); 42 seen twice`.
fn traffic(inventory: &Inventory) -> String {
    let source = &inventory.source;
    let mut text = format!(
        "{}, {}",
        several(source.packets, "packet"),
        bytes(source.bytes)
    );
    // A running engine reads no file.
    if source.files > 0 {
        text.push_str(&format!(", of {}", several(source.files, "file")));
    }
    if let (Some(first), Some(last)) = (source.first_seen, source.last_seen) {
        text.push_str(&format!(
            ", {} ({})",
            period(first, last),
            span(first, last)
        ));
    }
    for (number, what) in [
        (source.duplicates, "seen twice"),
        (source.malformed, "malformed"),
        (source.truncated, "cut short"),
    ] {
        if number > 0 {
            text.push_str(&format!("; {} {what}", count(number)));
        }
    }
    text
}

/// `known: manufacturer 75 %, model 50 %; flows: 3 one-way, 0 encrypted, 2 unknown`.
fn coverage(inventory: &Inventory, counts: &Counts) -> String {
    let coverage = &inventory.coverage;
    let mut text = String::new();
    if counts.all > 0 {
        let shares = KNOWN.iter().zip(counts.known).map(|(name, known)| {
            let share = f64::from(known) * 100.0 / f64::from(counts.all);
            format!("{} {share:.0} %", name.replace('_', " "))
        });
        let shares: Vec<String> = shares.collect();
        text = format!("known: {}; ", shares.join(", "));
    }
    text.push_str(&format!(
        "flows: {} one-way, {} encrypted, {} unknown",
        count(coverage.one_way_flows),
        count(coverage.encrypted_flows),
        count(coverage.unknown_flows)
    ));
    text
}
