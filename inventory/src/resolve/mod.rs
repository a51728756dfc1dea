//! From a table to devices: which value wins, what category, which records are one device, and
//! what it is called. It is asked by every command and decided nowhere else; it scores nothing
//! and looks at no clock.
//!
//! ```text
//! snapshot     the table, read once, in an order that no slot decides
//! bindings     addresses to hosts: MAC, or IP behind a router; leases   (units)
//! said         what was said about each unit, read again when it is asked for
//! joins        units to devices: strong keys, and who made what it reports (originators)
//! folding      whose each record is
//! device       one device, made when it is asked for
//! values       which value wins, what contradicts it
//! category     what kind of device
//! findings     which weaknesses were seen
//! network      those that take several devices to see
//! usage        protocols, peers, activity
//! identity     what it is called
//! trace        what stands behind it, for memory; stamp: whether that changed
//! ```

mod bindings;
mod category;
mod device;
mod findings;
mod folding;
mod groups;
mod identity;
mod joins;
mod mac;
mod network;
mod originators;
mod said;
mod sets;
mod snapshot;
mod stamp;
mod text;
mod trace;
mod usage;
mod values;

use medtap_table::TableReader;
use medtap_table::vocabulary::{Attribute, Counter};
use rayon::prelude::*;

pub use identity::Id;
pub use joins::Reason;

/// A MAC address in any usual spelling, as memory spells it.
pub(crate) fn mac_of_text(text: &str) -> Option<String> {
    let mac = mac::parse(text).filter(|mac| !mac::names_nobody(mac))?;
    Some(mac::text(&mac))
}

/// A maker's name, comparable.
pub(crate) fn comparable_company(text: &str) -> String {
    text::company(text)
}

/// A text, comparable.
pub(crate) fn folded(text: &str) -> String {
    text::folded(text)
}

/// A serial number, comparable; none where it is nobody's.
pub(crate) fn comparable_serial(text: &str) -> Option<String> {
    (!text::is_placeholder(text)).then(|| text::folded(text))
}

/// A UDI with its serial number, comparable.
pub(crate) fn comparable_udi(text: &str) -> Option<String> {
    text::udi_with_serial(text)
}

/// True for an address that is a virtual machine's for good.
pub(crate) fn is_of_virtual_machine(mac: &[u8; 6]) -> bool {
    mac::is_of_virtual_machine(mac)
}

/// True for the address of a network card that a hypervisor made.
pub(crate) fn is_virtual(mac: &[u8; 6]) -> bool {
    mac::is_virtual(mac)
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
use self::folding::Folding;
use self::joins::{Grounds, Joins};
use self::said::Said;
use self::snapshot::Snapshot;
use crate::attributes::Attributes;
use crate::model::{Coverage, Device, DeviceId, Inventory, SCHEMA_VERSION, Source, Time};
use crate::trace::{Detail, Rulings};

/// What is asked of [`resolve`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The time that ages are counted to; none for the table's own, which is the last packet's
    /// unless somebody said otherwise.
    pub as_of: Option<Time>,
}

/// How much of a device is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// What a list shows: no peers, activity, findings, sources, nor what contradicts a value.
    Listed,
    /// What the JSON shows.
    Shown,
    /// Everything: also what is only judged by, and in no output.
    Whole,
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
    let resolution = Resolution::new(table, options, &Rulings::default());
    (resolution.inventory(Extent::Whole), resolution.joins())
}

/// Which devices a table tells of, and whose each record of it is. A device itself is made when it
/// is asked for, so that one who goes through all of them holds one at a time.
pub struct Resolution<'a> {
    table: &'a TableReader,
    snapshot: Snapshot<'a>,
    bindings: Bindings,
    said: Said,
    folding: Folding,
    /// What is seen of several devices together, by device.
    network: network::Findings,
    /// What each device is called, as it is shown.
    names: Vec<DeviceId>,
    /// How long anybody looked.
    observed_ns: u64,
    as_of: Option<Time>,
}

