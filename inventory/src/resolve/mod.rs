//! From a table to devices: which value wins, what category, which records are one device, and
//! what it is called. It is asked by every command and decided nowhere else; it scores nothing
//! and looks at no clock.
//!
//! ```text
//! snapshot     the table, read once, in an order that no slot decides
//! bindings     addresses to hosts: MAC, or IP behind a router; leases   (units)
//! joins        units to devices: strong keys, and who made what it reports
//! values       which value wins, what contradicts it
//! category     what kind of device
//! findings     which weaknesses were seen
//! usage        protocols, peers, activity
//! identity     what it is called
//! trace        what stands behind it, for memory
//! ```

mod bindings;
mod category;
mod device;
mod findings;
mod identity;
mod joins;
mod mac;
mod sets;
mod snapshot;
mod text;
mod trace;
mod usage;
mod values;

use std::collections::BTreeMap;

use medtap_table::vocabulary::{Attribute, Counter};
use medtap_table::{Fact, TableReader};

pub use joins::Reason;

/// A MAC address in any usual spelling, as memory spells it.
pub(crate) fn mac_of_text(text: &str) -> Option<String> {
    let mac = mac::parse(text).filter(|mac| !mac::names_nobody(mac))?;
    Some(mac::text(&mac))
}

/// A maker's name, comparable.
pub(crate) fn comparable_company(text: &str) -> String {
    text::company(text).join(" ")
}

/// A serial number, comparable; none where it is nobody's.
pub(crate) fn comparable_serial(text: &str) -> Option<String> {
    (!text::is_placeholder(text)).then(|| text::folded(text))
}

/// A UDI with its serial number, comparable.
pub(crate) fn comparable_udi(text: &str) -> Option<String> {
    text::udi_with_serial(text)
}

/// A MAC address as text.
pub(crate) fn mac_text(mac: &[u8; 6]) -> String {
    mac::text(mac)
}

/// The name of something with this key; `again` tells apart what would have the same name.
pub(crate) fn id_of(key: &str, again: u32) -> String {
    identity::id(key, again)
}

use self::bindings::Bindings;
use self::device::Folding;
use self::joins::{Joins, Said};
use self::snapshot::Snapshot;
use self::trace::StrongKeys;
use crate::model::{Coverage, Device, Inventory, SCHEMA_VERSION, Source, Time};
use crate::trace::{Rulings, Traced};

/// What is asked of [`resolve`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The time that ages are counted to; none for the table's own, which is the last packet's
    /// unless somebody said otherwise.
    pub as_of: Option<Time>,
}

/// Why records are one device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Join {
    /// The device.
    pub device: String,
    /// Why.
    pub reason: Reason,
    /// The value that both have, comparable.
    pub key: String,
}

/// The devices of a table.
pub fn resolve(table: &TableReader, options: &Options) -> Inventory {
    resolve_explained(table, options).0
}

/// The devices of a table, and why records were joined that have no address in common.
pub fn resolve_explained(table: &TableReader, options: &Options) -> (Inventory, Vec<Join>) {
    let snapshot = Snapshot::read(table);
    with_folding(&snapshot, &Rulings::default(), false, |folding, _| {
        let ids = folding.ids();
        inventory(table, options, folding, &ids)
    })
}

/// The devices of a table with what stands behind each, under what a person decided.
pub fn resolve_traced(table: &TableReader, options: &Options, rulings: &Rulings) -> Traced {
    let snapshot = Snapshot::read(table);
    with_folding(&snapshot, rulings, true, |folding, strong| {
        let ids = folding.ids();
        let (inventory, joins) = inventory(table, options, folding, &ids);
        let details = folding.details(&ids, strong);
        Traced {
            inventory,
            joins,
            details,
        }
    })
}

fn with_folding<T>(
    snapshot: &Snapshot,
    rulings: &Rulings,
    traced: bool,
    then: impl FnOnce(&Folding<'_>, &StrongKeys) -> T,
) -> T {
    let bindings = Bindings::new(snapshot);
    let facts = facts_of_units(snapshot, &bindings);
    let said = Said { facts: &facts };
    let joins = Joins::new(snapshot, &bindings, &said, rulings);
    let strong = match traced {
        true => joins.strong_keys(),
        false => StrongKeys::new(),
    };
    then(&Folding::new(snapshot, &bindings, &facts, joins), &strong)
}

fn inventory(
    table: &TableReader,
    options: &Options,
    folding: &Folding<'_>,
    ids: &[String],
) -> (Inventory, Vec<Join>) {
    let source = table.source().unwrap_or_default();
    let observed_ns = source.last_seen_ns.saturating_sub(source.first_seen_ns);
    let time = |ns| (ns != 0).then_some(Time(ns));
    let as_of = options
        .as_of
        .or(time(source.as_of_ns))
        .or(time(source.last_seen_ns));
    let (devices, joins) = folding.devices(ids, observed_ns, as_of);
    let inventory = Inventory {
        schema_version: SCHEMA_VERSION,
        as_of,
        partial: source.partial,
        source: described(table, &source),
        coverage: coverage(table, &devices),
        devices,
    };
    (inventory, joins)
}

/// The facts about each unit: of what a router shows, those from the time at which it was theirs.
fn facts_of_units<'a>(snapshot: &'a Snapshot, bindings: &Bindings) -> Vec<Vec<&'a Fact<'static>>> {
    let mut facts: Vec<Vec<&Fact<'static>>> = vec![Vec::new(); bindings.units.len()];
    for fact in &snapshot.facts {
        let times = (fact.first_seen_ns, fact.last_seen_ns);
        let owner = bindings.owner(snapshot, fact.subject, times);
        if let Some(unit) = owner.and_then(|owner| facts.get_mut(owner as usize)) {
            unit.push(fact);
        }
    }
    facts
}

fn described(table: &TableReader, source: &medtap_table::Source) -> Source {
    let time = |ns| (source.packets != 0 || ns != 0).then_some(Time(ns));
    Source {
        files: source.files,
        packets: source.packets,
        bytes: source.bytes,
        first_seen: time(source.first_seen_ns),
        last_seen: time(source.last_seen_ns),
        malformed: source.malformed,
        truncated: source.truncated,
        duplicates: source.duplicates,
        limits_hit: table
            .limits_hit()
            .iter()
            .fold(0, |sum, (_, count)| sum.saturating_add(*count)),
    }
}

fn coverage(table: &TableReader, devices: &[Device]) -> Coverage {
    let share = |name: &str| {
        let known = devices.iter().filter(|device| {
            let value = device.attributes.get(name);
            value.is_some_and(Option::is_some)
        });
        match devices.len() {
            0 => 0.0,
            all => known.count() as f64 / all as f64,
        }
    };
    let names = Attribute::SHOWN.iter().map(|attribute| attribute.name());
    let attributes: BTreeMap<&'static str, f64> = names.map(|name| (name, share(name))).collect();
    Coverage {
        one_way_flows: table.counter(Counter::OneWayFlows),
        encrypted_flows: table.counter(Counter::EncryptedFlows),
        unknown_flows: table.counter(Counter::UnknownFlows),
        attributes,
    }
}
