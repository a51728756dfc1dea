//! What is said about a run as a whole, under the table of devices: how much was read, what of
//! it could be understood, and what is missing. It judges no single device.

use std::io::{self, Write};

use medtap_inventory::model::Inventory;
use medtap_table::vocabulary::Class;

use super::text::{bytes, count, is_hint, period, several, span};
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

/// Writes the summary.
pub fn write(listing: &Listing<'_>, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let inventory = listing.inventory;
    writeln!(out, "{}", look.bold(&devices(listing)))?;
    writeln!(out, "{}", traffic(inventory))?;
    writeln!(out, "{}", coverage(inventory))?;
    let names = ["manufacturer", "model", "serial_number"];
    if listing
        .devices
        .iter()
        .any(|device| names.iter().any(|name| is_hint(device, name)))
    {
        let text = "~ marks a hint that nothing proves, such as the owner of a MAC address block";
        writeln!(out, "{text}")?;
    }
    if inventory.partial {
        let text = "partial: some of the input could not be read; devices may be missing";
        writeln!(out, "{}", look.alert(text))?;
    }
    if inventory.source.limits_hit > 0 {
        let mut text = format!(
            "limits refused {} records",
            count(inventory.source.limits_hit)
        );
        let limits = listing.limits.iter().map(|(counter, number)| {
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
        writeln!(out, "{}", look.alert(&text))?;
    }
    Ok(())
}

/// `2 of 12 devices: 1 medical, 1 network`.
fn devices(listing: &Listing<'_>) -> String {
    let (shown, all) = (listing.devices.len(), listing.inventory.devices.len());
    let mut text = if shown == all {
        several(all as u64, "device")
    } else {
        format!(
            "{} of {}",
            count(shown as u64),
            several(all as u64, "device")
        )
    };
    let mut parts = Vec::new();
    for class in CLASSES {
        let classes = listing.devices.iter().map(|device| device.class);
        let number = classes.filter(|name| *name == class.name()).count();
        if number > 0 {
            parts.push(format!("{} {}", count(number as u64), class.name()));
        }
    }
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
fn coverage(inventory: &Inventory) -> String {
    let coverage = &inventory.coverage;
    let mut text = String::new();
    if !inventory.devices.is_empty() {
        let names = ["manufacturer", "model", "os", "serial_number"];
        let shares = names.iter().filter_map(|name| {
            let share = coverage.attributes.get(name)?;
            let name = name.replace('_', " ");
            Some(format!("{name} {:.0} %", share * 100.0))
        });
        let shares: Vec<String> = shares.collect();
        if !shares.is_empty() {
            text = format!("known: {}; ", shares.join(", "));
        }
    }
    text.push_str(&format!(
        "flows: {} one-way, {} encrypted, {} unknown",
        count(coverage.one_way_flows),
        count(coverage.encrypted_flows),
        count(coverage.unknown_flows)
    ));
    text
}