impl<'a> Resolution<'a> {
    /// Finds the devices of a table, under what a person decided.
    pub fn new(table: &'a TableReader, options: &Options, rulings: &Rulings) -> Self {
        let snapshot = Snapshot::read(table);
        let bindings = Bindings::new(&snapshot);
        let said = Said::new(&snapshot, &bindings);
        let grounds = Grounds {
            snapshot: &snapshot,
            bindings: &bindings,
            said: &said,
        };
        let joins = Joins::new(grounds, rulings);
        let folding = Folding::new(&snapshot, &bindings, &said, joins);
        let network = network::Network {
            snapshot: &snapshot,
            bindings: &bindings,
            folding: &folding,
        };
        let network = network.findings();
        let names = folding.ids.iter().copied().map(DeviceId::from).collect();
        let source = table.source().unwrap_or_default();
        let time = |ns| (ns != 0).then_some(Time(ns));
        let as_of = options
            .as_of
            .or(time(source.as_of_ns))
            .or(time(source.last_seen_ns));
        Self {
            table,
            snapshot,
            bindings,
            said,
            folding,
            network,
            names,
            observed_ns: source.last_seen_ns.saturating_sub(source.first_seen_ns),
            as_of,
        }
    }

    /// How many devices there are.
    pub fn len(&self) -> usize {
        self.folding.ids.len()
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.folding.ids.is_empty()
    }

    /// The number that the id of a device shows; devices are in its order.
    pub fn id(&self, place: usize) -> Option<Id> {
        self.folding.ids.get(place).copied()
    }

    /// The place of the device with this id.
    pub fn place(&self, id: &str) -> Option<usize> {
        let id = Id::from_str_radix(id, 16).ok()?;
        self.folding.ids.binary_search(&id).ok()
    }

    /// One device, by its place.
    pub fn device(&self, place: usize) -> Option<Device> {
        Some(self.device_numbered(self.number(place)?, Extent::Whole))
    }

    /// What a list shows of one device, by its place.
    pub fn listed(&self, place: usize) -> Option<Device> {
        Some(self.device_numbered(self.number(place)?, Extent::Listed))
    }

    /// What stands behind one device, by its place.
    pub fn detail(&self, place: usize) -> Option<Detail> {
        Some(self.detail_numbered(self.number(place)?))
    }

    /// When one device was first and last seen, by its place.
    pub fn times(&self, place: usize) -> Option<(u64, u64)> {
        self.times_of(self.number(place)?)
    }

    /// The number of the device at a place: the same, if there is one.
    fn number(&self, place: usize) -> Option<u32> {
        let number = u32::try_from(place).ok()?;
        (place < self.len()).then_some(number)
    }

    /// Why records were joined that have no address in common.
    pub fn joins(&self) -> Vec<Join> {
        let join = |joined: &joins::Joined| {
            let device = self.folding.device_of(joined.unit)?;
            Some(Join {
                device: identity::text(self.id(device as usize)?),
                reason: joined.reason,
                key: joined.key.clone(),
            })
        };
        let mut joins: Vec<Join> = self.folding.joined.iter().filter_map(join).collect();
        joins.sort_unstable();
        joins
    }

    /// Every device, and how much was understood.
    pub fn inventory(&self, extent: Extent) -> Inventory {
        let numbers = 0..u32::try_from(self.len()).unwrap_or(u32::MAX);
        let devices: Vec<Device> = numbers
            .into_par_iter()
            .map(|number| self.device_numbered(number, extent))
            .collect();
        self.inventory_of(devices)
    }

    /// How much was understood, without the devices, and so without what is known of them.
    pub fn without_devices(&self) -> Inventory {
        self.inventory_of(Vec::new())
    }

    fn inventory_of(&self, devices: Vec<Device>) -> Inventory {
        let source = self.table.source().unwrap_or_default();
        Inventory {
            schema_version: SCHEMA_VERSION,
            as_of: self.as_of,
            partial: source.partial,
            source: described(self.table, &source),
            coverage: coverage(self.table, &devices),
            devices,
        }
    }

    fn grounds(&self) -> Grounds<'_> {
        Grounds {
            snapshot: &self.snapshot,
            bindings: &self.bindings,
            said: &self.said,
        }
    }
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
    // Each device has every name, in one order.
    let mut known = [0usize; Attribute::SHOWN.len()];
    for device in devices {
        for (count, value) in known.iter_mut().zip(device.attributes.values()) {
            *count += usize::from(value.is_some());
        }
    }
    let share = |count| match devices.len() {
        0 => 0.0,
        all => count as f64 / all as f64,
    };
    Coverage {
        one_way_flows: table.counter(Counter::OneWayFlows),
        encrypted_flows: table.counter(Counter::EncryptedFlows),
        unknown_flows: table.counter(Counter::UnknownFlows),
        attributes: Attributes::shown()
            .iter()
            .zip(known)
            .map(|((name, _), count)| (*name, share(count)))
            .collect(),
    }
}
